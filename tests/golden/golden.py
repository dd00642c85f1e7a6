#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""golden - plays recorded scenarios against a daemon, as backend and as the agents of two domains

    golden.py SCENARIO...                              our daemon
    golden.py --daemon 'PROGRAM -config-file {config}' SCENARIO...

A scenario is a text; see the files beside this one.

    # a comment
    config {..}              members for the configuration, before anything else
    > TOPIC [aid=X] JSON     published by us; `raw TEXT` in place of JSON: without envelope
    < TOPIC [aid=X] JSON     expected from the daemon
    wait SECONDS             nothing may come for so long, but what is expected next

V, C and S are the prefixes of the device, `containers` and `self-update`; the activity is A1 unless aid= says
otherwise.  dC, dS, aC(X), aS(X) and INV stand for what they do in the reference, and so do START2, ID2,
CMD(x), OK2(x) and END(json) on lines of their own.  Requests for the current state of an agent are answered
by themselves; `<` lines between two inputs keep their order per topic only, since the daemon's parts owe each other
no order.  At the end nothing more may come.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from mqtt_client import Timeout  # noqa: E402
from rig import PATIENCE, Rig, TOP, skip  # noqa: E402

PREFIX = {"V": "vehicleupdate", "C": "containersupdate", "S": "selfupdate"}
LETTER = {v: k for k, v in PREFIX.items()}
FROM_DAEMON = {"V": ("desiredstatefeedback", "currentstate", "ownerconsent"),
               "C": ("desiredstate", "desiredstate/command", "currentstate/get"),
               "S": ("desiredstate", "desiredstate/command", "currentstate/get")}
WORDS = {
    "dC": '{"id":"containers","components":[{"id":"hello-world","version":"latest"}]}',
    "dS": '{"id":"self-update","components":[{"id":"os-image","version":"v2"}]}',
    "INV": '"INV"',
}
QUIET = 0.3


def action(component, status):
    return '{"component":{"id":"%s","version":"1"},"status":"%s"}' % (component, status)


def expand_words(text):
    text = re.sub(r"\ba([CS])\((\w+)\)", lambda m: action(
        {"C": "containers:hello-world", "S": "self-update:os-image"}[m.group(1)], m.group(2)), text)
    return re.sub(r'(?<!")\b(dC|dS|INV)\b(?!")', lambda m: WORDS[m.group(1)], text)


def expand(line):
    """A line of a scenario as the plain lines that it stands for."""
    match = re.fullmatch(r"(START2|ID2|CMD|OK2|END)(?:\((.*)\))?", line)
    if not match:
        return [line]
    name, x = match.groups()
    both = "[aC(%s),aS(%s)]"
    if name == "START2":
        return ["> V/desiredstate {\"domains\":[dC,dS]}", "< V/desiredstatefeedback {\"status\":\"IDENTIFYING\"}",
                "< C/desiredstate {\"domains\":[dC]}", "< S/desiredstate {\"domains\":[dS]}"]
    if name == "ID2":
        known = both % ("IDENTIFIED", "IDENTIFIED")
        return expand("START2") + [
            "> C/desiredstatefeedback {\"status\":\"IDENTIFIED\",\"actions\":[aC(IDENTIFIED)]}",
            "> S/desiredstatefeedback {\"status\":\"IDENTIFIED\",\"actions\":[aS(IDENTIFIED)]}",
            "< V/desiredstatefeedback {\"status\":\"IDENTIFIED\",\"actions\":%s}" % known,
            "< V/desiredstatefeedback {\"status\":\"RUNNING\",\"actions\":%s}" % known]
    if name == "CMD":
        return ["< %s/desiredstate/command {\"command\":\"%s\"}" % (a, x) for a in "CS"]
    if name == "OK2":
        return ["> %s/desiredstatefeedback {\"status\":\"%s\",\"actions\":[a%s(%s)]}" % (a, x, a, x) for a in "CS"]
    return ["< V/desiredstatefeedback " + x, "< C/currentstate/get null", "< S/currentstate/get null",
            "< V/currentstate INV"]


def parse(path):
    config, steps = {}, []
    with open(path) as f:
        lines = [line.strip() for line in f]
    for line in lines:
        if not line or line.startswith("#"):
            continue
        if line.startswith("config "):
            config.update(json.loads(line[7:]))
            continue
        for plain in expand(line):
            if plain.startswith("wait "):
                steps.append(("wait", float(plain[5:])))
                continue
            match = re.fullmatch(r'([<>]) ([VCS])/(\S+)(?: aid="([^"]*)")? (.*)', plain)
            assert match, "%s: cannot read: %s" % (path, plain)
            way, who, topic, aid, body = match.groups()
            if body.startswith("raw "):
                payload = ("raw", body[4:])
            else:
                payload = ("json", json.loads(expand_words(body)))
            steps.append((way, who, topic, "A1" if aid is None else aid, payload))
    return config, steps


