# host/state: what survives a restart: the record of the orchestrator, the durable state of agents.
noinst_LIBRARIES += libhost-state.a
libhost_state_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
libhost_state_a_SOURCES = \
	host/state/journal.c host/state/journal.h \
	host/state/store.c host/state/store.h \
	host/state/store-file.c host/state/store-file.h \
	$(NULL)
