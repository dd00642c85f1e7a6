#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""program-agent - an agent of five lines of C and a shell script, under the real daemon"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, TOP, Rig, run  # noqa: E402

SCRIPT = os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake", "radio-agent")


class RadioRig(Rig):
    def __init__(self, **settings):
        super().__init__(plugins=())
        self.home = pathlib.Path(self.folder, "radio")
        (self.home / "installed").mkdir(parents=True)
        self.install(tuner="1", amplifier="1")
        shutil.copy(SCRIPT, self.home / "agent")
        shutil.copy(os.path.join(TOP, "tests", "fake", ".libs", "radio.so"), self.path("plugins", "radio.so"))
        os.chmod(self.path("plugins", "radio.so"), 0o755)
        self.register("radio", dict(settings, program=str(self.home / "agent")), plugin="radio",
                      services=["spawn"])

    def install(self, **versions):
        for component, version in versions.items():
            (self.home / "installed" / component).write_text(version + "\n")

    def installed(self):
        return {path.name: path.read_text().strip() for path in (self.home / "installed").iterdir()}

    def play(self, step, script):
        (self.home / (step + ".sh")).write_text(script + "\n")

    def calls(self):
        return (self.home / "calls").read_text().splitlines()

    def update(self, activity, **versions):
        self.desire(activity, ("radio", versions))
        return self.end(activity)


def what_is_desired_is_installed_and_the_rest_removed():
    with RadioRig() as rig:
        rig.start()
        payload = {"domains": [{"id": "radio", "components": [
            {"id": "tuner", "version": "2", "config": [{"key": "source-url", "value": "http://x/y"}]},
            {"id": "antenna", "version": "7"}]}]}
        rig.send("vehicleupdate/desiredstate", "A1", payload)
        assert rig.end("A1")["status"] == "COMPLETED"
        assert rig.installed() == {"tuner": "2", "antenna": "7"}, rig.installed()
        assert [line for line in rig.calls() if not line.startswith("inventory")] == [
            "download tuner 2", "download antenna 7",
            "update tuner 2", "update antenna 7", "remove amplifier 1",
            "activate tuner 2", "activate antenna 7",
            "cleanup tuner 2", "cleanup antenna 7", "cleanup amplifier 1"], rig.calls()
        assert (rig.home / "source").read_text() == " for radio\n"  # the antenna has no configuration
        _, inventory = rig.message("vehicleupdate/currentstate")
        assert {"radio:tuner", "radio:antenna"} < {n["id"] for n in inventory["softwareNodes"]}, inventory
        rig.stop()


def the_configuration_is_in_the_environment():
    with RadioRig() as rig:
        rig.start()
        rig.send("vehicleupdate/desiredstate", "A1", {"domains": [{"id": "radio", "components": [
            {"id": "tuner", "version": "2", "config": [{"key": "source-url", "value": "http://x/y"}]},
            {"id": "amplifier", "version": "1"}]}]})
        assert rig.end("A1")["status"] == "COMPLETED"
        assert (rig.home / "source").read_text() == "http://x/y for radio\n"
        rig.stop()


def a_failed_step_says_the_last_line_of_stderr_and_rolls_back():
    with RadioRig() as rig:
        rig.start()
        rig.play("activate", 'if [ "$id" = tuner ]; then echo one >&2; echo "no signal" >&2; exit 3; fi')
        payload = {"domains": [{"id": "radio", "components": [{"id": "amplifier", "version": "2"},
                                                             {"id": "tuner", "version": "2"}]}],
                   "baselines": [{"title": "both", "components": ["radio:tuner", "radio:amplifier"]}]}
        rig.send("vehicleupdate/desiredstate", "A1", payload)
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE" and "tuner: no signal" in end["message"], end
        assert rig.installed() == {"tuner": "1", "amplifier": "1"}, rig.installed()
        assert [line for line in rig.calls() if line.startswith("rollback")] == [
            "rollback tuner 1", "rollback amplifier 1"], rig.calls()
        rig.stop()


def a_death_and_a_silent_exit_have_a_reason_too():
    with RadioRig() as rig:
        rig.start()
        rig.play("download", "kill -9 $$")
        assert "killed by signal 9" in rig.update("A1", tuner="2", amplifier="1")["message"]
        rig.play("download", "exit 4")
        assert "exit status 4" in rig.update("A2", tuner="2", amplifier="1")["message"]
        rig.stop()


def a_call_that_takes_too_long_is_ended():
    with RadioRig(timeout=1) as rig:
        rig.start()
        rig.play("update", "exec tail -f /dev/null")
        end = rig.update("A1", tuner="2", amplifier="1")
        assert end["status"] == "INCOMPLETE" and "not finished in 1 s" in end["message"], end
        rig.stop()


