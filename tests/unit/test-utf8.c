/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/utf8.h"
#include "host/util/cleanup.h"
#include "tests/unit/unit.h"

#include <string.h>

static const struct {
        const char *text;
        bool valid;
        bool line;
} texts[] = {
        { "", true, true },
        { "plain", true, true },
        { "Stra\xc3\x9f" "e", true, true },
        { "\xe2\x82\xac", true, true },         /* U+20AC */
        { "\xf0\x9f\x9a\x97", true, true },     /* U+1F697 */
        { "\xf4\x8f\xbf\xbf", true, true },     /* U+10FFFF */
        { "\xc2\xa0", true, true },             /* U+00A0, the first after C1 */
        { "two\nlines", true, false },
        { "\x1b[2J", true, false },
        { "\x7f", true, false },
        { "\xc2\x9b" "2J", true, false },       /* U+009B, CSI in one character */
        { "\xe9t\xe9", false, false },          /* Latin-1 */
        { "\x80", false, false },               /* continuation without a beginning */
        { "\xc3", false, false },               /* cut */
        { "\xe2\x82", false, false },           /* cut */
        { "\xf0\x9f\x9a", false, false },       /* cut */
        { "\xc0\xaf", false, false },           /* "/" in two bytes */
        { "\xe0\x9f\xbf", false, false },       /* too long a form */
        { "\xf0\x8f\xbf\xbf", false, false },   /* too long a form */
        { "\xed\xa0\x80", false, false },       /* surrogate */
        { "\xf4\x90\x80\x80", false, false },   /* above U+10FFFF */
        { "\xf5\x80\x80\x80", false, false },
        { "\xff", false, false },
};

START_TEST(only_rfc_3629_is_utf8)
{
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                ck_assert_msg(utf8_is_valid(texts[i].text, strlen(texts[i].text)) == texts[i].valid,
                              "text %zu", i);
}
END_TEST

START_TEST(line_has_no_control_characters)
{
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                ck_assert_msg(utf8_is_line(texts[i].text, strlen(texts[i].text)) == texts[i].line,
                              "text %zu", i);
}
END_TEST

START_TEST(a_line_is_made_of_any_text)
{
        static const char *const rows[][2] = {
                { "", "" },
                { "plain \xc3\xa9", "plain \xc3\xa9" },
                { "a\nb\r\n", "a b" },
                { "\x1b[2J\x7f" "x\xc2\x9b" "y", " [2J x y" },
                { "cut \xe2\x82", "cut ??" },
                { "\xff\xc0\x80", "???" },
                { "\n\t ", "" },
        };
        size_t i;

        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char text[32];

                (void)snprintf(text, sizeof(text), "%s", rows[i][0]);
                utf8_make_line(text);
                ck_assert_str_eq(text, rows[i][1]);
                ck_assert(utf8_is_line(text, strlen(text)));
        }
}
END_TEST

UNIT_MAIN("utf8", a_line_is_made_of_any_text, only_rfc_3629_is_utf8, line_has_no_control_characters)
