# tests/unit: one program per module, with real folders and real loops.
if HAVE_CHECK
unit_ldadd = libhost-util.a $(CHECK_LIBS)
unit_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

unit_programs = \
	tests/unit/test-sdk-actions \
	tests/unit/test-sdk-example \
	tests/unit/test-sdk-json \
	tests/unit/test-sdk-log \
	tests/unit/test-sdk-nest \
	tests/unit/test-channel \
	tests/unit/test-ditto \
	tests/unit/test-golden \
	tests/unit/test-model \
	tests/unit/test-orchestrator \
	tests/unit/test-precondition \
	tests/unit/test-connection \
	tests/unit/test-patience \
	tests/unit/test-confd \
	tests/unit/test-control \
	tests/unit/test-control-access \
	tests/unit/test-reboot \
	tests/unit/test-journal \
	tests/unit/test-json \
	tests/unit/test-merge \
	tests/unit/test-schema \
	tests/unit/test-address \
	tests/unit/test-config \
	tests/unit/test-diag \
	tests/unit/test-domain \
	tests/unit/test-log \
	tests/unit/test-download \
	tests/unit/test-frame \
	tests/unit/test-local \
	tests/unit/test-local-bad \
	tests/unit/test-scan \
	tests/unit/test-process \
	tests/unit/test-source \
	tests/unit/test-dialog \
	tests/unit/test-restart \
	tests/unit/test-spawn \
	tests/unit/test-store \
	tests/unit/test-outbox \
	tests/unit/test-subscriptions \
	tests/unit/test-topic \
	tests/unit/test-topics \
	tests/unit/test-values \
	tests/unit/test-worker \
	tests/unit/test-breadcrumb \
	tests/unit/test-loader \
	tests/unit/test-probe \
	tests/unit/test-schemas \
	tests/unit/test-trust \
	tests/unit/test-utf8 \
	$(NULL)
check_PROGRAMS += $(unit_programs)
TESTS += $(unit_programs)

unit_model_ldadd = libhost-model.a libhost-json.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS) $(LIBM)

tests_unit_test_model_SOURCES = tests/unit/test-model.c tests/unit/unit.h
tests_unit_test_model_CPPFLAGS = $(unit_cppflags)
tests_unit_test_model_LDADD = $(unit_model_ldadd)

tests_unit_test_ditto_SOURCES = tests/unit/test-ditto.c tests/unit/unit.h
tests_unit_test_ditto_CPPFLAGS = $(unit_cppflags)
tests_unit_test_ditto_LDADD = $(unit_model_ldadd)

tests_unit_test_precondition_SOURCES = tests/unit/test-precondition.c tests/unit/unit.h
tests_unit_test_precondition_CPPFLAGS = $(unit_cppflags)
tests_unit_test_precondition_LDADD = $(unit_model_ldadd)

unit_scenario_sources = tests/unit/golden.h tests/unit/scenario.c tests/unit/scenario.h tests/unit/unit.h

tests_unit_test_golden_SOURCES = tests/unit/test-golden.c $(unit_scenario_sources)
tests_unit_test_golden_CPPFLAGS = $(unit_cppflags)
tests_unit_test_golden_LDADD = libhost-orchestrator.a $(unit_model_ldadd)

tests_unit_test_orchestrator_SOURCES = tests/unit/test-orchestrator.c $(unit_scenario_sources)
tests_unit_test_orchestrator_CPPFLAGS = $(unit_cppflags)
tests_unit_test_orchestrator_LDADD = libhost-orchestrator.a $(unit_model_ldadd)
EXTRA_DIST += tests/data/unit-transitions.txt

tests_unit_test_channel_SOURCES = tests/unit/test-channel.c tests/unit/unit.h
tests_unit_test_channel_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_channel_LDADD = libhost-plugin.a $(unit_ldadd) $(SYSTEMD_LIBS)

unit_control_sources = tests/unit/control-rig.h tests/fake/fake-broker.c tests/fake/fake-broker.h \
	tests/unit/folder.h tests/unit/unit.h
unit_control_ldadd = libhost-broker.a libhost-model.a libhost-log.a libhost-json.a libhost-scan.a \
	$(unit_ldadd) $(SYSTEMD_LIBS) $(CJSON_LIBS) -lm

tests_unit_test_control_SOURCES = tests/unit/test-control.c $(unit_control_sources)
tests_unit_test_control_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_control_LDADD = $(unit_control_ldadd)

