#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""signed-requests - only what a trusted key has signed is begun, once: the example's script, ubctl, MQTT, boots

What is signed holds the activity's id and the component's config, so it has to come through the whole broker as it
was sent.
"""
import json
import os
import subprocess

import leda
import stage
from bundles import source
from manager import BUILT
from play import Gate, scene
from rauc import wait_until
from stage import scenario

SCRIPT = source("plugins", "self-update", "examples", "sign-request")
VEHICLE = "vehicleupdate/desiredstatefeedback"
USED = "The request was used before, or expires before one that was: a signed request is good for one activity."
TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")


def script(*arguments):
    return subprocess.check_output(["sh", SCRIPT, *arguments], text=True, stdin=subprocess.DEVNULL)


class Release:
    """Who releases updates: a key pair, and requests made with it."""

    def __init__(self, folder, kind="ed25519"):
        self.keys = os.path.join(folder, "keys-" + kind)
        os.makedirs(os.path.join(self.keys, "public"), mode=0o755)
        self.private, public = os.path.join(self.keys, "release.pem"), os.path.join(self.keys, "public", "release.pem")
        if kind == "ed25519":
            script("key", self.private, public)
        else:
            options = {"ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["RSA"]}[kind]
            subprocess.check_call(["openssl", "genpkey", "-out", self.private, "-algorithm", *options],
                                  stderr=subprocess.DEVNULL)
            subprocess.check_call(["openssl", "pkey", "-in", self.private, "-pubout", "-out", public])
        os.chmod(public, 0o644)

    def settings(self):
        return {"request": {"keys": [os.path.join(self.keys, "public")]}}

    def sign(self, url, activity="a1", version="v2.0", *more):
        return script("sign", "--key", self.private, "--version", version, "--image", url, "--activity", activity, *more)


def begin(s, kind="ed25519"):
    """A device that trusts one key, and a bundle for it."""
    release = Release(s.device.folder, kind)
    s.manager.change(release.settings())
    s.device.boot()
    s.manager.wait_version(s.device.factory)
    s.offer("/v2")
    return release


def direct(s, text):
    s.manager.client.publish("selfupdate/desiredstate", text.encode())


def whole(s, text):
    s.manager.client.publish("vehicleupdate/desiredstate", text.encode())


def refused(s, activity, reason):
    def is_refusal(payload):
        assert payload["status"] == "IDENTIFICATION_FAILED" and not payload["actions"], payload
        assert reason in payload["message"], payload
    s.manager.hear(leda.identifying(), is_refusal, activity=activity)


def ubctl(s, *arguments, stdin=None):
    done = subprocess.run([os.path.join(BUILT, "ubctl"), "--socket", s.device.path("runtime", "control"), *arguments],
                          input=stdin, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def unsigned(s):
    s.manager.send("vehicleupdate/desiredstate", "c1", {"domains": [{"id": "self-update", "components": [
        {"id": "os-image", "version": "v2.0", "config": [{"key": "image", "value": s.web.url("/v2")}]}]}]})


def end(s, activity):
    while True:
        got, payload = s.manager.next(VEHICLE)
        if got == activity and payload["status"] in TERMINAL:
            return payload


@scenario
def a_request_of_the_example_is_done_and_what_differs_is_refused():
    """On the agent's own topics: what the script signed is done; unsigned, changed, expired and used is refused."""
    with scene(boot=False) as s:
        release = begin(s)
        url = s.web.url("/v2")
        s.manager.desire("v2.0", url, "a1")
        refused(s, "a1", "The request is not signed.")
        request = json.loads(release.sign(url, "a1", "v2.0", "--bundle", s.device.workshop.bundle("v2.0")))
        for key in ("image", "sha256", "size", "expires"):
            changed = json.loads(json.dumps(request))
            config = changed["payload"]["domains"][0]["components"][0]["config"]
            entry, = [c for c in config if c["key"] == key]
            entry["value"] = {"image": s.web.url("/v1"), "size": "1", "sha256": "0" * 64,
                              "expires": "2027-01-01T00:00:00Z"}[key]
            direct(s, json.dumps(changed))
            refused(s, "a1", "The signature of the request is of none of the 1 trusted keys, or not of this request.")
        changed = dict(request, activityId="a2")
        direct(s, json.dumps(changed))
        refused(s, "a2", "or not of this request.")
        direct(s, release.sign(url, "a1", "v2.0", "--expires", "2024-01-01T00:00:00Z"))
        refused(s, "a1", "The request has expired: it was to be begun before 2024-01-01T00:00:00Z, and it is ")
        direct(s, json.dumps(request))
        s.hear(leda.identifying(), leda.identified())
        direct(s, json.dumps(request))                    # as QoS 1 may
        s.hear(leda.identified())
        s.download(), s.update(), s.activate(), s.clean_up()
        direct(s, json.dumps(request))
        refused(s, "a1", USED)
        assert s.device.reboot() == "B"
        s.manager.hear(leda.confirmed(), activity="a1")
        direct(s, json.dumps(request))
        s.manager.hear(leda.identifying(), leda.nothing_to_do(), leda.skipped(), activity="a1")


