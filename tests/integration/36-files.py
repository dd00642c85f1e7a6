#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""files - the files agent behind the daemon, in both isolation modes, with real archives and programs"""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # the source folder may be read-only
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from files_rig import FilesRig, V, app, content, in_both_modes, ubctl, with_versions  # noqa: E402
from http_server import Server, answer, serve  # noqa: E402
from rig import find_program, run  # noqa: E402

OTHER = {"components": [{"id": "x", "version": "1"}]}


@in_both_modes
def a_version_follows_another_and_the_oldest_goes(mode):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig, 3)
        rig.start()
        assert rig.nodes() == {}
        for i in "123":
            rig.apply("A" + i, app(rig, i))
            assert rig.installed("app") == content(i)
        assert rig.versions("app") == ["2", "3"], rig.versions("app")
        node = rig.nodes()["app"]
        assert node["version"] == "3" and node["state"] == "intact" and node["previous"] == "2", node
        assert len(node["digest"]) == 64 and len(node["sourceDigest"]) == 64, node
        assert os.listdir(os.path.join(rig.store, "downloads")) == []
        rig.apply("A4", app(rig, "3"))  # nothing to do
        rig.stop()
        rig.start()
        assert rig.nodes()["app"] == node
        rig.stop()


@in_both_modes
def a_baseline_with_another_domain_that_fails_goes_back(mode):
    agents = {"other": dict(OTHER, phases={"ACTIVATE": {"result": "fail", "message": "no"}})}
    with FilesRig(agents, isolation=mode) as rig:
        log = rig.path("ran")
        with_versions(rig)
        rig.configure(commands={"note": {"argv": [rig.program(
            "note", 'echo "$UB_STEP $UB_COMPONENT $UB_VERSION $(cat "$UB_PATH/bin/app")" >>%s\n' % log)]}})
        rig.start()
        rig.apply("A1", app(rig, "1", activate="note"))
        end = rig.apply("A2", app(rig, "2", activate="note"), status="INCOMPLETE",
                        domains=[("other", {"x": "2"})],
                        baselines=[{"title": "b", "components": ["files:app", "other:x"]}])
        assert "no" in end["message"], end
        assert rig.installed("app") == content("1")
        assert rig.nodes()["app"]["version"] == "1"
        assert rig.versions("app") == ["1"]
        with open(log) as f:
            lines = f.read().splitlines()
        assert lines[0] == "ACTIVATE app 1 version 1", lines
        assert lines[-1] == "ROLLBACK app 1 version 1", lines
        rig.stop()


@in_both_modes
def a_first_version_that_goes_back_leaves_nothing(mode):
    agents = {"other": dict(OTHER, phases={"ACTIVATE": {"result": "fail", "message": "no"}})}
    with FilesRig(agents, isolation=mode) as rig:
        with_versions(rig)
        rig.start()
        rig.apply("A1", app(rig, "1"), status="INCOMPLETE", domains=[("other", {"x": "2"})],
                  baselines=[{"title": "b", "components": ["files:app", "other:x"]}])
        assert not os.path.lexists(rig.target("app"))
        assert rig.nodes() == {} and rig.versions("app") == []
        rig.stop()


