#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""grub - one device from the factory through updates, good and bad: UEFI, grub, systemd, RAUC and our packages

    make check-device [DEVICE_CACHE=FOLDER]

A story on one disk; each step begins where the last one has ended.  The examples in plugins/self-update/examples are
used as they are, our agent runs as the user "update-broker", and nothing of the device is faked.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import factory
import vm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "fake"))
import http_server  # noqa: E402

PACKAGES = {
    "mmdebstrap": "mmdebstrap", "qemu-system-x86_64": "qemu-system-x86", "rauc": "rauc", "mksquashfs": "squashfs-tools",
    "grub-mkimage": "grub-common", "grub-editenv": "grub-common", "mkfs.vfat": "dosfstools", "mcopy": "mtools",
    "sfdisk": "fdisk", "mkfs.ext4": "e2fsprogs", "openssl": "openssl",
}
FILES = {vm.CODE[0]: "ovmf", "/usr/lib/grub/x86_64-efi/linux.mod": "grub-efi-amd64-bin"}
steps = []


def step(function):
    steps.append(function)
    return function


def what_is_missing():
    if os.geteuid() != 0:
        return "not root: file systems with their owners are made"
    missing = ["%s (package %s)" % item for item in PACKAGES.items() if not shutil.which(item[0])]
    missing += ["%s (package %s)" % item for item in FILES.items() if not os.path.exists(item[0])]
    return "missing: " + ", ".join(missing) if missing else None


def ranged(path):
    """A file, whole or any range of it, as a web server gives it out."""
    size = os.path.getsize(path)
    tag = '"%d"' % os.stat(path).st_mtime_ns

    def handler(request, client):
        found = re.match(r"bytes=(\d+)-(\d*)$", request.get("Range") or "")
        start, end = (int(found[1]), min(int(found[2] or size - 1), size - 1)) if found else (0, size - 1)
        client.head(206 if found else 200, Content_Length=end + 1 - start, ETag=tag, Accept_Ranges="bytes",
                    Content_Range="bytes %d-%d/%d" % (start, end, size) if found else None)
        if request.method == "HEAD":
            return True
        with open(path, "rb") as f:
            f.seek(start)
            left = end + 1 - start
            while left > 0:
                data = f.read(min(left, 1 << 16))
                client.send(data)
                left -= len(data)
        return True
    return handler


class Device:
    """The machine, and what one asks a device."""

    def __init__(self, machine, server):
        self.machine = machine
        self.server = server
        self.run = machine.run

    def url(self, name):
        return self.server.url("/" + name).replace("127.0.0.1", vm.HOST)

    def slot(self):
        return re.search(r"rauc\.slot=(\S+)", self.run("cat /proc/cmdline"))[1]

    def environment(self):
        lines = self.run("grub-editenv /grubenv/grubenv list").split("\n")
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def apply(self, activity, version, name):
        self.machine.put("/run/desired.json", json.dumps({"domains": [{"id": "self-update", "components": [
            {"id": "os-image", "version": version, "config": [{"key": "image", "value": self.url(name)}]}]}]}))
        self.run("ubctl apply --activity %s /run/desired.json" % activity)

    def ended(self, activity):
        """Its terminal status and message."""
        said = self.run("ubctl watch %s" % activity, check=False).strip().split("\n")[-1]
        return said[len(activity):].strip()

    def until(self, condition):
        """Waits on the device for a condition of its shell."""
        self.run("for i in $(seq 600); do %s && exit 0; sleep 0.5; done; echo not after 300 s; exit 1" % condition)

    def version(self):
        found = re.search(r'EDITION_ID="(.*)"', self.run("cat /etc/os-release"))
        return found[1]


# ------------------------------------------------------------------------------------------ the story

@step
def the_device_starts_and_every_unit_of_it(device):
    state = device.machine.wait_boot()
    assert state == "running", "%s\n%s" % (state, device.run("systemctl --failed --no-legend; journalctl -p3 -b"))
    assert device.slot() == "A" and device.version() == "v1.0"


@step
def the_daemon_is_ready_and_feeds_its_watchdog(device):
    said = device.run("systemctl show update-broker -p Type,ActiveState,SubState,StatusText,WatchdogUSec,"
                      "WatchdogTimestampMonotonic,NRestarts")
    values = dict(line.split("=", 1) for line in said.strip().split("\n"))
    assert values["ActiveState"] == "active" and values["Type"].startswith("notify"), values
    assert values["WatchdogUSec"] == "1min" and int(values["WatchdogTimestampMonotonic"]) > 0, values
    assert values["NRestarts"] == "0", values


@step
def the_agent_runs_as_a_user_of_its_own(device):
    device.until("ubctl agents | grep -q 'self-update.*running'")
    said = device.run("for p in $(cat /sys/fs/cgroup/system.slice/update-broker.service/cgroup.procs); do "
                      "stat -c %U /proc/$p; done")
    assert sorted(said.split()) == ["root", "update-broker"], said
    assert "broker" in device.run("ubctl status")


