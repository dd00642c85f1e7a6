/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/schema.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

static const struct scan_rules rules = { .max_bytes = 4096, .max_depth = 16 };

/* Every fault as a line "POINTER: TEXT". */
static void collect(void *data, const char *pointer, const char *text)
{
        char *said = data;
        size_t n = strlen(said);

        (void)snprintf(said + n, DIAG_MAX - n, "%s: %s\n", pointer, text);
}

static void check(const char *schema_text, const char *value_text, const char *expected)
{
        CLEANUP_JSON struct json *schema = NULL;
        CLEANUP_JSON struct json *value = NULL;
        struct diag diag = DIAG_INIT;
        char said[DIAG_MAX] = "";
        const char *p;
        int n = 0;

        ck_assert_msg(schema_parse(schema_text, strlen(schema_text), &diag, &schema) == 0, "%s",
                      diag.text);
        ck_assert_int_eq(json_parse(value_text, strlen(value_text), &rules, NULL, NULL, &value), 0);
        for (p = expected; (p = strchr(p, '\n')); p++)
                n++;
        ck_assert_int_eq(schema_check(schema, value, collect, said), n);
        ck_assert_str_eq(said, expected);
}

START_TEST(types_are_told_apart)
{
        check("{\"type\":\"string\"}", "1", ": expected a string\n");
        check("{\"type\":\"integer\"}", "1.5", ": expected an integer\n");
        check("{\"type\":\"integer\"}", "2.0", "");
        check("{\"type\":\"number\"}", "1.5", "");
        check("{\"type\":\"boolean\"}", "null", ": expected a boolean\n");
        check("{\"type\":\"null\"}", "0", ": expected null\n");
        check("{\"type\":\"array\"}", "{}", ": expected an array\n");
        check("{\"type\":\"object\"}", "[]", ": expected an object\n");
        check("{\"type\":[\"string\",\"null\"]}", "null", "");
        check("{\"type\":[\"string\",\"null\"]}", "3", ": has a type that is not allowed here\n");
}
END_TEST

START_TEST(an_unknown_key_is_met_with_the_nearest_one)
{
        static const char schema[] =
                "{\"type\":\"object\",\"properties\":{\"bundle-key\":{},\"reboot\":{}},"
                "\"additionalProperties\":false}";

        check(schema, "{\"bundlekey\":1,\"zzz\":2,\"reboot\":3}",
              "/bundlekey: unknown key; did you mean \"bundle-key\"?\n/zzz: unknown key\n");
        check("{\"properties\":{\"a\":{}}}", "{\"b\":1}", "");
        check("{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":\"x\",\"b/c\":1}",
              "/b~1c: expected a string\n");
}
END_TEST

START_TEST(what_is_required_must_be_there)
{
        check("{\"properties\":{\"s\":{\"required\":[\"a\",\"b\"]}}}", "{\"s\":{\"b\":1}}",
              "/s: \"a\" is missing\n");
        check("{\"required\":[\"a\"]}", "[]", ""); /* says nothing about other types */
}
END_TEST

START_TEST(bounds_hold_for_numbers_texts_and_arrays)
{
        check("{\"minimum\":1,\"maximum\":3}", "0", ": must be at least 1\n");
        check("{\"minimum\":1,\"maximum\":3}", "3.5", ": must be at most 3\n");
        check("{\"minimum\":1,\"maximum\":3}", "3", "");
        check("{\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa4\"",
              ": must be at least 2 characters\n");
        check("{\"minLength\":2,\"maxLength\":3}", "\"\xc3\xa4\xc3\xa4\xc3\xa4\\n\"",
              ": must be at most 3 characters\n");
        check("{\"minItems\":1,\"maxItems\":2}", "[]", ": must be at least 1 elements\n");
        check("{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", ": must be at most 2 elements\n");
        check("{\"minItems\":1}", "\"\"", "");
}
END_TEST

START_TEST(elements_are_checked_one_by_one)
{
        check("{\"items\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}}}}",
              "[{\"id\":\"x\"},{\"id\":1},2]",
              "/1/id: expected a string\n/2: expected an object\n");
}
END_TEST

START_TEST(enumerations_allow_their_values_only)
{
        check("{\"enum\":[\"never\",\"on-activate\",1]}", "\"on-activate\"", "");
        check("{\"enum\":[\"never\",\"on-activate\",1]}", "1", "");
        check("{\"enum\":[\"never\",\"on-activate\"]}", "\"on-actvate\"",
              ": \"on-actvate\" is not allowed here; did you mean \"on-activate\"?\n");
        check("{\"enum\":[\"never\",\"on-activate\"]}", "\"x\"",
              ": expected one of [\"never\",\"on-activate\"]\n");
        check("{\"enum\":[{\"a\":1}]}", "{\"a\":1}", "");
        check("{\"enum\":[null]}", "false", ": expected one of [null]\n");
}
END_TEST

START_TEST(keywords_beyond_the_subset_are_passed_over)
{
        check("{\"$schema\":\"x\",\"title\":1,\"pattern\":\"^a\",\"default\":3,\"format\":\"uri\"}",
              "\"b\"", "");
}
END_TEST

START_TEST(a_schema_that_says_nothing_by_a_slip_is_refused)
{
        static const struct {
                const char *schema;
                const char *says;
        } rows[] = {
                { "[]", "1:1: expected an object" },
                { "{\"type\":\"int\"}", "/type: expected the name of a type" },
                { "{\"type\":[]}", "/type: expected names of types" },
                { "{\"properties\":{\"a\":true}}",
                  "/properties/a: expected a schema, which is an object" },
                { "{\"properties\":{\"a\":{\"minimum\":\"1\"}}}",
                  "/properties/a/minimum: expected a number" },
                { "{\"items\":{\"minLength\":-1}}", "/items/minLength: expected a count" },
                { "{\"required\":\"a\"}", "/required: expected an array of keys" },
                { "{\"required\":[1]}", "/required: expected an array of keys" },
                { "{\"enum\":[]}", "/enum: expected an array of values" },
                { "{\"additionalProperties\":0}",
                  "/additionalProperties: expected a schema, which is an object" },
                { "{\"a\":1,\n \"a\":2}", "2:2: the key \"a\" stands here twice" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json *schema = NULL;
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(schema_parse(rows[i].schema, strlen(rows[i].schema), &diag,
                                              &schema),
                                 -EBADMSG);
                ck_assert_str_eq(diag.text, rows[i].says);
                ck_assert_ptr_null(schema);
        }
}
END_TEST

UNIT_MAIN("schema", types_are_told_apart, an_unknown_key_is_met_with_the_nearest_one,
          what_is_required_must_be_there, bounds_hold_for_numbers_texts_and_arrays,
          elements_are_checked_one_by_one, enumerations_allow_their_values_only,
          keywords_beyond_the_subset_are_passed_over,
          a_schema_that_says_nothing_by_a_slip_is_refused)