def sources_that_are_not_what_they_should_be_are_refused():
    with FilesRig() as rig:
        with_versions(rig)
        rig.start()
        rig.apply("A0", app(rig, "1"))
        cases = {
            "A1": (dict(sha256="0" * 64), "app: ", "expected"),
            "A2": (dict(source="file:///nowhere/app.tar"), "app: ", "No such file"),
            "A3": (dict(source="gopher://x"), "app: source: ", "http"),
            "A4": (dict(source=None), "app: source: missing", ""),
            "A5": (dict(sorce="x"), 'app: there is no key "sorce"', ""),
            "A6": (dict(activate="reboot"), 'app: activate: there is no command "reboot"', ""),
            "A7": (dict(target="/etc/app"), "app: target: /etc/app is below none of", ""),
            "A8": (dict(target=rig.target("../up")), "app: target: ", '".."'),
            "A9": (dict(owner="nobody-here"), "app: owner: there is no user nobody-here", ""),
            "B1": (dict(mode="0999"), "app: mode: ", "octal"),
            "B2": (dict(signature="file:///x.p7s"), "app: signature: ", '"ca"'),
            "B3": (dict(format="zip"), "app: format: ", "archive"),
            "B4": (dict(strip="-1"), "app: strip: ", "number"),
        }
        for activity, (config, *texts) in cases.items():
            self = app(rig, "2")
            self["app"]["config"].update(config)
            rig.begin(activity, self)
            end = rig.end(activity)
            assert end["status"] in ("INCOMPLETE", "IDENTIFICATION_FAILED"), end
            message = json.dumps(end, ensure_ascii=False).replace('\\"', '"')
            assert all(text in message for text in texts), (activity, texts, end)
            assert rig.installed("app") == content("1")
        rig.stop()


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_signer(folder, name, ca=None, usage="codeSigning"):
    """A certificate NAME.pem with NAME.key, of itself or of a CA."""
    subject = ["-subj", "/CN=" + name, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", name + ".key"]
    if not ca:
        openssl("req", "-x509", *subject, "-out", name + ".pem", "-days", "30", folder=folder)
        return
    with open(os.path.join(folder, name + ".ext"), "w") as f:
        f.write("extendedKeyUsage=%s\n" % usage if usage else "")
    openssl("req", *subject, "-out", name + ".csr", folder=folder)
    openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key",
            "-CAcreateserial", "-days", "30", "-extfile", name + ".ext", "-out", name + ".pem", folder=folder)


def sign(folder, name, signer, form="DER"):
    output = name + "." + signer
    openssl("cms", "-sign", "-binary", "-in", name, "-signer", signer + ".pem", "-inkey", signer + ".key",
            "-outform", form, "-out", output, folder=folder)
    return "file://" + os.path.join(folder, output)


def signatures_are_checked_where_there_is_a_ca():
    if not shutil.which("openssl"):
        print("# without signatures: there is no openssl")
        return
    with FilesRig() as rig:
        with_versions(rig)
        folder = rig.sources
        make_signer(folder, "ca")
        make_signer(folder, "good", ca="ca")
        make_signer(folder, "web", ca="ca", usage="serverAuth")
        make_signer(folder, "stranger")
        rig.configure(ca=os.path.join(folder, "ca.pem"))
        rig.start()
        archive = "app-1.tar.gz"
        refused = {
            "A1": (None, "signature: missing"),
            "A2": (sign(folder, archive, "stranger"), "the signature is not accepted"),
            "A3": (sign(folder, archive, "web"), "not for signing"),
            "A4": (sign(folder, "app-2.tar.gz", "good"), "the signature is not accepted"),
            "A5": ("file://" + os.path.join(folder, archive), "the signature cannot be read"),
            "A6": ("file:///nowhere", "No such file"),
        }
        for activity, (signature, text) in refused.items():
            rig.begin(activity, app(rig, "1", signature=signature))
            end = rig.end(activity)
            assert end["status"] != "COMPLETED" and text in json.dumps(end), (activity, end)
            assert rig.installed("app") is None
        rig.apply("B1", app(rig, "1", signature=sign(folder, archive, "good")))
        assert rig.installed("app") == content("1")
        with open(sign(folder, "app-2.tar.gz", "good", "PEM")[len("file://"):]) as f:
            rig.apply("B2", app(rig, "2", signature=f.read()))
        assert rig.installed("app") == content("2")
        rig.stop()