tests_unit_test_control_access_SOURCES = tests/unit/test-control-access.c tests/unit/bus.h $(unit_control_sources)
tests_unit_test_control_access_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_control_access_LDADD = $(unit_control_ldadd)

tests_unit_test_reboot_SOURCES = tests/unit/test-reboot.c tests/fake/fake-logind.c tests/fake/fake-logind.h \
	tests/unit/bus.h tests/unit/folder.h tests/unit/unit.h
tests_unit_test_reboot_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_reboot_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=reboot,--wrap=sync
tests_unit_test_reboot_LDADD = libhost-broker.a libhost-log.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_connection_SOURCES = tests/unit/test-connection.c tests/unit/folder.h \
	tests/fake/mqtt-server.h tests/unit/unit.h
tests_unit_test_connection_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) $(MOSQUITTO_CFLAGS)
tests_unit_test_connection_LDADD = libhost-mqtt.a $(unit_ldadd) $(SYSTEMD_LIBS) $(MOSQUITTO_LIBS)

tests_unit_test_patience_SOURCES = tests/unit/test-patience.c tests/unit/unit.h
tests_unit_test_patience_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) $(MOSQUITTO_CFLAGS)
tests_unit_test_patience_LDADD = libhost-mqtt.a $(unit_ldadd) $(SYSTEMD_LIBS) $(MOSQUITTO_LIBS)

tests_unit_test_frame_SOURCES = tests/unit/test-frame.c tests/unit/unit.h
tests_unit_test_frame_CPPFLAGS = $(unit_cppflags)
tests_unit_test_frame_LDADD = libhost-plugin.a $(unit_ldadd)

tests_unit_test_diag_SOURCES = tests/unit/test-diag.c tests/unit/unit.h
tests_unit_test_diag_CPPFLAGS = $(unit_cppflags)
tests_unit_test_diag_LDADD = $(unit_ldadd)

tests_unit_test_download_SOURCES = tests/unit/test-download.c tests/unit/unit.h
tests_unit_test_download_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_download_LDADD = $(fake_host_ldadd) $(CURL_LIBS) $(CRYPTO_LIBS)

tests_unit_test_confd_SOURCES = tests/unit/test-confd.c tests/unit/unit.h
tests_unit_test_confd_CPPFLAGS = $(unit_cppflags)
tests_unit_test_confd_LDADD = libhost-config.a libhost-json.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS) -lm

tests_unit_test_json_SOURCES = tests/unit/test-json.c tests/unit/unit.h
tests_unit_test_json_CPPFLAGS = $(unit_cppflags)
tests_unit_test_json_LDADD = libhost-json.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS) -lm

tests_unit_test_merge_SOURCES = tests/unit/test-merge.c tests/unit/unit.h
tests_unit_test_merge_CPPFLAGS = $(unit_cppflags)
tests_unit_test_merge_LDADD = libhost-json.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS) -lm

tests_unit_test_schema_SOURCES = tests/unit/test-schema.c tests/unit/unit.h
tests_unit_test_schema_CPPFLAGS = $(unit_cppflags)
tests_unit_test_schema_LDADD = libhost-json.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS) -lm

config_ldadd = libhost-config.a libhost-model.a libhost-json.a libhost-scan.a $(unit_ldadd) $(CJSON_LIBS) -lm

tests_unit_test_address_SOURCES = tests/unit/test-address.c tests/unit/unit.h
tests_unit_test_address_CPPFLAGS = $(unit_cppflags)
tests_unit_test_address_LDADD = $(unit_ldadd)

tests_unit_test_config_SOURCES = tests/unit/test-config.c tests/unit/load-settings.h tests/unit/folder.h tests/unit/unit.h
tests_unit_test_config_CPPFLAGS = $(unit_cppflags)
tests_unit_test_config_LDADD = $(config_ldadd)

tests_unit_test_domain_SOURCES = tests/unit/test-domain.c tests/unit/load-settings.h tests/unit/folder.h tests/unit/unit.h
tests_unit_test_domain_CPPFLAGS = $(unit_cppflags)
tests_unit_test_domain_LDADD = $(config_ldadd)

