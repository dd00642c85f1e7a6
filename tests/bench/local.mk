# tests/bench: figures; `make bench` prints them.
bench_programs = \
	tests/bench/bench-isolated \
	$(NULL)
if HAVE_CHECK
bench_programs += tests/bench/bench-roundtrip
endif
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)

tests_bench_bench_isolated_SOURCES = tests/bench/bench-isolated.c tests/unit/isolated.h
tests_bench_bench_isolated_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
tests_bench_bench_isolated_LDADD = libhost-plugin.a libhost-model.a libhost-sandbox.a libhost-scan.a libhost-util.a \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS)

tests_bench_bench_roundtrip_SOURCES = tests/bench/bench-roundtrip.c tests/fake/mqtt-server.h
tests_bench_bench_roundtrip_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_bench_bench_roundtrip_LDADD = libhost-mqtt.a $(unit_ldadd) $(SYSTEMD_LIBS) $(MOSQUITTO_LIBS)

bench: all $(bench_programs) tests/bad/saboteur.la
	@for program in $(bench_programs); do \
		top_builddir='$(abs_top_builddir)' ./$$program || exit 1; \
	done
.PHONY: bench
