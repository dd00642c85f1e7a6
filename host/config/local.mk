# host/config: the registrations in conf.d and the main configuration file.
noinst_LIBRARIES += libhost-config.a
libhost_config_a_SOURCES = \
	host/config/change.c host/config/change.h \
	host/config/check.c host/config/check.h \
	host/config/confd.c host/config/confd.h \
	host/config/fragment.c host/config/fragment.h \
	host/config/problem.c host/config/problem.h \
	host/config/registration.c host/config/registration.h \
	$(NULL)
