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

# The other direction: a host and its ub-agent-host that were compiled with the header of 1.0.
old_cppflags = -I$(top_srcdir)/tests/abi/v1.0 $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
check_LIBRARIES += tests/abi/libold-host.a
tests_abi_libold_host_a_SOURCES = $(libhost_plugin_a_SOURCES)
tests_abi_libold_host_a_CPPFLAGS = $(old_cppflags)
check_PROGRAMS += tests/abi/old-agent-host
tests_abi_old_agent_host_SOURCES = $(ub_agent_host_SOURCES)
tests_abi_old_agent_host_CPPFLAGS = $(old_cppflags)
tests_abi_old_agent_host_LDADD = tests/abi/libold-host.a $(ub_agent_host_LDADD)

if HAVE_CHECK
abi_programs = tests/abi/test-frozen-agent
if PLUGIN_FAKE
abi_programs += tests/abi/test-old-host
endif
check_PROGRAMS += $(abi_programs)
TESTS += $(abi_programs)

compat_ldadd = libhost-model.a libhost-sandbox.a libhost-scan.a $(unit_ldadd) $(SYSTEMD_LIBS) $(SECCOMP_LIBS) -ldl
compat_cppflags = $(CHECK_CFLAGS) -DUB_ABI_MINOR_WANTED=0

tests_abi_test_frozen_agent_SOURCES = tests/abi/test-compat.c
tests_abi_test_frozen_agent_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(compat_cppflags) \
	-DCOMPAT_PLUGIN='"tests/abi/v1.0/.libs/frozen.so"' \
	-DCOMPAT_AGENT_HOST='"ub-agent-host"' \
	-DCOMPAT_SETTINGS='"{\"version\":\"1\"}"'
tests_abi_test_frozen_agent_LDADD = libhost-plugin.a $(compat_ldadd)

if PLUGIN_FAKE
tests_abi_test_old_host_SOURCES = tests/abi/test-compat.c
tests_abi_test_old_host_CPPFLAGS = $(old_cppflags) $(compat_cppflags) \
	-DCOMPAT_PLUGIN='"plugins/fake/.libs/fake.so"' \
	-DCOMPAT_AGENT_HOST='"tests/abi/old-agent-host"' \
	-DCOMPAT_SETTINGS='"{\"components\":[{\"id\":\"app\",\"version\":\"1\"}]}"'
tests_abi_test_old_host_LDADD = tests/abi/libold-host.a $(compat_ldadd)
endif
endif

# The fake agent and its hosts under AddressSanitizer and UBSan, also in a plain build.
TESTS += tests/abi/sanitized.tap
EXTRA_DIST += tests/abi/sanitized.tap
if SANITIZED_TESTS
if PLUGIN_FAKE
sanitized_cflags = $(AM_CFLAGS) -U_FORTIFY_SOURCE -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
sanitized_sources = $(libhost_plugin_a_SOURCES) $(libhost_sandbox_a_SOURCES) \
	$(libhost_scan_a_SOURCES) $(libhost_util_a_SOURCES) host/model/status.c
sanitized_ldadd = $(SYSTEMD_LIBS) $(SECCOMP_LIBS) $(ELF_LIBS) -ldl -lm

check_PROGRAMS += tests/abi/sanitized-agent-host tests/abi/sanitized-plugin-check
tests_abi_sanitized_agent_host_SOURCES = $(ub_agent_host_SOURCES) $(sanitized_sources)
tests_abi_sanitized_agent_host_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(SECCOMP_CFLAGS)
tests_abi_sanitized_agent_host_CFLAGS = $(sanitized_cflags)
tests_abi_sanitized_agent_host_LDADD = $(sanitized_ldadd)
tests_abi_sanitized_plugin_check_SOURCES = $(ub_plugin_check_SOURCES) $(sanitized_sources)
tests_abi_sanitized_plugin_check_CPPFLAGS = $(ub_plugin_check_CPPFLAGS) $(SECCOMP_CFLAGS)
tests_abi_sanitized_plugin_check_CFLAGS = $(sanitized_cflags)
tests_abi_sanitized_plugin_check_LDADD = $(sanitized_ldadd)

check_LTLIBRARIES += tests/abi/sanitized-fake.la
tests_abi_sanitized_fake_la_SOURCES = $(plugins_fake_fake_la_SOURCES) \
	sdk/actions.c sdk/desired-state.c sdk/error.c sdk/feedback.c sdk/host.c sdk/inventory.c \
	sdk/json.c sdk/json-writer.c sdk/log.c sdk/status.c sdk/text.c
tests_abi_sanitized_fake_la_CPPFLAGS = $(plugins_fake_fake_la_CPPFLAGS) $(CJSON_CFLAGS)
tests_abi_sanitized_fake_la_CFLAGS = $(sanitized_cflags)
# Without -z defs: the program brings the sanitizers.
tests_abi_sanitized_fake_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere $(AM_LDFLAGS) \
	-Wl,-z,nodelete -Wl,-z,now -Wl,--version-script=$(sdk_map)
tests_abi_sanitized_fake_la_LIBADD = $(CJSON_LIBS) -lm
endif
endif

check-abi:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(abi_tests) $(abi_programs)'
update-abi:
	top_srcdir='$(abs_top_srcdir)' CC='$(CC)' $(SHELL) '$(srcdir)/tests/abi/update-abi'
.PHONY: check-abi update-abi
