# conf.d: the registrations that packages install, disabled.
dist_conf_DATA += \
	conf.d/10-fake.conf \
	$(NULL)
