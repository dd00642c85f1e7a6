#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench-broker - the figures of the broker, each beside its aim

Whole updates as multiples of a bare MQTT round trip that was measured in the same run, against the same mosquitto, by
the same program (bench-cycle.c): so they mean the same on a small device and on a busy machine.  The journal is on a
tmpfs.  What the daemon needs while nothing happens, and until it is ready, is absolute.

    top_builddir=. top_srcdir=.. bench-broker.py [WORD...]      only the rows whose name contains one of the words
"""
import glob
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import TOP, Rig  # noqa: E402

STARTS = 15
IDLE_SECONDS = 10
CONFIG = {"phaseTimeout": "1m", "reportFeedbackInterval": "1m", "agentTopics": False}


def row(name, value, aim, met):
    print("%-52s %-22s %-24s %s" % (name, value, aim, {True: "met", False: "not met", None: ""}[met]), flush=True)


def agents(n_domains, n_components):
    return {"d%d" % i: {"components": [{"id": "c%d" % k, "version": "0"} for k in range(n_components)]}
            for i in range(n_domains)}


def cycle(name, cycles, n_domains, n_components, isolation, aim):
    remote = isolation == "remote"
    config = dict(CONFIG, agents={"d%d" % i: {"readTimeout": "5s"} for i in range(n_domains)} if remote else {})
    with Rig(config=config, in_memory=True, plugins=("remote" if remote else "fake",)) as rig:
        for domain, settings in {} if remote else agents(n_domains, n_components).items():
            rig.register(domain, settings, isolation=isolation)
        rig.backend.close()
        rig.start(connected=False)
        program = [os.path.join(TOP, "tests", "bench", "bench-cycle"), "tcp://127.0.0.1:%d" % rig.server.port,
                   str(cycles), str(n_domains), str(n_components)]
        bare, usec = map(int, subprocess.run(program + ["remote"] * remote, check=True, stdout=subprocess.PIPE,
                                             timeout=300).stdout.split())
        rig.stop()
    row(name, "%.1f (%.1f ms, bare %d us)" % (usec / bare, usec / 1000, bare),
        "at most %d round trips" % aim if aim else "", usec <= aim * bare if aim else None)


def two_isolated():
    """With a bus, as on a device: where there is none sd-bus watches the folder for it, and others write to /tmp."""
    return Rig(agents=agents(2, 5), config=CONFIG, in_memory=True, bus=True)


def start(name):
    times = []
    for _ in range(STARTS):
        with two_isolated() as rig:
            begin = time.monotonic()
            rig.start(connected=False)
            times.append(1000 * (time.monotonic() - begin))
            rig.stop()
    ms = statistics.median(times)
    row(name, "%.1f ms" % ms, "under 50 ms", ms < 50)


def kib(pid, *fields):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        sizes = dict(re.findall(r"^(\w+): +(\d+) kB", f.read(), re.M))
    return sum(int(sizes[field]) for field in fields)


def efforts(pid):
    """What the threads of a process have done so far: nanoseconds of processor time, and times they were woken."""
    nsec = wakeups = 0
    for task in glob.glob("/proc/%d/task/*" % pid):
        with open(task + "/schedstat") as f:
            nsec += int(f.read().split()[0])
        with open(task + "/status") as f:
            wakeups += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
    return nsec, wakeups


def idle(name):
    with two_isolated() as rig:
        rig.start()
        time.sleep(2)  # what the start leads to is over
        pid = rig.process.pid
        rss, uss = kib(pid, "Rss"), kib(pid, "Private_Clean", "Private_Dirty")
        before = efforts(pid)
        time.sleep(IDLE_SECONDS)
        nsec, wakeups = (b - a for a, b in zip(before, efforts(pid)))
        rig.stop()
    row(name + ": RSS", "%.1f MiB" % (rss / 1024), "under 6 MiB", rss < 6 * 1024)
    row(name + ": USS (not shared with others)", "%.1f MiB" % (uss / 1024), "under 2 MiB", uss < 2 * 1024)
    row(name + ": processor time in %d s" % IDLE_SECONDS, "%.3f ms" % (nsec / 1e6), "none", nsec == 0)
    row(name + ": wake-ups in %d s" % IDLE_SECONDS, "%d" % wakeups, "none but keep-alive", wakeups <= 1)


ROWS = (
    ("update, 2 hosted agents x 5 components, in process", lambda n: cycle(n, 100, 2, 5, "none", 10)),
    ("update, 2 hosted agents x 5 components, isolated", lambda n: cycle(n, 100, 2, 5, "process", 25)),
    ("update, 2 remote agents x 5 components", lambda n: cycle(n, 100, 2, 5, "remote", 40)),
    ("update, 10 hosted agents x 1,000 components", lambda n: cycle(n, 5, 10, 1000, "none", None)),
    ("start to ready, 2 isolated agents", start),
    ("idle, 2 isolated agents", idle),
)


if __name__ == "__main__":
    words = sys.argv[1:]
    row("figure", "measured", "aim", None)
    for name, measure in ROWS:
        if not words or any(word in name for word in words):
            measure(name)
