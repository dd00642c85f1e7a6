# tests/bench: figures; `make bench` prints them.
bench_programs = \
	tests/bench/bench-cycle \
	tests/bench/bench-isolated \
	$(NULL)
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/bench-broker.py tests/bench/bench-files.py

tests_bench_bench_cycle_SOURCES = tests/bench/bench-cycle.c
tests_bench_bench_cycle_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_bench_bench_cycle_LDADD = libhost-mqtt.a libhost-util.a $(SYSTEMD_LIBS) $(MOSQUITTO_LIBS)

tests_bench_bench_isolated_SOURCES = tests/bench/bench-isolated.c tests/unit/isolated.h
tests_bench_bench_isolated_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_bench_bench_isolated_LDADD = libhost-plugin.a libhost-model.a libhost-sandbox.a libhost-scan.a libhost-util.a \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS)

bench_environment = top_builddir='$(abs_top_builddir)' top_srcdir='$(abs_top_srcdir)'

bench: all $(bench_programs) tests/bad/saboteur.la
	@$(bench_environment) $(srcdir)/tests/bench/bench-broker.py
	@$(bench_environment) ./tests/bench/bench-isolated

# A gibibyte, on the disk: takes a minute or more.
bench-files: all
	@$(bench_environment) $(srcdir)/tests/bench/bench-files.py
.PHONY: bench bench-files