def normal(payload):
    """What does not count: the order of actions."""
    if isinstance(payload, dict) and "actions" in payload:
        payload = dict(payload, actions=sorted(payload["actions"], key=lambda a: a["component"]["id"]))
    return payload


class Player:
    def __init__(self, rig):
        self.rig = rig
        self.pending = []  # expected: (who, topic, aid, payload)

    def publish(self, who, topic, aid, payload):
        kind, body = payload
        if kind == "raw":
            self.rig.backend.publish(PREFIX[who] + "/" + topic, body.encode())
        else:
            self.rig.send(PREFIX[who] + "/" + topic, aid, body)

    def inventory(self, who, aid):
        domain = {"C": "containers", "S": "self-update"}[who]
        self.rig.send(PREFIX[who] + "/currentstate", aid, {"softwareNodes": [
            {"id": domain + "-update-agent", "version": "1", "type": "APPLICATION",
             "parameters": [{"key": "domain", "value": domain}]}]})

    def receive(self, timeout):
        """The next message of the daemon as (who, topic, aid, payload)."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.rig.backend.next(max(0, deadline - time.monotonic()))
            prefix, _, topic = message.topic.partition("/")
            who = LETTER.get(prefix)
            if message.retained or not who or topic not in FROM_DAEMON[who]:
                continue
            envelope = json.loads(message.payload)
            if topic == "currentstate/get":
                self.inventory(who, envelope["activityId"])
            payload = envelope["payload"]
            if (who, topic) == ("V", "currentstate"):
                assert payload["softwareNodes"][0]["id"] == "vehicle-update-manager", payload
                payload = "INV"
            return who, topic, envelope["activityId"], normal(payload)

    def take(self, got):
        """Strikes off the first expectation of this topic."""
        for i, (who, topic, aid, payload) in enumerate(self.pending):
            if (who, topic) == got[:2]:
                expected = (who, topic, aid, normal(payload[1]))
                assert expected == got, "expected %s\n     got %s" % (json.dumps(expected), json.dumps(got))
                del self.pending[i]
                return
        raise AssertionError("unexpected: " + json.dumps(got))

    def settle(self, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while self.pending:
            try:
                self.take(self.receive(max(0, deadline - time.monotonic())))
            except Timeout:
                raise AssertionError("never came: %s" % (self.pending,))

    def play(self, steps):
        for step in steps:
            if step[0] == "<":
                self.pending.append(step[1:])
                continue
            self.settle()
            if step[0] == ">":
                self.publish(*step[1:])
            else:
                self.quiet(step[1])
        self.settle()
        self.quiet(QUIET)

    def quiet(self, seconds):
        try:
            got = self.receive(seconds)
        except Timeout:
            return
        raise AssertionError("unexpected: " + json.dumps(got))


def start_foreign(rig, command):
    path = rig.path("config.json")
    with open(path, "w") as f:
        json.dump(rig.config, f)
    rig.process = subprocess.Popen(shlex.split(command.replace("{config}", path)),
                                   stdout=open(rig.log_path, "a"), stderr=subprocess.STDOUT)


def play_file(path, command):
    config, steps = parse(path)
    agents = {"containers": {"rebootRequired": False, "readTimeout": "2s"},
              "self-update": {"rebootRequired": True, "readTimeout": "2s"}}
    base = {"agents": agents, "thingsEnabled": False, "rebootEnabled": False, "phaseTimeout": "4s",
            "reportFeedbackInterval": "1h", "ownerConsentTimeout": "2s", "currentStateDelay": "1s"}
    base.update(config)
    with Rig(config=base, plugins=() if command else ("remote",)) as rig:
        player = Player(rig)
        if command:
            start_foreign(rig, command)
        else:
            rig.start(connected=False)
        while True:  # the start has a scenario of its own
            who, topic, aid, payload = player.receive(PATIENCE)
            if (who, topic) == ("V", "currentstate"):
                break
        try:
            player.quiet(QUIET)
        except AssertionError:
            player.quiet(QUIET)
        player.play(steps)


def main():
    files, command = sys.argv[1:], None
    if files[:1] == ["--daemon"]:
        command, files = files[1], files[2:]
    folder = os.path.join(os.environ.get("top_srcdir", "."), "tests", "golden")
    files = files or sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".scenario"))
    if not command and not os.path.exists(os.path.join(TOP, "plugins", "remote", ".libs", "remote.so")):
        skip("the plugin for remote agents is not built")
    failed = 0
    for path in files:
        name = os.path.basename(path)
        try:
            play_file(path, command)
            print("ok - " + name, flush=True)
        except (AssertionError, OSError) as e:
            print("%s\nnot ok - %s" % (e, name), flush=True)
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
