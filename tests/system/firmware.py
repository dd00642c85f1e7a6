# SPDX-License-Identifier: Apache-2.0
"""firmware - boot loaders as they are, on machines that QEMU emulates

    with GrubMachine(grub_cfg) as machine:
        machine.boot({"ORDER": "A B", ...})       # what it would start: A, B or rescue.0
        machine.variables()                       # the environment afterwards

The boot loader's own script runs unchanged; only the function that would start a kernel is replaced by one that says
which, since there is none on the disk.
"""
import os
import re
import struct
import subprocess
import tempfile
import zlib

from bundles import quiet
from stage import Skip, need

PATIENCE = 120
SECTOR = 512
MIB = 1 << 20


class Machine:
    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(dir="/run")
        self.folder = self.temporary.name
        self.make()
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def run(self, command):
        """Until it resets; what it said on its serial line, and which slot it has started."""
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=PATIENCE)
        self.said = done.stdout.decode(errors="replace")
        started = re.findall(r"STARTED ([\w.]+)", self.said)
        assert len(started) == 1, self.said
        return started[0]


class GrubMachine(Machine):
    """A PC whose disk is laid out as rauc.wks says, as far as grub looks at it."""

    MODULES = ("biosdisk part_gpt fat ext2 normal configfile loadenv search search_label echo test eval regexp serial "
               "terminal linux reboot sleep true boot").split()
    START, ENV_PARTITION, ENV_SIZE = 64, 8192, 8192
    SERIAL = "serial --unit=0 --speed=115200\nterminal_output serial\nterminal_input serial\n"
    INSTEAD = '\nfunction start { echo "STARTED ${1} from ${disk},gpt${2}"; reboot; }\nset timeout=0\n'

    def __init__(self, script):
        need("qemu-system-x86_64", "grub-mkimage", "mkfs.vfat", "mcopy", "sfdisk")
        if not os.path.exists("/usr/lib/grub/i386-pc/boot.img"):
            raise Skip("there is no grub for PCs (package grub-pc-bin)")
        self.script = script

    def make(self):
        early = self.write("early.cfg", self.SERIAL + "configfile (memdisk)/grub.cfg\n")
        with open(self.script) as f:
            self.write("grub.cfg", f.read() + self.INSTEAD)
        quiet("tar", "-C", self.folder, "-cf", self.path("memdisk.tar"), "grub.cfg")
        quiet("grub-mkimage", "-O", "i386-pc", "-p", "(memdisk)", "-c", early, "-m", self.path("memdisk.tar"),
              "-o", self.path("core.img"), *self.MODULES, "memdisk", "tar")
        disk = self.path("disk.img")
        with open(disk, "wb") as f:
            f.truncate(64 * MIB)
        sizes = "label: gpt\n" + "".join(
            "start=%d, size=%d, name=%s\n" % (start, size, name) for start, size, name in (
                (4096, 4096, "boot"), (self.ENV_PARTITION, self.ENV_SIZE, "grubenv"), (16384, 4096, "rescue"),
                (20480, 4096, "root_a"), (24576, 4096, "root_b")))
        subprocess.run(["sfdisk", "-q", disk], input=sizes.encode(), check=True)
        self.install_loader(disk)

    def install_loader(self, disk):
        """What grub-install does: boot.img in the first sector, core.img behind the partition table."""
        with open("/usr/lib/grub/i386-pc/boot.img", "rb") as f:
            boot = bytearray(f.read())
        with open(self.path("core.img"), "rb") as f:
            core = bytearray(f.read())
        assert self.START * SECTOR + len(core) < 4096 * SECTOR
        struct.pack_into("<Q", boot, 0x5c, self.START)
        struct.pack_into("<Q", core, SECTOR - 12, self.START + 1)
        with open(disk, "r+b") as f:
            f.seek(0)
            table = f.read(SECTOR)[440:]
            f.seek(0)
            f.write(boot[:440] + table)
            f.seek(self.START * SECTOR)
            f.write(core)

    def boot(self, variables=None):
        """With an environment of its own, or with what the last boot has left."""
        if variables is not None:
            env = self.path("grubenv")
            quiet("grub-editenv", env, "create")
            for name, value in variables.items():
                quiet("grub-editenv", env, "set", "%s=%s" % (name, value))
            self.put(env)
        return self.run(["qemu-system-x86_64", "-M", "pc", "-m", "64", "-display", "none", "-serial", "stdio",
                         "-monitor", "none", "-no-reboot", "-net", "none",
                         "-drive", "file=%s,format=raw,if=ide" % self.path("disk.img")])

    def put(self, env):
        image = self.write("grubenv.vfat", b"\0" * (self.ENV_SIZE * SECTOR))
        quiet("mkfs.vfat", "-n", "GRUBENV", image)
        if env:
            quiet("mcopy", "-i", image, env, "::grubenv")
        with open(image, "rb") as source, open(self.path("disk.img"), "r+b") as disk:
            disk.seek(self.ENV_PARTITION * SECTOR)
            disk.write(source.read())

    def variables(self):
        env = self.path("grubenv.after")
        quiet("mcopy", "-n", "-o", "-i", "%s@@%d" % (self.path("disk.img"), self.ENV_PARTITION * SECTOR),
              "::grubenv", env)
        text = subprocess.check_output(["grub-editenv", env, "list"], text=True)
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


