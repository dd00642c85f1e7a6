#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kanto-update-manager - our agent on its own topics, driven by Kanto's update manager as it is

G23 of the agent's reference.  The program is Kanto's, and nothing of ours: KANTO_UPDATE_MANAGER names it, otherwise
this is skipped.  Our daemon hosts the agent, and has another domain than the one that Kanto's program serves.
"""
import json
import os
import subprocess

import leda
import stage
from play import scene
from rauc import wait_until
from stage import Skip, scenario

PROGRAM = os.environ.get("KANTO_UPDATE_MANAGER")
PROFILES = ("leda", "kanto")
FEEDBACK = "vehicleupdate/desiredstatefeedback"
TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")
# Kanto's program gives a phase up after this time.  Nothing here waits as long, so what ends has ended by itself.
PHASE = "10m"


class Kanto:
    """The program, on the scene's MQTT server; the files that it would reset the device with are the scene's."""

    def __init__(self, s, **config):
        self.s = s
        self.files = {name: s.device.path(name) for name in ("sysrq", "sysrq-trigger")}
        for path in self.files.values():
            open(path, "w").close()
        with open(s.device.path("kanto.json"), "w") as f:
            json.dump({"domain": "vehicle", "thingsEnabled": False, "log": {"logFile": s.device.path("kanto.log")},
                       "connection": {"broker": "tcp://127.0.0.1:%d" % s.manager.server.port},
                       "agents": {"self-update": {"rebootRequired": True, "readTimeout": "30s"}},
                       "rebootEnabled": True, "rebootAfter": "1s", "reportFeedbackInterval": "1s",
                       "currentStateDelay": "1s", "phaseTimeout": PHASE, **config}, f)

    def __enter__(self):
        environment = dict(os.environ, FILE_SYS_RQ=self.files["sysrq"], FILE_SYS_RQ_TRIGGER=self.files["sysrq-trigger"])
        self.process = subprocess.Popen([PROGRAM, "-config-file", self.s.device.path("kanto.json")], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.s.device.outside.add(self.process.pid)
        while "os-image" not in str(self.s.manager.next("vehicleupdate/currentstate")):
            pass
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def has_reset(self):
        with open(self.files["sysrq-trigger"]) as f:
            return f.read() == "b"

    def end(self, denies=False):
        """How the update ended."""
        manager = self.s.manager
        if denies:
            manager.next("vehicleupdate/ownerconsent")
            manager.send("vehicleupdate/ownerconsentfeedback", "c1", {"status": "DENIED"})
        while True:
            activity, payload = manager.next(FEEDBACK)
            assert activity == "c1", activity
            if payload["status"] in TERMINAL:
                return payload["status"]


def play(version, profile, then, bundle="/v2", **config):
    if not PROGRAM:
        raise Skip("KANTO_UPDATE_MANAGER names no program")
    with scene({"profile": profile}, config={"domain": "other", "rebootEnabled": False}) as s:
        wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        s.offer("/v2")
        with Kanto(s, **config) as kanto:
            s.manager.send("vehicleupdate/desiredstate", "c1", {"domains": [{"id": "self-update", "components": [
                {"id": "os-image", "version": version, "config": [{"key": "image", "value": s.web.url(bundle)}]}]}]})
            then(s, kanto)


@scenario
def an_update_goes_through():
    """G23 an update: COMPLETED, a reset that nothing is synced before, and the new image is confirmed."""
    def then(s, kanto):
        assert kanto.end() == "COMPLETED"
        wait_until(kanto.has_reset, "the reset")
        assert s.rauc.primary() == "rootfs.1"
        s.device.power_off()
        assert s.device.boot() == "B" and s.device.version == "v2.0"
        wait_until(lambda: "B 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        while s.manager.next("selfupdate/desiredstatefeedback") != ("c1", leda.confirmed()):
            pass
    for profile in PROFILES:
        play("v2.0", profile, then)


@scenario
def there_is_nothing_to_do():
    """G23 the version that runs: COMPLETED at once, and no reset."""
    def then(s, kanto):
        assert kanto.end() == "COMPLETED"
        assert not s.fetched("/v2") and not kanto.has_reset()
    for profile in PROFILES:
        play("v1.0", profile, then)


@scenario
def the_owner_refuses():
    """G23 the owner refuses UPDATE, and ACTIVATE: INCOMPLETE at once, and the old image boots."""
    def then(s, kanto):
        assert kanto.end(denies=True) == "INCOMPLETE"
        wait_until(lambda: s.downloads() == [], "the bundle is gone")
        assert s.rauc.primary() == "rootfs.0" and not kanto.has_reset()
    for profile in PROFILES:
        for word in ("UPDATE", "ACTIVATE"):
            play("v2.0", profile, then, ownerConsentCommands=[word])


@scenario
def a_download_fails():
    def then(s, kanto):
        assert kanto.end() == "INCOMPLETE"
        assert s.rauc.primary() == "rootfs.0" and not kanto.has_reset()
    for profile in PROFILES:
        play("v2.0", profile, then, bundle="/nowhere")


stage.play()
