#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench-files - an archive of a gibibyte through the files agent, beside curl | tar of the same

Half of it is noise, half is text; it comes from a web server on this machine, the agent has a process of its own.  The
agent also checks a digest, looks at every path, syncs, and hashes what it unpacked for its inventory, which curl | tar
does not.  Needs about 4 GiB of disk for a while.
"""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "fake"), os.path.join(HERE, "..", "demo")]
from files_rig import FilesRig  # noqa: E402
from playground import WebServer  # noqa: E402
from rig import TERMINAL  # noqa: E402

MIB = 1 << 20
PIECES = 16  # files of 64 MiB


def make_archive(rig):
    folder = rig.path("content")
    os.mkdir(folder)
    text = (b"What a device is to run, and what it says about that. " * 20000)[:MIB]
    for i in range(PIECES):
        with open(os.path.join(folder, "file%02d" % i), "wb") as f:
            for _ in range(64):
                f.write(os.urandom(MIB) if i % 2 else text)
    path = os.path.join(rig.sources, "big.tar.gz")
    subprocess.run(f"tar c -C {folder} . | gzip -1 > {path}", shell=True, check=True)
    subprocess.run(["rm", "-r", folder], check=True)
    return path


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        status = dict(re.findall(r"^(\w+):\s+(\d+) kB", f.read(), re.M))
    return int(status["VmHWM"]) / 1024, int(status["RssAnon"]) / 1024


def row(name, measured):
    print(f"{name:52} {measured}", flush=True)


def main():
    size = PIECES * 64
    with FilesRig() as rig:
        rig.config["phaseTimeout"] = "30m"
        path = make_archive(rig)
        web = WebServer(rig.sources)
        try:
            url = f"{web.url}/big.tar.gz"
            scratch = rig.path("scratch")
            os.mkdir(scratch)
            begin = time.monotonic()
            subprocess.run(f"curl -sf {url} | tar xz -C {scratch} && sync -f {scratch}", shell=True, check=True)
            plain = time.monotonic() - begin
            subprocess.run(["rm", "-r", scratch], check=True)
            rig.start()
            begin = time.monotonic()
            rig.begin("A1", {"app": rig.component("big.tar.gz", "1", source=url)})
            end = {"status": "RUNNING"}
            while end["status"] not in TERMINAL:
                end = rig.feedback("A1", 900)
            took = time.monotonic() - begin
            peak, own = memory(rig.agent_pid())
            assert end["status"] == "COMPLETED", end
            row("archive", f"{size} MiB in {PIECES} files, tar.gz of {os.path.getsize(path) // MIB} MiB")
            row("curl | tar xz && sync", f"{plain:.1f} s, {size / plain:.0f} MiB/s")
            row("files agent, desired state to COMPLETED", f"{took:.1f} s, {size / took:.0f} MiB/s")
            row("files agent, memory peak (aim: under 16 MiB)", f"{peak:.1f} MiB, of which {own:.1f} MiB its own")
            rig.stop()
        finally:
            web.stop()


if __name__ == "__main__":
    main()
