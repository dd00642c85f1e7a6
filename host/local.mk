# host: the daemon's main().
sbin_PROGRAMS += update-brokerd
update_brokerd_SOURCES = host/main.c
update_brokerd_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) \
	-DCONF_DIR='"$(confdir)"' \
	-DADMIN_CONF_DIR='"$(sysconfdir)/update-broker/conf.d"' \
	-DPLUGIN_DIR='"$(plugindir)"' \
	-DAGENT_HOST='"$(pkglibexecdir)/ub-agent-host"'
update_brokerd_LDADD = libhost-config.a libhost-plugin.a libhost-json.a libhost-scan.a libhost-util.a \
	$(SYSTEMD_LIBS) $(CJSON_LIBS) -lm
