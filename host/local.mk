# host: the daemon's main().
sbin_PROGRAMS += update-brokerd
update_brokerd_SOURCES = host/main.c
update_brokerd_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
update_brokerd_LDADD = libhost-config.a libhost-plugin.a libhost-model.a libhost-json.a libhost-scan.a libhost-util.a \
	$(SYSTEMD_LIBS) $(CJSON_LIBS) -lm
