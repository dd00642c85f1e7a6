#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint - the rules of the house that a machine can check

    lint.py [--tap] [TOP]         check a tree; exit 1 when a hard rule is broken
    lint.py --reformat [TOP]      mend what `format` names, and lines that are too wide

A rule is one function, marked @rule, that takes the tree and yields findings.  A finding is hard (the
tree is refused) or soft (printed).  selftest.py shows every rule a small tree that breaks it: a rule that
cannot fail is a defect.  Exceptions stand in the file `allow`, each with its reason; an exception that
is not needed is an error itself, and their number has a limit, so the list can only shrink.
"""
import collections
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

Finding = collections.namedtuple("Finding", "path line text hard")
Function = collections.namedtuple("Function", "name line lines complexity parameters")

RULES = []
TOP_FOLDERS = ("host", "plugins", "sdk", "include", "conf.d", "tests", "man", "completions",
               "systemd", "debian", ".ci")
TOP_FILES = ("configure.ac", "Makefile.am", "bootstrap", "README.md", ".clang-format")
ALLOWED_AT_MOST = 12

# The floors of the house, ground floor first.  A module includes lower floors and itself.
FLOORS = {"util": 0, "json": 1, "model": 2, "config": 3, "mqtt": 3, "state": 3, "plugin": 3,
          "log": 3, "orchestrator": 4, "broker": 5, "main.c": 6, "agent-host": 6,
          "plugin-check": 6, "ctl": 6}

# Libraries that only some rooms may see.
ROOMS = {
        r"cjson/": ("host/json/", "sdk/"),
        r"mosquitto": ("host/mqtt/", "tests/"),
        r"curl/": ("sdk/", "plugins/", "tests/"),
        r"archive": ("sdk/", "plugins/", "tests/"),
        r"seccomp": ("host/plugin/sandbox.c", "tests/"),
}

# Calls that are banned, why, and the path prefixes where they are at home.
BANNED = {
        "strcpy|strcat|sprintf|vsprintf|gets": ("has no limit: snprintf", ()),
        "strtok": ("keeps state: strcspn, strsep", ()),
        "atoi|atol|atof": ("cannot fail: strtol and a check", ()),
        "system|popen": ("runs a shell: host/util/spawn.h", ()),
        "alloca": ("has no limit: malloc", ()),
        "signal": ("is not portable: sigaction", ("tests/bad/",)),
        "sleep|usleep|nanosleep": ("await the event instead", ("plugins/fake/", "tests/bad/")),
        "exit": ("only main.c ends the process; a child leaves by _exit", ("tests/",)),
        "fork|vfork|clone|posix_spawn|posix_spawnp": (
                "children are made in host/util/spawn.c", ("host/util/spawn.c", "tests/")),
}

LIMITS = {"file": (600, 900), "function": (60, 100), "complexity": (15, 25), "parameters": (5, 7)}
COLUMNS = (100, 140)


class Tree:
    """The files of a source tree, read once."""

    def __init__(self, top):
        self.top = top
        self.notes = []  # what could not be checked, and figures
        self.paths = sorted(self._find())
        self._texts = {}
        self._code = {}

    def _find(self):
        for name in TOP_FILES:
            if os.path.isfile(os.path.join(self.top, name)):
                yield name
        for folder in TOP_FOLDERS:
            for where, folders, files in os.walk(os.path.join(self.top, folder)):
                # What begins with a dot is made by compilers, libtool and debhelper.
                folders[:] = [f for f in folders if f[0] != "." and f not in (
                        "__pycache__", "autom4te.cache", "corpus", "data")]
                if where == os.path.join(self.top, "debian"):
                    folders[:] = [f for f in folders if f == "source"]  # others become packages
                for name in files:
                    path = os.path.relpath(os.path.join(where, name), self.top)
                    if self._is_source(path):
                        yield path

    def _is_source(self, path):
        name = os.path.basename(path)
        if name.startswith(".") and path not in TOP_FILES or name.endswith(("~", ".pyc")):
            return False
        if re.fullmatch(r"man/.*\.(roff|[1-8])", path):
            return False  # made by scdoc
        if re.fullmatch(r"debian/(.*\.debhelper(\.log)?|.*\.substvars|.*-stamp|files|autoreconf\..*)", path):
            return False  # made by debhelper
        with open(os.path.join(self.top, path), "rb") as file:
            return b"\0" not in file.read(4096)

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = self.read(self.top, path)
        return self._texts[path]

    @staticmethod
    def read(top, path):
        with open(os.path.join(top, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self, path):
        return enumerate(self.text(path).split("\n"), 1)

    def code(self, path):
        """The C text with comments and the insides of strings blanked; line numbers stay."""
        if path not in self._code:
            self._code[path] = blank(self.text(path))
        return self._code[path]

    def code_lines(self, path):
        return enumerate(self.code(path).split("\n"), 1)

    def c_files(self, *folders):
        return [p for p in self.paths if p.endswith((".c", ".h", ".cc"))
                and (not folders or p.startswith(folders))]

    def scripts(self):
        return [p for p in self.paths if p.endswith((".sh", ".tap"))
                or re.match(r"#!.*\bsh\b", self.text(p))]

    def note(self, text):
        self.notes.append(text)


def rule(function):
    RULES.append(function)
    return function


def hard(path, line, text):
    return Finding(path, line, text, True)


def soft(path, line, text):
    return Finding(path, line, text, False)


def over(path, line, kind, value, what):
    """A finding when value is over the soft or the hard limit of its kind."""
    limit_soft, limit_hard = LIMITS[kind]
    if value > limit_hard:
        yield hard(path, line, "%s: %d, the limit is %d" % (what, value, limit_hard))
    elif value > limit_soft:
        yield soft(path, line, "%s: %d, better at most %d" % (what, value, limit_soft))


def blank(text):
    keep_newlines = lambda s: re.sub(r"[^\n]", " ", s)

    def replace(match):
        token = match.group(0)
        if token[0] == '"' or token[0] == "'":
            return token[0] + keep_newlines(token[1:-1]) + token[-1]
        return keep_newlines(token)

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', replace, text,
                  flags=re.S)


def includes(tree, path):
    for number, line in tree.lines(path):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def first_lines(text, count):
    return "\n".join(text.split("\n")[:count])


# ------------------------------------------------------------------------------------------ layers

def module_of(path):
    """host/util/file.c -> util; host/main.c -> main.c"""
    return path.split("/")[1]


@rule
def layers(tree):
    """a floor includes only lower floors; plugins, SDK and public headers never see the host"""
    for path in tree.c_files("host/"):
        own = module_of(path)
        if own not in FLOORS:
            yield hard(path, 1, "host/%s has no floor: give it one in lint.py" % own)
            continue
        for line, _, target in includes(tree, path):
            if not target.startswith("host/"):
                continue
            other = module_of(target)
            if other == own:
                continue
            if other not in FLOORS:
                yield hard(path, line, "%s: that module has no floor" % target)
            elif FLOORS[other] == FLOORS[own]:
                yield hard(path, line, "%s is on the same floor as host/%s" % (target, own))
            elif FLOORS[other] > FLOORS[own]:
                yield hard(path, line, "%s is above host/%s" % (target, own))
    for path in tree.c_files("plugins/"):
        own = "/".join(path.split("/")[:2]) + "/"
        for line, quote, target in includes(tree, path):
            if target.startswith("host/"):
                yield hard(path, line, "a plugin never sees the host: %s" % target)
            elif target.startswith("plugins/") and not target.startswith(own):
                yield hard(path, line, "a plugin never sees another one: %s" % target)
    for path in tree.c_files("sdk/", "include/"):
        for line, _, target in includes(tree, path):
            if target.startswith(("host/", "plugins/")):
                yield hard(path, line, "the SDK never sees the host or a plugin: %s" % target)
            elif path.startswith("include/") and target.startswith("sdk/"):
                yield hard(path, line, "a public header never needs a private one: %s" % target)


@rule
def rooms(tree):
    """a library is seen only by the rooms that are about it"""
    for path in tree.c_files("host/", "plugins/", "sdk/", "include/"):
        for line, _, target in includes(tree, path):
            for library, homes in ROOMS.items():
                if re.match(library, target) and not path.startswith(homes):
                    yield hard(path, line, "<%s> belongs in %s" % (target, ", ".join(homes)))
        if not path.startswith(ROOMS["cjson/"]):
            for line, text in tree.code_lines(path):
                if re.search(r"\bcJSON", text):
                    yield hard(path, line, "cJSON belongs in host/json and sdk")


# ------------------------------------------------------------------------------------------- calls

@rule
def banned_calls(tree):
    """calls that are banned, and exit and fork outside their homes"""
    for path in tree.c_files():
        for names, (why, homes) in BANNED.items():
            if path.startswith(homes) or names == "exit" and path.endswith("main.c"):
                continue
            calls = re.compile(r"(?<![\w.>])(%s)\s*\(" % names)
            for line, text in tree.code_lines(path) if calls.search(tree.code(path)) else ():
                for match in calls.finditer(text):
                    yield hard(path, line, "%s(): %s" % (match.group(1), why))


@rule
def typedefs(tree):
    """no typedef for a struct, a union or an enum"""
    for path in tree.c_files():
        for line, text in tree.code_lines(path):
            if re.search(r"\btypedef\s+(struct|union|enum)\b", text):
                yield hard(path, line, "say `struct x`, `enum x` everywhere")


@rule
def globals_that_change(tree):
    """no variable outside functions that is not const"""
    declaration = re.compile(r"(static\s+)?(?!.*\bconst\b)(?!typedef|extern|return|else|goto)"
                             r"[a-z_][\w \*]*[ \*](\w+)(\[[^\]]*\])*\s*(=[^=]|;)")
    for path in tree.c_files("host/", "sdk/", "plugins/"):
        for line, text in tree.code_lines(path):
            if re.match(r"(struct|union|enum)\s+\w+\s*;", text):
                continue
            match = declaration.match(text)
            if match:
                yield hard(path, line, "%s: keep it in a struct, or make it const" % match.group(2))


# ------------------------------------------------------------------------------------------- sizes

def functions(tree, paths):
    """What pmccabe(1) says of each function, and how many parameters it has."""
    if not paths:
        return
    said = subprocess.run(["pmccabe"] + [os.path.join(tree.top, p) for p in paths],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout
    for row in said.splitlines():
        complexity, _, _, first, lines, where = row.split("\t")
        match = re.match(r"(.*)\((\d+)\): (.*)$", where)
        path = os.path.relpath(match.group(1), tree.top)
        name, line = match.group(3), int(match.group(2))
        if name in ("START_TEST", "UNIT_MAIN", "UNIT_MAIN_TIMEOUT"):
            continue  # macros; the body is that of a test, whose length is its own affair
        yield path, Function(name, line, int(lines), int(complexity),
                             count_parameters(tree, path, name, int(first)))


def count_parameters(tree, path, name, line):
    code = "\n".join(tree.code(path).split("\n")[line - 1:line + 40])
    match = re.search(r"\b%s\s*\(" % re.escape(name), code)
    if not match:
        return 0
    depth, commas, begin = 1, 0, match.end()
    for i in range(begin, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        commas += code[i] == "," and depth == 1
        if depth == 0:
            inside = code[begin:i].strip()
            return 0 if inside in ("", "void") else commas + 1
    return 0


@rule
def sizes(tree):
    """files, functions, complexity and parameters have limits"""
    paths = tree.c_files("host/", "plugins/", "sdk/", "include/", "tests/")
    for path in paths:
        yield from over(path, 1, "file", tree.text(path).count("\n"), "lines of the file")
    if not shutil.which("pmccabe"):
        tree.note("NOT CHECKED: length and complexity of functions (pmccabe is not installed)")
        return
    for path, f in functions(tree, [p for p in paths if p.endswith(".c")]):
        yield from over(path, f.line, "function", f.lines, "lines of %s" % f.name)
        yield from over(path, f.line, "complexity", f.complexity, "complexity of %s" % f.name)
        yield from over(path, f.line, "parameters", f.parameters, "parameters of %s" % f.name)


# ------------------------------------------------------------------------------------------ layout

@rule
def licence(tree):
    """every source says its licence in its first lines"""
    for path in tree.paths:
        if not path.endswith((".c", ".h", ".cc", ".sh", ".tap", ".py", ".ac", ".mk", ".am", ".map")) \
                and not tree.text(path).startswith("#!"):
            continue
        if path.endswith("local.mk"):
            continue  # begins with the sentence that says what lives in the folder
        if "SPDX-License-Identifier: Apache-2.0" not in first_lines(tree.text(path), 3):
            yield hard(path, 1, "SPDX-License-Identifier: Apache-2.0 is missing")


@rule
def essays(tree):
    """a header, and a folder's local.mk, begins by saying what it is for"""
    for path in tree.paths:
        if path.endswith("local.mk") and not re.match(r"# \S+: \S", tree.text(path)):
            yield hard(path, 1, "begin with `# FOLDER: what lives here.`")
    for path in tree.c_files("host/", "include/", "sdk/", "plugins/"):
        if path.endswith(".h") and not re.search(r"\*\n \* \S+ - \S", first_lines(tree.text(path), 5)):
            yield hard(path, 1, "begin with `NAME - what it is for`")


