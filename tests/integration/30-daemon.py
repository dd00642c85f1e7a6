#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daemon - the daemon with hosted fake agents and a real mosquitto, from the outside"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from rig import PATIENCE, Rig, Timeout, run  # noqa: E402

CONTAINERS = {"components": [{"id": "hello-world", "version": "1"}]}
SELF_UPDATE = {"components": [{"id": "os-image", "version": "v1"}]}
BOTH = {"containers": CONTAINERS, "self-update": SELF_UPDATE}
WANTED = (("containers", {"hello-world": "2"}), ("self-update", {"os-image": "v2"}))
V = "vehicleupdate/"


def slow(agent, phase, **more):
    return dict(agent, phases={phase: dict({"delayMs": 300}, **more)})


def actions(status):
    return [{"component": {"id": "containers:hello-world", "version": "2"}, "status": status},
            {"component": {"id": "self-update:os-image", "version": "v2"}, "status": status}]


def without_progress(payload):
    for action in payload.get("actions", []):
        action.pop("progress", None)
        action.pop("message", None)
    return payload


def node_versions(inventory):
    return {n["id"]: n.get("version") for n in inventory["softwareNodes"]}


def two_agents_go_all_the_way():
    with Rig(BOTH) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        assert rig.feedback("A1") == {"status": "IDENTIFYING"}
        assert without_progress(rig.feedback("A1")) == \
            {"status": "IDENTIFIED", "actions": actions("IDENTIFIED")}
        assert without_progress(rig.feedback("A1")) == \
            {"status": "RUNNING", "actions": actions("IDENTIFIED")}
        assert without_progress(rig.feedback("A1")) == \
            {"status": "COMPLETED", "actions": actions("UPDATE_SUCCESS")}
        activity, inventory = rig.message(V + "currentstate")
        assert activity == "A1"
        versions = node_versions(inventory)
        assert inventory["softwareNodes"][0]["id"] == "vehicle-update-manager"
        assert versions["containers:hello-world"] == "2", versions
        assert versions["self-update:os-image"] == "v2", versions
        rig.stop()


def nothing_to_do_is_completed_at_once():
    with Rig(BOTH) as rig:
        rig.start()
        rig.desire("A1", ("containers", {"hello-world": "1"}))
        assert rig.feedback("A1") == {"status": "IDENTIFYING"}
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


def only_unknown_domains_are_incomplete():
    with Rig(BOTH) as rig:
        rig.start()
        rig.desire("A1", ("foo", {"x": "1"}))
        assert rig.feedback("A1") == {
            "status": "INCOMPLETE",
            "message": "the desired state manifest does not contain any supported domain"}
        rig.stop()


def rejected_input_is_answered_with_the_fault():
    with Rig(BOTH) as rig:
        rig.start()
        topic = V + "desiredstate"
        cases = [
            (b"{not json", "", "expected a key"),
            (b'{"activityId":"A1","timestamp":"1","payload":{"domains":[]}}', "A1", "timestamp"),
            (b'{"activityId":"A2","timestamp":1,"payload":"x"}', "A2", "payload"),
            (b'{"activityId":"A3","timestamp":1,"payload":{"domains":[{"id":"containers",'
             b'"components":[{"id":"a","config":[{"key":"k","value":1}]}]}]}}', "A3",
             "domains[0].components[0].config[0].value"),
            (b'{"activityId":"A4","timestamp":1,"payload":{"domains":[' +
             b'{"id":"%s"},' % (b"x" * 1100000) + b"]}}", "A4", "longer than"),
            (b'{"payload":{"domains":[{"id":"a","x":"\\"]}"}]}, "activityId" : "A5", "more":[' + b" " * 2000000 + b"]}",
             "A5", "bytes, longer than the limit of 1052672"),
            (b'{"activityId":"A6","payload":{"domains":[}}', "A6", "expected"),
        ]
        for text, activity, fault in cases:
            rig.backend.publish(topic, text)
            got, payload = rig.message(V + "desiredstatefeedback")
            assert got == activity, (got, activity, payload)
            assert payload["status"] == "IDENTIFICATION_FAILED", payload
            assert fault in payload["message"], payload
        rig.stop()


