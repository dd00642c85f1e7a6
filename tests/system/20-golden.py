#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""golden - what the self-update agent says and does, on its own topics, with the RAUC that is installed

The numbers are those of the golden scenarios of the agent's reference.  It also counts the weaknesses of Leda's agent;
each has a test here or elsewhere:

    W1 W3   a cut transfer taken for a whole one; no resume, retry, limit    G11, integration/60-downloads
    W2      "Download failed: No error"                                      G10
    W4      the tutorial's http is refused                                   21-tutorial
    W5 W6   streaming gets stuck; 15 minutes at most for an installation     unit/test-self-update-agent, -hazards
    W7 W8   deaf while at work; a question or request destroys the activity  G20, 25-by-hand
    W9      an id of another activity is taken                               G22, 25-by-hand
    W10 W11 dies without an id; writes text that is no JSON                  G8
    W12     an empty message as feedback                                     all: each message is read as JSON
    W13 W22 reports what does not run; what ran when it was started          G3, unit/test-self-update-machine
    W14     what was installed would boot before ACTIVATE                    G3, G17
    W15     ROLLBACK does nothing                                            G18
    W16     nothing is kept; nothing is known after a boot                   G4, G5, G6, 30-kills
    W17 W18 the same version stalls, or fails                                G7
    W19     a failed activation is no failure                                unit/test-self-update-machine
    W20     anything that is signed goes                                     G5, 24-signed-requests, unit/...-parts
    W21     large bundles take longer to check than a D-Bus call may         none, it would take half a minute
    W23     other components are passed over in silence                      unit/test-self-update-machine
    W24     no client certificates, headers, proxy                           integration/60-downloads
"""
import json
import os

import leda
import stage
from bundles import MIB
from manager import FEEDBACK
from play import Gate, scene, serve
from rauc import Refused, wait_until
from stage import scenario

SLOW = "sleep 8"


def is_confirmed(s, slot="A"):
    wait_until(lambda: "%s 1 0" % slot in s.device.boot_loader.state(), "this boot is marked good")


@scenario
def g1_the_start():
    """G1 start: the inventory, retained and without an activity."""
    with scene(boot=False) as s:
        s.device.boot()
        s.manager.inventory("v1.0")
        from manager import Client
        late = Client(s.manager.server.port)
        late.subscribe("selfupdate/#")
        message = late.next(30)
        assert message.retained and message.topic == "selfupdate/currentstate", message
        assert "activityId" not in json.loads(message.payload), message
        late.close()


@scenario
def g2_get():
    """G2 get: the inventory with the id of who asks."""
    with scene() as s:
        s.manager.send("selfupdate/currentstate/get", "g1", None)
        while True:
            activity, _ = s.manager.next("selfupdate/currentstate")
            if activity == "g1":
                break


@scenario
def g3_happy_path():
    """G3 the happy path: nothing new boots before ACTIVATE."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.download()
        s.update()
        assert s.rauc.primary() == "rootfs.0"
        s.activate()
        assert s.rauc.primary() == "rootfs.1"
        s.clean_up()
        assert s.downloads() == [], s.downloads()
        assert len(s.fetched("/v2")) == 1
        s.manager.queues.clear()
        s.manager.send("selfupdate/currentstate/get", "g1", None)
        s.manager.wait_version("v1.0")


@scenario
def g3_where_rauc_activates_by_itself():
    """G3 where RAUC activates what it installs: it is undone at once."""
    with scene(activate_installed=True) as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.download()
        s.update()
        assert s.rauc.primary() == "rootfs.0"
        s.activate()
        assert s.rauc.primary() == "rootfs.1"
        s.clean_up()


@scenario
def g4_a_good_reboot():
    """G4 reboot, good: confirmed once, and told."""
    with scene() as s:
        is_confirmed(s)
        s.everything()
        marks = len(s.rauc.calls("Mark"))
        assert s.device.reboot() == "B"
        s.manager.wait_version("v2.0")
        s.hear(leda.confirmed())
        assert s.rauc.primary() == "rootfs.1"
        assert [m[0] for m in s.rauc.calls("Mark")[marks:]] == ["good"]
        assert s.device.reboot() == "B", "it was confirmed"
        s.manager.is_quiet()


