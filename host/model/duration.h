/* SPDX-License-Identifier: Apache-2.0
 *
 * duration - lengths of time as people write them: 500ms, 4s, 1m30s, 2h
 *
 * The text form of Go's time.Duration, which is what configuration files of the field hold and what
 * messages to the backend show.  Finer than a microsecond is cut off. */
#pragma once

#include <stdint.h>

enum { DURATION_TEXT_MAX = 40 };

/* Reads one or more numbers with a unit: ns, us (µs), ms, s, m, h; fractions are fine, "0" needs no
 * unit.  -EINVAL: not a duration, or negative.  -ERANGE: more than about 290 years, as in Go. */
int duration_from_string(const char *text, uint64_t *ret_usec);

/* Writes it as Go does, "10m0s" and "1.5s" included.  Returns buf. */
const char *duration_to_string(uint64_t usec, char buf[DURATION_TEXT_MAX]);
