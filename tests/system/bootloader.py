# SPDX-License-Identifier: Apache-2.0
"""bootloader - what a boot loader decides, from the environment that RAUC writes

Grub.pick() does what plugins/self-update/examples/grub/grub.cfg does; 50-grub.py runs that file in the real grub and
compares the two.
"""
import subprocess

RESCUE = "R"


class Grub:
    """One try for each slot; the order is RAUC's; the rescue system when no slot is left."""

    conf = "bootloader=grub\ngrubenv=%s\n"

    def __init__(self, path):
        self.path = path
        subprocess.check_call(["grub-editenv", path, "create"])
        self.set(ORDER="A B", A_OK=1, A_TRY=0, B_OK=1, B_TRY=0)

    def set(self, **values):
        subprocess.check_call(["grub-editenv", self.path, "set"] + ["%s=%s" % pair for pair in values.items()])

    def variables(self):
        text = subprocess.check_output(["grub-editenv", self.path, "list"], text=True)
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
