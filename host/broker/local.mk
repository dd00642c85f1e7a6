# host/broker: what carries the orchestrator's effects out: plugins, MQTT, journal, inventory, reboot, control.
noinst_LIBRARIES += libhost-broker.a
libhost_broker_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_broker_a_SOURCES = \
	host/broker/agent-topics.c \
	host/broker/broker.c host/broker/broker.h \
	host/broker/boot.c \
	host/broker/carry.c \
	host/broker/chronicle.c host/broker/chronicle.h \
	host/broker/control.c host/broker/control.h \
	host/broker/control-access.c \
	host/broker/control-bus.c \
	host/broker/control-internal.h \
	host/broker/control-methods.c \
	host/broker/control-peer.c \
	host/broker/current-state.c \
	host/broker/delivery.c \
	host/broker/direct.c \
	host/broker/facts.c \
	host/broker/hosted.c \
	host/broker/inhibitor.c host/broker/inhibitor.h \
	host/broker/inside.h \
	host/broker/logind.c host/broker/logind.h \
	host/broker/northbound.c \
	host/broker/plugin-mqtt.c \
	host/broker/reboot.c host/broker/reboot.h \
	host/broker/reload.c \
	host/broker/service.c \
	host/broker/setup.c host/broker/setup.h \
	host/broker/supervisor.c host/broker/supervisor.h \
	host/broker/things.c host/broker/things.h \
	host/broker/timers.c \
	host/broker/uplink.c host/broker/uplink.h \
	$(NULL)