@scenario
def g5_the_boot_loader_falls_back():
    """G5 reboot, the boot loader falls back: told why, and the marks are in order."""
    with scene({"maxFailedBoots": 1}) as s:
        is_confirmed(s)
        s.everything()
        s.device.shut_down()
        s.manager.queues.clear()
        assert s.device.boot(hangs=True) == "B" and s.device.boot() == "A"
        s.manager.wait_version("v1.0")
        s.hear(leda.incomplete("UPDATE_FAILURE", "Boot of new OS image failed, system is running v1.0 again."))
        wait_until(lambda: s.device.boot_loader.state() == "A B, A 1 0, B 0 0", "the marks are in order")
        s.manager.desire("v2.0", s.web.url("/v2"), "a2")
        s.manager.hear(leda.identifying(), leda.not_identified("Version v2.0 failed to boot 1 times."), activity="a2")


@scenario
def g6_the_new_image_is_sick():
    """G6 reboot, the new image boots but is sick: bad, told once, and back."""
    with scene({"health": {"timeout": "1s"}, "reboot": "none"}) as s:
        is_confirmed(s)
        s.everything()
        folder = s.device.path("health")
        os.mkdir(folder)
        with open(os.path.join(folder, "10-door"), "w") as f:
            f.write('#!/bin/sh\n[ "$UB_VERSION" = v1.0 ]\n')
        os.chmod(os.path.join(folder, "10-door"), 0o755)
        s.manager.change({"health": {"folder": folder}})
        assert s.device.reboot() == "B"
        s.manager.wait_version("v2.0")
        activity, payload = s.manager.next(FEEDBACK)
        text = payload["actions"][0]["message"]
        assert activity == "a1" and payload == leda.incomplete("UPDATE_FAILURE", text), payload
        assert text.startswith("Health check failed: 10-door"), text
        wait_until(lambda: "B 0 0" in s.device.boot_loader.state(), "it is marked bad")
        assert s.device.reboot() == "A"
        s.manager.wait_version("v1.0")
        is_confirmed(s)
        s.manager.is_quiet()


@scenario
def g6_the_daemon_restarts_the_device_when_logind_does_not():
    """G6 the sick image is left through the daemon where logind is not there, or refuses; in both isolations."""
    for isolation in ("process", "none"):
        with scene({"health": {"timeout": "1s"}, "rebootAfter": "0s"}, isolation=isolation) as s:
            is_confirmed(s)
            s.everything()
            wait_until(lambda: s.manager.reboots() == 1, "the boot into the new image is asked for")
            s.manager.change({"health": {"writable": ["/nowhere"]}})
            assert s.device.reboot() == "B"
            wait_until(lambda: s.manager.reboots() == 2, "the device is restarted")
            assert "B 0 0" in s.device.boot_loader.state()
            assert s.device.reboot() == "A"
            assert s.manager.reboots() == 2


@scenario
def g7_the_same_version():
    """G7 the same version: nothing to do, as often as one asks."""
    with scene() as s:
        is_confirmed(s)
        for _ in range(2):
            s.manager.desire("v1.0", s.web.url("/v1"))
            s.hear(leda.identifying(), leda.nothing_to_do(), leda.skipped())
        s.say("DOWNLOAD")
        s.manager.is_quiet()
        assert not s.fetched("/v1")


@scenario
def g8_invalid_requests():
    """G8 invalid requests are answered with the reason, and do no harm.

    The daemon says itself that the domain is missing, without IDENTIFYING, because no agent is concerned; and what
    is no JSON or has no activity gets its reason as well, where Leda's agent is silent or dies.
    """
    with scene() as s:
        is_confirmed(s)
        m = s.manager
        topic = "selfupdate/desiredstate"
        m.send(topic, "b1", {"domains": [{"id": "containers", "components": []}]})
        m.hear(leda.not_identified("mandatory domain with 'id'='self-update' is missing"), activity="b1")
        m.desire("", s.web.url("/v2"), "b2")
        m.hear(leda.identifying(), leda.not_identified("mandatory bundle version is empty"), activity="b2")
        m.client.publish(topic, b"{ not JSON")
        m.client.publish(topic, b'{"timestamp":1,"payload":{"domains":[]}}')
        m.queues.clear()
        strange = 'v"2\n.0'
        m.desire(strange, s.web.url("/v2"), "b3")
        while m.next(FEEDBACK) != ("b3", leda.identified(strange)):
            pass