@step
def rauc_answers_the_agent_and_root_and_nobody_else(device):
    call = "busctl call de.pengutronix.rauc / de.pengutronix.rauc.Installer GetSlotStatus"
    device.run(call)
    device.run("setpriv --reuid update-broker --clear-groups " + call)
    said = device.run("setpriv --reuid nobody --clear-groups %s 2>&1" % call, check=False)
    assert "denied" in said, said
    said = device.run("ubctl slots")
    assert "rootfs.0" in said and "rootfs.1" in said, said


@step
def the_first_boot_is_confirmed(device):
    device.until("grub-editenv /grubenv/grubenv list | grep -qx A_TRY=0")
    assert device.environment()["A_OK"] == "1"


@step
def an_image_that_is_not_well_is_left_again(device):
    device.run("echo the radio is silent >/data/complaint-v2.0")
    device.apply("sick", "v2.0", "v2.0")
    device.machine.wait_boot()
    assert device.slot() == "B" and device.version() == "v2.0"
    # It leaves by itself.
    device.machine.wait_boot()
    assert device.slot() == "A" and device.version() == "v1.0"
    said = device.ended("sick")
    assert said.startswith("INCOMPLETE") and "20-well" in said, said
    assert device.environment()["B_OK"] == "0"
    device.run("rm /data/complaint-v2.0")


@step
def the_bundle_was_a_verity_bundle(device):
    said = device.run("cat /data/rauc/*")
    assert "installed.transaction" in said, said


@step
def an_image_that_is_well_is_streamed_and_confirmed(device):
    device.run("mkdir -p /run/update-broker/conf.d")
    device.machine.put("/run/update-broker/conf.d/70-stream.conf",
                       '{ "agent": "self-update", "settings": { "mode": "stream" } }')
    device.run("ubctl reload")
    device.apply("good", "v2.0", "v2.0")
    device.machine.wait_boot()
    said = device.ended("good")
    assert said.startswith("COMPLETED"), said
    assert device.slot() == "B" and device.version() == "v2.0"
    environment = device.environment()
    assert environment["ORDER"].startswith("B") and environment["B_OK"] == "1" and environment["B_TRY"] == "0"


@step
def from_an_image_that_does_not_start_the_boot_loader_goes_back(device):
    device.apply("dead", "v3.0", "v3.0")
    device.machine.wait_boot()
    assert device.slot() == "B" and device.version() == "v2.0"
    said = device.ended("dead")
    assert said.startswith("INCOMPLETE") and "v2.0 again" in said, said
    assert "Kernel panic" in device.machine.console() or "No init found" in device.machine.console()


@step
def a_daemon_that_hangs_is_ended_by_the_watchdog_and_started_again(device):
    device.run("mkdir -p /run/systemd/system/update-broker.service.d")
    device.machine.put("/run/systemd/system/update-broker.service.d/soon.conf", "[Service]\nWatchdogSec=10s\n")
    device.run("systemctl daemon-reload && systemctl restart update-broker")
    device.run("kill -STOP $(systemctl show update-broker -p MainPID --value)")
    device.until("[ $(systemctl show update-broker -p NRestarts --value) = 1 ]")
    device.until("ubctl agents | grep -q 'self-update.*running'")


@step
def with_both_slots_bad_the_rescue_system_starts(device):
    device.run("rauc status mark-bad rootfs.0; rauc status mark-bad rootfs.1; systemctl reboot")
    device.machine.wait_boot()
    assert device.slot() == "rescue.0"
    device.until("ubctl agents | grep -q 'self-update.*running'")


def play(device):
    failed = 0
    for function in steps:
        began = time.monotonic()
        try:
            function(device)
            word = "ok"
        except Exception:  # the next step may still tell something
            traceback.print_exc(file=sys.stdout)
            word, failed = "not ok", failed + 1
        print("%s - %s  (%.0f s)" % (word, function.__name__.replace("_", " "), time.monotonic() - began), flush=True)
        if failed:
            print(device.run("journalctl -b --no-pager -u update-broker -u rauc | tail -100", check=False))
            break   # what follows would begin where nothing has ended
    return failed


def main():
    why = what_is_missing()
    if why:
        print("skipped: " + why)
        return 77
    build = os.environ["top_builddir"]
    cache = os.environ.get("DEVICE_CACHE", os.path.join(build, "device-cache"))
    work = tempfile.mkdtemp(prefix="work-", dir=os.makedirs(cache, exist_ok=True) or cache)
    try:
        maker = factory.Factory(cache, work, build)
        disk = os.path.join(work, "disk.img")
        maker.disk(disk, "v1.0")
        paths = {"/v2.0": ranged(maker.bundle("v2.0")),
                 "/v3.0": ranged(maker.bundle("v3.0", spoil=factory.only_a_kernel))}
        with http_server.Server(paths) as server, vm.Machine(work, disk) as machine:
            return 1 if play(Device(machine, server)) else 0
    finally:
        if not os.environ.get("DEVICE_KEEP"):
            subprocess.call(["rm", "-rf", work])


sys.exit(main())
