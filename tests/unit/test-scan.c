/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/json/scan.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

static const struct scan_rules any = { .max_bytes = 4 * 1024 * 1024, .max_depth = 8 };
static const struct scan_rules object = { .max_bytes = 1024, .max_depth = 8, .object = true };
static const struct scan_rules exact = { .max_bytes = 1024,
                                         .max_depth = 8,
                                         .exact_integers = true };

static int scan(const char *text, const struct scan_rules *rules, size_t *offset, struct diag *diag)
{
        return scan_text(text, strlen(text), rules, offset, diag);
}

START_TEST(texts_by_the_rfc_are_accepted)
{
        static const char *const texts[] = {
                "{}",
                "[]",
                " \t\r\n{ } \n",
                "0",
                "-0",
                "-0.0e-0",
                "1E+5",
                "12.25",
                "true",
                "false",
                "null",
                "\"\"",
                "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uFFFF\"",
                "\"\\ud83d\\ude00\"",
                "\"\xf0\x9f\x98\x80\"",
                "\"\x7f\"",
                "\"\xef\xbf\xbf\"",
                "[[[[[[[[]]]]]]]]",
                "{\"a\":{\"a\":1},\"A\":[1,{\"a\":2}]}",
                "{\"\":1,\" \":2}",
                "0.9e308",
                "9e307",
                "1e-400",
                "[1 , 2\n,3]",
                "123456789012345678901234567890123456789012345678901234567890",
        };
        struct diag diag;
        size_t i;

        for (i = 0; i < ARRAY_SIZE(texts); i++) {
                int r = scan(texts[i], &any, NULL, &diag);

                ck_assert_msg(r == 0, "%s: %s", texts[i], diag.text);
        }
}
END_TEST

