# SPDX-License-Identifier: Apache-2.0
"""vm - a device that QEMU emulates: UEFI firmware, a disk, a network with nothing but this machine on it

    with Machine(folder, "disk.img") as machine:
        machine.wait_boot()
        machine.run("ubctl status")             # as root on the device: its output, or Failed
        machine.run("systemctl reboot")
        machine.wait_boot()                     # another boot

What it says on its serial line, all boots of it, is in console.log.  Everything here waits for what happens and gives
up after PATIENCE seconds in which nothing did.
"""
import base64
import os
import shutil
import socket
import subprocess
import tempfile
import time

PATIENCE = float(os.environ.get("DEVICE_PATIENCE", "1800"))
CODE = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")
HOST = "10.0.2.2"   # this machine, as the device sees it: QEMU's user network


class Failed(Exception):
    pass


class Machine:
    def __init__(self, folder, disk):
        self.folder = folder
        self.disk = disk
        self.buffer = b""
        self.number = 0
        self.boots = []
        self.process = None

    def __enter__(self):
        # A path to a socket has at most 107 bytes.
        self.sockets = tempfile.mkdtemp(prefix="ub-device-")
        if not os.path.exists(self.path("vars.fd")):
            shutil.copy(CODE[1], self.path("vars.fd"))
        try:
            self.power_on()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.power_off()
        shutil.rmtree(self.sockets)

    def path(self, name):
        return os.path.join(self.folder, name)

    # ------------------------------------------------------------------------------------- power

    def power_on(self):
        shell = os.path.join(self.sockets, "shell")
        server = socket.socket(socket.AF_UNIX)
        server.bind(shell)
        server.listen(1)
        self.process = subprocess.Popen([
            "nice", "-n", "5", "qemu-system-x86_64", "-accel", os.environ.get("DEVICE_ACCEL", "tcg"), "-M", "q35",
            "-cpu", os.environ.get("DEVICE_CPU", "qemu64,-cx16"), "-smp", "1", "-m", "768", "-display", "none",
            "-monitor", "none", "-chardev", "file,id=console,append=on,path=" + self.path("console.log"),
            "-serial", "chardev:console",
            "-drive", "if=pflash,format=raw,readonly=on,file=" + CODE[0],
            "-drive", "if=pflash,format=raw,file=" + self.path("vars.fd"),
            "-drive", "if=virtio,format=raw,cache=unsafe,file=" + self.disk,
            "-device", "virtio-serial-pci", "-chardev", "socket,id=shell,path=" + shell,
            "-device", "virtserialport,chardev=shell,name=shell",
            "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
            "-nic", "user,model=virtio-net-pci,restrict=off"], stdin=subprocess.DEVNULL)
        server.settimeout(PATIENCE)
        self.shell, _ = server.accept()
        self.shell.settimeout(PATIENCE)
        server.close()
        os.unlink(shell)
        self.buffer = b""

    def power_off(self):
        """What a battery does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.shell.close()

    # ------------------------------------------------------------------------------------- shell

    def line(self):
        while b"\n" not in self.buffer:
            try:
                data = self.shell.recv(65536)
            except socket.timeout:
                raise Failed("the device has said nothing for %d s; its console ends:\n%s" %
                             (PATIENCE, self.console()[-3000:])) from None
            if not data:
                raise Failed("the machine is gone; its console ends:\n" + self.console()[-3000:])
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode(errors="replace")

    def wait_boot(self):
        """Until another boot has got as far as its shell, and then until it is done."""
        while True:
            words = self.line().split()
            if words[:1] == ["hello"] and words[1] not in self.boots:
                self.boots.append(words[1])
                break
        return self.run("systemctl is-system-running --wait", check=False).strip()

    def run(self, command, check=True):
        self.number += 1
        text = base64.b64encode(command.encode()).decode()
        self.shell.sendall(("%d %s\n" % (self.number, text)).encode())
        while True:
            words = self.line().split(" ")
            if words[0] == "hello":
                raise Failed("%s: the device has rebooted meanwhile" % command)
            if words[0] == str(self.number):
                break
        output = base64.b64decode(words[2]).decode(errors="replace")
        if check and words[1] != "0":
            raise Failed("%s: exit status %s: %s" % (command, words[1], output))
        return output

    def put(self, path, text):
        self.run("base64 -d <<<%s >%s" % (base64.b64encode(text.encode()).decode(), path))

    def console(self):
        with open(self.path("console.log"), errors="replace") as f:
            return f.read()

    def now(self):
        return time.monotonic()
