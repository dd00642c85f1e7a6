/* SPDX-License-Identifier: Apache-2.0
 *
 * needs more of the host than it was written for */
#define BAD_MINOR_NEEDED (UB_ABI_MINOR_WANTED + 1)
#include "tests/bad/bad.h"
