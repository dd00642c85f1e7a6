# SPDX-License-Identifier: Apache-2.0
"""golden - plays recorded scenarios against a daemon, as backend and, for most players, as the agents of two domains

    golden-remote.py [SCENARIO...]                our daemon, whose agents are played here, behind MQTT
    golden-isolated.py [SCENARIO...]              our daemon with fake agents, each in a process of its own
    golden-in-process.py [SCENARIO...]            our daemon with fake agents inside of it
    golden-remote.py --daemon 'PROGRAM {config}'  another daemon, which is to do as ours does
    golden-remote.py --original 'PROGRAM -config-file {config}'
                                                  Kanto's update manager, which is to do as was recorded

A scenario is a text; see the files beside this one.

    # a comment
    config {..}              members for the configuration, before anything else
    fake DOMAIN {..}         settings of the fake agent of a domain, in place of those in FAKES
    not hosted: WHY          fake agents cannot play this
    start                    starts the daemon; without this line it is started first of all, and what it says at
                             its start passed over
    stop                     SIGTERM, and the exit status is 0
    > TOPIC [aid=X] JSON     published by us; `raw TEXT` in place of JSON: without envelope
    < TOPIC [aid=X] JSON     expected from the daemon
    wait SECONDS             nothing may come for so long, but what is expected next
    server withholds         the MQTT server delivers, but acknowledges nothing to the daemon ...
    server acknowledges      ... until here
    server restarts
    installed {..}           fake agents: component ids and versions of the last current state
    [WHO..] LINE             a line for these players only: remote, hosted (isolated and in-process), ours (all of
                             these) or kanto.  A line for kanto alone, or for ours alone, tells what the difference
                             is about: `W11`, a weakness of Kanto's manager; `order`, the same at another time;
                             `more`, which it does not do at all

V, C and S are the prefixes of the device, `containers` and `self-update`; the activity is A1 unless aid= says
otherwise.  dC, dS, aC(X), aS(X) and INV stand for what they do in the recordings, and so do START2, ID2, CMD(x),
OK2(x) and END(json) on lines of their own.  A topic that does not begin with V, C or S is itself, and has no envelope.
"$MS" is any time, also inside a text; "$ID" is any text, and the same one from its second appearance on.

Requests for the current state of an agent are answered by themselves; `<` lines between two inputs keep their order
per topic only, since the daemon's parts owe each other no order.  At the end nothing more may come.  Lines about C and
S are not for fake agents: what they are told and say does not show.  Their actions name the version that is desired.

With GOLDEN_VERBOSE in the environment everything that the daemon says is shown.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from mqtt_client import Timeout  # noqa: E402
from mqtt_gate import Gate  # noqa: E402
from rig import PATIENCE, Rig, TOP, skip  # noqa: E402

PREFIX = {"V": "vehicleupdate", "C": "containersupdate", "S": "selfupdate"}
DOMAIN = {"C": "containers", "S": "self-update"}
FROM_DAEMON = re.compile("vehicleupdate/(desiredstatefeedback|currentstate|ownerconsent)$|"
                         "(containersupdate|selfupdate)/(desiredstate(/command)?|currentstate/get)$|"
                         "edge/thing/request$|e$|command//[^/]*/res/")
WORDS = {
    "dC": '{"id":"containers","components":[{"id":"hello-world","version":"latest"}]}',
    "dS": '{"id":"self-update","components":[{"id":"os-image","version":"v2"}]}',
    "INV": '"INV"',
}
FAKES = {"containers": {"components": [{"id": "hello-world", "version": "1"}]},
         "self-update": {"components": [{"id": "os-image", "version": "v1"}]}}
DESIRED = {"containers:hello-world": "latest", "self-update:os-image": "v2"}
AGENTS = {"containers": {"rebootRequired": False, "readTimeout": "2s"},
          "self-update": {"rebootRequired": True, "readTimeout": "2s"}}
CONFIG = {"agents": AGENTS, "thingsEnabled": False, "rebootEnabled": False, "phaseTimeout": "4s",
          "reportFeedbackInterval": "1h", "ownerConsentTimeout": "2s", "currentStateDelay": "1s"}
PLAYERS = {"remote": ("remote", "ours"), "isolated": ("hosted", "ours"), "in-process": ("hosted", "ours"),
           "kanto": ("kanto",)}
QUIET = 0.3
AT_A_TIME = 3  # scenarios: most of their time is spent waiting
VERBOSE = "GOLDEN_VERBOSE" in os.environ
ATTEMPTS = 5  # at Kanto's manager, which dies at random (W1)


# ------------------------------------------------------------------------------------- reading a scenario

def action(component, status):
    return '{"component":{"id":"%s","version":"1"},"status":"%s"}' % (component, status)


def expand_words(text):
    text = re.sub(r"\ba([CS])\((\w+)\)", lambda m: action(
        {"C": "containers:hello-world", "S": "self-update:os-image"}[m.group(1)], m.group(2)), text)
    return re.sub(r'(?<!["\w/])(dC|dS|INV)\b(?!")', lambda m: WORDS[m.group(1)], text)


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


class Scenario:
    """What one player is to play: `steps` of (verb, what...)."""

    def __init__(self, path, player):
        self.path, self.groups = path, PLAYERS[player]
        self.config, self.fakes, self.steps = dict(CONFIG), dict(FAKES), []
        self.not_hosted, self.others_differ = None, set()
        with open(path) as f:
            for line in f:
                line = line.strip()
                if line and not line.startswith("#"):
                    self.read_line(line)

    def fail(self, line):
        raise AssertionError("%s: cannot read: %s" % (self.path, line))

    def read_line(self, line):
        match = re.fullmatch(r"\[([^]]*)\]\s+(.*)", line)
        if match:
            words, line = match.group(1).split(), match.group(2)
            why = {w for w in words if re.fullmatch(r"W\d+|order|more", w)}
            who = set(words) - why
            if not who or who - {"remote", "hosted", "ours", "kanto"} or (who in ({"kanto"}, {"ours"}) and not why):
                self.fail(match.group(0))
            if not who & set(self.groups):
                self.others_differ |= why if "kanto" in self.groups else set()
                return
            self.others_differ |= why
        verb, _, rest = line.partition(" ")
        if verb == "config":
            self.config.update(json.loads(rest))
        elif verb == "fake":
            domain, _, settings = rest.partition(" ")
            self.fakes[domain] = dict(FAKES[domain], **json.loads(settings))
        elif line.startswith("not hosted: "):
            self.not_hosted = line[len("not hosted: "):]
        elif line in ("start", "stop"):
            self.steps.append((verb,))
        elif verb == "wait":
            self.steps.append((verb, float(rest)))
        elif verb == "server" and rest in ("withholds", "acknowledges", "restarts"):
            self.steps.append((verb, rest))
        elif verb == "installed":
            self.steps.append((verb, json.loads(rest)))
        else:
            for plain in expand(line):
                self.read_message(plain)

    def read_message(self, line):
        match = re.fullmatch(r'([<>]) (\S+)(?: aid="([^"]*)")? (.*)', line)
        if not match:
            self.fail(line)
        way, topic, aid, body = match.groups()
        who, _, rest = topic.partition("/")
        if who in DOMAIN and "hosted" in self.groups:
            return
        if who in PREFIX and rest:
            topic = PREFIX[who] + "/" + rest
        aid = "A1" if aid is None else aid
        if body.startswith("raw"):
            self.steps.append((way, topic, None, body[4:]))
        else:
            bare = who not in PREFIX or not rest
            body = json.loads(expand_words(body)) if body != "(empty)" else ""
            self.steps.append((way, topic, None if bare else aid, body))


# -------------------------------------------------------------------------------------------- playing it

def is_once_more(message):
    """An agent may be asked for its state by both sides that have just come up, daemon and plugin."""
    return message[0].endswith("/currentstate/get") and message[1].startswith("initial-current-state-")


class Player:
    def __init__(self, rig, gate, hosted):
        self.rig, self.gate, self.hosted = rig, gate, hosted
        self.pending = []       # expected: (topic, aid, payload)
        self.inventories = {}   # of the agents that are played here, as they were reported last
        self.last_state = None
        self.names = {}         # what "$ID" stands for

    # --------------------------------------------------------------------------------- as the agents

    def publish(self, topic, aid, body):
        body = self.fill_in(body)
        if aid is None:
            text = body if isinstance(body, str) else json.dumps(body)
            self.rig.backend.publish(self.fill_in(topic), text.encode())
            return
        prefix, _, kind = topic.partition("/")
        for who, domain in DOMAIN.items():
            if kind == "currentstate" and prefix == PREFIX[who]:
                self.inventories[domain] = body
        self.rig.send(topic, aid, body, retain=kind == "currentstate")

    def answer_get(self, topic, aid):
        domain = next(d for who, d in DOMAIN.items() if topic == PREFIX[who] + "/currentstate/get")
        self.inventories.setdefault(domain, {"softwareNodes": [
            {"id": domain + "-update-agent", "version": "1", "type": "APPLICATION",
             "parameters": [{"key": "domain", "value": domain}]}]})
        self.rig.send(topic[:-len("/get")], aid, self.inventories[domain], retain=True)

    # ------------------------------------------------------------------------------- what is the same

    def aggregated(self):
        """What the daemon makes of the inventories; the version is its own."""
        root = {"id": "vehicle-update-manager", "name": "Update Manager", "type": "APPLICATION"}
        nodes, links = [root], []
        for inventory in self.inventories.values():
            nodes += inventory["softwareNodes"]
            links.append({"sourceId": root["id"], "targetId": inventory["softwareNodes"][0]["id"]})
        return nodes, links

    def check_state(self, state):
        def in_order(items):
            return sorted(items, key=lambda x: json.dumps(x, sort_keys=True))
        self.last_state = state
        nodes = [dict(n) for n in state["softwareNodes"]]
        assert nodes[0].pop("version"), state
        assert nodes[0]["id"] == "vehicle-update-manager", state
        if not self.hosted:
            expected_nodes, expected_links = self.aggregated()
            assert in_order(nodes) == in_order(expected_nodes), (nodes, expected_nodes)
            links = state.get("associations", [])
            assert in_order(links) == in_order(expected_links), (links, expected_links)

    def check_installed(self, wanted):
        got = {n["id"]: n.get("version") for n in self.last_state["softwareNodes"]}
        assert wanted.items() <= got.items(), "expected %s\n     got %s" % (wanted, got)

    def normal(self, value, received):
        """Without what does not count: the order of actions, and how far they are."""
        if isinstance(value, list):
            return [self.normal(v, received) for v in value]
        if not isinstance(value, dict):
            return value
        value = {k: self.normal(v, received) for k, v in value.items()}
        if "actions" in value:
            for one in value["actions"]:
                if self.hosted and received:
                    one.pop("progress", None)
                    one.pop("message", None)
                elif self.hosted:
                    one["component"]["version"] = DESIRED[one["component"]["id"]]
            value["actions"].sort(key=lambda a: a["component"]["id"])
        if received and isinstance(value.get("inventory"), dict):
            self.check_state(value["inventory"])
            value["inventory"] = "INV"
        return value

    def fill_in(self, value):
        if isinstance(value, dict):
            return {k: self.fill_in(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.fill_in(v) for v in value]
        if isinstance(value, str):
            return re.sub(r"\$ID\b", lambda m: self.names.get("$ID", m.group(0)), value)
        return value

    def same(self, expected, got):
        if isinstance(expected, dict) and isinstance(got, dict):
            return expected.keys() == got.keys() and all(self.same(v, got[k]) for k, v in expected.items())
        if isinstance(expected, list) and isinstance(got, list):
            return len(expected) == len(got) and all(map(self.same, expected, got))
        if isinstance(expected, str) and "$MS" in expected:
            return bool(re.fullmatch(re.escape(expected).replace(r"\$MS", r"1\d{12}"), str(got)))
        if expected == "$ID" and isinstance(got, str) and got:
            return self.names.setdefault("$ID", got) == got
        return type(expected) is type(got) and expected == got

    # ------------------------------------------------------------------------------------ expectations

    def receive(self, timeout):
        """The next message of the daemon as (topic, aid, payload)."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.rig.backend.next(max(0, deadline - time.monotonic()))
            if message.retained or not FROM_DAEMON.match(message.topic):
                continue
            if VERBOSE:
                print("<", message.topic, message.payload.decode(), flush=True)
            body = json.loads(message.payload) if message.payload else ""
            if not message.topic.split("/")[0] in PREFIX.values():
                return message.topic, None, self.normal(body, True)
            assert sorted(body) == ["activityId", "payload", "timestamp"], body
            aid, payload = body["activityId"], body["payload"]
            if message.topic.endswith("/currentstate/get"):
                self.answer_get(message.topic, aid)
            if message.topic == PREFIX["V"] + "/currentstate":
                self.check_state(payload)
                payload = "INV"
            return message.topic, aid, self.normal(payload, True)

    def take(self, got):
        """Strikes off the first expectation of this topic."""
        for i, (topic, aid, payload) in enumerate(self.pending):
            if topic == got[0]:
                expected = topic, aid, self.normal(payload, False)
                if not self.same(list(expected), list(got)):
                    raise AssertionError("expected %s\n     got %s" % (json.dumps(expected), json.dumps(got)))
                del self.pending[i]
                return
        if not is_once_more(got):
            raise AssertionError("unexpected: " + json.dumps(got))

    def settle(self, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while self.pending:
            try:
                self.take(self.receive(max(0, deadline - time.monotonic())))
            except Timeout:
                raise AssertionError("never came: %s" % (self.pending,))

    def quiet(self, seconds):
        try:
            got = self.receive(seconds)
        except Timeout:
            return
        if not is_once_more(got):
            raise AssertionError("unexpected: " + json.dumps(got))

    # --------------------------------------------------------------------------------------- the steps

    def server(self, what):
        if what == "restarts":
            self.rig.server.stop()
            self.rig.server.start()
            self.rig.connect()
        else:
            self.gate.withhold(what == "withholds")

    def pass_over_start(self):
        deadline = time.monotonic() + PATIENCE
        topic = None
        while topic != PREFIX["V"] + "/currentstate":
            try:
                topic = self.receive(max(0, deadline - time.monotonic()))[0]
            except Timeout:
                raise AssertionError("it does not start")
        while True:  # agents that announce themselves have it published once more
            try:
                assert time.monotonic() < deadline, "never quiet"
                self.receive(QUIET)
            except Timeout:
                return

    def play(self, steps, start):
        if not steps or steps[0] != ("start",):
            start()
            self.pass_over_start()
        for verb, *what in steps:
            if verb == "<":
                self.pending.append(what)
                continue
            self.settle()
            if verb == ">":
                self.publish(*what)
            elif verb == "start":
                start()
            elif verb == "stop":
                self.rig.stop()
                self.rig.process = None
            elif verb == "server":
                self.server(*what)
            elif verb == "installed":
                if self.hosted:
                    self.check_installed(*what)
            else:
                self.quiet(*what)
        self.settle()
        self.quiet(QUIET)


class DiedAtRandom(Exception):
    """Kanto's manager has done what it does now and then."""


def start_foreign(rig, command):
    path = rig.path("config.json")
    with open(path, "w") as f:
        json.dump(rig.config, f)
    with open(rig.log_path, "a") as log:
        rig.process = subprocess.Popen(shlex.split(command.replace("{config}", path)), stdout=log, stderr=log)


def play_file(scenario, player, command):
    hosted = "hosted" in scenario.groups
    plugins = () if command else ("fake",) if hosted else ("remote",)
    with Rig(config=scenario.config, plugins=plugins) as rig:
        if hosted:
            for domain, settings in scenario.fakes.items():
                rig.register(domain, settings, isolation="process" if player == "isolated" else "none")
        with Gate(rig.server.port) as gate:
            rig.config["connection"] = dict(rig.config["connection"], broker="tcp://127.0.0.1:%d" % gate.port)
            if scenario.config.get("acknowledgeTimeout"):
                rig.config["connection"]["acknowledgeTimeout"] = rig.config.pop("acknowledgeTimeout")
            try:
                Player(rig, gate, hosted).play(scenario.steps, lambda: start_foreign(rig, command) if command
                                               else rig.start(connected=False))
            except AssertionError:
                if command and rig.process and rig.process.poll() and "concurrent map" in rig.log():
                    raise DiedAtRandom()
                raise



# ---------------------------------------------------------------------------------------------- the lot

def play_one(path, player, command):
    """False: it failed."""
    name = "%s, %s" % (os.path.basename(path), player)
    try:
        scenario = Scenario(path, player)
        if player == "kanto" and not scenario.steps:
            print("ok - %s # SKIP there is nothing like it" % name, flush=True)
            return True
        if scenario.not_hosted and "hosted" in scenario.groups:
            print("ok - %s # SKIP not played with hosted agents: %s" % (name, scenario.not_hosted), flush=True)
            return True
        for attempt in range(ATTEMPTS):
            try:
                play_file(scenario, player, command)
                break
            except DiedAtRandom:
                print("%s: dead with \"concurrent map\" (W1), once more" % name, flush=True)
                assert attempt < ATTEMPTS - 1, "it is no use"
    except (AssertionError, OSError) as e:
        print("%s\nnot ok - %s" % (e, name), flush=True)
        return False
    differs = ", ".join(sorted(scenario.others_differ))
    print("ok - %s%s" % (name, " # ours differs: " + differs if differs and player == "kanto" else ""), flush=True)
    return True


def main(player):
    files, command = sys.argv[1:], None
    if files[:1] in (["--daemon"], ["--original"]):
        player = "kanto" if files[0] == "--original" else "remote"
        command, files = files[1], files[2:]
    folder = os.path.dirname(os.path.abspath(__file__))
    files = files or sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".scenario"))
    plugin = "remote" if player == "remote" else "fake"
    if not command and not os.path.exists(os.path.join(TOP, "plugins", plugin, ".libs", plugin + ".so")):
        skip("the plugin \"%s\" is not built" % plugin)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        failed = list(pool.map(lambda path: play_one(path, player, command), files)).count(False)
    if failed:
        print("%d of %d scenarios failed" % (failed, len(files)))
    sys.exit(1 if failed else 0)
