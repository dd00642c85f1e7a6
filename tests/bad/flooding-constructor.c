/* SPDX-License-Identifier: Apache-2.0
 *
 * writes without end to the descriptor on which a probe answers */
#include <string.h>
#include <unistd.h>

#include "tests/bad/bad.h"

static __attribute__((constructor)) void flood(void)
{
        char bytes[4096];

        memset(bytes, 'x', sizeof(bytes));
        while (write(3, bytes, sizeof(bytes)) > 0)
                ;
}
