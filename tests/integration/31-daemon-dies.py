#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daemon-dies - kill -9 of the daemon and loss of the MQTT server, in every phase

Whatever happens in the middle of it, an activity ends with one terminal feedback and both domains updated.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import Rig, run  # noqa: E402

STEPS = ("IDENTIFY", "DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP")
SLOW = {step: {"delayMs": 60} for step in STEPS}
AGENTS = {
    "containers": {"components": [{"id": "hello-world", "version": "1"}], "phases": SLOW},
    "self-update": {"components": [{"id": "os-image", "version": "v1"}], "phases": SLOW},
}
WANTED = (("containers", {"hello-world": "2"}), ("self-update", {"os-image": "v2"}))
TOPIC = "vehicleupdate/desiredstatefeedback"


def is_updated(rig):
    activity, inventory = rig.message("vehicleupdate/currentstate")
    versions = {n["id"]: n.get("version") for n in inventory["softwareNodes"]}
    assert versions["containers:hello-world"] == "2", versions
    assert versions["self-update:os-image"] == "v2", versions


def kill_in_every_phase():
    for step in STEPS:
        with Rig(AGENTS) as rig:
            rig.start()
            rig.desire("A1", *WANTED)
            rig.wait_notified("STATUS=activity A1: " + step)
            rig.kill()
            rig.start(connected=False)
            end = rig.end("A1")
            assert end["status"] == "COMPLETED", (step, end)
            is_updated(rig)
            rig.quiet(TOPIC)
            rig.stop()


def kill_at_every_boundary_in_turn():
    """One activity, and a daemon that is killed each time that it has come a phase further."""
    with Rig(AGENTS) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        for step in STEPS:
            rig.wait_notified("STATUS=activity A1: " + step)
            rig.kill()
            rig.start(connected=False)
        end = rig.end("A1")
        assert end["status"] == "COMPLETED", end
        is_updated(rig)
        rig.quiet(TOPIC)
        rig.stop()


def the_mqtt_server_goes_away_in_every_phase():
    for step in STEPS:
        with Rig(AGENTS) as rig:
            rig.start()
            rig.desire("A1", *WANTED)
            rig.wait_notified("STATUS=activity A1: " + step)
            # Held, so that the backend is back before the daemon is: it would miss what it is told.
            rig.process.send_signal(signal.SIGSTOP)
            rig.backend.close()
            rig.server.stop()
            rig.server.start()
            rig.connect()
            rig.process.send_signal(signal.SIGCONT)
            end = rig.end("A1")
            assert end["status"] == "COMPLETED", (step, end)
            rig.quiet(TOPIC)
            rig.stop()


def an_activity_outlives_an_orderly_restart():
    with Rig(AGENTS) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        rig.wait_notified("STATUS=activity A1: UPDATE")
        rig.stop()
        rig.start(connected=False)
        assert rig.end("A1")["status"] == "COMPLETED"
        is_updated(rig)
        rig.stop()


if __name__ == "__main__":
    run([kill_in_every_phase, kill_at_every_boundary_in_turn,
         the_mqtt_server_goes_away_in_every_phase, an_activity_outlives_an_orderly_restart])
