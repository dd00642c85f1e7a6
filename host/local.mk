# host: the daemon's main().
sbin_PROGRAMS += update-brokerd
update_brokerd_SOURCES = host/main.c
update_brokerd_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
update_brokerd_LDADD = libhost-broker.a libhost-config.a libhost-orchestrator.a libhost-mqtt.a libhost-state.a \
	libhost-log.a libhost-plugin.a libhost-sandbox.a libhost-model.a libhost-json.a libhost-scan.a \
	libhost-util.a $(SYSTEMD_LIBS) $(MOSQUITTO_LIBS) $(CJSON_LIBS) $(SECCOMP_LIBS) -lm
