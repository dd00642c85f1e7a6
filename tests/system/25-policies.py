#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policies - the production profile, bundles on sticks, the rescue system, who may speak with RAUC, and ubctl slots"""
import json
import os
import pwd
import shutil
import ssl
import subprocess

import leda
import stage
from bootloader import RESCUE
from bundles import MIB, source
from manager import BUILT
from play import Server, scene, serve
from rauc import wait_until
from slots import Slot
from stage import scenario

from http_server import certificates  # where play has found it

TOKEN = "Bearer 7c1c4f1e-not-to-be-seen"
POLICY = source("plugins", "self-update", "examples", "rauc-access.conf")


def ubctl(s, *arguments):
    """(exit status, what it said)"""
    done = subprocess.run([os.path.join(BUILT, "ubctl"), "--socket", s.device.path("runtime", "control"), *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


# ------------------------------------------------------------------------------------------ https

class Production:
    """A server that wants a client certificate, and settings to speak with it and nobody else."""

    def __init__(self, s):
        self.folder = s.device.path("tls")
        os.mkdir(self.folder, 0o700)
        self.context = certificates(self.folder)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.token = os.path.join(self.folder, "token")
        with open(self.token, "w") as f:
            f.write("# for the server\nAuthorization: %s\n" % TOKEN)
        os.chmod(self.token, 0o600)

    def path(self, name):
        return os.path.join(self.folder, name)

    def settings(self, **change):
        return {"httpsOnly": True, "verify": "download", "downgrade": "deny",
                "download": dict({"caFile": self.path("ca.pem"), "certFile": self.path("client.pem"),
                                  "keyFile": self.path("client.key"), "headersFile": self.token}, **change)}


def fail_download(s, url, reason):
    s.identify(url=url)
    s.say("DOWNLOAD")

    def is_failure(payload):
        if payload["status"] != "DOWNLOAD_FAILURE":
            return False
        assert reason in payload["actions"][0]["message"], payload
        return True
    s.manager.hear_until(is_failure, leda.is_downloading, s.activity)
    s.say("CLEANUP")
    s.hear(lambda p: p["status"] == "CLEANUP_SUCCESS", lambda p: p["status"] == "INCOMPLETE")


@scenario
def the_production_profile_downloads_with_a_certificate_and_a_token():
    """https only, a client certificate, a token from a file that nobody logs, and an early check."""
    with scene(boot=False) as s:
        production = Production(s)
        s.manager.change(production.settings())
        s.device.boot()
        s.manager.wait_version("v1.0")
        data = s.read(s.device.workshop.bundle("v2.0"))
        s.size = len(data)
        seen = []

        def guarded(request, client):
            seen.append(request.get("Authorization"))
            if seen[-1] != TOKEN:
                client.head(401, Content_Length=0)
                return None
            return serve(data)(request, client)
        with Server({"/v2": guarded}, tls=production.context) as web:
            s.identify(url=web.url("/v2"))
            s.download()
            s.update()
            s.activate()
            s.clean_up()
        assert seen and set(seen) == {TOKEN}, seen
        for log in [s.manager.log()] + [open(os.path.join(at, name), "rb").read().decode(errors="replace")
                                        for at, _, names in os.walk(s.device.path("state")) for name in names]:
            assert "7c1c4f1e" not in log
        assert s.device.reboot() == "B"


@scenario
def what_the_production_profile_refuses():
    """Without a certificate, from an unknown authority, with TLS 1.1, redirected to http, plain: refused with the reason."""
    with scene(boot=False) as s:
        production = Production(s)
        s.manager.change(production.settings(certFile="", keyFile="", attempts=1))
        s.device.boot()
        s.manager.wait_version("v1.0")
        data = s.offer("/v2")
        with Server({"/v2": serve(data)}, tls=production.context) as web:
            fail_download(s, web.url("/v2"), "certificate required")
        s.manager.change(production.settings(attempts=1))
        s.manager.restart()
        old = certificates(s.device.path("tls"))        # another authority, made over the first
        with Server({"/v2": serve(data)}, tls=production.context) as web:
            fail_download(s, web.url("/v2"), "certificate")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with Server({"/v2": serve(data)}, tls=old) as web:
            fail_download(s, web.url("/v2"), "protocol version")
        modern = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        modern.load_cert_chain(production.path("server.pem"), production.path("server.key"))

        def away(request, client):
            client.head(302, Location=s.web.url("/v2"), Content_Length=0)
        with Server({"/away": away}, tls=modern) as web:
            fail_download(s, web.url("/away"), "redirect")
        assert not s.web.requests, "nobody asked over http"
        fail_download(s, s.web.url("/v2"), "scheme http is not allowed")
        assert s.downloads() == []


# ----------------------------------------------------------------------------------------- sticks

class Stick:
    """A file system with a bundle in it, and where it is put in."""

    def __init__(self, s, version="v2.0"):
        self.mount = s.device.path("media", "stick")
        os.makedirs(self.mount)
        self.slot = Slot(s.device.path("stick.img"), 64 * MIB)
        subprocess.check_call(["mkfs.ext4", "-q", "-F", self.slot.device])
        self.put_in()
        shutil.copy(s.device.workshop.bundle(version), os.path.join(self.mount, "update.raucb"))
        self.take_out()

    def put_in(self):
        subprocess.check_call(["mount", self.slot.device, self.mount])

    def take_out(self):
        subprocess.check_call(["umount", "--lazy", self.mount])


def watching(s, **more):
    return {"watch": dict({"folder": s.device.path("media"), "interval": "100ms"}, **more)}


@scenario
def a_stick_updates_the_device_by_itself():
    """A stick is put in: installed, activated and booted without anybody's word; then it is just there."""
    with scene(boot=False) as s:
        stick = Stick(s)
        s.manager.change(watching(s, install=True, reboot=True))
        s.manager.change({"reboot": "none", "rebootAfter": "0s"})
        s.device.boot()
        s.manager.wait_version("v1.0")
        stick.put_in()
        s.manager.wait_log("the device should be restarted")
        assert s.rauc.primary() == "rootfs.1" and s.downloads() == []
        assert s.device.reboot() == "B" and s.device.version == "v2.0"
        s.manager.wait_log("New OS image confirmed after reboot.")
        s.manager.wait_log("update.raucb: version v2.0 for Rig Board, nothing to do")
        stick.take_out()


@scenario
def a_stick_is_told_of_and_used_when_it_is_asked_for():
    with scene(boot=False) as s:
        stick = Stick(s)
        s.manager.change(watching(s))
        s.device.boot()
        s.manager.wait_version("v1.0")
        stick.put_in()
        url = "file://" + os.path.join(stick.mount, "update.raucb")
        s.manager.wait_log("update.raucb holds version v2.0; the image is " + url)
        s.size = os.path.getsize(os.path.join(stick.mount, "update.raucb"))
        s.identify(url=url)
        s.download()
        stick.take_out()
        s.update()
        s.activate()
        s.clean_up()
        assert s.device.reboot() == "B"


@scenario
def a_stick_that_is_pulled_out_too_early_is_told():
    with scene(boot=False) as s:
        stick = Stick(s)
        s.manager.change(watching(s))
        s.device.boot()
        s.manager.wait_version("v1.0")
        fail_download(s, "file://" + os.path.join(stick.mount, "update.raucb"), "No such file or directory")
        assert s.downloads() == []


# ----------------------------------------------------------------------------------------- rescue

@scenario
def from_the_rescue_system_a_bad_slot_is_repaired():
    """Both slots are bad, the rescue system runs: told in the inventory, a slot is repaired, nothing marked good."""
    with scene(rescue=True, boot=False) as s:
        s.device.boot_loader.set(A_OK=0, B_OK=0)
        assert s.device.boot() == RESCUE
        s.manager.wait_version("v1.0")
        image, = [n for n in json.loads(ubctl(s, "inventory", "--json")[1])["softwareNodes"] if n["type"] == "IMAGE"]
        assert {"key": "rescue", "value": "true"} in image["parameters"], image
        code, said = ubctl(s, "slots")
        assert code == 0 and "next boot: unknown: " in said, said
        assert "inactive  bad" in said and "rescue.0            booted" in said, said
        s.everything()
        assert s.rauc.calls("Mark") == [["active", "rootfs.1"]]
        assert s.device.reboot() in ("A", "B") and s.device.version == "v2.0"
        s.manager.wait_log("New OS image confirmed after reboot.")


# ------------------------------------------------------------------------------------------ D-Bus

@scenario
def the_agent_s_user_may_speak_with_rauc_and_others_may_not():
    """RAUC's D-Bus policy with the agent as a user of its own: it updates the device, others are kept out."""
    user = "daemon"
    uid = pwd.getpwnam(user).pw_uid
    policy = "/run/rauc-access.conf"
    with open(POLICY) as f:
        text = f.read()
    text = text.replace('<!--\n  <policy user="update-broker">', '<policy user="%s">' % user).replace(
        "</policy>\n  -->", "</policy>")
    assert 'user="%s"' % user in text and text.count("<!--") == 1, text
    with open(policy, "w") as f:
        f.write(text)
    with scene(boot=False, policy=policy) as s:
        os.mkdir(s.device.path("downloads"))
        os.chown(s.device.path("downloads"), uid, -1)
        path = s.device.path("conf.d", "50-self-update.conf")
        with open(path) as f:
            registration = json.load(f)
        with open(path, "w") as f:
            json.dump(dict(registration, user=user), f)
        s.device.boot()
        s.manager.wait_version("v1.0")
        with open("/proc/%d/status" % s.manager.agent_pid()) as f:
            assert "Uid:\t%d\t" % uid in f.read()
        s.everything()
        call = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "busctl", "--system", "call",
                "--auto-start=no", "de.pengutronix.rauc", "/", "de.pengutronix.rauc.Installer", "Mark", "ss", "bad",
                "booted"]
        done = subprocess.run(call, capture_output=True, text=True)
        assert done.returncode and "Access denied" in done.stderr, done
        assert s.device.reboot() == "B"
        s.manager.wait_log("New OS image confirmed after reboot.")


@scenario
def an_agent_that_may_not_speak_with_rauc_says_so():
    with scene(boot=False, policy=POLICY) as s:
        path = s.device.path("conf.d", "50-self-update.conf")
        with open(path) as f:
            registration = json.load(f)
        with open(path, "w") as f:
            json.dump(dict(registration, user="daemon"), f)
        s.device.boot()
        s.manager.wait_log("RAUC cannot be asked: Rejected send message, .* member=\"GetSlotStatus\"")


# ------------------------------------------------------------------------------------ ubctl slots

@scenario
def the_slots_are_shown_and_marked_by_ubctl():
    """ubctl slots, with a rescue system, beside an agent in-process: table, JSON, mark, and each thing that goes wrong."""
    with scene(rescue=True, isolation="none") as s:
        def fails(code, text, *arguments):
            got, said = ubctl(s, "slots", *arguments)
            assert got == code and text in said, (arguments, got, said)
        code, said = ubctl(s, "slots")
        lines = said.split("\n")
        assert code == 0 and [line.split()[0] for line in lines[1:4]] == ["rescue.0", "rootfs.0", "rootfs.1"], said
        assert lines[5] == "next boot: rootfs.0", said
        document = json.loads(ubctl(s, "slots", "--json")[1])
        assert document["primary"] == "rootfs.0" and document["slots"][1]["state"] == "booted", document
        code, said = ubctl(s, "slots", "mark", "bad", "B")
        assert code == 0 and "rootfs.1" in said, said  # the words are RAUC's
        assert s.rauc.slots()["rootfs.1"]["boot-status"] == "bad"
        code, said = ubctl(s, "slots", "mark", "active", "rootfs.1", "--json")
        assert code == 0 and json.loads(said)["slot"] == "rootfs.1" and "rootfs.1" in json.loads(said)["message"], said
        assert s.rauc.primary() == "rootfs.1"
        assert ubctl(s, "slots", "mark", "active", "A")[0] == 0
        fails(1, "slot rescue.0 has no place in the boot order", "mark", "good", "rescue.0")
        fails(1, 'there is no slot "nowhere"', "mark", "good", "nowhere")
        fails(2, 'a slot is marked good, bad or active, not "nice"', "mark", "nice", "A")
        fails(2, "slots takes nothing, or: mark good|bad|active SLOT", "mark", "good")
        s.offer("/v2", hook="sleep 5")
        s.identify()
        s.download()
        s.begin_update()
        wait_until(s.rauc.is_busy, "RAUC installs")
        fails(1, "RAUC: its slots: an installation is under way; try again when it is over")
        s.end_update()
        s.activate()
        code, said = ubctl(s, "slots")
        assert code == 0 and "v2.0     ok" in said, said
        assert "update:    v2.0\ntrial:     outstanding" in said, said
        assert "last:      v2.0, 20" in said and "Z, activated: Self-update agent has activated" in said, said
        s.rauc.stop()
        fails(1, "RAUC: its slots: it does not run")
        s.device.bus.stop()
        fails(1, "the system's D-Bus: No such file or directory")
        s.device.bus.start()
        s.rauc.start()
        s.manager.kill()
        code, said = ubctl(s, "slots")
        assert code == 0 and "next boot: rootfs.1" in said and "trial" not in said, said


stage.play()
