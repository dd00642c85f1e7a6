#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""agents-that-cannot-run - a domain that nobody can serve fails at once, and says why

phaseTimeout is ten minutes here: no test waits for it.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import Rig, run  # noqa: E402

CONTAINERS = {"components": [{"id": "hello-world", "version": "1"}]}
SELF_UPDATE = {"components": [{"id": "os-image", "version": "v1"}]}
WANTED = (("containers", {"hello-world": "2"}), ("self-update", {"os-image": "v2"}))
PATIENT = {"phaseTimeout": "10m"}


def fails(rig, activity, *words):
    rig.desire(activity, *WANTED)
    end = rig.end(activity)
    assert end["status"] == "IDENTIFICATION_FAILED", end
    assert "[self-update]: the agent cannot run: " in end["message"], end
    for word in words:
        assert word in end["message"], end


def a_plugin_that_is_not_there():
    with Rig({"containers": CONTAINERS}, PATIENT) as rig:
        rig.register("self-update", {}, plugin="nowhere")
        rig.start()
        fails(rig, "A1", "nowhere.so", "No such file")
        rig.stop()


def a_plugin_that_cannot_be_loaded():
    with Rig({"containers": CONTAINERS}, PATIENT) as rig:
        path = rig.path("plugins", "empty.so")
        with open(path, "w") as f:
            f.write("no ELF")
        os.chmod(path, 0o755)
        rig.register("self-update", {}, plugin="empty")
        rig.start()
        fails(rig, "A1", "empty.so")
        rig.stop()


def a_registration_with_a_fault():
    with Rig({"containers": CONTAINERS}, PATIENT) as rig:
        rig.register("self-update", SELF_UPDATE, plugin="../fake")
        rig.start()
        fails(rig, "A1", "50-self-update.conf")
        # Mended: what was said of the old one is forgotten.
        rig.register("self-update", SELF_UPDATE)
        rig.hang_up()
        rig.wait_log("the new configuration is in force")
        rig.desire("A2", *WANTED)
        assert rig.end("A2")["status"] == "COMPLETED"
        rig.stop()


def a_plugin_that_dies_whenever_it_is_started():
    """Its last death comes in the middle of the activity, which then need not wait any more."""
    with Rig({"containers": CONTAINERS}, PATIENT) as rig:
        rig.register("self-update", dict(SELF_UPDATE, phases={"DOWNLOAD": {"result": "crash"}}))
        rig.start()
        for n in range(1, 5):
            rig.desire("A%d" % n, *WANTED)
            assert "the agent died" in rig.end("A%d" % n)["message"]
        rig.desire("A5", *WANTED)
        end = rig.end("A5")
        assert end["status"] == "INCOMPLETE" and "the agent died" in end["message"], end
        rig.wait_log("stays down")
        fails(rig, "A6")
        rig.stop()


if __name__ == "__main__":
    run([a_plugin_that_is_not_there, a_plugin_that_cannot_be_loaded, a_registration_with_a_fault,
         a_plugin_that_dies_whenever_it_is_started])
