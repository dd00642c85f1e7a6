#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""files-power-loss - the daemon and its files agent, killed at every system call that changes the disk

Both are one process here (isolation "none"), so that one kill takes all that knows about the update: agent,
store, journal.  A first run under strace lists the calls of each thread; then each of them is, once, the last one of
a daemon's life: SIGKILL comes in its place, so that what it was to change is not changed.  (strace counts the calls of
each thread for itself, so it looks at no thread but the one that is to die.)  After each death

  - the target shows one version as a whole, the old one or the new one;
  - a daemon that is started again ends the activity, and what the target shows is what that end says;
  - what the next desired state asks for can be installed.

A kill leaves the kernel's memory as it is, and power loss does not.  So there is another part, which looks at the
list of calls: nothing may be renamed while a file that was written in the store has not been synced.

`make check` samples the calls that fill files (each one that names, links, renames or removes is always tried);
POWER_LOSS=all tries every one, in some minutes.
"""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from files_rig import FilesRig  # noqa: E402
from rig import PATIENCE, TOP, UNDER_STRACE, run, skip  # noqa: E402

# Few and decisive; and many.
NAMING = ["rename", "renameat", "renameat2", "symlink", "symlinkat", "link", "linkat", "unlink", "unlinkat",
          "mkdir", "mkdirat", "rmdir"]
FILLING = ["write", "pwrite64", "writev", "ftruncate", "fallocate", "fsync", "fdatasync", "syncfs", "sync_file_range",
           "fchmod", "fchmodat", "fchown", "fchownat", "utimensat", "copy_file_range"]
SAMPLES = 2  # of each kind in FILLING, for each thread
FILES = ("a", "sub/b", "sub/deep/c")


def content(version):
    return {name: f"{name} of {version}\n" * 100 for name in FILES}


class Device(FilesRig):
    """An agent inside of the daemon, version 1 installed, version 2 at hand."""

    def __init__(self, fails):
        agents = {"lights": {"components": [{"id": "lamp", "version": "1"}],
                             "phases": {"ACTIVATE": {"result": "fail"}}}} if fails else {}
        super().__init__(agents, isolation="none", mqtt=False)
        self.fails = fails
        self.environment.update(UNDER_STRACE)
        for version in ("1", "2", "3"):
            self.archive(f"app-{version}.tar.gz", content(version))
        self.start(connected=False)
        assert self.apply_and_wait("A1", "1") == 0  # from here on there is no other thread

    def desired(self, version):
        app = self.component(f"app-{version}.tar.gz", version)
        config = [{"key": key, "value": value} for key, value in app["config"].items()]
        config = [dict(pair, value=self.target("app") if pair["key"] == "target" else pair["value"]) for pair in config]
        domains = [{"id": "files", "components": [{"id": "app", "version": version, "config": config}]}]
        state = {"domains": domains}
        if self.fails and version == "2":
            domains.append({"id": "lights", "components": [{"id": "lamp", "version": "2"}]})
            state["baselines"] = [{"title": "both", "components": ["files:app", "lights:lamp"]}]
        return json.dumps(state)

    def command(self, *arguments):
        return [os.path.join(TOP, "ubctl"), "--socket", self.path("runtime", "control"), *arguments]

    def ubctl(self, *arguments, **more):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, timeout=PATIENCE,
                              **more)

    def apply_and_wait(self, activity, version):
        return self.ubctl("apply", "--watch", "--activity", activity, "-", input=self.desired(version)).returncode

    def threads(self):
        """In the order in which they began, which is the same in each life."""
        return sorted(map(int, os.listdir("/proc/%d/task" % self.process.pid)))

    def trace(self, *options):
        """Has strace look at the daemon that runs."""
        self.tracer = subprocess.Popen(["strace", "-o", self.path("strace"), *options], stderr=subprocess.PIPE,
                                       text=True)
        line = self.tracer.stderr.readline()
        assert "attached" in line, line

    def end_trace(self):
        """The list of calls of a daemon that has ended."""
        self.tracer.communicate(timeout=PATIENCE)
        with open(self.path("strace"), errors="replace") as f:
            return list(calls(f))

    def version(self):
        """Of the target; it must be one as a whole."""
        found = self.installed("app")
        for version in ("1", "2", "3"):
            if found == content(version):
                return version
        raise AssertionError("the target is a mixture: " + str(found)[:500])

    def end(self, activity):
        """How the activity ended: the daemon that runs finishes what the dead one began."""
        done = self.ubctl("watch", activity)
        print(done.stderr, end="")
        return done.returncode


def calls(lines):
    """(pid, name, whole line) of each call in a list of strace's."""
    for line in lines:
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match:
            yield match.group(1), match.group(2), line


