/* SPDX-License-Identifier: Apache-2.0
 *
 * has no version */
#define BAD_VERSION NULL
#include "tests/bad/bad.h"
