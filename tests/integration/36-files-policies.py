#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""files-policies - what an administrator allows the files agent: bits, nodes, owners, space, bandwidth, TLS

Owners and device nodes need root, and are left out aloud without it.
"""
import grp
import os
import pwd
import random
import shutil
import ssl
import stat
import sys
import tarfile
import time

sys.dont_write_bytecode = True  # the source folder may be read-only
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from files_rig import FilesRig, app, content, in_both_modes, symlink, with_versions  # noqa: E402
from http_server import Server, certificates, serve  # noqa: E402
from rig import run  # noqa: E402

UNPRIVILEGED = "# without %s: that needs root"


def empty(mode, kind=tarfile.REGTYPE, node=(0, 0)):
    """An entry without content."""
    def change(info):
        info.mode, info.type = mode, kind
        info.devmajor, info.devminor = node
    return change


def mode_at(rig, path):
    return os.lstat(rig.target(path)).st_mode


def set_user_id_files_are_refused_stripped_or_kept():
    bits = {"app/su": 0o4755, "app/sg": 0o2711, "app/sticky": 0o1644, "app/plain": 0o644}
    with FilesRig() as rig:
        rig.archive("bits.tar", {path: empty(mode) for path, mode in bits.items()})
        one = {"bits": rig.component("bits.tar", "1", strip=1)}
        rig.start()
        end = rig.apply("A1", one, status="INCOMPLETE")
        assert 'bits: app/su: a set-user-id or set-group-id file' in end["message"], end
        assert '"setuid"' in end["message"] and rig.installed("bits") is None, end
        for activity, setuid, mask in (("B", "strip", 0o777), ("C", "keep", 0o7777)):
            rig.configure(setuid=setuid)
            rig.hang_up()
            rig.wait_notified("READY=1")
            rig.apply(activity, dict(bits=dict(one["bits"], version=setuid)))
            for path, mode in bits.items():
                got = mode_at(rig, path.replace("app", "bits", 1))
                assert stat.S_IMODE(got) == mode & mask, (setuid, path, oct(got))
            assert rig.nodes()["bits"]["state"] == "intact"
        # A file's bits are part of what it is.
        os.chmod(rig.target("bits/plain"), 0o4644)
        node = rig.nodes()["bits"]
        assert node["state"] == "changed" and "plain changed" in node["drift"], node
        rig.stop()


def a_mode_keeps_or_takes_the_bits_as_the_settings_say():
    for setuid, expected in (("strip", 0o750), ("keep", 0o4750)):
        with FilesRig(settings={"setuid": setuid}) as rig:
            rig.archive("bits.tar", {"su": empty(0o4755)})
            rig.start()
            rig.apply("A1", {"bits": rig.component("bits.tar", "1", mode="0640")})
            assert stat.S_IMODE(mode_at(rig, "bits/su")) == expected, oct(mode_at(rig, "bits/su"))
            rig.stop()


@in_both_modes
def device_nodes_and_fifos_come_where_they_are_allowed(mode):
    nodes = {"pipe": (tarfile.FIFOTYPE, 0o620, (0, 0))}
    if os.geteuid() == 0:
        nodes.update({"null": (tarfile.CHRTYPE, 0o666, (1, 3)), "disk": (tarfile.BLKTYPE, 0o660, (7, 260))})
    else:
        print(UNPRIVILEGED % "device nodes")
    kinds = {tarfile.FIFOTYPE: stat.S_IFIFO, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}
    with FilesRig(isolation=mode, settings={"specialFiles": "allow"}) as rig:
        rig.archive("nodes.tar", {name: empty(bits, kind, node) for name, (kind, bits, node) in nodes.items()})
        rig.start()
        rig.apply("A1", {"nodes": rig.component("nodes.tar", "1")})
        for name, (kind, bits, node) in nodes.items():
            got = os.lstat(rig.target("nodes/" + name))
            assert got.st_mode == kinds[kind] | bits, (name, oct(got.st_mode))
            assert (os.major(got.st_rdev), os.minor(got.st_rdev)) == node, (name, got)
        node = rig.nodes()["nodes"]
        assert node["state"] == "intact" and node["entries"] == str(len(nodes) + 1), node  # and the folder
        rig.apply("A2", {"nodes": rig.component("nodes.tar", "2")})  # reads version 1 once more
        # Another thing under the name is noticed without opening it.
        os.unlink(rig.target("nodes/pipe"))
        os.mkfifo(rig.target("nodes/pipe"), 0o600)
        node = rig.nodes()["nodes"]
        assert node["state"] == "changed" and "pipe changed" in node["drift"], node
        rig.apply("A3", {})
        assert rig.versions("nodes") == [], rig.versions("nodes")
        rig.stop()


def owned(path):
    """{path: (uid, gid)} of a tree and all in it."""
    found = {path: os.stat(path)}
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            found[os.path.join(folder, name)] = os.lstat(os.path.join(folder, name))
    return {os.path.relpath(at, path): (info.st_uid, info.st_gid) for at, info in found.items()}


@in_both_modes
def everything_of_a_version_belongs_to_its_owner(mode):
    if os.geteuid() != 0:
        print(UNPRIVILEGED % "other owners")
        return
    user = pwd.getpwnam("nobody")
    group = grp.getgrnam("daemon")
    with FilesRig(isolation=mode, settings={"specialFiles": "allow"}) as rig:
        entries = {"bin/app": "x", "link": symlink("bin/app"), "pipe": empty(0o600, tarfile.FIFOTYPE),
                   "folder": empty(0o755, tarfile.DIRTYPE)}
        rig.archive("app.tar", entries)
        rig.source("note", b"x")
        rig.start()
        for i, (owner, expected) in enumerate((
                ("nobody", (user.pw_uid, 0)), ("nobody:daemon", (user.pw_uid, group.gr_gid)),
                (":daemon", (0, group.gr_gid)), ("12345:54321", (12345, 54321)))):
            rig.apply("A%d" % i, {"app": rig.component("app.tar", str(i), owner=owner),
                                  "note": rig.component("note", str(i), owner=owner)})
            for name in ("app", "note"):
                got = owned(rig.target(name) + ("/" if name == "app" else ""))
                assert set(got.values()) == {expected}, (owner, got)
            assert len(owned(rig.target("app/"))) == 6, owned(rig.target("app/"))
            assert rig.nodes()["app"]["state"] == "intact"
        # Whose it is is part of what it is, and the way in stays the agent's own.
        assert os.lstat(rig.target("app")).st_uid == 0
        os.lchown(rig.target("app/link"), 0, 0)
        node = rig.nodes()["app"]
        assert node["state"] == "changed" and "link changed" in node["drift"], node
        rig.apply("B1", {"app": rig.component("app.tar", "3", owner="12345:54321")})
        assert set(owned(rig.target("app/")).values()) == {(12345, 54321)}
        rig.stop()


def an_owner_that_may_not_be_given_is_told():
    if os.geteuid() == 0:
        return  # root may
    with FilesRig() as rig:
        with_versions(rig)
        rig.start()
        end = rig.apply("A1", app(rig, "1", owner="root"), status="INCOMPLETE")
        assert "app: " in end["message"] and "owner" in end["message"] and "not permitted" in end["message"], end
        assert rig.installed("app") is None and rig.versions("app") == []
        rig.stop()


def what_has_to_stay_free_stays_free():
    fs = os.statvfs("/")
    too_much = 1 << 52
    assert fs.f_blocks * fs.f_frsize < too_much
    with FilesRig(settings={"limits": {"keepFreeBytes": too_much}}) as rig:
        with_versions(rig)
        rig.start()
        for activity, with_server in (("A1", False), ("A2", True)):
            one = app(rig, "1")
            with open(os.path.join(rig.sources, "app-1.tar.gz"), "rb") as f, \
                    Server({"/app.tar.gz": serve(f.read())}) as server:
                if with_server:
                    one["app"]["config"]["source"] = server.url("/app.tar.gz")
                end = rig.apply(activity, one, status="INCOMPLETE")
            assert "app: " in end["message"] and "Not enough space: need " in end["message"], end
            assert rig.installed("app") is None and rig.versions("app") == []
        # What is fetched already is not unpacked either.
        rig.configure(limits={"keepFreeBytes": 0}, commands={"no": {"argv": ["/bin/false"]}})
        rig.hang_up()
        rig.wait_notified("READY=1")
        rig.apply("A3", app(rig, "1"))
        assert rig.installed("app") == content("1")
        rig.stop()


def a_download_takes_no_more_than_its_share():
    data = random.Random(3).randbytes(120_000)
    with FilesRig(settings={"download": {"bytesPerSecond": 100_000}}) as rig:
        rig.source("data", data)
        one = {"data": rig.component("data", "1")}
        with Server({"/data": serve(data)}) as server:
            one["data"]["config"]["source"] = server.url("/data")
            rig.start()
            begin = time.monotonic()
            rig.apply("A1", one)
            # A slow machine takes longer; some bytes are for free at the beginning.
            assert time.monotonic() - begin > 0.5, time.monotonic() - begin
        with open(rig.target("data"), "rb") as f:
            assert f.read() == data
        rig.stop()


@in_both_modes
def https_knows_the_server_and_is_known_by_it(mode):
    if not shutil.which("openssl"):
        print("# without https: there is no openssl")
        return
    with FilesRig(isolation=mode) as rig:
        context = certificates(rig.sources)
        context.verify_mode = ssl.CERT_REQUIRED
        ca, cert, key = (os.path.join(rig.sources, name) for name in ("ca.pem", "client.pem", "client.key"))
        rig.source("data", b"hello\n")
        one = {"data": rig.component("data", "1")}
        cases = (("A1", {}, "certificate"),  # the system's authorities do not know this server
                 ("A2", {"caFile": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
                 ("A3", {"caFile": ca}, "https"),
                 ("A4", {"caFile": ca, "certFile": cert, "keyFile": os.path.join(rig.sources, "ca.key")}, "https"),
                 ("A5", {"caFile": ca, "certFile": cert, "keyFile": key}, None))
        with Server({"/data": serve(b"hello\n")}, tls=context) as server:
            one["data"]["config"]["source"] = server.url("/data")
            rig.start()
            for activity, download, text in cases:
                rig.configure(download=dict(download, attempts=1))
                rig.hang_up()
                rig.wait_notified("READY=1")
                end = rig.apply(activity, one, status="INCOMPLETE" if text else "COMPLETED")
                print("# %s: %s" % (download, end.get("message")))
                if text:
                    assert "data: " in end["message"] and text in end["message"], end
                    assert rig.installed("data") is None and server.requests == [], (end, server.requests)
            assert rig.installed("data") == {"": "hello\n"}
        rig.stop()


if __name__ == "__main__":
    run([set_user_id_files_are_refused_stripped_or_kept, a_mode_keeps_or_takes_the_bits_as_the_settings_say,
         device_nodes_and_fifos_come_where_they_are_allowed, everything_of_a_version_belongs_to_its_owner,
         an_owner_that_may_not_be_given_is_told, what_has_to_stay_free_stays_free,
         a_download_takes_no_more_than_its_share, https_knows_the_server_and_is_known_by_it])
