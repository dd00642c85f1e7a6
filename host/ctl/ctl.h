/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl - what the commands of ubctl share
 *
 * A command is a function of the command line that returns the exit status.  What it has to say
 * goes to stdout; complaints go to stderr, one line each. */
#pragma once

#include <stdbool.h>

/* The outcome of an activity is the exit status of who waited for it; documented in ubctl(1). */
enum ctl_exit {
        CTL_EXIT_COMPLETED = 0,
        CTL_EXIT_FAILURE = 1, /* not connected, refused, not found, ... */
        CTL_EXIT_USAGE = 2,
        CTL_EXIT_INCOMPLETE = 3,
        CTL_EXIT_IDENTIFICATION_FAILED = 4, /* also: the desired state was refused */
        CTL_EXIT_SUPERSEDED = 5,
        CTL_EXIT_INCONSISTENT = 6,
};

struct ctl {
        const char *socket;
        const char *conf_dir; /* of enable and disable */
        const char *activity; /* NULL: not given */
        bool json;
        bool watch;
        bool dry_run;
        bool terminal; /* stdout is one */
        bool colour;
        int argc; /* what is not an option */
        char **argv;
};

/* "ubctl: ..." to stderr; returns CTL_EXIT_FAILURE. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

int ctl_status(const struct ctl *ctl);
int ctl_agents(const struct ctl *ctl);
int ctl_inventory(const struct ctl *ctl);
int ctl_history(const struct ctl *ctl);
int ctl_slots(const struct ctl *ctl);
int ctl_apply(const struct ctl *ctl);
int ctl_watch(const struct ctl *ctl);
int ctl_cancel(const struct ctl *ctl);
int ctl_reload(const struct ctl *ctl);
int ctl_enable(const struct ctl *ctl);
int ctl_disable(const struct ctl *ctl);
/* Takes the options of update-brokerd as they are: argv[0] is the command. */
int ctl_check_config(int argc, char **argv, bool json);
