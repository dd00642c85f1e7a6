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

A scenario waits for most of its time: for a hook of RAUC that sleeps, for a boot.  So there are several stages at
once, and each of them takes the next scenario from a pipe; what a scenario prints comes out when it is over.

The RAUC that is played with, for making bundles as well, is the one that is installed, or RAUC=/path/to/another.
Which one it was is the first line that is printed.  What needs a later one than it is says so (need_rauc).
"""
import ctypes
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

SKIP = 77
STAGES = 4
PR_SET_PDEATHSIG = 1
INSIDE = "UB_ON_STAGE"
RAUC = "RAUC"
PACKAGES = {
    "rauc": "rauc", "mksquashfs": "squashfs-tools", "mkfs.ext4": "e2fsprogs", "losetup": "mount", "openssl": "openssl",
    "grub-editenv": "grub-common", "dbus-daemon": "dbus-daemon", "busctl": "systemd", "ip": "iproute2",
    "unshare": "util-linux", "mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients",
}
# Of programs that only some scenarios need.
MORE_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86", "grub-mkimage": "grub-common", "mkfs.vfat": "dosfstools",
    "mcopy": "mtools", "sfdisk": "fdisk", "grub-script-check": "grub-common", "qemu-system-aarch64": "qemu-system-arm",
    "curl": "curl", "strace": "strace", "mkimage": "u-boot-tools", "mkenvimage": "u-boot-tools", "fw_setenv": "libubootenv-tool",
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


def rauc_version():
    """The version of the RAUC that is played with, as numbers that compare: (1, 8)."""
    text = subprocess.check_output(["rauc", "--version"], text=True)
    return tuple(int(n) for n in re.search(r"(\d+)\.(\d+)", text).groups())


def need_rauc(*version, what):
    """Skips a scenario that an older RAUC cannot play."""
    if rauc_version() < version:
        raise Skip("%s takes RAUC %d.%d, and this is %d.%d; RAUC=/path/to/another tries that one" %
                   (what, *version, *rauc_version()))


def choose_rauc():
    """Whatever calls `rauc` gets the one that was asked for."""
    if os.environ.get(RAUC):
        os.mkdir("/run/rauc-bin")
        os.symlink(os.path.realpath(os.environ[RAUC]), "/run/rauc-bin/rauc")
        os.environ["PATH"] = "/run/rauc-bin:" + os.environ["PATH"]


def say_which_rauc():
    rauc = os.environ.get(RAUC) or shutil.which("rauc", path=PATH)
    print("%s: %s" % (rauc, subprocess.check_output([rauc, "--version"], text=True).strip()), flush=True)


def what_is_missing():
    if os.geteuid() != 0:
        return "not root: loop devices and mounts are needed"
    other = os.environ.get(RAUC)
    if other and not os.access(other, os.X_OK):
        return "RAUC=%s cannot be run" % other
    missing = [p for p in PACKAGES if not shutil.which(p, path=PATH) and not (other and p == "rauc")]
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


def unshare():
    """The command that runs another in namespaces of its own."""
    # The other side of what must not be left behind: unshare takes the whole stage with it when it is killed.
    command = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc",
               "--propagation", "private"]
    if subprocess.call(command + ["true"], stderr=subprocess.DEVNULL):
        leave("no namespaces here: a container that is not privileged?")
    return command


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def chosen():
    return [f for f in scenarios if not sys.argv[1:] or f.__name__ in sys.argv[1:]]


def open_stages(at_once):
    """Plays everything, on as many stages; does not return."""
    why = what_is_missing()
    if why:
        leave(why)
    say_which_rauc()
    signal.signal(signal.SIGTERM, terminate)
    todo, to_them = os.pipe()
    from_them, done = os.pipe()
    environment = dict(os.environ, PATH=PATH, LC_ALL="C.UTF-8", **{INSIDE: "%d,%d" % (todo, done)})
    command = unshare() + [sys.executable] + sys.argv
    stages = [subprocess.Popen(command, env=environment, pass_fds=(todo, done), preexec_fn=die_with_parent)
              for _ in range(min(at_once, len(chosen())))]
    os.close(todo)
    os.close(done)
    # Scenarios are fewer than what fits into a pipe.
    os.write(to_them, bytes(range(len(chosen()))))
    os.close(to_them)
    with open(from_them, "rb") as results:
        words = results.read()
    closed = [stage.wait() == 0 for stage in stages]
    counts = [words.count(word[0].encode()) for word in WORDS]
    print("%d ok, %d not ok, %d skipped" % tuple(counts))
    good = all(closed) and len(words) == len(chosen()) and not counts[1]
    sys.exit(1 if not good else 0 if counts[0] else SKIP)


def terminate(number, frame):
    raise SystemExit(1)


WORDS = ("ok", "not ok", "skipped")


def perform(function):
    """Plays one scenario; how it ended, as one of WORDS."""
    word, why, began = "ok", "", time.monotonic()
    screen, sys.stdout = sys.stdout, io.StringIO()
    try:
        function()
    except Skip as skip:
        word, why = "skipped", ": " + str(skip)
    except Exception:  # whatever it is, the others are to be played
        traceback.print_exc(file=sys.stdout)
        word = "not ok"
    finally:
        said, sys.stdout = sys.stdout.getvalue(), screen
    sentence = (function.__doc__ or function.__name__.replace("_", " ")).strip().split("\n")[0].rstrip(".")
    os.write(sys.stdout.fileno(), ("%s%s - %s%s  (%.1f s)\n" % (
        said, word, sentence, why, time.monotonic() - began)).encode())
    return word


def play(at_once=STAGES):
    if INSIDE not in os.environ:
        open_stages(at_once)
    # The first process of a namespace has no default handlers.
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    todo, done = map(int, os.environ[INSIDE].split(","))
    os.set_inheritable(todo, False)
    os.set_inheritable(done, False)
    subprocess.check_call(["ip", "link", "set", "lo", "up"])
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "mode=755", "stage", "/run"])
    choose_rauc()
    while which := os.read(todo, 1):
        os.write(done, perform(chosen()[which[0]])[0].encode())
    sys.exit(0)
