# SPDX-License-Identifier: Apache-2.0
"""files_rig - a daemon with the files agent, archives to install and a place for them

    with FilesRig() as rig:
        rig.start()
        rig.archive("app-1.tar.gz", {"bin/app": "one"})
        rig.apply("A1", {"app": rig.component("app-1.tar.gz", "1")})
        assert rig.installed("app") == {"bin/app": "one"}
"""
import hashlib
import io
import json
import os
import tarfile
import time

from rig import PATIENCE, TOP, Rig

V = "vehicleupdate/"


def tar(entries, compression="gz"):
    """Bytes of an archive: of paths with text, bytes, or a function that changes a TarInfo."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:" + compression, format=tarfile.PAX_FORMAT) as archive:
        for path, content in entries.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o644
            data = b""
            if callable(content):
                content(info)
            else:
                data = content.encode() if isinstance(content, str) else content
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return memory.getvalue()


def symlink(target):
    def change(info):
        info.type = tarfile.SYMTYPE
        info.linkname = target
    return change


def tree(path):
    """{path: text} of what is there; links as "-> target", a single file as {"": text}, nothing as None."""
    if not os.path.lexists(path):
        return None
    if not os.path.isdir(path):
        if not os.path.exists(path):
            return None  # a link that leads nowhere
        with open(path) as f:
            return {"": f.read()}
    found = {}
    for folder, folders, files in os.walk(path):
        for name in files + folders:
            full = os.path.join(folder, name)
            inner = os.path.relpath(full, path)
            if os.path.islink(full):
                found[inner] = "-> " + os.readlink(full)
            elif os.path.isfile(full):
                with open(full, errors="replace") as f:
                    found[inner] = f.read()
    return found


class FilesRig(Rig):
    """A Rig with the agent "files" and whatever fake agents are asked for."""

    def __init__(self, agents=None, isolation="process", settings=None, **more):
        super().__init__(agents, plugins=("fake", "files"), **more)
        self.sources = self.path("sources")
        self.targets = self.path("targets")
        self.store = self.path("store")
        for folder in (self.sources, self.targets):
            os.mkdir(folder, 0o755)
        self.isolation = isolation
        self.configure(**(settings or {}))

    def configure(self, **settings):
        """Registers the agent; a daemon that runs has to be told."""
        base = {"store": self.store, "targets": [self.targets],
                "limits": {"keepFreeBytes": 0}}
        self.register("files", dict(base, **settings), plugin="files", isolation=self.isolation,
                      services=["spawn"])

    # -------------------------------------------------------------------------------- what to install

    def source(self, name, data):
        with open(os.path.join(self.sources, name), "wb") as f:
            f.write(data)
        return name

    def archive(self, name, entries):
        compression = name.rsplit(".", 1)[1]
        return self.source(name, tar(entries, "" if compression == "tar" else compression))

    def component(self, name, version, target=True, **config):
        """The description of a component whose source is a file here; config None takes a key away."""
        with open(os.path.join(self.sources, name), "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        config = dict({"source": "file://" + os.path.join(self.sources, name), "sha256": digest,
                       "target": target}, **config)
        return {"version": version, "config": config}

    def target(self, name):
        return os.path.join(self.targets, name)

    def installed(self, name):
        return tree(self.target(name))

    def program(self, name, text):
        """A shell script that a command can run."""
        path = self.path(name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    # ------------------------------------------------------------------------------------- activities

    def payload(self, components, domains=(), baselines=None, mode=None):
        listed = []
        for name, description in components.items():
            config = dict(description["config"])
            if config.get("target") is True:
                config["target"] = self.target(name)
            listed.append({"id": name, "version": description["version"], "config": [
                {"key": k, "value": str(v)} for k, v in config.items() if v is not None]})
        files = {"id": "files", "components": listed}
        if mode:
            files["config"] = [{"key": "mode", "value": mode}]
        payload = {"domains": [files] + [
            {"id": d, "components": [{"id": k, "version": v} for k, v in c.items()]} for d, c in domains]}
        if baselines:
            payload["baselines"] = baselines
        return payload

    def begin(self, activity, components, **more):
        self.send(V + "desiredstate", activity, self.payload(components, **more))

    def apply(self, activity, components, status="COMPLETED", **more):
        """Goes all the way; returns the last feedback."""
        self.begin(activity, components, **more)
        end = self.end(activity)
        assert end["status"] == status, end
        return end

    def nodes(self):
        """The components in the inventory: {id: {"version": v, parameter: value}}."""
        activity = "Q%d" % time.monotonic_ns()
        self.send(V + "currentstate/get", activity, None)
        while True:
            got, inventory = self.message(V + "currentstate")
            if got == activity:
                break
        return {node["id"][len("files:"):]: dict({p["key"]: p["value"] for p in node.get("parameters", [])},
                                                 version=node.get("version"))
                for node in inventory["softwareNodes"] if node["id"].startswith("files:")}

    def versions(self, name):
        """The folders of the versions that the store has."""
        try:
            names = os.listdir(os.path.join(self.store, "versions", name))
        except FileNotFoundError:
            return []
        return sorted(n for n in names if n != "previous")

    # -------------------------------------------------------------------------------------- processes

    def agent_pid(self):
        """The process of the agent, which has the store open."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    line = f.read()
            except (OSError, IndexError):
                continue
            if parent == self.process.pid and b"ub-agent-host" in line and self.has_store(pid):
                return int(pid)
        return None

    def has_store(self, pid):
        try:
            return any(os.readlink("/proc/%s/fd/%s" % (pid, fd)) == self.store
                       for fd in os.listdir("/proc/%s/fd" % pid))
        except OSError:
            return False

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not (got := condition()):
            assert time.monotonic() < deadline, "never happened: " + what
            time.sleep(0.002)  # a folder can only be looked at
        return got


MODES = ("process", "none")


def in_both_modes(test):
    """A test that gets the isolation mode, once for each."""
    def both():
        for mode in MODES:
            test(mode)
    both.__name__ = test.__name__
    return both


def with_versions(rig, n=2):
    for i in range(1, n + 1):
        rig.archive("app-%d.tar.gz" % i, {"top/bin/app": "version %d" % i, "top/conf": symlink("bin/app")})


def app(rig, version, **config):
    return {"app": rig.component("app-%s.tar.gz" % version, version, strip=1, **config)}


def content(version):
    return {"bin/app": "version %s" % version, "conf": "-> bin/app"}


def ubctl(rig, *arguments):
    return [os.path.join(TOP, "ubctl"), "--socket=" + os.path.join(rig.runtime, "control"), *arguments]

