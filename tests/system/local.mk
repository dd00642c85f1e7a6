# tests/system: whole devices with a real RAUC, as root; `make check-system` runs them.
system_scripts = \
	tests/system/10-the-rig.py \
	tests/system/20-golden.py \
	tests/system/21-tutorial.py \
	tests/system/22-whole-broker.py \
	tests/system/23-health.py \
	tests/system/24-signed-requests.py \
	tests/system/25-policies.py \
	tests/system/25-by-hand.py \
	tests/system/26-read-back.py \
	tests/system/27-web-server.py \
	tests/system/28-kanto-update-manager.py \
	tests/system/29-later-rauc.py \
	tests/system/30-kills.py \
	tests/system/31-power-loss.py \
	tests/system/50-grub.py \
	tests/system/51-uboot.py \
	tests/system/52-examples.py \
	$(NULL)
dist_noinst_SCRIPTS += $(system_scripts) tests/system/measure.py
EXTRA_DIST += \
	tests/system/bootloader.py \
	tests/system/bundles.py \
	tests/system/device.py \
	tests/system/firmware.py \
	tests/system/leda.py \
	tests/system/life.py \
	tests/system/manager.py \
	tests/system/play.py \
	tests/system/rauc.py \
	tests/system/slots.py \
	tests/system/stage.py \
	$(NULL)

# Apart from `make check`, which needs neither root nor half an hour.
check-system: all
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(system_scripts)' TEST_SUITE_LOG=system-suite.log \
		check_PROGRAMS= check_LIBRARIES= check_LTLIBRARIES=
CLEANFILES += system-suite.log

bench-system: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(srcdir)/tests/system/measure.py
.PHONY: check-system bench-system
