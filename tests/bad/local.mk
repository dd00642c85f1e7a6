# tests/bad: plugins that break one rule each.
#
# `-rpath /nowhere` has libtool build a real .so of what is never installed; they are then found in
# tests/bad/.libs.  Without `-z defs`, because one of them is about an undefined symbol.
bad_ldflags = -module -avoid-version -shared -rpath /nowhere $(AM_LDFLAGS)

# The library that entry-in-dependency links; libtool tells it where that is built.
check_LTLIBRARIES += tests/bad/libbad-dependency.la
tests_bad_libbad_dependency_la_SOURCES = tests/bad/good.c tests/bad/bad.h
tests_bad_libbad_dependency_la_LDFLAGS = -avoid-version -shared -rpath /nowhere $(AM_LDFLAGS)

check_LTLIBRARIES += \
	tests/bad/aborting-constructor.la \
	tests/bad/agent-size-huge.la \
	tests/bad/bad-name.la \
	tests/bad/crashing-entry.la \
	tests/bad/entry-in-dependency.la \
	tests/bad/entry-is-data.la \
	tests/bad/exiting-constructor.la \
	tests/bad/flooding-constructor.la \
	tests/bad/forging-constructor.la \
	tests/bad/good.la \
	tests/bad/hanging-constructor.la \
	tests/bad/later-minor.la \
	tests/bad/life-size-zero.la \
	tests/bad/long-name.la \
	tests/bad/long-schema.la \
	tests/bad/lookalike-exposed.la \
	tests/bad/lookalike-mapped.la \
	tests/bad/minor-needed-above-wanted.la \
	tests/bad/missing-command.la \
	tests/bad/missing-create.la \
	tests/bad/newer-minor.la \
	tests/bad/no-entry.la \
	tests/bad/no-role.la \
	tests/bad/null-descriptor.la \
	tests/bad/null-life.la \
	tests/bad/null-name.la \
	tests/bad/null-version.la \
	tests/bad/saboteur.la \
	tests/bad/size-huge.la \
	tests/bad/size-short.la \
	tests/bad/size-zero.la \
	tests/bad/spawning-constructor.la \
	tests/bad/two-line-description.la \
	tests/bad/undefined-symbol.la \
	tests/bad/unknown-flags.la \
	tests/bad/version-not-utf8.la \
	tests/bad/wrong-major.la \
	$(NULL)

