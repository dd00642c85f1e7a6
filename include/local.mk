# include: the public headers, the plugin ABI and the SDK's; all that a vendor gets.
publicdir = $(includedir)/update-broker
public_HEADERS = \
	include/update-broker/plugin.h \
	$(NULL)
publicsdkdir = $(publicdir)/sdk
publicsdk_HEADERS = \
	include/update-broker/sdk/error.h \
	include/update-broker/sdk/log.h \
	$(NULL)
