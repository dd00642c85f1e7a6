# host/broker: what carries the orchestrator's effects out: the supervisors of agents and connectors.
noinst_LIBRARIES += libhost-broker.a
libhost_broker_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_broker_a_SOURCES = \
	host/broker/control.h \
	host/broker/supervisor.c host/broker/supervisor.h \
	$(NULL)
