/* SPDX-License-Identifier: Apache-2.0
 *
 * a descriptor of more bytes than any will ever have */
#define BAD_SIZE 5000
#include "tests/bad/bad.h"
