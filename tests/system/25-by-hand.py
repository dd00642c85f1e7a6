#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""by hand - what people type on the agent's own topics beside the tutorial: all at once, twice, too early, too late

Leda's agent does one message after the other, to its end, so there a person may paste all commands of the tutorial
without waiting.  What it does not stand, a second request or a question in between, is not to do harm here.
"""
import os
import signal
import subprocess

import leda
import stage
from manager import FEEDBACK
from play import Gate, scene
from rauc import wait_until
from stage import scenario

SUCCESSES = ["IDENTIFIED", "DOWNLOAD_SUCCESS", "UPDATE_SUCCESS", "ACTIVATION_SUCCESS", "CLEANUP_SUCCESS", "COMPLETE"]


def heard_until(s, last):
    """What is said, but for progress, as (activity, status)."""
    said = []
    while not said or said[-1][1] != last:
        activity, payload = s.manager.next(FEEDBACK)
        if not payload["status"].endswith("ING"):
            said.append((activity, payload["status"]))
    return said


@scenario
def all_commands_at_once_are_done_one_after_the_other():
    gate = Gate(1000)
    with scene() as s:
        s.offer("/v2", serve_as=gate)
        s.manager.desire("v2.0", s.web.url("/v2"), "random-uuid-as-string")
        for word in ("DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"):
            s.manager.command(word, "1234567890")
        assert gate.reached.wait(60)
        gate.opened.set()
        said = heard_until(s, "COMPLETE")
        assert [status for _, status in said] == SUCCESSES, said
        assert [activity for activity, _ in said] == ["random-uuid-as-string"] + 5 * ["1234567890"], said
        assert s.rauc.primary() == "rootfs.1"


@scenario
def a_failure_ends_what_was_typed_behind_it():
    with scene() as s:
        s.manager.desire("v2.0", s.web.url("/nowhere"))
        for word in ("DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"):
            s.say(word)
        said = heard_until(s, "INCOMPLETE")
        assert [status for _, status in said] == ["IDENTIFIED", "DOWNLOAD_FAILURE", "CLEANUP_SUCCESS", "INCOMPLETE"], said


@scenario
def a_rollback_does_not_wait_for_the_download():
    gate = Gate(1000)
    with scene() as s:
        s.offer("/v2", serve_as=gate)
        s.identify()
        s.say("DOWNLOAD")
        s.say("UPDATE")
        assert gate.reached.wait(60)
        s.say("ROLLBACK")
        said = heard_until(s, "INCOMPLETE")
        gate.opened.set()
        assert [status for _, status in said] == ["ROLLBACK", "ROLLBACK_SUCCESS", "INCOMPLETE"], said
        s.say("CLEANUP")
        text = "Update rolled back on request."
        s.hear(leda.cleaned("UPDATE_FAILURE", text), leda.incomplete("UPDATE_FAILURE", text))


@scenario
def a_cleanup_behind_a_rollback_is_answered_too():
    with scene() as s:
        s.offer("/v2")
        s.identify()
        s.download()
        s.update()
        s.say("ROLLBACK")
        s.say("CLEANUP")
        text = "Update rolled back on request."
        s.hear(leda.rolling_back(), leda.rolled_back(), leda.incomplete("UPDATE_FAILURE", text),
               leda.cleaned("UPDATE_FAILURE", text), leda.incomplete("UPDATE_FAILURE", text))
        s.manager.is_quiet()


@scenario
def a_cleanup_that_overtakes_the_first_word_of_the_rollback_is_answered_too():
    with scene() as s:
        s.offer("/v2")
        s.identify()
        s.download()
        s.update()
        agent = s.manager.agent_pid()
        os.kill(agent, signal.SIGSTOP)
        s.say("ROLLBACK")
        s.say("CLEANUP")
        s.manager.client.publish("selfupdate/desiredstate", b"?")  # by its refusal both are with the agent
        assert s.manager.next(FEEDBACK)[1]["status"] == "IDENTIFICATION_FAILED"
        os.kill(agent, signal.SIGCONT)
        text = "Update rolled back on request."
        s.hear(leda.rolling_back(), leda.rolled_back(), leda.incomplete("UPDATE_FAILURE", text),
               leda.cleaned("UPDATE_FAILURE", text), leda.incomplete("UPDATE_FAILURE", text))
        s.manager.is_quiet()


@scenario
def an_answer_out_of_order_does_not_spoil_the_order():
    with scene({"rejectOutOfOrder": True}) as s:
        s.offer("/v2")
        s.identify()
        s.say("UPDATE")
        s.hear(leda.install_failed("UPDATE is possible only after DOWNLOAD_SUCCESS"))
        for word in ("DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"):
            s.say(word)
        said = heard_until(s, "COMPLETE")
        assert [status for _, status in said] == SUCCESSES[1:], said


@scenario
def another_request_that_is_refused_leaves_the_activity_alone():
    """Between all steps, and while the bundle is on its way."""
    gate = Gate(1000)

    def disturb(s, reason, **wanted):
        s.manager.desire(wanted.get("version", ""), s.web.url("/v2"), "a2")
        s.manager.hear(leda.identifying(), leda.not_identified(reason), activity="a2")

    with scene() as s:
        s.offer("/v2", serve_as=gate)
        s.identify()
        disturb(s, "mandatory bundle version is empty")
        s.say("DOWNLOAD")
        assert gate.reached.wait(60)
        s.hear(lambda payload: leda.is_downloading(0, payload))
        disturb(s, "mandatory bundle version is empty")
        gate.opened.set()
        said = heard_until(s, "DOWNLOAD_SUCCESS")
        assert said == [("a1", "DOWNLOAD_SUCCESS")], said
        disturb(s, "mandatory bundle version is empty")
        s.update()
        disturb(s, "mandatory bundle version is empty")
        s.activate()
        disturb(s, "Another update activity in progress - a1", version="v3.0")
        s.manager.command("CLEANUP", "a2")
        refusal = leda.not_identified("activity a2 has ended")
        s.manager.hear(refusal, activity="a2")
        s.clean_up()
        assert s.rauc.primary() == "rootfs.1"


@scenario
def another_request_that_is_taken_ends_the_activity():
    with scene() as s:
        s.offer("/v2")
        s.identify()
        s.say("ACTIVATE")  # too early: nothing, and it is not waited for
        s.manager.desire("v3.0", s.web.url("/v2"), "a2")
        s.manager.hear(leda.identifying(), activity="a2")
        s.hear(leda.plain("INCOMPLETE", "superseded"))
        s.manager.hear(leda.identified("v3.0"), activity="a2")


@scenario
def commands_for_what_has_ended_do_nothing():
    with scene() as s:
        s.manager.desire("v1.0", s.web.url("/v1"))
        s.hear(leda.identifying(), leda.nothing_to_do(), leda.skipped())
        s.say("DOWNLOAD")
        s.manager.is_quiet()
        assert not s.fetched("/v1")


@scenario
def after_a_restart_of_the_daemon_the_next_command_finds_the_activity():
    with scene() as s:
        s.offer("/v2")
        s.identify()
        s.download()
        s.manager.kill()
        s.manager.start()
        s.say("UPDATE")
        s.hear(leda.downloaded(s.size), leda.checking())
        s.end_update()
        assert len(s.fetched("/v2")) == 1
        s.activate()
        s.manager.kill()
        s.manager.start()
        s.clean_up()
        s.manager.kill()
        s.manager.start()
        s.say("UPDATE")
        s.hear(leda.plain("INCOMPLETE", "activity a1 is not known; send its desired state first"))


@scenario
def a_question_without_an_id_is_answered_without_one():
    with scene() as s:
        for question in (b'{"timestamp":1}', b'{"activityId":"","timestamp":1}', b"?"):
            s.manager.queues.clear()
            s.manager.client.publish("selfupdate/currentstate/get", question)
            assert s.manager.next("selfupdate/currentstate")[0] is None


def type_on_the_device(s, line):
    subprocess.check_call(line.replace("rauc ", "rauc --conf=%s " % s.device.path("system.conf"), 1), shell=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@scenario
def forcing_to_boot_the_other_slot():
    """The tutorial's commands for it, past the agent: it confirms what runs, and tells what that is."""
    with scene() as s:
        s.everything()
        assert s.device.reboot() == "B"
        s.hear(leda.confirmed())
        type_on_the_device(s, "rauc status mark-bad booted")
        type_on_the_device(s, "rauc status mark-active other")
        assert s.device.reboot() == "A" and s.device.version == "v1.0"
        s.manager.wait_version("v1.0")
        wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        s.manager.is_quiet()
        assert s.device.reboot() == "A"


@scenario
def testing_the_rescue_system():
    """The tutorial's commands for it: nothing is marked from there, and an update repairs the device."""
    with scene(rescue=True) as s:
        wait_until(lambda: "A 1 0" in s.device.boot_loader.state(), "this boot is marked good")
        type_on_the_device(s, "rauc status mark-bad rootfs.0")
        type_on_the_device(s, "rauc status mark-bad rootfs.1")
        assert s.device.reboot() == "R"
        marks = len(s.rauc.calls("Mark"))
        s.manager.wait_version("v1.0")
        assert len(s.rauc.calls("Mark")) == marks
        s.everything()
        assert s.device.reboot() in ("A", "B") and s.device.version == "v2.0"
        s.hear(leda.confirmed())


stage.play()
