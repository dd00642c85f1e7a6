# host/orchestrator: the pure engine: events in, effects out; no clock, no file, no socket.
noinst_LIBRARIES += libhost-orchestrator.a
libhost_orchestrator_a_SOURCES = \
	host/orchestrator/actions.c host/orchestrator/actions.h \
	host/orchestrator/activity.c host/orchestrator/activity.h \
	host/orchestrator/drive.c \
	host/orchestrator/effect.c host/orchestrator/effect.h \
	host/orchestrator/emit.c \
	host/orchestrator/facts.c host/orchestrator/facts.h \
	host/orchestrator/gates.c \
	host/orchestrator/history.c host/orchestrator/history.h \
	host/orchestrator/intake.c \
	host/orchestrator/orchestrator.c host/orchestrator/orchestrator.h \
	host/orchestrator/outgoing.c \
	host/orchestrator/queue.c \
	host/orchestrator/record.c \
	host/orchestrator/report.c \
	host/orchestrator/resume.c \
	host/orchestrator/state.h \
	host/orchestrator/unit.c host/orchestrator/unit.h \
	host/orchestrator/verdict.c \
	$(NULL)
