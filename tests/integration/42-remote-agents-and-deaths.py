#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""remote-agents-and-deaths - kill -9 of the daemon and loss of the MQTT server, with agents behind MQTT

As 31-daemon-dies.py, for agents that go on living while the daemon is dead.
"""
import contextlib
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from kanto_agent import KantoAgent  # noqa: E402
from rig import Rig, run  # noqa: E402

STEPS = ("IDENTIFY", "DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP")
WANTED = (("containers", {"hello-world": "2"}), ("self-update", {"os-image": "v2"}))
TOPIC = "vehicleupdate/desiredstatefeedback"


@contextlib.contextmanager
def device():
    with Rig(plugins=("remote",)) as rig, \
            KantoAgent(rig, "containers", {"hello-world": "1"}) as containers, \
            KantoAgent(rig, "self-update", {"os-image": "v1"}) as system:
        for agent in (containers, system):
            # What an agent says while the server is away is lost; then it is asked again, soon.
            rig.register(agent.domain, {"readTimeout": "2s", "answerTimeout": "1s"}, plugin="remote",
                         services=["mqtt"], topics=[agent.prefix + "/#"])
        rig.start()
        yield rig
        assert containers.installed == {"hello-world": "2"}, containers.installed
        assert system.installed == {"os-image": "v2"}, system.installed
        rig.stop()


def completes(rig, step):
    end = rig.end("A1")
    assert end["status"] == "COMPLETED", (step, end)
    rig.quiet(TOPIC)


def without_a_fault_they_complete():
    with device() as rig:
        rig.desire("A1", *WANTED)
        completes(rig, None)


def kill_in_every_phase():
    for step in STEPS:
        with device() as rig:
            rig.desire("A1", *WANTED)
            rig.wait_notified("STATUS=activity A1: " + step)
            rig.kill()
            rig.start(connected=False)
            completes(rig, step)


def kill_at_every_boundary_in_turn():
    with device() as rig:
        rig.desire("A1", *WANTED)
        for step in STEPS:
            rig.wait_notified("STATUS=activity A1: " + step)
            rig.kill()
            rig.start(connected=False)
        completes(rig, "all")


def the_mqtt_server_goes_away_in_every_phase():
    for step in STEPS:
        with device() as rig:
            rig.desire("A1", *WANTED)
            rig.wait_notified("STATUS=activity A1: " + step)
            # Held, so that the backend is back before the daemon is: it would miss what it is told.
            rig.process.send_signal(signal.SIGSTOP)
            rig.backend.close()
            rig.server.stop()
            rig.server.start()
            rig.connect()
            rig.process.send_signal(signal.SIGCONT)
            completes(rig, step)


if __name__ == "__main__":
    run([without_a_fault_they_complete, kill_in_every_phase, kill_at_every_boundary_in_turn,
         the_mqtt_server_goes_away_in_every_phase])
