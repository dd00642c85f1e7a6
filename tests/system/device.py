# SPDX-License-Identifier: Apache-2.0
"""device - a simulated device: two slots, a boot loader, a system bus, RAUC, and programs that it runs

    with Device() as device:
        device.boot()                         # the boot loader picks a slot; a boot id of its own
        device.rauc.install(bundle)
        device.reboot()
        assert device.booted == "B" and device.version == "v2.0"

boot(hangs=True) is a boot that gets as far as the kernel and no further.  power_off() is what a battery does.
RAUC, and whatever else asks, sees the truth where it looks for it: /proc/cmdline, the boot id, /etc/os-release.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import uuid

import rauc
from bootloader import RESCUE, Grub
from bundles import COMPATIBLE, MIB, Workshop
from rauc import wait_until
from slots import Slot
from stage import INSIDE

BOOT_ID = "/proc/sys/kernel/random/boot_id"
CMDLINE = "/proc/cmdline"
OS_RELEASE = "/etc/os-release"
NAMES = {"A": "rootfs.0", "B": "rootfs.1", RESCUE: "rescue.0"}

SYSTEM_CONF = """[system]
compatible={compatible}
{boot_loader}statusfile={folder}/central.raucs
mountprefix={folder}/mnt
max-bundle-download-size=1073741824
{more}
[keyring]
path={keyring}
{handlers}
[slot.rootfs.0]
device={a}
type=ext4
bootname=A

[slot.rootfs.1]
device={b}
type=ext4
bootname=B
{rescue}"""


class Device:
    workshop = None

    def __init__(self, factory="v1.0", activate_installed=False, handlers="", rescue=False, policy=None,
                 slot_size=32 * MIB, folder="/run", boot_loader=Grub):
        assert os.environ.get(INSIDE), "a device needs a stage"
        self.folder = tempfile.mkdtemp(prefix="device-", dir=folder)
        os.chmod(self.folder, 0o755)
        if not Device.workshop:
            Device.workshop = Workshop("/run/workshop")
        self.factory = factory
        self.slot_size = slot_size
        self.make_boot_loader = boot_loader
        self.activate_installed = activate_installed
        self.handlers = "\n[handlers]\n%s\n" % handlers if handlers else ""
        self.has_rescue = rescue
        self.slots = {}
        self.bound = []
        self.programs = []          # what boots with the device: objects with start(), stop() and, after a cut, lost()
        self.outside = set()        # process ids that are no part of the device
        self.booted = None
        self.version = None
        self.bus = rauc.Bus(self.folder, policy)
        self.rauc = rauc.Service(self.path("system.conf"), self.path("rauc.log"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    # ---------------------------------------------------------------------- the factory, the scrapyard

    def __enter__(self):
        try:
            self.manufacture()
        except BaseException:
            self.scrap()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind and issubclass(kind, (Exception, KeyboardInterrupt)) and os.path.exists(self.rauc.log_path):
            print("---- RAUC said:\n" + self.rauc.log())
            for program in self.programs:
                print("---- %s said:\n%s" % (type(program).__name__, program.log()))
        self.scrap()

    def manufacture(self):
        image = self.workshop.image(self.factory)
        for name in ("A", "B") + ((RESCUE,) if self.has_rescue else ()):
            self.slots[name] = Slot(self.path("slot-%s.img" % name), self.slot_size)
            self.slots[name].fill(image)
        for name in ("mnt", "sysroot"):
            os.mkdir(self.path(name))
        self.boot_loader = self.make_boot_loader(self.path("bootenv"))
        self.write_conf()
        for target in (BOOT_ID, CMDLINE, OS_RELEASE):
            self.bind(target)

    def write_conf(self):
        rescue = "\n[slot.rescue.0]\ndevice=%s\ntype=ext4\nreadonly=true\n" % self.slots[RESCUE].device \
            if self.has_rescue else ""
        with open(self.path("system.conf"), "w") as f:
            f.write(SYSTEM_CONF.format(
                compatible=COMPATIBLE, boot_loader=self.boot_loader.conf,
                folder=self.folder, keyring=self.workshop.keyring, handlers=self.handlers, rescue=rescue,
                more="" if self.activate_installed else "activate-installed=false\n",
                a=self.slots["A"].device, b=self.slots["B"].device))

    def bind(self, target):
        """Lays a file of ours over one of the system's."""
        mine = self.path(os.path.basename(target))
        open(mine, "w").close()
        subprocess.check_call(["mount", "--bind", mine, os.path.realpath(target)])
        self.bound.append((target, mine))

    def tell(self, target, text):
        with open(dict(self.bound)[target], "w") as f:
            f.write(text + "\n")

    def scrap(self):
        self.power_off()
        for target, _ in self.bound:
            subprocess.call(["umount", os.path.realpath(target)])
        for slot in self.slots.values():
            slot.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---------------------------------------------------------------------------- on, off and between

    def boot(self, hangs=False, slot=None):
        """slot: whatever the boot loader thinks, as a person in front of its menu"""
        picked = self.boot_loader.pick()
        self.booted = slot or picked
        if hangs:
            return self.booted
        running = self.slots[self.booted]
        subprocess.check_call(["mount", "-o", "ro", running.device, self.path("sysroot")])
        with open(self.path("sysroot", "etc", "os-release")) as f:
            release = f.read().strip()
        self.version = dict(line.split("=", 1) for line in release.split("\n"))["VERSION_ID"].strip('"')
        self.tell(OS_RELEASE, release)
        self.tell(BOOT_ID, str(uuid.uuid4()))
        name = self.booted if self.booted != RESCUE else NAMES[RESCUE]
        self.tell(CMDLINE, "root=%s rauc.slot=%s" % (running.device, name))
        self.bus.start()
        self.rauc.start()
        self.rauc.trace()
        for program in self.programs:
            program.start()
        return self.booted

    def shut_down(self):
        for program in reversed(self.programs):
            program.stop()
        self.rauc.stop()
        self.bus.stop()
        self.power_off()

    def reboot(self, **how):
        self.shut_down()
        return self.boot(**how)

    def power_off(self):
        """Everything that runs on the device is gone, and what was mounted."""
        doomed = self.processes()
        # All at once: nobody is to see somebody else go, and say something about it.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in doomed:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        wait_until(lambda: not self.processes(), "all processes are gone")
        self.unmount()
        self.bus.process = None
        for program in self.programs:
            program.lost()

    def processes(self):
        """All but this one and those of the world around it; the dead that nobody has buried do not count."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid() or int(entry) in self.outside:
                continue
            try:
                with open("/proc/%s/stat" % entry) as f:
                    state = f.read().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                found.append(int(entry))
        return found

    def unmount(self):
        with open("/proc/self/mounts") as f:
            mounted = [line.split()[1] for line in f]
        for point in reversed(mounted):
            if point.startswith((self.path("mnt") + "/", self.path("sysroot"))):
                subprocess.check_call(["umount", "--lazy", point])

    def slot_version(self, slot):
        """What is written to a slot that is not mounted, read as the kernel would at the next boot."""
        with tempfile.TemporaryDirectory(dir=self.folder) as point:
            subprocess.check_call(["mount", "-o", "ro", self.slots[slot].device, point])
            try:
                with open(os.path.join(point, "etc", "os-release")) as f:
                    return f.read().split('"')[1]
            finally:
                subprocess.check_call(["umount", point])
