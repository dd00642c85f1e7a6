# SPDX-License-Identifier: Apache-2.0
"""manager - update-brokerd with the self-update agent on a simulated device, and who talks with it

    with Device() as device, Manager(device) as manager:
        device.boot()
        manager.desire("v2.0", url)
        manager.command("DOWNLOAD")
        manager.hear(leda.downloaded("v2.0", amount=...))

The MQTT server is no part of the device: it goes on while the device boots.  What is published there, also
what was retained before, comes in order; each kind of message is looked at in a queue of its own.
"""
import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from bundles import source
from rauc import wait_until

sys.path.insert(0, source("tests", "fake"))
from mqtt_client import Client, Timeout  # noqa: E402
from rig import Server  # noqa: E402

PATIENCE = 60
BUILT = os.path.realpath(os.environ.get("top_builddir", "."))
FEEDBACK = "selfupdate/desiredstatefeedback"
STATE = "selfupdate/currentstate"
VEHICLE = "vehicleupdate/"

DEFAULTS = {"health": {"interval": "100ms", "timeout": "20s"}, "download": {"progressInterval": "0s", "retryMax": "1s"}}


def merged(base, change):
    """RFC 7396, as registrations are."""
    if not isinstance(change, dict):
        return change
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Manager:
    def __init__(self, device, settings=None, config=None, agents=None, isolation="process", port=None,
                 address="127.0.0.1"):
        self.device = device
        self.process = None
        self.client = None
        self.queues = collections.defaultdict(collections.deque)
        self.settings = merged(merged(DEFAULTS, {"folder": device.path("downloads")}), settings or {})
        self.isolation = isolation
        self.registration = {}
        self.server = Server(device.folder, port, address)
        self.config = merged({
            "domain": "vehicle", "agents": {"self-update": {"rebootRequired": True}}, "rebootEnabled": True,
            "rebootAfter": "0s", "rebootCommand": ["/bin/sh", "-c", "echo reboot >>%s" % device.path("reboots")],
            "phaseTimeout": "1m", "reportFeedbackInterval": "0s", "currentStateDelay": "0s",
            "connection": {"broker": "tcp://%s:%d" % (address, self.server.port)},
        }, config or {})
        self.agents = agents or {}
        self.log_path = device.path("manager.log")
        device.programs.append(self)

    # ------------------------------------------------------------------------------ the two worlds

    def __enter__(self):
        for name in ("state", "conf.d", "plugins", "runtime"):
            os.makedirs(self.device.path(name), mode=0o755)
        open(self.log_path, "w").close()
        self.install("self-update", "fake")
        self.register("self-update", "self-update", self.settings)
        for name, settings in self.agents.items():
            self.register(name, "fake", settings)
        self.server.start()
        self.device.outside.add(self.server.process.pid)
        self.connect()
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.stop()

    def install(self, *plugins):
        for plugin in plugins:
            built = os.path.join(BUILT, "plugins", plugin, ".libs", plugin + ".so")
            target = self.device.path("plugins", plugin + ".so")
            shutil.copy(built, target)
            os.chmod(target, 0o755)

    def register(self, agent, plugin, settings):
        registration = {"agent": agent, "plugin": plugin, "enabled": True, "isolation": self.isolation,
                        "settings": settings}
        if plugin == "self-update":
            registration.update(self.registration)
            registration["services"] = ["spawn"] + ["mqtt"] * settings.get("health", {}).get("mqtt", False)
        path = self.device.path("conf.d", "50-%s.conf" % agent)
        with open(path, "w") as f:
            json.dump(registration, f)
        os.chmod(path, 0o644)

    def change(self, settings, **registration):
        """Takes effect at the next start.  registration: more keys of it."""
        self.registration.update(registration)
        self.settings = merged(self.settings, settings)
        self.register("self-update", "self-update", self.settings)

    def connect(self):
        self.client = Client(self.server.port, address=self.server.address)
        self.client.subscribe("#")

    # -------------------------------------------------------------------------- the daemon's life

    def start(self):
        path = self.device.path("config.json")
        with open(path, "w") as f:
            json.dump(self.config, f)
        os.chmod(path, 0o644)
        notify = self.device.path("notify")
        if os.path.exists(notify):
            os.unlink(notify)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, open(self.log_path, "a") as log:
            listener.bind(notify)
            self.process = subprocess.Popen(
                [os.path.join(BUILT, "update-brokerd"), "--config-file", path,
                 "--conf-dir", self.device.path("conf.d"), "--state-dir", self.device.path("state"),
                 "--runtime-dir", self.device.path("runtime"), "--plugin-dir", self.device.path("plugins"),
                 "--agent-host", os.path.join(BUILT, "ub-agent-host")],
                env=dict(os.environ, NOTIFY_SOCKET=notify), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            listener.settimeout(0.1)
            wait_until(lambda: self.is_ready(listener), "the daemon is ready")
        # Whatever comes after this was said by the daemon that runs now.

    def is_ready(self, listener):
        if self.process.poll() is not None:
            raise AssertionError("the daemon has ended: " + self.log())
        try:
            return b"READY=1" in listener.recv(4096)
        except TimeoutError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.log()

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def lost(self):
        """The device went off."""
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def agent_pid(self):
        """The process that the agent runs in."""
        def find():
            for pid in self.device.processes():
                with open("/proc/%d/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
                if words[0].endswith(b"ub-agent-host") and b"self-update" in b" ".join(words):
                    return pid
            return None
        return wait_until(find, "the agent's process runs")

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def reboots(self):
        """How often a reboot was asked for."""
        try:
            with open(self.device.path("reboots")) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    # --------------------------------------------------------------------------------- messages

    def send(self, topic, activity, payload):
        envelope = {"activityId": activity, "timestamp": 1, "payload": payload}
        self.client.publish(topic, json.dumps(envelope).encode())

    def desire(self, version, url, activity="a1", **more):
        config = [{"key": "image", "value": url}] + [{"key": k, "value": v} for k, v in more.items()]
        self.send("selfupdate/desiredstate", activity, {"domains": [{"id": "self-update", "components": [
            {"id": "os-image", "version": version, "config": config}]}]})

    def command(self, word, activity="a1"):
        self.send("selfupdate/desiredstate/command", activity, {"baseline": "BASELINE NAME", "command": word})

    def next(self, topic, timeout=PATIENCE):
        """The next message on a topic: (activity or None, payload)."""
        deadline = time.monotonic() + timeout
        while not self.queues[topic]:
            message = self.client.next(max(0, deadline - time.monotonic()))
            self.queues[message.topic].append(message)
        envelope = json.loads(self.queues[topic].popleft().payload)
        assert isinstance(envelope["timestamp"], int) and envelope["timestamp"] > 1e12, "milliseconds"
        return envelope.get("activityId"), envelope["payload"]

    def is_quiet(self, topic=FEEDBACK, timeout=0.5):
        try:
            said = self.next(topic, timeout)
        except Timeout:
            return True
        raise AssertionError("unexpected: %s" % (said,))

    def hear(self, *expected, activity="a1"):
        """Exactly these, in this order, from the agent itself; a function stands for a message that it accepts."""
        for wanted in expected:
            got = self.next(FEEDBACK)
            assert got[0] == activity, (got, wanted)
            if callable(wanted):
                wanted(got[1])
            else:
                assert got[1] == wanted, "\n got    %s\n wanted %s" % (json.dumps(got[1]), json.dumps(wanted))

    def hear_until(self, last, between, activity="a1"):
        """Progress that only grows, each message as `between(progress, payload)` has it, and then this one."""
        seen = -1
        heard = []
        while True:
            got, payload = self.next(FEEDBACK)
            assert got == activity, (got, payload)
            is_last = payload["status"] == last["status"] if isinstance(last, dict) else last(payload)
            if is_last:
                if isinstance(last, dict):
                    assert payload == last, "\n got    %s\n wanted %s" % (json.dumps(payload), json.dumps(last))
                return heard
            progress = payload["actions"][0]["progress"]
            assert seen < progress < 100, (seen, payload)
            seen = progress
            between(progress, payload)
            heard.append(payload)

    def inventory(self, version, activity=None):
        """The agent's next inventory has this version of the image."""
        got, payload = self.next(STATE)
        nodes = payload["softwareNodes"]
        assert got == activity, (got, activity)
        assert nodes[0]["id"] == "self-update-agent" and nodes[0]["type"] == "APPLICATION", nodes
        assert nodes[1]["id"] == "self-update:os-image" and nodes[1]["type"] == "IMAGE", nodes
        assert nodes[1]["version"] == version, nodes
        assert payload["associations"] == [{"sourceId": "self-update-agent", "targetId": "self-update:os-image"}]

    def wait_version(self, version):
        """Inventories come more than once around a start: waits for one with this version."""
        while True:
            _, payload = self.next(STATE)
            if [n["version"] for n in payload["softwareNodes"] if n["type"] == "IMAGE"] == [version]:
                return

    def wait_log(self, pattern):
        wait_until(lambda: re.search(pattern, self.log()), "logged: " + pattern)


