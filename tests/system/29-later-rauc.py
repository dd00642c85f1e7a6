#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""later-rauc - what only a RAUC after 1.8 can do, and that it is really used

InspectBundle from afar (1.9 with streaming), transaction ids (1.10), a manifest hash that is required (1.14), the
status of a slot whose write was cut off or has failed (1.11).  Where RAUC is older each says so and is skipped;
RAUC=/path/to/rauc tries another one.

A kernel without device mapper cannot mount a verity bundle, and one without NBD cannot stream: then what is looked
at is the sentence that says so.
"""
import os
import ssl

import leda
import stage
from bundles import MIB, quiet
from manager import FEEDBACK
from play import Server, is_look, scene, serve
from rauc import Refused, wait_until
from stage import Skip, need_rauc, scenario

SLOW = "sleep 8"
AFAR = "a look at a bundle from afar"
NOT_LOOKED = "the bundle is not looked at before it is fetched"


def is_confirmed(s):
    wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")


def need_streaming(s):
    """A RAUC that is built without it would fetch all of a remote bundle."""
    need_rauc(1, 9, what=AFAR)
    try:
        s.rauc.call("InspectBundle", "sa{sv}", s.web.url("/nowhere"), "0")
    except Refused:
        pass
    if not [r for r in s.web.requests if r.get("Range")]:
        raise Skip(AFAR + " takes a RAUC that is built with streaming")
    s.web.requests.clear()


def has_device_mapper():
    return os.path.exists("/dev/mapper/control")


def install_verity(s):
    """UPDATE, as far as this kernel can."""
    if has_device_mapper():
        s.update()
    else:
        s.fail_update(lambda text: "/dev/mapper/control" in text)


def refuse(s, reason):
    """DOWNLOAD ends before the first byte."""
    s.say("DOWNLOAD")
    s.manager.hear_until(lambda payload: payload == leda.download_failed("Download failed: " + reason)
                         if isinstance(reason, str) else reason(payload), leda.is_downloading, s.activity)
    assert s.looked_at("/v2") and not s.fetched("/v2")
    assert s.downloads() == [], s.downloads()


@scenario
def another_version_is_refused_before_the_download():
    """7.3-5 a bundle of another version is refused before its first byte is fetched."""
    with scene() as s:
        is_confirmed(s)
        need_streaming(s)
        s.offer("/v2", "v9.9", format="verity")
        s.identify()
        refuse(s, leda.MISMATCH)
        s.clean_up_after("DOWNLOAD_FAILURE", "Download failed: " + leda.MISMATCH)


@scenario
def another_device_is_refused_before_the_download():
    """7.3-5 a bundle for another device is refused before its first byte is fetched."""
    with scene() as s:
        is_confirmed(s)
        need_streaming(s)
        s.offer("/v2", compatible="Other Board", format="verity")
        s.identify()
        refuse(s, "Compatible mismatch: Expected 'Rig Board' but bundle manifest has 'Other Board'")


@scenario
def a_stranger_is_refused_before_the_download():
    """7.3-5 a bundle that a stranger has signed is refused before its first byte is fetched."""
    def is_failure(payload):
        return payload["status"] == "DOWNLOAD_FAILURE" and \
            payload["actions"][0]["message"].startswith("Download failed: signature verification failed")

    with scene() as s:
        is_confirmed(s)
        need_streaming(s)
        s.offer("/v2", signer="stranger", format="verity")
        s.identify()
        refuse(s, is_failure)


@scenario
def a_good_bundle_costs_three_small_requests_more():
    """7.3-5 a good bundle is looked at with three small requests, and then downloaded."""
    with scene() as s:
        is_confirmed(s)
        need_streaming(s)
        s.offer("/v2", format="verity")
        s.identify()
        s.download()
        looks = [r.range() for r in s.looked_at("/v2")]
        assert len(looks) == 3 and all(last is not None for _, last in looks), looks
        assert sum(last - first + 1 for first, last in looks) < MIB // 8, looks
        assert len(s.fetched("/v2")) == 1
        install_verity(s)


@scenario
def the_bundle_that_was_seen_is_the_one_that_has_to_come():
    """7.3-5 a server that hands out another bundle than the one that was looked at: refused."""
    with scene({"verify": "download"}) as s:
        is_confirmed(s)
        need_rauc(1, 10, what="the hash of a manifest")
        need_streaming(s)
        s.offer("/v2", format="verity")
        other = s.read(s.device.workshop.bundle("v2.0", format="verity", random=3 * MIB))
        first, second = s.web.paths["/v2"], serve(other, etag='"other"')
        s.web.paths["/v2"] = lambda request, client: (first if is_look(request) else second)(request, client)
        s.identify()
        s.say("DOWNLOAD")
        s.manager.hear_until(leda.download_failed("This is not the bundle that was looked at before it was fetched.",
                                                  100), leda.is_downloading)
        assert s.rauc.calls("InstallBundle") == []


@scenario
def what_cannot_be_looked_at_is_downloaded():
    """7.3-5 a plain bundle, or a server without ranges: one sentence in the log, and the download."""
    for kind in ({"format": "plain"}, {"format": "verity", "serve_as": lambda data: serve(data, ranges=False)}):
        with scene() as s:
            is_confirmed(s)
            s.offer("/v2", **kind)
            if "serve_as" in kind:
                s.web.paths["/v2"] = serve(s.read(s.device.workshop.bundle("v2.0", format="verity")), ranges=False)
            s.identify()
            s.download()
            assert s.manager.log().count(NOT_LOOKED) == 1, s.manager.log()


@scenario
def over_https_with_a_token_it_goes_the_way_of_the_download():
    """7.3-5 caFile and headersFile: RAUC is given what the download has."""
    with scene() as s:
        is_confirmed(s)
        need_streaming(s)
        keys = s.device.path("tls")
        os.mkdir(keys)
        quiet("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=server",
              "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keys + "/key.pem", "-out", keys + "/cert.pem")
        with open(keys + "/headers", "w") as f:
            f.write("X-Token: geheim\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys + "/cert.pem", keys + "/key.pem")
        s.manager.change({"httpsOnly": True, "preflight": "on", "download": {
            "caFile": keys + "/cert.pem", "headersFile": keys + "/headers"}})
        s.manager.restart()
        s.manager.wait_version("v1.0")
        with Server({}, tls=context) as web:
            s.web = web
            s.offer("/v2", "v9.9", format="verity")
            s.identify()
            refuse(s, leda.MISMATCH)
            assert {r.get("X-Token") for r in web.requests} == {"geheim"}
        assert "geheim" not in s.manager.log()


@scenario
def a_streamed_bundle_is_not_stored():
    """7.3-7 streaming: nothing is stored, and where the kernel cannot, the sentence says so."""
    with scene({"mode": "stream"}) as s:
        is_confirmed(s)
        need_streaming(s)
        s.offer("/v2", format="verity")
        s.identify()
        s.say("DOWNLOAD")
        assert s.manager.next(FEEDBACK)[1]["status"] == "DOWNLOAD_SUCCESS"
        assert s.downloads() == [] and not s.fetched("/v2")
        if has_device_mapper() and os.path.exists("/dev/nbd0"):
            s.update()
        else:
            s.fail_update(lambda text: "nbd" in text or "/dev/mapper/control" in text)
        assert s.downloads() == []


@scenario
def what_cannot_be_streamed_is_downloaded_where_that_is_allowed():
    """7.3-7 streaming that fails in the kernel: downloaded as a whole, where that is allowed."""
    with scene({"mode": "stream", "allowFullDownload": True}) as s:
        is_confirmed(s)
        need_streaming(s)
        if os.path.exists("/dev/nbd0"):
            raise Skip("this kernel can stream")
        s.offer("/v2", format="verity")
        s.identify()
        s.say("DOWNLOAD")
        assert s.manager.next(FEEDBACK)[1]["status"] == "DOWNLOAD_SUCCESS"
        s.say("UPDATE")
        last = leda.installed() if has_device_mapper() else None
        payload = {"status": ""}
        while payload["status"] not in ("UPDATE_SUCCESS", "UPDATE_FAILURE"):
            payload = s.manager.next(FEEDBACK)[1]
        assert payload == last if last else "/dev/mapper/control" in payload["actions"][0]["message"], payload
        assert len(s.fetched("/v2")) == 1


@scenario
def a_slot_says_which_installation_wrote_it():
    """4.7-2 the slot carries the number of our installation."""
    with scene() as s:
        is_confirmed(s)
        need_rauc(1, 10, what="a transaction id")
        s.offer("/v2")
        s.identify()
        s.download()
        s.update()
        keys = s.rauc.calls("InstallBundle")[-1][1]
        assert s.rauc.slots()["rootfs.1"]["installed.transaction"] == keys["transaction-id"]["data"], keys
        assert "require-manifest-hash" not in keys, "RAUC refuses that for a plain bundle"


@scenario
def only_the_bundle_that_was_checked_is_installed():
    """7.3-5 RAUC is told the manifest's hash of the bundle that was checked."""
    with scene() as s:
        is_confirmed(s)
        need_rauc(1, 14, what="a manifest hash that is required")
        s.offer("/v2", format="verity")
        s.identify()
        s.download()
        install_verity(s)
        keys = s.rauc.calls("InstallBundle")[-1][1]
        seen = s.rauc.call("InspectBundle", "sa{sv}", s.device.workshop.bundle("v2.0", format="verity"), "0")[0]
        assert keys["require-manifest-hash"]["data"] == seen["manifest-hash"]["data"], keys


