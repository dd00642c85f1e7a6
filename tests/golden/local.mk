# tests/golden: recorded scenarios of Kanto's update manager, played against the daemon with agents of each kind; with
# --original against Kanto's manager itself.
golden_scenarios = \
	tests/golden/G01-happy-path.scenario \
	tests/golden/G02-one-domain-has-nothing-to-do.scenario \
	tests/golden/G03-an-unknown-domain-beside-a-known-one.scenario \
	tests/golden/G03-nothing-to-do-at-all.scenario \
	tests/golden/G04-only-unknown-domains-and-malformed-input.scenario \
	tests/golden/G05-identification-fails-in-one-domain.scenario \
	tests/golden/G05-identification-fails-last.scenario \
	tests/golden/G06-identification-times-out.scenario \
	tests/golden/G07-download-failure.scenario \
	tests/golden/G08-download-failure-last.scenario \
	tests/golden/G09-update-failure.scenario \
	tests/golden/G10-activate-times-out.scenario \
	tests/golden/G10-download-times-out.scenario \
	tests/golden/G10-update-times-out.scenario \
	tests/golden/G11-activation-failure.scenario \
	tests/golden/G12-a-command-is-not-acknowledged.scenario \
	tests/golden/G12-the-server-does-not-acknowledge.scenario \
	tests/golden/G13-cleanup-times-out.scenario \
	tests/golden/G14-owner-approves.scenario \
	tests/golden/G14-owner-denies.scenario \
	tests/golden/G14-owner-sleeps.scenario \
	tests/golden/G15-owner-denies-the-update.scenario \
	tests/golden/G16-owner-denies-the-activation.scenario \
	tests/golden/G17-image-already-installed-last.scenario \
	tests/golden/G17-image-already-installed.scenario \
	tests/golden/G18-a-newer-desired-state.scenario \
	tests/golden/G19-termination-in-things-mode.scenario \
	tests/golden/G19-termination.scenario \
	tests/golden/G20-current-state.scenario \
	tests/golden/G20-start.scenario \
	tests/golden/G21-things-mode-consent.scenario \
	tests/golden/G21-things-mode-malformed.scenario \
	tests/golden/G21-things-mode-reconnection.scenario \
	tests/golden/G21-things-mode.scenario \
	$(NULL)
EXTRA_DIST += $(golden_scenarios) tests/golden/golden.py

dist_check_SCRIPTS += \
	tests/golden/golden-in-process.py \
	tests/golden/golden-isolated.py \
	tests/golden/golden-remote.py \
	$(NULL)
if PLUGIN_REMOTE
TESTS += tests/golden/golden-remote.py
endif
if PLUGIN_FAKE
TESTS += tests/golden/golden-in-process.py tests/golden/golden-isolated.py
endif
