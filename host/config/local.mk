# host/config: the registrations in conf.d and the main configuration file.
noinst_LIBRARIES += libhost-config.a
libhost_config_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-DCONF_DIR='"$(confdir)"' \
	-DADMIN_DIR='"$(sysconfdir)/update-broker"' \
	-DSTATE_DIR='"$(localstatedir)/lib/update-broker"' \
	-DRUNTIME_DIR='"/run/update-broker"' \
	-DPLUGIN_DIR='"$(plugindir)"' \
	-DAGENT_HOST='"$(pkglibexecdir)/ub-agent-host"'
libhost_config_a_SOURCES = \
	host/config/arguments.c host/config/arguments.h \
	host/config/change.c host/config/change.h \
	host/config/check.c host/config/check.h \
	host/config/check-settings.c host/config/check-settings.h \
	host/config/confd.c host/config/confd.h \
	host/config/domain.c host/config/domain.h \
	host/config/fragment.c host/config/fragment.h \
	host/config/problem.c host/config/problem.h \
	host/config/registration.c host/config/registration.h \
	host/config/setting.c host/config/setting.h \
	host/config/settings.c host/config/settings.h \
	host/config/settings-file.c host/config/settings-file.h \
	host/config/settings-table.c \
	$(NULL)
