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
import os
import sys

import stage
from life import Door, Life
from play import Gate, scene
from rauc import wait_until

# In this time the bundle's hook holds RAUC busy: long enough to be hit.
HOOK = "sleep 1"
MIB = 1 << 20
CONFIG = {"reportFeedbackInterval": "1ms", "ownerConsentCommands": ["DOWNLOAD", "UPDATE", "ACTIVATE"]}


def half_is_there(life):
    return life.s.downloads() and sizes(life.s) == MIB


def sizes(s):
    return max([os.path.getsize(s.device.path("downloads", f)) for f in s.downloads()] or [0])


def percentage(n):
    return lambda life: life.said("UPDATING", "RAUC install", n)


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
    ("active", None, lambda life: life.order().startswith("B A")),
    ("ACTIVATION_SUCCESS", None, lambda life: life.said("UPDATE_SUCCESS", "Self-update agent has activated")),
    ("the-boot-is-asked-for", None, lambda life: life.s.manager.reboots()),
    ("on-trial", "the door", lambda life: life.boot_if_asked() or Door.is_knocked_at(life.s)),
    ("VERIFYING", "the door", lambda life: life.boot_if_asked() or
     life.said("UPDATING", "Self-update agent is checking the new OS image")),
    ("confirmed", None, lambda life: life.boot_if_asked() or
     life.s.device.booted == "B" and "B 1 0" in life.order()),
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
        door = Door(s)
        s.device.boot()
        s.manager.wait_version("v1.0")
        wait_until(lambda: "A 1 0" in life.order(), "this boot is marked good")
        s.offer("/v2", hook=HOOK, serve_as=gate)
        if held != "the server":
            gate.opened.set()
        if held != "the door":
            door.open()
        life.ask("k1")
        life.wait_for(lambda: is_there(life) or life.ends("k1"), step)
        life.at_death, life.requests_then = sizes(s), len(s.fetched("/v2"))
        assert NAMES.index(step) >= NAMES.index("ACTIVATING") or not life.order().startswith("B"), life.order()
        KILLS[victim](life)
        life.hold_nothing()
        gate.opened.set()
        door.open()
        status = life.end("k1")
        life.is_sound(status)
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
