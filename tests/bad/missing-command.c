/* SPDX-License-Identifier: Apache-2.0
 *
 * an agent table without command() */
#define BAD_COMMAND NULL
#include "tests/bad/bad.h"
