/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"
#include "tests/unit/unit.h"

static const struct scan_rules rules = { .max_bytes = 4096, .max_depth = 16 };

static struct json *parse(const char *text)
{
        struct diag diag = DIAG_INIT;
        struct json *json = NULL;

        ck_assert_msg(json_parse(text, strlen(text), &rules, NULL, &diag, &json) == 0, "%s: %s",
                      text, diag.text);
        return json;
}

static void prints_as(const struct json *json, enum json_layout layout, const char *expected)
{
        CLEANUP_FREE char *text = NULL;

        ck_assert_int_eq(json_print(json, layout, &text), 0);
        ck_assert_str_eq(text, expected);
}

START_TEST(a_fault_leaves_the_result_untouched_and_says_where)
{
        struct json *json = (struct json *)&rules;
        struct diag diag = DIAG_INIT;
        size_t offset = 0;

        ck_assert_int_eq(json_parse("[1,2", 4, &rules, &offset, &diag, &json), -EBADMSG);
        ck_assert_ptr_eq(json, &rules);
        ck_assert_uint_eq(offset, 0);
        ck_assert_str_eq(diag.text, "the array that begins here does not end");
}
END_TEST

START_TEST(getters_give_values_of_their_type_only)
{
        CLEANUP_JSON struct json *json = parse("{\"s\":\"x\",\"b\":true,\"i\":-12,\"f\":1.5,"
                                               "\"big\":1e17,\"n\":null,\"a\":[],\"o\":{}}");
        int64_t integer = 77;
        double number = 0;
        bool flag = false;

        ck_assert_str_eq(json_get_string(json_get_member(json, "s")), "x");
        ck_assert_ptr_null(json_get_string(json_get_member(json, "i")));
        ck_assert_int_eq(json_get_bool(json_get_member(json, "b"), &flag), 0);
        ck_assert(flag);
        ck_assert_int_eq(json_get_bool(json_get_member(json, "n"), &flag), -EINVAL);
        ck_assert_int_eq(json_get_integer(json_get_member(json, "f"), &integer), -EINVAL);
        ck_assert_int_eq(json_get_integer(json_get_member(json, "s"), &integer), -EINVAL);
        ck_assert_int_eq(json_get_integer(json_get_member(json, "big"), &integer), -ERANGE);
        ck_assert_int_eq(integer, 77);
        ck_assert_int_eq(json_get_integer(json_get_member(json, "i"), &integer), 0);
        ck_assert_int_eq(integer, -12);
        ck_assert_int_eq(json_get_number(json_get_member(json, "f"), &number), 0);
        ck_assert(number == 1.5);
        ck_assert_int_eq(json_get_type(json_get_member(json, "a")), JSON_TYPE_ARRAY);
        ck_assert_int_eq(json_get_type(json_get_member(json, "o")), JSON_TYPE_OBJECT);
        ck_assert_int_eq(json_get_type(json_get_member(json, "n")), JSON_TYPE_NULL);
}
END_TEST

START_TEST(what_is_not_there_reads_as_nothing)
{
        CLEANUP_JSON struct json *json = parse("{\"a\":[1]}");
        bool flag;

        ck_assert_ptr_null(json_get_member(json, "A")); /* keys have case */
        ck_assert_ptr_null(json_get_member(json_get_member(json, "x"), "y"));
        ck_assert_ptr_null(json_get_member(json_get_member(json, "a"), "0"));
        ck_assert_ptr_null(json_get_string(NULL));
        ck_assert_int_eq(json_get_bool(NULL, &flag), -EINVAL);
        ck_assert_int_eq(json_get_type(NULL), 0);
        ck_assert_uint_eq(json_count(NULL), 0);
}
END_TEST

START_TEST(members_come_in_the_order_of_the_text)
{
        CLEANUP_JSON struct json *json = parse("{\"b\":1,\"a\":2,\"c\":3}");
        const struct json *member;
        char keys[4] = "";

        JSON_FOREACH(member, json)
                keys[strlen(keys)] = json_get_key(member)[0];
        ck_assert_str_eq(keys, "bac");
        ck_assert_uint_eq(json_count(json), 3);
        ck_assert_ptr_null(json_get_key(json));
}
END_TEST

