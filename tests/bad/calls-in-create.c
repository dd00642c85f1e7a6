/* SPDX-License-Identifier: Apache-2.0
 *
 * asks in create() for what only a running instance has */
#include <stdint.h>

struct ub_host;
static int spoiled(const struct ub_host *host, const char *settings, void **ret_self);
#define GUEST_CREATE spoiled
#include "tests/bad/guest.h"

static int spoiled(const struct ub_host *host, const char *settings, void **ret_self)
{
        guest_tell(host, "state_put", host->state_put(host->ctx, "key", "x", 1));
        return guest_create(host, settings, ret_self);
}
