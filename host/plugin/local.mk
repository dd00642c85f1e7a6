# host/plugin: loading plugins, and instances of them in this process or in one of their own.
noinst_LIBRARIES += libhost-plugin.a
libhost_plugin_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_plugin_a_SOURCES = \
	host/plugin/abi.h \
	host/plugin/breadcrumb.c host/plugin/breadcrumb.h \
	host/plugin/channel.c host/plugin/channel.h \
	host/plugin/child.c host/plugin/child.h \
	host/plugin/frame.c host/plugin/frame.h \
	host/plugin/gate.c host/plugin/gate.h \
	host/plugin/inquiry.c host/plugin/inquiry.h \
	host/plugin/inspect.c host/plugin/inspect.h \
	host/plugin/instance.c host/plugin/instance.h \
	host/plugin/instance-ops.h \
	host/plugin/loader.c host/plugin/loader.h \
	host/plugin/local.c host/plugin/local.h \
	host/plugin/local-call.c \
	host/plugin/local-host.c \
	host/plugin/local-internal.h \
	host/plugin/local-log.c \
	host/plugin/local-service.c \
	host/plugin/mailbox.c host/plugin/mailbox.h \
	host/plugin/pending.c host/plugin/pending.h \
	host/plugin/plugin_v1.c host/plugin/plugin_v1.h \
	host/plugin/probe.c host/plugin/probe.h \
	host/plugin/process.c \
	host/plugin/process-frame.c \
	host/plugin/process-internal.h \
	host/plugin/reaper.c host/plugin/reaper.h \
	host/plugin/restart.c host/plugin/restart.h \
	host/plugin/runner.c host/plugin/runner.h \
	host/plugin/schemas.c host/plugin/schemas.h \
	host/plugin/source.c host/plugin/source.h \
	host/plugin/stderr-log.c host/plugin/stderr-log.h \
	host/plugin/dialog.c host/plugin/dialog.h \
	host/plugin/trust.c host/plugin/trust.h \
	host/plugin/watchdog.c host/plugin/watchdog.h \
	host/plugin/work.c host/plugin/work.h \
	$(NULL)

# libseccomp stays out of every program that does not start isolated plugins.
noinst_LIBRARIES += libhost-sandbox.a
libhost_sandbox_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(SECCOMP_CFLAGS)
libhost_sandbox_a_SOURCES = \
	host/plugin/sandbox.c host/plugin/sandbox.h \
	$(NULL)