def an_inventory_that_fails_fails_the_identification():
    with RadioRig() as rig:
        rig.play("inventory", "echo bus error >&2; exit 1")
        rig.start()
        end = rig.update("A1", tuner="2")
        assert end["status"] in ("INCOMPLETE", "IDENTIFICATION_FAILED") and "bus error" in str(end), end
        rig.stop()


def after_a_kill_in_the_middle_the_rollback_knows_what_was_there():
    """The daemon dies after the tuner is active, the amplifier fails after the restart: both go back."""
    with RadioRig() as rig:
        os.mkfifo(rig.home / "reached")
        rig.play("activate", 'if [ "$id" = amplifier ]; then\n'
                             '        [ -e "$here/again" ] || echo >"$here/reached"\n'
                             '        [ -e "$here/again" ] || exec tail -f /dev/null\n'
                             '        exit 1\nfi')
        rig.start()
        payload = {"domains": [{"id": "radio", "components": [{"id": "tuner", "version": "2"},
                                                             {"id": "amplifier", "version": "2"}]}],
                   "baselines": [{"title": "both", "components": ["radio:tuner", "radio:amplifier"]}]}
        rig.send("vehicleupdate/desiredstate", "A1", payload)
        (rig.home / "reached").read_text()
        assert rig.installed() == {"tuner": "2", "amplifier": "1"}, rig.installed()
        rig.kill()
        (rig.home / "again").touch()
        rig.start(connected=False)
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE", end
        assert rig.installed() == {"tuner": "1", "amplifier": "1"}, (rig.installed(), rig.calls())
        rig.stop()


def after_a_kill_in_the_rollback_all_of_it_goes_back():
    """ROLLBACK reaches an instance that was never given the desired state."""
    with RadioRig() as rig:
        os.mkfifo(rig.home / "reached")
        rig.play("activate", 'if [ "$id" = amplifier ]; then exit 1; fi')
        rig.play("rollback", '[ -e "$here/again" ] || { echo >"$here/reached"; exec tail -f /dev/null; }')
        rig.start()
        rig.send("vehicleupdate/desiredstate", "A1", dict(BOTH, domains=[{"id": "radio", "components": [
            {"id": "tuner", "version": "2"}, {"id": "amplifier", "version": "2"}]}]))
        (rig.home / "reached").read_text()
        rig.kill()
        (rig.home / "again").touch()
        rig.start(connected=False)
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE" and "amplifier: exit status 1" in end["message"], end
        assert rig.installed() == {"tuner": "1", "amplifier": "1"}, (rig.installed(), rig.calls())
        rig.stop()


def a_boot_comes_between_activate_and_verify():
    with RadioRig() as rig:
        rig.config.update(rebootEnabled=True, rebootAfter="10ms", rebootCommand=["/bin/true"])
        rig.play("activate", "echo reboot")
        rig.start()
        rig.desire("A1", ("radio", {"tuner": "2", "amplifier": "1"}))
        rig.wait_log("the device boots")
        assert "verify tuner 2" not in rig.calls(), rig.calls()
        rig.kill()
        rig.environment["UPDATE_BROKER_BOOT_ID"] = "11111111-2222-3333-4444-555555555555"
        rig.start(connected=False)
        end = rig.end("A1")
        assert end["status"] == "COMPLETED", end
        assert [line for line in rig.calls() if not line.startswith("inventory")] == [
            "download tuner 2", "update tuner 2", "activate tuner 2", "verify tuner 2", "cleanup tuner 2"], rig.calls()
        rig.stop()


def a_rollback_that_fails_for_one_goes_on_with_the_rest():
    with RadioRig() as rig:
        rig.start()
        rig.play("activate", 'if [ "$id" = tuner ]; then echo "no signal" >&2; exit 3; fi')
        rig.play("rollback", 'if [ "$id" = tuner ]; then echo "stuck" >&2; exit 1; fi')
        rig.send("vehicleupdate/desiredstate", "A1", dict(BOTH, domains=[{"id": "radio", "components": [
            {"id": "amplifier", "version": "2"}, {"id": "tuner", "version": "2"}]}]))
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE_INCONSISTENT" and "no signal" in end["message"], end
        assert rig.installed()["amplifier"] == "1", (rig.installed(), rig.calls())
        rig.stop()