START_TEST(pointers_lead_to_values)
{
        CLEANUP_JSON struct json *json = parse("{\"a/b\":{\"~\":[10,{\"x\":true}]},\"0\":5}");
        int64_t value = 0;

        ck_assert_ptr_eq(json_locate(json, ""), json);
        ck_assert_int_eq(json_get_integer(json_locate(json, "/a~1b/~0/0"), &value), 0);
        ck_assert_int_eq(value, 10);
        ck_assert_int_eq(json_get_integer(json_locate(json, "/0"), &value), 0);
        ck_assert_int_eq(value, 5);
        ck_assert_int_eq(json_get_type(json_locate(json, "/a~1b/~0/1/x")), JSON_TYPE_BOOL);
        ck_assert_ptr_null(json_locate(json, "/a~1b/~0/2"));
        ck_assert_ptr_null(json_locate(json, "/a~1b/~0/01"));
        ck_assert_ptr_null(json_locate(json, "/0/0"));
        ck_assert_ptr_null(json_locate(json, "a"));
}
END_TEST

START_TEST(numbers_keep_their_value_when_printed)
{
        static const struct {
                const char *in;
                const char *out;
        } numbers[] = {
                { "9007199254740991", "9007199254740991" }, /* cJSON prints 9.00719925474099e+15 */
                { "-9007199254740991", "-9007199254740991" },
                { "1e3", "1000" },
                { "0.1", "0.1" },
                { "0.30000000000000004", "0.30000000000000004" },
                { "1.25e300", "1.25e+300" },
                { "5e-324", "4.94065645841247e-324" },
                { "-0", "-0" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(numbers); i++) {
                CLEANUP_JSON struct json *json = parse(numbers[i].in);

                prints_as(json, JSON_LAYOUT_COMPACT, numbers[i].out);
        }
}
END_TEST

START_TEST(strings_are_escaped_and_otherwise_left_alone)
{
        CLEANUP_JSON struct json *json =
                parse("[\"\\\"\\\\\\b\\f\\n\\r\\t\\/\", \"\\u0001\\u001f\\u00e4\\ud83d\\ude00\"]");

        prints_as(json, JSON_LAYOUT_COMPACT,
                  "[\"\\\"\\\\\\b\\f\\n\\r\\t/\",\"\\u0001\\u001f\xc3\xa4\xf0\x9f\x98\x80\"]");
}
END_TEST

START_TEST(pretty_means_one_value_a_line)
{
        CLEANUP_JSON struct json *json = parse("{\"a\":[1,{}],\"b\":{\"c\":null},\"d\":[]}");

        prints_as(json, JSON_LAYOUT_PRETTY,
                  "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": null\n  },\n  "
                  "\"d\": []\n}");
}
END_TEST

START_TEST(trees_can_be_built_and_changed)
{
        CLEANUP_JSON struct json *json = json_new_object();
        struct json *array = json_new_array();

        ck_assert_int_eq(json_append(array, json_new_integer(1)), 0);
        ck_assert_int_eq(json_append(array, json_new_null()), 0);
        ck_assert_int_eq(json_set(json, "list", array), 0);
        ck_assert_int_eq(json_set(json, "flag", json_new_bool(true)), 0);
        ck_assert_int_eq(json_set(json, "text", json_new_string("a\"b")), 0);
        ck_assert_int_eq(json_set(json, "flag", json_new_bool(false)), 0);
        prints_as(json, JSON_LAYOUT_COMPACT,
                  "{\"list\":[1,null],\"flag\":false,\"text\":\"a\\\"b\"}");
        json_remove(json, "list");
        json_remove(json, "nothing");
        prints_as(json, JSON_LAYOUT_COMPACT, "{\"flag\":false,\"text\":\"a\\\"b\"}");
        ck_assert_int_eq(json_set(json, "x", NULL), -ENOMEM);
        ck_assert_ptr_null(json_edit_member(json, "list"));
}
END_TEST

START_TEST(a_copy_stands_alone)
{
        CLEANUP_JSON struct json *json = parse("{\"a\":{\"b\":[1]}}");
        CLEANUP_JSON struct json *copy = json_copy(json_get_member(json, "a"));

        json_remove(json, "a");
        ck_assert_ptr_null(json_get_key(copy));
        prints_as(copy, JSON_LAYOUT_COMPACT, "{\"b\":[1]}");
}
END_TEST

