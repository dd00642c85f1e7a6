/* SPDX-License-Identifier: Apache-2.0
 *
 * the plugin of bad.h as it is, which loads: the others are refused for what they change */
#include "tests/bad/bad.h"