def what_is_kept_over_a_death_is_what_was_desired():
    """A version may hold any characters, and a key may not become another variable than its own."""
    version = "2\tof\ttabs and \"quotes\""
    with RadioRig() as rig:
        os.mkfifo(rig.home / "reached")
        rig.play("activate", '[ -e "$here/again" ] || { echo >"$here/reached"; exec tail -f /dev/null; }')
        rig.start()
        rig.send("vehicleupdate/desiredstate", "A1", {"domains": [{"id": "radio", "components": [
            {"id": "tuner", "version": version, "config": [{"key": "source-url=evil", "value": "x"},
                                                           {"key": "source-url", "value": "good"},
                                                           {"key": "source_url", "value": "second"}]},
            {"id": "amplifier", "version": "1"}]}]})
        (rig.home / "reached").read_text()
        assert (rig.home / "source").read_text() == "good for radio\n"
        rig.kill()
        (rig.home / "again").touch()
        rig.start(connected=False)
        assert rig.end("A1")["status"] == "COMPLETED"
        assert rig.installed() == {"tuner": version, "amplifier": "1"}, rig.installed()
        rig.stop()


def an_inventory_that_is_not_understood_changes_nothing():
    with RadioRig() as rig:
        rig.play("inventory", "echo tuner 1; echo tuner 2")
        rig.start()
        end = rig.update("A1", tuner="3")
        assert "tuner: is in the inventory twice" in str(end), end
        rig.play("inventory", "printf 'tuner\\t 1 \\r\\n'; exit 0")
        assert rig.update("A2", tuner="1")["status"] == "COMPLETED"
        assert [line for line in rig.calls() if not line.startswith("inventory")] == [], rig.calls()
        rig.stop()


def an_id_that_comes_again_is_compared_anew():
    """By hand, where nobody remembers the ids that have been."""
    topic = "radioupdate/desiredstate"
    payload = {"domains": [{"id": "radio", "components": [{"id": "tuner", "version": "2"},
                                                         {"id": "amplifier", "version": "1"}]}]}
    with RadioRig() as rig:
        rig.start()
        for command, word in ((None, "IDENTIFIED"), ("DOWNLOAD", "DOWNLOAD_SUCCESS"), ("UPDATE", "UPDATE_SUCCESS"),
                              ("ACTIVATE", "ACTIVATION_SUCCESS"), ("CLEANUP", "CLEANUP_SUCCESS")):
            if command:
                rig.send(topic + "/command", "H1", {"command": command})
            else:
                rig.send(topic, "H1", payload)
            while rig.message(topic + "feedback")[1]["status"] != word:
                pass
        rig.send(topic, "H1", payload)
        assert rig.message(topic + "feedback")[1]["status"] == "COMPLETED"
        rig.stop()


def who_asks_for_the_inventory_after_the_end_waits_for_it():
    """COMPLETED is told before the agent is asked what runs; ubctl does not show what ran before."""
    with RadioRig() as rig:
        os.mkfifo(rig.home / "asked")
        os.mkfifo(rig.home / "gate")
        rig.start()
        rig.play("cleanup", 'echo \'echo >"$here/asked"; read -r _ <"$here/gate" || :\' >"$here/inventory.sh"')
        assert rig.update("A1", tuner="2", amplifier="1")["status"] == "COMPLETED"
        (rig.home / "asked").read_text()
        with subprocess.Popen([os.path.join(TOP, "ubctl"), "--socket", rig.path("runtime", "control"), "inventory",
                               "--json"], stdout=subprocess.PIPE, text=True) as ubctl:
            try:
                ubctl.wait(0.5)  # for an answer that would come too early
            except subprocess.TimeoutExpired:
                pass
            (rig.home / "inventory.sh").unlink()
            (rig.home / "gate").write_text("\n")
            told, _ = ubctl.communicate(timeout=PATIENCE)
        versions = {node["id"]: node.get("version") for node in json.loads(told)["softwareNodes"]}
        assert versions["radio:tuner"] == "2", versions
        rig.stop()


BOTH = {"baselines": [{"title": "both", "components": ["radio:tuner", "radio:amplifier"]}]}


def without_the_grant_to_run_programs_it_says_so():
    with RadioRig() as rig:
        rig.register("radio", {"program": str(rig.home / "agent")}, plugin="radio")
        rig.start()
        end = rig.update("A1", tuner="2")
        assert 'does not grant "services": ["spawn"]' in str(end), end
        rig.stop()


run([what_is_desired_is_installed_and_the_rest_removed, the_configuration_is_in_the_environment,
     a_failed_step_says_the_last_line_of_stderr_and_rolls_back, a_death_and_a_silent_exit_have_a_reason_too,
     a_call_that_takes_too_long_is_ended, an_inventory_that_fails_fails_the_identification,
     after_a_kill_in_the_middle_the_rollback_knows_what_was_there, after_a_kill_in_the_rollback_all_of_it_goes_back,
     a_boot_comes_between_activate_and_verify, a_rollback_that_fails_for_one_goes_on_with_the_rest,
     what_is_kept_over_a_death_is_what_was_desired, an_inventory_that_is_not_understood_changes_nothing,
     an_id_that_comes_again_is_compared_anew, who_asks_for_the_inventory_after_the_end_waits_for_it,
     without_the_grant_to_run_programs_it_says_so])
