#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""system-bus - org.updatebroker1 as busctl sees it, and who may do what there and on the private socket

The bus is the test's own, with the rules of a real one and the policy that is installed.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, TOP, Rig, run, skip  # noqa: E402

AGENT = {"components": [{"id": "hello-world", "version": "1"}]}
WANTED = '{"activityId":"A1","payload":{"domains":[{"id":"containers","components":' \
         '[{"id":"hello-world","version":"2"}]}]}}'
NAME = "org.updatebroker1"
STRANGER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
MEMBER = ["setpriv", "--reuid=65534", "--regid=65534", "--groups=4242"]
DENIED = "Call failed: Access denied\n"  # busctl has a text of its own for it
ONLY = "only root and the user of update-brokerd may "


def busctl(rig, *arguments, prefix=(), verb=("call", NAME, "/org/updatebroker1", NAME)):
    """(what was returned, what was complained of)"""
    done = subprocess.run([*prefix, "busctl", "--json=short", *verb, *arguments], env=rig.environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    answer = json.loads(done.stdout)["data"] if done.returncode == 0 and done.stdout.strip() else []
    assert (done.returncode == 0) == (done.stderr == ""), done
    return (answer[0] if answer else None), done.stderr


def ubctl(rig, *arguments, prefix=()):
    done = subprocess.run([*prefix, os.path.join(TOP, "ubctl"), "--socket", rig.runtime + "/control", *arguments],
                          env=rig.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def documents_and_requests():
    with Rig({"containers": AGENT}, bus=True) as rig:
        rig.start()
        rig.wait_log("system bus: serving org.updatebroker1")
        status = json.loads(busctl(rig, "Status")[0])
        assert status["domain"] == "vehicle" and status["agents"] == {"total": 1, "running": 1}, status
        agents = json.loads(busctl(rig, "Agents")[0])["agents"]
        assert [(a["id"], a["state"], a["isolation"]) for a in agents] == [("containers", "running", "process")], agents
        assert json.loads(busctl(rig, "Inventory")[0])["softwareNodes"][0]["id"] == "vehicle-update-manager"
        assert json.loads(busctl(rig, "History")[0]) == {"activities": []}
        assert json.loads(busctl(rig, "CheckConfig")[0])["problems"] == []

        assert busctl(rig, "Apply", "sa{sv}", WANTED, "0") == ("A1", "")
        assert rig.end("A1")["status"] == "COMPLETED"
        assert busctl(rig, "Apply", "sa{sv}", WANTED, "1", "activityId", "s", "A2") == ("A2", "")
        assert rig.end("A2")["status"] == "COMPLETED"
        history = json.loads(busctl(rig, "History")[0])["activities"]
        assert [(a["activityId"], a["status"]) for a in history] == [("A2", "COMPLETED"), ("A1", "COMPLETED")], history
        assert busctl(rig, "Cancel", "s", "") == (None, "Call failed: no activity runs\n")
        assert busctl(rig, "Apply", "sa{sv}", '{"domains":7}', "0") == \
            (None, "Call failed: domains: expected an array, not a number\n")

        rig.forget_notified()
        assert busctl(rig, "Disable", "s", "containers") == (None, "")
        rig.wait_notified("STATUS=idle, 0 of 1 agents run")
        rig.forget_notified()
        assert busctl(rig, "Enable", "s", "containers") == (None, "")
        rig.wait_notified("STATUS=idle, 1 of 1 agents run")
        assert busctl(rig, "Enable", "s", "typo") == (None, "Call failed: there is no agent typo\n")
        assert busctl(rig, "Reload") == (None, "")
        rig.wait_log("the new configuration is in force")
        rig.stop()


def it_describes_itself():
    with Rig({"containers": AGENT}, mqtt=False, bus=True) as rig:
        rig.start()
        rig.wait_log("system bus: serving org.updatebroker1")
        done = subprocess.run(["busctl", "introspect", NAME, "/org/updatebroker1", NAME], env=rig.environment,
                              text=True, stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
        members = sorted(tuple(line.split()[:4]) for line in done.stdout.splitlines()[1:])
        assert members == sorted([
            (".Agents", "method", "-", "s"), (".Apply", "method", "sa{sv}", "s"), (".Cancel", "method", "s", "s"),
            (".CheckConfig", "method", "-", "s"), (".Disable", "method", "s", "-"), (".Enable", "method", "s", "-"),
            (".History", "method", "-", "s"), (".Inventory", "method", "-", "s"), (".Reload", "method", "-", "-"),
            (".Status", "method", "-", "s"), (".Subscribe", "method", "-", "-"), (".Unsubscribe", "method", "-", "-"),
            (".AgentChanged", "signal", "ss", "-"), (".CurrentState", "signal", "ss", "-"),
            (".Feedback", "signal", "ss", "-")]), members
        assert busctl(rig, "Subscribe") == (None, "")
        assert busctl(rig, "Unsubscribe") == (None, "")
        rig.stop()


def a_bus_that_is_restarted_is_served_again():
    with Rig({"containers": AGENT}, mqtt=False, bus=True) as rig:
        rig.start()
        rig.wait_log("system bus: serving org.updatebroker1")
        rig.bus.stop()
        rig.wait_log("system bus: the connection is lost")
        assert ubctl(rig, "agents")[0] == 0
        rig.bus.start()
        rig.wait_log("(?s)serving org.updatebroker1.*serving org.updatebroker1")
        assert busctl(rig, "Status")[1] == ""
        rig.stop()


def need_root():
    if os.geteuid() == 0 and shutil.which("setpriv"):
        return True
    print("# NOT TESTED without root and setpriv: other users")
    return False


def strangers_hear_why_and_members_may_look():
    if not need_root():
        return
    with Rig({"containers": AGENT}, bus=True) as rig:
        rig.runtime = rig.public
        rig.start()
        rig.wait_log("system bus: serving org.updatebroker1")
        _, complaint = busctl(rig, "Status", prefix=STRANGER)
        assert complaint == DENIED, complaint
        assert busctl(rig, "Reload", prefix=MEMBER) == (None, DENIED)
        status, _, complaint = ubctl(rig, "status", prefix=STRANGER)
        assert status == 1 and complaint.startswith("ubctl: " + ONLY + "look;"), complaint

        rig.stop()
        rig.config["control"] = {"group": "4242"}
        rig.start()
        rig.wait_log("(?s)serving org.updatebroker1.*serving org.updatebroker1")
        assert json.loads(busctl(rig, "Status", prefix=MEMBER)[0])["domain"] == "vehicle"
        assert busctl(rig, "Subscribe", prefix=MEMBER) == (None, "")
        for call in (["Apply", "sa{sv}", WANTED, "0"], ["Cancel", "s", ""], ["Reload"], ["Enable", "s", "containers"],
                     ["Disable", "s", "containers"]):
            assert busctl(rig, *call, prefix=MEMBER) == (None, DENIED), call
        _, complaint = busctl(rig, "Status", prefix=STRANGER)
        assert complaint == DENIED, complaint
        _, _, complaint = ubctl(rig, "status", prefix=STRANGER)
        assert complaint == "ubctl: only root, the user of update-brokerd and members of group 4242 may look\n"
        assert ubctl(rig, "agents", prefix=MEMBER)[0] == 0
        assert ubctl(rig, "cancel", prefix=MEMBER) == (1, "", "ubctl: " + ONLY + "do this\n")
        rig.stop()


def the_daemons_own_user_may_do_everything():
    if not need_root():
        return
    own = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    if subprocess.run([*own, "test", "-x", os.path.join(TOP, "update-brokerd")], check=False).returncode:
        print("# NOT TESTED: the build folder is closed to other users")
        return
    with Rig(mqtt=False, plugins=(), base=tempfile.gettempdir()) as rig:
        for folder in (rig.public, rig.path("state")):
            os.chown(folder, 54321, 54321)
        rig.runtime = rig.public
        rig.start(prefix=own)
        assert ubctl(rig, "reload", prefix=own) == (0, "", "")
        assert ubctl(rig, "cancel", prefix=own) == (1, "", "ubctl: no activity runs\n")
        assert ubctl(rig, "reload") == (0, "", "")
        assert "may do this" in ubctl(rig, "reload", prefix=STRANGER)[2]
        rig.stop()


if __name__ == "__main__":
    if not shutil.which("busctl"):
        skip("there is no busctl")
    run([documents_and_requests, it_describes_itself, a_bus_that_is_restarted_is_served_again,
         strangers_hear_why_and_members_may_look, the_daemons_own_user_may_do_everything])