def next_on(rig, topic):
    """The payload of the next message on a topic, which has no envelope."""
    while True:
        message = rig.backend.next(PATIENCE)
        if message.topic == topic:
            return json.loads(message.payload or "null")


def what_is_too_large_is_answered_in_things_mode_too():
    limit = "longer than the limit of 1052672"
    with Rig(BOTH, config={"thingsEnabled": True}) as rig:
        rig.start(connected=False)
        next_on(rig, "edge/thing/request")
        rig.backend.publish("edge/thing/response", b'{"deviceId":"ns:x","tenantId":"t","policyId":"p"}')
        assert next_on(rig, "e")["path"] == "/features/UpdateManager"
        # The first is handed out by the connection, the second is too large even for that.
        for number, wants_reply, blanks in ((1, False, 1060000), (2, True, 2000000)):
            text = json.dumps({
                "topic": "ns/x/things/live/messages/apply", "path": "/features/UpdateManager/inbox/messages/apply",
                "headers": {"response-required": wants_reply, "correlation-id": "c"},
                "value": {"activityId": "A%d" % number, "desiredState": {"domains": [], "x": " " * blanks}}}).encode()
            rig.backend.publish("command///req/r%d/apply" % number, text)
            message = "the message has %d bytes, %s" % (len(text), limit)
            if wants_reply:
                reply = next_on(rig, "command///res/r2/400")
                assert reply["value"]["message"] == message and reply["headers"]["correlation-id"] == "c", reply
            feedback = {}
            while "desiredStateFeedback" not in feedback:
                feedback = next_on(rig, "e")["value"]
            assert feedback["activityId"] == "A%d" % number, feedback
            assert feedback["desiredStateFeedback"] == {"status": "IDENTIFICATION_FAILED", "message": message}
        rig.stop()


def a_failed_domain_does_not_hold_up_the_other():
    agents = {"containers": dict(CONTAINERS, phases={"DOWNLOAD": {"result": "fail", "message": "404"}}),
              "self-update": slow(SELF_UPDATE, "DOWNLOAD")}
    with Rig(agents) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE", end
        assert end["message"].startswith("the update process is incompleted"), end
        assert "404" in end["message"], end
        assert {a["component"]["id"]: a["status"] for a in end["actions"]} == {
            "containers:hello-world": "DOWNLOAD_FAILURE",
            "self-update:os-image": "UPDATE_SUCCESS"}, end
        rig.stop()


def a_crashing_agent_fails_its_domain_only():
    agents = {"containers": dict(CONTAINERS, phases={"UPDATE": {"result": "crash"}}),
              "self-update": SELF_UPDATE}
    with Rig(agents) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE" and "containers" in end["message"], end
        rig.stop()


def a_baseline_is_rolled_back_as_a_whole():
    agents = {"containers": CONTAINERS,
              "self-update": dict(SELF_UPDATE, phases={"ACTIVATE": {"result": "fail", "message": "no"}})}
    with Rig(agents) as rig:
        rig.start()
        rig.desire("A1", *WANTED, baselines=[
            {"title": "b", "components": ["containers:hello-world", "self-update:os-image"]}])
        assert rig.end("A1")["status"] == "INCOMPLETE"
        activity, inventory = rig.message(V + "currentstate")
        versions = node_versions(inventory)
        assert versions["containers:hello-world"] == "1", versions
        assert versions["self-update:os-image"] == "v1", versions
        rig.stop()


def a_known_activity_is_answered_and_not_run_again():
    with Rig(BOTH) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        first = rig.end("A1")
        rig.stop()
        rig.start()
        rig.desire("A1", ("containers", {"hello-world": "3"}))
        assert rig.feedback("A1")["status"] == first["status"]
        rig.quiet(V + "desiredstatefeedback")
        rig.stop()