START_TEST(each_fault_has_its_place_and_its_sentence)
{
        static const struct {
                const char *text;
                size_t offset;
                const char *says;
        } faults[] = {
                { "", 0, "the text ends where a value is expected" },
                { "  ", 2, "the text ends where a value is expected" },
                { "{} x", 3, "something follows the end of the value" },
                { "\xef\xbb\xbf{}", 0, "byte order mark" },
                { "[1,]", 2, "a comma before \"]\"" },
                { "{\"a\":1,}", 6, "a comma before \"}\"" },
                { "[1 2]", 3, "expected \",\" or \"]\"" },
                { "{\"a\":1 \"b\":2}", 7, "expected \",\" or \"}\"" },
                { "[[1]", 0, "the array that begins here does not end" },
                { "[{\"a\":1", 1, "the object that begins here does not end" },
                { "{a:1}", 1, "expected a key in double quotes" },
                { "{'a':1}", 1, "expected a key in double quotes, not single ones" },
                { "{\"a\" 1}", 5, "expected \":\" after the key" },
                { "{\"a\":}", 5, "expected a value" },
                { "[yes]", 1, "expected true, false or null, or a string in double quotes" },
                { "nullx", 0, "expected true, false or null, or a string in double quotes" },
                { "\"abc", 0, "this string does not end" },
                { "\"a\nb\"", 2, "the line ends inside a string; write \\n for a new line" },
                { "\"a\tb\"", 2, "control character in a string; write \\u0009" },
                { "\"a\\qb\"", 2, "unknown escape in a string; write \\\\ for a backslash" },
                { "\"\\u12g4\"", 1, "\\u must be followed by four hexadecimal digits" },
                { "\"\\u0000\"", 1, "\\u0000 is not allowed" },
                { "\"\\ud800\"", 1, "\\ud800 is half of a surrogate pair without its other half" },
                { "\"\\udc00\\ud800\"", 1,
                  "\\udc00 is half of a surrogate pair without its other half" },
                { "\"\\ud800\\u0041\"", 1,
                  "\\ud800 is half of a surrogate pair without its other half" },
                { "\"\xc0\x80\"", 1, "not valid UTF-8" },         /* overlong */
                { "\"\xe0\x80\x80\"", 1, "not valid UTF-8" },     /* overlong */
                { "\"\xed\xa0\x80\"", 1, "not valid UTF-8" },     /* surrogate */
                { "\"\xf4\x90\x80\x80\"", 1, "not valid UTF-8" }, /* beyond U+10FFFF */
                { "\"x\xe2\x82\"", 2, "not valid UTF-8" },        /* cut short */
                { "01", 0, "a number must not begin with 0" },
                { "-", 1, "a number needs a digit" },
                { "1.", 2, "a digit must follow the decimal point" },
                { "1e", 2, "an exponent needs a digit" },
                { "+1", 0, "expected a value" },
                { ".5", 0, "expected a value" },
                { "1e308", 0, "number out of range" },
                { "0.1e309", 0, "number out of range" },
                { "1e99999999999999999999", 0, "number out of range" },
                { "1234567890123456789012345678901234567890123456789012345678901", 0,
                  "number of more than 60 characters" },
                { "// x\n{}", 0, "expected a value" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(faults); i++) {
                struct diag diag = DIAG_INIT;
                size_t offset = 9999;

                ck_assert_msg(scan(faults[i].text, &any, &offset, &diag) == -EBADMSG,
                              "accepted: %s", faults[i].text);
                ck_assert_str_eq(diag.text, faults[i].says);
                ck_assert_msg(offset == faults[i].offset, "%s: %zu", faults[i].text, offset);
        }
}
END_TEST

START_TEST(a_nul_byte_is_a_fault_wherever_it_stands)
{
        ck_assert_int_eq(scan_text("{}\0", 3, &any, NULL, NULL), -EBADMSG);
        ck_assert_int_eq(scan_text("\"\0\"", 3, &any, NULL, NULL), -EBADMSG);
        ck_assert_int_eq(scan_text("\"\\\0\"", 4, &any, NULL, NULL), -EBADMSG);
        ck_assert_int_eq(scan_text("[\0]", 3, &any, NULL, NULL), -EBADMSG);
}
END_TEST

START_TEST(a_key_twice_in_one_object_is_refused)
{
        struct diag diag;
        size_t offset;

        ck_assert_int_eq(scan("{\"a\":1,\"b\":2,\"a\":3}", &any, &offset, &diag), -EBADMSG);
        ck_assert_str_eq(diag.text, "the key \"a\" stands here twice");
        ck_assert_uint_eq(offset, 13);
        ck_assert_int_eq(scan("{\"\\u00e9\":1,\"\xc3\xa9\":2}", &any, &offset, &diag), -EBADMSG);
        ck_assert_uint_eq(offset, 12);
        ck_assert_int_eq(scan("{\"\\/\":1,\"/\":2}", &any, &offset, NULL), -EBADMSG);
        ck_assert_int_eq(scan("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", &any, NULL, NULL),
                         -EBADMSG);
        ck_assert_int_eq(scan("[{\"x\":{\"y\":0,\"y\":0}}]", &any, &offset, NULL), -EBADMSG);
        ck_assert_uint_eq(offset, 13);
        ck_assert_int_eq(scan("{\"a\":{\"a\":0},\"aa\":{\"a\":0}}", &any, NULL, &diag), 0);
}
END_TEST

START_TEST(limits_of_depth_and_length_hold)
{
        struct diag diag;
        char text[2000];
        size_t offset;

        ck_assert_int_eq(scan("[[[[[[[[[]]]]]]]]]", &any, &offset, &diag), -E2BIG);
        ck_assert_uint_eq(offset, 8);
        ck_assert_str_eq(diag.text, "more than 8 levels of objects and arrays");

        memset(text, ' ', sizeof(text));
        memcpy(text, "{}", 2);
        ck_assert_int_eq(scan_text(text, 1024, &object, &offset, &diag), 0);
        ck_assert_int_eq(scan_text(text, 1025, &object, &offset, &diag), -E2BIG);
        ck_assert_str_eq(diag.text, "longer than 1024 bytes");
}
END_TEST

START_TEST(an_object_can_be_asked_for)
{
        struct diag diag;
        size_t offset;

        ck_assert_int_eq(scan(" [1]", &object, &offset, &diag), -EBADMSG);
        ck_assert_str_eq(diag.text, "expected an object");
        ck_assert_uint_eq(offset, 1);
}
END_TEST

START_TEST(integers_that_a_double_would_change_are_refused_on_request)
{
        struct diag diag;

        ck_assert_int_eq(scan("[9007199254740991,-9007199254740991,1e30,1.5]", &exact, NULL, NULL),
                         0);
        ck_assert_int_eq(scan("9007199254740992", &exact, NULL, &diag), -EBADMSG);
        ck_assert_str_eq(diag.text, "integer beyond 9007199254740991, which would lose digits; "
                                    "write it as a string");
        ck_assert_int_eq(scan("-10000000000000000", &exact, NULL, NULL), -EBADMSG);
        ck_assert_int_eq(scan("9007199254740993", &any, NULL, NULL), 0);
}
END_TEST

START_TEST(positions_count_lines_and_characters)
{
        const char text[] = "{\n  \"\xc3\xa4\": x";
        struct scan_position p = scan_position(text, sizeof(text) - 1, 10);

        ck_assert_uint_eq(p.line, 2);
        ck_assert_uint_eq(p.column, 8);
        p = scan_position(text, sizeof(text) - 1, 0);
        ck_assert_uint_eq(p.line, 1);
        ck_assert_uint_eq(p.column, 1);
}
END_TEST

static const char rfc[] =
        "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, "
        "\"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8, "
        "\"u\\u00e4\": {\"x\": [ [ ], {} , null ] } }";

START_TEST(pointers_of_the_rfc_find_their_values)
{
        static const struct {
                const char *pointer;
                const char *value; /* NULL: -ENOENT */
                const char *key;
        } cases[] = {
                { "", rfc, rfc },
                { "/foo", "[\"bar\", \"baz\"]", "\"foo\"" },
                { "/foo/0", "\"bar\"", "\"bar\"" },
                { "/", "0", "\"\"" },
                { "/a~1b", "1", "\"a/b\"" },
                { "/c%d", "2", "\"c%d\"" },
                { "/e^f", "3", "\"e^f\"" },
                { "/g|h", "4", "\"g|h\"" },
                { "/i\\j", "5", "\"i\\\\j\"" },
                { "/k\"l", "6", "\"k\\\"l\"" },
                { "/ ", "7", "\" \"" },
                { "/m~0n", "8", "\"m~n\"" },
                { "/u\xc3\xa4/x/0", "[ ]", "[ ]" },
                { "/u\xc3\xa4/x/1", "{}", "{}" },
                { "/u\xc3\xa4/x/2", "null", "null" },
                { "/u\xc3\xa4/x/3", NULL, NULL },
                { "/u\xc3\xa4/x/-", NULL, NULL },
                { "/foo/00", NULL, NULL },
                { "/foo/2", NULL, NULL },
                { "/foo/x", NULL, NULL },
                { "/foo/0/x", NULL, NULL },
                { "/fo", NULL, NULL },
                { "/fooo", NULL, NULL },
                { "//", NULL, NULL },
        };
        size_t offset;
        size_t n;
        size_t i;

        ck_assert_int_eq(scan(rfc, &any, NULL, NULL), 0);
        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                int r = scan_locate(rfc, strlen(rfc), cases[i].pointer, &offset, &n);

                ck_assert_msg(r == (cases[i].value ? 0 : -ENOENT), "%s: %d", cases[i].pointer, r);
                if (r < 0)
                        continue;
                ck_assert_uint_eq(n, strlen(cases[i].value));
                ck_assert_mem_eq(rfc + offset, cases[i].value, n);
                ck_assert_int_eq(scan_locate_key(rfc, strlen(rfc), cases[i].pointer, &offset, &n),
                                 0);
                ck_assert_uint_eq(n, strlen(cases[i].key));
                ck_assert_mem_eq(rfc + offset, cases[i].key, n);
        }
}
END_TEST

