#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""grub - the grub.cfg that we give away as an example, in the real grub on an emulated PC

Every state of the environment that RAUC can leave behind: what boots, what grub writes back, and that the
boot loader of the other tests (bootloader.py) decides the same.
"""
import itertools
import os
import tempfile

import stage
from bootloader import RESCUE, Grub
from bundles import quiet, source
from firmware import GrubMachine
from stage import need, scenario

SCRIPT = source("plugins", "self-update", "examples", "grub", "grub.cfg")
FRESH = {"ORDER": "A B", "A_OK": 1, "A_TRY": 0, "B_OK": 1, "B_TRY": 0}


@scenario
def grub_reads_the_script():
    need("grub-script-check")
    quiet("grub-script-check", SCRIPT)


@scenario
def a_slot_that_nobody_marks_good_gives_way_to_the_other_and_then_to_rescue():
    with GrubMachine(SCRIPT) as machine:
        assert machine.boot(FRESH) == "A"
        assert machine.variables()["A_TRY"] == "1"
        assert machine.boot() == "B"
        assert machine.boot() == "rescue.0"
        assert machine.boot() == "A", "after rescue the slots have another try"


@scenario
def with_both_slots_bad_the_rescue_system_boots_again_and_again():
    with GrubMachine(SCRIPT) as machine:
        assert machine.boot({"ORDER": "A B", "A_OK": 0, "A_TRY": 0, "B_OK": 0, "B_TRY": 0}) == "rescue.0"
        assert machine.boot() == "rescue.0"
        assert machine.variables()["ORDER"] == "A B"


@scenario
def a_new_or_incomplete_environment_boots_and_is_completed():
    """A new or incomplete environment boots, and is complete afterwards."""
    with GrubMachine(SCRIPT) as machine:
        assert machine.boot({}) == "A"
        assert machine.variables() == {"ORDER": "A B", "A_OK": "1", "A_TRY": "1", "B_OK": "1", "B_TRY": "0"}
        # What RAUC leaves when it activates B on a device without environment.
        assert machine.boot({"ORDER": "B A", "B_OK": 1, "B_TRY": 0}) == "B"
        assert machine.boot() == "A"


@scenario
def without_any_environment_a_slot_boots_all_the_same():
    with GrubMachine(SCRIPT) as machine:
        machine.put(None)
        assert machine.boot() == "A"


@scenario
def the_other_tests_boot_loader_decides_as_grub_does():
    with GrubMachine(SCRIPT) as machine, tempfile.TemporaryDirectory(dir="/run") as folder:
        ours = Grub(os.path.join(folder, "grubenv"))
        for a_ok, a_try, b_ok, b_try in itertools.product((0, 1), repeat=4):
            order = ("A B", "B A")[(a_ok + a_try + b_ok + b_try) % 2]
            state = {"ORDER": order, "A_OK": a_ok, "A_TRY": a_try, "B_OK": b_ok, "B_TRY": b_try}
            ours.set(**state)
            picked = ours.pick()
            started = machine.boot(state)
            assert started == ("rescue.0" if picked == RESCUE else picked), (state, started, picked)
            assert machine.variables() == ours.variables(), (state, machine.variables(), ours.variables())


stage.play()
