# tests/abi: the ABI compared with its frozen first release.
abi_tests = \
	tests/abi/dump.tap \
	tests/abi/frozen.tap \
	tests/abi/headers.tap \
	tests/abi/layout.tap \
	tests/abi/symbols.tap \
	$(NULL)
TESTS += $(abi_tests)
EXTRA_DIST += \
	$(abi_tests) \
	tests/abi/breakages \
	tests/abi/breakages.sh \
	tests/abi/golden.sh \
	tests/abi/layout-1.0.c \
	tests/abi/probe.c \
	tests/abi/ub-1.abi \
	tests/abi/update-abi \
	tests/abi/v1.0/update-broker/plugin.h \
	$(NULL)

# The frozen agent sees the header of 1.0 and no other.
check_LTLIBRARIES += tests/abi/v1.0/frozen.la
tests_abi_v1_0_frozen_la_SOURCES = tests/abi/v1.0/agent.c
tests_abi_v1_0_frozen_la_CPPFLAGS = -I$(top_srcdir)/tests/abi/v1.0
# Spelled out, since automake looks for -module here.
tests_abi_v1_0_frozen_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere $(PLUGIN_LDFLAGS) \
	$(AM_LDFLAGS)

if HAVE_CHECK
abi_programs = \
	tests/abi/test-frozen-agent \
	$(NULL)
check_PROGRAMS += $(abi_programs)
TESTS += $(abi_programs)

tests_abi_test_frozen_agent_SOURCES = tests/abi/test-compat.c
tests_abi_test_frozen_agent_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) -DUB_ABI_MINOR_WANTED=0 \
	-DCOMPAT_PLUGIN='"tests/abi/v1.0/.libs/frozen.so"'
tests_abi_test_frozen_agent_LDADD = libhost-plugin.a libhost-scan.a $(unit_ldadd) $(SYSTEMD_LIBS)
endif

check-abi:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(abi_tests) $(abi_programs)'
update-abi:
	top_srcdir='$(abs_top_srcdir)' CC='$(CC)' $(SHELL) '$(srcdir)/tests/abi/update-abi'
.PHONY: check-abi update-abi
