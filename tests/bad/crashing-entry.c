/* SPDX-License-Identifier: Apache-2.0
 *
 * an entry that does work, and fails at it */
#include <stdlib.h>

#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

const struct ub_plugin *ub_plugin_v1(void)
{
        abort();
}
