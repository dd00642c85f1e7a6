/* SPDX-License-Identifier: Apache-2.0
 *
 * never lets dlopen(3) return */
#include <unistd.h>

#include "tests/bad/bad.h"

static __attribute__((constructor)) void hang(void)
{
        for (;;)
                (void)pause();
}
