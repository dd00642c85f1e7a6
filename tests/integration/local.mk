# tests/integration: real processes and real servers, one sentence each.

TESTS += tests/integration/10-check-config.tap
EXTRA_DIST += tests/integration/10-check-config.tap

if HAVE_CHECK
dist_check_SCRIPTS += tests/integration/60-downloads.py
TESTS += tests/integration/60-downloads.py
endif

dist_check_SCRIPTS += tests/integration/70-example-builds-outside-the-tree.sh
TESTS += tests/integration/70-example-builds-outside-the-tree.sh
