# host/plugin: loading plugins, and instances of them in this process or in one of their own.
noinst_LIBRARIES += libhost-plugin.a
libhost_plugin_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_plugin_a_SOURCES = \
	host/plugin/abi.h \
	host/plugin/breadcrumb.c host/plugin/breadcrumb.h \
	host/plugin/inspect.c host/plugin/inspect.h \
	host/plugin/channel.c host/plugin/channel.h \
	host/plugin/frame.c host/plugin/frame.h \
	host/plugin/instance.c host/plugin/instance.h host/plugin/instance-ops.h \
	host/plugin/loader.c host/plugin/loader.h \
	host/plugin/plugin_v1.c host/plugin/plugin_v1.h \
	host/plugin/probe.c host/plugin/probe.h \
	host/plugin/restart.h \
	host/plugin/topic.c host/plugin/topic.h \
	host/plugin/trust.c host/plugin/trust.h \
	$(NULL)
