#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""reboot - an update that asks for a boot, with a logind of the test's own, and with none

A daemon that would boot the machine boots no more than a PID namespace here.
"""
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, Rig, run  # noqa: E402

# Time enough for logind's answer: a lock that is no longer wanted when it comes is not taken.
SLOW = {"delayMs": 2000}
AGENTS = {"self-update": {"components": [{"id": "os-image", "version": "v1"}], "reboot": True,
                          "phases": {"UPDATE": SLOW, "VERIFY": SLOW}}}
WANTED = ("self-update", {"os-image": "v2"})
SETTINGS = {"rebootEnabled": True, "rebootAfter": "10ms"}
LOCK = "inhibit shutdown:sleep update-broker activity A1 is being installed block"


def a_reboot_waits_for_who_inhibits_it_and_happens_once():
    with Rig(AGENTS, config=SETTINGS, bus=True) as rig:
        logind = rig.speak("logind-server")
        logind.order("lock PackageKit updating packages")
        rig.start()
        rig.desire("A1", WANTED)
        logind.hear(LOCK)
        logind.hear("released")
        rig.wait_log(r"the reboot waits for who inhibits it: PackageKit \(pid 13\): updating packages")
        logind.order("unlock")
        logind.hear("reboot")
        # A device that goes down ends its daemon; this one has not booted when that is back, and so it is asked again.
        rig.stop()
        assert logind.said.empty()
        rig.start(connected=False)
        logind.hear("reboot")
        rig.stop()
        rig.environment["UPDATE_BROKER_BOOT_ID"] = "0f1e2d3c-0000-4000-8000-123456789abc"
        rig.start(connected=False)
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()
        logind.hear(LOCK)  # it verifies, and cleans up
        logind.hear("released")
        assert logind.said.empty()


def a_device_is_not_shut_down_while_it_is_being_changed():
    agents = {"containers": {"components": [{"id": "hello-world", "version": "1"}], "phases": {"UPDATE": SLOW}}}
    with Rig(agents, bus=True) as rig:
        logind = rig.speak("logind-server")
        rig.start()
        rig.desire("A1", ("containers", {"hello-world": "2"}))
        assert rig.end("A1")["status"] == "COMPLETED"
        logind.hear(LOCK)
        logind.hear("released")
        rig.stop()


def a_reboot_that_is_not_wanted_does_not_happen():
    with Rig(AGENTS, config={"rebootEnabled": False, "rebootAfter": "10ms"}, bus=True) as rig:
        logind = rig.speak("logind-server")
        rig.start()
        rig.desire("A1", WANTED)
        assert rig.end("A1")["status"] == "COMPLETED"
        logind.hear(LOCK)
        logind.hear("released")
        rig.stop()
        assert logind.said.empty()


def a_command_that_fails_is_told_to_the_backend():
    with Rig(AGENTS, config=dict(SETTINGS, rebootCommand=["/bin/false"])) as rig:
        rig.start()
        rig.desire("A1", WANTED)
        end = rig.end("A1")
        assert end["status"] != "COMPLETED", end
        assert "the reboot command ended with status 1" in str(end), end
        rig.stop()


def without_logind_the_kernel_boots_the_device():
    unshare = shutil.which("unshare")
    prefix = [unshare, "--pid", "--fork", "--kill-child"]
    if os.geteuid() != 0 or not unshare or subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL,
                                                          check=False).returncode:
        print("# NOT TESTED without root and PID namespaces: reboot(2)")
        return
    with Rig(AGENTS, config=SETTINGS) as rig:
        rig.start(prefix=prefix)
        rig.desire("A1", WANTED)
        # This is how the kernel boots a PID namespace, see reboot(2).
        assert rig.process.wait(PATIENCE) == -signal.SIGHUP, rig.process.returncode
        assert "logind does not boot the device: " in rig.log()


if __name__ == "__main__":
    run([a_reboot_waits_for_who_inhibits_it_and_happens_once, a_device_is_not_shut_down_while_it_is_being_changed,
         a_reboot_that_is_not_wanted_does_not_happen, a_command_that_fails_is_told_to_the_backend,
         without_logind_the_kernel_boots_the_device])
