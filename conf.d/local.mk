# conf.d: the registrations that packages install, disabled.
