/* SPDX-License-Identifier: Apache-2.0
 *
 * linked without the SDK's map: it runs the host's library, which shows what the map is for */
#include "tests/bad/lookalike.h"
