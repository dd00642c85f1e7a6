#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sizes - many domains, many components, and desired states about as large as they may be

The fake agents run in the daemon's process: what is tried is the broker, not fork(2).  And its state is in memory
where there is a tmpfs: not the disk either.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import TERMINAL, Rig, run  # noqa: E402

TOPIC = "vehicleupdate/desiredstate"
CONFIG = {"phaseTimeout": "2m", "reportFeedbackInterval": "1h"}
MIB = 1024 * 1024


def crew(n_domains, n_components, version="1"):
    return {"d%03d" % i: {"components": [{"id": "c%04d" % k, "version": version} for k in range(n_components)]}
            for i in range(n_domains)}


def apply(rig, payload):
    """Sends a desired state that has been made already; returns what came of it up to the end."""
    rig.backend.publish(TOPIC, b'{"activityId":"A1","timestamp":1,"payload":' + payload + b"}")
    feedback = []
    while not feedback or feedback[-1]["status"] not in TERMINAL:
        feedback.append(rig.feedback("A1", 60))
    return feedback


def desired_state(n_domains, ids, version="2"):
    return json.dumps({"domains": [
        {"id": "d%03d" % i, "components": [{"id": k, "version": version} for k in ids]}
        for i in range(n_domains)]}, separators=(",", ":")).encode()


def go_all_the_way(n_domains, n_components, isolation="none"):
    with Rig(config=CONFIG, in_memory=True) as rig:
        for name, settings in crew(n_domains, n_components).items():
            rig.register(name, settings, isolation=isolation)
        rig.start()
        ids = ["c%04d" % k for k in range(n_components)]
        feedback = apply(rig, desired_state(n_domains, ids))
        # Each of them holds all actions, so there must be few.
        assert [f["status"] for f in feedback] == ["IDENTIFYING", "IDENTIFIED", "RUNNING", "COMPLETED"], feedback
        wanted = {"d%03d:%s" % (i, k) for i in range(n_domains) for k in ids}
        assert {a["component"]["id"] for a in feedback[-1]["actions"]} == wanted
        assert {a["status"] for a in feedback[-1]["actions"]} == {"UPDATE_SUCCESS"}
        activity, inventory = "", {}
        while activity != "A1":
            activity, inventory = rig.message("vehicleupdate/currentstate", 60)
        versions = {n["id"]: n.get("version") for n in inventory["softwareNodes"]}
        assert all(versions[k] == "2" for k in wanted)
        rig.stop()


def five_hundred_domains_of_five_components():
    go_all_the_way(500, 5)


def ten_domains_of_a_thousand_components():
    go_all_the_way(10, 1000)


def a_hundred_agents_in_processes_of_their_own():
    go_all_the_way(100, 5, "process")


def a_desired_state_of_a_mebibyte_ends_with_all_its_actions():
    """Feedback says more of a component than the desired state does, so it is several times as long."""
    with Rig(config=CONFIG, in_memory=True) as rig:
        for name, settings in crew(18, 1).items():
            rig.register(name, settings, isolation="none")
        rig.start()
        payload = desired_state(18, ["%d" % k for k in range(2000)])
        payload += b" " * (MIB - len(payload))
        end = apply(rig, payload)[-1]
        assert end["status"] == "COMPLETED" and len(end["actions"]) >= 18 * 2000, (end["status"], end.get("message"))
        rig.stop()


def a_larger_one_is_refused():
    with Rig(config=CONFIG) as rig:
        for name, settings in crew(1, 1).items():
            rig.register(name, settings, isolation="none")
        rig.start()
        payload = desired_state(1, ["c0000"])
        rig.backend.publish(TOPIC, b'{"activityId":"A0","payload":' + payload + b" " * (MIB + 8192) + b"}")
        _, end = rig.message("vehicleupdate/desiredstatefeedback")
        assert end["status"] == "IDENTIFICATION_FAILED" and end["message"], end
        assert apply(rig, payload)[-1]["status"] == "COMPLETED"
        rig.stop()


def what_the_server_does_not_take_is_said_and_the_next_one_arrives():
    """With MQTT 5, in which the server says how much it takes."""
    rig = Rig(config=CONFIG)
    rig.config["connection"]["protocol"] = "5"
    rig.server.limit(3000)
    with rig:
        for name, settings in crew(1, 1).items():
            rig.register(name, settings, isolation="none")
        rig.start()
        rig.desire("A1", ("d000", {"c%04d" % k: "2" for k in range(50)}))
        rig.wait_log(r"the end of the activity cannot be sent: .*`ubctl history` has it \(activity A1\)")
        rig.desire("A2", ("nowhere", {"x": "1"}))
        assert rig.end("A2")["status"] == "INCOMPLETE"
        rig.stop()


def progress_does_not_pile_up_while_the_server_is_away():
    """Ten times a thousand components, progress as often as can be, and a server that is gone for a while: of the
    progress the newest is sent, and the end."""
    slow = {step: {"delayMs": 20, "steps": 10} for step in ("DOWNLOAD", "UPDATE")}
    with Rig(config=dict(CONFIG, reportFeedbackInterval="1ms"), in_memory=True) as rig:
        for name, settings in crew(10, 1000).items():
            rig.register(name, dict(settings, phases=slow), isolation="none")
        rig.start()
        rig.backend.publish(TOPIC, b'{"activityId":"A1","payload":' +
                            desired_state(10, ["c%04d" % k for k in range(1000)]) + b"}")
        while rig.feedback("A1")["status"] != "RUNNING":
            pass
        rig.backend.close()
        rig.server.stop()
        rig.wait_notified("STATUS=activity A1: ACTIVATE")
        rig.server.start()
        rig.connect()
        assert rig.end("A1")["status"] == "COMPLETED"
        # One message waits at a time, each is a megabyte.
        with open("/proc/%d/status" % rig.process.pid) as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
        # A sanitizer keeps what was freed.
        assert peak < 256 * 1024 or os.environ.get("SANITIZERS") == "yes", peak
        rig.stop()


def the_limit_of_descriptors_is_raised():
    with Rig(config=CONFIG) as rig:
        for name, settings in crew(60, 1).items():
            rig.register(name, settings)
        rig.start(prefix=("prlimit", "--nofile=64:1024"))
        assert apply(rig, desired_state(60, ["c0000"]))[-1]["status"] == "COMPLETED"
        rig.stop()


def too_few_descriptors_harm_only_the_agents_that_find_none():
    """Seen: the broker had none left either, and its first inventory waited for those agents."""
    with Rig(config=CONFIG) as rig:
        for name, settings in crew(60, 1).items():
            rig.register(name, settings)
        rig.start(prefix=("prlimit", "--nofile=128:128"))
        without = set(re.findall(r"Too many open files; starts again in \d+ s \(agent (d\d+)", rig.log()))
        up = sorted(set(crew(60, 1)) - without)
        assert without and up, rig.log()
        rig.desire("A1", (up[0], {"c0000": "2"}))
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


if __name__ == "__main__":
    run([five_hundred_domains_of_five_components, ten_domains_of_a_thousand_components,
         a_hundred_agents_in_processes_of_their_own,
         a_desired_state_of_a_mebibyte_ends_with_all_its_actions, a_larger_one_is_refused,
         what_the_server_does_not_take_is_said_and_the_next_one_arrives,
         progress_does_not_pile_up_while_the_server_is_away, the_limit_of_descriptors_is_raised,
         too_few_descriptors_harm_only_the_agents_that_find_none])
