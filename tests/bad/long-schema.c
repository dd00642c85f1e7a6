/* SPDX-License-Identifier: Apache-2.0
 *
 * a schema of exactly UB_MAX_JSON bytes, which is allowed */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

static char schema[UB_MAX_JSON + 1];

/* Spaces between two braces: long, and JSON. */
static __attribute__((constructor)) void fill(void)
{
        for (size_t i = 1; i < UB_MAX_JSON - 1; i++)
                schema[i] = ' ';
        schema[0] = '{';
        schema[UB_MAX_JSON - 1] = '}';
}

#define BAD_SCHEMA schema
#include "tests/bad/bad.h"
