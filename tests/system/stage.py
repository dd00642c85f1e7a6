# SPDX-License-Identifier: Apache-2.0
"""stage - where a test of a whole device is played: namespaces of its own, and how tests are run

    @scenario
    def an_update_that_hangs_falls_back():
        with Device() as device:
            ...

    stage.play()

A device has one boot id, one kernel command line, one system bus and fixed addresses.  So that a test can fake
all of them beside other programs on the same machine, play() starts the script again in mount, process and
network namespaces of its own, with a /run of its own that holds everything the test makes.  They are also the
broom: when the script ends, however it ends, the kernel kills what it has started and drops what it has
mounted.  Loop devices detach by themselves then (slots.py).

Scenarios are functions whose names are sentences.  One that cannot be played here raises Skip, which is printed.
Exit status: 0, 1 when one failed, 77 when none could be played.
"""
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

SKIP = 77
INSIDE = "UB_ON_STAGE"
PACKAGES = {
    "rauc": "rauc", "mksquashfs": "squashfs-tools", "mkfs.ext4": "e2fsprogs", "losetup": "mount", "openssl": "openssl",
    "grub-editenv": "grub-common", "dbus-daemon": "dbus-daemon", "busctl": "systemd", "ip": "iproute2",
    "unshare": "util-linux", "mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients",
}
# Of programs that only some scenarios need.
MORE_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86", "grub-mkimage": "grub-common", "mkfs.vfat": "dosfstools",
    "mcopy": "mtools", "sfdisk": "fdisk", "grub-script-check": "grub-common", "qemu-system-aarch64": "qemu-system-arm",
    "curl": "curl", "mkimage": "u-boot-tools", "mkenvimage": "u-boot-tools", "fw_setenv": "libubootenv-tool",
}
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


scenarios = []


class Skip(Exception):
    """What is missing here, as a sentence."""


def scenario(function):
    """A function that play() is to play; its name, or the first line of its comment, says what it shows."""
    scenarios.append(function)
    return function


def leave(why):
    print("skipped: " + why)
    sys.exit(SKIP)


def need(*programs):
    """Skips a scenario that needs a program which is not installed."""
    for program in programs:
        if not shutil.which(program, path=PATH):
            raise Skip("there is no %s (package %s)" % (program, {**PACKAGES, **MORE_PACKAGES}[program]))


def what_is_missing():
    if os.geteuid() != 0:
        return "not root: loop devices and mounts are needed"
    missing = [p for p in PACKAGES if not shutil.which(p, path=PATH)]
    if missing:
        return "missing: " + ", ".join("%s (package %s)" % (p, PACKAGES[p]) for p in missing)
    if not os.path.exists("/dev/loop-control"):
        return "no /dev/loop-control: this kernel or container has no loop devices"
    with open("/proc/filesystems") as f:
        systems = f.read().split()
    for system in ("squashfs", "ext4"):
        if system not in systems and subprocess.call(["modprobe", system], stderr=subprocess.DEVNULL):
            return "the kernel has no " + system
    return None


def enter():
    """Starts this script again in namespaces of its own, unless that has been done."""
    why = what_is_missing()
    if why:
        leave(why)
    if os.environ.get(INSIDE):
        return
    # The other side of what must not be left behind: unshare takes the whole stage with it when it is killed.
    command = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc",
               "--propagation", "private"]
    if subprocess.call(command + ["true"], stderr=subprocess.DEVNULL):
        leave("no namespaces here: a container that is not privileged?")
    environment = dict(os.environ, PATH=PATH, LC_ALL="C.UTF-8", **{INSIDE: "1"})
    os.execvpe("unshare", command + [sys.executable] + sys.argv, environment)


def terminate(number, frame):
    raise SystemExit(1)


def play():
    enter()
    # The first process of a namespace has no default handlers.
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    subprocess.check_call(["ip", "link", "set", "lo", "up"])
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "mode=755", "stage", "/run"])
    results = {"ok": 0, "not ok": 0, "skipped": 0}
    for function in scenarios:
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        word, why, began = "ok", "", time.monotonic()
        try:
            function()
        except Skip as skip:
            word, why = "skipped", ": " + str(skip)
        except KeyboardInterrupt:
            print("interrupted")
            sys.exit(130)
        except Exception:  # whatever it is, the others are to be played
            traceback.print_exc(file=sys.stdout)
            word = "not ok"
        results[word] += 1
        sentence = (function.__doc__ or function.__name__.replace("_", " ")).strip().split("\n")[0].rstrip(".")
        print("%s - %s%s  (%.1f s)" % (word, sentence, why, time.monotonic() - began), flush=True)
    print("%d ok, %d not ok, %d skipped" % tuple(results.values()))
    sys.exit(1 if results["not ok"] else 0 if results["ok"] else SKIP)