START_TEST(what_is_no_pointer_is_refused)
{
        size_t offset;
        size_t n;

        ck_assert_int_eq(scan_locate(rfc, strlen(rfc), "foo", &offset, &n), -EINVAL);
        ck_assert_int_eq(scan_locate(rfc, strlen(rfc), "/m~n", &offset, &n), -EINVAL);
        ck_assert_int_eq(scan_locate(rfc, strlen(rfc), "/m~", &offset, &n), -EINVAL);
        ck_assert_int_eq(scan_locate(rfc, strlen(rfc), "/\xff", &offset, &n), -EINVAL);
}
END_TEST

START_TEST(a_string_is_copied_decoded_and_all_else_as_it_stands)
{
        const char string[] = "\"a\\u00e4\\n\\ud83d\\ude00/\\/\"";
        const char array[] = "[1, \"\\n\"]";
        char buf[32] = "untouched";

        ck_assert_int_eq(scan_copy(string, strlen(string), buf, 10), 10);
        ck_assert_str_eq(buf, "untouched");
        ck_assert_int_eq(scan_copy(string, strlen(string), buf, 11), 10);
        ck_assert_str_eq(buf, "a\xc3\xa4\n\xf0\x9f\x98\x80//");
        ck_assert_int_eq(scan_copy(array, strlen(array), buf, sizeof(buf)), 9);
        ck_assert_str_eq(buf, array);
        ck_assert_int_eq(scan_copy(array, strlen(array), NULL, 0), 9);
        ck_assert_int_eq(scan_copy("\"\"", 2, buf, 1), 0);
        ck_assert_str_eq(buf, "");
}
END_TEST