@rule
def guards(tree):
    """a header is safe to include twice"""
    for path in tree.c_files():
        if not path.endswith(".h"):
            continue
        code = tree.code(path)
        classic = re.search(r"^#ifndef (\w+)\n#define \1\b", code, re.M)
        if path.startswith("include/") and not classic:
            yield hard(path, 1, "a public header has a classic guard")
        elif not classic and "#pragma once" not in code:
            yield hard(path, 1, "#pragma once is missing")


@rule
def blanks(tree):
    """no tabs, no trailing blanks, at most 100 columns, a newline at the end"""
    for path in tree.paths:
        code_like = path.endswith((".c", ".h", ".cc", ".py", ".sh", ".tap")) or path == "bootstrap"
        for line, text in tree.lines(path):
            if text != text.rstrip():
                yield hard(path, line, "blanks at the end of the line")
            if code_like and "\t" in text:
                yield hard(path, line, "a tab")
            if code_like and len(text) > COLUMNS[0]:
                yield Finding(path, line, "%d columns" % len(text), len(text) > COLUMNS[1])
        if tree.text(path) and not tree.text(path).endswith("\n"):
            yield hard(path, 1, "no newline at the end of the file")


@rule
def leftovers(tree):
    """no paths of one machine, no merge marks, no work without an issue"""
    machine = re.compile(r"(?<![\w.])(/work/|/tmp/w/|/tmp/hub|/tmp/brief|/home/[a-z])")
    work = re.compile(r"\b(XXX|FIXME)\b|\bTODO\b(?!\(#\d+\))")
    for path in tree.paths:
        if path.startswith("tests/lint/"):
            continue
        for line, text in tree.lines(path):
            if machine.search(text):
                yield hard(path, line, "a path of one machine: %s" % text.strip())
            if re.match(r"(<<<<<<<|>>>>>>>) ", text):
                yield hard(path, line, "a merge mark")
            if work.search(text):
                yield hard(path, line, "say TODO(#issue), or do it")


