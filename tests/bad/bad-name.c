/* SPDX-License-Identifier: Apache-2.0
 *
 * a name that would be a path */
#define BAD_NAME "../Rauc"
#include "tests/bad/bad.h"
