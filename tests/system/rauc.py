# SPDX-License-Identifier: Apache-2.0
"""rauc - a RAUC service on the stage's system bus, and who asks it what

    service = Service(conf, log)
    service.start()
    service.call("Mark", "ss", "good", "booted")
    service.install(bundle)            # raises Refused with RAUC's LastError
    service.calls("InstallBundle")     # what anybody has asked for, in order, with arguments

RAUC finds out what is booted from /proc/cmdline, as on a device.
"""
import json
import os
import signal
import subprocess
import time

from bundles import source

NAME = "de.pengutronix.rauc"
INTERFACE = NAME + ".Installer"
SOCKET = "/run/dbus/system_bus_socket"
PATIENCE = 60


class Refused(Exception):
    """What the service says went wrong."""


def wait_until(condition, what, patience=PATIENCE):
    """For what can only be looked at."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "never: " + what
        time.sleep(0.02)


def busctl(*arguments):
    done = subprocess.run(["busctl", "--system", "--no-pager", "--json=short", "--timeout=60", *arguments],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return json.loads(done.stdout)["data"] if done.stdout.strip() else None


class Bus:
    """The system bus of a device.  `policy` is a file for who may call whom; without one everybody may."""

    CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    %s
  </policy>
  <policy user="root">
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
    <allow own="*"/>
  </policy>
  %s
</busconfig>
"""

    def __init__(self, folder, policy=None):
        self.config = os.path.join(folder, "bus.conf")
        free = '<allow send_destination="*"/>' if not policy else ""
        with open(self.config, "w") as f:
            f.write(self.CONFIG % (SOCKET, free, "<include>%s</include>" % policy if policy else ""))
        self.process = None

    def start(self):
        os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        with open(self.config + ".log", "a") as log:
            self.process = subprocess.Popen(["dbus-daemon", "--config-file", self.config, "--nofork", "--nopidfile",
                                             "--nosyslog", "--print-address=1"], stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout.readline(), open(self.config + ".log").read()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process.stdout.close()
            self.process = None


class Service:
    def __init__(self, conf, log):
        self.conf = conf
        self.log_path = log
        self.trace_path = log + ".calls"
        self.process = None
        self.tracer = None
        self.pings = 0

    def start(self):
        """As systemd does with the drop-in of our examples."""
        with open(self.log_path, "a") as log:
            subprocess.call([source("plugins", "self-update", "examples", "unmount-leftovers"), self.conf],
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.process = subprocess.Popen(["rauc", "--conf=" + self.conf, "service"], start_new_session=True,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.is_there, "RAUC has its name on the bus")

    def trace(self):
        """Writes down every call, from now on until the bus goes away."""
        with open(self.trace_path, "a") as trace:
            self.tracer = subprocess.Popen(["busctl", "--system", "--json=short", "monitor", NAME], stdout=trace,
                                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.ping, "the calls are written down")

    def ping(self):
        """Whether a call made just now has come to the file."""
        self.pings += 1
        path = "/ping%d" % self.pings
        subprocess.call(["busctl", "--system", "call", "--auto-start=no", NAME, path,
                         "org.freedesktop.DBus.Peer", "Ping"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            with open(self.trace_path) as f:
                if '"%s"' % path in f.read():
                    return True
            time.sleep(0.01)
        return False

    def calls(self, member):
        """The arguments of every call of this method so far."""
        if self.tracer and self.tracer.poll() is None:
            wait_until(self.ping, "the calls are written down")
        found = []
        with open(self.trace_path) as f:
            for line in f:
                message = json.loads(line)
                if message.get("type") == "method_call" and message.get("member") == member \
                        and message.get("interface") == INTERFACE:
                    found.append(message["payload"]["data"])
        return found

    def is_there(self):
        assert self.process.poll() is None, "RAUC ended: " + self.log()
        return busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", NAME)[0]

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def kill(self):
        """And what it has started, as systemd does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    # ------------------------------------------------------------------------- its D-Bus interface

    def call(self, method, signature="", *arguments):
        more = [signature, *arguments] if signature else []
        return busctl("call", "--auto-start=no", NAME, "/", INTERFACE, method, *more)

    def get(self, property_):
        return busctl("get-property", "--auto-start=no", NAME, "/", INTERFACE, property_)

    def mark(self, state, slot):
        return self.call("Mark", "ss", state, slot)

    def primary(self):
        return self.call("GetPrimary")[0]

    def slots(self):
        """{name: {key: value}}"""
        return {name: {k: v["data"] for k, v in values.items()} for name, values in self.call("GetSlotStatus")[0]}

    def is_busy(self):
        """RAUC refuses questions while it installs; its own word for it, Operation, lies."""
        try:
            self.call("GetPrimary")
        except Refused as refused:
            return "already processing" in str(refused).lower()
        return False

    def install(self, bundle):
        """As `rauc install` does; returns when it is over."""
        done = subprocess.run(["rauc", "--conf=" + self.conf, "install", bundle], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Refused(self.get("LastError") or done.stderr.strip())

    def begin(self, bundle):
        """Asks for an installation; returns while it runs."""
        self.call("InstallBundle", "sa{sv}", bundle, "0")
