#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""uboot - the boot.cmd that we give away as an example, in the real U-Boot on an emulated board

The U-Boot that Debian has for QEMU keeps one copy of its environment, so the second one, which a device must have, is
tried with the tools that Linux uses (libubootenv), not in U-Boot itself.
"""
import stage
from bootloader import RESCUE, UBoot
from bundles import source
from firmware import UBootMachine
from stage import scenario

SCRIPT = source("plugins", "self-update", "examples", "uboot", "boot.cmd")


@scenario
def a_device_from_the_factory_boots_a_and_counts():
    with UBootMachine(SCRIPT) as machine:
        assert machine.boot({}) == "A"
        assert machine.variables() == {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "2", "BOOT_B_LEFT": "3"}
        assert "rauc.slot=A" in machine.said and "root=PARTLABEL=root_a" in machine.said


@scenario
def a_slot_without_tries_gives_way_to_the_other_and_then_to_rescue():
    with UBootMachine(SCRIPT) as machine:
        assert machine.boot({"BOOT_ORDER": "B A", "BOOT_A_LEFT": "1", "BOOT_B_LEFT": "1"}) == "B"
        assert machine.boot() == "A"
        assert machine.boot() == "rescue.0"
        assert machine.boot() == "B", "after rescue the slots have their tries again"


@scenario
def with_both_slots_bad_the_rescue_system_boots_again_and_again():
    with UBootMachine(SCRIPT) as machine:
        # RAUC takes a bad slot out of the order; an order without any is no variable at all.
        assert machine.boot({"BOOT_A_LEFT": "0", "BOOT_B_LEFT": "0"}) == "rescue.0"
        assert machine.boot() == "rescue.0"
        assert machine.variables() == {"BOOT_A_LEFT": "0", "BOOT_B_LEFT": "0"}


@scenario
def counters_are_hexadecimal():
    with UBootMachine(SCRIPT) as machine:
        assert machine.boot({"BOOT_ORDER": "A", "BOOT_A_LEFT": "a"}) == "A"
        assert machine.variables()["BOOT_A_LEFT"] == "9"


@scenario
def the_other_tests_boot_loader_decides_as_uboot_does():
    with UBootMachine(SCRIPT) as machine:
        for order, a, b in (("A B", "3", "3"), ("B A", "3", "3"), ("B A", "0", "1"), ("B", "0", "0"), ("A B", "0", "0"),
                            ("", "0", "0"), ("A", "2", "0")):
            state = {"BOOT_ORDER": order, "BOOT_A_LEFT": a, "BOOT_B_LEFT": b}
            started = machine.boot({k: v for k, v in state.items() if v})
            picked, after = UBoot.decide(state)
            assert started == ("rescue.0" if picked == RESCUE else picked), (state, started, picked)
            assert machine.variables() == {k: v for k, v in after.items() if v}, (state, machine.variables(), after)


stage.play()
