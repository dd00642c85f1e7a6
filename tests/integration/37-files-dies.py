#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""files-dies - the files agent cancelled and stopped; kill -9 of it and of the whole daemon, in every step

Whatever is killed, one version is active and whole, the inventory says which, and the next activity goes all the way.
"""
import os
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True  # the source folder may be read-only
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from files_rig import FilesRig, app, content, in_both_modes, symlink, ubctl, with_versions  # noqa: E402
from http_server import Server  # noqa: E402
from rig import run  # noqa: E402


def slow_server(data):
    """Sends half of it, and the rest when `go` is set."""
    go = threading.Event()

    def handler(request, client):
        start = request.range_start() or 0
        client.head(206 if start else 200, Content_Length=len(data) - start, ETag='"1"',
                    Content_Range="bytes %d-%d/%d" % (start, len(data) - 1, len(data)) if start else None)
        half = max(start, len(data) // 2)
        client.send(data[start:half])
        go.wait(30)
        client.send(data[half:])
        return True
    return handler, go


def has(path):
    return lambda: os.path.exists(path)


def kill_agent(rig):
    os.kill(rig.agent_pid(), signal.SIGKILL)


def kill_daemon(rig):
    rig.kill()
    rig.start(connected=False)


def killed_in_download(rig, kill):
    with open(os.path.join(rig.sources, "app-2.tar.gz"), "rb") as f:
        handler, go = slow_server(f.read())
    with Server({"/app-2.tar.gz": handler}) as server:
        wanted = app(rig, "2", source=server.url("/app-2.tar.gz"))
        rig.begin("A2", wanted)
        rig.wait_for(lambda: server.requests, "a request")
        folder = rig.path("store", "downloads", "app", ".source.part")
        rig.wait_for(has(folder), "a download")
        kill(rig)
        go.set()
        return rig.end("A2")


def killed_in_update(rig, kill):
    rig.archive("app-2.tar.gz", dict(
        {"top/bin/app": "version 2", "top/conf": symlink("bin/app")},
        **{"top/many/%d" % i: "x" * i for i in range(3000)}))
    rig.begin("A2", app(rig, "2"))
    rig.wait_for(has(rig.path("store", "versions", "app", ".new", "content", "many")), "unpacking")
    kill(rig)
    return rig.end("A2")


def killed_in_activate(rig, kill):
    rig.begin("A2", app(rig, "2", activate="wait"))
    rig.wait_for(has(rig.path("waiting")), "the command")
    os.unlink(rig.path("waiting"))
    open(rig.path("go"), "w").close()
    kill(rig)
    return rig.end("A2")


def killed_in_activate_of_a_baseline(rig, kill):
    rig.begin("A2", app(rig, "2", activate="wait"), baselines=[{"title": "b", "components": ["files:app"]}])
    rig.wait_for(has(rig.path("waiting")), "the command")
    os.unlink(rig.path("waiting"))
    open(rig.path("go"), "w").close()
    kill(rig)
    return rig.end("A2")


def killed_in_rollback(rig, kill):
    rig.begin("A2", app(rig, "2", activate="back"), baselines=[{"title": "b", "components": ["files:app"]}])
    rig.wait_for(has(rig.path("waiting")), "the command")
    os.unlink(rig.path("waiting"))
    open(rig.path("go"), "w").close()
    kill(rig)
    return rig.end("A2")


def killed(mode, kill, phase):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig)
        wait = 'while [ ! -e %s ]; do : >%s; sleep 0.05; done\n' % (rig.path("go"), rig.path("waiting"))
        rig.configure(commands={
            "wait": {"argv": [rig.program("wait", '[ "$UB_VERSION" = 1 ] || ' + wait)]},
            "back": {"argv": [rig.program("back", '[ "$UB_STEP" = ROLLBACK ] || [ "$UB_VERSION" = 1 ] || exit 1\n'
                                          '[ "$UB_STEP" = ACTIVATE ] || ' + wait)]}})
        rig.start()
        rig.apply("A1", app(rig, "1", activate="back" if phase is killed_in_rollback else "wait"))
        end = phase(rig, kill)
        got = {k: v for k, v in rig.installed("app").items() if not k.startswith("many")}
        assert got in (content("1"), content("2")), got
        node = rig.nodes()["app"]
        print("# %s, %s, %s: %s with version %s" % (mode, kill.__name__, phase.__name__, end["status"],
                                                    node["version"]))
        assert got == content(node["version"]) and node["state"] == "intact", (got, node, end)
        assert end["status"] != "COMPLETED" or node["version"] == "2", (node, end)
        open(rig.path("go"), "w").close()
        rig.apply("A3", app(rig, "2"))
        assert rig.nodes()["app"]["version"] == "2"
        assert os.listdir(os.path.join(rig.store, "downloads")) == []
        assert len(rig.versions("app")) <= 2 and len(os.listdir(os.path.join(rig.store, "generations"))) == 1
        rig.stop()


def half_of_a_download(rig, server):
    wanted = app(rig, "2", source=server.url("/app-2.tar.gz"))
    rig.begin("A2", wanted)
    rig.wait_for(has(rig.path("store", "downloads", "app", ".source.part")), "a download")


def many_files(rig):
    rig.archive("app-2.tar.gz", {"top/%d/%d" % (i % 50, i): "x" * i for i in range(2000)})
    rig.begin("A4", app(rig, "2"))
    rig.wait_for(has(rig.path("store", "versions", "app", ".new", "content", "3")), "unpacking")


@in_both_modes
def a_cancelled_activity_leaves_nothing_behind(mode):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig)
        rig.start()
        rig.apply("A1", app(rig, "1"))
        with open(os.path.join(rig.sources, "app-2.tar.gz"), "rb") as f:
            handler, go = slow_server(f.read())
        with Server({"/app-2.tar.gz": handler}) as server:
            half_of_a_download(rig, server)
            assert subprocess.run(ubctl(rig, "cancel"), stdout=subprocess.DEVNULL).returncode == 0
            assert rig.end("A2")["status"] == "INCOMPLETE"
            go.set()
        assert rig.installed("app") == content("1") and rig.versions("app") == ["1"]
        rig.wait_for(lambda: not os.listdir(os.path.join(rig.store, "downloads")), "no downloads")
        rig.apply("A3", app(rig, "2"))
        rig.stop()


@in_both_modes
def a_daemon_that_is_stopped_does_not_wait_for_downloads_and_archives(mode):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig)
        rig.start()
        rig.apply("A1", app(rig, "1"))
        with open(os.path.join(rig.sources, "app-2.tar.gz"), "rb") as f:
            handler, go = slow_server(f.read())
        with Server({"/app-2.tar.gz": handler}) as server:
            half_of_a_download(rig, server)
            rig.stop()
            go.set()
            rig.start(connected=False)
            assert rig.end("A2")["status"] == "COMPLETED"
        rig.apply("A3", app(rig, "1"))
        many_files(rig)
        rig.stop()
        assert rig.installed("app") == content("1")
        rig.start(connected=False)
        assert rig.end("A4")["status"] == "COMPLETED"
        rig.stop()
        assert "is killed" not in rig.log() and "abandoned" not in rig.log(), rig.log()


PHASES = (killed_in_download, killed_in_update, killed_in_activate, killed_in_activate_of_a_baseline,
          killed_in_rollback)


def an_agent_that_is_killed_in_any_step_leaves_one_version_whole():
    for phase in PHASES:
        killed("process", kill_agent, phase)


@in_both_modes
def a_daemon_that_is_killed_in_any_step_goes_on_or_back(mode):
    for phase in PHASES:
        killed(mode, kill_daemon, phase)


if __name__ == "__main__":
    run([a_cancelled_activity_leaves_nothing_behind,
         a_daemon_that_is_stopped_does_not_wait_for_downloads_and_archives, an_agent_that_is_killed_in_any_step_leaves_one_version_whole,
         a_daemon_that_is_killed_in_any_step_goes_on_or_back])
