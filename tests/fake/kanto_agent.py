# SPDX-License-Identifier: Apache-2.0
"""kanto_agent - an update agent in a process of its own, as Kanto's and Leda's are, for tests

    with KantoAgent(rig, "containers", {"hello-world": "1"}):
        ...

Speaks the update agent API over MQTT in a thread: identifies, takes a moment for each command, reports its
inventory when asked and when it connects.  It keeps what it has installed; when the server goes away it comes back
and says again what it said last, as a client library does with what was not acknowledged.
"""
import json
import threading
import time

from mqtt_client import Client, Timeout

WORDS = {"DOWNLOAD": ("DOWNLOADING", "DOWNLOAD_SUCCESS"), "UPDATE": ("UPDATING", "UPDATE_SUCCESS"),
         "ACTIVATE": ("ACTIVATING", "ACTIVATION_SUCCESS")}


class KantoAgent:
    def __init__(self, rig, domain, components, moment=0.06):
        self.port = rig.server.port
        self.domain = domain
        self.prefix = domain.replace("-", "").removesuffix("update") + "update"
        self.installed = dict(components)
        self.wanted = {}
        self.moment = moment
        self.last = None
        self.client = None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.live)

    def __enter__(self):
        self.connect()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.client.close()

    def connect(self):
        self.client = Client(self.port)
        self.client.subscribe(self.prefix + "/desiredstate", self.prefix + "/desiredstate/command",
                              self.prefix + "/currentstate/get")
        self.report("initial-current-state-1")

    def live(self):
        while not self.ended.is_set():
            try:
                message = self.client.next(0.1)  # to notice the end
                if not message.retained:
                    self.hear(message.topic[len(self.prefix):], json.loads(message.payload))
            except Timeout:
                pass
            except OSError:
                self.come_back()

    def come_back(self):
        """The server may be away for a moment."""
        while not self.ended.is_set():
            try:
                self.client.close()
                self.connect()
                if self.last:
                    self.client.publish(*self.last)
                return
            except (OSError, Timeout):
                time.sleep(0.02)  # a port has no way to say that somebody listens

    # ----------------------------------------------------------------------------------- speaking

    def publish(self, topic, activity, payload, retain=False):
        text = json.dumps({"activityId": activity, "timestamp": int(time.time() * 1000), "payload": payload})
        self.client.publish(self.prefix + topic, text.encode(), retain)

    def say(self, activity, status, word=None):
        actions = [{"component": {"id": f"{self.domain}:{name}", "version": version}, "status": word or status}
                   for name, version in self.wanted.items()]
        payload = {"status": status, "actions": actions}
        text = json.dumps({"activityId": activity, "timestamp": int(time.time() * 1000), "payload": payload})
        self.last = (self.prefix + "/desiredstatefeedback", text.encode())
        self.client.publish(*self.last)

    def report(self, activity):
        agent = self.domain + "-update-agent"
        nodes = [{"id": agent, "version": "1", "type": "APPLICATION",
                  "parameters": [{"key": "domain", "value": self.domain}]}]
        edges = []
        for name, version in self.installed.items():
            nodes.append({"id": f"{self.domain}:{name}", "version": version, "type": "CONTAINER"})
            edges.append({"sourceId": agent, "targetId": f"{self.domain}:{name}"})
        self.publish("/currentstate", activity, {"softwareNodes": nodes, "associations": edges}, retain=True)

    # ------------------------------------------------------------------------------------ hearing

    def hear(self, topic, envelope):
        activity = envelope.get("activityId", "")
        if topic == "/currentstate/get":
            self.report(activity)
        elif topic == "/desiredstate":
            domain = envelope["payload"]["domains"][0]
            wanted = {c["id"]: c["version"] for c in domain["components"]}
            self.wanted = {name: version for name, version in wanted.items() if self.installed.get(name) != version}
            self.say(activity, "IDENTIFYING")
            self.ended.wait(self.moment)
            self.say(activity, "IDENTIFIED" if self.wanted else "COMPLETED")
        elif topic == "/desiredstate/command":
            self.obey(activity, envelope["payload"]["command"])

    def obey(self, activity, command):
        if command in WORDS:
            self.say(activity, WORDS[command][0])
            self.ended.wait(self.moment)
            if command == "ACTIVATE":
                self.installed.update(self.wanted)
            self.say(activity, WORDS[command][1])
        elif command == "CLEANUP":
            self.say(activity, "CLEANUP", "UPDATE_SUCCESS")
            self.ended.wait(self.moment)
            self.say(activity, "CLEANUP_SUCCESS", "UPDATE_SUCCESS")
            self.say(activity, "COMPLETED", "UPDATE_SUCCESS")
        elif command == "ROLLBACK":
            self.say(activity, "ROLLBACK_SUCCESS", "UPDATE_FAILURE")
