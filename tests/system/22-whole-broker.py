#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""whole-broker - one message for the image and the containers, through the whole broker and a boot

The combined message of the update manager's description: a real bundle for the image, fake containers beside it.
"""
import os

import stage
from play import scene
from rauc import wait_until
from stage import scenario

CONTAINERS = {"containers": {"components": [{"id": "hello-world", "version": "none"}]}}
TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")
FEEDBACK = "vehicleupdate/desiredstatefeedback"


def combined(version, url):
    return {"domains": [
        {"id": "self-update", "components": [
            {"id": "os-image", "version": version, "config": [{"key": "image", "value": url}]}]},
        {"id": "containers", "config": [], "components": [
            {"id": "hello-world", "version": "latest", "config": [
                {"key": "image", "value": "docker.io/library/hello-world:latest"},
                {"key": "env", "value": "FOO=BAR"}]}]}]}


def send(s, version="v2.0", path="/v2"):
    s.manager.send("vehicleupdate/desiredstate", "c1", combined(version, s.web.url(path)))


def end(s, activity="c1"):
    while True:
        got, payload = s.manager.next(FEEDBACK)
        if got == activity and payload["status"] in TERMINAL:
            return payload


def statuses(payload):
    return {a["component"]["id"]: a["status"] for a in payload["actions"]}


def until_the_reboot(s):
    s.offer("/v2")
    send(s)
    wait_until(lambda: s.manager.reboots() == 1, "a reboot is asked for")
    assert s.rauc.primary() == "rootfs.1"


@scenario
def a_good_boot_completes_it():
    """The combined message: a reboot, the new image is found well, COMPLETED once."""
    with scene(agents=CONTAINERS) as s:
        until_the_reboot(s)
        assert s.device.reboot() == "B" and s.device.version == "v2.0"
        payload = end(s)
        assert payload["status"] == "COMPLETED", payload
        # The fake agent does not keep the words of its actions over a boot.
        assert statuses(payload)["self-update:os-image"] == "UPDATE_SUCCESS", payload
        assert "containers:hello-world" in statuses(payload), payload
        s.manager.is_quiet(FEEDBACK)
        assert s.manager.reboots() == 1, "once"
        assert s.device.reboot() == "B", "it was confirmed: " + s.device.boot_loader.state()


@scenario
def a_boot_that_falls_back_leaves_it_incomplete():
    """The combined message with a boot that falls back: INCOMPLETE, and the reason."""
    with scene(agents=CONTAINERS) as s:
        until_the_reboot(s)
        s.device.shut_down()
        assert s.device.boot(hangs=True) == "B" and s.device.boot() == "A"
        payload = end(s)
        assert payload["status"] == "INCOMPLETE", payload
        texts = " ".join([payload.get("message", "")] + [a.get("message", "") for a in payload["actions"]])
        assert "Boot of new OS image failed, system is running v1.0 again." in texts, payload
        wait_until(lambda: s.device.boot_loader.state() == "A B, A 1 0, B 0 0", "the marks are in order")


@scenario
def a_sick_image_is_left_again():
    """The combined message with an image that boots but is sick: INCOMPLETE, and the reason."""
    folder = "/run/health-sick"
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "10-door"), "w") as f:
        f.write('#!/bin/sh\n[ "$UB_VERSION" = v1.0 ]\n')
    os.chmod(os.path.join(folder, "10-door"), 0o755)
    with scene({"health": {"folder": folder, "timeout": "1s"}, "reboot": "none"}, agents=CONTAINERS) as s:
        until_the_reboot(s)
        assert s.device.reboot() == "B"
        payload = end(s)
        assert payload["status"] == "INCOMPLETE", payload
        assert "10-door" in str(payload), payload
        wait_until(lambda: "B 0 0" in s.device.boot_loader.state(), "it is marked bad")
        assert s.device.reboot() == "A"


@scenario
def the_same_version_needs_no_boot():
    """G23 the same version: COMPLETED, and no reboot."""
    with scene() as s:
        s.manager.send("vehicleupdate/desiredstate", "c1", {"domains": combined("v1.0", "http://x/")["domains"][:1]})
        assert end(s)["status"] == "COMPLETED"
        assert s.manager.reboots() == 0


@scenario
def a_bad_bundle_ends_it_without_a_boot():
    with scene(agents=CONTAINERS) as s:
        s.offer("/v2", signer="stranger")
        send(s)
        payload = end(s)
        assert payload["status"] == "INCOMPLETE" and "signature verification failed" in str(payload), payload
        assert s.rauc.primary() == "rootfs.0" and s.manager.reboots() == 0


@scenario
def an_owner_who_refuses_ends_it():
    """G23 the owner refuses UPDATE, and ACTIVATE: INCOMPLETE within seconds, and the old image boots."""
    for word in ("UPDATE", "ACTIVATE"):
        with scene(config={"ownerConsentCommands": [word]}) as s:
            s.offer("/v2")
            s.manager.send("vehicleupdate/desiredstate", "c1",
                           {"domains": combined("v2.0", s.web.url("/v2"))["domains"][:1]})
            while s.manager.next("vehicleupdate/ownerconsent")[0] != "c1":
                pass
            s.manager.send("vehicleupdate/ownerconsentfeedback", "c1", {"status": "DENIED"})
            assert end(s)["status"] == "INCOMPLETE"
            wait_until(lambda: s.downloads() == [], "the bundle is gone")
            assert s.rauc.primary() == "rootfs.0" and s.manager.reboots() == 0


stage.play()