tests_unit_test_log_SOURCES = tests/unit/test-log.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_log_CPPFLAGS = $(unit_cppflags)
tests_unit_test_log_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sd_journal_sendv
tests_unit_test_log_LDADD = libhost-log.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_scan_SOURCES = tests/unit/test-scan.c tests/unit/unit.h
tests_unit_test_scan_CPPFLAGS = $(unit_cppflags)
tests_unit_test_scan_LDADD = libhost-scan.a $(unit_ldadd)

tests_unit_test_process_SOURCES = tests/unit/test-process.c tests/unit/isolated.h tests/unit/unit.h
tests_unit_test_process_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_process_LDADD = libhost-plugin.a libhost-model.a libhost-sandbox.a libhost-scan.a $(unit_ldadd) \
	$(SYSTEMD_LIBS) $(SECCOMP_LIBS)

tests_unit_test_restart_SOURCES = tests/unit/test-restart.c host/plugin/restart.c
tests_unit_test_restart_CPPFLAGS = $(unit_cppflags)
tests_unit_test_restart_LDADD = $(unit_ldadd)

tests_unit_test_spawn_SOURCES = tests/unit/test-spawn.c tests/unit/unit.h
tests_unit_test_spawn_CPPFLAGS = $(unit_cppflags)
tests_unit_test_spawn_LDADD = $(unit_ldadd)

tests_unit_test_topic_SOURCES = tests/unit/test-topic.c tests/unit/unit.h
tests_unit_test_topic_CPPFLAGS = $(unit_cppflags)
tests_unit_test_topic_LDADD = $(unit_ldadd)

tests_unit_test_journal_SOURCES = tests/unit/test-journal.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_journal_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_journal_LDADD = libhost-state.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_outbox_SOURCES = tests/unit/test-outbox.c tests/unit/unit.h
tests_unit_test_outbox_CPPFLAGS = $(unit_cppflags)
tests_unit_test_outbox_LDADD = libhost-mqtt.a $(unit_ldadd)

tests_unit_test_subscriptions_SOURCES = tests/unit/test-subscriptions.c tests/unit/unit.h
tests_unit_test_subscriptions_CPPFLAGS = $(unit_cppflags)
tests_unit_test_subscriptions_LDADD = libhost-mqtt.a $(unit_ldadd)

tests_unit_test_topics_SOURCES = tests/unit/test-topics.c tests/unit/unit.h
tests_unit_test_topics_CPPFLAGS = $(unit_cppflags)
tests_unit_test_topics_LDADD = libhost-mqtt.a libhost-model.a $(unit_ldadd)

tests_unit_test_store_SOURCES = tests/unit/test-store.c tests/unit/unit.h
tests_unit_test_store_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_store_LDADD = libhost-state.a $(unit_ldadd) $(SYSTEMD_LIBS)
EXTRA_DIST += tests/data/store-1.state

tests_unit_test_values_SOURCES = tests/unit/test-values.c tests/unit/unit.h
tests_unit_test_values_CPPFLAGS = $(unit_cppflags)
tests_unit_test_values_LDADD = $(unit_ldadd)

tests_unit_test_worker_SOURCES = tests/unit/test-worker.c tests/unit/unit.h
tests_unit_test_worker_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_worker_LDADD = $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_sdk_actions_SOURCES = tests/unit/test-sdk-actions.c tests/unit/unit.h
tests_unit_test_sdk_actions_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_sdk_actions_LDADD = $(fake_host_ldadd)

tests_unit_test_sdk_json_SOURCES = tests/unit/test-sdk-json.c tests/unit/unit.h
tests_unit_test_sdk_json_CPPFLAGS = $(unit_cppflags)
tests_unit_test_sdk_json_LDADD = $(fake_host_ldadd)

tests_unit_test_sdk_log_SOURCES = tests/unit/test-sdk-log.c tests/unit/unit.h
tests_unit_test_sdk_log_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_sdk_log_LDADD = $(fake_host_ldadd)

tests_unit_test_sdk_nest_SOURCES = tests/unit/test-sdk-nest.c tests/unit/unit.h
tests_unit_test_sdk_nest_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_sdk_nest_LDADD = $(fake_host_ldadd)

tests_unit_test_breadcrumb_SOURCES = tests/unit/test-breadcrumb.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_breadcrumb_CPPFLAGS = $(unit_cppflags)
tests_unit_test_breadcrumb_LDADD = libhost-plugin.a $(unit_ldadd)

