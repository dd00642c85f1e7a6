#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""files-hostile - archives made to do harm, through the daemon and its isolated agent

Each of the table in hostile.py is refused with the entry and the cause, the version before stays active, nothing of it
stays in the store, and what lies outside of the store is as it was: names, contents, permissions, owners and times.
"""
import hashlib
import os
import stat
import sys

sys.dont_write_bytecode = True  # the source folder may be read-only
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
import hostile  # noqa: E402
from files_rig import FilesRig, app, content, with_versions  # noqa: E402
from rig import run  # noqa: E402

OURS = ("store", "state", "runtime", "daemon.log")  # the rest of a rig's folder is nobody's to change


def describe(path):
    info = os.lstat(path)
    what = ""
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as f:
            what = hashlib.sha256(f.read()).hexdigest()
    elif stat.S_ISLNK(info.st_mode):
        what = os.readlink(path)
    return info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_mtime_ns, what


def everything(folder, but=()):
    """{path: all there is to say about it}."""
    found = {folder: describe(folder)}
    for at, folders, files in os.walk(folder):
        if at == folder:
            folders[:] = [name for name in folders if name not in but]
        for name in folders + files:
            if at != folder or name not in but:
                found[os.path.join(at, name)] = describe(os.path.join(at, name))
    return found


def names_in(folder):
    return {os.path.join(at, name) for at, folders, files in os.walk(folder) for name in folders + files}


class HostileRig(FilesRig):
    """Version 1 of "app" is there, and beside the store what a hostile archive would like to change."""

    def __init__(self):
        super().__init__(settings={"limits": hostile.LIMITS})
        self.outside = self.path("outside")
        os.mkdir(self.outside, 0o755)
        with open(self.path("outside", "victim"), "w") as f:
            f.write("victim")
        with_versions(self)

    def __enter__(self):
        super().__enter__()
        self.start()
        self.apply("A0", app(self, "1"))
        return self

    def component_of(self, name, make):
        self.source(name, make(self.outside.lstrip("/")))
        return {"app": self.component(name, name)}


def each_is_refused_with_entry_and_cause_and_nothing_is_outside():
    with HostileRig() as rig:
        wrong = []
        for n, (name, make, cause) in enumerate(hostile.REFUSED):
            component = rig.component_of(name, make)
            inside = names_in(os.path.join(rig.store, "versions"))
            before = everything(rig.folder, OURS)
            rig.begin("B%d" % n, component)
            end = rig.end("B%d" % n)
            print("# %s: %s" % (name, end["message"]))
            causes = (cause,) if isinstance(cause, str) else cause
            if end["status"] != "INCOMPLETE" or "app: " not in end["message"] or \
                    not any(cause in end["message"] for cause in causes):
                wrong.append((name, end["status"], end["message"]))
            assert everything(rig.folder, OURS) == before, (name, end)
            assert names_in(os.path.join(rig.store, "versions")) == inside, (name, end)
            assert rig.installed("app") == content("1"), (name, end)
        assert not wrong, wrong
        rig.apply("C1", app(rig, "2"))
        assert rig.installed("app") == content("2")
        rig.stop()


def what_is_only_strange_stays_inside():
    with HostileRig() as rig:
        for n, (name, make) in enumerate(hostile.ACCEPTED):
            component = rig.component_of(name, make)
            before = everything(rig.folder, OURS)
            rig.apply("B%d" % n, component)
            assert everything(rig.folder, OURS) == before, name
            assert rig.nodes()["app"]["state"] == "intact", name
        rig.stop()


if __name__ == "__main__":
    run([each_is_refused_with_entry_and_cause_and_nothing_is_outside, what_is_only_strange_stays_inside])