def a_retained_desired_state_runs_once():
    with Rig(BOTH) as rig:
        payload = {"domains": [{"id": "containers", "components": [{"id": "hello-world", "version": "2"}]}]}
        rig.backend.publish(V + "desiredstate", json.dumps({"payload": payload}).encode(), retain=True)
        rig.start(connected=False)
        activity, first = rig.message(V + "desiredstatefeedback")
        assert first == {"status": "IDENTIFYING"} and activity, (activity, first)
        assert rig.end(activity)["status"] == "COMPLETED"
        rig.stop()
        rig.start(connected=False)
        assert rig.feedback(activity)["status"] == "COMPLETED"
        rig.quiet(V + "desiredstatefeedback")
        rig.stop()


def cancel_ends_an_activity():
    with Rig({"containers": slow(CONTAINERS, "DOWNLOAD", result="hang")}) as rig:
        rig.start()
        rig.desire("A1", ("containers", {"hello-world": "2"}))
        while rig.feedback("A1")["status"] != "RUNNING":
            pass
        rig.send(V + "desiredstate/command", "A1", {"command": "CANCEL"})
        end = rig.end("A1")
        assert end["status"] == "INCOMPLETE" and "cancel" in end["message"], end
        rig.stop()


def a_newer_desired_state_supersedes():
    with Rig({"containers": slow(CONTAINERS, "DOWNLOAD", delayMs=2000)}) as rig:
        rig.start()
        rig.desire("A1", ("containers", {"hello-world": "2"}))
        while rig.feedback("A1")["status"] != "RUNNING":
            pass
        rig.desire("A2", ("containers", {"hello-world": "3"}))
        assert rig.end("A1")["status"] == "SUPERSEDED"
        assert rig.end("A2")["status"] == "COMPLETED"
        rig.stop()


def consent_is_asked_for_and_obeyed():
    for answer, outcome in (("APPROVED", "COMPLETED"), ("DENIED", "INCOMPLETE")):
        with Rig({"containers": CONTAINERS}, {"ownerConsentCommands": ["DOWNLOAD"]}) as rig:
            rig.start()
            rig.desire("A1", ("containers", {"hello-world": "2"}))
            assert rig.message(V + "ownerconsent") == ("A1", {"command": "DOWNLOAD"})
            rig.send(V + "ownerconsentfeedback", "other", {"status": "APPROVED"})
            rig.send(V + "ownerconsentfeedback", "A1", {"status": answer})
            end = rig.end("A1")
            assert end["status"] == outcome, end
            rig.stop()


def preconditions_wait_for_facts():
    config = {"facts": {"device.mode": {"topic": "device/state", "pointer": "/mode"}}}
    with Rig({"containers": CONTAINERS}, config) as rig:
        rig.start()
        rig.desire("A1", ("containers", {"hello-world": "2"}), baselines=[
            {"title": "b", "preconditions": "device.mode=PARKED",
             "components": ["containers:hello-world"]}])
        rig.wait_notified("STATUS=activity A1: waiting for preconditions")
        rig.backend.publish("device/state", b'{"mode":"DRIVING"}')
        rig.backend.publish("device/state", b'{"mode":"PARKED"}')
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


def current_state_is_read_on_request_and_published_on_change():
    with Rig(BOTH) as rig:
        rig.start()
        activity, inventory = rig.initial
        assert activity.startswith("initial-current-state-"), activity
        ids = [n["id"] for n in inventory["softwareNodes"]]
        assert ids[0] == "vehicle-update-manager" and "self-update:os-image" in ids, ids
        rig.send(V + "currentstate/get", "Q1", None)
        assert rig.message(V + "currentstate")[0] == "Q1"
        rig.backend.publish(V + "currentstate/get", b"")
        assert rig.message(V + "currentstate")[0] == ""
        rig.stop()


