/* SPDX-License-Identifier: Apache-2.0
 *
 * text - see text.h */
#include <string.h>

#include "sdk/text.h"

/* The bytes that can follow a lead byte are narrower than 80..BF where the encoding would be
 * overlong, a surrogate or above U+10FFFF (Unicode 15, table 3-7). */
size_t ub_text_character(const char *text)
{
        const unsigned char *c = (const unsigned char *)text;
        unsigned char low = 0x80;
        unsigned char high = 0xbf;
        size_t length;
        size_t i;

        if (c[0] < 0x80)
                return 1;
        if (c[0] < 0xc2 || c[0] > 0xf4)
                return 0;
        length = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

        if (c[0] == 0xe0)
                low = 0xa0;
        else if (c[0] == 0xed)
                high = 0x9f;
        else if (c[0] == 0xf0)
                low = 0x90;
        else if (c[0] == 0xf4)
                high = 0x8f;
        if (c[1] < low || c[1] > high)
                return 0;

        /* The terminating NUL is no continuation, so this never reads past it. */
        for (i = 2; i < length; i++)
                if (c[i] < 0x80 || c[i] > 0xbf)
                        return 0;
        return length;
}

void ub_text_cut(char *text, size_t max)
{
        size_t end = max - 3;

        if (strnlen(text, max + 1) <= max)
                return;
        /* Back to the first byte of the character that would be split. */
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
                end--;
        memcpy(text + end, "...", 4);
}

void ub_text_make_valid(char *text)
{
        while (*text) {
                size_t length = ub_text_character(text);

                if (length == 0)
                        *text = '?';
                text += length ? length : 1;
        }
}
