# tests/integration: real processes and real servers, one sentence each.
integration_scripts = \
	tests/integration/10-check-config.tap \
	tests/integration/20-plugins-pass-the-check.tap \
	tests/integration/40-ubctl.py \
	tests/integration/70-example-builds-outside-the-tree.sh \
	$(NULL)
if HAVE_CHECK
integration_scripts += tests/integration/60-downloads.py
endif
dist_check_SCRIPTS += $(integration_scripts)
TESTS += $(integration_scripts)
EXTRA_DIST += tests/data/config-seed-full.json tests/data/config-seed-minimal.json
