# tests/unit: one program per module, with real folders and real loops.
if HAVE_CHECK
unit_ldadd = libhost-util.a $(CHECK_LIBS)
unit_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

unit_programs = \
	tests/unit/test-channel \
	tests/unit/test-diag \
	tests/unit/test-frame \
	tests/unit/test-scan \
	tests/unit/test-restart \
	tests/unit/test-spawn \
	tests/unit/test-topic \
	$(NULL)
check_PROGRAMS += $(unit_programs)
TESTS += $(unit_programs)

tests_unit_test_channel_SOURCES = tests/unit/test-channel.c tests/unit/unit.h
tests_unit_test_channel_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_channel_LDADD = libhost-plugin.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_frame_SOURCES = tests/unit/test-frame.c tests/unit/unit.h
tests_unit_test_frame_CPPFLAGS = $(unit_cppflags)
tests_unit_test_frame_LDADD = libhost-plugin.a $(unit_ldadd)

tests_unit_test_diag_SOURCES = tests/unit/test-diag.c tests/unit/unit.h
tests_unit_test_diag_CPPFLAGS = $(unit_cppflags)
tests_unit_test_diag_LDADD = $(unit_ldadd)

tests_unit_test_scan_SOURCES = tests/unit/test-scan.c tests/unit/unit.h
tests_unit_test_scan_CPPFLAGS = $(unit_cppflags)
tests_unit_test_scan_LDADD = libhost-scan.a $(unit_ldadd)

tests_unit_test_restart_SOURCES = tests/unit/test-restart.c host/plugin/restart.c
tests_unit_test_restart_CPPFLAGS = $(unit_cppflags)
tests_unit_test_restart_LDADD = $(unit_ldadd)

tests_unit_test_spawn_SOURCES = tests/unit/test-spawn.c tests/unit/unit.h
tests_unit_test_spawn_CPPFLAGS = $(unit_cppflags)
tests_unit_test_spawn_LDADD = $(unit_ldadd)

tests_unit_test_topic_SOURCES = tests/unit/test-topic.c tests/unit/unit.h
tests_unit_test_topic_CPPFLAGS = $(unit_cppflags)
tests_unit_test_topic_LDADD = libhost-plugin.a $(unit_ldadd)
endif