@scenario
def a_write_that_failed_is_not_taken_for_its_version():
    """4.7-5 a slot whose write has failed shows the new version, and is written again."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", hook="exit 12")
        s.identify()
        s.download()
        s.fail_update(lambda text: "12" in text)
        s.clean_up_after("UPDATE_FAILURE", s.rauc.get("LastError"))
        s.offer("/again")
        s.identify(path="/again", activity="a2")
        s.download()
        s.update()
        assert s.device.slot_version("B") == "v2.0"


@scenario
def a_write_that_was_cut_off_is_not_taken_for_its_version():
    """4.7-5 a power failure in a write leaves the slot pending; it is written again."""
    with scene() as s:
        is_confirmed(s)
        s.offer("/v2", hook=SLOW)
        s.identify()
        s.download()
        s.begin_update()
        wait_until(s.rauc.is_busy, "it installs")
        s.device.power_off()
        s.manager.queues.clear()
        assert s.device.boot() == "A"
        s.manager.wait_version("v1.0")
        s.say("CLEANUP")
        while s.manager.next(FEEDBACK)[1]["status"] != "INCOMPLETE":
            pass  # that it has failed was perhaps said before the power was gone
        s.offer("/again")
        s.identify(path="/again", activity="a2")
        s.download()
        s.update()
        assert s.device.slot_version("B") == "v2.0"


stage.play()
