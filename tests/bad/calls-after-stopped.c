/* SPDX-License-Identifier: Apache-2.0
 *
 * goes on working after it has said that it is at rest */
#include <stdint.h>

static void spoiled(void *self);
#define GUEST_STOP spoiled
#include "tests/bad/guest.h"

static void spoiled(void *self)
{
        const struct ub_host *host = self;

        host->stopped(host->ctx);
        guest_tell(host, "state_put", host->state_put(host->ctx, "key", "x", 1));
        host->stopped(host->ctx);
}
