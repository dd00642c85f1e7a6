#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""demo - update-broker in half a minute: an update of three domains that works, and one that is undone

Usage: demo.py [shell]        with the folder of the build in $top_builddir

Every line behind a $ is one that a user types; what follows is what it prints.  With `shell` there is no
story: the same device, and a shell to try things in.
"""
import contextlib
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from playground import Playground  # noqa: E402

INTRODUCTION = """\
An MQTT server, a web server with two releases of "web-ui", and update-brokerd with three agents, each in
a process of its own: `files` unpacks archives, `climate` and `lights` only play their parts."""

FIRST = """\
One desired state for the whole device goes out over MQTT.  The broker splits it by domain and drives
each agent through download, update and activate."""

BREAK = """\
Next, `lights` is told to fail when it activates: a file in conf.d, as an administrator would write."""

SECOND = """\
The second desired state ties the three domains together by a baseline: all of it, or nothing.  `files`
switches to its version 2.0 - and when `lights` fails, everybody goes back."""


def bold(text):
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def tell(text):
    print("\n" + text, flush=True)


class Story:
    """Runs the commands of the story; one that does not end as told ends the demo."""

    def __init__(self, play):
        self.play = play

    def type(self, command, status=0):
        print("\n" + bold("$ " + command), flush=True)
        got = self.play.shell(command).returncode
        if got != status:
            sys.stdout.write(self.play.log())
            sys.exit(f"demo: `{command}` ended with {got}, not with {status}; the daemon's log is above")

    def read(self, command):
        done = self.play.shell(command, capture_output=True, text=True)
        return done.stdout

    def send(self, activity):
        """Publishes a desired state and waits until the broker has begun with it."""
        self.type(f"mosquitto_pub -t vehicleupdate/desiredstate -f {activity}.json")
        self.play.feedback(activity)


def tell_story(play):
    story = Story(play)
    tell(INTRODUCTION)
    story.type("ubctl agents")
    story.type("ubctl inventory")

    tell(FIRST)
    story.send("first")
    story.type("ubctl watch first")
    story.type("cat www/index.html")

    tell(BREAK)
    story.type("""echo '{ "agent": "lights", "settings": { "phases": { "ACTIVATE": { "result": "fail","""
               """ "message": "no bulb" } } } }' > $CONF_D/60-lights.conf""")
    story.type("ubctl reload")
    story.type("ubctl inventory")
    before = story.read("ubctl inventory")

    tell(SECOND)
    story.send("second")
    story.type("ubctl watch second", status=3)
    story.type("ubctl inventory")
    story.type("cat www/index.html")
    if story.read("ubctl inventory") != before:
        sys.exit("demo: the inventory is not what it was before")

    tell("What the broker remembers of the two:")
    story.type("ubctl history")


def still_running(folder):
    """The processes that name a folder: everything that a playground starts names its own."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
            line = f.read().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in line:
                found.append(f"{pid} {line}")
    return found


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("demo: terminated"))
    with contextlib.suppress(KeyboardInterrupt), Playground() as play:
        play.start()
        if sys.argv[1:] == ["shell"]:
            tell(f"{INTRODUCTION}\nIn this folder are first.json and second.json.  `exit` ends it all.\n"
                 "Try: ubctl agents; ubctl apply --watch first.json; mosquitto_sub -v -t 'vehicleupdate/#'")
            play.interactive()
        else:
            tell_story(play)
    left = still_running(play.folder) + [str(play.folder)] * os.path.exists(play.folder)
    if left:
        sys.exit("demo: something is left: " + "; ".join(left))
    tell("Everything is stopped, and its folder removed.")


if __name__ == "__main__":
    main()
