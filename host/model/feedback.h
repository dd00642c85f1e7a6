/* SPDX-License-Identifier: Apache-2.0
 *
 * feedback - how far a domain, or the whole device, has come
 *
 *     {"baseline":s,"status":S,"message":s,
 *      "actions":[{"component":{"id":s,"version":s},"status":s,"progress":n,"message":s}]}
 *
 * A feedback that is refused leaves its sender in the dark and the broker waiting, so only what
 * carries no meaning at all is: an action without a component is left out, a progress beyond 0..255
 * is bent into it.  An unknown status is no fault either: the actions count all the same. */
#pragma once

#include <stddef.h>

#include "host/json/json.h"
#include "host/model/status.h"

struct diag;

enum { FEEDBACK_ACTIONS_MAX = 65536 };

struct action {
        char *id; /* of the component, "DOMAIN:COMPONENT" */
        char *version;
        char *status; /* any word; those in status.h in their proper form */
        char *message;
        unsigned progress; /* 0..255 */
};

struct feedback {
        enum status status; /* STATUS_UNKNOWN: a word that is not in the table */
        char *baseline;     /* "": the whole domain */
        char *message;
        struct action *actions;
        size_t n_actions;
};

/* -EBADMSG, -E2BIG: diag names path and fault.  -ENOMEM. */
int feedback_read(const struct json *payload, struct diag *diag, struct feedback **ret);
struct feedback *feedback_free(struct feedback *f);
DEFINE_FREEP(struct feedback, feedback);

/* One action, also on its own; used for what is written to the journal. */
int action_read(const struct json *json, struct action *ret);
int action_write(const struct action *action, struct json **ret);
void action_done(struct action *action);

/* Takes actions, a JSON array, or NULL for none; it is left out when empty, like the message.  *ret
 * is the caller's to free. */
int feedback_write(enum status status, const char *message, struct json *take_actions, char **ret);
