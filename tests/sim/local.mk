# tests/sim: the seeded simulator of the orchestrator.
sim_ldadd = libhost-orchestrator.a libhost-model.a libhost-json.a libhost-scan.a libhost-util.a $(CJSON_LIBS) $(LIBM)
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = \
	tests/sim/agent.c \
	tests/sim/check.c \
	tests/sim/sim.c tests/sim/sim.h \
	tests/sim/world.c \
	$(NULL)
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS)
tests_sim_sim_LDADD = $(sim_ldadd)
TESTS += tests/sim/sim.sh
EXTRA_DIST += tests/sim/sim.sh
