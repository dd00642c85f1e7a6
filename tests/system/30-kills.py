#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kills - kill -9 of the agent, the daemon, RAUC and the whole device, at every step of an update

A step is a word that the backend hears, or a moment between two of them at which the update can be held: by an owner
who has not answered, a web server that stops half way, a health check that takes its time.  Each step is, once for
each of the four, the one at which it dies.  Whatever is killed:

  - the activity ends, with one terminal feedback, and what it says is what the device boots;
  - until ACTIVATE nothing but the old image would boot;
  - what was downloaded is not downloaded again, not even by the next update when this one has failed;
  - that next update succeeds.

KILLS=all also tries each of RAUC's percentages.
"""
import collections
import os
import sys

import stage
from manager import Timeout
from play import Gate, scene
from rauc import wait_until

FEEDBACK = "vehicleupdate/desiredstatefeedback"
CONSENT = "vehicleupdate/ownerconsent"
TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")
# In this time the bundle's hook holds RAUC busy: long enough to be hit.
HOOK = "sleep 1"
MIB = 1 << 20
CONFIG = {"reportFeedbackInterval": "1ms", "ownerConsentCommands": ["DOWNLOAD", "UPDATE", "ACTIVATE"]}
# Holds the trial of the new image until somebody opens the door.
HEALTH = """#!/bin/sh
[ "$UB_VERSION" = v1.0 ] && exit 0
: >%(folder)s/looked-at
while [ ! -e %(folder)s/door ]; do sleep 0.05; done
"""


class Life:
    """An update, seen from the backend, and the owner who agrees to everything but what is held."""

    def __init__(self, s, held):
        self.s, self.held = s, held
        self.heard = collections.defaultdict(list)
        self.asked = set()
        self.boots = 0
        self.at_death = 0       # bytes of the bundle that were on the disk
        self.requests_then = 0

    def ask(self, activity):
        self.s.manager.send("vehicleupdate/desiredstate", activity, {"domains": [{"id": "self-update", "components": [
            {"id": "os-image", "version": "v2.0", "config": [{"key": "image", "value": self.s.web.url("/v2")}]}]}]})

    def look(self, patience=0.02):
        """One message, when there is one; what the owner is asked is answered."""
        manager = self.s.manager
        try:
            message = manager.client.next(patience)
        except Timeout:
            return False
        manager.queues[message.topic].append(message)
        if message.topic == FEEDBACK:
            activity, payload = manager.next(FEEDBACK)
            self.heard[activity].append(payload)
        elif message.topic == CONSENT:
            activity, payload = manager.next(CONSENT)
            self.asked.add(payload["command"])
            if payload["command"] != self.held:
                self.agree(activity)
        return True

    def agree(self, activity):
        self.s.manager.send("vehicleupdate/ownerconsentfeedback", activity, {"status": "APPROVED"})

    def said(self, word, text, progress=None):
        """Has the one action of this update had this word, this text, and at least this progress?"""
        return any(a["status"] == word and a.get("message", "").startswith(text) and
                   (progress is None or a.get("progress", 0) >= progress)
                   for payload in self.heard["k1"] for a in payload.get("actions", []))

    def ends(self, activity):
        return [payload for payload in self.heard[activity] if payload["status"] in TERMINAL]

    def boot_if_asked(self):
        if self.s.manager.reboots() > self.boots:
            self.boots = self.s.manager.reboots()
            self.s.device.reboot()

    def wait_for(self, condition, what):
        def holds():
            self.look()
            return condition()
        wait_until(holds, what)

    def end(self, activity):
        """To the end, with the boots in between that are asked for."""
        def over():
            if not self.ends(activity):
                self.boot_if_asked()
            return self.ends(activity)
        self.wait_for(over, "activity %s ends" % activity)
        return self.ends(activity)[0]["status"]

    def open(self, gate):
        """Nothing holds it any more."""
        held, self.held = self.held, None
        if held in self.asked:
            self.agree("k1")
        gate.opened.set()
        open(self.s.device.path("door"), "w").close()


def half_is_there(life):
    return life.s.downloads() and sizes(life.s) == MIB


def sizes(s):
    return max([os.path.getsize(s.device.path("downloads", f)) for f in s.downloads()] or [0])


def percentage(n):
    return lambda life: life.said("UPDATING", "RAUC install", n)


def order(life):
    return life.s.device.boot_loader.state()


# Name, what is held for it, and how it is seen that it is there.
STEPS = (
    ("IDENTIFYING", None, lambda life: life.heard["k1"]),
    ("IDENTIFIED", "DOWNLOAD", lambda life: "DOWNLOAD" in life.asked),
    ("DOWNLOADING", "the server", lambda life: life.said("DOWNLOADING", "Downloading 0.0 MiB")),
    ("half-downloaded", "the server", half_is_there),
    ("DOWNLOAD_SUCCESS", "UPDATE", lambda life: "UPDATE" in life.asked),
    ("UPDATING-checking", None, lambda life: life.said("UPDATING", "Checking bundle version")),
    ("UPDATING-20", None, percentage(20)),
    ("UPDATING-40", None, percentage(40)),
    ("UPDATING-60", None, percentage(60)),
    ("UPDATING-80", None, percentage(80)),
    ("UPDATING-90", None, percentage(90)),
    ("in-a-hook", None, lambda life: life.s.rauc.is_busy() and os.path.ismount(life.s.device.path("mnt", "rootfs.1"))),
    ("UPDATING-99", None, percentage(99)),
    ("UPDATE_SUCCESS", "ACTIVATE", lambda life: "ACTIVATE" in life.asked),
    ("ACTIVATING", None, lambda life: life.said("UPDATING", "Self-update agent is performing an OS image activation")),
    ("active", None, lambda life: order(life).startswith("B A")),
    ("ACTIVATION_SUCCESS", None, lambda life: life.said("UPDATE_SUCCESS", "Self-update agent has activated")),
    ("the-boot-is-asked-for", None, lambda life: life.s.manager.reboots()),
    ("on-trial", "the door", lambda life: life.boot_if_asked() or os.path.exists(life.s.device.path("looked-at"))),
    ("VERIFYING", "the door", lambda life: life.boot_if_asked() or
     life.said("UPDATING", "Self-update agent is checking the new OS image")),
    ("confirmed", None, lambda life: life.boot_if_asked() or
     life.s.device.booted == "B" and "B 1 0" in order(life)),
    ("VERIFIED", None, lambda life: life.boot_if_asked() or life.said("UPDATE_SUCCESS", "New OS image confirmed")),
)
RARE = ("UPDATING-40", "UPDATING-60", "UPDATING-80")
NAMES = [name for name, _, _ in STEPS]


def kill_agent(life):
    os.kill(life.s.manager.agent_pid(), 9)


def kill_daemon(life):
    life.s.manager.kill()
    life.s.manager.start()


def kill_rauc(life):
    life.s.rauc.kill()
    life.s.rauc.start()


def cut_power(life):
    life.s.device.power_off()
    life.boots = life.s.manager.reboots()  # whatever was asked for: it boots
    life.s.device.boot()


KILLS = {"agent": kill_agent, "daemon": kill_daemon, "rauc": kill_rauc, "power": cut_power}


def is_sound(life, status):
    """The end is what boots, and was told once."""
    s = life.s
    assert status in ("COMPLETED", "INCOMPLETE", "IDENTIFICATION_FAILED"), life.heard
    slot, version = ("B", "v2.0") if status == "COMPLETED" else ("A", "v1.0")
    life.wait_for(lambda: life.boot_if_asked() or "%s 1 0" % slot in order(life), "this boot is marked good")
    assert (s.device.booted, s.device.version) == (slot, version), (status, order(life), life.heard)
    wait_until(lambda: order(life).startswith(slot), "it boots next: " + status)
    if status == "COMPLETED":
        assert s.device.reboot() == slot, order(life)
    while life.look(0.3):
        pass
    assert len(life.ends("k1")) == 1, life.ends("k1")


def fetched_nothing_twice(life, loses_what_is_not_synced):
    """Save for what went with an image that did not prove itself."""
    starts = [r.range_start() or 0 for r in life.s.fetched("/v2")]
    if any("Boot of new OS image failed" in str(payload) for payload in life.ends("k1")):
        del starts[-1]
    later = starts[life.requests_then:]
    if loses_what_is_not_synced:  # at most 8 MiB, which is all of this one
        assert len(starts) <= 2, starts
    else:
        assert starts.count(0) <= 1 or life.at_death == 0, (starts, life.at_death)
        assert all(start >= life.at_death for start in later), (starts, life.at_death)


def die(step, held, is_there, victim):
    gate = Gate(MIB)
    with scene(config=CONFIG, boot=False) as s:
        life = Life(s, held)
        folder = s.device.path("health")
        os.mkdir(folder)
        with open(os.path.join(folder, "10-door"), "w") as f:
            f.write(HEALTH % {"folder": s.device.folder})
        os.chmod(f.name, 0o755)
        s.manager.change({"health": {"folder": folder, "timeout": "60s"}})
        s.device.boot()
        s.manager.wait_version("v1.0")
        wait_until(lambda: "A 1 0" in order(life), "this boot is marked good")
        s.offer("/v2", hook=HOOK, serve_as=gate)
        if held != "the server":
            gate.opened.set()
        if held != "the door":
            open(s.device.path("door"), "w").close()
        life.ask("k1")
        life.wait_for(lambda: is_there(life) or life.ends("k1"), step)
        life.at_death, life.requests_then = sizes(s), len(s.fetched("/v2"))
        assert NAMES.index(step) >= NAMES.index("ACTIVATING") or not order(life).startswith("B"), order(life)
        KILLS[victim](life)
        life.open(gate)
        status = life.end("k1")
        is_sound(life, status)
        if status != "COMPLETED":
            life.ask("k2")
            assert life.end("k2") == "COMPLETED", life.heard
            assert s.device.version == "v2.0"
        fetched_nothing_twice(life, victim == "power" and held == "the server")
        assert s.downloads() == [], "it goes with the update that it was for"
        print("  %s" % status)


def make(step, held, is_there, victim):
    def death():
        die(step, held, is_there, victim)
    death.__name__ = "%s_at_%s" % (victim, step)
    death.__doc__ = "%s dies at %s" % (victim, step)
    stage.scenario(death)


for chosen in STEPS:
    if chosen[0] not in RARE or os.environ.get("KILLS") == "all" or sys.argv[1:]:
        for name in KILLS:
            make(*chosen, name)
stage.play()
