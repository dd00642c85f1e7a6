# host/broker: what carries the orchestrator's effects out: the supervisors of agents and connectors,
# and the D-Bus interface.
noinst_LIBRARIES += libhost-broker.a
libhost_broker_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_broker_a_SOURCES = \
	host/broker/control.c host/broker/control.h \
	host/broker/control-access.c \
	host/broker/control-bus.c \
	host/broker/control-internal.h \
	host/broker/control-methods.c \
	host/broker/control-peer.c \
	host/broker/supervisor.c host/broker/supervisor.h \
	$(NULL)
