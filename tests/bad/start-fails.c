/* SPDX-License-Identifier: Apache-2.0
 *
 * start() fails, and destroy() follows */
#include <stdint.h>

static int spoiled(void *self, uint32_t flags);
#define GUEST_START spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, uint32_t flags)
{
        (void)flags;
        guest_log(self, UB_LOG_ERR, "the bus is not there");
        return -ECONNREFUSED;
}
