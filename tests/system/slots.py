# SPDX-License-Identifier: Apache-2.0
"""slots - block devices that cannot be left behind

    slot = Slot("/tmp/.../a.img", 32 << 20)
    slot.device        # /dev/loop3
    slot.fill(image)   # as the factory does
    slot.close()

The loop device detaches by itself when its last user has closed it, which the kernel sees to even when this
process is killed.
"""
import os
import shutil
import subprocess


class Slot:
    def __init__(self, path, size):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(size)
        self.device = subprocess.check_output(["losetup", "--find", "--show", path], text=True).strip()
        self.hold = os.open(self.device, os.O_RDONLY | os.O_CLOEXEC)
        # Of a device that is held open this means: when nobody holds it any more.
        subprocess.check_call(["losetup", "--detach", self.device])

    def fill(self, image):
        with open(image, "rb") as source, open(self.device, "r+b") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            os.fsync(target.fileno())

    def read(self, length):
        with open(self.device, "rb") as f:
            return f.read(length)

    def close(self):
        if self.hold is not None:
            os.close(self.hold)
            self.hold = None
