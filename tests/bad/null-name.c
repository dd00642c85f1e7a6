/* SPDX-License-Identifier: Apache-2.0
 *
 * has no name */
#define BAD_NAME NULL
#include "tests/bad/bad.h"
