/* SPDX-License-Identifier: Apache-2.0
 *
 * passes NULL, unknown flags and text that is not UTF-8 */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;
        const struct ub_log record = { .size = sizeof(record) };

        host->log(host->ctx, NULL);
        host->log(host->ctx, &record);
        guest_log(host, UB_LOG_INFO, "\xff and a \n line");
        guest_tell(host, "feedback", host->feedback(host->ctx, activity, NULL));
        guest_tell(host, "feedback", host->feedback(host->ctx, NULL, "{}"));
        guest_tell(host, "state_get", host->state_get(host->ctx, "\xc3(", NULL, 0));
        guest_tell(host, "defer", host->defer(host->ctx, NULL, NULL, NULL));
        guest_tell(host, "io", host->io(host->ctx, 0, UB_IO_HUP, NULL, NULL, NULL));
        guest_tell(host, "setting", host->setting(host->ctx, "no slash", NULL, 0));
        guest_tell(host, "no host", host->setting(NULL, "", NULL, 0));
        return guest_desired_state(self, activity, json);
}
