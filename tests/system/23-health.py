#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""health - what has to be well before a boot is confirmed: each built-in check, first sick and then well

A boot that is not confirmed is left by the boot loader the next time, so "sick" has to be seen as much as "well".
"""
import os

import stage
from play import scene, serve
from rauc import wait_until
from stage import scenario


def is_confirmed(s):
    return "A 1 0" in s.device.boot_loader.state()


def sick_then_well(health, name, heal, before=None):
    with scene(boot=False) as s:
        s.manager.change({"health": health(s)})
        if before:
            before(s)
        s.device.boot()
        s.manager.wait_log("not well yet: %s: " % name if name else "not well yet: ")
        assert not is_confirmed(s), s.device.boot_loader.state()
        heal(s)
        wait_until(lambda: is_confirmed(s), "this boot is marked good")


@scenario
def a_folder_that_cannot_be_written():
    """writable: a folder in which nothing can be made."""
    sick_then_well(lambda s: {"writable": [s.device.path("data")]}, "", lambda s: os.mkdir(s.device.path("data")))


@scenario
def a_page_that_is_not_there():
    """url: a page that is not there."""
    def heal(s):
        s.web.paths["/alive"] = serve(b"yes")
    sick_then_well(lambda s: {"url": s.web.url("/alive")}, "url", heal)


@scenario
def a_server_that_is_not_there():
    """mqtt: the daemon is not connected."""
    def heal(s):
        s.manager.server.start()
        s.device.outside.add(s.manager.server.process.pid)
        s.manager.connect()

    def before(s):
        s.manager.client.close()
        s.manager.server.stop()
    sick_then_well(lambda s: {"mqtt": True}, "mqtt", heal, before)


@scenario
def a_unit_that_is_not_active():
    """units: where nobody knows the unit, the boot is not confirmed."""
    with scene({"health": {"units": ["door.service"], "timeout": "1s"}}, boot=False) as s:
        s.device.boot()
        s.manager.wait_log("this boot is not confirmed: health check failed: door.service: ")
        assert not is_confirmed(s), s.device.boot_loader.state()


stage.play()
