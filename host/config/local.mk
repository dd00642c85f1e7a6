# host/config: the registrations in conf.d and the main configuration file.
