/* SPDX-License-Identifier: Apache-2.0
 *
 * ends the process, successfully as it says, before dlopen(3) returns */
#include <unistd.h>

#include "tests/bad/bad.h"

static __attribute__((constructor)) void leave(void)
{
        _exit(0);
}
