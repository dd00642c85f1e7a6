# SPDX-License-Identifier: Apache-2.0
"""factory - makes devices: disks with Debian, RAUC and our own packages, laid out as the examples say

    factory = Factory(cache)
    factory.disk("disk.img", "v1.0")                # boots with UEFI and grub
    factory.bundle("v2.0")                          # an update of it, in verity format
    factory.bundle("v3.0", spoil=only_a_kernel)      # one whose system does not start

What is slow is made once and kept in the folder `cache`: a root to build packages in, the packages (until the source
tree changes), and a root of the device.  Everything of a device that is ours comes from the packages; everything
that an integrator copies comes from plugins/self-update/examples; ./overlay holds what an integrator writes.
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "system"))
from bundles import MIB, quiet, source  # noqa: E402

SUITE = "trixie"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
COMPATIBLE = "Example Board"
OURS = ("update-broker", "update-broker-plugin-self-update", "update-broker-plugin-files")
BUILD = ("debhelper libarchive-dev libcjson-dev libcurl4-openssl-dev libelf-dev libmosquitto-dev libseccomp-dev "
         "libssl-dev libsystemd-dev pkgconf scdoc systemd systemd-dev").split()
DEVICE = ("linux-image-cloud-amd64 systemd systemd-sysv udev dbus rauc rauc-service mosquitto "
          "mosquitto-clients grub-common efibootmgr libcjson1 libcurl4t64 libarchive13t64 libseccomp2 kmod zstd "
          "initramfs-tools ca-certificates squashfs-tools e2fsprogs dosfstools libnss-myhostname").split()
# Nobody reads manuals on this device, and what is not installed need not be written to a slot.
LEAN = ["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/lib/grub/*",
        "--dpkgopt=path-include=/usr/share/doc/update-broker*"]
# Sizes in MiB, in the order of rauc.wks.
PARTITIONS = (("boot", 50), ("grubenv", 10), ("rescue", 320), ("root_a", 320), ("root_b", 320), ("data", 512))
EXAMPLES = source("plugins", "self-update", "examples")
OVERLAY = os.path.join(os.path.dirname(os.path.realpath(__file__)), "overlay")


def debootstrap(target, include, *more):
    """A root of Debian, made once for what is asked for; whole, or not there."""
    target += "-" + hashlib.sha256(repr((SUITE, include, more)).encode()).hexdigest()[:8]
    if os.path.exists(target):
        return target
    part = target + ".part"
    shutil.rmtree(part, ignore_errors=True)
    print("# making %s" % target, flush=True)
    quiet("mmdebstrap", "--quiet", "--include=" + ",".join(include), *more, SUITE, part, MIRROR)
    os.rename(part, target)
    return target


def read(path):
    with open(path) as f:
        return f.read()


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def only_a_kernel(root):
    """The kernel finds its file system and nobody to start there."""
    for name in os.listdir(root):
        if name not in ("boot", "dev", "proc", "sys", "run"):
            shutil.rmtree(os.path.join(root, name)) if os.path.isdir(os.path.join(root, name)) and \
                not os.path.islink(os.path.join(root, name)) else os.unlink(os.path.join(root, name))


class Factory:
    def __init__(self, cache, work, build):
        self.cache = cache
        self.work = work
        self.build = build
        self.keys = os.path.join(cache, "keys")
        os.makedirs(cache, exist_ok=True)
        if not os.path.exists(self.keys):
            quiet(os.path.join(EXAMPLES, "make-bundle"), "ca", self.keys, "Example")

    # -------------------------------------------------------------------------------- what is kept

    def packages(self):
        """Our packages, built where the device's libraries are from."""
        if os.environ.get("DEBS"):
            return os.environ["DEBS"]
        tree = os.path.join(self.work, "source")
        quiet("make", "-s", "-C", self.build, "distdir", "distdir=" + tree)
        folder = os.path.join(self.cache, "debs-" + digest(tree))
        if not os.path.exists(folder):
            root = debootstrap(os.path.join(self.cache, "build-root"), BUILD, "--variant=buildd")
            print("# building packages", flush=True)
            shutil.rmtree(root + "/build", ignore_errors=True)
            shutil.copytree(tree, root + "/build/update-broker", symlinks=True)
            quiet("chroot", root, "sh", "-c", "cd /build/update-broker && LC_ALL=C DEB_BUILD_PROFILES=nocheck "
                  "DEB_BUILD_OPTIONS='nocheck noddebs parallel=%d' dpkg-buildpackage -us -uc -b" % os.cpu_count())
            os.makedirs(folder + ".part", exist_ok=True)
            for name in os.listdir(root + "/build"):
                if name.endswith(".deb"):
                    shutil.copy(os.path.join(root, "build", name), folder + ".part")
            os.rename(folder + ".part", folder)
        shutil.rmtree(tree)
        return folder

    def base(self):
        """The device's root, without anything of ours."""
        return debootstrap(
            os.path.join(self.cache, "device-root"), DEVICE, "--variant=apt", *LEAN,
            "--essential-hook=mkdir -p \"$1/etc/initramfs-tools/conf.d\" && "
            "printf 'MODULES=list\\nCOMPRESS=zstd\\n' >\"$1/etc/initramfs-tools/conf.d/device\" && "
            "printf 'virtio_pci\\nvirtio_blk\\next4\\n' >\"$1/etc/initramfs-tools/modules\"")

    # ------------------------------------------------------------------------------- one device's

    def root(self, version, kind="grub"):
        """A root tree as an integrator makes it."""
        whole = os.path.join(self.work, "root-%s-%s" % (kind, version))
        if os.path.exists(whole):
            return whole
        base, debs = self.base(), self.packages()
        root = whole + ".part"
        shutil.rmtree(root, ignore_errors=True)
        quiet("cp", "-a", "--reflink=auto", base, root)
        os.makedirs(root + "/debs")
        for name in os.listdir(debs):
            if name.split("_")[0] in OURS:
                shutil.copy(os.path.join(debs, name), root + "/debs")
        quiet("chroot", root, "sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg -i /debs/*.deb && rm -r /debs")
        self.configure(root, version, kind)
        os.rename(root, whole)
        return whole

    def configure(self, root, version, kind):
        quiet("cp", "-a", "--no-preserve=ownership", OVERLAY + "/.", root)
        os.makedirs(root + "/etc/rauc", exist_ok=True)
        shutil.copy(os.path.join(EXAMPLES, kind, "system.conf"), root + "/etc/rauc/system.conf")
        shutil.copy(os.path.join(self.keys, "ca.pem"), root + "/etc/rauc/ca.pem")
        access = read(os.path.join(EXAMPLES, "rauc-access.conf"))
        write(root + "/etc/dbus-1/system.d/zz-rauc-access.conf", re.sub(r"\n  (<!--|-->)(?=\n)", "", access))
        os.makedirs(root + "/etc/tmpfiles.d", exist_ok=True)
        shutil.copy(os.path.join(EXAMPLES, "agent-folder.conf"),
                    root + "/etc/tmpfiles.d/update-broker-self-update.conf")
        os.makedirs(root + "/etc/systemd/system/update-broker.service.d")
        shutil.copy(source("systemd", "read-back.conf"),
                    root + "/etc/systemd/system/update-broker.service.d/agents.conf")
        release = os.path.realpath(root + "/usr/lib/os-release")
        write(release, read(release) + "EDITION_ID=\"%s\"\n" % version)
        write(root + "/etc/machine-id", "")
        for name in ("boot/bzImage", "boot/initrd"):
            prefix = {"boot/bzImage": "vmlinuz-", "boot/initrd": "initrd.img-"}[name]
            found = [n for n in os.listdir(root + "/boot") if n.startswith(prefix)]
            os.symlink(found[0], os.path.join(root, name))
        for name in ("data", "grubenv"):
            os.makedirs(os.path.join(root, name), exist_ok=True)
        quiet("systemctl", "--root", root, "enable", "device-shell.service", "systemd-networkd.service")
        quiet("systemctl", "--root", root, "mask", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer",
              "fstrim.timer", "dpkg-db-backup.timer", "systemd-resolved.service", "serial-getty@ttyS0.service",
              "getty@tty1.service", "systemd-udev-settle.service", "systemd-networkd-wait-online.service")

    def image(self, version, spoil=None, kind="grub"):
        """The ext4 image of a slot."""
        root = self.root(version, kind)
        if spoil:
            spoil(root)
        image = os.path.join(self.work, "rootfs-%s-%s.ext4" % (kind, version))
        used = int(subprocess.check_output(["du", "-sm", root]).split()[0])
        with open(image, "wb") as f:
            f.truncate(min(used + used // 8 + 16, dict(PARTITIONS)["root_a"]) * MIB)
        quiet("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", root, image)
        return image

    def bundle(self, version, spoil=None, kind="grub", hook=None):
        image = self.image(version, spoil, kind)
        output = os.path.join(self.work, "bundle-%s-%s.raucb" % (kind, version))
        quiet(os.path.join(EXAMPLES, "make-bundle"), "bundle", "--keys", self.keys, "--compatible", COMPATIBLE,
              "--version", version, image, output)
        os.unlink(image)
        return output

    # ---------------------------------------------------------------------------------- the disk

    def esp(self):
        """The boot partition, with grub and the grub.cfg that is the example."""
        image = os.path.join(self.work, "esp.vfat")
        loader = os.path.join(self.work, "bootx64.efi")
        quiet("grub-mkimage", "-O", "x86_64-efi", "-p", "/EFI/BOOT", "-o", loader, *GRUB_MODULES)
        script = os.path.join(self.work, "grub.cfg")
        # The one change: where the kernel talks to.
        text = read(os.path.join(EXAMPLES, "grub", "grub.cfg"))
        write(script, text.replace('set cmdline="', 'set cmdline="console=ttyS0 '))
        fat(image, "BOOT", dict(PARTITIONS)["boot"])
        quiet("mmd", "-i", image, "::EFI", "::EFI/BOOT")
        quiet("mcopy", "-i", image, loader, "::EFI/BOOT/BOOTX64.EFI")
        quiet("mcopy", "-i", image, script, "::EFI/BOOT/grub.cfg")
        return image

    def grubenv(self):
        """As system.conf tells the factory to make it."""
        image, env = os.path.join(self.work, "grubenv.vfat"), os.path.join(self.work, "grubenv")
        quiet("grub-editenv", env, "create")
        quiet("grub-editenv", env, "set", "ORDER=A B", "A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0")
        fat(image, "GRUBENV", dict(PARTITIONS)["grubenv"])
        quiet("mcopy", "-i", image, env, "::grubenv")
        return image

    def data(self, root):
        """The partition that survives updates; /var is there."""
        tree, image = os.path.join(self.work, "data"), os.path.join(self.work, "data.ext4")
        shutil.rmtree(tree, ignore_errors=True)
        os.makedirs(tree + "/rauc")
        quiet("cp", "-a", root + "/var", tree)
        for name in ("cache", "lib/apt", "lib/dpkg"):
            shutil.rmtree(os.path.join(tree, "var", name), ignore_errors=True)
        with open(image, "wb") as f:
            f.truncate(dict(PARTITIONS)["data"] * MIB)
        quiet("mkfs.ext4", "-q", "-F", "-d", tree, image)
        return image

    def disk(self, path, version):
        """A disk as it leaves the factory, `version` in all three systems."""
        image = self.image(version)
        parts = {"boot": self.esp(), "grubenv": self.grubenv(), "rescue": image, "root_a": image, "root_b": image,
                 "data": self.data(self.root(version))}
        table, start = "label: gpt\n", 1
        with open(path, "wb") as f:
            f.truncate((sum(size for _, size in PARTITIONS) + 2) * MIB)
        for name, size in PARTITIONS:
            table += "start=%dMiB, size=%dMiB, name=%s%s\n" % (start, size, name, ", type=U" if name == "boot" else "")
            quiet("dd", "if=" + parts[name], "of=" + path, "bs=1M", "seek=%d" % start, "conv=sparse,notrunc")
            start += size
        subprocess.run(["sfdisk", "-q", "--no-reread", path], input=table.encode(), check=True)
        os.unlink(image)


GRUB_MODULES = ("part_gpt fat ext2 normal configfile loadenv search search_label echo test regexp linux reboot sleep "
                "true boot").split()


def fat(image, label, size):
    with open(image, "wb") as f:
        f.truncate(size * MIB)
    quiet("mkfs.vfat", "-n", label, image)


def digest(tree):
    """Of all that is in it and gets into a package."""
    whole = hashlib.sha256()
    for folder, names, files in os.walk(tree):
        names[:] = sorted(set(names) - {"tests"})
        for name in sorted(files):
            path = os.path.join(folder, name)
            whole.update(os.path.relpath(path, tree).encode())
            with open(path, "rb") as f:
                whole.update(f.read())
    return whole.hexdigest()[:16]