def an_agents_own_topics_are_served():
    """The messages of the self-update tutorial, with timestamps in seconds."""
    S = "selfupdate/"
    with Rig(BOTH) as rig:
        rig.start()
        rig.send(S + "desiredstate", "T1", {"domains": [{"id": "self-update", "config": [], "components": [
            {"id": "os-image", "version": "v2", "config": [{"key": "image", "value": "https://x/y"}]}]}]})
        words = []
        for command, word in ((None, "IDENTIFIED"), ("DOWNLOAD", "DOWNLOAD_SUCCESS"),
                              ("UPDATE", "UPDATE_SUCCESS"), ("ACTIVATE", "ACTIVATION_SUCCESS"),
                              ("CLEANUP", "CLEANUP_SUCCESS")):
            if command:
                rig.backend.publish(S + "desiredstate/command", json.dumps({
                    "activityId": "T1", "timestamp": 1687787461,
                    "payload": {"baseline": "BASELINE NAME", "command": command}}).encode())
            while True:
                activity, payload = rig.message(S + "desiredstatefeedback")
                assert activity == "T1"
                words.append(payload["status"])
                if payload["status"] == word:
                    break
                assert not payload["status"].endswith("FAILURE") and payload["status"] != "INCOMPLETE", payload
        rig.send(S + "currentstate/get", "T2", None)
        activity, inventory = rig.message(S + "currentstate")
        assert node_versions(inventory)["self-update:os-image"] == "v2", inventory
        rig.stop()


def the_tutorials_commands_have_an_id_of_their_own():
    """The activity goes by the id of the last command from then on."""
    S = "selfupdate/"
    with Rig(BOTH) as rig:
        rig.start()
        rig.send(S + "desiredstate", "random-uuid-as-string", {"domains": [{"id": "self-update", "components": [
            {"id": "os-image", "version": "v2"}]}]})
        payload = {"status": ""}
        while payload["status"] != "IDENTIFIED":
            activity, payload = rig.message(S + "desiredstatefeedback")
            assert activity == "random-uuid-as-string", activity
        rig.send(S + "desiredstate/command", "1234567890", {"command": "DOWNLOAD"})
        while payload["status"] != "DOWNLOAD_SUCCESS":
            activity, payload = rig.message(S + "desiredstatefeedback")
            assert activity == "1234567890", (activity, payload)
        rig.stop()


def answers_by_hand(agent, last):
    """The words but progress that come when everything is typed at once."""
    S = "selfupdate/"
    with Rig({"self-update": agent}) as rig:
        rig.start()
        rig.send(S + "desiredstate", "T1", {"domains": [{"id": "self-update", "components": [
            {"id": "os-image", "version": "v2"}]}]})
        for command in ("DOWNLOAD", "UPDATE", "ACTIVATE", "CLEANUP"):
            rig.send(S + "desiredstate/command", "T1", {"command": command})
        words = []
        while last not in words:
            activity, payload = rig.message(S + "desiredstatefeedback")
            assert activity == "T1", (activity, payload)
            if not payload["status"].endswith("ING") and payload["status"] != "CLEANUP":
                words.append(payload["status"])
        rig.stop()
        return words


def commands_that_are_typed_at_once_are_done_one_after_the_other():
    words = answers_by_hand(slow(SELF_UPDATE, "DOWNLOAD", steps=3), "CLEANUP_SUCCESS")
    assert words == ["IDENTIFIED", "DOWNLOAD_SUCCESS", "UPDATE_SUCCESS", "ACTIVATION_SUCCESS", "CLEANUP_SUCCESS"], words


def what_was_typed_behind_a_step_that_fails_is_not_done_but_for_the_cleanup():
    words = answers_by_hand(slow(SELF_UPDATE, "DOWNLOAD", result="fail"), "CLEANUP_SUCCESS")
    assert words == ["IDENTIFIED", "DOWNLOAD_FAILURE", "CLEANUP_SUCCESS"], words


def the_desired_state_twice_takes_no_step_back():
    """Also while the agent is at a step: it says its last word again, and the step's end is not lost."""
    S = "selfupdate/"
    wanted = {"domains": [{"id": "self-update", "components": [{"id": "os-image", "version": "v2"}]}]}
    with Rig({"self-update": slow(SELF_UPDATE, "DOWNLOAD", steps=3)}) as rig:
        rig.start()
        rig.send(S + "desiredstate", "T1", wanted)
        payload = {"status": ""}
        for command, word in (("DOWNLOAD", "IDENTIFIED"), (None, "DOWNLOADING")):
            while payload["status"] != word:
                payload = rig.message(S + "desiredstatefeedback")[1]
            if command:
                rig.send(S + "desiredstate/command", "T1", {"command": command})
        rig.send(S + "desiredstate", "T1", wanted)
        while payload["status"] != "DOWNLOAD_SUCCESS":
            payload = rig.message(S + "desiredstatefeedback")[1]
            assert payload["status"].startswith("DOWNLOAD") or payload["status"] == "IDENTIFIED", payload
        rig.stop()


