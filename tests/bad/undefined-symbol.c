/* SPDX-License-Identifier: Apache-2.0
 *
 * calls a function that no library has: with lazy binding this would load, and end the process with
 * status 127 at the first call, perhaps in the middle of an update */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

extern int ub_no_such_function(void);

static int spoiled_create(const struct ub_host *host, const char *settings, void **ret_self)
{
        (void)host;
        (void)settings;
        (void)ret_self;
        return ub_no_such_function();
}

#define BAD_CREATE spoiled_create
#include "tests/bad/bad.h"
