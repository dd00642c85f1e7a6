# SPDX-License-Identifier: Apache-2.0
"""life - an update that is driven by the daemon, as its backend and its owner see it

    life = Life(scene, held=None)
    life.ask("k1")
    life.end("k1")          # through all boots that are asked for, to "COMPLETED" or the like
    life.is_sound()         # what was said is what boots

The scene's bundle is at /v2.
"""
import collections
import os

from manager import Timeout
from rauc import wait_until

FEEDBACK = "vehicleupdate/desiredstatefeedback"
CONSENT = "vehicleupdate/ownerconsent"
TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")


# Holds the trial of the new image until somebody opens the door.
HEALTH = """#!/bin/sh
[ "$UB_VERSION" = v1.0 ] && exit 0
: >%(folder)s/looked-at
while [ ! -e %(folder)s/door ]; do sleep 0.05; done
"""


class Door:
    """Before the scene's device boots: the trial of a new image is held until the door is opened."""

    def __init__(self, s):
        self.path = s.device.path("door")
        folder = s.device.path("health")
        os.mkdir(folder)
        with open(os.path.join(folder, "10-door"), "w") as f:
            f.write(HEALTH % {"folder": s.device.folder})
        os.chmod(f.name, 0o755)
        s.manager.change({"health": {"folder": folder, "timeout": "60s"}})

    @staticmethod
    def is_knocked_at(s):
        return os.path.exists(s.device.path("looked-at"))

    def open(self):
        open(self.path, "w").close()


class Life:
    """An update, seen from the backend, and the owner who agrees to everything but what is held."""

    def __init__(self, s, held=None):
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

    def hold_nothing(self):
        held, self.held = self.held, None
        if held in self.asked:
            self.agree("k1")

    def order(self):
        return self.s.device.boot_loader.state()

    def confirm(self, slot):
        self.wait_for(lambda: self.boot_if_asked() or "%s 1 0" % slot in self.order(), "this boot is marked good")

    def is_sound(self, status):
        """The end is what boots, and there is one; who dies before it is acknowledged may say it again, word for word."""
        device = self.s.device
        assert status in ("COMPLETED", "INCOMPLETE", "IDENTIFICATION_FAILED"), self.heard
        slot, version = ("B", "v2.0") if status == "COMPLETED" else ("A", "v1.0")
        self.confirm(slot)
        assert (device.booted, device.version) == (slot, version), (status, self.order(), self.heard)
        wait_until(lambda: self.order().startswith(slot), "it boots next: " + status)
        if status == "COMPLETED":
            assert device.reboot() == slot, self.order()
        while self.look(0.3):
            pass
        ends = self.ends("k1")
        assert len(ends) <= 2 and all(end == ends[0] for end in ends), ends
