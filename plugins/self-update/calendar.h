/* SPDX-License-Identifier: Apache-2.0
 *
 * calendar - dates far away
 *
 * Where a long has 32 bits time_t ends in 2038, and timegm(3) fails for what comes later: a request
 * that is good until 2040 would have expired. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Seconds since 1970 of a time of day in UTC, as strptime(3) reads it.  The year begins in March
 * here, so that a leap day is its last. */
static inline int64_t calendar_seconds(const struct tm *tm)
{
        int64_t year = tm->tm_year + 1900 - (tm->tm_mon < 2);
        int64_t month = (tm->tm_mon + 10) % 12;
        int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                       tm->tm_mday - 1 - 719468;

        return ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}
