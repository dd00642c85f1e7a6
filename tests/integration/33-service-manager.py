#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""service-manager - what systemd is told: readiness, status, reloads, keep-alives, and the journal's fields"""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, Rig, run  # noqa: E402

AGENT = {"components": [{"id": "hello-world", "version": "1"}]}
WANTED = ("containers", {"hello-world": "2"})


def blocking(seconds):
    return dict(AGENT, phases={"UPDATE": {"result": "block", "delayMs": 1000 * seconds}})


def wait_until_silent(rig, word, seconds):
    """Waits until this has not been said for so long."""
    deadline = time.monotonic() + PATIENCE
    notifications = rig.notifications
    with notifications.changed:
        while True:
            assert time.monotonic() < deadline, "it is said again and again: " + word
            before = notifications.words.count(word)
            notifications.changed.wait_for(lambda: notifications.words.count(word) > before, seconds)
            if notifications.words.count(word) == before:
                return


def life_is_told_in_order():
    with Rig({"containers": AGENT}) as rig:
        rig.start()
        rig.wait_notified("STATUS=idle, 1 of 1 agents run")
        rig.desire("A1", WANTED)
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.process.send_signal(signal.SIGTERM)
        rig.wait_notified("STOPPING=1")
        assert rig.process.wait(PATIENCE) == 0
        words = [line for line in rig.notified if line.startswith("STATUS=activity A1: ")]
        assert "STATUS=activity A1: IDENTIFY" in words and "STATUS=activity A1: ACTIVATE" in words, words


def status_tells_what_is_missing():
    with Rig({"containers": AGENT}) as rig:
        rig.start()
        rig.server.stop()
        rig.wait_notified("STATUS=idle, 1 of 1 agents run, no connection to the MQTT server")
        rig.forget_notified()
        rig.server.start()
        rig.wait_notified("STATUS=idle, 1 of 1 agents run")
        rig.stop()


def a_reload_is_announced_and_has_an_end():
    with Rig({"containers": AGENT}, mqtt=False) as rig:
        rig.start()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        rig.hang_up()
        rig.wait_notified("READY=1")
        begun = rig.notified.index("RELOADING=1")
        assert begun < rig.notified.index("READY=1")
        stamp = int(re.fullmatch(r"MONOTONIC_USEC=(\d+)", rig.notified[begun + 1])[1])
        assert before <= stamp <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

        # One that fails ends as well.
        with open(rig.path("config.json"), "w") as f:
            f.write("{")
        rig.hang_up()
        rig.wait_notified("RELOADING=1")
        rig.wait_notified("READY=1")
        assert "the old configuration stays in force" in rig.log()
        rig.stop()


def the_watchdog_is_fed():
    with Rig({"containers": AGENT}, mqtt=False) as rig:
        rig.environment["WATCHDOG_USEC"] = "200000"
        rig.start()
        for _ in range(3):
            rig.wait_notified("WATCHDOG=1")
            rig.forget_notified()
        rig.stop()


def a_loop_that_hangs_does_not_feed_the_watchdog():
    with Rig() as rig:
        rig.register("containers", blocking(3600), isolation="none")
        rig.environment["WATCHDOG_USEC"] = "100000"
        rig.start()
        rig.wait_notified("WATCHDOG=1")
        rig.desire("A1", WANTED)
        wait_until_silent(rig, "WATCHDOG=1", 2)
        rig.kill()


def a_plugin_that_hangs_in_a_process_of_its_own_does_not_matter():
    with Rig({"containers": blocking(3600)}) as rig:
        rig.environment["WATCHDOG_USEC"] = "100000"
        rig.start()
        rig.desire("A1", WANTED)
        rig.wait_notified("STATUS=activity A1: UPDATE")
        for _ in range(5):
            rig.forget_notified()
            rig.wait_notified("WATCHDOG=1")
        rig.kill()


def nobody_asks_for_keep_alives():
    with Rig({"containers": AGENT}, mqtt=False) as rig:
        rig.start()
        rig.hang_up()
        rig.wait_notified("READY=1")
        rig.stop()
        assert "WATCHDOG=1" not in rig.notified


# ------------------------------------------------------------------------------------------------ journal

def fields_of(datagram):
    """The journal's native protocol: NAME=value, or NAME, the length in eight bytes, value."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length, = struct.unpack("<Q", datagram[:8])
            value, datagram = datagram[8:8 + length], datagram[9 + length:]
        fields[name.decode()] = value.decode()
    return fields


def the_journal_gets_fields():
    """In a mount namespace, where /run/systemd/journal is the test's own."""
    unshare = shutil.which("unshare")
    prefix = [unshare, "--mount", "sh", "-c",
              'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && '
              'ln -s "$0/journal" /run/systemd/journal/socket && exec "$@"']
    with Rig({"containers": AGENT}) as rig:
        if os.geteuid() != 0 or not unshare or rig.folder.startswith("/run/") or \
                subprocess.run([*prefix, rig.folder, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            print("# NOT TESTED without root and mount namespaces: the journal")
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.bind(rig.path("journal"))
            journal.settimeout(PATIENCE)
            with open(rig.log_path, "w") as f:
                status = os.fstat(f.fileno())
            rig.environment["JOURNAL_STREAM"] = "%d:%d" % (status.st_dev, status.st_ino)
            rig.config["log"] = {"logLevel": "DEBUG"}
            rig.start(prefix=[*prefix, rig.folder])
            rig.desire("A1", WANTED)
            seen = []
            while not any(f.get("ACTIVITY") == "A1" and f.get("AGENT") == "containers" for f in seen):
                seen.append(fields_of(journal.recv(65536)))
                assert seen[-1]["SYSLOG_IDENTIFIER"] == "update-broker", seen[-1]
                assert seen[-1]["MESSAGE"] and seen[-1]["PRIORITY"] in "3467", seen[-1]
            assert any(f["MESSAGE"].startswith("ready after") for f in seen), seen
            while not any(f.get("ACTIVITY") == "A1" and "COMPLETED" in f["MESSAGE"] for f in seen):
                seen.append(fields_of(journal.recv(65536)))
            rig.stop()
            assert rig.log() == ""


if __name__ == "__main__":
    run([life_is_told_in_order, status_tells_what_is_missing, a_reload_is_announced_and_has_an_end,
         the_watchdog_is_fed, a_loop_that_hangs_does_not_feed_the_watchdog,
         a_plugin_that_hangs_in_a_process_of_its_own_does_not_matter, nobody_asks_for_keep_alives,
         the_journal_gets_fields])
