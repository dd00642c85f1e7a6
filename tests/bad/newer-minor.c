/* SPDX-License-Identifier: Apache-2.0
 *
 * says that it cannot do without a host newer than any */
#define BAD_MINOR 7
#define BAD_MINOR_NEEDED 7
#include "tests/bad/bad.h"