START_TEST(equal_means_the_same_value)
{
        static const struct {
                const char *a;
                const char *b;
                bool equal;
        } pairs[] = {
                { "{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1.0}", true },
                { "[1,2]", "[2,1]", false },
                { "[1,2]", "[1]", false },
                { "[1]", "[1,2]", false },
                { "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
                { "{\"a\":1}", "{\"b\":1}", false },
                { "{\"a\":null}", "{\"b\":null}", false },
                { "1", "\"1\"", false },
                { "true", "false", false },
                { "null", "null", true },
                { "\"x\"", "\"\\u0078\"", true },
                { "9007199254740991", "9007199254740990", false },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(pairs); i++) {
                CLEANUP_JSON struct json *a = parse(pairs[i].a);
                CLEANUP_JSON struct json *b = parse(pairs[i].b);

                ck_assert_msg(json_equal(a, b) == pairs[i].equal, "%s, %s", pairs[i].a, pairs[i].b);
        }
        ck_assert(json_equal(NULL, NULL));
}
END_TEST

START_TEST(pointers_are_shown_as_people_write_paths)
{
        static const struct {
                const char *pointer;
                const char *path;
        } rows[] = {
                { "", "" },
                { "/settings/bundle-key", "settings.bundle-key" },
                { "/topics/0", "topics[0]" },
                { "/a/1/b", "a[1].b" },
                { "/a b/c~1d", "[\"a b\"][\"c/d\"]" },
                { "/", "[\"\"]" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                CLEANUP_FREE char *path = pointer_to_path(rows[i].pointer);

                ck_assert_str_eq(path, rows[i].path);
        }
        ck_assert_ptr_null(pointer_to_path("x"));
}
END_TEST

START_TEST(pointers_grow_and_shrink_with_a_walk)
{
        CLEANUP_POINTER struct pointer at = POINTER_INIT;
        size_t mark;

        ck_assert_str_eq(pointer_text(&at), "");
        ck_assert_int_eq(pointer_push_key(&at, "a/~b"), 0);
        mark = at.length;
        ck_assert_int_eq(pointer_push_index(&at, 12), 0);
        ck_assert_str_eq(pointer_text(&at), "/a~1~0b/12");
        pointer_cut(&at, mark);
        ck_assert_str_eq(pointer_text(&at), "/a~1~0b");
        pointer_cut(&at, 0);
        ck_assert_str_eq(pointer_text(&at), "");
}
END_TEST

START_TEST(the_nearest_word_is_found_and_far_ones_are_not)
{
        static const char *const known[] = { "plugin", "enabled", "isolation", "bundle-key", "id" };
        static const struct {
                const char *word;
                const char *near;
        } rows[] = {
                { "plugni", "plugin" },   { "Enabled", "enabled" },       { "enable", "enabled" },
                { "bundlekey", "bundle-key" }, { "isolaton", "isolation" }, { "timeout", NULL },
                { "ib", "id" },           { "x", NULL },                  { "", NULL },
        };
        size_t i;
        size_t k;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                struct nearest near = NEAREST_INIT(rows[i].word);

                for (k = 0; k < ARRAY_SIZE(known); k++)
                        nearest_offer(&near, known[k]);
                if (rows[i].near)
                        ck_assert_pstr_eq(near.best, rows[i].near);
                else
                        ck_assert_ptr_null(near.best);
        }
}
END_TEST

UNIT_MAIN("json", a_fault_leaves_the_result_untouched_and_says_where,
          getters_give_values_of_their_type_only, what_is_not_there_reads_as_nothing,
          members_come_in_the_order_of_the_text, pointers_lead_to_values,
          numbers_keep_their_value_when_printed, strings_are_escaped_and_otherwise_left_alone,
          pretty_means_one_value_a_line, trees_can_be_built_and_changed, a_copy_stands_alone,
          equal_means_the_same_value, pointers_are_shown_as_people_write_paths,
          pointers_grow_and_shrink_with_a_walk, the_nearest_word_is_found_and_far_ones_are_not)
