/* SPDX-License-Identifier: Apache-2.0
 *
 * never says that it is at rest, and keeps what it holds, as a plugin does whose threads run on */
#include <stdint.h>

static void spoiled(void *self);
#define GUEST_STOP spoiled
#include "tests/bad/guest.h"

static void *volatile held;

static void spoiled(void *self)
{
        held = self;
}
