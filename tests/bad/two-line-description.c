/* SPDX-License-Identifier: Apache-2.0
 *
 * a description that would forge a log line */
#define BAD_DESCRIPTION "harmless\nCOMPLETED"
#include "tests/bad/bad.h"
