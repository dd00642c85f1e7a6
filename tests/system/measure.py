#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""measure - what the self-update agent costs, beside doing the same by hand; `make bench-system` prints it

One bundle of 256 MiB that cannot be compressed: the agent's download beside curl's of the same file from the same
server, its UPDATE beside a plain `rauc install`, with and without reading the slot back, and the most memory that its
process has had beside the most that curl has had.  Everything is in memory, so the figures are those of the programs and not of a disk.
"""
import os
import subprocess
import time

import leda
import stage
from bundles import MIB
from play import Gate, scene
from rauc import wait_until

SIZE = 256


def peak(pid):
    """The most memory that a process has had, in MiB: all of it, and what is its own."""
    with open("/proc/%d/status" % pid) as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmHWM"].split()[0]) / 1024


def own(pid):
    """What it would not share with another process of the same program."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        fields = dict(line.split(":", 1) for line in list(f)[1:])
    return (int(fields["Private_Dirty"].split()[0]) + int(fields["Private_Clean"].split()[0])) / 1024


def spent(pid):
    """Processor time, in seconds."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(what):
    began = time.monotonic()
    what()
    return time.monotonic() - began


def show(what, value):
    print("%-52s %s" % (what, value), flush=True)


def peak_of_curl(s):
    """It is looked at when it has the file and asks for another one, which does not come."""
    gate = Gate(0)
    s.web.paths["/gate"] = gate(b"x")
    curl = subprocess.Popen(["curl", "-sfo", s.device.path("by-curl"), s.web.url("/v2"), "-o", "/dev/null",
                             s.web.url("/gate")])
    assert gate.reached.wait(60)
    value = peak(curl.pid)
    gate.opened.set()
    assert curl.wait(60) == 0
    return value


def update_again(s, activity):
    s.identify(activity=activity)
    s.download()
    pid = s.manager.agent_pid()
    before = spent(pid)
    return timed(s.update), spent(pid) - before


KIND = {"size": (SIZE + 48) * MIB, "random": SIZE * MIB}


@stage.scenario
def the_agent_beside_doing_it_by_hand():
    stage.need("curl")
    with scene(slot_size=(SIZE + 64) * MIB) as s:
        s.offer("/v2", **KIND)
        mib = s.size / MIB
        wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        # Twice, for the first one also finds the pages of the slot; the agent writes the same slot after it.
        bundle = s.device.workshop.bundle("v2.0", **KIND)
        s.rauc.install(bundle)
        plain = timed(lambda: s.rauc.install(bundle))
        pid = s.manager.agent_pid()
        show("agent when idle: peak, own", "%.1f MiB, %.1f MiB" % (peak(pid), own(pid)))
        s.identify()
        s.manager.command("DOWNLOAD")
        agent = timed(lambda: s.manager.hear_until(leda.downloaded(s.size), leda.is_downloading))
        show("agent after the download: peak, own", "%.1f MiB, %.1f MiB" % (peak(pid), own(pid)))
        curl = timed(lambda: subprocess.check_call(["curl", "-sfo", s.device.path("by-curl"), s.web.url("/v2")]))
        show("download of %.0f MiB: agent" % mib, "%.2f s, %.0f MiB/s" % (agent, mib / agent))
        show("                      curl", "%.2f s, %.0f MiB/s" % (curl, mib / curl))
        assert os.path.getsize(s.device.path("by-curl")) == s.size
        show("curl after the download: peak", "%.1f MiB" % peak_of_curl(s))
        os.unlink(s.device.path("by-curl"))
        before = spent(pid)
        update = timed(s.update)
        busy = spent(pid) - before
        show("agent after the update: peak, own", "%.1f MiB, %.1f MiB" % (peak(pid), own(pid)))
        assert s.manager.agent_pid() == pid, "it has been started again"
        s.clean_up_after("", "")
        s.manager.change({"readBack": "off"})
        s.manager.restart()
        without, busy_without = update_again(s, "a2")
    show("UPDATE: agent", "%.2f s, its processor time %.2f s" % (update, busy))
    show("        without reading back", "%.2f s, its processor time %.2f s" % (without, busy_without))
    show("        rauc install", "%.2f s" % plain)
    show("        added", "%.2f s" % (update - plain))


stage.play(at_once=1)  # figures