tests_bad_aborting_constructor_la_SOURCES = tests/bad/aborting-constructor.c tests/bad/bad.h
tests_bad_aborting_constructor_la_LDFLAGS = $(bad_ldflags)
tests_bad_agent_size_huge_la_SOURCES = tests/bad/agent-size-huge.c tests/bad/bad.h
tests_bad_agent_size_huge_la_LDFLAGS = $(bad_ldflags)
tests_bad_bad_name_la_SOURCES = tests/bad/bad-name.c tests/bad/bad.h
tests_bad_bad_name_la_LDFLAGS = $(bad_ldflags)
tests_bad_crashing_entry_la_SOURCES = tests/bad/crashing-entry.c
tests_bad_crashing_entry_la_LDFLAGS = $(bad_ldflags)
tests_bad_entry_in_dependency_la_SOURCES = tests/bad/entry-in-dependency.c
tests_bad_entry_in_dependency_la_LDFLAGS = $(bad_ldflags)
tests_bad_entry_in_dependency_la_LIBADD = tests/bad/libbad-dependency.la
tests_bad_entry_is_data_la_SOURCES = tests/bad/entry-is-data.c
tests_bad_entry_is_data_la_LDFLAGS = $(bad_ldflags)
tests_bad_exiting_constructor_la_SOURCES = tests/bad/exiting-constructor.c tests/bad/bad.h
tests_bad_exiting_constructor_la_LDFLAGS = $(bad_ldflags)
tests_bad_flooding_constructor_la_SOURCES = tests/bad/flooding-constructor.c tests/bad/bad.h
tests_bad_flooding_constructor_la_LDFLAGS = $(bad_ldflags)
tests_bad_forging_constructor_la_SOURCES = tests/bad/forging-constructor.c tests/bad/bad.h
tests_bad_forging_constructor_la_LDFLAGS = $(bad_ldflags)
tests_bad_good_la_SOURCES = tests/bad/good.c tests/bad/bad.h
tests_bad_good_la_LDFLAGS = $(bad_ldflags)
tests_bad_hanging_constructor_la_SOURCES = tests/bad/hanging-constructor.c tests/bad/bad.h
tests_bad_hanging_constructor_la_LDFLAGS = $(bad_ldflags)
tests_bad_later_minor_la_SOURCES = tests/bad/later-minor.c tests/bad/bad.h
tests_bad_later_minor_la_LDFLAGS = $(bad_ldflags)
tests_bad_life_size_zero_la_SOURCES = tests/bad/life-size-zero.c tests/bad/bad.h
tests_bad_life_size_zero_la_LDFLAGS = $(bad_ldflags)
tests_bad_long_name_la_SOURCES = tests/bad/long-name.c tests/bad/bad.h
tests_bad_long_name_la_LDFLAGS = $(bad_ldflags)
tests_bad_long_schema_la_SOURCES = tests/bad/long-schema.c tests/bad/bad.h
tests_bad_long_schema_la_LDFLAGS = $(bad_ldflags)
tests_bad_lookalike_exposed_la_SOURCES = tests/bad/lookalike-exposed.c tests/bad/lookalike.h tests/bad/bad.h
tests_bad_lookalike_exposed_la_LDFLAGS = $(bad_ldflags)
tests_bad_lookalike_mapped_la_SOURCES = tests/bad/lookalike-mapped.c tests/bad/lookalike.h tests/bad/bad.h
tests_bad_lookalike_mapped_la_LDFLAGS = $(bad_ldflags) -Wl,--version-script=$(sdk_map)
tests_bad_minor_needed_above_wanted_la_SOURCES = tests/bad/minor-needed-above-wanted.c tests/bad/bad.h
tests_bad_minor_needed_above_wanted_la_LDFLAGS = $(bad_ldflags)
tests_bad_missing_command_la_SOURCES = tests/bad/missing-command.c tests/bad/bad.h
tests_bad_missing_command_la_LDFLAGS = $(bad_ldflags)
tests_bad_missing_create_la_SOURCES = tests/bad/missing-create.c tests/bad/bad.h
tests_bad_missing_create_la_LDFLAGS = $(bad_ldflags)
tests_bad_newer_minor_la_SOURCES = tests/bad/newer-minor.c tests/bad/bad.h
tests_bad_newer_minor_la_LDFLAGS = $(bad_ldflags)
tests_bad_no_entry_la_SOURCES = tests/bad/no-entry.c
tests_bad_no_entry_la_LDFLAGS = $(bad_ldflags)
tests_bad_no_role_la_SOURCES = tests/bad/no-role.c tests/bad/bad.h
tests_bad_no_role_la_LDFLAGS = $(bad_ldflags)
tests_bad_null_descriptor_la_SOURCES = tests/bad/null-descriptor.c tests/bad/bad.h
tests_bad_null_descriptor_la_LDFLAGS = $(bad_ldflags)
tests_bad_null_life_la_SOURCES = tests/bad/null-life.c tests/bad/bad.h
tests_bad_null_life_la_LDFLAGS = $(bad_ldflags)
tests_bad_null_name_la_SOURCES = tests/bad/null-name.c tests/bad/bad.h
tests_bad_null_name_la_LDFLAGS = $(bad_ldflags)
tests_bad_null_version_la_SOURCES = tests/bad/null-version.c tests/bad/bad.h
tests_bad_null_version_la_LDFLAGS = $(bad_ldflags)
tests_bad_saboteur_la_SOURCES = tests/bad/saboteur.c
tests_bad_saboteur_la_LDFLAGS = $(bad_ldflags)
tests_bad_size_huge_la_SOURCES = tests/bad/size-huge.c tests/bad/bad.h
tests_bad_size_huge_la_LDFLAGS = $(bad_ldflags)
tests_bad_size_short_la_SOURCES = tests/bad/size-short.c tests/bad/bad.h
tests_bad_size_short_la_LDFLAGS = $(bad_ldflags)
tests_bad_size_zero_la_SOURCES = tests/bad/size-zero.c tests/bad/bad.h
tests_bad_size_zero_la_LDFLAGS = $(bad_ldflags)
tests_bad_spawning_constructor_la_SOURCES = tests/bad/spawning-constructor.c tests/bad/bad.h
tests_bad_spawning_constructor_la_LDFLAGS = $(bad_ldflags)
tests_bad_two_line_description_la_SOURCES = tests/bad/two-line-description.c tests/bad/bad.h
tests_bad_two_line_description_la_LDFLAGS = $(bad_ldflags)
tests_bad_undefined_symbol_la_SOURCES = tests/bad/undefined-symbol.c tests/bad/bad.h
tests_bad_undefined_symbol_la_LDFLAGS = $(bad_ldflags)
tests_bad_unknown_flags_la_SOURCES = tests/bad/unknown-flags.c tests/bad/bad.h
tests_bad_unknown_flags_la_LDFLAGS = $(bad_ldflags)
tests_bad_version_not_utf8_la_SOURCES = tests/bad/version-not-utf8.c tests/bad/bad.h
tests_bad_version_not_utf8_la_LDFLAGS = $(bad_ldflags)
tests_bad_wrong_major_la_SOURCES = tests/bad/wrong-major.c tests/bad/bad.h
tests_bad_wrong_major_la_LDFLAGS = $(bad_ldflags)

