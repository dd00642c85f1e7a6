/* SPDX-License-Identifier: Apache-2.0
 *
 * answers an activity that nobody knows */
#include <stdint.h>

static int spoiled(void *self, const char *activity, const char *json);
#define GUEST_DESIRED_STATE spoiled
#include "tests/bad/guest.h"

static int spoiled(void *self, const char *activity, const char *json)
{
        guest_tell(self, "feedback", guest_desired_state(self, "of-somebody-else", json));
        return guest_desired_state(self, activity, json);
}
