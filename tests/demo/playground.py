# SPDX-License-Identifier: Apache-2.0
"""playground - a device to type commands at: daemon, MQTT server, web server and three agents

A rig (tests/fake/rig.py) as a person wants it: the programs have their usual names and find this daemon by
themselves, the desired states lie ready as files, and the agents take long enough to be watched.  The demo
tells its story here, and the test of README.md runs its commands here.

    with Playground() as play:
        play.start()
        play.shell("ubctl agents")
"""
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SOURCE, "tests", "fake"))
from rig import TOP, Rig, find_program  # noqa: E402

# The two fake domains: what they begin with, and how long their phases take.
SLOW = {"DOWNLOAD": {"delayMs": 150, "steps": 15}, "UPDATE": {"delayMs": 100, "steps": 10},
        "ACTIVATE": {"delayMs": 100, "steps": 5}}
FAKES = {"climate": "fan-control", "lights": "headlamp"}


def built_plugins():
    return sorted(path.stem for path in pathlib.Path(TOP, "plugins").glob("*/.libs/*.so"))


class WebServer:
    """The vendor's: Python's own, below one folder, on a port that the system chose."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        # "Serving HTTP on 127.0.0.1 port 45337 (http://127.0.0.1:45337/) ..."
        self.url = self.process.stdout.readline().split("(")[1].split("/)")[0]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def archive(path, files):
    """A tar.gz below one top folder, as release archives are; returns its SHA-256."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"web-ui/{name}")
            data = text.encode()
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Playground(Rig):
    def __init__(self):
        super().__init__({}, {"reportFeedbackInterval": "200ms"}, plugins=built_plugins())
        for domain, component in FAKES.items():
            self.register(domain, {"components": [{"id": component, "version": "1.0"}], "phases": SLOW})
        self.folder = pathlib.Path(self.folder)
        self.work = self.folder / "work"
        self.web = None
        for name in ("bin", "work", "releases", "files"):
            (self.folder / name).mkdir()
        self.register("files", {"store": str(self.folder / "files"), "targets": [str(self.work)]}, plugin="files")
        for shipped in (pathlib.Path(SOURCE) / "conf.d").glob("*.conf"):
            shutil.copy(shipped, self.folder / "conf.d")  # disabled, as packages install them

    def __enter__(self):
        super().__enter__()
        try:
            self.web = WebServer(self.folder / "releases")
            self.write_programs()
            self.write_package()
            self.write_desired_states()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is None:
            self.stop()  # its agents end with it; a killed daemon would leave that to them
        if self.web:
            self.web.stop()
        super().__exit__(None, None, None)

    # ------------------------------------------------------------------------------ what lies ready

    def write_program(self, name, *lines):
        path = self.folder / "bin" / name
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)

    def write_programs(self):
        """What is installed on a device finds its daemon and server by default; these do it here."""
        where = (f"--config-file={self.path('config.json')} --conf-dir={self.path('conf.d')} "
                 f"--plugin-dir={self.path('plugins')}")
        self.write_program(
            "ubctl",
            'case ${1-} in',
            f'enable|disable) exec {TOP}/ubctl "$@" --conf-dir={self.path("conf.d")} '
            f'--socket={self.path("runtime/control")} ;;',
            f'check-config) exec {TOP}/ubctl "$@" {where} ;;',
            f'*) exec {TOP}/ubctl --socket={self.path("runtime/control")} "$@" ;;',
            'esac')
        self.write_program("ub-plugin-check",
                           f'exec {TOP}/ub-plugin-check --agent-host {TOP}/ub-agent-host "$@"')
        for name in ("mosquitto_pub", "mosquitto_sub"):
            self.write_program(name, f'exec {find_program(name)} -h 127.0.0.1 -p {self.server.port} "$@"')

    def write_package(self):
        """What pkg-config is asked for the SDK: this tree's, and a plugin folder that is this device's."""
        folder = self.folder / "pkgconfig"
        folder.mkdir()
        (folder / "update-broker-plugin.pc").write_text(
            "Name: update-broker-plugin\nDescription: the SDK of the build tree\nVersion: 0\n"
            f"plugindir={self.path('plugins')}\nRequires: libcjson\n"
            f"Cflags: -I{SOURCE}/include -fPIC -fvisibility=hidden\n"
            f"Libs: -L{TOP} -lub-sdk -Wl,-z,defs -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--as-needed "
            f"-Wl,--version-script={SOURCE}/sdk/plugin.map\n")

    def desired_state(self, activity, version, **more):
        name = f"web-ui-{version}.tar.gz"
        digest = archive(self.folder / "releases" / name, {
            "index.html": f"<h1>Version {version}</h1>\n", "style.css": "h1 { color: green }\n"})
        ui = {"id": "web-ui", "version": version, "config": [
            {"key": "source", "value": f"{self.web.url}/{name}"},
            {"key": "sha256", "value": digest},
            {"key": "strip", "value": "1"},
            {"key": "target", "value": str(self.work / "www")}]}
        domains = [{"id": "files", "components": [ui]}]
        domains += [{"id": domain, "components": [{"id": component, "version": version}]}
                    for domain, component in FAKES.items()]
        text = json.dumps({"activityId": activity, "timestamp": 1, "payload": dict(more, domains=domains)},
                          indent=2)
        (self.work / f"{activity}.json").write_text(text + "\n")

    def write_desired_states(self):
        together = [f"{domain}:{component}" for domain, component in FAKES.items()] + ["files:web-ui"]
        self.desired_state("first", "1.1")
        self.desired_state("second", "2.0", baselines=[{"title": "cockpit-2.0", "components": together}])

    # --------------------------------------------------------------------------------- commands

    def variables(self):
        path = f"{self.folder / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}"
        return dict(os.environ, PATH=path, CONF_D=self.path("conf.d"),
                    PKG_CONFIG_PATH=str(self.folder / "pkgconfig"))

    def shell(self, command, **more):
        """Runs a line as a person would; returns its exit status and, when captured, its output."""
        return subprocess.run(["/bin/sh", "-c", command], cwd=self.work, env=self.variables(), check=False,
                              stdin=subprocess.DEVNULL, **more)

    def interactive(self):
        shell = shutil.which(os.environ.get("SHELL", "")) or "/bin/sh"
        subprocess.run([shell], cwd=self.work, env=self.variables(), check=False)
