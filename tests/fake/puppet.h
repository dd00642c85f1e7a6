/* SPDX-License-Identifier: Apache-2.0
 *
 * puppet - a plugin whose strings a test in the same process pulls
 *
 * puppet.so does nothing itself: its setting "puppet" is the address of a `struct puppet` in the
 * test, whose functions it calls.  So a test of a local instance is written in one place, plugin's
 * side included. */
#pragma once

#include "host/plugin/abi.h"

struct puppet {
        const struct ub_host *host; /* set by create() */
        void *data;                 /* the test's */

        /* Each may be NULL: then it succeeds, answers nothing, and stop() calls stopped(). */
        int (*create)(struct puppet *puppet);
        int (*start)(struct puppet *puppet, uint32_t flags);
        void (*stop)(struct puppet *puppet);
        void (*destroy)(struct puppet *puppet);
        void (*woken)(struct puppet *puppet);
        int (*reload)(struct puppet *puppet, const char *settings);
        int (*current_state_get)(struct puppet *puppet, const char *activity);
        int (*desired_state)(struct puppet *puppet, const char *activity, const char *json);
        int (*command)(struct puppet *puppet, const char *activity, const char *baseline,
                       int32_t command);
        int (*connector_feedback)(struct puppet *puppet, const char *activity, const char *json);
};
