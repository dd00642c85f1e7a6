/* SPDX-License-Identifier: Apache-2.0
 *
 * program-call - one call of an agent's program, inside the SDK
 *
 * Not installed.  Runs it, hands over what it prints line by line, and tells how it ended. */
#pragma once

#include <stdint.h>

struct ub_call;
struct ub_component;
struct ub_host;

/* How a call ends.  message is "" when it went well, else the reason; valid during the call of fn.
 * The call is freed after fn has returned. */
typedef void (*ub_call_done_fn)(void *data, const char *message);

/* A line of its stdout, without the newline. */
typedef void (*ub_call_line_fn)(void *data, const char *line);

struct ub_call_order {
        const char *const *argv;
        const struct ub_component *component; /* whose configuration it gets; NULL: none */
        uint64_t timeout_usec;
        ub_call_line_fn line;
        ub_call_done_fn done;
        void *data;
};

/* Starts it; order and what it points to are used up.  On failure nothing follows: what the host
 * answers to spawn and io, a failure of pipe2(2), or -ENOMEM. */
int ub_call_start(const struct ub_host *host, const struct ub_call_order *order,
                  struct ub_call **ret);

/* Kills the program; done is not called.  Takes NULL and returns NULL. */
struct ub_call *ub_call_free(struct ub_call *call);
