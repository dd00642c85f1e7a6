#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples - the rest of plugins/self-update/examples, with a real RAUC

Each system.conf runs on the simulated device as it is but for the places that a test machine has to have elsewhere.
Where the kernel has no device mapper, verity bundles cannot be installed, and one more line differs.
"""
import os
import re
import subprocess

import stage
from bootloader import RESCUE, Firmware, UBoot
from bundles import COMPATIBLE, MIB, quiet, source
from device import Device
from rauc import Refused, busctl, wait_until
from slots import Slot
from stage import Skip, need, scenario

EXAMPLES = ("plugins", "self-update", "examples")


def example(*names):
    with open(source(*EXAMPLES, *names)) as f:
        return f.read()


def has_verity():
    with open("/proc/devices") as f:
        return "device-mapper" in f.read()


class Exemplary(Device):
    """A device with the system.conf of an example."""

    def __init__(self, kind, **more):
        super().__init__(rescue=True, **more)
        self.kind = kind

    def write_conf(self):
        places = {
            "Example Board": COMPATIBLE, "path=ca.pem": "path=" + self.workshop.keyring,
            "/data/rauc": self.path("data"),
            "/dev/disk/by-partlabel/root_a": self.slots["A"].device,
            "/dev/disk/by-partlabel/root_b": self.slots["B"].device,
            "/dev/disk/by-partlabel/rescue": self.slots[RESCUE].device,
            "[keyring]": "mountprefix=%s\n\n[keyring]" % self.path("mnt"),
        }
        if self.kind == "grub":
            places["/grubenv/grubenv"] = self.path("bootenv")
        if self.kind == "efi":
            for name in ("a", "b"):
                self.slots["esp_" + name] = Slot(self.path("esp-" + name), 4 * MIB)
                places["/dev/disk/by-partlabel/esp_" + name] = self.slots["esp_" + name].device
        if not has_verity():
            places["bundle-formats=-plain\n"] = ""
        text = example(self.kind, "system.conf")
        for old, new in places.items():
            assert old in text, old
            text = text.replace(old, new)
        os.mkdir(self.path("data"))
        with open(self.path("system.conf"), "w") as f:
            f.write(text)


def update(device, esp=None):
    """A whole update and both its ends, by hand."""
    device.boot()
    device.rauc.mark("good", "booted")
    bundle = device.workshop.bundle("v2.0", format="verity" if has_verity() else "plain", esp=esp)
    device.rauc.install(bundle)
    assert device.rauc.primary() == "rootfs.0", "nothing is activated yet"
    device.rauc.mark("active", "rootfs.1")
    assert device.reboot() == "B" and device.version == "v2.0"
    device.rauc.mark("good", "booted")
    assert device.reboot() == "B"
    device.rauc.mark("bad", "rootfs.0")
    device.rauc.mark("bad", "rootfs.1")
    assert device.reboot() == RESCUE
    assert device.rauc.slots()["rescue.0"]["state"] == "booted"


@scenario
def the_configuration_for_grub_takes_an_update_and_knows_its_rescue_system():
    with Exemplary("grub") as device:
        update(device)


@scenario
def the_configuration_for_uboot_takes_an_update_and_knows_its_rescue_system():
    need("fw_setenv")
    with Exemplary("uboot", boot_loader=UBoot) as device:
        update(device)


@scenario
def a_slot_of_uboot_has_three_tries():
    need("fw_setenv")
    with Exemplary("uboot", boot_loader=UBoot) as device:
        device.boot()
        device.rauc.install(device.workshop.bundle("v2.0"))
        device.rauc.mark("active", "rootfs.1")
        device.shut_down()
        assert [device.boot(hangs=True) for _ in range(3)] == ["B", "B", "B"]
        assert device.boot() == "A" and device.version == "v1.0"


@scenario
def one_damaged_copy_of_the_uboot_environment_does_no_harm():
    """One damaged copy of U-Boot's environment does no harm."""
    need("fw_setenv")
    with Device(boot_loader=UBoot) as device:
        device.boot()
        device.rauc.mark("active", "rootfs.1")
        before = device.boot_loader.variables()
        with open(device.path("bootenv"), "r+b") as f:
            for copy in (0, 0x4000):
                f.seek(copy)
                saved = f.read(64)
                f.seek(copy)
                f.write(b"\xff" * 64)
                f.flush()
                # The copy that was written last is the newer one; the other is one change older.
                assert device.boot_loader.variables()["BOOT_A_LEFT"] == before["BOOT_A_LEFT"]
                f.seek(copy)
                f.write(saved)
                f.flush()


def kernel(version):
    """An EFI system partition that says which version it is."""
    path = Device.workshop.path("esp-%s.vfat" % version)
    if not os.path.exists(path):
        quiet("mkfs.vfat", "-C", "-n", "KERNEL-" + version, path, "2048")
    return path


def kernel_in(slot):
    return subprocess.check_output(["blkid", "-p", "-o", "value", "-s", "LABEL", slot.device], text=True).strip()


@scenario
def the_configuration_for_efi_takes_an_update_and_knows_its_rescue_system():
    """The configuration for EFI takes an update and knows its rescue system, with a boot manager of the test's own."""
    need("mkfs.vfat")
    with Exemplary("efi", boot_loader=Firmware) as device:
        update(device, esp=kernel("2"))
        assert kernel_in(device.slots["esp_b"]) == "KERNEL-2", "it came with its system"
        assert device.boot_loader.state() == ("rescue", None)


