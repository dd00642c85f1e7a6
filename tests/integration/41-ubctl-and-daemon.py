#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ubctl-and-daemon - each command of ubctl against the daemon itself, without any MQTT server"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, TOP, Rig, run  # noqa: E402

STEPS = ("IDENTIFY", "DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP")
SLOW = {step: {"delayMs": 60} for step in STEPS}
HELLO = {"components": [{"id": "hello-world", "version": "1"}]}
WANTED = '{"activityId":"%s","payload":{"domains":[{"id":"containers","components":' \
         '[{"id":"hello-world","version":"%s"}]}]}}'


def start_ubctl(rig, *arguments):
    return subprocess.Popen([os.path.join(TOP, "ubctl"), "--socket", rig.runtime + "/control", *arguments],
                            env=rig.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def ubctl(rig, *arguments, text=None):
    process = start_ubctl(rig, *arguments)
    out, err = process.communicate(text, timeout=PATIENCE)
    return process.returncode, out, err


def what_there_is_is_shown():
    with Rig({"containers": HELLO}, mqtt=False) as rig:
        rig.start()
        status, out, err = ubctl(rig, "status")
        assert (status, err) == (0, "") and "agents      1 of 1 running" in out, out
        status, out, err = ubctl(rig, "agents")
        assert (status, err) == (0, "") and out.splitlines()[1].split()[:5] == \
            ["containers", "hosted", "fake", "process", "running"], out
        status, out, err = ubctl(rig, "inventory")
        assert (status, err) == (0, "") and "hello-world" in out, out
        assert ubctl(rig, "apply", "-w", "-", text=WANTED % ("A1", "2"))[0] == 0
        status, out, err = ubctl(rig, "history")
        assert (status, err) == (0, "") and out.splitlines()[1].split()[-2:] == ["A1", "COMPLETED"], out
        for command in ("status", "agents", "inventory", "history"):
            assert json.loads(ubctl(rig, command, "--json")[1])
        rig.stop()


def the_outcome_is_the_exit_status():
    cases = [("A1", {}, 0), ("A2", {"DOWNLOAD": {"result": "fail"}}, 3), ("A3", {"IDENTIFY": {"result": "fail"}}, 4)]
    for activity, phases, expected in cases:
        with Rig({"containers": dict(HELLO, phases=phases)}, mqtt=False) as rig:
            rig.start()
            status, out, err = ubctl(rig, "apply", "--watch", "-", text=WANTED % (activity, "2"))
            assert (status, err) == (expected, ""), (activity, status, out, err)
            assert ubctl(rig, "watch", activity)[0] == expected
            rig.stop()


def a_cancelled_activity_is_incomplete():
    with Rig({"containers": dict(HELLO, phases={"DOWNLOAD": {"result": "hang"}})}, mqtt=False) as rig:
        rig.start()
        process = start_ubctl(rig, "apply", "--watch", "-")
        process.stdin.write(WANTED % ("A1", "2"))
        process.stdin.close()
        process.stdin = None
        rig.wait_notified("STATUS=activity A1: DOWNLOAD")
        assert ubctl(rig, "cancel") == (0, "A1\n", "")
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (3, ""), (process.returncode, out, err)
        assert out.splitlines()[-1] == "A1 INCOMPLETE: cancelled by request", out
        assert ubctl(rig, "cancel", "A1") == (1, "", "ubctl: activity A1 does not run\n")
        rig.stop()


def watching_outlives_the_daemon_in_every_phase():
    with Rig({"containers": dict(HELLO, phases=SLOW)}, mqtt=False) as rig:
        rig.start()
        process = start_ubctl(rig, "apply", "--watch", "-")
        process.stdin.write(WANTED % ("A1", "2"))
        process.stdin.close()
        process.stdin = None
        for step in STEPS[1:]:
            rig.wait_notified("STATUS=activity A1: " + step)
            rig.kill()
            rig.start()
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, (process.returncode, out, err)
        assert out.splitlines()[-1].startswith("A1 COMPLETED"), out
        assert "waiting for it to come back" in err, err
        rig.stop()


def agents_are_enabled_and_disabled():
    with Rig({"containers": HELLO}, mqtt=False) as rig:
        rig.start()
        conf = rig.path("conf.d")
        assert ubctl(rig, "disable", "containers", "--conf-dir", conf) == (0, "containers: disabled\n", "")
        rig.wait_notified("STATUS=idle, 0 of 0 agents run")
        assert "containers" not in ubctl(rig, "agents")[1]
        rig.forget_notified()
        assert ubctl(rig, "enable", "containers", "--conf-dir", conf) == (0, "containers: enabled\n", "")
        rig.wait_notified("STATUS=idle, 1 of 1 agents run")
        rig.stop()


def a_faulty_configuration_is_named_with_its_place():
    with Rig({"containers": HELLO}, mqtt=False) as rig:
        rig.start()
        with open(rig.path("config.json"), "w") as f:
            f.write('{\n  "rebootCommand": "reboot"\n}\n')
        arguments = ("--config-file", rig.path("config.json"), "--conf-dir", rig.path("conf.d"), "--plugin-dir",
                     rig.path("plugins"), "--agent-host", os.path.join(TOP, "ub-agent-host"))
        status, out, err = ubctl(rig, "check-config", *arguments)
        place = rig.path("config.json") + ":2:3: "
        assert (status, err) == (1, "") and "error: " + place + "rebootCommand: expected an array" in out, out
        status, _, err = ubctl(rig, "reload")
        assert status == 1 and err.startswith("ubctl: " + place + "rebootCommand: expected an array"), err
        rig.stop()


if __name__ == "__main__":
    run([what_there_is_is_shown, the_outcome_is_the_exit_status, a_cancelled_activity_is_incomplete,
         watching_outlives_the_daemon_in_every_phase, agents_are_enabled_and_disabled,
         a_faulty_configuration_is_named_with_its_place])
