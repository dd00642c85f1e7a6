#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kills - kill -9 of the agent, the daemon, RAUC and the whole device, at every step of an update

Whatever is killed: the activity ends with one terminal feedback, the device boots an image that is whole, and
what was downloaded is not downloaded again.
"""
import os

import stage
from manager import Timeout
from play import Gate, scene
from rauc import wait_until
from stage import scenario

FEEDBACK = "vehicleupdate/desiredstatefeedback"
TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")
# In this time the bundle's hook holds RAUC busy: long enough to be hit.
HOOK = "sleep 1"
MIB = 1 << 20


def begin(s, gate):
    s.offer("/v2", hook=HOOK, serve_as=gate)
    ask(s, "k1")


def ask(s, activity):
    s.manager.send("vehicleupdate/desiredstate", activity, {"domains": [{"id": "self-update", "components": [
        {"id": "os-image", "version": "v2.0", "config": [{"key": "image", "value": s.web.url("/v2")}]}]}]})


def end(s, wanted="k1"):
    while True:
        activity, payload = s.manager.next(FEEDBACK)
        if activity == wanted and payload["status"] in TERMINAL:
            return payload


def reach(s, moment, gate):
    if moment == "download":
        assert gate.reached.wait(60)
        wait_until(lambda: any(os.path.getsize(s.device.path("downloads", f)) == MIB for f in s.downloads()),
                   "half of it is there")
        return
    gate.opened.set()
    if moment == "install":
        wait_until(s.rauc.is_busy, "it installs")
    elif moment == "installed":
        wait_until(lambda: s.rauc.calls("InstallBundle") and not s.rauc.is_busy(), "it has been installed")
    elif moment == "activated":
        wait_until(lambda: s.device.boot_loader.state().startswith("B A"), "the new slot is active")


def is_sound(s, payload, lossy):
    """After the end, and a boot if one was asked for: one end, a whole image, nothing fetched twice.

    lossy: of a download the power may take what was not synced yet, at most 8 MiB, which is all of this one.
    """
    assert payload["status"] in ("COMPLETED", "INCOMPLETE"), payload
    s.manager.is_quiet(FEEDBACK)
    assert s.device.reboot() in ("A", "B"), payload
    assert s.device.version == ("v2.0" if payload["status"] == "COMPLETED" else "v1.0"), (payload, s.device.version)
    starts = [r.range_start() or 0 for r in s.fetched("/v2")]
    assert starts.count(0) == 1 or lossy and starts == [0, 0], starts


def finish(s):
    """To the end, with the boot in between where one is asked for."""
    def over():
        return s.manager.reboots() or any(
            b'"COMPLETED"' in m.payload or b'"INCOMPLETE"' in m.payload for m in s.manager.queues[FEEDBACK])

    def look():
        try:
            message = s.manager.client.next(0.05)
            s.manager.queues[message.topic].append(message)
        except Timeout:
            pass
        return over()
    wait_until(look, "a reboot or an end")
    if s.manager.reboots():
        s.device.reboot()
    return end(s)


def kill_at(moment, kill):
    gate = Gate(MIB)
    with scene() as s:
        wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        begin(s, gate)
        reach(s, moment, gate)
        kill(s)
        gate.opened.set()
        payload = finish(s)
        is_sound(s, payload, kill is cut_power and moment == "download")
        return payload["status"]


STEPS = ("download", "install", "installed", "activated")


def kill_agent(s):
    os.kill(s.manager.agent_pid(), 9)


def kill_daemon(s):
    s.manager.kill()
    s.manager.start()


def kill_rauc(s):
    s.rauc.kill()
    s.rauc.start()


def cut_power(s):
    s.device.power_off()
    s.device.boot()


@scenario
def the_agent_is_killed_at_every_step():
    for step in STEPS:
        print("  %s: %s" % (step, kill_at(step, kill_agent)), flush=True)


@scenario
def the_daemon_is_killed_at_every_step():
    for step in STEPS:
        print("  %s: %s" % (step, kill_at(step, kill_daemon)), flush=True)


@scenario
def rauc_is_killed_at_every_step():
    """RAUC is killed at every step."""
    for step in STEPS:
        print("  %s: %s" % (step, kill_at(step, kill_rauc)), flush=True)


@scenario
def the_power_fails_at_every_step():
    for step in STEPS:
        print("  %s: %s" % (step, kill_at(step, cut_power)), flush=True)


@scenario
def the_next_attempt_finds_what_was_downloaded():
    """After a death the next attempt asks only for the rest of the bundle, or for nothing."""
    for moment, kill, rest in (("download", kill_agent, 1), ("install", kill_agent, 0), ("installed", kill_agent, 0),
                               ("install", kill_rauc, 0), ("install", cut_power, 0)):
        gate = Gate(MIB)
        with scene() as s:
            wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
            begin(s, gate)
            reach(s, moment, gate)
            kill(s)
            gate.opened.set()
            assert end(s)["status"] == "INCOMPLETE", (moment, kill)
            before = len(s.fetched("/v2"))
            ask(s, "k2")
            wait_until(lambda: s.manager.reboots() == 1, "a reboot is asked for")
            s.device.reboot()
            assert end(s, "k2")["status"] == "COMPLETED" and s.device.version == "v2.0"
            starts = [r.range_start() for r in s.fetched("/v2")[before:]]
            assert len(starts) == rest and all(starts), (moment, starts)
            assert s.downloads() == [], "it goes with the update that it was for"


stage.play()
