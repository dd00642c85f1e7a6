/* SPDX-License-Identifier: Apache-2.0
 *
 * sends JSON that ends in the middle */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;

        (void)json;
        guest_tell(host, "feedback", host->feedback(host->ctx, activity, "{\"status\":"));
        guest_tell(host, "current_state", host->current_state(host->ctx, "", "[]"));
        return 0;
}
