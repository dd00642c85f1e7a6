/* SPDX-License-Identifier: Apache-2.0
 *
 * sends two final words for one request */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        int r = guest_desired_state(self, activity, json);

        guest_tell(self, "feedback", guest_desired_state(self, activity, json));
        return r;
}
