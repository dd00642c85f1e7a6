/* SPDX-License-Identifier: Apache-2.0
 *
 * a name of 33 characters, one too many */
#define BAD_NAME "abcdefghijklmnopqrstuvwxyz-abcdef"
#include "tests/bad/bad.h"
