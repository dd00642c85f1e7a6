/* SPDX-License-Identifier: Apache-2.0
 *
 * makes more sources than there may be */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static void never(void *data)
{
        guest_log(data, UB_LOG_ERR, "a timer at the end of time has run");
}

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;
        int n = 0;

        while (host->timer(host->ctx, UINT64_MAX, never, self, NULL) == 0)
                n++;
        guest_tell(host, "timers", n);
        return guest_desired_state(self, activity, json);
}
