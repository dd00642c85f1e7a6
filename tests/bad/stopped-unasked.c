/* SPDX-License-Identifier: Apache-2.0
 *
 * says that it is at rest although it was not told to stop */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;

        host->stopped(host->ctx);
        return guest_desired_state(self, activity, json);
}