@scenario
def g9_http_is_refused_by_policy():
    """G9 http is refused where only https is allowed."""
    with scene({"httpsOnly": True}) as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.say("DOWNLOAD")
        reason = "Download failed: scheme http is not allowed"
        s.hear(leda.download_failed(reason))
        s.clean_up_after("DOWNLOAD_FAILURE", reason)
        assert not s.web.requests


@scenario
def g10_not_found():
    """G10 404: asked for once, and told."""
    with scene() as s:
        is_confirmed(s)
        s.identify(path="/nowhere")
        s.say("DOWNLOAD")
        text = "Download failed: HTTP 404"
        s.hear(lambda payload: leda.is_downloading(0, payload), leda.download_failed(text))
        assert len(s.fetched("/nowhere")) == 1
        s.clean_up_after("DOWNLOAD_FAILURE", text)


@scenario
def g11_cut_and_resumed():
    """G11 a download that is cut twice goes on where it was."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", serve_as=lambda data: [serve(data, etag='"1"', break_at=at)
                                              for at in (MIB // 2, MIB, None)])
        s.identify()
        s.download()
        starts = [r.range_start() for r in s.fetched("/v2")]
        assert starts[0] is None and starts[1:] == [MIB // 2, MIB], starts
        assert [r.get("If-Range") for r in s.fetched("/v2")] == [None, '"1"', '"1"']
        s.update()


@scenario
def g11_killed_and_resumed():
    """G11 the agent is killed in a download: it repeats its last word, and goes on where it was."""
    gate = Gate(MIB)
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", serve_as=gate)
        s.identify()
        s.say("DOWNLOAD")
        assert gate.reached.wait(60)
        wait_until(lambda: any(os.path.getsize(s.device.path("downloads", f)) == MIB for f in s.downloads()),
                   "what was sent is on disk")
        os.kill(s.manager.agent_pid(), 9)
        gate.opened.set()
        heard = []
        payload = s.manager.next(FEEDBACK)[1]
        while payload not in heard:  # the last word that it has kept; progress is not kept
            heard.append(payload)
            payload = s.manager.next(FEEDBACK)[1]
        s.manager.hear_until(leda.downloaded(s.size), leda.is_downloading)
        starts = [r.range_start() for r in s.fetched("/v2")]
        assert starts[0] is None and len(starts) == 2 and starts[1] > 0, starts
        s.update()


@scenario
def g11_without_ranges():
    """G11 a server without ranges: once more from the start, and progress does not go down."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", serve_as=lambda data: [serve(data, ranges=False, break_at=MIB), serve(data, ranges=False)])
        s.identify()
        s.download()
        s.update()


