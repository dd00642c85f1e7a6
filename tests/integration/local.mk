# tests/integration: real processes and real servers, one sentence each.
integration_scripts = \
	tests/integration/10-check-config.tap \
	tests/integration/20-plugins-pass-the-check.tap \
	tests/integration/40-ubctl.py \
	tests/integration/70-example-builds-outside-the-tree.sh \
	tests/integration/72-program-agent.py \
	$(NULL)
if PLUGIN_FAKE
integration_scripts += \
	tests/integration/30-daemon.py \
	tests/integration/31-daemon-dies.py \
	tests/integration/32-reboot.py \
	tests/integration/33-service-manager.py \
	tests/integration/34-system-bus.py \
	tests/integration/35-sizes.py \
	tests/integration/38-the-end-arrives.py \
	tests/integration/37-agents-that-cannot-run.py \
	tests/integration/41-ubctl-and-daemon.py \
	$(NULL)
endif
if PLUGIN_REMOTE
integration_scripts += tests/integration/42-remote-agents-and-deaths.py
endif
if HAVE_CHECK
integration_scripts += tests/integration/60-downloads.py
endif
dist_check_SCRIPTS += $(integration_scripts)
TESTS += $(integration_scripts)
EXTRA_DIST += tests/data/config-seed-full.json tests/data/config-seed-minimal.json
EXTRA_DIST += tests/fake/kanto_agent.py tests/fake/mqtt_client.py tests/fake/mqtt_gate.py tests/fake/rig.py

# files_rig.py: archives, and a daemon with the files agent.
if PLUGIN_FILES
if PLUGIN_FAKE
files_scripts = \
	tests/integration/36-files.py \
	tests/integration/36-files-policies.py \
	tests/integration/37-files-dies.py \
	tests/integration/39-files-hostile.py \
	tests/integration/39-files-power-loss.py \
	$(NULL)
dist_check_SCRIPTS += $(files_scripts)
TESTS += $(files_scripts)
endif
endif
EXTRA_DIST += tests/fake/files_rig.py tests/fake/hostile.py tests/data/desired-state-combined.json
