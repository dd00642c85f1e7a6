/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/duration.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "host/util/cleanup.h"
#include "host/util/time.h"

#define NSEC_MAX ((uint64_t)INT64_MAX)

static const struct unit {
        const char *name;
        uint64_t nsec;
} units[] = {
        /* a name stands behind the longer ones that begin with it */
        { "ns", 1 },
        { "us", 1000 },
        { "\xc2\xb5s", 1000 }, /* U+00B5 micro sign */
        { "\xce\xbcs", 1000 }, /* U+03BC Greek letter mu */
        { "ms", 1000 * 1000 },
        { "s", UINT64_C(1000) * 1000 * 1000 },
        { "m", UINT64_C(60) * 1000 * 1000 * 1000 },
        { "h", UINT64_C(3600) * 1000 * 1000 * 1000 },
};

static int is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static const struct unit *find_unit(const char *text)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(units); i++)
                if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
                        return &units[i];
        return NULL;
}

/* One number with its unit.  The fraction counts down from the unit, so that no digit is lost to
 * rounding and none can overflow. */
static int read_part(const char **p, uint64_t *nsec)
{
        const char *fraction = NULL;
        const char *s = *p;
        const struct unit *unit;
        uint64_t whole = 0;
        uint64_t place;
        int digits = 0;

        for (; is_digit(*s); s++, digits++)
                if (__builtin_mul_overflow(whole, UINT64_C(10), &whole) ||
                    __builtin_add_overflow(whole, (uint64_t)(*s - '0'), &whole))
                        return -ERANGE;
        if (*s == '.')
                for (fraction = ++s; is_digit(*s); s++)
                        digits++;
        unit = digits ? find_unit(s) : NULL;
        if (!unit)
                return -EINVAL;
        if (__builtin_mul_overflow(whole, unit->nsec, &whole) ||
            __builtin_add_overflow(*nsec, whole, nsec))
                return -ERANGE;
        for (place = unit->nsec / 10; fraction && is_digit(*fraction); fraction++, place /= 10)
                if (__builtin_add_overflow(*nsec, place * (uint64_t)(*fraction - '0'), nsec))
                        return -ERANGE;
        *p = s + strlen(unit->name);
        return *nsec > NSEC_MAX ? -ERANGE : 0;
}

int duration_from_string(const char *text, uint64_t *ret_usec)
{
        const char *p = text;
        uint64_t nsec = 0;
        int r;

        if (*p == '+')
                p++;
        if (strcmp(p, "0") == 0) {
                *ret_usec = 0;
                return 0;
        }
        do {
                r = read_part(&p, &nsec);
                if (r < 0)
                        return r;
        } while (*p);
        *ret_usec = nsec / 1000;
        return 0;
}

/* VALUE/SCALE in decimal with UNIT behind it, without zeros at the end of the fraction. */
static int write_decimal(char *buf, size_t size, uint64_t value, uint64_t scale, const char *unit)
{
        char fraction[8] = "";
        size_t n = 0;

        if (value % scale) {
                uint64_t rest = value % scale;

                fraction[n++] = '.';
                for (; rest; rest = rest * 10 % scale)
                        fraction[n++] = (char)('0' + rest * 10 / scale);
                fraction[n] = '\0';
        }
        return snprintf(buf, size, "%llu%s%s", (unsigned long long)(value / scale), fraction, unit);
}

const char *duration_to_string(uint64_t usec, char buf[DURATION_TEXT_MAX])
{
        uint64_t minutes = usec / USEC_PER_MINUTE;
        int n = 0;

        if (usec == 0) {
                memcpy(buf, "0s", sizeof("0s"));
        } else if (usec < USEC_PER_MSEC) {
                (void)write_decimal(buf, DURATION_TEXT_MAX, usec, 1, "\xc2\xb5s");
        } else if (usec < USEC_PER_SEC) {
                (void)write_decimal(buf, DURATION_TEXT_MAX, usec, USEC_PER_MSEC, "ms");
        } else {
                if (minutes >= 60)
                        n += snprintf(buf, DURATION_TEXT_MAX, "%lluh",
                                      (unsigned long long)(minutes / 60));
                if (minutes)
                        n += snprintf(buf + n, DURATION_TEXT_MAX - (size_t)n, "%um",
                                      (unsigned)(minutes % 60));
                (void)write_decimal(buf + n, DURATION_TEXT_MAX - (size_t)n,
                                    usec % USEC_PER_MINUTE, USEC_PER_SEC, "s");
        }
        return buf;
}
