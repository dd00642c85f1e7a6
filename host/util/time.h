/* SPDX-License-Identifier: Apache-2.0
 *
 * time - microseconds
 *
 * All times in the host are uint64_t microseconds of CLOCK_BOOTTIME, which goes on in suspend and
 * never steps.  Wall-clock time appears in messages only. */
#pragma once

#include <stdint.h>
#include <time.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

static inline uint64_t time_now_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail with this clock */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}