class UBootMachine(Machine):
    """QEMU's arm64 board.  Debian's U-Boot for it keeps one copy of its environment in flash."""

    PROGRAM = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
    ENV_SIZE, FLASH_SIZE = 0x40000, 64 * MIB
    # `start_slot` is the place that the script leaves for boards that start their kernel in another way.
    SETTINGS = {
        "bootdelay": "-2", "scriptaddr": "0x40200000", "fdtcontroladdr": "0x40000000",
        "bootcmd": "load virtio 0:1 ${scriptaddr} boot.scr; source ${scriptaddr}; echo NOTHING; reset",
        "start_slot": "echo STARTED ${slot} from ${slot_part} with ${bootargs}; reset",
    }

    def __init__(self, script):
        need("qemu-system-aarch64", "mkimage", "mkenvimage", "mkfs.vfat", "mcopy", "sfdisk")
        if not os.path.exists(self.PROGRAM):
            raise Skip("there is no U-Boot for QEMU (package u-boot-qemu)")
        self.script = script

    def make(self):
        quiet("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", self.script, self.path("boot.scr"))
        disk = self.path("disk.img")
        with open(disk, "wb") as f:
            f.truncate(32 * MIB)
        subprocess.run(["sfdisk", "-q", disk], input=b"label: gpt\nstart=2048, size=32768, name=boot\n", check=True)
        quiet("mkfs.vfat", "--offset", "2048", disk, "16384")
        quiet("mcopy", "-i", "%s@@%d" % (disk, 2048 * SECTOR), self.path("boot.scr"), "::boot.scr")

    def boot(self, variables=None):
        """With an environment of its own, or with what the last boot has left."""
        if variables is not None:
            text = "".join("%s=%s\n" % pair for pair in {**self.SETTINGS, **variables}.items())
            quiet("mkenvimage", "-s", str(self.ENV_SIZE), "-o", self.path("env.bin"), self.write("env.txt", text))
            with open(self.path("env.bin"), "rb") as f:
                flash = f.read()
            self.write("flash.img", flash + b"\xff" * (self.FLASH_SIZE - len(flash)))
        started = self.run([
            "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "128", "-display", "none",
            "-serial", "stdio", "-monitor", "none", "-no-reboot", "-net", "none", "-bios", self.PROGRAM,
            "-drive", "if=pflash,format=raw,index=1,file=" + self.path("flash.img"),
            "-drive", "if=none,format=raw,id=disk,file=" + self.path("disk.img"),
            "-device", "virtio-blk-device,drive=disk"])
        self.restore_padding()
        return started

    def restore_padding(self):
        """The emulated flash gives up somewhere in the zeros behind the variables; the checksum, which U-Boot has
        written by then, tells whether that is all that is missing."""
        with open(self.path("flash.img"), "r+b") as f:
            data = f.read(self.ENV_SIZE)
            text, end, _ = data[4:].partition(b"\0\0")
            whole = (text + end).ljust(self.ENV_SIZE - 4, b"\0")
            assert struct.unpack("<I", data[:4])[0] == zlib.crc32(whole), self.said
            f.seek(4)
            f.write(whole)

    def variables(self):
        """Those that RAUC knows."""
        with open(self.path("flash.img"), "rb") as f:
            data = f.read(self.ENV_SIZE)[4:]
        pairs = (p.decode().split("=", 1) for p in data.split(b"\0\0")[0].split(b"\0"))
        return {name: value for name, value in pairs if name.startswith("BOOT_")}
