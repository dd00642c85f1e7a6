/* SPDX-License-Identifier: Apache-2.0
 *
 * goes over the limits of texts and values */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;
        char *text = malloc(UB_MAX_JSON + 2);

        if (!text)
                return -ENOMEM;
        memset(text, ' ', UB_MAX_JSON + 1);
        text[UB_MAX_JSON + 1] = '\0';
        text[0] = '{';
        text[1] = '}';
        guest_tell(host, "feedback", host->feedback(host->ctx, activity, text));
        text[UB_MAX_KEY + 1] = '\0';
        guest_tell(host, "state_put", host->state_put(host->ctx, text, "x", 1));
        guest_tell(host, "state_put",
                   host->state_put(host->ctx, "key", text, UB_MAX_STATE_VALUE + 1));
        guest_tell(host, "current_state", host->current_state(host->ctx, text, "{}"));
        free(text);
        return guest_desired_state(self, activity, json);
}
