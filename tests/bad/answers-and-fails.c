/* SPDX-License-Identifier: Apache-2.0
 *
 * sends the final word of a step and then fails the call */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *baseline, int32_t command);
#define GUEST_COMMAND spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *baseline, int32_t command)
{
        (void)guest_command(self, activity, baseline, command);
        return -EIO;
}