@in_both_modes
def a_server_that_dies_in_mid_download_is_asked_for_the_rest(mode):
    with FilesRig(isolation=mode, settings={"download": {"attempts": 5}}) as rig:
        data = random.Random(7).randbytes(1_500_000)
        rig.source("data", data)
        name = {"data": rig.component("data", "1")}
        with Server({"/data": [serve(data, etag='"1"', break_at=600_000), serve(data, etag='"1"')]}) as server:
            name["data"]["config"]["source"] = server.url("/data")
            rig.start()
            rig.apply("A1", name)
            starts = [request.range_start() for request in server.requests]
            assert starts[0] is None and starts[-1] and starts[-1] <= 600_000, starts
        with open(rig.target("data"), "rb") as f:
            assert hashlib.sha256(f.read()).digest() == hashlib.sha256(data).digest()
        rig.stop()


def what_a_server_refuses_is_told():
    with FilesRig() as rig:
        rig.source("data", b"x")
        name = {"data": rig.component("data", "1")}
        with Server({"/data": answer(404)}) as server:
            name["data"]["config"]["source"] = server.url("/data", user="me:secret@")
            rig.start()
            end = rig.apply("A1", name, status="INCOMPLETE")
            assert "[files]: data: " in end["message"] and "404" in end["message"], end
            assert "secret" not in json.dumps(end) + rig.log()
        rig.stop()


@in_both_modes
def a_command_that_fails_or_hangs_rolls_back(mode):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig)
        check = rig.program("check", 'case $UB_VERSION in 2) echo first; echo "no config" >&2; exit 3;; esac\n')
        hang = rig.program("hang", 'case $UB_VERSION in 2) exec sleep 600;; esac\n')
        rig.configure(commands={"check": {"argv": [check]}, "hang": {"argv": [hang], "timeout": "200ms"},
                                "gone": {"argv": ["/nowhere/gone"]}})
        rig.start()
        for activity, name, text in (("A", "check", "app: command check failed with status 3: no config"),
                                     ("B", "hang", "app: command hang was ended by signal 15"),
                                     ("C", "gone", "app: command gone ")):
            first = app(rig, "1", activate=name if name != "gone" else None)
            rig.apply(activity + "1", first)
            rig.begin(activity + "2", app(rig, "2", activate=name),
                      baselines=[{"title": "b", "components": ["files:app"]}])
            end = rig.end(activity + "2")
            assert end["status"] == "INCOMPLETE" and text in end["message"], end
            assert rig.installed("app") == content("1")
            rig.apply(activity + "3", {})
        rig.stop()


def without_a_baseline_a_command_that_fails_goes_back_too():
    with FilesRig() as rig:
        with_versions(rig)
        check = 'echo "$UB_STEP $UB_VERSION" >>%s; [ "$UB_VERSION" = 1 ]\n' % rig.path("ran")
        rig.configure(commands={"check": {"argv": [rig.program("check", check)]}})
        rig.start()
        rig.apply("A1", app(rig, "1", activate="check"))
        end = rig.apply("A2", app(rig, "2", activate="check"), status="INCOMPLETE")
        assert "command check failed with status 1" in end["message"], end
        assert rig.installed("app") == content("1"), rig.installed("app")
        with open(rig.path("ran")) as f:
            assert f.read().splitlines() == ["ACTIVATE 1", "ACTIVATE 2", "ROLLBACK 1"]
        rig.stop()


@in_both_modes
def what_is_not_desired_goes_unless_it_is_merged(mode):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig)
        rig.source("note.txt", b"hello\n")
        both = dict(app(rig, "1"), note=rig.component("note.txt", "7", mode="0640"))
        rig.start()
        rig.apply("A1", both)
        assert rig.installed("note") == {"": "hello\n"}
        assert os.stat(rig.target("note")).st_mode & 0o7777 == 0o640
        rig.apply("A2", app(rig, "2"), mode="merge")
        assert rig.installed("note") == {"": "hello\n"} and rig.installed("app") == content("2")
        rig.apply("A3", app(rig, "2"))
        assert rig.installed("note") is None and not os.path.lexists(rig.target("note"))
        assert list(rig.nodes()) == ["app"] and rig.versions("note") == []
        end = rig.apply("A4", app(rig, "2"), mode="marge", status="IDENTIFICATION_FAILED")
        assert "marge" in json.dumps(end), end
        rig.stop()


