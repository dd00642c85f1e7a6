/* SPDX-License-Identifier: Apache-2.0 */
#include "host/json/scan-string.h"

#include "host/util/utf8.h"

int scan_hex4(const char *p, size_t length)
{
        int code = 0;
        size_t i;

        if (length < 4)
                return -1;
        for (i = 0; i < 4; i++) {
                int c = (unsigned char)p[i];

                if (c >= '0' && c <= '9')
                        c -= '0';
                else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
                        c = (c | 0x20) - 'a' + 10;
                else
                        return -1;
                code = code << 4 | c;
        }
        return code;
}

uint32_t scan_string_next(const char **p, const char *end)
{
        uint32_t code = 0;
        int low;

        if (*p >= end || **p == '"')
                return 0;
        if (scan_is_ordinary(**p))
                return (unsigned char)*(*p)++;
        if (**p != '\\') {
                *p += utf8_decode(*p, (size_t)(end - *p), &code);
                return code;
        }

        *p += 2;
        switch ((*p)[-1]) {
        case 'b':
                return '\b';
        case 'f':
                return '\f';
        case 'n':
                return '\n';
        case 'r':
                return '\r';
        case 't':
                return '\t';
        case 'u':
                break;
        default: /* a quote, a backslash or a slash: itself */
                return (unsigned char)(*p)[-1];
        }
        /* Accepted, so a high half is followed by "\u" and a low half. */
        code = (uint32_t)scan_hex4(*p, (size_t)(end - *p));
        *p += 4;
        if (code < 0xd800 || code >= 0xdc00)
                return code;
        low = scan_hex4(*p + 2, (size_t)(end - *p) - 2);
        *p += 6;
        return 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
}
