/* SPDX-License-Identifier: Apache-2.0
 *
 * life - takes a plugin through a whole life, against a host that only records
 *
 * The host side is the real one (host/plugin/instance.h); only the broker behind it is missing.
 * Every request and every event becomes a line of the transcript, so that two lives, one in a
 * process of its own and one in this process, can be compared:
 *
 *     > request          what the host asked
 *     < event            what the plugin answered
 *     ~ < feedback ...   progress, whose number and pace may differ from run to run
 *     ~ < current_state  an inventory that nobody asked for
 *     # line             a log line of the plugin, a remark
 *     ! problem          a rule of plugin.h that the plugin does not keep
 *
 * The script (life.c) is written as one function per chapter, read from top to bottom; each waits
 * on a private event loop for the answer, with a limit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct diag;

struct life_options {
        const char *plugin;        /* path of the .so */
        const char *agent_host;    /* path of ub-agent-host; NULL: run it in this process */
        const char *id;            /* of the agent or connector */
        bool connector;            /* else an agent */
        const char *settings;      /* JSON object */
        const char *
                desired_state; /* JSON as ub_agent.desired_state gets it; NULL: what is installed */
        bool spawn;                /* grant "spawn" */
        const char *topics; /* an MQTT filter: grant "mqtt", with a server where nobody else is;
                                    * NULL: do not */
        uint64_t timeout_usec;     /* for each answer */
        FILE *transcript;
};

/* Runs all chapters that the plugin's role has.  Returns the number of problems found, or a
 * negative errno when there was no life to speak of; diag says why.  Blocks; not for the loop of a
 * daemon. */
int life_run(const struct life_options *options, struct diag *diag);
