# tests/demo: a device to play with; the story that ./bootstrap demo tells there, and README.md typed there.
EXTRA_DIST += tests/demo/playground.py
dist_check_SCRIPTS += tests/demo/demo.py tests/demo/readme.py
if PLUGIN_FAKE
if PLUGIN_FILES
TESTS += tests/demo/demo.py tests/demo/readme.py
endif
endif
