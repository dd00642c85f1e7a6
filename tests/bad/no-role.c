/* SPDX-License-Identifier: Apache-2.0
 *
 * neither an agent nor a connector */
#define BAD_AGENT NULL
#include "tests/bad/bad.h"
