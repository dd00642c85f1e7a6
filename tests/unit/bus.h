/* SPDX-License-Identifier: Apache-2.0
 *
 * bus - a system bus of the test's own: a dbus-daemon in a folder, that dies with the test
 *
 *     pid_t pid = bus_begin(&folder);
 *
 * DBUS_SYSTEM_BUS_ADDRESS names it from then on.  The including file defines _GNU_SOURCE. */
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/folder.h"

static inline void bus_write_config(const struct folder *folder)
{
        char text[2 * PATH_MAX];

        ck_assert_int_lt(snprintf(text, sizeof(text),
                                  "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration "
                                  "1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
                                  "<busconfig><listen>unix:path=%s/bus</listen><policy context='default'>"
                                  "<allow user='*'/><allow own='*'/><allow send_destination='*'/>"
                                  "<allow receive_sender='*'/></policy></busconfig>", folder->path),
                         (int)sizeof(text));
        folder_write(folder, "bus.conf", text);
}

/* Returns when it listens, at a place that is the same each time.  0, and an address where nobody
 * listens: there is no dbus-daemon. */
static inline pid_t bus_begin(const struct folder *folder)
{
        char config[PATH_MAX];
        char option[PATH_MAX + 16];
        char address[PATH_MAX];
        int ready[2];
        ssize_t n;
        pid_t pid;

        ck_assert_int_lt(snprintf(address, sizeof(address), "unix:path=%s/bus", folder->path), PATH_MAX);
        ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
        bus_write_config(folder);
        folder_path(folder, "bus.conf", config);
        (void)snprintf(option, sizeof(option), "--config-file=%s", config);
        ck_assert_int_eq(pipe(ready), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)dup2(ready[1], STDOUT_FILENO);
                (void)execlp("dbus-daemon", "dbus-daemon", option, "--nofork", "--nopidfile",
                             "--nosyslog", "--print-address=1", (char *)NULL);
                _exit(127);
        }
        (void)close(ready[1]);
        n = read(ready[0], address, sizeof(address)); /* until then it does not listen; 0: no such program */
        (void)close(ready[0]);
        if (n <= 0) {
                (void)waitpid(pid, NULL, 0);
                return 0;
        }
        return pid;
}

/* Its socket stays, as after a crash. */
static inline void bus_end(pid_t pid)
{
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