@scenario
def g12_version_mismatch():
    """G12 the bundle is another version: refused before anything is installed."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", "v9.9")
        s.identify()
        s.download()
        s.begin_update()
        s.hear(leda.rejected())
        s.clean_up_after("UPDATE_FAILURE", leda.MISMATCH)
        assert s.rauc.calls("InstallBundle") == []
    with scene({"verify": "download"}) as s:
        is_confirmed(s)
        s.offer("/v2", "v9.9")
        s.identify()
        s.say("DOWNLOAD")
        s.manager.hear_until(leda.download_failed(leda.MISMATCH, 100), leda.is_downloading)
        assert s.rauc.calls("InstallBundle") == []


@scenario
def g13_an_untrusted_signer():
    """G13 an untrusted signer: the true reason, and the boot environment is untouched."""
    with scene() as s:
        is_confirmed(s)
        before = s.device.boot_loader.state()
        s.offer("/v2", signer="stranger")
        s.identify()
        s.download()
        s.fail_update(lambda text: "signature verification failed" in text)
        assert s.device.boot_loader.state() == before


@scenario
def g14_too_big_and_a_hook_that_fails():
    """G14 an image that is too big, and a hook that fails: RAUC's own words, and the slot does not boot."""
    for kind in ({"size": 48 * MIB}, {"hook": "exit 12"}):
        with scene() as s:
            is_confirmed(s)
            s.offer("/v2", **kind)
            s.identify()
            s.download()
            texts = []
            s.fail_update(lambda text: texts.append(text) or True)
            assert texts == [s.rauc.get("LastError")], (texts, s.rauc.get("LastError"))
            s.clean_up_after("UPDATE_FAILURE", texts[0])
            assert "B 0 0" in s.device.boot_loader.state() and s.rauc.primary() == "rootfs.0"


@scenario
def g15_rauc_dies():
    """G15 RAUC dies while it installs: told at once, and the agent still answers."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", hook=SLOW)
        s.identify()
        s.download()
        s.begin_update()
        wait_until(s.rauc.is_busy, "it installs")
        s.rauc.kill()
        s.end_badly("RAUC service disappeared during installation.")
        s.clean_up_after("UPDATE_FAILURE", "RAUC service disappeared during installation.")
        s.manager.send("selfupdate/currentstate/get", "g1", None)
        while s.manager.next("selfupdate/currentstate")[0] != "g1":
            pass


@scenario
def g16_another_client_interferes():
    """G16 another client asks for an installation meanwhile: ours goes on."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", hook=SLOW)
        s.identify()
        s.download()
        s.begin_update()
        wait_until(s.rauc.is_busy, "it installs")
        try:
            s.rauc.begin(s.device.workshop.bundle("v1.5"))
            raise AssertionError("two at once")
        except Refused:
            pass
        s.end_update()
        assert s.device.slot_version("B") == "v2.0"


@scenario
def g16_another_client_came_first():
    """G16 another client's installation runs already: its end is not taken for ours."""
    with scene({"rauc": {"busyTimeout": "30s"}}) as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.download()
        s.rauc.begin(s.device.workshop.bundle("v1.5", hook=SLOW))
        wait_until(s.rauc.is_busy, "the other installs")
        s.begin_update()
        s.end_update()
        assert s.device.slot_version("B") == "v2.0"


@scenario
def g17_a_post_install_handler_fails():
    """G17 the system's post-install handler fails: what RAUC has activated does not boot."""
    handler = "/run/post-install"
    with open(handler, "w") as f:
        f.write("#!/bin/sh\nexit 3\n")
    os.chmod(handler, 0o755)
    with scene(activate_installed=True, handlers="post-install=" + handler) as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.download()
        s.fail_update(lambda text: "Post-install handler" in text)
        assert s.rauc.primary() == "rootfs.0"


@scenario
def g18_rollback():
    """G18 ROLLBACK in each state that waits: said, cleaned up, and the old system boots."""
    steps = ("download", "update", "activate")
    for n in range(len(steps) + 2):
        with scene() as s:
            is_confirmed(s)
            if n == len(steps) + 1:  # FAILED
                s.identify(path="/nowhere")
                s.say("DOWNLOAD")
                while s.manager.next(FEEDBACK)[1]["status"] != "DOWNLOAD_FAILURE":
                    pass
            else:
                s.offer("/v2")
                s.identify()
                for step in steps[:n]:
                    getattr(s, step)()
            s.say("ROLLBACK")
            s.hear(leda.rolling_back(), leda.rolled_back(),
                   leda.incomplete("UPDATE_FAILURE", "Update rolled back on request."))
            s.clean_up_after("UPDATE_FAILURE", "Update rolled back on request.")
            assert s.rauc.primary() == "rootfs.0", n
            assert s.downloads() == [], (n, s.downloads())
            assert s.device.reboot() == "A"


