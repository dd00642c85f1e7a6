/* SPDX-License-Identifier: Apache-2.0
 *
 * program-private - an agent whose work a program does, as its own files see it
 *
 *     program.c            its life, activities and steps
 *     program-inventory.c  asking the program what is installed
 *     program-memory.c     what is kept of an activity for the time after a crash
 *     program-call.c       one call of the program
 *
 * Not installed.  The names have the public prefix because they meet a vendor's own at link time.
 * Loop thread only, like everything behind the ABI. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/program.h>

#include "sdk/program-call.h"

struct program_agent;

/* The components that the program says are installed.  Owned; an id and the version behind it are
 * one allocation. */
struct installed {
        struct ub_component *list;
        size_t n;
};

/* An inventory that the program is being asked for. */
struct inquiry {
        struct program_agent *agent; /* NULL: this one is free */
        struct ub_call *call;
        struct installed installed;
        struct ub_error fault; /* of what it printed; "": none so far */
        char *activity;        /* of the question; "": nobody's */
        bool identifies;       /* the answer begins the activity; else it is the inventory */
};

struct program_agent {
        const struct ub_host *host;       /* borrowed, outlives us */
        const struct ub_program *program; /* borrowed, static in the plugin */
        char *path;                       /* of the program, absolute */
        uint64_t timeout_usec;            /* of one call */
        struct inquiry inquiries[UB_PROGRAM_CALLS_MAX]; /* the last one is kept for identifying */

        char *activity; /* NULL: none; then so are desired, desired_json and actions */
        char *desired_json;
        struct ub_desired_state *desired;
        struct ub_actions *actions;
        bool *cleaned;      /* for each action: CLEANUP is through with it */
        unsigned int syncs; /* asked for and not answered, of any activity */
        bool saving;        /* this activity's list: IDENTIFIED waits for it */

        struct ub_call *call; /* the step's, for the component at `at` */
        int32_t command;      /* that runs, or ran last */
        char *baseline;       /* of that command; NULL: there was none */
        size_t at;
        struct ub_error failure; /* the first in a step that goes on after one; "": none */
};

/* -------------------------------------------------------------------------- program-inventory.c */

/* Asks the program.  The answer goes to the host, or with `identifies` to ub_program_identify().
 * -EBUSY: too many questions are open.  -ENOMEM, or what ub_call_start() says. */
int ub_program_inquire(struct program_agent *a, const char *activity, bool identifies);
void ub_program_inquiry_done(struct inquiry *inquiry);

/* ------------------------------------------------------------------------------------ program.c */

/* The answer.  fault "": none; installed is lent. */
void ub_program_identify(struct program_agent *a, const struct installed *installed,
                         const char *fault);

/* ----------------------------------------------------------------------------- program-memory.c */

/* Puts down what the present activity changes; the caller syncs.  -E2BIG: over UB_MAX_STATE. */
int ub_program_remember(const struct program_agent *a);
/* Finds what was put down of an activity.  Both are the caller's to free; ret_desired may be NULL.
 * -ENOENT: nothing, or nothing that can be read.  -ENOMEM. */
int ub_program_recall(const struct program_agent *a, const char *activity,
                      struct ub_desired_state **ret_desired, struct ub_actions **ret_actions);
/* The activity is over. */
void ub_program_forget(const struct program_agent *a);
