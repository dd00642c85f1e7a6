#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""the-rig - RAUC by itself on the simulated device, before anything of ours is put on it

What the self-update agent relies on, seen on the RAUC that is installed here.  When one of these fails on a
later RAUC, it is the agent's assumptions that need a look.
"""
import os

import stage
from device import Device
from rauc import Refused, wait_until
from stage import scenario

SLOW = "sleep 8"


def refused(device, bundle):
    try:
        device.rauc.install(bundle)
    except Refused as error:
        return str(error)
    raise AssertionError("RAUC has installed " + bundle)


def good(version="v2.0"):
    return Device.workshop.bundle(version)


@scenario
def an_update_boots_and_stays_when_it_is_marked_good():
    with Device(activate_installed=True) as device:
        assert device.boot() == "A" and device.version == "v1.0"
        device.rauc.mark("good", "booted")
        device.rauc.install(good())
        assert device.rauc.primary() == "rootfs.1"
        assert device.reboot() == "B" and device.version == "v2.0"
        assert device.rauc.get("BootSlot") == "B"
        assert device.rauc.slots()["rootfs.1"]["boot-status"] == "bad", "on trial"
        device.rauc.mark("good", "booted")
        assert device.reboot() == "B"


@scenario
def an_update_that_hangs_falls_back():
    with Device(activate_installed=True) as device:
        device.boot()
        device.rauc.mark("good", "booted")
        device.rauc.install(good())
        device.shut_down()
        assert device.boot(hangs=True) == "B"
        assert device.boot() == "A" and device.version == "v1.0"
        assert device.boot_loader.state() == "B A, A 1 1, B 1 1"


@scenario
def an_installation_without_activation_leaves_the_boot_order_alone():
    with Device() as device:
        device.boot()
        device.rauc.mark("good", "booted")
        device.rauc.install(good())
        assert device.boot_loader.state() == "A B, A 1 0, B 0 0"
        assert device.rauc.primary() == "rootfs.0"
        assert device.rauc.slots()["rootfs.1"]["bundle.version"] == "v2.0"
        device.rauc.mark("active", "rootfs.1")
        assert device.boot_loader.state() == "B A, A 1 0, B 1 0"
        assert device.reboot() == "B"


@scenario
def with_two_bad_slots_the_rescue_system_boots():
    with Device(rescue=True) as device:
        device.boot()
        device.rauc.mark("bad", "rootfs.0")
        device.rauc.mark("bad", "rootfs.1")
        assert device.reboot() == "R"
        assert device.reboot() == "R", "and again"


@scenario
def what_must_not_be_installed_is_refused_and_touches_nothing():
    with Device() as device:
        device.boot()
        device.rauc.mark("good", "booted")
        before, slot = device.boot_loader.state(), device.slots["B"].read(1 << 20)
        workshop = device.workshop
        assert "Compatible mismatch" in refused(device, workshop.bundle("v3.0", compatible="Other Board"))
        assert "Verify error" in refused(device, workshop.bundle("v4.0", signer="stranger"))
        assert "verification failure" in refused(device, workshop.damaged(good(), "corrupt"))
        assert "exceeds bundle size" in refused(device, workshop.damaged(good(), "truncated"))
        assert "No target slot" in refused(device, workshop.bundle("v6.0", slot="appfs"))
        assert device.boot_loader.state() == before
        assert device.slots["B"].read(1 << 20) == slot


@scenario
def what_fails_half_way_leaves_a_slot_that_does_not_boot():
    with Device() as device:
        device.boot()
        device.rauc.mark("good", "booted")
        assert "No space left" in refused(device, device.workshop.bundle("v5.0", size=48 << 20)) or \
            "too small" in device.rauc.get("LastError")
        assert device.boot_loader.state() == "A B, A 1 0, B 0 0"
        assert "12" in refused(device, device.workshop.bundle("v8.0", hook="exit 12"))
        assert device.boot_loader.state() == "A B, A 1 0, B 0 0"
        assert device.reboot() == "A"


@scenario
def rauc_is_killed_in_the_middle():
    """RAUC is killed in the middle: the device boots, and installs again after that."""
    with Device() as device:
        device.boot()
        device.rauc.mark("good", "booted")
        device.rauc.begin(device.workshop.bundle("v7.0", hook=SLOW))
        wait_until(lambda: os.path.ismount(device.path("mnt", "bundle")), "the bundle is mounted")
        device.power_off()
        assert device.boot() == "A"
        device.rauc.mark("good", "booted")
        device.rauc.install(good())
        assert device.slot_version("B") == "v2.0"


@scenario
def a_second_client_makes_the_operation_lie():
    with Device() as device:
        device.boot()
        device.rauc.begin(device.workshop.bundle("v7.0", hook=SLOW))
        wait_until(lambda: device.rauc.get("Operation") == "installing", "it installs")
        try:
            device.rauc.begin(good())
            raise AssertionError("two at once")
        except Refused as refused_:
            assert "already processing" in str(refused_).lower(), refused_
        assert device.rauc.get("Operation") == "idle" and device.rauc.is_busy()
        wait_until(lambda: not device.rauc.is_busy(), "the first has ended")
        assert device.slot_version("B") == "v7.0"


@scenario
def every_call_is_written_down():
    with Device() as device:
        device.boot()
        device.rauc.mark("good", "booted")
        device.rauc.mark("bad", "rootfs.1")
        assert device.rauc.calls("Mark") == [["good", "booted"], ["bad", "rootfs.1"]]
        assert device.rauc.calls("InstallBundle") == []


stage.play()
