/* SPDX-License-Identifier: Apache-2.0
 *
 * process-internal - an isolated instance as its own files see it
 *
 *     process.c        its life, the requests to it, signs of life
 *     process-frame.c  what comes out of it
 *
 * Whatever the loop calls and may lead to an event begins with process_enter() and ends with
 * process_leave(): a handler of the broker may free the instance, which then is only marked, and
 * gone when process_leave() returns. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/plugin/abi.h"
#include "host/plugin/channel.h"
#include "host/plugin/gate.h"
#include "host/plugin/instance-ops.h"
#include "host/plugin/runner.h"
#include "host/plugin/watchdog.h"
#include "host/util/diag.h"

enum process_state {
        PROCESS_STATE_NEW = 1,
        PROCESS_STATE_STARTING,
        PROCESS_STATE_RUNNING,
        PROCESS_STATE_STOPPING,
        PROCESS_STATE_LEAVING, /* stopped; the process is on its way out */
        PROCESS_STATE_FAILED,  /* `verdict` is yet to be told */
        PROCESS_STATE_OVER,
};

struct process {
        struct instance instance;
        enum process_state state;
        sd_event *event;                        /* borrowed */
        const struct instance_events *events;   /* borrowed */
        void *data;

        /* configuration, our copy */
        char *id;
        char *agent_host;
        char **topics;
        struct gate gate;
        struct spawn_limits limits;
        bool seccomp;
        uint64_t hang_usec;
        uint64_t stop_usec;

        struct channel *channel; /* NULL when its end has been seen */
        int child_fd;            /* the other end, until the child has it */
        struct runner *runner;
        sd_event_source *end_timer;
        char how[80]; /* it ended: "exited with status 3"; "": it has not */

        struct watchdog watchdog;
        char activity[UB_MAX_ID + 1]; /* that runs, or was asked for last; "": none */
        bool stop_wanted;              /* while starting */

        sd_event_source *budget_timer;
        uint64_t budget_begin_usec;
        size_t budget_used;

        sd_event_source *verdict_source;
        struct diag verdict;
        int verdict_r; /* of `started`; 0: the verdict is for `died` */

        struct instance_stats stats;
        bool dispatching; /* a handler of the broker may be running */
        bool freed;
};

/* ------------------------------------------------------------------------------------ process.c */

/* Around everything that the loop calls and that may lead to an event. */
void process_enter(struct process *p);
void process_leave(struct process *p);

/* The end, for the reason in p->verdict.  started_r: the result of `started`, or 0 when that has
 * been told and the verdict is for `died`.  It is told from the loop, since the caller may be a
 * request.  Ignored when it has ended already: the first reason is the cause. */
void process_fail(struct process *p, int started_r);
/* The same for `died`, with its reason. */
void process_die(struct process *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One of the two signs that the process has ended has come: waits for the other. */
void process_await_end(struct process *p);

/* Remembers that an answer is due. */
void process_expect(struct process *p, enum instance_call call, const char *activity,
                    uint64_t within_usec);

void process_send_stop(struct process *p);

/* ------------------------------------------------------------------------------ process-frame.c */

/* A frame has come; data is the struct process. */
void process_on_frame(void *data, const struct frame *frame);