def an_agents_own_topics_are_refused_while_the_broker_drives_it():
    with Rig({"containers": slow(CONTAINERS, "DOWNLOAD", delayMs=1500), "self-update": SELF_UPDATE}) as rig:
        rig.start()
        rig.desire("A1", *WANTED)
        while rig.feedback("A1")["status"] != "RUNNING":
            pass
        rig.send("selfupdate/desiredstate", "T1", {"domains": [{"id": "self-update", "components": []}]})
        activity, payload = rig.message("selfupdate/desiredstatefeedback")
        assert activity == "T1" and payload["status"] == "IDENTIFICATION_FAILED", payload
        assert "A1" in payload["message"], payload
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


def without_mqtt_it_is_ready_all_the_same():
    with Rig(BOTH, mqtt=False) as rig:
        rig.start()
        rig.stop()


def a_server_without_a_scheme_is_taken_as_one_of_tcp():
    with Rig(BOTH) as rig:
        rig.config["connection"]["broker"] = "127.0.0.1:%d" % rig.server.port
        rig.start()
        rig.stop()


def it_waits_for_the_mqtt_server():
    with Rig(BOTH) as rig:
        rig.backend.close()
        rig.server.stop()
        rig.start(connected=False)
        rig.wait_log("no connection to the MQTT server")
        rig.server.start()
        rig.connect()
        activity, inventory = rig.message(V + "currentstate")
        assert len(inventory["softwareNodes"]) >= 3, inventory
        rig.stop()


def hang_up_brings_a_new_agent_and_takes_one_away():
    with Rig({"containers": CONTAINERS}) as rig:
        rig.start()
        rig.register("self-update", SELF_UPDATE)
        os.unlink(rig.path("conf.d", "50-containers.conf"))
        rig.hang_up()
        rig.wait_notified("READY=1")
        rig.desire("A1", ("self-update", {"os-image": "v2"}))
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.desire("A2", ("containers", {"hello-world": "2"}))
        assert "does not contain any supported domain" in rig.end("A2")["message"]
        rig.stop()


def an_agent_leaves_from_among_others():
    with Rig(BOTH) as rig:
        rig.register("lamps", {})
        rig.start()
        for gone in ("lamps", "containers"):
            os.unlink(rig.path("conf.d", "50-%s.conf" % gone))
            rig.hang_up()
            rig.wait_notified("READY=1")
        rig.desire("A1", ("self-update", {"os-image": "v2"}))
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


def a_faulty_configuration_is_not_put_into_force():
    with Rig({"containers": CONTAINERS}) as rig:
        rig.start()
        with open(rig.path("config.json"), "w") as f:
            f.write('{"domain": 7}')
        rig.hang_up()
        rig.wait_log("the old configuration stays in force")
        rig.desire("A1", ("containers", {"hello-world": "2"}))
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


def the_reboot_command_is_run_and_the_verdict_comes_after_the_boot():
    with Rig({"self-update": dict(SELF_UPDATE, reboot=True)},
             {"rebootEnabled": True, "rebootAfter": "10ms"}) as rig:
        rig.config["rebootCommand"] = ["/bin/sh", "-c", "echo boot >>'%s'" % rig.path("boots")]
        rig.environment["UPDATE_BROKER_BOOT_ID"] = "first"
        rig.start()
        rig.desire("A1", ("self-update", {"os-image": "v2"}))
        deadline = time.monotonic() + 20
        while not os.path.exists(rig.path("boots")):
            assert time.monotonic() < deadline, "no boot"
            time.sleep(0.01)
        rig.kill()
        rig.environment["UPDATE_BROKER_BOOT_ID"] = "second"
        rig.start()
        assert rig.end("A1")["status"] == "COMPLETED"
        assert open(rig.path("boots")).read() == "boot\n"
        rig.stop()