@scenario
def an_old_request_does_not_bring_an_old_version_back():
    """A request for the version that ran then, caught on the wire, sent again after the update: refused."""
    with scene(boot=False) as s:
        release = begin(s)
        s.offer("/v1", "v1.0")
        old = release.sign(s.web.url("/v1"), "a0", "v1.0")
        direct(s, old)
        s.manager.hear(leda.identifying(), leda.nothing_to_do(), leda.skipped(), activity="a0")
        direct(s, release.sign(s.web.url("/v2"), "a1"))
        s.version, s.activity = "v2.0", "a1"
        s.hear(leda.identifying(), leda.identified())
        s.size = len(s.offer("/v2"))
        s.download(), s.update(), s.activate(), s.clean_up()
        direct(s, old)
        refused(s, "a0", USED)
        assert s.device.reboot() == "B"
        s.manager.hear(leda.confirmed(), activity="a1")
        direct(s, old)
        refused(s, "a0", USED)


def through_the_broker(kind, isolation, send):
    with scene(boot=False, isolation=isolation) as s:
        release = begin(s, kind)
        request = release.sign(s.web.url("/v2"), "c1", "v2.0", "--bundle", s.device.workshop.bundle("v2.0"))
        send(s, request)
        wait_until(lambda: s.manager.reboots() == 1, "a reboot is asked for")
        assert s.device.reboot() == "B" and s.device.version == "v2.0"
        assert end(s, "c1")["status"] == "COMPLETED"
        return s.manager.log()


@scenario
def through_the_whole_broker_with_each_kind_of_key():
    """The device's topics, a process and in-process, an elliptic curve and RSA: the request comes through as it was."""
    through_the_broker("ec", "process", whole)
    through_the_broker("rsa", "none", whole)


@scenario
def with_ubctl_apply():
    """`sign-request | ubctl apply -`, also with --activity: another id than the signed one is refused."""
    def send(s, request):
        code, said = ubctl(s, "apply", "-", "--activity", "other", "--watch", stdin=request)
        assert code == 4 and "or not of this request" in said, (code, said)
        code, said = ubctl(s, "apply", "-", stdin=request)
        assert code == 0 and "c1" in said, (code, said)
    through_the_broker("ed25519", "process", send)


@scenario
def what_is_refused_ends_the_activity_with_the_reason():
    with scene(boot=False) as s:
        begin(s)
        unsigned(s)
        payload = end(s, "c1")
        assert payload["status"] == "IDENTIFICATION_FAILED", payload
        assert "The request is not signed." in str(payload), payload
        assert s.downloads() == []


@scenario
def after_a_death_the_same_request_goes_on():
    """The daemon is killed in the download: the request is not used up by that."""
    gates = []

    def slow(data):
        gates.append(Gate(len(data) // 2))
        return gates[0](data)
    with scene(boot=False) as s:
        release = begin(s)
        s.offer("/v2", serve_as=slow)
        whole(s, release.sign(s.web.url("/v2"), "c1"))
        assert gates[0].reached.wait(60)
        s.manager.kill()
        gates[0].opened.set()
        s.manager.start()
        wait_until(lambda: s.manager.reboots() == 1, "a reboot is asked for")
        assert s.device.reboot() == "B"
        assert end(s, "c1")["status"] == "COMPLETED"


@scenario
def keys_that_cannot_be_read_keep_the_agent_down():
    """A folder without keys: the agent does not start, log and `ubctl agents` say why, and nothing is begun."""
    with scene(boot=False) as s:
        os.mkdir(s.device.path("none"), 0o755)
        s.manager.change({"request": {"keys": [s.device.path("none")]}})
        s.device.boot()
        why = "settings.request.keys: %s: no keys in it" % s.device.path("none")
        s.manager.wait_log(why)
        wait_until(lambda: why in ubctl(s, "agents")[1], "ubctl agents says why")
        unsigned(s)
        payload = end(s, "c1")
        assert payload["status"] == "IDENTIFICATION_FAILED" and why in payload["message"], payload


stage.play()
