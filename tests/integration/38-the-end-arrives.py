#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""the-end-arrives - a terminal feedback is in the journal until somebody has it

With a server its acknowledgement counts, without one the history on disk.  Nothing else waits for it.
"""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, TOP, UNDER_STRACE, Rig, run  # noqa: E402

AGENTS = {"containers": {"components": [{"id": "hello-world", "version": "1"}]}}
TOPIC = "vehicleupdate/desiredstatefeedback"


def ends_in_journal(rig):
    """The activities whose end the record on disk still holds."""
    with open(rig.path("state", "orchestrator.journal")) as f:
        record = json.loads(f.read().split("\n", 1)[1])
    return [item["activityId"] for item in record.get("outbox", [])]


def wait_journal(rig, activities):
    """A file can only be looked at."""
    deadline = time.monotonic() + PATIENCE
    while ends_in_journal(rig) != activities:
        assert time.monotonic() < deadline, ends_in_journal(rig)
        time.sleep(0.01)


def desire(rig, activity, version):
    rig.desire(activity, ("containers", {"hello-world": version}))


def apply(rig, activity, version):
    """Without a server, and until it is over."""
    with open(rig.path("desired.json"), "w") as f:
        json.dump({"activityId": activity, "payload": {"domains": [
            {"id": "containers", "components": [{"id": "hello-world", "version": version}]}]}}, f)
    subprocess.run([os.path.join(TOP, "ubctl"), "--socket", rig.path("runtime", "control"), "apply",
                    rig.path("desired.json"), "--watch"], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)


def run_without_server(rig, activity, version):
    rig.backend.close()
    rig.server.stop()
    apply(rig, activity, version)
    wait_journal(rig, [activity])


def server_comes_back(rig):
    """With the backend before the daemon, which is down or is held meanwhile."""
    rig.server.start()
    rig.connect()


def it_outlives_the_daemon_while_the_server_is_away():
    with Rig(AGENTS) as rig:
        rig.start()
        run_without_server(rig, "A1", "2")
        rig.kill()
        server_comes_back(rig)
        rig.start(connected=False)
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()
        assert ends_in_journal(rig) == [], ends_in_journal(rig)
        rig.start(connected=False)
        rig.message("vehicleupdate/currentstate")
        rig.quiet(TOPIC)
        rig.stop()


def an_acknowledged_one_is_not_sent_again():
    with Rig(AGENTS) as rig:
        rig.start()
        desire(rig, "A1", "2")
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.message("vehicleupdate/currentstate")
        rig.stop()
        assert ends_in_journal(rig) == [], ends_in_journal(rig)
        rig.start(connected=False)
        rig.message("vehicleupdate/currentstate")
        rig.quiet(TOPIC)
        rig.stop()


def the_next_activity_does_not_wait_for_it():
    with Rig(AGENTS) as rig:
        rig.backend.close()
        rig.server.stop()
        rig.start(connected=False)
        apply(rig, "A1", "2")
        apply(rig, "A2", "3")
        wait_journal(rig, ["A1", "A2"])
        rig.kill()
        server_comes_back(rig)
        rig.start(connected=False)
        assert rig.end("A1")["status"] == "COMPLETED"
        assert rig.end("A2")["status"] == "COMPLETED"
        rig.stop()
        assert ends_in_journal(rig) == [], ends_in_journal(rig)


def a_new_connection_in_the_configuration_takes_it_over():
    with Rig(AGENTS) as rig:
        rig.start()
        run_without_server(rig, "A1", "2")
        rig.config["connection"] = None
        with open(rig.path("config.json"), "w") as f:
            json.dump(rig.config, f)
        rig.hang_up()
        wait_journal(rig, [])
        rig.stop()


def without_a_server_the_history_is_where_it_arrives():
    with Rig(AGENTS, mqtt=False) as rig:
        rig.start()
        apply(rig, "A1", "2")
        wait_journal(rig, [])
        rig.stop()
        assert ends_in_journal(rig) == [], ends_in_journal(rig)
        with open(rig.path("state", "history.journal")) as f:
            history = json.loads(f.read().split("\n", 1)[1])
        assert [(a["activityId"], a["status"]) for a in history["activities"]] == [("A1", "COMPLETED")], history


def status_and_history(rig):
    """The ids that one and, asked afterwards, the other knows."""
    documents = []
    for command in ("status", "history"):
        told = subprocess.run([os.path.join(TOP, "ubctl"), "--socket", rig.path("runtime", "control"), command,
                               "--json"], check=True, capture_output=True, timeout=PATIENCE)
        documents.append(json.loads(told.stdout))
    status, history = documents
    return ({status.get("activity", {}).get("activityId"), status.get("queued"), *status.get("ending", [])},
            {a["activityId"] for a in history["activities"]})


def an_activity_is_in_status_or_history_at_every_moment():
    """The disk takes its time, so that there are moments between the end and its record."""
    if not shutil.which("strace"):
        print("# not tried: there is no strace")
        return
    slow = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=100ms"]
    with Rig(AGENTS, mqtt=False) as rig:
        rig.environment.update(UNDER_STRACE)
        rig.start(prefix=slow)
        with open(rig.path("desired.json"), "w") as f:
            json.dump({"activityId": "A1", "payload": {"domains": [
                {"id": "containers", "components": [{"id": "hello-world", "version": "2"}]}]}}, f)
        command = [os.path.join(TOP, "ubctl"), "--socket", rig.path("runtime", "control")]
        subprocess.run([*command, "apply", rig.path("desired.json")], check=True, stdout=subprocess.DEVNULL,
                       timeout=PATIENCE)
        moments = 0
        while True:
            status, history = status_and_history(rig)
            assert "A1" in status | history, (status, history, moments)
            if "A1" in history:
                break
            moments += 1
        assert moments > 0
        watched = subprocess.run([*command, "watch", "A1"], stdout=subprocess.DEVNULL, timeout=PATIENCE)
        assert watched.returncode == 0, watched
        rig.stop()


def the_inventory_is_that_of_the_end():
    """Whoever has seen COMPLETED and asks at once is told what runs since then."""
    with Rig(AGENTS, mqtt=False) as rig:
        rig.start()
        for n in range(2, 7):
            apply(rig, "A%d" % n, str(n))
            told = subprocess.run([os.path.join(TOP, "ubctl"), "--socket", rig.path("runtime", "control"),
                                   "inventory", "--json"], check=True, capture_output=True, timeout=PATIENCE)
            versions = {node["id"]: node.get("version") for node in json.loads(told.stdout)["softwareNodes"]}
            assert versions["containers:hello-world"] == str(n), versions
        rig.stop()


if __name__ == "__main__":
    run([it_outlives_the_daemon_while_the_server_is_away, an_acknowledged_one_is_not_sent_again,
         the_next_activity_does_not_wait_for_it, a_new_connection_in_the_configuration_takes_it_over,
         without_a_server_the_history_is_where_it_arrives, an_activity_is_in_status_or_history_at_every_moment,
         the_inventory_is_that_of_the_end])