@scenario
def a_slot_of_the_firmware_is_tried_once():
    need("mkfs.vfat")
    with Exemplary("efi", boot_loader=Firmware) as device:
        device.boot()
        device.rauc.install(device.workshop.bundle("v2.0", esp=kernel("2")))
        device.rauc.mark("active", "rootfs.1")
        assert device.boot_loader.state()[1] == "B"
        device.shut_down()
        assert device.boot(hangs=True) == "B"
        assert device.boot() == "A" and device.version == "v1.0"


@scenario
def partitions_are_where_the_scripts_look_for_them():
    for kind, script in (("grub", "grub.cfg"), ("uboot", "boot.cmd")):
        names = re.findall(r"^part .*--part-name (\w+)", example(kind, "rauc.wks"), re.M)
        text = example(kind, script)
        for root in ("rescue", "root_a", "root_b"):
            number = names.index(root) + 1
            pattern = r"start \S+ %d %s\b" if kind == "grub" else r"slot_part %d\n\s*setenv slot_root %s\b"
            assert re.search(pattern % (number, root), text), (kind, root, number)
            assert "/dev/disk/by-partlabel/" + root in example(kind, "system.conf")
        assert re.findall(r"root_[ab] --fixed-size (\w+)", example(kind, "rauc.wks")) == ["2048M", "2048M"]
    offsets = re.findall(r"^/dev/\S+\s+(\S+)\s+(\S+)", example("uboot", "fw_env.config"), re.M)
    config = dict(line.split("=") for line in example("uboot", "uboot.config").split("\n") if line.startswith("CONFIG"))
    assert offsets == [(config["CONFIG_ENV_OFFSET"], config["CONFIG_ENV_SIZE"]),
                       (config["CONFIG_ENV_OFFSET_REDUND"], config["CONFIG_ENV_SIZE"])]


@scenario
def with_our_policy_only_root_may_speak_with_rauc():
    with Device(policy=source(*EXAMPLES, "rauc-access.conf")) as device:
        device.boot()
        device.rauc.mark("good", "booted")
        call = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", "--system", "call",
                "--auto-start=no", "de.pengutronix.rauc", "/", "de.pengutronix.rauc.Installer"]
        done = subprocess.run(call + ["Mark", "ss", "bad", "booted"], capture_output=True, text=True)
        assert done.returncode and "Access denied" in done.stderr, done
        assert device.boot_loader.state().startswith("A B, A 1 0")
    with Device() as device:
        device.boot()
        subprocess.check_call(call + ["Mark", "ss", "bad", "booted"], stdout=subprocess.DEVNULL)
        assert device.boot_loader.state().startswith("A B, A 0 0"), "without it, everybody may"


@scenario
def another_signer_of_the_same_authority_is_trusted():
    with Device() as device:
        device.boot()
        keys = device.workshop.keys("ours")
        quiet(device.workshop.script, "signer", keys, "replacement")
        bundle = device.workshop.bundle("v2.1")
        assert "replacement update signer" in quiet("rauc", "--conf=" + device.path("system.conf"), "info", bundle)
        device.rauc.install(bundle)


@scenario
def a_verity_bundle_is_installed():
    if not has_verity():
        raise Skip("this kernel has no device mapper")
    with Device() as device:
        device.boot()
        device.rauc.install(device.workshop.bundle("v2.0", format="verity"))
        assert device.slot_version("B") == "v2.0"


@scenario
def a_verity_bundle_says_what_it_is():
    with Device() as device:
        device.boot()
        bundle = device.workshop.bundle("v2.0", format="verity")
        assert busctl("call", "de.pengutronix.rauc", "/", "de.pengutronix.rauc.Installer", "Info", "s", bundle) == \
            [COMPATIBLE, "v2.0"]
        try:
            device.rauc.call("Info", "s", device.workshop.bundle("v2.0", signer="stranger", format="verity"))
            raise AssertionError("RAUC trusts a stranger")
        except Refused:
            pass


@scenario
def a_rauc_that_was_killed_can_install_again():
    with Device() as device:
        device.boot()
        device.rauc.begin(device.workshop.bundle("v1.5", hook="sleep 600"))
        slot, bundle = device.path("mnt", "rootfs.1"), device.path("mnt", "bundle")
        wait_until(lambda: os.path.ismount(slot), "it is in the hook")
        device.rauc.kill()
        assert os.path.ismount(slot) and os.path.ismount(bundle)
        device.rauc.start()
        assert not os.path.ismount(slot) and not os.path.ismount(bundle)
        device.rauc.install(device.workshop.bundle("v2.0"))
        assert device.slot_version("B") == "v2.0"


@scenario
def only_what_is_below_the_prefix_is_unmounted():
    inner, outer = "/run/an odd place/slot/inner", "/run/an odd place too/slot"
    for point in (os.path.dirname(inner), inner, outer):
        os.makedirs(point)
        quiet("mount", "-t", "tmpfs", "none", point)
    with open("/run/odd.conf", "w") as f:
        f.write("[system]\n  mountprefix = /run/an odd place/\n")
    said = quiet(source(*EXAMPLES, "unmount-leftovers"), "/run/odd.conf")
    assert [os.path.ismount(p) for p in (os.path.dirname(inner), inner, outer)] == [False, False, True], said
    assert quiet(source(*EXAMPLES, "unmount-leftovers"), "/run/odd.conf") == ""


stage.play()
