/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/utf8.h"

#include <stdint.h>

/* How many continuation bytes follow this first byte, and the range of the first of them, which
 * is where long forms, surrogates and values above U+10FFFF show (RFC 3629, section 4).  -1:
 * never a first byte. */
static int classify(unsigned char first, unsigned char *ret_low, unsigned char *ret_high)
{
        *ret_low = 0x80;
        *ret_high = 0xbf;
        if (first < 0x80)
                return 0;
        if (first >= 0xc2 && first <= 0xdf)
                return 1;
        if (first >= 0xe0 && first <= 0xef) {
                if (first == 0xe0)
                        *ret_low = 0xa0;
                if (first == 0xed)
                        *ret_high = 0x9f;
                return 2;
        }
        if (first >= 0xf0 && first <= 0xf4) {
                if (first == 0xf0)
                        *ret_low = 0x90;
                if (first == 0xf4)
                        *ret_high = 0x8f;
                return 3;
        }
        return -1;
}

bool utf8_is_valid(const char *text, size_t length)
{
        const unsigned char *p = (const unsigned char *)text;
        const unsigned char *end = p + length;

        while (p < end) {
                unsigned char low;
                unsigned char high;
                int more = classify(*p++, &low, &high);

                if (more < 0 || end - p < more)
                        return false;
                for (; more > 0; more--, p++) {
                        if (*p < low || *p > high)
                                return false;
                        low = 0x80;
                        high = 0xbf;
                }
        }
        return true;
}

bool utf8_is_line(const char *text, size_t length)
{
        const unsigned char *p = (const unsigned char *)text;

        if (!utf8_is_valid(text, length))
                return false;
        for (size_t i = 0; i < length; i++) {
                /* C1, U+0080 to U+009F, is c2 80 to c2 9f; valid text has one more byte after
                 * c2. */
                if (p[i] < ' ' || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] <= 0x9f))
                        return false;
        }
        return true;
}