def an_agent_that_is_driven_by_hand_gets_its_boot_even_from_the_next_daemon():
    S = "selfupdate/"
    with Rig({"self-update": dict(SELF_UPDATE, reboot=True)}, {"rebootEnabled": True, "rebootAfter": "1h"}) as rig:
        rig.config["rebootCommand"] = ["/bin/sh", "-c", "echo boot >>'%s'" % rig.path("boots")]
        rig.start()
        rig.send(S + "desiredstate", "T1", {"domains": [{"id": "self-update", "components": [
            {"id": "os-image", "version": "v2"}]}]})
        for command, word in ((None, "IDENTIFIED"), ("DOWNLOAD", "DOWNLOAD_SUCCESS"), ("UPDATE", "UPDATE_SUCCESS"),
                              ("ACTIVATE", "ACTIVATION_SUCCESS"), ("CLEANUP", "CLEANUP_SUCCESS")):
            assert not os.path.exists(rig.path("boots"))
            if command:
                rig.send(S + "desiredstate/command", "T1", {"command": command})
            while rig.message(S + "desiredstatefeedback")[1]["status"] != word:
                pass
        rig.wait_log("asks for a boot")
        rig.stop()
        assert not os.path.exists(rig.path("boots"))
        rig.config["rebootAfter"] = "10ms"
        rig.start(connected=False)
        deadline = time.monotonic() + 20
        while not os.path.exists(rig.path("boots")):
            assert time.monotonic() < deadline, "no boot"
            time.sleep(0.01)
        rig.stop()


def a_reboot_command_that_fails_ends_the_activity():
    with Rig({"self-update": dict(SELF_UPDATE, reboot=True)},
             {"rebootEnabled": True, "rebootAfter": "10ms", "rebootCommand": ["/bin/false"]}) as rig:
        rig.start()
        rig.desire("A1", ("self-update", {"os-image": "v2"}))
        end = rig.end("A1")
        assert end["status"] != "COMPLETED" and "boot" in end["message"], end
        rig.stop()


def a_damaged_journal_is_set_aside():
    with Rig(BOTH) as rig:
        with open(rig.path("state", "orchestrator.journal"), "w") as f:
            f.write("ub-journal 1 3 00000000\n{}\n")
        rig.start()
        assert os.path.exists(rig.path("state", "orchestrator.journal.bad"))
        rig.desire("A1", *WANTED)
        assert rig.end("A1")["status"] == "COMPLETED"
        rig.stop()


if __name__ == "__main__":
    run([two_agents_go_all_the_way, nothing_to_do_is_completed_at_once,
         only_unknown_domains_are_incomplete, rejected_input_is_answered_with_the_fault,
         what_is_too_large_is_answered_in_things_mode_too,
         a_failed_domain_does_not_hold_up_the_other, a_crashing_agent_fails_its_domain_only,
         a_baseline_is_rolled_back_as_a_whole, a_known_activity_is_answered_and_not_run_again,
         a_retained_desired_state_runs_once, cancel_ends_an_activity, a_newer_desired_state_supersedes,
         consent_is_asked_for_and_obeyed, preconditions_wait_for_facts,
         current_state_is_read_on_request_and_published_on_change, an_agents_own_topics_are_served,
         the_tutorials_commands_have_an_id_of_their_own,
         commands_that_are_typed_at_once_are_done_one_after_the_other,
         what_was_typed_behind_a_step_that_fails_is_not_done_but_for_the_cleanup,
         the_desired_state_twice_takes_no_step_back,
         an_agents_own_topics_are_refused_while_the_broker_drives_it,
         without_mqtt_it_is_ready_all_the_same, a_server_without_a_scheme_is_taken_as_one_of_tcp,
         it_waits_for_the_mqtt_server,
         hang_up_brings_a_new_agent_and_takes_one_away, an_agent_leaves_from_among_others,
         a_faulty_configuration_is_not_put_into_force, the_reboot_command_is_run_and_the_verdict_comes_after_the_boot,
         a_reboot_command_that_fails_ends_the_activity, an_agent_that_is_driven_by_hand_gets_its_boot_even_from_the_next_daemon,
         a_damaged_journal_is_set_aside])
