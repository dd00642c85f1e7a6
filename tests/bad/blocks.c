/* SPDX-License-Identifier: Apache-2.0
 *
 * takes 200 ms for a call that may take 50 */
#include <stdint.h>
#include <time.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        const struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };

        (void)nanosleep(&pause, NULL);
        return guest_desired_state(self, activity, json);
}
