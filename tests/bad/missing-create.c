/* SPDX-License-Identifier: Apache-2.0
 *
 * a life table without create() */
#define BAD_CREATE NULL
#include "tests/bad/bad.h"