@in_both_modes
def drift_is_reported_and_healed(mode):
    with FilesRig(isolation=mode) as rig:
        with_versions(rig)
        rig.start()
        rig.apply("A1", app(rig, "1"))
        first = rig.nodes()["app"]
        with open(rig.target("app/bin/app"), "w") as f:
            f.write("by hand!!")
        with open(rig.target("app/extra"), "w") as f:
            f.write("x")
        os.unlink(rig.target("app/conf"))
        node = rig.nodes()["app"]
        assert node["state"] == "changed", node
        for text in ("bin/app changed", "conf missing", "extra added"):
            assert text in node["drift"], node
        rig.apply("A2", app(rig, "1"))
        assert rig.installed("app") == content("1")
        node = rig.nodes()["app"]
        assert node["state"] == "intact" and node["digest"] == first["digest"], node
        os.unlink(rig.target("app"))
        assert rig.nodes()["app"]["targetState"] == "missing"
        rig.apply("A3", app(rig, "1"))
        assert rig.installed("app") == content("1")
        rig.stop()


def what_is_at_a_target_is_not_touched_unless_it_is_adopted():
    with FilesRig() as rig:
        with_versions(rig)
        os.mkdir(rig.target("app"))
        with open(rig.target("app/mine"), "w") as f:
            f.write("mine")
        rig.start()
        end = rig.apply("A1", app(rig, "1"), status="IDENTIFICATION_FAILED")
        assert '"adopt"' in json.dumps(end).replace('\\"', '"'), end
        assert rig.installed("app") == {"mine": "mine"}
        rig.configure(adopt=True)
        rig.hang_up()
        rig.wait_notified("READY=1")  # the agent does not have its new settings yet; its work waits for that
        rig.apply("A2", app(rig, "1"))
        assert rig.installed("app") == content("1") and rig.installed(".app.adopted") == {"mine": "mine"}
        rig.apply("A3", {})
        assert rig.installed("app") == {"mine": "mine"}
        assert sorted(os.listdir(rig.targets)) == ["app"]
        rig.stop()


def a_target_that_moves_takes_its_link_along():
    with FilesRig() as rig:
        with_versions(rig)
        rig.start()
        rig.apply("A1", app(rig, "1"))
        rig.apply("A2", app(rig, "1", target=rig.target("deep/er/app")))
        assert rig.installed("deep/er/app") == content("1")
        assert not os.path.lexists(rig.target("app"))
        rig.stop()


def what_breaks_a_rule_is_refused_with_entry_and_cause():
    with FilesRig() as rig:
        rig.archive("bad.tar.gz", {"fine": "x", "top/../../etc/passwd": "x"})
        rig.start()
        end = rig.apply("A1", {"app": rig.component("bad.tar.gz", "1")}, status="INCOMPLETE")
        assert 'app: top/../../etc/passwd: ".." in the path' in end["message"], end
        assert rig.installed("app") is None and rig.versions("app") == []
        rig.stop()


