/* SPDX-License-Identifier: Apache-2.0
 *
 * flags that nobody has defined */
#define BAD_FLAGS 0x80000001u
#include "tests/bad/bad.h"
