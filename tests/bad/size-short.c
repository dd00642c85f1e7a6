/* SPDX-License-Identifier: Apache-2.0
 *
 * a descriptor that ends before the last member of 1.0 */
#define BAD_SIZE (sizeof(struct ub_plugin) - 1)
#include "tests/bad/bad.h"