def ubctl_applies_and_shows_it():
    with FilesRig(mqtt=False) as rig:
        with_versions(rig)
        rig.start()
        text = json.dumps(rig.payload(app(rig, "1"))).encode()
        done = subprocess.run(ubctl(rig, "apply", "-", "--watch"), input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, done.stdout.decode()
        assert b"COMPLETED" in done.stdout and b"files:app" in done.stdout, done.stdout.decode()
        assert rig.installed("app") == content("1")

        def shown():
            text = subprocess.run(ubctl(rig, "inventory"), stdout=subprocess.PIPE, timeout=60).stdout
            return b"files:app" in text
        rig.wait_for(shown, "the component in the inventory")  # changes are collected for a moment
        rig.stop()


def mosquitto(program, rig, *arguments, **more):
    """A mosquitto client, as a person would start it."""
    return subprocess.Popen([find_program(program), "-h", "127.0.0.1", "-p", str(rig.server.port), *arguments],
                            **more)


@in_both_modes
def the_combined_message_goes_through_mosquitto_pub_and_sub(mode):
    """The desired state of Leda's documentation for the whole device, with files beside the containers."""
    agents = {"containers": {"components": []}, "self-update": {"components": [{"id": "os-image", "version": "v1"}]}}
    with FilesRig(agents, isolation=mode) as rig:
        with_versions(rig)
        rig.start()
        with open(os.path.join(os.environ["top_srcdir"], "tests", "data", "desired-state-combined.json")) as f:
            message = json.load(f)
        message["payload"]["domains"] += rig.payload(app(rig, "1"))["domains"]
        listener = mosquitto("mosquitto_sub", rig, "-d", "-v", "-t", "vehicleupdate/#", stdout=subprocess.PIPE,
                             text=True)
        while not next(listener.stdout).startswith("Subscribed"):
            pass
        assert mosquitto("mosquitto_pub", rig, "-q", "1", "-t", "vehicleupdate/desiredstate", "-m",
                         json.dumps(message)).wait(30) == 0
        statuses = []
        versions = {}
        for line in listener.stdout:
            topic, _, text = line.partition(" ")
            envelope = json.loads(text) if topic.startswith("vehicleupdate/") else {}
            if envelope.get("activityId") != message["activityId"]:
                continue
            if topic == V + "desiredstatefeedback":
                statuses.append(envelope["payload"]["status"])
            elif topic == V + "currentstate":
                versions = {n["id"]: n.get("version") for n in envelope["payload"]["softwareNodes"]}
                break
        listener.terminate()
        listener.wait(30)
        assert statuses[0] == "IDENTIFYING" and statuses[-1] == "COMPLETED", statuses
        for domain in message["payload"]["domains"]:
            for component in domain["components"]:
                name = domain["id"] + ":" + component["id"]
                assert versions.get(name) == component["version"], (name, versions)
        assert rig.installed("app") == content("1")
        rig.stop()


def a_typo_in_the_settings_is_found():
    with FilesRig() as rig:
        rig.configure(tragets=["/opt"])
        done = subprocess.run([os.path.join(os.environ.get("top_builddir", "."), "update-brokerd"), "--check-config",
                               "--conf-dir", rig.path("conf.d"), "--plugin-dir", rig.path("plugins")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 1 and b"targets" in done.stdout, done.stdout.decode()


def two_agents_do_not_share_a_store():
    with FilesRig() as rig:
        rig.register("more", {"store": rig.store}, plugin="files")
        rig.start()
        rig.wait_log("another agent uses it")
        rig.stop()


if __name__ == "__main__":
    run([a_version_follows_another_and_the_oldest_goes, a_baseline_with_another_domain_that_fails_goes_back,
         a_first_version_that_goes_back_leaves_nothing, sources_that_are_not_what_they_should_be_are_refused,
         signatures_are_checked_where_there_is_a_ca, a_server_that_dies_in_mid_download_is_asked_for_the_rest,
         what_a_server_refuses_is_told, a_command_that_fails_or_hangs_rolls_back,
         without_a_baseline_a_command_that_fails_goes_back_too, what_is_not_desired_goes_unless_it_is_merged,
         drift_is_reported_and_healed, what_is_at_a_target_is_not_touched_unless_it_is_adopted,
         a_target_that_moves_takes_its_link_along, what_breaks_a_rule_is_refused_with_entry_and_cause,
         ubctl_applies_and_shows_it,
         the_combined_message_goes_through_mosquitto_pub_and_sub, a_typo_in_the_settings_is_found,
         two_agents_do_not_share_a_store])
