/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "host/json/json.h"
#include "host/json/merge.h"
#include "tests/unit/unit.h"

static const struct scan_rules rules = { .max_bytes = 4096, .max_depth = 16 };

static struct json *parse(const char *text)
{
        struct json *json = NULL;

        ck_assert_msg(json_parse(text, strlen(text), &rules, NULL, NULL, &json) == 0, "%s", text);
        return json;
}

START_TEST(the_examples_of_the_rfc_hold)
{
        /* RFC 7396, appendix A */
        static const struct {
                const char *target;
                const char *patch;
                const char *result;
        } rows[] = {
                { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
                { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
                { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
                { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
                { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
                { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
                { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
                  "{\"a\":{\"b\":\"d\"}}" },
                { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
                { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
                { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
                { "{\"a\":\"foo\"}", "null", "null" },
                { "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
                { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
                { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
                { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                CLEANUP_JSON struct json *target = parse(rows[i].target);
                CLEANUP_JSON struct json *patch = parse(rows[i].patch);
                CLEANUP_FREE char *text = NULL;

                ck_assert_int_eq(merge_patch(&target, patch), 0);
                ck_assert_int_eq(json_print(target, JSON_LAYOUT_COMPACT, &text), 0);
                ck_assert_str_eq(text, rows[i].result);
        }
}
END_TEST

START_TEST(nothing_can_be_patched_too)
{
        CLEANUP_JSON struct json *target = NULL;
        CLEANUP_JSON struct json *patch = parse("{\"a\":{\"b\":null,\"c\":[null]}}");
        CLEANUP_JSON struct json *expected = parse("{\"a\":{\"c\":[null]}}");

        ck_assert_int_eq(merge_patch(&target, patch), 0);
        ck_assert(json_equal(target, expected));
}
END_TEST

START_TEST(keys_that_differ_in_case_are_different)
{
        CLEANUP_JSON struct json *target = parse("{\"a\":1,\"A\":2}");
        CLEANUP_JSON struct json *patch = parse("{\"A\":null}");
        CLEANUP_JSON struct json *expected = parse("{\"a\":1}");

        ck_assert_int_eq(merge_patch(&target, patch), 0);
        ck_assert(json_equal(target, expected));
}
END_TEST

UNIT_MAIN("merge", the_examples_of_the_rfc_hold, nothing_can_be_patched_too,
          keys_that_differ_in_case_are_different)
