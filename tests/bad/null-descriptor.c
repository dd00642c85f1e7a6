/* SPDX-License-Identifier: Apache-2.0
 *
 * an entry that returns nothing */
#define BAD_DESCRIPTOR NULL
#include "tests/bad/bad.h"
