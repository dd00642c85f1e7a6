# SPDX-License-Identifier: Apache-2.0
"""rig - a daemon with its folders, its MQTT server and its service manager, for one test

    with Rig(agents={"containers": {...settings of the fake agent...}}) as rig:
        rig.start()                       # returns when the daemon says READY=1
        rig.backend.publish(...)
        rig.stop()                        # SIGTERM, and the exit status must be 0

Everything is on 127.0.0.1 and below one temporary folder.  Where nothing is awaited nothing is slept.
"""
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from mqtt_client import Client, Timeout

PATIENCE = 120  # ends what would never end; not a measure of how fast a busy machine is
SKIP = 77
# For a rig's environment.  A sanitizer that looks for leaks traces the process, and so does strace.
UNDER_STRACE = {"ASAN_OPTIONS": "detect_leaks=0"}
TOP = os.path.realpath(os.environ.get("top_builddir", "."))


def skip(why):
    print("skipped: " + why)
    sys.exit(SKIP)


def trusted_base():
    """A folder that plugins may be loaded from: nobody else can write to it or to one above it."""
    me = os.geteuid()
    for base in (TOP, os.environ.get("HOME", "/"), "/run/user/%d" % me, "/var/lib", "/run"):
        path = base = os.path.realpath(base)
        while os.path.isdir(path):
            status = os.stat(path)
            if status.st_uid not in (0, me) or status.st_mode & 0o022:
                break
            if path == "/":
                if os.access(base, os.W_OK):
                    return base
                break
            path = os.path.dirname(path)
    skip("no folder that plugins would be trusted in")


def find_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not path:
        skip("there is no " + name)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A mosquitto."""

    def __init__(self, folder, port=None, address="127.0.0.1"):
        self.program = find_program("mosquitto")
        self.address = address
        self.port = port or free_port()
        self.config = os.path.join(folder, "mosquitto.conf")
        self.process = None
        with open(self.config, "w") as f:
            f.write("listener %d %s\nallow_anonymous true\npersistence false\n" % (self.port, address))
        self.limit(268435455)  # all that MQTT allows: of itself mosquitto 2.1 takes 2,000,000 bytes at most

    def limit(self, size):
        """The largest packet that it takes, from the next start on."""
        with open(self.config, "a") as f:
            f.write("max_packet_size %d\n" % size)

    def start(self):
        log = open(self.config + ".log", "a")
        self.process = subprocess.Popen([self.program, "-c", self.config], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection((self.address, self.port), timeout=1).close()
                return
            except OSError:
                assert self.process.poll() is None, open(self.config + ".log").read()
                assert time.monotonic() < deadline, "mosquitto does not listen"
                time.sleep(0.01)  # it has no way to say that it is ready

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None


class Speaker:
    """A program that is told what to do in lines, and says what happens in lines."""

    def __init__(self, name, environment):
        self.process = subprocess.Popen([os.path.join(TOP, "tests", "fake", name)], env=environment, text=True,
                                        bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said = queue.Queue()
        self.reader = threading.Thread(target=lambda: [self.said.put(line.rstrip("\n"))
                                                       for line in self.process.stdout])
        self.reader.start()
        self.hear("ready")

    def hear(self, begin):
        """The next line must begin so."""
        line = self.said.get(timeout=PATIENCE)
        assert line.startswith(begin), "%s instead of %s" % (line, begin)
        return line

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.hear(line.split()[0])

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.reader.join()
        self.process.stdout.close()


# As strict as the real one: nobody owns or calls what no policy lets him, and logind has one.
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
        "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
        <listen>unix:path=%s/bus</listen>
        <policy context="default">
                <allow user="*"/>
                <deny own="*"/>
                <deny send_type="method_call"/>
                <allow send_type="signal"/>
                <allow send_requested_reply="true" send_type="method_return"/>
                <allow send_requested_reply="true" send_type="error"/>
                <allow receive_type="method_call"/>
                <allow receive_type="method_return"/>
                <allow receive_type="error"/>
                <allow receive_type="signal"/>
                <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
                <allow own="org.freedesktop.login1"/>
                <allow send_destination="org.freedesktop.login1"/>
        </policy>
        %s
</busconfig>
"""


