/* SPDX-License-Identifier: Apache-2.0
 *
 * an entry of ABI 1 that returns the descriptor of another major */
#define BAD_MAJOR 2
#include "tests/bad/bad.h"
