/* SPDX-License-Identifier: Apache-2.0
 *
 * runner - one process of ub-agent-host, from its start to its last word
 *
 *     ub-agent-host --instance ID
 *
 * with these descriptors: its standard output and error are read here, line by line.  What it may
 * use is limited before it runs.  It leads a process group, and the group is killed with it. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

struct diag;
struct runner;
struct spawn_limits;

enum {
        RUNNER_CHANNEL_FD = 3,
        RUNNER_FILTER_FD = 4, /* system call filter as sandbox.h writes it; if CONFIG says so */
};

/* Exit statuses of ub-agent-host: numbers that few programs use, so that a plugin that calls exit()
 * is not taken for it. */
enum {
        RUNNER_EXIT_FLOOD = 81, /* the plugin says more than the daemon takes */
        RUNNER_EXIT_FRAMES,     /* the daemon does not speak as it should */
        RUNNER_EXIT_SANDBOX,    /* the system call filter could not be loaded */
        RUNNER_EXIT_RESOURCES,  /* no memory, no event loop */
};

/* Borrowed until runner_start() returns. */
struct runner_config {
        const char *path; /* of ub-agent-host */
        const char *id;
        int channel_fd;
        int filter_fd; /* -1: none */
        const struct spawn_limits *limits;
};

/* From the loop, or from runner_drain().  Either may free the runner. */
struct runner_events {
        void (*line)(void *data, const char *text);
        /* It has ended and is reaped.  how: "exited with status 3", "killed by SIGSEGV", or what
         * the exit status of ub-agent-host means. */
        void (*ended)(void *data, const char *how);
};

/* Negative errno with a sentence in diag; then nothing runs. */
int runner_start(sd_event *event, const struct runner_config *config,
                 const struct runner_events *events, void *data, struct diag *diag,
                 struct runner **ret);

/* Kills it, if it lives, and lets the loop reap it.  Takes NULL. */
struct runner *runner_free(struct runner *runner);

/* Kills the whole group; `ended` does not come any more.  Lines still do. */
void runner_kill(struct runner *runner);

/* Hands on the lines that it has left behind. */
void runner_drain(struct runner *runner);

/* 0: it has ended, or has been killed. */
pid_t runner_pid(const struct runner *runner);
