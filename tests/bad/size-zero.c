/* SPDX-License-Identifier: Apache-2.0
 *
 * a descriptor without a size */
#define BAD_SIZE 0
#include "tests/bad/bad.h"
