# conf.d: the registrations that packages install, disabled.
dist_conf_DATA += \
	conf.d/10-fake.conf \
	conf.d/20-containers-remote.conf \
	conf.d/20-self-update-remote.conf \
	$(NULL)
dist_doc_DATA += conf.d/config.json.example
