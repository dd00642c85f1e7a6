#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""selftest - every rule of lint.py, shown trees that break it and one that does not

BROKEN names, per rule, the files of small trees of which each must yield a hard finding (or a soft one,
where the rule has no hard ones).  A rule without such a tree fails the test.
"""
import os
import shutil
import sys
import tempfile

import lint

SPDX = "/* SPDX-License-Identifier: Apache-2.0\n *\n * x - an essay */\n"
ONCE = SPDX + "#pragma once\n"


def function(lines=1, parameters="void", inside="        a();\n"):
    return SPDX + "int f(%s)\n{\n%s}\n" % (parameters, inside * lines)


BROKEN = {
        "layers": [
                {"host/util/a.c": SPDX + '#include "host/json/json.h"\n'},
                {"host/config/a.c": SPDX + '#include "host/state/state.h"\n'},
                {"host/orchestrator/a.c": SPDX + '#include "host/broker/broker.h"\n'},
                {"host/plugin/a.c": SPDX + '#include "host/nowhere/x.h"\n'},
                {"host/nowhere/a.c": SPDX},
                {"plugins/fake/a.c": SPDX + '#include "host/util/diag.h"\n'},
                {"plugins/fake/a.c": SPDX + '#include "plugins/rauc/a.h"\n'},
                {"sdk/a.c": SPDX + '#include "host/util/diag.h"\n'},
                {"include/update-broker/a.h": SPDX + '#include "sdk/text.h"\n'},
        ],
        "rooms": [
                {"host/config/a.c": SPDX + "#include <cjson/cJSON.h>\n"},
                {"host/config/a.h": SPDX + "struct cJSON;\n"},
                {"host/plugin/a.c": SPDX + "#include <curl/curl.h>\n"},
                {"plugins/fake/a.c": SPDX + "#include <mosquitto.h>\n"},
        ],
        "banned_calls": [
                {"host/util/a.c": SPDX + "void f(void)\n{\n        %s;\n}\n" % call}
                for call in ("strcpy(a, b)", "strcat(a, b)", "sprintf(a, b)", "strtok(a, b)",
                             "atoi(a)", "system(a)", "popen (a, b)", "alloca(3)", "signal(1, f)",
                             "sleep(1)", "exit(1)", "fork()", "(void)vfork()")
        ] + [{"tests/unit/test-a.c": SPDX + "void f(void)\n{\n        sleep(1);\n}\n"}],
        "typedefs": [{"sdk/a.h": ONCE + "typedef struct {\n        int a;\n} b;\n"}],
        "globals_that_change": [
                {"host/util/a.c": SPDX + text}
                for text in ("static int count;\n", "char *name = 0;\n", "struct a list[4];\n",
                             "static struct a *first = 0;\n")
        ],
        "sizes": [
                {"host/util/a.c": SPDX + "\n" * 900},
                {"host/util/a.c": function(lines=100)},
                {"host/util/a.c": function(lines=30, inside="        if (a)\n                b();\n")},
                {"host/util/a.c": function(parameters="int a, int b, int c, int d, int e,\n"
                                           "      int (*f)(int, int), int g, int h")},
        ],
        "licence": [{"host/util/a.c": "int a;\n"}, {"tests/a.sh": "#!/bin/sh\ntrue\n"},
                    {"tests/a": "#!/bin/sh\ntrue\n"}],
        "essays": [{"host/util/a.h": "/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n"},
                   {"host/util/local.mk": "a = b\n"}],
        "guards": [{"host/util/a.h": SPDX + "int a;\n"},
                   {"host/util/a.h": SPDX + "/* #pragma once */\n"},
                   {"include/update-broker/a.h": ONCE}],
        "blanks": [{"host/util/a.c": SPDX + "int a; \n"}, {"host/util/a.c": SPDX + "\tint a;\n"},
                   {"host/util/a.c": SPDX + "/* %s */\n" % ("x" * 150)},
                   {"host/util/a.c": SPDX + "int a;"}],
        "leftovers": [{"README.md": "see /work/" + "shared\n"}, {"README.md": "<<<<<<< HEAD\n"},
                      {"host/util/a.c": SPDX + "/* TODO: all */\n"},
                      {"host/util/a.c": SPDX + "/* XXX */\n"}],
        "format": [{"host/util/a.c": SPDX + "int f(void) {\n    return 0;\n}\n"},
                   {"host/util/a.c": SPDX + "int f(void)\n{\n    return 0;\n}\n"}],
        "distributed": [{"host/util/a.c": SPDX, "Makefile.am": "x = host/util/a.cc\n"}],
        "scripts": [{"tests/a.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ncd $x\n"
                                   "if [ a == b; then true; fi\n"}],
        "documented": [
                {"man/%s.scd" % page: "%s in prose, and *%sx*\n" % (word, word), path: SPDX + source + "\n"}
                for page, word, path, source in (
                        ("ubctl", "--json", "host/ctl/main.c", '{ "json", no_argument, 0, 1 },'),
                        ("ubctl", "apply", "host/ctl/main.c", '{ "apply", "FILE", 1, 1, 0, f, "" },'),
                        ("ub-plugin-check", "--id", "host/plugin-check/main.c",
                         '{ "id", required_argument, 0, 1 },'),
                        ("ub-agent-host", "--inspect", "host/agent-host/main.c",
                         'if (strcmp(argv[1], "--inspect") == 0)'),
                        ("update-broker.conf", "enabled", "host/config/a.c",
                         '{ .key = "enabled", .read = f },'),
                        ("update-broker.conf", "log.logFile", "host/config/a.c",
                         '{ .key = "log.logFile",'),
                        ("update-broker.conf", "memory", "host/config/a.c", '{ "memory", &limits },'),
                        ("update-brokerd", "--log-file", "host/config/a.c", '.option = "log-file",'),
                        ("update-brokerd", "-V", "host/config/a.c", '.alias = "V",'),
                        ("update-brokerd", "Apply", "host/broker/control-a.c", 'METHOD("Apply", 0, 0),'),
                        ("ub-plugin", "start", "include/update-broker/plugin.h",
                         "        int (*start)(void *self);"))
        ] + [{"host/ctl/main.c": SPDX + '{ "json", no_argument, 0, 1 },\n'},
             {"man/ubctl.scd": "*--json* and *--jason*\n",
              "host/ctl/main.c": SPDX + '{ "json", no_argument, 0, 1 },\n'}],
        "defaults": [
                {"man/update-broker.conf.scd": page,
                 "host/config/settings-table.c": SPDX + '{ .key = "a.b",\n  .standard = "30s" },\n'}
                for page in ("", "*a.b* (default _3s_)\n", "*a.b* says _30s_\n")],
        "plugins_documented": [
                {"plugins/fake/a.c": SPDX + 'char settings_schema[] = "{\\"reboot\\":{}}";\n',
                 "man/ub-plugin-fake.scd": page, "conf.d/a.conf": registration}
                for page, registration in (
                        ("reboot\n", '{ "plugin": "fake" // "reboot": false\n }\n'),
                        ("*reboot*\n", '{ "plugin": "fake" // reboot\n }\n'))
        ] + [{"plugins/fake/a.c": SPDX, "conf.d/a.conf": '{ "plugin": "fake" }\n'},
             {"plugins/fake/a.c": SPDX, "man/ub-plugin-fake.scd": "x\n"}],
        "exceptions": [{"tests/lint/allow": "sizes host/util/a.c f because\n"},
                       {"tests/lint/allow": "sizes a b c\n" * 2 + "".join(
                               "sizes a%d b c\n" % i for i in range(lint.ALLOWED_AT_MOST))}],
}
INFORMATIVE = ("comments",)
NEEDS = {  # {rule: (what it needs, is it there?)}
    "format": ("clang-format 14", lint.have_clang_format),
    "scripts": ("shellcheck", lambda: shutil.which("shellcheck")),
    "sizes": ("pmccabe", lambda: shutil.which("pmccabe")),
}

GOOD = {
        "host/util/a.h": ONCE + "struct a;\n\nint a_get(const struct a *a);\n",
        "host/util/a.c": SPDX + '#include "host/util/a.h"\n\n'
                         "/* strcpy(), exit() and a TODO(#3) in a comment are fine. */\n"
                         "static const char *const names[] = { \"exit(1)\", \"sleep(2)\" };\n\n"
                         "int a_get(const struct a *a)\n{\n"
                         "        return a->exit(names[0]) + my_fork(a) + _exit_code;\n}\n",
        "host/config/a.c": SPDX + '#include "host/util/a.h"\n',
        "host/util/spawn.c": SPDX + "int f(void)\n{\n        return fork();\n}\n",
        "host/main.c": SPDX + "int main(void)\n{\n        exit(0);\n}\n",
        "plugins/fake/a.c": SPDX + '#include "plugins/fake/b.h"\n#include <curl/curl.h>\n',
        "include/update-broker/a.h": SPDX + "#ifndef A_H\n#define A_H\n\n#endif\n",
        "tests/a.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ntrue\n",
        "host/ctl/main.c": SPDX + "/* --json */\n",
        "plugins/fake/c.c": SPDX + 'const char settings_schema[] = "{\\"reboot\\":{}}";\n',
        "man/ub-plugin-fake.scd": "*reboot* and *--whatever*\n",
        "conf.d/a.conf": '{ "plugin": "fake",\n  // "reboot": false\n}\n',
        "host/config/settings-table.c":
                SPDX + '/* { .key = "a.b",\n *  .standard = "30s" }, */\n',
        "man/update-broker.conf.scd": "*a.b* (duration, default _30s_)\n",
        **{path: "<<<<<<< /tmp/\n" for path in (  # what debhelper leaves
                "debian/autoreconf.before", "debian/a.debhelper.log", "debian/a.substvars",
                "debian/debhelper-build-stamp", "debian/files", "debian/tmp/usr/a.c")},
}


def findings(files, rules=None):
    """{rule: findings} for a tree of these files"""
    with tempfile.TemporaryDirectory() as top:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(top, path)) or top, exist_ok=True)
            with open(os.path.join(top, path), "w", encoding="utf-8") as file:
                file.write(text)
        config = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".clang-format")
        if os.path.exists(config) and ".clang-format" not in files:
            shutil.copy(config, top)
        return {check.__name__: list(found) for check, found in lint.run(lint.Tree(top), rules)}


def main():
    number = failed = 0

    def verdict(good, name, why=""):
        nonlocal number, failed
        number += 1
        failed += not good
        print("%s %d - %s%s" % ("ok" if good else "not ok", number, name, why))

    rules = {check.__name__: [check] for check in lint.RULES}
    rules["exceptions"] = []
    for check in rules:
        if check in INFORMATIVE:
            continue
        if check in NEEDS and not NEEDS[check][1]():
            verdict(True, "%s can fail" % check, " # SKIP %s is not installed" % NEEDS[check][0])
            continue
        missed = [files for files in BROKEN.get(check, []) if not findings(files, rules[check])[check]]
        verdict(BROKEN.get(check) and not missed, "%s can fail" % check)
        for files in missed:
            print("# not noticed: %s" % files)
    wrong = [lint.Finding(*f) for found in findings(GOOD).values() for f in found]
    verdict(not wrong, "a good tree has no findings")
    for finding in wrong:
        lint.show(finding, "# ")
    print("1..%d" % number)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
