/* SPDX-License-Identifier: Apache-2.0
 *
 * drops sources that are not its own: garbage, an address, one that is gone */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static void never(void *data)
{
        guest_log(data, UB_LOG_ERR, "a dropped timer has run");
}

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;
        struct ub_source *source = NULL;

        host->source_drop(host->ctx, (struct ub_source *)(uintptr_t)0x1234);
        host->source_drop(host->ctx, (struct ub_source *)&source);
        if (host->timer(host->ctx, UINT64_MAX, never, self, &source) == 0) {
                host->source_drop(host->ctx, source);
                host->source_drop(host->ctx, source);
        }
        guest_tell(host, "io_events", host->io_events(host->ctx, source, UB_IO_IN));
        return guest_desired_state(self, activity, json);
}
