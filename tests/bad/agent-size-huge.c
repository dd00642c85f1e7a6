/* SPDX-License-Identifier: Apache-2.0
 *
 * an agent table of more bytes than any will ever have */
#define BAD_AGENT_SIZE UINT32_MAX
#include "tests/bad/bad.h"
