/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/utf8.h"

#include <string.h>

/* How many bytes a character has that begins with this one; 0: none begins so.  0xc0 and 0xc1 could
 * only begin forms that are too long, 0xf5 and up values that are too large. */
static size_t bytes_of(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first < 0xe0)
                return 2;
        if (first >= 0xe0 && first < 0xf0)
                return 3;
        if (first >= 0xf0 && first < 0xf5)
                return 4;
        return 0;
}

size_t utf8_decode(const char *text, size_t length, uint32_t *ret)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *p = (const unsigned char *)text;
        uint32_t code;
        size_t n;
        size_t i;

        n = length > 0 ? bytes_of(p[0]) : 0;
        if (n == 0 || n > length)
                return 0;
        code = n == 1 ? p[0] : p[0] & (0x7fU >> n);
        for (i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (p[i] & 0x3fU);
        }
        if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                return 0;
        *ret = code;
        return n;
}

size_t utf8_encode(uint32_t code, char ret[static UTF8_MAX])
{
        static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
        size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        size_t i;

        for (i = n - 1; i > 0; i--) {
                ret[i] = (char)(0x80 | (code & 0x3f));
                code >>= 6;
        }
        ret[0] = (char)(lead[n] | code);
        return n;
}

bool utf8_is_valid(const char *text, size_t length)
{
        uint32_t code;
        size_t at;
        size_t n;

        for (at = 0; at < length; at += n) {
                n = utf8_decode(text + at, length - at, &code);
                if (n == 0)
                        return false;
        }
        return true;
}

bool utf8_is_line(const char *text, size_t length)
{
        const unsigned char *p = (const unsigned char *)text;

        if (!utf8_is_valid(text, length))
                return false;
        for (size_t i = 0; i < length; i++) {
                /* C1, U+0080 to U+009F, is c2 80 to c2 9f; valid text has one more byte after c2.
                 */
                if (p[i] < ' ' || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] <= 0x9f))
                        return false;
        }
        return true;
}

static bool is_control(uint32_t code)
{
        return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

void utf8_make_line(char *text)
{
        size_t length = strlen(text);
        char *to = text;
        size_t at;
        size_t n;

        for (at = 0; at < length; at += n) {
                uint32_t code;

                n = utf8_decode(text + at, length - at, &code);
                if (n == 0) {
                        *to++ = '?';
                        n = 1;
                } else if (is_control(code)) {
                        *to++ = ' ';
                } else {
                        memmove(to, text + at, n);
                        to += n;
                }
        }
        /* Texts of libraries like to end in a newline. */
        while (to > text && to[-1] == ' ')
                to--;
        *to = '\0';
}
