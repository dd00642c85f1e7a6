/* SPDX-License-Identifier: Apache-2.0
 *
 * not a plugin, but links a library (libbad-dependency.so) that exports the entry of one:
 * dlsym(3) on this file's handle finds it there */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

static __attribute__((used)) const void *uses_it(void)
{
        return ub_plugin_v1();
}
