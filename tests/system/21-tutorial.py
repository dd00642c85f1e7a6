#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tutorial - the self-update tutorial, typed as it stands: its addresses, its five files, its commands

The device is 192.168.7.2 and the host 192.168.7.1; the host's web server is python's own, which has no ranges.  Two
things the tutorial leaves to its reader: the web server listens where the URL says, on port 80, and the bundle's
version is what stands in the file, `${VERSION_ID}` or what takes its place.
"""
import json
import os
import shutil
import socket
import subprocess

import leda
import stage
from device import Device
from manager import FEEDBACK, Manager
from rauc import wait_until
from stage import scenario

START = """{
    "activityId": "random-uuid-as-string",
    "timestamp": 123456789,
    "payload": {
        "domains": [
            {
                "id": "self-update",
                "components": [
                    {
                        "id": "os-image",
                        "version": "${VERSION_ID}",
                        "config": [
                            {
                                "key": "image",
                                "value": "http://leda-bundle-server/sdv-rauc-bundle-minimal-qemux86-64.raucb"
                            }
                        ]
                    }
                ]
            }
        ]
    }
}
"""
COMMAND = """{
    "activityId": "1234567890",
    "timestamp": 1687510087,
    "payload": {
        "baseline": "BASELINE NAME",
        "command": "%s"
    }
}
"""
WATCH = 'mosquitto_sub -h 192.168.7.2 -p 1883 -t "selfupdate/#"'
PUBLISH = 'mosquitto_pub -h 192.168.7.2 -p 1883 -t "selfupdate/desiredstate" -f start-update-example.json'
COMMANDS = tuple('mosquitto_pub -h 192.168.7.2 -p 1883 -t "selfupdate/desiredstate/command" -f %s-command.json' % word
                 for word in ("download", "update", "activate", "cleanup"))


class Network:
    """The two addresses of the tutorial, and the name that its URL has."""

    def __enter__(self):
        for address in ("192.168.7.1/32", "192.168.7.2/32"):
            subprocess.check_call(["ip", "address", "add", address, "dev", "lo"])
        with open("/run/hosts", "w") as f:
            f.write("127.0.0.1 localhost\n192.168.7.1 leda-bundle-server\n")
        subprocess.check_call(["mount", "--bind", "/run/hosts", "/etc/hosts"])

    def __exit__(self, *_):
        subprocess.call(["umount", "/etc/hosts"])
        for address in ("192.168.7.1/32", "192.168.7.2/32"):
            subprocess.call(["ip", "address", "del", address, "dev", "lo"])


class Host:
    """The tutorial's reader, in a folder with a bundle and the five files."""

    def __init__(self, device, version):
        self.folder = "/run/host"
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        shutil.copy(device.workshop.bundle(version),
                    os.path.join(self.folder, "sdv-rauc-bundle-minimal-qemux86-64.raucb"))
        self.write("start-update-example.json", START)
        for word in ("download", "update", "activate", "cleanup"):
            self.write(word + "-command.json", COMMAND % word.upper())

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def type(self, line):
        subprocess.check_call(["sh", "-c", line], cwd=self.folder)

    def open_terminal(self, line):
        """Another terminal, in which a program goes on; what it shows is in a file."""
        self.shown = os.path.join(self.folder, "terminal-1")
        with open(self.shown, "w") as f:
            self.terminal = subprocess.Popen(["sh", "-c", "exec " + line], stdin=subprocess.DEVNULL, stdout=f)

    def look(self):
        """The messages on terminal 1."""
        with open(self.shown) as f:
            text = f.read().lstrip()
        messages = []
        while text.endswith("}\n"):  # the last one is whole
            message, end = json.JSONDecoder().raw_decode(text)
            messages.append(message)
            text = text[end:].lstrip()
        return messages

    def __enter__(self):
        self.web = subprocess.Popen(["python3", "-m", "http.server", "--bind", "192.168.7.1", "80"], cwd=self.folder,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, "the web server listens")
        return self

    def answers(self):
        try:
            socket.create_connection(("192.168.7.1", 80), 1).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        for program in (self.web, self.terminal):
            program.kill()
            program.wait()


def is_all_shown(host):
    """Both sides of the talk, to its end, and the inventory that was there before."""
    shown = host.look()
    words = [m["payload"].get("status") for m in shown if m.get("payload")]
    commands = [m["payload"]["command"] for m in shown if m.get("payload", {}).get("command")]
    nodes = [n["id"] for m in shown for n in m["payload"].get("softwareNodes", [])]
    return "COMPLETE" in words and commands == ["DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"] and \
        nodes[:2] == ["self-update-agent", "self-update:os-image"]


def go_through(device, manager, host, version):
    host.open_terminal(WATCH)
    device.outside.add(host.terminal.pid)
    wait_until(host.look, "the terminal shows what is retained")
    host.type(PUBLISH)
    manager.hear(leda.identifying(), leda.identified(version), activity="random-uuid-as-string")
    for line, last in zip(COMMANDS, ("DOWNLOAD_SUCCESS", "UPDATE_SUCCESS", "ACTIVATION_SUCCESS", "COMPLETE")):
        host.type(line)
        while True:
            activity, payload = manager.next(FEEDBACK)
            assert activity == "1234567890", (activity, payload)
            assert "FAILURE" not in payload["status"] and payload["status"] != "INCOMPLETE", payload
            if payload["status"] == last:
                break
    wait_until(lambda: is_all_shown(host), "terminal 1 shows it all")
    shown = subprocess.check_output(["rauc", "--conf=" + device.path("system.conf"), "status", "--detailed"], text=True)
    assert "Activated: rootfs.1 (B)" in shown, shown
    assert device.reboot() == "B" and device.version == version


def play_with(version, change=None):
    with Network(), Device() as device:
        manager = Manager(device, address="192.168.7.2", port=1883)
        with manager, Host(device, version) as host:
            device.outside.add(host.web.pid)
            if change:
                host.type(change)
            device.boot()
            manager.wait_version("v1.0")
            go_through(device, manager, host, version)


@scenario
def typed_literally_it_ends_with_the_new_slot_active():
    play_with("${VERSION_ID}")


@scenario
def with_the_version_put_in_it_ends_with_the_new_slot_active():
    play_with("v0.0.10-194-g3d48cb8", "sed -i 's/${VERSION_ID}/v0.0.10-194-g3d48cb8/' start-update-example.json")


stage.play()
