# SPDX-License-Identifier: Apache-2.0
"""bundles - RAUC bundles for tests, signed by a small authority of the test's own

    workshop = Workshop(folder)
    workshop.bundle("v2.0")                        # good
    workshop.bundle("v3.0", compatible="Other")    # for another device
    workshop.bundle("v4.0", signer="stranger")     # signed by somebody the device does not know
    workshop.bundle("v5.0", hook="exit 12")        # whose post-install hook fails

Each call returns the path of a bundle; the same call returns the same one.  They are made by the
script that we ship as an example, so that what users copy is what is tested.
"""
import os
import shlex
import subprocess

COMPATIBLE = "Rig Board"
MIB = 1 << 20


def source(*names):
    """A file of the source tree."""
    return os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", *names)


def quiet(*command, **more):
    """Runs a program, and says what it said when it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise RuntimeError("%s: exit status %d: %s" % (shlex.join(command), done.returncode,
                                                        done.stdout.decode(errors="replace")))
    return done.stdout.decode(errors="replace")


class Workshop:
    def __init__(self, folder):
        self.folder = folder
        self.script = source("plugins", "self-update", "examples", "make-bundle")
        self.made = {}
        os.makedirs(folder, exist_ok=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def keys(self, name):
        """A folder with an authority and a signer; the device trusts the one called "ours"."""
        folder = self.path("keys-" + name)
        if not os.path.exists(folder):
            quiet(self.script, "ca", folder, name)
        return folder

    @property
    def keyring(self):
        return os.path.join(self.keys("ours"), "ca.pem")

    def image(self, version, size=16 * MIB, random=2 * MIB, name="rootfs.ext4"):
        """An ext4 file system that says which version it is and otherwise cannot be compressed."""
        tree = self.path("tree")
        os.makedirs(os.path.join(tree, "etc"), exist_ok=True)
        with open(os.path.join(tree, "etc", "os-release"), "w") as f:
            f.write('ID=rig\nVERSION_ID="%s"\n' % version)
        with open(os.path.join(tree, "blob"), "wb") as f:
            for _ in range(random // MIB):
                f.write(os.urandom(MIB))
        image = self.path(name)
        if os.path.exists(image):
            os.unlink(image)
        with open(image, "wb") as f:
            f.truncate(size)
        quiet("mkfs.ext4", "-q", "-F", "-d", tree, image)
        return image

    def archive(self, version, random):
        """The same as an archive."""
        self.image(version, random=random)
        archive = self.path("rootfs.tar")
        quiet("tar", "-cf", archive, "-C", self.path("tree"), ".")
        return archive

    def bundle(self, version, compatible=COMPATIBLE, signer="ours", size=16 * MIB, random=2 * MIB, slot="rootfs",
               hook=None, hooks="post-install", format="plain", archive=False, esp=None):
        what = (version, compatible, signer, size, random, slot, hook, hooks, format, archive, esp)
        if what in self.made:
            return self.made[what]
        output = self.path("bundle-%d.raucb" % len(self.made))
        command = [self.script, "bundle", "--keys", self.keys(signer), "--compatible", compatible,
                   "--version", version, "--format", format, "--slot", slot] + (["--esp", esp] if esp else [])
        if hook:
            program = self.path("hook")
            with open(program, "w") as f:
                f.write("#!/bin/sh\n%s\n" % hook)
            command += ["--hook", program, "--hooks", hooks]
        quiet(*command, self.archive(version, random) if archive else self.image(version, size, random), output)
        self.made[what] = output
        return output

    def damaged(self, bundle, how):
        """A copy of a bundle that is `truncated`, or `corrupt` in the middle."""
        copy = "%s.%s" % (bundle, how)
        with open(bundle, "rb") as f:
            data = bytearray(f.read())
        if how == "truncated":
            del data[100000:]
        else:
            data[5000:5004] = b"XXXX"
        with open(copy, "wb") as f:
            f.write(data)
        return copy
