/* SPDX-License-Identifier: Apache-2.0
 *
 * actions - the last that is known of each component of a domain
 *
 * In the order of the desired state, then in the order of first appearance: the same every time.
 * An action is found by its component's id; agents repeat their lists in one order, so the search
 * begins where the last one ended and as a rule ends at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct action;
struct desired_domain;
struct feedback;
struct json;

/* Components beyond those of the desired state: what is to be removed. */
enum { ACTIONS_MORE_MAX = 4096 };

struct actions {
        struct action *items; /* an empty status: nothing heard yet */
        size_t n;
        size_t size;
        size_t max;
        size_t n_heard;
        size_t cursor;
};

/* Makes room for the components of the domain, under the ids that agents use for them.  -ENOMEM. */
int actions_init(struct actions *actions, const struct desired_domain *domain);
void actions_done(struct actions *actions);

/* Takes over what a feedback says.  1: that changed something.  0: it did not.  -ENOMEM; -E2BIG:
 * ACTIONS_MORE_MAX, the rest is dropped. */
int actions_merge(struct actions *actions, const struct feedback *feedback);

/* Appends those heard of to a JSON array; upward: as they are reported to the backend.  -ENOMEM. */
int actions_write(const struct actions *actions, bool upward, struct json *array);
/* Takes back what actions_write() wrote with upward false; elements that are none are skipped. */
int actions_read(struct actions *actions, const struct json *array);
