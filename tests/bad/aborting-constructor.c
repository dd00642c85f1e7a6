/* SPDX-License-Identifier: Apache-2.0
 *
 * crashes before dlopen(3) returns */
#include <stdlib.h>

#include "tests/bad/bad.h"

static __attribute__((constructor)) void crash(void)
{
        abort();
}
