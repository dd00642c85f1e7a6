# SPDX-License-Identifier: Apache-2.0
"""bootloader - what a boot loader decides, from the environment that RAUC writes

Grub.pick() does what plugins/self-update/examples/grub/grub.cfg does; 50-grub.py runs that file in the real grub and
compares the two.
"""
import json
import os
import shutil
import struct
import subprocess
import zlib

RESCUE = "R"


class Grub:
    """One try for each slot; the order is RAUC's; the rescue system when no slot is left."""

    def __init__(self, path):
        self.path = path
        self.conf = "bootloader=grub\ngrubenv=%s\n" % path
        subprocess.check_call(["grub-editenv", path, "create"])
        self.set(ORDER="A B", A_OK=1, A_TRY=0, B_OK=1, B_TRY=0)

    def set(self, **values):
        subprocess.check_call(["grub-editenv", self.path, "set"] + ["%s=%s" % pair for pair in values.items()])

    def variables(self):
        text = ""
        while not text:
            # The file is truncated and written again by whoever changes it.
            text = subprocess.run(["grub-editenv", self.path, "list"], capture_output=True, text=True).stdout
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def state(self):
        """For comparing: e.g. "B A, A 1 0, B 1 1" is the order, then OK and TRY of each slot."""
        v = self.variables()
        return ", ".join([v.get("ORDER", "")] +
                         ["%s %s %s" % (s, v.get(s + "_OK", "?"), v.get(s + "_TRY", "?")) for s in ("A", "B")])

    def pick(self):
        v = self.variables()
        order = v.get("ORDER", "A B").split()
        picked = RESCUE
        for slot in order:
            usable = v.get(slot + "_OK", "0") == "1" and v.get(slot + "_TRY", "0") == "0"
            if usable:
                v[slot + "_TRY"] = "1"
                picked = slot
                break
        if picked == RESCUE:
            # The next boot gives the slots another chance that are not known to be bad.
            for slot in order:
                if v.get(slot + "_OK") == "1":
                    v[slot + "_TRY"] = "0"
        self.set(**{k: v[k] for k in ("ORDER", "A_OK", "A_TRY", "B_OK", "B_TRY") if k in v})
        return picked


class UBoot:
    """Three tries for each slot, in an environment of two copies that libubootenv writes for RAUC."""

    conf = "bootloader=uboot\n"

    def __init__(self, path):
        self.path = path
        self.config = path + ".config"
        # As U-Boot writes it: checksum, serial number of the copy, then the variables.
        nothing = b"\0" * (0x4000 - 5)
        with open(path, "wb") as f:
            for copy in (0, 1):
                f.write(struct.pack("<IB", zlib.crc32(nothing), copy) + nothing)
        with open(self.config, "w") as f:
            f.write("%s 0x0000 0x4000\n%s 0x4000 0x4000\n" % (path, path))
        self.put_tools_in_front()
        self.set(BOOT_ORDER="A B", BOOT_A_LEFT=3, BOOT_B_LEFT=3)

    def put_tools_in_front(self):
        """RAUC calls fw_setenv and fw_printenv, which look at /etc/fw_env.config; a test has a file of its own."""
        folder = self.path + ".bin"
        os.mkdir(folder)
        for tool in ("fw_setenv", "fw_printenv"):
            real = shutil.which(tool, path=os.environ["PATH"])
            with open(os.path.join(folder, tool), "w") as f:
                f.write('#!/bin/sh\nexec %s -c %s "$@"\n' % (real, self.config))
            os.chmod(os.path.join(folder, tool), 0o755)
        os.environ["PATH"] = folder + ":" + os.environ["PATH"]

    def set(self, **values):
        for name, value in values.items():
            subprocess.check_call(["fw_setenv", name, str(value)])

    def variables(self):
        text = subprocess.check_output(["fw_printenv"], text=True)
        return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("BOOT_"))

    @staticmethod
    def decide(variables):
        """What boots, and the variables afterwards."""
        v = dict(variables)
        if not any(v.get(k) for k in ("BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT")):
            v = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}
        for slot in v.get("BOOT_ORDER", "").split():
            key = "BOOT_%s_LEFT" % slot
            left = int(v.get(key) or "0", 16)
            if left > 0:
                v[key] = "%x" % (left - 1)
                return slot, v
        for slot in v.get("BOOT_ORDER", "").split():
            v["BOOT_%s_LEFT" % slot] = "3"
        return RESCUE, v

    def pick(self):
        picked, after = self.decide(self.variables())
        self.set(**after)
        return picked


class Firmware:
    """UEFI's boot manager: BootNext once, then BootOrder.  RAUC changes it by efibootmgr, which is ours here."""

    conf = "bootloader=efi\n"
    ENTRIES = {"0001": "A", "0002": "B", "0003": "rescue"}
    # As version 17 speaks, which has no devices in the list without being asked.
    TOOL = """#!/usr/bin/env python3
import json, sys
path, entries = %r, %r
with open(path) as f:
    state = json.load(f)
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert not set(words) - {"--bootorder", "--bootnext"}, sys.argv
if "--bootorder" in words:
    state["order"] = words["--bootorder"].split(",")
if "--bootnext" in words:
    state["next"] = words["--bootnext"]
with open(path, "w") as f:
    json.dump(state, f)
if state["next"]:
    print("BootNext: " + state["next"])
print("BootCurrent: %%s\\nTimeout: 0 seconds\\nBootOrder: %%s" %% (state["current"], ",".join(state["order"])))
for number, name in entries.items():
    print("Boot%%s* %%s" %% (number, name))
"""

    def __init__(self, path):
        self.path = path
        self.write({"order": ["0001", "0002", "0003"], "next": None, "current": "0001"})
        folder = path + ".bin"
        os.mkdir(folder)
        with open(os.path.join(folder, "efibootmgr"), "w") as f:
            f.write(self.TOOL % (path, self.ENTRIES))
        os.chmod(os.path.join(folder, "efibootmgr"), 0o755)
        os.environ["PATH"] = folder + ":" + os.environ["PATH"]

    def read(self):
        with open(self.path) as f:
            return json.load(f)

    def write(self, state):
        with open(self.path, "w") as f:
            json.dump(state, f)

    def state(self):
        """For comparing: the order, and what boots next."""
        state = self.read()
        return " ".join(self.ENTRIES[n] for n in state["order"]), state["next"] and self.ENTRIES[state["next"]]

    def pick(self):
        state = self.read()
        state["current"] = state["next"] or state["order"][0]
        state["next"] = None
        self.write(state)
        name = self.ENTRIES[state["current"]]
        return RESCUE if name == "rescue" else name
