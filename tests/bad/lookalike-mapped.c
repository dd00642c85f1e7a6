/* SPDX-License-Identifier: Apache-2.0
 *
 * linked as the SDK says */
#include "tests/bad/lookalike.h"
