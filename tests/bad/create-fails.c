/* SPDX-License-Identifier: Apache-2.0
 *
 * create() says why and fails */
#include <stdint.h>

struct ub_host;
static int spoiled(const struct ub_host *host, const char *settings, void **ret_self);
#define GUEST_CREATE spoiled
#include "tests/bad/guest.h"

static int spoiled(const struct ub_host *host, const char *settings, void **ret_self)
{
        (void)settings;
        (void)ret_self;
        guest_log(host, UB_LOG_ERR, "settings: no key file");
        return -EINVAL;
}