# With libcjson in its global scope, as the daemon has it, though nothing here calls it.
tests_unit_test_loader_SOURCES = tests/unit/test-loader.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_loader_CPPFLAGS = $(unit_cppflags)
tests_unit_test_loader_LDFLAGS = $(AM_LDFLAGS) -Wl,--no-as-needed
tests_unit_test_loader_LDADD = libhost-plugin.a $(unit_ldadd) $(CJSON_LIBS)

tests_unit_test_schemas_SOURCES = tests/unit/test-schemas.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_schemas_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_schemas_LDADD = libhost-plugin.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_probe_SOURCES = tests/unit/test-probe.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_probe_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_probe_LDADD = libhost-plugin.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_trust_SOURCES = tests/unit/test-trust.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_trust_CPPFLAGS = $(unit_cppflags)
tests_unit_test_trust_LDADD = libhost-plugin.a $(unit_ldadd)

tests_unit_test_utf8_SOURCES = tests/unit/test-utf8.c tests/unit/unit.h
tests_unit_test_utf8_CPPFLAGS = $(unit_cppflags)
tests_unit_test_utf8_LDADD = $(unit_ldadd)

# Local instances run plugins of tests/bad and tests/fake.
local_ldadd = libhost-plugin.a libhost-model.a libhost-scan.a $(unit_ldadd) $(SYSTEMD_LIBS)

tests_unit_test_local_bad_SOURCES = tests/unit/test-local-bad.c tests/unit/owner.h tests/unit/unit.h
tests_unit_test_local_bad_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_local_bad_LDADD = $(local_ldadd)

tests_unit_test_sdk_example_SOURCES = tests/unit/test-sdk-example.c sdk/example/hello.c
tests_unit_test_sdk_example_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_sdk_example_LDADD = $(fake_host_ldadd)
tests_unit_test_source_SOURCES = tests/unit/test-source.c tests/unit/unit.h
tests_unit_test_source_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_source_LDADD = $(local_ldadd)

tests_unit_test_dialog_SOURCES = tests/unit/test-dialog.c tests/unit/unit.h
tests_unit_test_dialog_CPPFLAGS = $(unit_cppflags)
tests_unit_test_dialog_LDADD = $(local_ldadd)

tests_unit_test_local_SOURCES = tests/unit/test-local.c tests/unit/owner.h tests/unit/unit.h
tests_unit_test_local_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_local_LDADD = $(local_ldadd)

if PLUGIN_FAKE
unit_programs += tests/unit/test-fake-agent
endif
if PLUGIN_REMOTE
unit_programs += \
	tests/unit/test-remote-agent \
	tests/unit/test-remote-life \
	$(NULL)
endif
if PLUGIN_FILES
unit_programs += \
	tests/unit/test-files-path \
	tests/unit/test-files-recipe \
	tests/unit/test-files-store \
	tests/unit/test-files-unpack \
	$(NULL)
unit_files_ldadd = plugins/files/libfiles.la libub-sdk.a $(unit_ldadd) $(ARCHIVE_LIBS) $(CRYPTO_LIBS) $(CJSON_LIBS)

tests_unit_test_files_path_SOURCES = tests/unit/test-files-path.c tests/unit/unit.h
tests_unit_test_files_path_CPPFLAGS = $(unit_cppflags)
tests_unit_test_files_path_LDADD = $(unit_files_ldadd)

tests_unit_test_files_recipe_SOURCES = tests/unit/test-files-recipe.c tests/unit/unit.h
tests_unit_test_files_recipe_CPPFLAGS = $(unit_cppflags)
tests_unit_test_files_recipe_LDADD = $(unit_files_ldadd)

tests_unit_test_files_store_SOURCES = tests/unit/test-files-store.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_files_store_CPPFLAGS = $(unit_cppflags)
tests_unit_test_files_store_LDADD = $(unit_files_ldadd)

tests_unit_test_files_unpack_SOURCES = tests/unit/test-files-unpack.c tests/unit/folder.h tests/unit/unit.h
tests_unit_test_files_unpack_CPPFLAGS = $(unit_cppflags) $(ARCHIVE_CFLAGS)
tests_unit_test_files_unpack_LDADD = $(unit_files_ldadd)
endif
if PLUGIN_SELF_UPDATE
unit_programs += \
	tests/unit/test-self-update-agent \
	tests/unit/test-self-update-hazards \
	tests/unit/test-self-update-machine \
	tests/unit/test-self-update-parts \
	tests/unit/test-self-update-preflight \
	tests/unit/test-self-update-read-back \
	tests/unit/test-self-update-signers \
	tests/unit/test-ubctl-slots \
	$(NULL)
