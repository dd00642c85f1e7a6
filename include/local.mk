# include: the public headers, the plugin ABI and the SDK's; all that a vendor gets.
publicdir = $(includedir)/update-broker
public_HEADERS = \
	include/update-broker/plugin.h \
	$(NULL)
publicsdkdir = $(publicdir)/sdk
publicsdk_HEADERS = \
	include/update-broker/sdk/actions.h \
	include/update-broker/sdk/desired-state.h \
	include/update-broker/sdk/download.h \
	include/update-broker/sdk/error.h \
	include/update-broker/sdk/feedback.h \
	include/update-broker/sdk/host.h \
	include/update-broker/sdk/inventory.h \
	include/update-broker/sdk/json.h \
	include/update-broker/sdk/log.h \
	include/update-broker/sdk/nest.h \
	include/update-broker/sdk/program.h \
	include/update-broker/sdk/status.h \
	$(NULL)
