#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ubctl as people and scripts see it: tables to the letter, progress bars on a terminal, exit status.

The daemon's side is tests/fake/control-server: the real control socket in front of a broker that does what
this script tells it to.  Every test is a sentence.
"""
import fcntl
import json
import os
import pathlib
import pty
import queue
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import unittest

sys.dont_write_bytecode = True  # the source folder may be read-only
BUILD = os.path.abspath(os.environ.get("top_builddir", "build"))
UBCTL = os.path.join(BUILD, "ubctl")
SERVER = os.path.join(BUILD, "tests", "fake", "control-server")
BROKERD = os.path.join(BUILD, "update-brokerd")
PATIENCE = 30

STATUS = {"version": "0.1.0", "domain": "vehicle", "upSec": 93784,
          "connection": {"state": "connected", "broker": "tcp://localhost:1883"},
          "activity": {"activityId": "A1", "phase": "DOWNLOAD", "feedback": {
              "status": "RUNNING",
              "actions": [{"component": {"id": "containers:hello", "version": "1.0"}, "status": "DOWNLOADING",
                           "progress": 40, "message": "1/2"},
                          {"component": {"id": "self-update:日本\u001b[31m", "version": "2"},
                           "status": "IDENTIFIED"}]}},
          "agents": {"total": 3, "running": 2}, "queued": "A2", "problems": ["conf.d/x.conf: no such plugin"]}


def feedback(status, message="", **actions):
    """A feedback whose actions are NAME=(status, progress)."""
    payload = {"status": status}
    if message:
        payload["message"] = message
    if actions:
        payload["actions"] = [{"component": {"id": f"d:{name}", "version": "1"}, "status": word,
                               "progress": progress} for name, (word, progress) in actions.items()]
    return payload


class Ubctl(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ub-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket = self.folder / "s"
        self.environment = dict(os.environ, TZ="UTC", TERM="xterm")
        self.environment.pop("NO_COLOR", None)
        self.server = None

    # ------------------------------------------------------------------------------------ helpers

    def start_server(self, **documents):
        self.server = subprocess.Popen([SERVER, self.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True, bufsize=1)
        # Orders that are there before its first client are obeyed before it is served.
        for word, value in documents.items():
            self.server.stdin.write(f"{word} {json.dumps(value)}\n")
        self.said = queue.Queue()
        said, server = self.said, self.server
        reader = threading.Thread(target=lambda: [said.put(line) for line in server.stdout])
        reader.start()

        def stop(expected=0):
            if not server.stdin.closed:
                server.stdin.close()
                self.assertEqual(server.wait(PATIENCE), expected)
                reader.join()
                server.stdout.close()
        self.stop_server = stop
        self.addCleanup(stop)
        self.hear("ready")

    def hear(self, begin):
        """Waits for a line of the server that begins so."""
        while True:
            line = self.said.get(timeout=PATIENCE).rstrip("\n")
            if line.startswith(begin):
                return line

    def document(self, word, value):
        self.server.stdin.write(f"{word} {json.dumps(value)}\n")
        self.hear(f"set {word}")

    def send(self, activity, payload):
        self.server.stdin.write(f"feedback {activity} {json.dumps(payload)}\n")

    def ubctl(self, *arguments, text=None):
        """(exit status, stdout, stderr)"""
        done = subprocess.run([UBCTL, "--socket", self.socket, *arguments], input=text, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def shows(self, command, expected):
        self.assertEqual(self.ubctl(*command.split()), (0, expected, ""))

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    # ------------------------------------------------------------------------------------- tables

    def test_status_is_a_page_with_a_table_of_what_goes_on(self):
        self.start_server()
        self.document("status", STATUS)
        self.shows("status", "\n".join([
            "broker      0.1.0, domain vehicle, up 1 d 2 h",
            "connection  connected tcp://localhost:1883",
            "agents      2 of 3 running",
            "activity    RUNNING A1: DOWNLOAD",
            "queued      A2",
            "problem     conf.d/x.conf: no such plugin",
            "",
            "COMPONENT              VERSION  STATUS       PROGRESS  MESSAGE",
            "containers:hello       1.0      DOWNLOADING  40 %      1/2",
            "self-update:日本?[31m  2        IDENTIFIED", ""]))

    def test_status_without_an_activity_is_short(self):
        self.start_server()
        self.document("status", {"version": "1", "domain": "d", "upSec": 59, "connection": {"state": "none"},
                                 "agents": {"total": 0, "running": 0}, "problems": []})
        self.shows("status", "broker      1, domain d, up 59 s\nconnection  none\nagents      0 of 0 running\n"
                             "activity    none\n")

    def test_agents_are_a_table(self):
        self.start_server()
        self.document("agents", {"agents": [
            {"id": "containers", "kind": "hosted", "plugin": "fake", "state": "running",
             "isolation": "process", "busy": True},
            {"id": "self-update", "kind": "remote", "plugin": "remote", "state": "failed",
             "message": "died 5 times", "busy": False, "deaths": 5}]})
        self.shows("agents", "\n".join([
            "ID           KIND    PLUGIN  ISOLATION  STATE    BUSY  DEATHS  MESSAGE",
            "containers   hosted  fake    process    running  yes",
            "self-update  remote  remote             failed         5       died 5 times", ""]))

    def test_inventory_is_a_table_of_nodes(self):
        self.start_server()
        self.document("inventory", {
            "softwareNodes": [{"id": "vehicle-update-manager", "version": "1", "name": "Update Manager",
                               "type": "APPLICATION"}, {"id": "x"}],
            "hardwareNodes": [{"id": "h1", "name": "ECU"}]})
        self.shows("inventory", "\n".join([
            "ID                      VERSION  TYPE         NAME",
            "h1                               HARDWARE     ECU",
            "vehicle-update-manager  1        APPLICATION  Update Manager",
            "x                                SOFTWARE", ""]))

    def test_history_is_a_table_of_ends(self):
        self.start_server()
        self.document("history", {"activities": [
            {"activityId": "A0", "status": "COMPLETED", "startedMs": 1700000000000, "endedMs": 1700000064000},
            {"activityId": "Z", "status": "INCOMPLETE", "message": "a\nb"}]})
        self.shows("history", "\n".join([
            "ENDED                TOOK   ACTIVITY  STATUS      MESSAGE",
            "2023-11-14 22:14:24  1 min  A0        COMPLETED",
            "                            Z         INCOMPLETE  a?b", ""]))

    def test_json_is_the_document_as_it_is(self):
        self.start_server()
        for word in ("status", "agents", "inventory", "history"):
            self.document(word, STATUS)
            status, out, err = self.ubctl(word, "--json")
            self.assertEqual((status, json.loads(out), err), (0, STATUS, ""))

    # ---------------------------------------------------------------------------------- activities

    def test_apply_prints_the_id(self):
        self.start_server()
        bare = self.file("bare.json", '{"domains":[{"id":"a"}]}')
        envelope = self.file("envelope.json", '{"activityId":"E1","payload":{"domains":[{"id":"a"}]}}')
        status, out, err = self.ubctl("apply", bare)
        self.assertEqual((status, len(out), err), (0, 33, ""))
        self.assertEqual(self.hear("apply").split()[1], out.strip())
        self.assertEqual(self.ubctl("apply", envelope), (0, "E1\n", ""))
        self.assertEqual(self.ubctl("apply", "--activity", "O1", envelope, "--json"),
                         (0, '{"activityId":"O1"}\n', ""))
        self.assertEqual(self.ubctl("apply", "-", text=envelope.read_text()), (0, "E1\n", ""))

    def test_apply_dry_run_lays_the_desired_state_beside_the_inventory(self):
        self.start_server()
        self.document("inventory", {"softwareNodes": [
            {"id": "self-update:os-image", "version": "v1.0"}, {"id": "containers:a", "version": "1"}]})
        self.document("agents", {"agents": [
            {"id": name, "domain": name, "kind": "hosted", "state": state}
            for name, state in (("self-update", "running"), ("containers", "running"), ("files", "disabled"))]})
        desired = {"domains": [
            {"id": "self-update", "components": [{"id": "os-image", "version": "v2.0"}]},
            {"id": "containers", "components": [{"id": "a", "version": "1"}, {"id": "b", "version": "2"}]}]}
        table = "\n".join(["COMPONENT             RUNNING  WANTED  WOULD",
                           "self-update:os-image  v1.0     v2.0    change",
                           "containers:a          1        1       nothing",
                           "containers:b                   2       install", ""])
        self.assertEqual(self.ubctl("apply", "--dry-run", "-", text=json.dumps(desired)), (0, table, ""))
        envelope = json.dumps({"activityId": "A1", "payload": desired})
        status, out, err = self.ubctl("apply", "-", "--dry-run", "--json", text=envelope)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(json.loads(out)[0], {"id": "self-update:os-image", "running": "v1.0", "wanted": "v2.0",
                                              "would": "change"})
        desired["domains"].append({"id": "files", "components": [{"id": "x", "version": "1"}]})
        status, out, err = self.ubctl("apply", "--dry-run", "-", text=json.dumps(desired))
        self.assertEqual((status, out.splitlines()[-1].split()), (4, ["files:x", "1", "no", "agent"]))
        self.assertEqual(self.ubctl("apply", "--dry-run", "-", text='{"domains":7}'),
                         (4, "", "ubctl: the desired state is refused: domains: expected an array, not a number\n"))
        self.assertEqual(self.ubctl("status", "--dry-run")[0], 2)

    def test_apply_says_what_is_wrong(self):
        self.start_server()
        self.assertEqual(self.ubctl("apply", "-", text='{"domains":7}'),
                         (4, "", "ubctl: the desired state is refused: domains: expected an array, not a number\n"))
        self.assertEqual(self.ubctl("apply", "--activity=full", "-", text="{}"),
                         (1, "", "ubctl: the journal cannot be written\n"))
        self.assertEqual(self.ubctl("apply", "/nonexistent"),
                         (1, "", "ubctl: /nonexistent: No such file or directory\n"))
        self.assertEqual(self.ubctl("apply", "-", text=" " * 2000000),
                         (1, "", "ubctl: -: a desired state has at most 1052672 bytes\n"))

    def start_watch(self, *arguments):
        process = subprocess.Popen([UBCTL, "--socket", self.socket, *arguments], env=self.environment,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process

    def test_apply_watch_says_in_a_pipe_what_changes(self):
        self.start_server()
        process = self.start_watch("apply", self.file("d", '{"activityId":"A1","payload":{}}'), "--watch")
        self.hear("apply A1")
        self.send("A0", feedback("COMPLETED"))  # not ours
        self.send("A1", feedback("IDENTIFYING"))
        self.send("A1", feedback("RUNNING", x=("DOWNLOADING", 10), y=("IDENTIFIED", 0)))
        self.send("A1", feedback("RUNNING", x=("DOWNLOADING", 50), y=("IDENTIFIED", 0)))
        self.send("A1", feedback("INCOMPLETE", "y: no space", x=("DOWNLOADING", 50), y=("DOWNLOAD_FAILURE", 0)))
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err, out), (3, "", "\n".join([
            "A1 IDENTIFYING",
            "A1 d:x 1: DOWNLOADING 10 %",
            "A1 d:y 1: IDENTIFIED",
            "A1 RUNNING",
            "A1 d:x 1: DOWNLOADING 50 %",
            "A1 d:y 1: DOWNLOAD_FAILURE",
            "A1 INCOMPLETE: y: no space", ""])))

    def test_exit_status_is_the_outcome(self):
        self.start_server()
        desired = self.file("d", '{"activityId":"A1","payload":{}}')
        for word, status in (("COMPLETED", 0), ("INCOMPLETE", 3), ("IDENTIFICATION_FAILED", 4),
                             ("SUPERSEDED", 5), ("INCOMPLETE_INCONSISTENT", 6)):
            process = self.start_watch("apply", "--watch", "--json", desired)
            self.hear("apply A1")
            self.send("A1", feedback(word))
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, json.loads(out), err),
                             (status, {"activityId": "A1", "feedback": {"status": word}}, ""))

    def test_watch_begins_with_where_it_is(self):
        self.start_server()
        self.document("status", STATUS)
        process = self.start_watch("watch", "A1")
        self.hear("get 1")
        self.send("A1", feedback("COMPLETED"))
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err, out), (0, "", "\n".join([
            "A1 containers:hello 1.0: DOWNLOADING 40 %: 1/2",
            "A1 self-update:日本?[31m 2: IDENTIFIED",
            "A1 RUNNING", "A1 COMPLETED", ""])))

    def test_watch_of_an_activity_that_has_ended_says_how(self):
        self.start_server()
        self.document("history", {"activities": [{"activityId": "A0", "status": "SUPERSEDED", "message": "by A1"},
                                                 {"activityId": "A1", "status": "COMPLETED"}]})
        self.assertEqual(self.ubctl("watch", "A0"), (5, "A0 SUPERSEDED: by A1\n", ""))
        status, out, _ = self.ubctl("watch", "--json", "A1")
        self.assertEqual((status, json.loads(out)), (0, {"activityId": "A1", "feedback": {"status": "COMPLETED"}}))

    def test_watch_of_an_unknown_activity_does_not_wait_for_ever(self):
        self.start_server()
        self.document("history", {"activities": []})
        self.assertEqual(self.ubctl("watch", "A9"), (1, "", "ubctl: there is no activity A9; without an id, "
                                                            "`ubctl watch` waits for any\n"))

    def test_watch_goes_on_when_the_daemon_comes_back(self):
        self.start_server()
        self.document("status", STATUS)
        process = self.start_watch("watch", "A1")
        self.hear("get 1")
        self.stop_server()
        self.assertIn("update-brokerd has ended; waiting", process.stderr.readline())
        self.start_server(history={"activities": [{"activityId": "A1", "status": "INCOMPLETE", "message": "y"}]})
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (3, ""))
        self.assertTrue(out.endswith("A1 INCOMPLETE: y\n"), out)

    def test_apply_watch_goes_on_when_the_daemon_is_back(self):
        self.start_server()
        process = self.start_watch("apply", "--watch", self.file("d", '{"activityId":"A1","payload":{}}'))
        self.hear("apply A1")
        self.send("A1", feedback("RUNNING", x=("DOWNLOADING", 10)))
        self.assertEqual([process.stdout.readline() for _ in range(2)], ["A1 d:x 1: DOWNLOADING 10 %\n", "A1 RUNNING\n"])
        self.server.kill()  # its socket stays
        self.assertEqual(process.stderr.readline(), "ubctl: update-brokerd has ended; waiting for it to come back\n")
        self.stop_server(-9)
        self.start_server(status={"activity": {"activityId": "A1", "phase": "UPDATE", "feedback":
                                               feedback("RUNNING", x=("UPDATING", 20))}})
        self.hear("get 1")
        self.send("A1", feedback("INCOMPLETE", x=("UPDATE_FAILURE", 20)))
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err, out), (3, "", "\n".join([
            "A1 d:x 1: UPDATING 20 %", "A1 d:x 1: UPDATE_FAILURE 20 %", "A1 INCOMPLETE", ""])))

    def test_apply_watch_learns_of_an_end_that_it_missed(self):
        for word, status in (("COMPLETED", 0), ("INCOMPLETE_INCONSISTENT", 6), (None, 1)):
            self.start_server()
            process = self.start_watch("apply", "--watch", "--json", self.file("d", '{"activityId":"A1","payload":{}}'))
            self.hear("apply A1")
            self.send("A1", feedback("RUNNING"))
            process.stdout.readline()
            self.server.kill()
            self.stop_server(-9)
            past = [{"activityId": "A0", "status": "COMPLETED"}]
            if word:
                past.append({"activityId": "A1", "status": word, "message": "so it is", "startedMs": 1, "endedMs": 2})
            self.start_server(history={"activities": past})
            out, err = process.communicate(timeout=PATIENCE)
            self.stop_server()
            self.assertEqual(process.returncode, status, err)
            if word:
                self.assertEqual(json.loads(out), {"activityId": "A1", "feedback": {"status": word,
                                                                                   "message": "so it is"}})
            else:
                self.assertIn("ubctl: there is no activity A1", err)

    def test_cancel_names_what_it_cancelled(self):
        self.start_server()
        self.assertEqual(self.ubctl("cancel"), (1, "", "ubctl: no activity runs\n"))
        self.ubctl("apply", "--activity=A1", "-", text="{}")
        self.assertEqual(self.ubctl("cancel"), (0, "A1\n", ""))
        self.assertEqual(self.ubctl("cancel", "X"), (1, "", "ubctl: there is no activity X\n"))

    # ------------------------------------------------------------------------------------ terminal

    def terminal(self, rows, columns, *arguments):
        """Starts ubctl on a terminal of its own; returns (pid, the terminal's other end)."""
        pid, master = pty.fork()
        if pid == 0:
            try:
                # The first size must be there before ubctl looks.
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(UBCTL, [UBCTL, "--socket", str(self.socket), *map(str, arguments)], self.environment)
            finally:
                os._exit(127)
        self.addCleanup(os.close, master)
        return pid, master

    def reads(self, master, expected):
        """Waits for exactly that."""
        got = b""
        expected = expected.replace("\n", "\r\n").encode()
        while got != expected:
            self.assertTrue(expected.startswith(got), f"{got!r}\ninstead of\n{expected!r}")
            self.assertTrue(select.select([master], [], [], PATIENCE)[0], f"{got!r}\ninstead of\n{expected!r}")
            got += os.read(master, len(expected) - len(got))

    def test_bars_are_redrawn_in_place_and_follow_the_size(self):
        self.start_server()
        self.environment["NO_COLOR"] = "1"
        pid, master = self.terminal(24, 60, "apply", "--watch", self.file("d", '{"activityId":"A1","payload":{}}'))
        self.hear("apply A1")
        self.send("A1", feedback("RUNNING", x=("DOWNLOADING", 50), long=("IDENTIFIED", 0)))
        self.reads(master, "\r\033[JA1 RUNNING\n"
                           "d:x    [##########..........]  50 %  DOWNLOADING\n"
                           "d:long [....................]   0 %  IDENTIFIED\n")
        self.send("A1", feedback("RUNNING", x=("DOWNLOAD_SUCCESS", 0), long=("DOWNLOADING", 5)))
        self.reads(master, "\033[3A\r\033[JA1 RUNNING\n"
                           "d:x    [####################] 100 %  DOWNLOAD_SUCCESS\n"
                           "d:long [#...................]   5 %  DOWNLOADING\n")
        # Narrower: the terminal has broken the two long rows in two, or three, each.
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        self.reads(master, "\033[7A\r\033[JA1 RUNNING\n"
                           "d:x    [###########\n"
                           "d:long [#..........\n")
        # Low: what has no room is counted.
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 4, 60, 0, 0))
        self.reads(master, "\033[3A\r\033[JA1 RUNNING\n"
                           "d:x [####################] 100 %  DOWNLOAD_SUCCESS\n"
                           "... and 1 more\n")
        self.send("A1", feedback("COMPLETED", x=("UPDATE_SUCCESS", 100)))
        self.reads(master, "\033[3A\r\033[JA1 COMPLETED\n"
                           "d:x [####################] 100 %  UPDATE_SUCCESS\n")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_colours_are_for_terminals_that_want_them(self):
        self.start_server()
        self.document("agents", {"agents": [{"id": "a", "kind": "hosted", "plugin": "p", "state": "failed"}]})
        bold = "  ".join(f"\033[1m{word}\033[0m" for word in
                         ("ID", "KIND  ", "PLUGIN", "ISOLATION", "STATE ", "BUSY", "DEATHS", "MESSAGE"))
        bold = bold.replace("  \033[0m", "\033[0m  ").replace(" \033[0m", "\033[0m ")
        for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                                    ({"TERM": "dumb"}, False)):
            self.environment.update({"TERM": "xterm"})
            self.environment.pop("NO_COLOR", None)
            self.environment.update(variables)
            pid, master = self.terminal(24, 80, "agents")
            if coloured:
                self.reads(master, bold + "\na   hosted  p                  \033[31mfailed\033[0m\n")
            else:
                self.reads(master, "ID  KIND    PLUGIN  ISOLATION  STATE   BUSY  DEATHS  MESSAGE\n"
                                   "a   hosted  p                  failed\n")
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    # --------------------------------------------------------------------------------- configuration

    def test_enable_writes_one_member_and_leaves_the_rest(self):
        self.start_server()
        conf = self.folder / "conf.d"
        self.file("conf.d/50-containers.conf", '{ "agent": "containers", "plugin": "fake" }\n')
        own = conf / "60-containers.conf"
        self.assertEqual(self.ubctl("enable", "containers", "--conf-dir", conf),
                         (0, "containers: enabled\n", ""))
        self.assertEqual(own.read_text(), '{ "agent": "containers", "enabled": true }\n')
        self.assertEqual(own.stat().st_mode & 0o777, 0o644)
        self.hear("reload")
        self.hear("start containers")
        self.assertEqual(self.ubctl("disable", "containers", "--conf-dir", conf)[0], 0)
        self.assertEqual(own.read_text(), '{ "agent": "containers", "enabled": false }\n')
        self.file("conf.d/60-containers.conf", '// mine\n{ "agent": "containers", /* no: */ "enabled" : false,\n'
                                               '  "settings": { "enabled": false } } // end\n')
        self.assertEqual(self.ubctl("enable", "containers", "--conf-dir", conf)[0], 0)
        self.assertEqual(own.read_text(), '// mine\n{ "agent": "containers", /* no: */ "enabled" : true,\n'
                                          '  "settings": { "enabled": false } } // end\n')
        self.file("conf.d/60-containers.conf", '/* { */ {"agent": "containers"}')
        self.assertEqual(self.ubctl("disable", "containers", "--conf-dir", conf)[0], 0)
        self.assertEqual(own.read_text(), '/* { */ { "enabled": false,"agent": "containers"}')

    def test_enable_works_without_the_daemon(self):
        conf = self.folder / "conf.d"
        self.file("conf.d/50-uplink.conf", '{ "connector": "uplink", "plugin": "x" }\n')
        self.assertEqual(self.ubctl("enable", "uplink", "--conf-dir", conf),
                         (0, "uplink: starts when update-brokerd starts; it does not run\n", ""))
        self.assertEqual((conf / "60-uplink.conf").read_text(), '{ "connector": "uplink", "enabled": true }\n')

    def test_enable_changes_nothing_that_it_does_not_understand(self):
        conf = self.folder / "conf.d"
        self.file("conf.d/50-a.conf", '{ "agent": "a", "plugin": "fake" }\n')
        for text, complaint in (('{ "agent": "a", ', "60-a.conf:1:"), ('{ "agent": "b" }', "something else than agent a"),
                                ("", "hides files of this name")):
            self.file("conf.d/60-a.conf", text)
            status, out, err = self.ubctl("enable", "a", "--conf-dir", conf)
            self.assertEqual((status, out), (1, ""))
            self.assertIn(complaint, err)
            self.assertEqual((conf / "60-a.conf").read_text(), text)
        status, _, err = self.ubctl("enable", "typo", "--conf-dir", conf)
        self.assertEqual((status, err), (1, "ubctl: no file in conf.d registers typo (ubctl check-config lists what "
                                            "there is)\n"))
        status, _, err = self.ubctl("enable", "../x", "--conf-dir", conf)
        self.assertEqual((status, err), (1, "ubctl: ../x: an id has 1 to 64 of [A-Za-z0-9._-]\n"))

    def test_enable_says_when_a_later_file_has_the_last_word(self):
        conf = self.folder / "conf.d"
        self.file("conf.d/50-a.conf", '{ "agent": "a", "plugin": "fake" }\n')
        later = self.file("conf.d/70-a.conf", '{ "agent": "a",\n  "enabled": false }\n')
        self.assertEqual(self.ubctl("enable", "a", "--conf-dir", conf),
                         (1, "", f"ubctl: {later}:2:3 says otherwise, and has the last word\n"))

    def test_check_config_is_the_daemons(self):
        conf = self.folder / "conf.d"
        self.file("config.json", "{}")
        self.file("conf.d/50-a.conf", '{ "agent": "a", "plugni": "fake" }\n')
        arguments = ["--config-file", self.folder / "config.json", "--conf-dir", conf]
        for extra in ([], ["--json"]):
            daemons = subprocess.run([BROKERD, "--check-config", *arguments, *extra], stdout=subprocess.PIPE,
                                     text=True, check=False)
            self.assertEqual(daemons.returncode, 1)
            self.assertEqual(self.ubctl("check-config", *arguments, *extra), (1, daemons.stdout, ""))

    # ---------------------------------------------------------------------------------------- usage

    def test_without_the_daemon_it_says_so(self):
        for command in ("status", "agents", "inventory", "history", "watch", "cancel", "reload"):
            self.assertEqual(self.ubctl(command), (1, "", f"ubctl: update-brokerd does not run: {self.socket}: "
                                                          "No such file or directory\n"))

    def test_wrong_usage_is_2(self):
        for arguments in ([], ["foo"], ["status", "x"], ["status", "--watch"], ["apply"], ["apply", "a", "b"],
                          ["enable"], ["--foo"], ["status", "--foo"], ["check-config", "--foo"]):
            status, out, err = self.ubctl(*arguments)
            self.assertEqual((arguments, status, out), (arguments, 2, ""))
            self.assertTrue(err)

    def test_every_command_explains_itself(self):
        status, out, _ = self.ubctl("--help")
        self.assertEqual(status, 0)
        commands = [line.split()[0] for line in out.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
        self.assertEqual(commands, ["status", "agents", "inventory", "history", "slots", "apply", "watch", "cancel",
                                    "check-config", "reload", "enable", "disable"])
        for command in commands:
            status, out, err = self.ubctl(command, "--help")
            self.assertEqual((status, err), (0, ""))
            self.assertTrue(out.startswith("Usage: "), out)
        self.assertEqual(self.ubctl("--version")[0], 0)

    def test_reload_is_silent(self):
        self.start_server()
        self.assertEqual(self.ubctl("reload"), (0, "", ""))
        self.hear("reload")


if __name__ == "__main__":
    unittest.main(verbosity=2)