@scenario
def g19_order_and_duplicates():
    """G19 what comes out of order is ignored; a step that is done is not done again."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.say("ACTIVATE")
        assert s.manager.is_quiet()
        s.download()
        s.say("DOWNLOAD")
        s.hear(leda.downloaded(s.size))
        assert len(s.fetched("/v2")) == 1
    with scene({"rejectOutOfOrder": True}) as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.say("ACTIVATE")
        activity, payload = s.manager.next(FEEDBACK)
        assert payload["status"] == "ACTIVATION_FAILURE", payload


@scenario
def g19_the_same_again():
    """G19 a desired state that comes twice: the last word is said again, and nothing is lost."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify()
        s.manager.desire("v2.0", s.web.url("/v2"))
        heard = s.manager.next(FEEDBACK)
        while heard[1] != leda.identified():
            assert heard[1] == leda.identifying(), heard
            heard = s.manager.next(FEEDBACK)
        s.download()


@scenario
def g20_busy():
    """G20 busy with a download it answers a get, busy with an installation it refuses another update.

    The daemon refuses it before the agent sees it, so without IDENTIFYING; the reason is Leda's, word for word.
    """
    gate = Gate(MIB)
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", serve_as=gate)
        s.identify()
        s.say("DOWNLOAD")
        assert gate.reached.wait(60)
        s.manager.send("selfupdate/currentstate/get", "g2", None)
        while s.manager.next("selfupdate/currentstate")[0] != "g2":
            pass
        gate.opened.set()
        s.manager.hear_until(leda.downloaded(s.size), leda.is_downloading)
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", hook=SLOW)
        s.identify()
        s.download()
        s.begin_update()
        wait_until(s.rauc.is_busy, "it installs")
        s.manager.desire("v3.0", s.web.url("/v3"), "a2")
        heard = []
        while True:
            got = s.manager.next(FEEDBACK)
            heard.append(got)
            if got[1]["status"] == "UPDATE_SUCCESS":
                break
        said = [payload["message"] for activity, payload in heard
                if activity == "a2" and payload["status"] == "IDENTIFICATION_FAILED"]
        assert said == ["Another update activity in progress - a1"], heard
        assert heard[-1] == ("a1", leda.installed()), heard


@scenario
def g21_the_mqtt_server_is_away():
    """G21 the MQTT server is away to the end of a download: what was last is said once it is back."""
    gate = Gate(MIB)
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", serve_as=gate)
        s.identify()
        s.say("DOWNLOAD")
        assert gate.reached.wait(60)
        s.manager.server.stop()
        gate.opened.set()
        wait_until(lambda: len(s.downloads()) == 1 and os.path.getsize(
            s.device.path("downloads", s.downloads()[0])) == s.size, "the bundle is there")
        s.manager.client.close()
        s.manager.queues.clear()
        s.manager.server.start()
        s.device.outside.add(s.manager.server.process.pid)
        s.manager.connect()
        s.manager.wait_version("v1.0")
        last = []
        while leda.downloaded(s.size) not in last:
            activity, payload = s.manager.next(FEEDBACK)
            assert payload["status"] in ("DOWNLOADING", "DOWNLOAD_SUCCESS"), payload
            last.append(payload)
        s.manager.is_quiet()
        s.update()


@scenario
def g22_the_ids_of_the_tutorial_differ():
    """G22 the tutorial's commands have another id than its desired state: it is taken over."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2")
        s.identify(activity="random-uuid-as-string")
        s.activity = "1234567890"
        s.download()
        s.update()
        s.activate()
        s.clean_up()


@scenario
def g24_rescue():
    """G24 booted from rescue: an update can be installed, and nothing is ever marked good."""
    with scene(rescue=True, boot=False) as s:
        s.device.boot_loader.set(A_OK=0, B_OK=0)
        assert s.device.boot() == "R"
        s.manager.wait_version("v1.0")
        s.offer("/v2")
        s.identify()
        s.download()
        s.update()
        s.activate()
        s.clean_up()
        assert "good" not in [m[0] for m in s.rauc.calls("Mark")]
        assert s.device.reboot() in ("A", "B") and s.device.version == "v2.0"


stage.play()