START_TEST(a_hostile_object_of_many_keys_is_checked_in_time)
{
        /* 30 000 distinct keys with a long common beginning, the last one twice: comparing each
         * with each would be 450 000 000 comparisons.  The limit leaves room for valgrind. */
        enum { KEYS = 30000, EACH = 24 };
        CLEANUP_FREE char *text = malloc(KEYS * EACH + 2 * EACH);
        clock_t begin = clock();
        size_t offset = 0;
        size_t n = 0;
        int i;

        ck_assert_ptr_nonnull(text);
        text[n++] = '{';
        for (i = 0; i < KEYS; i++)
                n += (size_t)snprintf(text + n, 2 * EACH, "\"aaaaaaaaaaa%08d\":0,", i);
        n += (size_t)snprintf(text + n, 2 * EACH, "\"aaaaaaaaaaa%08d\":0}", KEYS - 1);
        ck_assert_int_eq(scan_text(text, n, &any, &offset, NULL), -EBADMSG);
        ck_assert_uint_eq(offset, n - 24);
        ck_assert_msg((clock() - begin) / CLOCKS_PER_SEC < 10, "took too long");
}
END_TEST

UNIT_MAIN("scan", texts_by_the_rfc_are_accepted, each_fault_has_its_place_and_its_sentence,
          a_nul_byte_is_a_fault_wherever_it_stands, a_key_twice_in_one_object_is_refused,
          limits_of_depth_and_length_hold, an_object_can_be_asked_for,
          integers_that_a_double_would_change_are_refused_on_request,
          positions_count_lines_and_characters, pointers_of_the_rfc_find_their_values,
          what_is_no_pointer_is_refused, a_string_is_copied_decoded_and_all_else_as_it_stands,
          a_hostile_object_of_many_keys_is_checked_in_time)