def list_calls(fails):
    """Each call in the order of time, and {(thread, name): [those that are about a file of the device]}.

    The first call of a name that a thread makes is 1, whatever it is about: so strace counts.
    """
    with Device(fails) as device:
        threads = device.threads()
        device.trace("-f", "-y", "-e", "trace=openat,openat2," + ",".join("?" + n for n in NAMING + FILLING), "-p",
                     str(device.process.pid))
        device.apply_and_wait("A2", "2")
        device.stop()
        assert device.version() == ("1" if fails else "2")
        listed = device.end_trace()
        counts, places = {}, {}
        for pid, name, line in listed:
            assert int(pid) in threads, line
            place = (threads.index(int(pid)), name)
            counts[place] = counts.get(place, 0) + 1
            if name in NAMING + FILLING and device.folder in line and "daemon.log" not in line:
                places.setdefault(place, []).append(counts[place])
        return listed, places, device.store


def chosen(name, numbers):
    n = len(numbers)
    if name in NAMING or os.environ.get("POWER_LOSS") == "all" or n <= SAMPLES:
        return numbers
    return [numbers[round(i * (n - 1) / (SAMPLES - 1))] for i in range(SAMPLES)]


def first_to_end(*processes):
    """Waits until one of them has ended."""
    poll = select.poll()
    handles = [os.pidfd_open(process.pid) for process in processes]
    for handle in handles:
        poll.register(handle, select.POLLIN)
    ended = poll.poll(PATIENCE * 1000)
    for handle in handles:
        os.close(handle)
    assert ended, "nobody ends"


def die(device, thread, name, number):
    """An update that ends at this call.  False: there was no such call this time."""
    device.trace("-e", "trace=" + name, "-e", f"inject={name}:signal=KILL:when={number}:error=EIO", "-p",
                 str(device.threads()[thread]))
    with subprocess.Popen(device.command("apply", "--watch", "--activity", "A2", "-"), stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True) as client:
        client.stdin.write(device.desired("2"))
        client.stdin.close()
        first_to_end(client, device.process)
        device.process.terminate()  # not killed yet: perhaps by a call that it makes at its end
        status = device.process.wait(PATIENCE)
        client.kill()
    device.end_trace()
    return status == -signal.SIGKILL


def die_at(fails, thread, name, number):
    """One life that ends at this call, and the next one, which has to cope.  Returns how the activity ended."""
    with Device(fails) as device:
        if not die(device, thread, name, number):
            return "no such call"
        at = device.version()
        device.start(connected=False)
        status = device.end("A2")
        after = device.version()
        found = (thread, name, number, status, at, after, device.log())
        # 1: the desired state had not been taken when the daemon died; nothing has happened then.
        assert (status, after) in ((0, "2"), (3, "1"), (1, "1")), found
        assert not (fails and after == "2"), found
        assert device.apply_and_wait("A3", "3") == 0, found
        assert device.version() == "3", found
        device.stop()
        return {0: "completed", 1: "never begun", 3: "rolled back"}[status]


def every_death(fails):
    if not shutil.which("strace"):
        skip("there is no strace")
    _, places, _ = list_calls(fails)
    deaths = [(fails, *place, number) for place, numbers in sorted(places.items())
              for number in chosen(place[1], numbers)]
    ends = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for end in pool.map(lambda death: die_at(*death), deaths):
            ends[end] = ends.get(end, 0) + 1
    print(f"# {sum(map(len, places.values()))} calls, tried {len(deaths)}: {ends}")
    assert ends.get("no such call", 0) * 10 <= len(deaths), ends  # what a thread does is not always quite the same


def not_synced_before(listed, store):
    """Files of the store whose bytes were not on the disk when a rename led to them.

    Not in its folder of downloads: what is there is believed by its digest only, and fetched again otherwise.
    """
    downloads = os.path.join(store, "downloads")
    dirty, found = set(), []
    for _, name, line in listed:
        path = re.search(r"<([^>]*)>", line)
        path = path.group(1) if path else ""
        if name in ("write", "pwrite64", "writev", "ftruncate", "copy_file_range"):
            if path.startswith(store) and not path.startswith(downloads):
                dirty.add(path)
        elif name in ("fsync", "fdatasync"):
            dirty.discard(path)
        elif name == "syncfs":
            dirty.clear()
        elif name.startswith("rename") and store in line and dirty:
            found.append((sorted(dirty), line.strip()))
    return found


def what_leads_to_a_file_comes_after_its_bytes_are_on_the_disk():
    if not shutil.which("strace"):
        skip("there is no strace")
    for fails in (False, True):
        listed, _, store = list_calls(fails)
        assert sum(name.startswith("rename") for _, name, _ in listed) > 5, listed
        assert not not_synced_before(listed, store), not_synced_before(listed, store)


def an_update_survives_a_power_failure_at_any_time():
    every_death(False)


def a_rollback_survives_a_power_failure_at_any_time():
    every_death(True)


if __name__ == "__main__":
    run([what_leads_to_a_file_comes_after_its_bytes_are_on_the_disk,
         an_update_survives_a_power_failure_at_any_time, a_rollback_survives_a_power_failure_at_any_time])
