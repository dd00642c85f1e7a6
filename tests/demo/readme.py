#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""readme - types what README.md says, and compares what comes with what it shows

A block marked `console` is a session: lines behind "$ " are typed, one after the other, in the playground of
the demo; the other lines are what the command prints.  In those, `...` stands for anything: within a line
for some characters, alone in a line for some lines.  "# exit status N" behind a command says that it does
not end with 0.  A block marked `c` or `sh` whose first line names a file is that file.  A block marked
`shell` is typed elsewhere: ELSEWHERE says where.

`ubctl agents` is typed again while an agent is starting, as somebody would do who waits for it.
"""
import os
import re
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from playground import Playground  # noqa: E402

PATIENCE = 60  # seconds, for an agent that starts
README = os.path.join(os.environ.get("top_srcdir", "."), "README.md")

# What needs a machine of its own, or a build tree, and who types it.
ELSEWHERE = {
    "./bootstrap demo": "tests/demo/demo.py",
    "./bootstrap shell": "main() below, with a shell that has nothing to do",
    "./bootstrap check": ".ci/run",
    "./bootstrap check-system": ".ci/run",
    "./bootstrap -- --prefix=/usr --sysconfdir=/etc --localstatedir=/var": ".ci/run, with other arguments",
    "make -C build install": "tests/integration/70-example-builds-outside-the-tree.sh",
}


def blocks(text):
    """(language, lines) of each fenced block."""
    found, language, lines = [], None, []
    for line in text.splitlines():
        if language is None and line.startswith("```"):
            language, lines = line[3:].strip(), []
        elif language is not None and line == "```":
            found.append((language, lines))
            language = None
        elif language is not None:
            lines.append(line)
    return found


def commands(lines):
    """(command, exit status, expected lines) of a session; a command goes on behind a \\ or a |."""
    session = []
    for line in lines:
        if session and session[-1][0].endswith(("\\", "|")):
            session[-1][0] += "\n" + line
        elif line.startswith("$ "):
            status = re.search(r"\s+# exit status (\d+)$", line)
            command = line[2:status.start()] if status else line[2:]
            session.append([command, int(status.group(1)) if status else 0, []])
        else:
            session[-1][2].append(line)
    return session


def pattern(expected):
    """A regular expression for the lines that are shown."""
    parts = []
    for line in expected:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            words = r".*".join(re.escape(word) for word in line.rstrip().split("..."))
            parts.append(re.sub(r"(?:\\ )+", r" +", words) + r" *\n")
    return "".join(parts) + r"\Z"


def settled(play, command):
    """Types a command; what it has done."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = play.shell(command, capture_output=True, text=True)
        if command != "ubctl agents" or " starting" not in done.stdout or time.monotonic() > deadline:
            return done


def type_session(play, lines):
    """Types it; returns the number of commands that did something else than README.md says."""
    failed = 0
    for command, status, expected in commands(lines):
        done = settled(play, command)
        output = done.stdout + done.stderr
        if done.returncode == status and (not expected or re.match(pattern(expected), output)):
            print("ok - " + command.splitlines()[0])
            continue
        failed += 1
        print("not ok - " + command.splitlines()[0])
        print(f"exit status {done.returncode}, expected {status}; printed:\n{output}\nexpected:")
        print("\n".join(expected), flush=True)
    return failed


def write_file(play, name, lines):
    path = play.work / name
    path.write_text("\n".join(lines) + "\n")
    if lines[0].startswith("#!"):
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def main():
    if os.environ.get("SANITIZERS") == "yes":
        print("skipped: a vendor's plugin, as README.md builds it, cannot link an SDK with sanitizers")
        sys.exit(77)
    with open(README, encoding="utf-8") as f:
        text = f.read()
    failed = typed = 0
    demo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.py")
    subprocess.run([sys.executable, demo, "shell"], env=dict(os.environ, SHELL="/bin/true"), check=True)
    with Playground() as play:
        play.start()
        for language, lines in blocks(text):
            name = re.match(r"(?:/\*|#|//) ([\w.-]+):", lines[1] if lines[0].startswith("#!") else lines[0])
            if language == "console":
                typed += 1
                failed += type_session(play, lines)
            elif language in ("c", "sh") and name:
                write_file(play, name.group(1), lines)
            elif language == "shell":
                for line in lines:
                    command = line.split("  #")[0].strip()
                    if command and command not in ELSEWHERE:
                        print("not ok - nobody types: " + command)
                        failed += 1
        if failed:
            sys.stdout.write(play.log())
    if typed == 0:
        print("not ok - README.md has no session")
        failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
