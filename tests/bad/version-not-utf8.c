/* SPDX-License-Identifier: Apache-2.0
 *
 * a version in Latin-1 */
#define BAD_VERSION "1.0-\xe9t\xe9"
#include "tests/bad/bad.h"
