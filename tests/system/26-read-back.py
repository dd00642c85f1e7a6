#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read-back - what RAUC has written is read from the slot's device again, and what differs never boots

A handler of RAUC's that damages the slot behind its back stands for a medium that does not keep what it is given.
"""
import os
import pwd
import re
import subprocess

import leda
import stage
from bundles import MIB
from manager import BUILT
from play import scene
from rauc import wait_until
from stage import Skip, rauc_version, scenario

SIZE = 16 * MIB
HOLDS = "Slot rootfs.1 holds what was written to it."
LEFT_OUT = "Slot rootfs.1 cannot be compared with what was written to it: "
MOUNTED = "its file system has been mounted"
# In the image, and in none of its file system's own structures.
MIDDLE = 9 * MIB


def damage(device, offset=MIDDLE):
    with open(device, "r+b") as f:
        f.seek(offset)
        f.write(os.urandom(512))
        f.flush()
        os.fsync(f.fileno())


def bad_medium(offset=MIDDLE):
    """A handler for RAUC's system.conf, which is run when the slot has been written."""
    path = "/run/bad-medium"
    with open(path, "w") as f:
        f.write("""#!/bin/sh
[ "$RAUC_SLOTS" ] || exit 1
for i in $RAUC_TARGET_SLOTS; do
        eval device=\\$RAUC_SLOT_DEVICE_$i
        dd if=/dev/urandom of="$device" bs=512 count=1 seek=%d conv=notrunc,fsync status=none
done
""" % (offset // 512))
    os.chmod(path, 0o755)
    return "post-install=" + path


def is_confirmed(s):
    wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")


def until_update(s, **kind):
    is_confirmed(s)
    s.offer("/v2", **kind)
    s.identify()
    s.download()


def is_damage(text):
    return re.fullmatch(r"Slot rootfs\.1 does not hold what was written to it: expected sha256 [0-9a-f]{12}\.\.\., "
                        r"found [0-9a-f]{12}\.\.\. on /dev/loop\d+\.", text)


def is_refused(s):
    assert s.rauc.primary() == "rootfs.0"
    assert "B 0 0" in s.device.boot_loader.state(), s.device.boot_loader.state()
    assert ["active", "rootfs.1"] not in s.rauc.calls("Mark"), s.rauc.calls("Mark")
    assert s.device.reboot() == "A"


def refuse_activation(s):
    s.say("ACTIVATE")
    s.hear(leda.activating())
    s.manager.hear_until(lambda payload: payload["status"] == "ACTIVATION_FAILURE", lambda *_: None)
    assert is_damage(re.search(r"(Slot rootfs\.1 does not hold .*) \(agent ", s.manager.log()).group(1))
    is_refused(s)


@scenario
def a_good_slot_is_read_once():
    """A good slot is read once: ACTIVATE goes by the count of writes."""
    with scene() as s:
        until_update(s)
        s.update()
        s.manager.wait_log(re.escape(HOLDS))
        before = sectors_read(s.device.slots["B"].device)
        s.activate()
        assert sectors_read(s.device.slots["B"].device) - before < SIZE // 512, "it was read again"
        s.clean_up()
        assert s.device.reboot() == "B" and s.device.version == "v2.0"


def sectors_read(device):
    with open("/sys/class/block/%s/stat" % os.path.basename(device)) as f:
        return int(f.read().split()[2])


@scenario
def a_medium_that_loses_something():
    """A medium that does not keep what it is given: the update fails, the slot is bad, the download stays."""
    with scene(handlers=bad_medium()) as s:
        until_update(s)
        s.fail_update(is_damage)
        assert len(s.downloads()) == 1, "it is no fault of the bundle"
        is_refused(s)


@scenario
def a_medium_that_loses_the_beginning():
    """A file system that cannot be known again is damage, too."""
    with scene(handlers=bad_medium(1024)) as s:
        until_update(s)
        s.fail_update(is_damage)
        is_refused(s)


@scenario
def where_rauc_activates_by_itself():
    """Where RAUC activates what it installs, a bad slot is taken back all the same."""
    with scene(activate_installed=True, handlers=bad_medium()) as s:
        until_update(s)
        s.fail_update(is_damage)
        is_refused(s)


@scenario
def somebody_writes_to_the_slot_before_it_is_activated():
    with scene() as s:
        until_update(s)
        s.update()
        damage(s.device.slots["B"].device)
        refuse_activation(s)


@scenario
def the_same_and_the_agent_has_died_between():
    """Somebody writes to the slot before it is activated, and the agent dies in between."""
    with scene() as s:
        until_update(s)
        s.update()
        damage(s.device.slots["B"].device)
        os.kill(s.manager.agent_pid(), 9)
        s.hear(leda.installed())  # its last word once more
        refuse_activation(s)


@scenario
def a_page_that_is_not_on_the_medium_yet():
    """Somebody writes to the slot and does not sync: it is found before it gets to the medium."""
    with scene() as s:
        until_update(s)
        s.update()
        with open(s.device.slots["B"].device, "r+b", buffering=0) as f:
            f.seek(MIDDLE)
            f.write(os.urandom(512))
        refuse_activation(s)


def left_out(why, handlers="", settings=None, update=None, **kind):
    with scene(settings, handlers=handlers) as s:
        if update:
            update(s)
        until_update(s, **kind)
        s.update()
        s.activate()
        s.clean_up()
        said = [line for line in s.manager.log().splitlines() if LEFT_OUT in line]
        assert len(said) == 1 and re.search(why, said[0]), said
        assert s.device.reboot() == "B" and s.device.version == "v2.0"


@scenario
def a_hook_that_changes_the_slot():
    """A bundle whose hook changes the slot: left out, and said once."""
    left_out("a hook of the bundle" if rauc_version() >= (1, 9) else MOUNTED, hook='echo 1 >"$RAUC_SLOT_MOUNT_POINT/changed"')


@scenario
def an_archive():
    """A bundle with an archive, which is unpacked: left out, and said once."""
    # RAUC 1.8 does not say that it is one, but has mounted its file system.
    left_out("an archive was unpacked into it" if rauc_version() >= (1, 9) else MOUNTED, archive=True)


@scenario
def a_status_in_the_slot_itself():
    """RAUC keeps its status in the slot, and mounts it for that: left out, and said once."""
    def edit(s):
        is_confirmed(s)  # else the boot loader takes the other slot
        s.device.shut_down()
        path = s.device.path("system.conf")
        with open(path) as f:
            lines = [line for line in f if not line.startswith("statusfile=")]
        with open(path, "w") as f:
            f.writelines(lines)
        s.device.boot()
        s.manager.queues.clear()
    left_out(MOUNTED, update=edit)


@scenario
def a_device_that_only_others_may_open():
    """The agent is nobody, who may not open the device: left out, and said once; unless it is required."""
    nobody = pwd.getpwnam("nobody")
    if subprocess.call(["setpriv", "--reuid=nobody", "--clear-groups", "test", "-x",
                        os.path.join(BUILT, "ub-agent-host")]):
        raise Skip("nobody may not run what was built here")

    def play(settings, go_on):
        with scene(dict(settings, folder="/run/nobody"), boot=False) as s:
            os.makedirs("/run/nobody", exist_ok=True)
            os.chown("/run/nobody", nobody.pw_uid, nobody.pw_gid)
            s.manager.change({}, user="nobody")
            s.device.boot()
            s.manager.wait_version("v1.0")
            until_update(s)
            go_on(s)
            said = [line for line in s.manager.log().splitlines() if LEFT_OUT in line]
            assert len(said) == 1 and ": Permission denied." in said[0], said

    def without(s):
        s.update()
        s.activate()
        s.clean_up()
        shown = subprocess.check_output([os.path.join(BUILT, "ubctl"), "--socket",
                                         s.device.path("runtime", "control"), "slots"], text=True)
        assert "read back: " + LEFT_OUT in shown, shown

    def refused(s):
        s.fail_update(lambda text: text.startswith(LEFT_OUT) and text.endswith(": Permission denied."))
        is_refused(s)
    play({}, without)
    play({"readBack": "require"}, refused)


stage.play()
