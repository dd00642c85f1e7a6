/* SPDX-License-Identifier: Apache-2.0
 *
 * has no life table */
#define BAD_LIFE NULL
#include "tests/bad/bad.h"
