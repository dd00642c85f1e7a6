#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""web-server - bundles from servers that are slow, confused, broken or hostile

What the downloader does in each of these cases is shown by its own tests.  Here is what the user of an agent sees: the
reason in m7, how often the server was asked, and that the next update is not disturbed; or an update that goes through.
"""
import os
import re
import sys

import leda
import stage
from bundles import MIB, source
from manager import FEEDBACK
from play import scene
from rauc import wait_until
from stage import scenario

sys.path.insert(0, source("tests", "fake"))
from http_server import Server, answer, drip, hang, serve  # noqa: E402

DOWNLOAD = {"attempts": 3, "retryMax": "100ms", "silenceTimeout": "1s"}


class Downloads:
    """One download after the other on the same device."""

    def __init__(self, s):
        self.s, self.n = s, 0
        wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        self.data = s.offer("/good")

    def begin(self, url):
        self.n += 1
        self.s.identify(activity="d%d" % self.n, url=url)
        self.s.say("DOWNLOAD")

    def end(self):
        """The last word of DOWNLOAD, after progress that never goes down."""
        seen = 0
        while True:
            activity, payload = self.s.manager.next(FEEDBACK)
            assert activity == self.s.activity, (activity, payload)
            if payload["status"] != "DOWNLOADING":
                return payload
            progress = payload["actions"][0]["progress"]
            assert seen <= progress < 100, payload
            seen = progress

    def fails(self, handler, reason, requests, path="/bad", url=None):
        """reason: a regular expression of what comes after "Download failed: "; requests: how often it is asked."""
        s = self.s
        s.web.paths[path] = handler
        del s.web.requests[:]
        self.begin(url or s.web.url(path))
        payload = self.end()
        text = payload["actions"][0]["message"]
        assert payload == leda.download_failed(text, payload["actions"][0]["progress"]), payload
        assert re.fullmatch("Download failed: " + reason, text), text
        assert "\n" not in text and "http:" not in text, text
        assert len(s.web.requests) == requests, (text, [(r.target, r.get("Range")) for r in s.web.requests])
        s.clean_up_after("DOWNLOAD_FAILURE", text)
        assert s.downloads() == [], (text, s.downloads())

    def succeeds(self, handler, starts, path="/bad", **more):
        """starts: of what it asks for, request by request."""
        s = self.s
        s.web.paths[path] = handler
        del s.web.requests[:]
        self.begin(s.web.url(path))
        last = self.end()
        assert last == leda.downloaded(s.size), last
        assert [r.range_start() for r in s.web.requests] == starts, [r.range_start() for r in s.web.requests]
        with open(s.device.path("downloads", s.downloads()[0]), "rb") as f:
            assert f.read() == self.data
        s.say("ROLLBACK")
        s.hear(leda.rolling_back(), leda.rolled_back(),
               leda.incomplete("UPDATE_FAILURE", "Update rolled back on request."))


@scenario
def what_will_not_change_is_asked_for_once():
    """400, 401, 403, 404, 410: one request, and the status is told."""
    with scene({"preflight": "off", "download": DOWNLOAD}) as s:
        d = Downloads(s)
        for status in (400, 401, 403, 404, 410):
            d.fails(answer(status), "HTTP %d" % status, 1)


@scenario
def what_may_pass_is_tried_again_and_then_given_up():
    """429 and 5xx: tried again as often as the settings say."""
    with scene({"preflight": "off", "download": DOWNLOAD}) as s:
        d = Downloads(s)
        for status in (429, 500, 502, 503, 504):
            d.fails(answer(status), "HTTP %d.*3 attempts.*" % status, 3)
        d.succeeds([answer(429), serve(d.data, etag='"1"')], [None, None])


@scenario
def a_server_may_ask_for_patience():
    """Retry-After is waited for, as long as a pause may be; a server that asks for more is given up at once."""
    with scene({"preflight": "off", "download": dict(DOWNLOAD, retryMax="1s")}) as s:
        d = Downloads(s)
        for status in (429, 503):
            d.succeeds([answer(status, Retry_After="1"), serve(d.data, etag='"1"')], [None, None])
            d.fails(answer(status, Retry_After="86400"), "HTTP %d, try again after 86400 s" % status, 1)


@scenario
def redirects_lead_only_where_they_may():
    """Redirects: a few are followed; a circle ends, and no other scheme is reached."""
    with scene({"preflight": "off", "download": DOWNLOAD}) as s:
        d = Downloads(s)
        d.succeeds(answer(302, Location="/good"), [None, None])
        d.fails(answer(302, Location="/bad"), "more than 5 redirects", 6)
        for place in ("file:///etc/passwd", "ftp://localhost/x", "gopher://localhost/x"):
            d.fails(answer(302, Location=place), ".*redirect.*", 1)


@scenario
def a_bundle_comes_together_from_what_servers_send():
    """Cut twice, other bytes than asked for, another file meanwhile, no ranges: the bundle is whole, or it is told."""
    with scene({"preflight": "off", "download": DOWNLOAD}) as s:
        d = Downloads(s)
        half = MIB // 2
        d.succeeds([serve(d.data, etag='"1"', break_at=half), serve(d.data, etag='"1"', break_at=MIB),
                    serve(d.data, etag='"1"')], [None, half, MIB])
        other = bytes(len(d.data))
        d.succeeds([serve(other, etag='"1"', break_at=half), serve(d.data, etag='"2"')], [None, half])
        d.succeeds([serve(d.data, ranges=False, break_at=half), serve(d.data, ranges=False)], [None, None])

        def lies(request, client):
            client.head(206, Content_Range="bytes 7-%d/%d" % (len(d.data) + 6, len(d.data) + 7), ETag='"1"',
                        Content_Length=len(d.data))
            client.send(d.data)
        d.succeeds([serve(d.data, etag='"1"', break_at=half), lies, serve(d.data, etag='"1"')], [None, half, None])
        d.fails([serve(d.data, etag='"1"', break_at=half), answer(404)], "HTTP 404", 2)


@scenario
def no_server_keeps_the_agent_for_ever():
    """Silence, a trickle, an end that never comes, lengths that are wrong: each has an end, and a reason."""
    with scene({"preflight": "off", "download": dict(DOWNLOAD, maxBytes="4M")}) as s:
        d = Downloads(s)

        def endless(request, client):
            client.head(200, Transfer_Encoding="chunked")
            while True:
                client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")

        def cut_short(request, client):
            client.head(200, Content_Length=len(d.data) + 10)
            client.send(d.data)
            return False
        d.fails(hang(), "only 0 bytes came in 1.0 s.*3 attempts.*", 3)
        d.fails(hang(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12"), "only [0-9]+ bytes came in 1.0 s.*3 attempts.*", 3)
        d.fails(drip(d.data, 0.1), ".*bytes came in 1.0 s.*", 3)
        d.fails(endless, "more than the allowed 4194304 bytes arrive.*", 1)
        d.fails(answer(200), "the bundle is empty", 1)
        d.fails(cut_short, ".*10 bytes remaining.*3 attempts.*", 3)


@scenario
def there_is_a_proxy_in_between():
    """A proxy that is named in the settings is used; without it nothing is reached."""
    with Server({}, proxy=True) as proxy, \
            scene({"preflight": "off", "download": dict(DOWNLOAD, proxy="http://127.0.0.1:%d" % proxy.port)}) as s:
        d = Downloads(s)
        d.succeeds(serve(d.data, etag='"1"'), [None])
        assert [r.target for r in proxy.requests] == [s.web.url("/bad")], [r.target for r in proxy.requests]
        proxy.__exit__()
        d.fails(serve(d.data), ".*connect.*3 attempts.*", 0)


stage.play()
