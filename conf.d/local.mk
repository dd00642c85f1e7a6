# conf.d: the registrations that packages install, disabled, and an example of config.json.
#
# A key that is commented out stands alone behind its "//", so that a test can switch it on.
if PLUGIN_FAKE
conf_DATA += conf.d/10-fake.conf
endif
if PLUGIN_FILES
conf_DATA += conf.d/30-files.conf
endif
if PLUGIN_REMOTE
conf_DATA += conf.d/20-containers-remote.conf conf.d/20-self-update-remote.conf
endif
if PLUGIN_SELF_UPDATE
conf_DATA += conf.d/30-self-update.conf
endif
EXTRA_DIST += \
	conf.d/10-fake.conf \
	conf.d/20-containers-remote.conf \
	conf.d/20-self-update-remote.conf \
	conf.d/30-files.conf \
	conf.d/30-self-update.conf \
	$(NULL)
dist_doc_DATA += conf.d/config.json.example