# Those that load well and do wrong when they run: guest.h with one slot spoiled.
check_LTLIBRARIES += \
	tests/bad/answers-and-fails.la \
	tests/bad/answers-twice.la \
	tests/bad/answers-unknown.la \
	tests/bad/bad-arguments.la \
	tests/bad/bad-json.la \
	tests/bad/blocks.la \
	tests/bad/calls-after-stopped.la \
	tests/bad/calls-from-thread.la \
	tests/bad/calls-in-create.la \
	tests/bad/create-fails.la \
	tests/bad/floods-from-thread.la \
	tests/bad/foreign-source.la \
	tests/bad/many-sources.la \
	tests/bad/never-stops.la \
	tests/bad/not-granted.la \
	tests/bad/over-limits.la \
	tests/bad/start-fails.la \
	tests/bad/stopped-unasked.la \
	$(NULL)

tests_bad_answers_and_fails_la_SOURCES = tests/bad/answers-and-fails.c tests/bad/guest.h
tests_bad_answers_and_fails_la_LDFLAGS = $(bad_ldflags)
tests_bad_answers_twice_la_SOURCES = tests/bad/answers-twice.c tests/bad/guest.h
tests_bad_answers_twice_la_LDFLAGS = $(bad_ldflags)
tests_bad_answers_unknown_la_SOURCES = tests/bad/answers-unknown.c tests/bad/guest.h
tests_bad_answers_unknown_la_LDFLAGS = $(bad_ldflags)
tests_bad_bad_arguments_la_SOURCES = tests/bad/bad-arguments.c tests/bad/guest.h
tests_bad_bad_arguments_la_LDFLAGS = $(bad_ldflags)
tests_bad_bad_json_la_SOURCES = tests/bad/bad-json.c tests/bad/guest.h
tests_bad_bad_json_la_LDFLAGS = $(bad_ldflags)
tests_bad_blocks_la_SOURCES = tests/bad/blocks.c tests/bad/guest.h
tests_bad_blocks_la_LDFLAGS = $(bad_ldflags)
tests_bad_calls_after_stopped_la_SOURCES = tests/bad/calls-after-stopped.c tests/bad/guest.h
tests_bad_calls_after_stopped_la_LDFLAGS = $(bad_ldflags)
tests_bad_calls_from_thread_la_SOURCES = tests/bad/calls-from-thread.c tests/bad/guest.h
tests_bad_calls_from_thread_la_LDFLAGS = $(bad_ldflags)
tests_bad_calls_in_create_la_SOURCES = tests/bad/calls-in-create.c tests/bad/guest.h
tests_bad_calls_in_create_la_LDFLAGS = $(bad_ldflags)
tests_bad_create_fails_la_SOURCES = tests/bad/create-fails.c tests/bad/guest.h
tests_bad_create_fails_la_LDFLAGS = $(bad_ldflags)
tests_bad_floods_from_thread_la_SOURCES = tests/bad/floods-from-thread.c tests/bad/guest.h
tests_bad_floods_from_thread_la_LDFLAGS = $(bad_ldflags)
tests_bad_foreign_source_la_SOURCES = tests/bad/foreign-source.c tests/bad/guest.h
tests_bad_foreign_source_la_LDFLAGS = $(bad_ldflags)
tests_bad_many_sources_la_SOURCES = tests/bad/many-sources.c tests/bad/guest.h
tests_bad_many_sources_la_LDFLAGS = $(bad_ldflags)
tests_bad_never_stops_la_SOURCES = tests/bad/never-stops.c tests/bad/guest.h
tests_bad_never_stops_la_LDFLAGS = $(bad_ldflags)
tests_bad_not_granted_la_SOURCES = tests/bad/not-granted.c tests/bad/guest.h
tests_bad_not_granted_la_LDFLAGS = $(bad_ldflags)
tests_bad_over_limits_la_SOURCES = tests/bad/over-limits.c tests/bad/guest.h
tests_bad_over_limits_la_LDFLAGS = $(bad_ldflags)
tests_bad_start_fails_la_SOURCES = tests/bad/start-fails.c tests/bad/guest.h
tests_bad_start_fails_la_LDFLAGS = $(bad_ldflags)
tests_bad_stopped_unasked_la_SOURCES = tests/bad/stopped-unasked.c tests/bad/guest.h
tests_bad_stopped_unasked_la_LDFLAGS = $(bad_ldflags)
