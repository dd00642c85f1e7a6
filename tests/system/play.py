# SPDX-License-Identifier: Apache-2.0
"""play - the usual scene: a device that has booted, its manager, a web server with bundles; and the usual steps

    with scene() as s:
        s.offer("/v2", "v2.0")            # a bundle, and where it is
        s.identify("v2.0", "/v2")
        s.download(); s.update(); s.activate(); s.clean_up()

Each step sends the command and hears exactly what the agent has to say.
"""
import contextlib
import os
import sys
import threading

import leda
from bundles import source
from device import Device
from manager import Manager

sys.path.insert(0, source("tests", "fake"))
from http_server import Server, serve  # noqa: E402


def is_look(request):
    """Is it RAUC that asks, because it is to look at a bundle from afar?"""
    return not (request.get("User-Agent") or "").startswith("update-broker")


def served(data, etag, handlers):
    """What the agent gets is up to the handlers, one after the other, and RAUC always sees the bundle."""
    look = serve(data, etag=etag)
    handlers = list(handlers) if isinstance(handlers, list) else [handlers]

    def handler(request, client):
        if is_look(request):
            return look(request, client)
        return (handlers.pop(0) if len(handlers) > 1 else handlers[0])(request, client)
    return handler


class Scene:
    def __init__(self, device, manager, web):
        self.device, self.manager, self.web = device, manager, web
        self.rauc = device.rauc
        self.version = "v2.0"
        self.activity = "a1"
        self.size = 0

    def read(self, bundle):
        with open(bundle, "rb") as f:
            return f.read()

    def offer(self, path, version="v2.0", serve_as=None, **kind):
        """A bundle on the web server; returns its bytes.  serve_as: how, given the bytes."""
        data = self.read(self.device.workshop.bundle(version, **kind))
        etag = '"%s"' % version
        self.web.paths[path] = served(data, etag, serve_as(data) if serve_as else serve(data, etag=etag))
        self.size = len(data)
        return data

    def say(self, word):
        self.manager.command(word, self.activity)

    def hear(self, *expected):
        self.manager.hear(*expected, activity=self.activity)

    def identify(self, version="v2.0", path="/v2", activity="a1", url=None):
        self.version, self.activity = version, activity
        self.manager.desire(version, url or self.web.url(path), activity)
        self.hear(leda.identifying(), leda.identified(version))

    def download(self):
        self.say("DOWNLOAD")
        return self.manager.hear_until(leda.downloaded(self.size, self.version), leda.is_downloading, self.activity)

    def begin_update(self):
        self.say("UPDATE")
        self.hear(leda.checking(self.version))

    def end_update(self, last=None):
        return self.manager.hear_until(last or leda.installed(self.version), leda.is_installing, self.activity)

    def update(self):
        self.begin_update()
        return self.end_update()

    def fail_update(self, reason):
        """UPDATE ends badly; reason: a text, or a function of it."""
        self.begin_update()
        self.end_badly(reason)

    def end_badly(self, reason):
        def is_failure(payload):
            if payload["status"] != "UPDATE_FAILURE":
                return False
            got = payload["actions"][0]
            assert payload == leda.install_failed(got["message"], got["progress"], self.version), payload
            assert reason(got["message"]) if callable(reason) else got["message"] == reason, got
            return True
        self.end_update(is_failure)

    def activate(self):
        self.say("ACTIVATE")
        self.hear(leda.activating(self.version), leda.activated(self.version))

    def clean_up(self):
        self.say("CLEANUP")
        self.hear(leda.cleaned(version=self.version), leda.complete(self.version))

    def clean_up_after(self, word, text):
        self.say("CLEANUP")
        self.hear(leda.cleaned(word, text, self.version), leda.incomplete(word, text, self.version))

    def everything(self):
        """A whole update, but for the reboot."""
        self.offer("/v2")
        self.identify()
        self.download()
        self.update()
        self.activate()
        self.clean_up()

    def downloads(self):
        """The files that the agent has in its folder."""
        folder = self.device.path("downloads")
        return sorted(os.listdir(folder)) if os.path.exists(folder) else []

    def fetched(self, path):
        """The agent's requests for a bundle that the web server has seen."""
        return [r for r in self.web.requests if r.target == path and not is_look(r)]

    def looked_at(self, path):
        """RAUC's requests for a bundle."""
        return [r for r in self.web.requests if r.target == path and is_look(r)]


@contextlib.contextmanager
def scene(settings=None, config=None, agents=None, boot=True, isolation="process", **device_kind):
    """boot: the device runs, and this boot has been confirmed"""
    with Device(**device_kind) as device, Manager(device, settings, config, agents, isolation) as manager, \
            Server({}) as web:
        if boot:
            device.boot()
            manager.wait_version(device.factory)
        yield Scene(device, manager, web)


class Gate:
    """A web server's handler that stops at an offset until it is told to go on."""

    def __init__(self, at):
        self.at = at
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, data):
        def handler(request, client):
            start = request.range_start() or 0
            fields = {"ETag": '"gate"', "Content_Length": len(data) - start}
            if start:
                fields["Content_Range"] = "bytes %d-%d/%d" % (start, len(data) - 1, len(data))
            client.head(206 if start else 200, **fields)
            client.send(data[start:self.at])
            self.reached.set()
            self.opened.wait(120)
            client.send(data[max(start, self.at):])
        return handler
