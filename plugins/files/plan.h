/* SPDX-License-Identifier: Apache-2.0
 *
 * plan - what one activity changes, and what was there before
 *
 * Made by IDENTIFY, and then kept with the activity: after a crash it tells what ROLLBACK goes back
 * to, whatever has been switched since. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/json.h>

struct change {
        char *id;
        int32_t kind;  /* UB_ACTION_* */
        char *version; /* wanted; "" when it is removed */
        char *from;    /* version that was active; "": none */
        char *before;  /* its folder; NULL: none */
        char *next;    /* folder of the one that UPDATE made; NULL: none yet */
        bool touched;  /* ACTIVATE has begun: ROLLBACK runs the command again */

        /* of the present command; not kept */
        bool in_scope;
        char *program; /* name of the command to run; NULL: none */
};

struct plan {
        struct change *list;
        size_t n;
};

/* Adds a change with copies of these texts.  before: may be NULL.  -ENOMEM. */
int plan_add(struct plan *plan, int32_t kind, const char *id, const char *version,
             const char *from, const char *before);

/* NULL: no change of this component. */
const struct change *plan_find(const struct plan *plan, const char *id);

/* An array of a JSON object that is open, and back. */
void plan_write(const struct plan *plan, const char *key, struct ub_json_writer *w);
int plan_read(const struct ub_json *array, struct ub_error *error, struct plan *ret);

void plan_done(struct plan *plan);
