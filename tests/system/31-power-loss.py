#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""power-loss - the self-update agent and its daemon, dead at each system call that changes the disk or asks for something

Both are one process here (isolation "none"), so that one kill takes all that knows about the update: agent, store,
journal.  A first update under strace lists the calls of each thread; then each of them is, once, the last one of a
life: SIGKILL comes in its place, so that what it was to change or to ask RAUC for does not happen.  Every other time the
rest of the device goes down with it; otherwise RAUC lives on, and perhaps goes on with what it was asked for.

There are two lives to die in: the one up to the boot, and the one after it, in which the new image is on trial.

Whenever it dies, the activity ends once, what it says is what the device boots, nothing is fetched twice that was
there, and the next update succeeds.

`make check-system` takes some of the calls; POWER_LOSS=all takes every one, both ways, in half an hour.
"""
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback

import stage
from life import Door, Life
from play import scene
from rauc import wait_until
from stage import need

NAMES = ["rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
         "write", "pwrite64", "writev", "ftruncate", "fallocate", "fsync", "fdatasync", "sendmsg"]
PARTS = 8  # of each life
LIST = "UB_POWER_LOSS_LIST"


def tracing(*options):
    return ["strace", "-o", "/run/strace", *options]


def attach(process, *options):
    """Has strace look at the daemon that runs."""
    tracer = subprocess.Popen(tracing(*options), stderr=subprocess.PIPE, text=True)
    line = tracer.stderr.readline()
    assert "attached" in line, line
    return tracer


def threads(process):
    """In the order in which they began, which is the same in each life."""
    return sorted(map(int, os.listdir("/proc/%d/task" % process.pid)))


def listed(folder, first=()):
    """[(thread, name, number)] in the order of time; the first call of a name that a thread makes is 1."""
    known, counts, found = list(first), {}, []
    with open("/run/strace", errors="replace") as f:
        for line in f:
            match = re.match(r"(\d+) +(\w+)\(", line)
            if not match or match.group(2) not in NAMES:
                continue
            pid, name = int(match.group(1)), match.group(2)
            if pid not in known:
                known.append(pid)
            place = (known.index(pid), name)
            counts[place] = counts.get(place, 0) + 1
            if name == "sendmsg" or (folder in line and "manager.log" not in line):
                found.append((*place, counts[place]))
    return found


def trace_words(*more):
    return ["-e", "trace=" + ",".join("?" + n for n in NAMES), *more]


def begin(s):
    door = Door(s)
    s.device.boot()
    s.manager.wait_version("v1.0")
    wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
    s.offer("/v2")
    return Life(s), door


def until_the_trial(life):
    life.wait_for(lambda: life.boot_if_asked() or Door.is_knocked_at(life.s), "the new image is on trial")


def list_life(s, act):
    """The calls of the daemon that runs, from here to its end."""
    first = threads(s.manager.process)
    tracer = attach(s.manager.process, "-f", "-y", *trace_words("-p", str(s.manager.process.pid)))
    act()
    s.device.shut_down()
    tracer.communicate(timeout=60)
    return [call for call in listed(s.device.folder, first) if call[0] < len(first)]


def list_calls():
    """Of both lives."""
    need("strace")
    with scene(isolation="none", boot=False) as s:
        life, door = begin(s)

        def until_the_boot():
            life.ask("k1")
            life.wait_for(s.manager.reboots, "a boot is asked for")

        def to_the_end():
            door.open()
            assert life.end("k1") == "COMPLETED", life.heard

        before = list_life(s, until_the_boot)
        life.boots = s.manager.reboots()
        s.device.boot()
        until_the_trial(life)
        return before, list_life(s, to_the_end)


def inject(name, number):
    return ["-e", "trace=" + name, "-e", "inject=%s:signal=KILL:when=%d:error=EIO" % (name, number)]


def has_died(s):
    return s.manager.process.poll() is not None


def die(life, door, after, call):
    s = life.s
    thread, name, number = call
    if after:
        life.ask("k1")
        until_the_trial(life)
    attach(s.manager.process, *inject(name, number), "-p", str(threads(s.manager.process)[thread]))
    if after:
        door.open()
        life.wait_for(lambda: has_died(s) or life.ends("k1"), "it dies")
    else:
        life.ask("k1")
        life.wait_for(lambda: has_died(s) or s.manager.reboots(), "it dies")
    if not has_died(s):
        s.manager.process.send_signal(signal.SIGTERM)  # perhaps at a call that it makes at its end
        s.manager.process.wait(60)
    door.open()


def die_at(after, call, power):
    with scene(isolation="none", boot=False) as s:
        life, door = begin(s)
        die(life, door, after, call)
        if s.manager.process.returncode != -signal.SIGKILL:
            return "no such call this time"
        there = max([os.path.getsize(s.device.path("downloads", f)) for f in s.downloads()] or [0])
        fetched = len(s.fetched("/v2"))
        if power:
            s.device.power_off()
            life.boots = s.manager.reboots()
            s.device.boot()
        else:
            s.manager.start()
        while life.look(0.5):
            pass
        if not life.heard["k1"]:
            life.ask("k1")  # the desired state had not been taken when the daemon died
        status = life.end("k1")
        life.is_sound(status)
        later = [r.range_start() or 0 for r in s.fetched("/v2")[fetched:]]
        # A cut may take what has not been synced, which can be all of a bundle this small.
        assert power or all(start >= there for start in later) or there == 0, (there, later)
        assert len(later) <= 1, later
        if status != "COMPLETED":
            life.ask("k2")
            assert life.end("k2") == "COMPLETED" and s.device.version == "v2.0", life.heard
        assert s.downloads() == [], s.downloads()
        return status


def calls():
    """Of both lives; listed once, by the stage that comes first."""
    with open(os.environ[LIST], "r+") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        text = f.read()
        if not text:
            text = json.dumps(list_calls())
            f.write(text)
        return json.loads(text)


def choose(found, part):
    """Calls, and whether all of the device dies."""
    if os.environ.get("POWER_LOSS") == "all":
        return [(call, power) for call in found[part::PARTS] for power in (False, True)]
    return [(found[part * len(found) // PARTS], part % 2 == 0)]


def make(after, part):
    def deaths():
        failures = []
        print("  one of %d and %d calls before and after the boot" % tuple(map(len, calls())))
        for call, power in choose(calls()[after], part):
            thread, name, number = call
            what = "thread %d, %s %d%s" % (thread, name, number, ", with all the others" if power else "")
            try:
                print("  %s: %s" % (what, die_at(after, call, power)), flush=True)
            except Exception:  # the others are to be tried
                traceback.print_exc(file=sys.stdout)
                failures.append(what)
        assert not failures, failures
    deaths.__name__ = "%s_%d" % ("after" if after else "before", part)
    deaths.__doc__ = "dead at a call %s the boot, part %d" % ("after" if after else "before", part + 1)
    stage.scenario(deaths)


for life in (False, True):
    for number in range(PARTS):
        make(life, number)
if __name__ == "__main__":
    with tempfile.NamedTemporaryFile() as listing:
        os.environ.setdefault(LIST, listing.name)
        stage.play()