endif
tests_unit_test_ubctl_slots_SOURCES = tests/unit/test-ubctl-slots.c tests/fake/fake-rauc.c tests/fake/fake-rauc.h \
	tests/unit/unit.h
tests_unit_test_ubctl_slots_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_ubctl_slots_LDADD = $(fake_host_ldadd) $(CRYPTO_LIBS)

self_update_rig = tests/unit/self-update-rig.h tests/fake/fake-rauc.c tests/fake/fake-rauc.h \
	tests/unit/folder.h tests/unit/unit.h
tests_unit_test_self_update_agent_SOURCES = tests/unit/test-self-update-agent.c $(self_update_rig)
tests_unit_test_self_update_agent_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_self_update_agent_LDADD = $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_self_update_hazards_SOURCES = tests/unit/test-self-update-hazards.c $(self_update_rig)
tests_unit_test_self_update_hazards_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_self_update_hazards_LDADD = $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_self_update_read_back_SOURCES = tests/unit/test-self-update-read-back.c $(self_update_rig)
tests_unit_test_self_update_read_back_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_self_update_read_back_LDADD = $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_self_update_machine_SOURCES = tests/unit/test-self-update-machine.c tests/unit/unit.h
tests_unit_test_self_update_machine_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_self_update_machine_LDADD = libself-update-machine.a $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_self_update_preflight_SOURCES = tests/unit/test-self-update-preflight.c $(self_update_rig)
tests_unit_test_self_update_preflight_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) $(CRYPTO_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_self_update_preflight_LDADD = $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_self_update_parts_SOURCES = tests/unit/test-self-update-parts.c tests/unit/unit.h
tests_unit_test_self_update_parts_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_self_update_parts_LDADD = libself-update-machine.a $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_self_update_signers_SOURCES = tests/unit/test-self-update-signers.c $(self_update_rig)
tests_unit_test_self_update_signers_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS) $(CRYPTO_CFLAGS) -D_GNU_SOURCE=1
tests_unit_test_self_update_signers_LDADD = libself-update-machine.a $(fake_host_ldadd) $(CRYPTO_LIBS)

tests_unit_test_remote_agent_SOURCES = tests/unit/test-remote-agent.c tests/unit/remote-rig.h tests/unit/unit.h
tests_unit_test_remote_agent_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_remote_agent_LDADD = $(fake_host_ldadd)

tests_unit_test_remote_life_SOURCES = tests/unit/test-remote-life.c tests/unit/remote-rig.h tests/unit/unit.h
tests_unit_test_remote_life_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_remote_life_LDADD = $(fake_host_ldadd)

tests_unit_test_fake_agent_SOURCES = tests/unit/test-fake-agent.c tests/unit/unit.h
tests_unit_test_fake_agent_CPPFLAGS = $(unit_cppflags) $(SYSTEMD_CFLAGS)
tests_unit_test_fake_agent_LDADD = $(fake_host_ldadd)

if PLUGIN_FAKE
crew_programs = \
	tests/unit/test-fifty-agents \
	tests/unit/test-supervisor \
	$(NULL)
check_PROGRAMS += $(crew_programs)
TESTS += $(crew_programs)

crew_sources = tests/unit/crew.h tests/unit/folder.h tests/unit/unit.h
crew_cppflags = $(unit_cppflags) $(SYSTEMD_CFLAGS)
crew_ldadd = libhost-broker.a libhost-config.a libhost-state.a libhost-plugin.a libhost-model.a libhost-sandbox.a \
	libhost-json.a libhost-scan.a $(unit_ldadd) $(SYSTEMD_LIBS) $(CJSON_LIBS) $(SECCOMP_LIBS) -lm

tests_unit_test_fifty_agents_SOURCES = tests/unit/test-fifty-agents.c $(crew_sources)
tests_unit_test_fifty_agents_CPPFLAGS = $(crew_cppflags)
tests_unit_test_fifty_agents_LDADD = $(crew_ldadd)

tests_unit_test_supervisor_SOURCES = tests/unit/test-supervisor.c $(crew_sources)
tests_unit_test_supervisor_CPPFLAGS = $(crew_cppflags)
tests_unit_test_supervisor_LDADD = $(crew_ldadd)
endif
endif