class Bus:
    """A dbus-daemon for all users, in the place of the system's."""

    def __init__(self, folder):
        self.program = find_program("dbus-daemon")
        self.config = os.path.join(folder, "bus.conf")
        self.process = None
        source = os.path.join(os.environ.get("top_srcdir", "."), "systemd", "dbus", "org.updatebroker1.conf")
        with open(source) as f:
            policy = f.read().partition("<busconfig>")[2].partition("</busconfig>")[0]
        policy = policy.replace('user="root"', 'user="%d"' % os.geteuid())
        with open(self.config, "w") as f:
            f.write(BUS_CONFIG % (folder, policy))

    def start(self):
        self.process = subprocess.Popen([self.program, "--config-file=" + self.config, "--nofork", "--nopidfile",
                                         "--nosyslog", "--print-address=1"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout.readline()  # it listens

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process.stdout.close()
            self.process = None


class Notifications:
    """What one daemon tells its service manager, read at once: a daemon whose words nobody takes stands still."""

    def __init__(self, path):
        self.path = path
        self.words = []
        self.changed = threading.Condition()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        while True:
            text = self.socket.recv(4096).decode()
            if not text:
                return
            with self.changed:
                self.words += text.split("\n")
                self.changed.notify_all()

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.path)
        self.reader.join()
        self.socket.close()
        os.unlink(self.path)


class Rig:
    def __init__(self, agents=None, config=None, mqtt=True, plugins=("fake",), bus=False, base=None,
                 in_memory=False):
        self.folder = tempfile.mkdtemp(prefix="ub-rig-", dir=base or trusted_base())
        os.chmod(self.folder, 0o755)
        self.memory = None
        if in_memory and os.access("/dev/shm", os.W_OK):
            self.memory = tempfile.mkdtemp(prefix="ub-rig-", dir="/dev/shm")
            os.symlink(self.memory, self.path("state"))
        self.process = None
        self.backend = None
        self.server = None
        self.environment = dict(os.environ)
        for name in ("state", "runtime", "conf.d", "plugins"):
            if not os.path.isdir(self.path(name)):
                os.mkdir(self.path(name), 0o755)
        for name in plugins:
            shutil.copy(os.path.join(TOP, "plugins", name, ".libs", name + ".so"),
                        self.path("plugins", name + ".so"))
            os.chmod(self.path("plugins", name + ".so"), 0o755)
        for name, settings in (agents or {}).items():
            self.register(name, settings)
        self.config = {
            "domain": "vehicle", "agents": {}, "rebootEnabled": False, "phaseTimeout": "20s",
            "reportFeedbackInterval": "1h", "currentStateDelay": "50ms", "connection": None,
        }
        self.config.update(config or {})
        if mqtt:
            self.server = Server(self.folder)
            self.config["connection"] = {"broker": "tcp://127.0.0.1:%d" % self.server.port}
        self.log_path = self.path("daemon.log")
        # Never the machine's own bus, and nobody listens there unless it is asked for.  Everybody can reach it.
        self.public = tempfile.mkdtemp(prefix="ub-rig-")
        os.chmod(self.public, 0o755)
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=%s/bus" % self.public
        self.bus = Bus(self.public) if bus else None
        self.runtime = self.path("runtime")
        self.speakers = []
        self.notifications = None

    def __enter__(self):
        if self.server:
            self.server.start()
            self.connect()
        if self.bus:
            self.bus.start()
        return self

    def __exit__(self, kind, value, trace):
        if kind and kind is not SystemExit:
            sys.stdout.write(self.log())
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for speaker in self.speakers:
            speaker.stop()
        if self.bus:
            self.bus.stop()
        if self.server:
            self.server.stop()
        if self.notifications:
            self.notifications.close()
        shutil.rmtree(self.public, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.memory:
            shutil.rmtree(self.memory, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def register(self, name, settings, **more):
        registration = {"agent": name, "plugin": "fake", "enabled": True, "settings": settings}
        registration.update(more)
        path = self.path("conf.d", "50-%s.conf" % name)
        with open(path, "w") as f:
            json.dump(registration, f)
        os.chmod(path, 0o644)

    def speak(self, name):
        self.speakers.append(Speaker(name, self.environment))
        return self.speakers[-1]

    # ------------------------------------------------------------------------------- the daemon

    def start(self, connected=True, prefix=()):
        """Returns when the daemon is ready and, unless told otherwise, its topics are subscribed to."""
        path = self.path("config.json")
        with open(path, "w") as f:
            json.dump(self.config, f)
        os.chmod(path, 0o644)
        if self.notifications:
            self.notifications.close()
        self.notifications = Notifications(os.path.join(self.public, "notify"))
        os.chmod(self.notifications.path, 0o666)
        self.environment["NOTIFY_SOCKET"] = self.notifications.path
        log = open(self.log_path, "a")
        began = time.time()
        self.process = subprocess.Popen(
            [*prefix, os.path.join(TOP, "update-brokerd"), "--config-file", path,
             "--conf-dir", self.path("conf.d"), "--state-dir", self.path("state"),
             "--runtime-dir", self.runtime, "--plugin-dir", self.path("plugins"),
             "--agent-host", os.path.join(TOP, "ub-agent-host")],
            env=self.environment, stdout=log, stderr=log)
        log.close()
        self.wait_notified("READY=1")
        if connected and self.server:
            self.initial = self.wait_initial(began)

    def wait_initial(self, began):
        """This daemon's first inventory; one of a daemon before it may still be under way."""
        while True:
            activity, inventory = self.message("vehicleupdate/currentstate")
            found = re.fullmatch(r"initial-current-state-(\d+)", activity)
            if found and int(found[1]) >= int(began * 1000):
                return activity, inventory

    @property
    def notified(self):
        """What the service manager has been told, since the daemon was started or since forget_notified()."""
        with self.notifications.changed:
            return list(self.notifications.words)

    def forget_notified(self):
        with self.notifications.changed:
            self.notifications.words.clear()

    def wait_notified(self, word):
        """Waits until the service manager has been told this."""
        deadline = time.monotonic() + PATIENCE
        with self.notifications.changed:
            while word not in self.notifications.words:
                self.notifications.changed.wait(0.2)  # to notice when the daemon has died
                if word in self.notifications.words:
                    break
                assert self.process.poll() is None, "the daemon ended with %s" % self.process.poll()
                assert time.monotonic() < deadline, "never told: " + word

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        status = self.process.wait(PATIENCE)
        assert status == 0, "exit status %s" % status

    def hang_up(self):
        self.forget_notified()
        self.process.send_signal(signal.SIGHUP)

    def wait_log(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.log()):
            assert self.process.poll() is None, "the daemon ended with %s" % self.process.poll()
            assert time.monotonic() < deadline, "never logged: " + pattern
            time.sleep(0.01)  # a file can only be looked at

    # -------------------------------------------------------------------------------- messages

    def connect(self, *filters):
        self.backend = Client(self.server.port)
        self.backend.subscribe(*(filters or ("#",)))

    def send(self, topic, activity, payload, retain=False):
        envelope = {"activityId": activity, "timestamp": 1, "payload": payload}
        self.backend.publish(topic, json.dumps(envelope).encode(), retain)

    def desire(self, activity, *domains, baselines=None):
        """Domains are (id, {component: version})."""
        payload = {"domains": [{"id": name, "components": [
            {"id": k, "version": v} for k, v in components.items()]} for name, components in domains]}
        if baselines:
            payload["baselines"] = baselines
        self.send("vehicleupdate/desiredstate", activity, payload)

    def message(self, topic, timeout=PATIENCE):
        """The next message on a topic, as (activity, payload); those on others are passed over."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.backend.next(max(0, deadline - time.monotonic()))
            if message.topic == topic and not message.retained:
                envelope = json.loads(message.payload)
                if not topic.endswith("/currentstate"):  # of an agent that nobody has asked: as Leda's
                    assert "activityId" in envelope, envelope
                assert sorted(dict(envelope, activityId="")) == ["activityId", "payload", "timestamp"], envelope
                return envelope.get("activityId", ""), envelope["payload"]

    def feedback(self, activity, timeout=PATIENCE):
        while True:
            got, payload = self.message("vehicleupdate/desiredstatefeedback", timeout)
            if got == activity:
                return payload

    def end(self, activity):
        """The terminal feedback."""
        while True:
            payload = self.feedback(activity)
            if payload["status"] in TERMINAL:
                return payload

    def quiet(self, topic, timeout=0.3):
        """No message comes on a topic for a moment."""
        try:
            got = self.message(topic, timeout)
        except Timeout:
            return
        raise AssertionError("unexpected on %s: %s" % (topic, got))


TERMINAL = ("COMPLETED", "INCOMPLETE", "INCOMPLETE_INCONSISTENT", "IDENTIFICATION_FAILED", "SUPERSEDED")


def run(tests):
    """Runs functions, whose names are sentences; prints one line for each."""
    failed = 0
    wanted = sys.argv[1:]
    for test in tests:
        name = test.__name__.replace("_", " ")
        if wanted and test.__name__ not in wanted:
            continue
        try:
            test()
            print("ok - " + name, flush=True)
        except Exception:  # whatever it is, the others are to run
            import traceback
            traceback.print_exc(file=sys.stdout)
            print("not ok - " + name, flush=True)
            failed += 1
    sys.exit(1 if failed else 0)