def ignoring_alignment(lines):
    """The lines with their indentation but single blanks inside."""
    return [re.sub(r"(?<=\S) +", " ", line).replace(") {", "){") for line in lines]


def formatted(tree):
    """{path: text} as clang-format writes it; one process for all, since starting it takes longest."""
    with tempfile.TemporaryDirectory() as top:
        paths = tree.c_files()
        if not paths:
            return {}
        for path in paths + [".clang-format"]:
            os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
            shutil.copyfile(os.path.join(tree.top, path), os.path.join(top, path))
        subprocess.run(["clang-format", "-i"] + paths, cwd=top, check=True)
        return {path: Tree.read(top, path) for path in paths}


def format_hunks(tree):
    """What clang-format would change: (path, first line, last line, replacement).

    Macros and the text of comments are left alone, and so are line breaks, except before a brace."""
    for path, said in formatted(tree).items():
        ours, theirs = tree.text(path).split("\n"), said.split("\n")
        ours_plain, theirs_plain = ignoring_alignment(ours), ignoring_alignment(theirs)
        if ours_plain == theirs_plain:
            continue
        matcher = difflib.SequenceMatcher(None, ours_plain, theirs_plain, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            before, touched = ours[max(i1 - 1, 0):i1], ours[i1:i2] + theirs[j1:j2]
            in_macro = any(re.match(r"\s*#\s*define\b|.*\\$", t) for t in before + touched)
            in_comment = any(re.match(r"\s*\*( |/|$)", t) for t in touched)
            same_breaks = i2 - i1 == j2 - j1
            brace = any(t.strip() == "{" for t in theirs[j1:j2])
            if tag != "equal" and not in_macro and not in_comment and (same_breaks or brace):
                yield path, i1, i2, theirs[j1:j2]


def have_clang_format():
    """Another version has another taste."""
    if not shutil.which("clang-format"):
        return False
    version = subprocess.run(["clang-format", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return "version 14." in version


@rule
def format(tree):
    """indentation, blanks and braces as clang-format 14 sets them"""
    if not have_clang_format():
        tree.note("NOT CHECKED: format (clang-format 14 is not installed)")
        return
    for path, first, _, lines in format_hunks(tree):
        yield hard(path, first + 1, "clang-format would write:\n" +
                   "\n".join("    " + text for text in lines))


def reflow(lines, is_comment):
    """Moves what is beyond the last column of a comment to the next line of its paragraph.

    Knows prose, items with a hanging indent ("word  explanation") and rulers; what else is too wide,
    a drawing for example, is left to people."""
    shape = re.compile(r"( *)(/\*|\*)( +)(.*)$")
    joined = -1  # the line that the one before overflowed into
    i = 0
    while i < len(lines):
        lines[i] = re.sub(r"^( *)/\* -{%d}" % max(len(lines[i]) - COLUMNS[0], 1), r"\1/* ", lines[i]) \
            if len(lines[i]) > COLUMNS[0] and "/* ----" in lines[i] else lines[i]
        match = shape.match(lines[i])
        if len(lines[i]) <= COLUMNS[0] or not match or not is_comment[i]:
            i += 1
            continue
        _, opener, gap, text = match.groups()
        star = match.group(1) + (" *" if opener == "/*" else "*")
        item = len(gap) > 1 and re.match(r"\S+( \S+)?( \S+)?(?<![.:]) {2,}", text)
        cut = lines[i].rfind(" ", 0, COLUMNS[0] + 1)
        if lines[i][cut + 1:] == "*/":
            cut = lines[i].rfind(" ", 0, cut)
        if not lines[i][:max(cut, 0)].strip(" /*"):
            i += 1  # one word that is too long by itself: it would move down for ever
            continue
        after = shape.match(lines[i + 1]) if i + 1 < len(lines) and is_comment[i + 1] else None
        after_gap = len(after.group(3)) if after and after.group(2) == "*" else 0
        hanging = len(gap) + (item.end() if item else 0)
        starts_item = after and re.match(r"[-*/]|\S+( \S+)? {2,}(?<![.:] {2})", after.group(4))
        if len(gap) > 1 and not item and joined != i:
            i += 1
            continue
        rest = lines[i][cut + 1:]
        if after_gap == hanging and not rest.endswith("*/") and not starts_item:
            space = "  " if rest.endswith((".", ":")) else " "
            lines[i + 1] = star + after.group(3) + rest + space + after.group(4)
        else:
            lines.insert(i + 1, star + " " * hanging + rest)
            is_comment.insert(i + 1, True)
        lines[i] = lines[i][:cut].rstrip()
        i += 1
        joined = i
    return lines


def narrow(tree, path, lines, is_comment):
    """Has clang-format break the lines of code that are too wide, and only those."""
    wide = [i for i, line in enumerate(lines, 1)
            if len(line) > COLUMNS[0] and not is_comment[i - 1] and not line.endswith("\\")]
    if not wide:
        return lines
    style = re.sub(r"^#.*\n", "", tree.text(".clang-format"), flags=re.M).strip()
    style = "{%s}" % style.replace("ColumnLimit: 0", "ColumnLimit: %d" % COLUMNS[0]).replace("\n", ", ")
    said = subprocess.run(["clang-format", "--style=" + style, "--assume-filename=" + path] +
                          ["--lines=%d:%d" % (i, i) for i in wide],
                          input="\n".join(lines), stdout=subprocess.PIPE, text=True, check=True)
    return said.stdout.split("\n")


def reformat(tree):
    hunks = list(format_hunks(tree))
    for path in tree.c_files():
        lines = tree.text(path).split("\n")
        for _, first, last, replacement in reversed([h for h in hunks if h[0] == path]):
            lines[first:last] = replacement
        for change in (reflow, lambda l, c: narrow(tree, path, l, c)):
            code = blank("\n".join(lines)).split("\n")
            lines = change(lines, [not text.strip() for text in code])
        if "\n".join(lines) != tree.text(path):
            with open(os.path.join(tree.top, path), "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            print("%s: rewritten" % path)


@rule
def comments(tree):
    """the share of comments per folder, for people to judge"""
    for folder in ("include", "sdk", "host", "plugins", "tests"):
        total = commented = 0
        for path in tree.c_files(folder + "/"):
            text = tree.text(path)
            total += sum(1 for line in text.split("\n") if line.strip())
            for match in re.finditer(r"/\*.*?\*/|//[^\n]*", text, re.S):
                commented += match.group(0).count("\n") + 1
        if total:
            tree.note("comments in %-8s %2d %% of %d lines" % (folder, 100 * commented // total, total))
    return iter(())


# ----------------------------------------------------------------------------------------- project

@rule
def distributed(tree):
    """every file stands in a makefile, so that `make dist` packs it"""
    makefiles = [p for p in tree.paths if p.endswith((".mk", ".am", ".ac"))]
    if "Makefile.am" not in makefiles:
        return
    said = "\n".join(tree.text(p) for p in makefiles)
    for path in tree.paths:
        if path in makefiles or path in ("README.md", "configure.ac"):
            continue
        if path.endswith(".in") and path[:-3] in said:
            continue
        if not re.search(r"(?<![\w./-])%s(?![\w/-])" % re.escape(path), said):
            yield hard(path, 1, "is in no makefile (sources or EXTRA_DIST)")


@rule
def scripts(tree):
    """shell scripts pass shellcheck"""
    if not shutil.which("shellcheck"):
        tree.note("NOT CHECKED: shell scripts (shellcheck is not installed)")
        return
    paths = tree.scripts()
    if not paths:
        return
    said = subprocess.run(["shellcheck", "-S", "warning", "-f", "gcc"] + paths, cwd=tree.top,
                          stdout=subprocess.PIPE, text=True, check=False).stdout
    for row in said.splitlines():
        path, line, _, text = row.split(":", 3)
        yield hard(path, int(line), text.strip())


# What has to be documented, and where: a pattern for lines of source, the files that it is for, and the
# page (man/PAGE.scd) with the form that the word has there.  A page sets such words in bold.
DOCUMENTED = (
        # the table of settings, and the two that each domain has
        (r'\.key = "([\w.]+)"', r"host/config/.*\.c", "update-broker.conf", "%s"),
        (r'\.option = "([\w-]+)"', r"host/config/.*\.c", "update-brokerd", "-%s"),
        (r'\.alias = "([\w-]+)"', r"host/config/.*\.c", "update-brokerd", "-%s"),
        (r'\{ "(\w+)", &\w', r"host/config/.*\.c", "update-broker.conf", "%s"),
        # programs with getopt_long(3), or two options only
        (r'\{ "([a-z][\w-]*)", *(?:no|required|optional)_argument', r"host/ctl/.*", "ubctl", "--%s"),
        (r'\{ "([a-z][\w-]*)", *(?:no|required|optional)_argument', r"host/plugin-check/.*",
         "ub-plugin-check", "--%s"),
        (r'\{ "([a-z][\w-]*)", *(?:no|required|optional)_argument', r"host/main\.c",
         "update-brokerd", "--%s"),
        (r'strcmp\(argv\[1\], "(--[\w-]+)"', r"host/agent-host/.*", "ub-agent-host", "%s"),
        # commands of ubctl, D-Bus, the ABI
        (r'\{ "([a-z-]+)", "[^"]*", \d+, \d+,', r"host/ctl/main\.c", "ubctl", "%s"),
        (r'(?:METHOD|SD_BUS_SIGNAL)\("(\w+)"', r"host/broker/control-.*", "update-brokerd", "%s"),
        (r"^        (?!typedef)\w[\w *]*\(\*(\w+)\)\(", r"include/update-broker/plugin\.h",
         "ub-plugin", "%s"),
)
# A member of "properties" in the JSON Schema that a plugin has as a C string.
SCHEMA_KEY = re.compile(r'\\"(?!properties|items|additionalProperties)([A-Za-z][\w-]*)\\":(?:\{|" *[A-Z_]+)')


def has_bold(page, word):
    return re.search(r"\*[^*\n]*(?<![\w.])%s(?![\w-])[^*\n]*\*" % re.escape(word), page)


def page_of(tree, name):
    path = "man/%s.scd" % name
    return tree.text(path) if path in tree.paths else ""


@rule
def documented(tree):
    """every option, command, key, method and slot of the ABI stands in bold in its man page"""
    known = set()
    for pattern, files, page, form in DOCUMENTED:
        for path in tree.c_files("host/", "include/"):
            if not re.fullmatch(files, path):
                continue
            for line, text in tree.lines(path):
                for match in re.finditer(pattern, text):
                    if "/* internal */" in text:
                        continue
                    word = form % match.group(1)
                    known.add(word.lstrip("-"))
                    if not has_bold(page_of(tree, page), word):
                        yield hard(path, line, "%s is not in man/%s.scd" % (word, page))
    for name in ("update-brokerd", "ubctl", "ub-plugin-check", "ub-agent-host"):
        for line, text in enumerate(page_of(tree, name).split("\n"), 1):
            for word in re.findall(r"\*--([a-z][\w-]*)", text):
                if known and word not in known:
                    yield hard("man/%s.scd" % name, line, "no program has --%s" % word)


@rule
def defaults(tree):
    """the page of a key says the default that its row has"""
    path, key = "host/config/settings-table.c", None
    page = page_of(tree, "update-broker.conf")
    for line, text in tree.lines(path) if path in tree.paths else ():
        if re.search(r"\{ \.(key|option) = ", text):
            match = re.search(r'\.key = "([\w.]+)"', text)
            key = match and match.group(1)
        match = re.search(r'\.standard = "([^"]+)"', text)
        if match and key and not re.search(r"^\*%s\* \(.*_%s_" % (
                re.escape(key), re.escape(match.group(1))), page, re.M):
            yield hard(path, line, "man/update-broker.conf.scd says of %s no default _%s_" % (
                    key, match.group(1)))


@rule
def plugins_documented(tree):
    """every plugin has a page and a registration in conf.d, both with all keys of its schema"""
    for folder in sorted({p.split("/")[1] for p in tree.c_files("plugins/")}):
        name = "ub-plugin-" + folder
        paths = tree.c_files("plugins/%s/" % folder)
        registered = "".join(tree.text(p) for p in tree.paths if re.fullmatch(r"conf\.d/.*\.conf", p)
                             and re.search(r'"plugin": *"%s"' % re.escape(folder), tree.text(p)))
        if not page_of(tree, name):
            yield hard(paths[0], 1, "there is no man/%s.scd" % name)
        if not registered:
            yield hard(paths[0], 1, "no conf.d/*.conf registers the plugin %s" % folder)
        for path in paths:
            for line, text in tree.lines(path) if "settings_schema" in tree.text(path) else ():
                for key in SCHEMA_KEY.findall(text):
                    if not has_bold(page_of(tree, name), key):
                        yield hard(path, line, "%s is not in man/%s.scd" % (key, name))
                    if '"%s":' % key not in registered:
                        yield hard(path, line, "%s is in no registration of %s in conf.d, not even "
                                   "commented out" % (key, folder))


# -------------------------------------------------------------------------------------- allow list

def read_allowed(tree):
    """{(rule, path, name): reason} of tests/lint/allow"""
    allowed = {}
    if "tests/lint/allow" not in tree.paths:
        return allowed
    for number, line in tree.lines("tests/lint/allow"):
        if not line or line.startswith("#"):
            continue
        words = line.split(None, 3)
        if len(words) < 4:
            sys.exit("tests/lint/allow:%d: expected RULE PATH TEXT REASON" % number)
        allowed[tuple(words[:3])] = words[3]
    return allowed


def run(tree, rules=None):
    """[(rule, findings)], the exceptions taken out."""
    allowed = read_allowed(tree)
    used = set()
    results = []
    for check in RULES if rules is None else rules:
        kept = []
        for finding in check(tree):
            keys = [k for k in allowed if k[:2] == (check.__name__, finding.path)
                    and k[2] in finding.text]
            used.update(keys)
            if not keys:
                kept.append(finding)
        results.append((check, kept))
    stale = [hard("tests/lint/allow", 1, "not needed: %s" % " ".join(k))
             for k in allowed if k not in used]
    if len(allowed) > ALLOWED_AT_MOST:
        stale.append(hard("tests/lint/allow", 1, "more than %d exceptions" % ALLOWED_AT_MOST))

    def exceptions(_):
        """the list of exceptions holds only what is needed"""
    return results + [(exceptions, stale)]


def show(finding, prefix):
    text = "%s:%d: %s%s" % (finding.path, finding.line, "" if finding.hard else "(soft) ",
                            finding.text)
    print("\n".join(prefix + line for line in text.split("\n")))


def main(arguments):
    tap = "--tap" in arguments
    names = [a for a in arguments if not a.startswith("--")]
    tree = Tree(names[0] if names else os.path.join(os.path.dirname(__file__), "..", ".."))
    if "--reformat" in arguments:
        return reformat(tree)
    failed = number = 0
    for number, (check, findings) in enumerate(run(tree), 1):
        broken = any(f.hard for f in findings)
        failed += broken
        if tap:
            print("%s %d - %s: %s" % ("not ok" if broken else "ok", number, check.__name__,
                                      check.__doc__))
        for finding in findings:
            if finding.hard or not tap:
                show(finding, "# " if tap else "")
    for note in tree.notes:
        print(("# " if tap else "lint: ") + note)
    if tap:
        print("1..%d" % number)
    else:
        print("lint: %d files, %d rules, %d broken" % (len(tree.paths), number, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
