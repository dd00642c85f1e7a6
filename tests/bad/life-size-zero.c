/* SPDX-License-Identifier: Apache-2.0
 *
 * a life table without a size */
#define BAD_LIFE_SIZE 0
#include "tests/bad/bad.h"
