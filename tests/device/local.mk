# tests/device: a whole device in QEMU, from firmware to verdict; `make check-device` does it.
device_scripts = tests/device/10-grub.py
dist_noinst_SCRIPTS += $(device_scripts)
EXTRA_DIST += \
	tests/device/factory.py \
	tests/device/overlay/etc/fstab \
	tests/device/overlay/etc/systemd/network/80-wired.network \
	tests/device/overlay/etc/systemd/system.conf.d/slow.conf \
	tests/device/overlay/etc/systemd/system/device-shell.service \
	tests/device/overlay/etc/udev/rules.d/90-slots.rules \
	tests/device/overlay/etc/update-broker/conf.d/60-self-update.conf \
	tests/device/overlay/etc/update-broker/config.json \
	tests/device/overlay/etc/update-broker/health.d/10-version \
	tests/device/overlay/etc/update-broker/health.d/20-well \
	tests/device/overlay/usr/local/sbin/device-shell \
	tests/device/vm.py \
	$(NULL)

# As root, with a Debian mirror and 3 GiB of disk; half an hour, or hours where QEMU emulates the processor on a busy
# machine.  DEVICE_CACHE=FOLDER keeps what need not be made again; it shows what it does while it does it.
check-device: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' $(srcdir)/tests/device/10-grub.py
.PHONY: check-device
