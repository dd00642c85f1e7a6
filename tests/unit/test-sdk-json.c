/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sdk-json - JSON values, desired states, feedback and inventories */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/status.h>

/* -------------------------------------------------------------------------------------- reading */

static struct ub_json *parse(const char *text)
{
        struct ub_error error = UB_ERROR_INIT;
        struct ub_json *json = NULL;

        ck_assert_msg(ub_json_parse(text, "settings", &error, &json) == 0, "%s", error.text);
        return json;
}

START_TEST(members_are_read_by_type)
{
        struct ub_json *json =
                parse("{\"s\":\"text\",\"i\":-7,\"b\":true,\"a\":[1,\"x\"],\"n\":null,"
                      "\"o\":{\"k\":0.5},\"big\":9007199254740991}");
        struct ub_error error = UB_ERROR_INIT;
        const struct ub_json *nested = NULL;
        const char *text = NULL;
        int64_t number = 0;
        bool flag = false;

        ck_assert_int_eq(ub_json_get_string(json, "s", &error, &text), 1);
        ck_assert_str_eq(text, "text");
        ck_assert_int_eq(ub_json_get_int(json, "i", -10, 10, &error, &number), 1);
        ck_assert_int_eq(number, -7);
        ck_assert_int_eq(ub_json_get_int(json, "big", 0, UB_JSON_INT_MAX, &error, &number), 1);
        ck_assert_int_eq(number, UB_JSON_INT_MAX);
        ck_assert_int_eq(ub_json_get_bool(json, "b", &error, &flag), 1);
        ck_assert(flag);
        ck_assert_int_eq(ub_json_get_array(json, "a", &error, &nested), 1);
        ck_assert_uint_eq(ub_json_count(nested), 2);
        ck_assert_str_eq(ub_json_text(ub_json_next(ub_json_first(nested))), "x");
        ck_assert_int_eq(ub_json_get_object(json, "o", &error, &nested), 1);
        ck_assert_str_eq(ub_json_key(ub_json_first(nested)), "k");
        ck_assert_str_eq(ub_json_text(ub_json_first(nested)), "0.5");
        ck_assert_int_eq(ub_json_get_string(json, "n", &error, &text), 0);
        ck_assert_int_eq(ub_json_get_string(json, "absent", &error, &text), 0);
        ck_assert_str_eq(text, "text");
        ck_assert_str_eq(error.text, "");
        ub_json_free(json);
}
END_TEST

START_TEST(a_wrong_value_is_named_in_a_sentence)
{
        static const char *const keys[] = { "components", "n", "s", NULL };
        struct ub_json *json =
                parse("{\"components\":[{},{},{\"version\":7,\"id\":\"\"}],\"n\":1.5,"
                      "\"s\":\"yes\",\"i\":11}");
        const struct ub_json *third;
        struct ub_error error = UB_ERROR_INIT;
        const struct ub_json *a = NULL;
        const char *text = "old";
        int64_t number = 3;
        bool flag = true;

        ck_assert_int_eq(ub_json_get_array(json, "components", &error, &a), 1);
        third = ub_json_next(ub_json_next(ub_json_first(a)));
        ck_assert_int_eq(ub_json_get_string(third, "version", &error, &text), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.components[2].version: expected a string, got 7");
        ck_assert_int_eq(ub_json_need_string(third, "id", &error, &text), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.components[2]: \"id\" is empty");
        ck_assert_int_eq(ub_json_need_string(ub_json_first(a), "id", &error, &text), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.components[0]: \"id\" is missing");
        ck_assert_int_eq(ub_json_get_int(json, "n", 0, 10, &error, &number), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.n: expected a whole number from 0 to 10, got 1.5");
        ck_assert_int_eq(ub_json_get_int(json, "i", 0, 10, &error, &number), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.i: expected a whole number from 0 to 10, got 11");
        ck_assert_int_eq(ub_json_get_bool(json, "s", &error, &flag), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.s: expected true or false, got \"yes\"");
        ck_assert_int_eq(ub_json_get_string(json, "components", &error, &text), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.components: expected a string, got an array");
        ck_assert_int_eq(ub_json_only_keys(json, keys, &error), -EBADMSG);
        ck_assert_str_eq(error.text, "settings.i: there is no such setting");
        ck_assert_int_eq(ub_json_only_keys(ub_json_first(a), keys, &error), 0);
        ck_assert_str_eq(text, "old");
        ck_assert_int_eq(number, 3);
        ck_assert(flag);
        ub_json_free(json);
}
END_TEST

START_TEST(what_is_not_one_json_value_is_refused)
{
        static const struct {
                const char *text;
                int r;
                const char *error;
        } cases[] = {
                { "", -EBADMSG, "s: not JSON at byte 1" },
                { "{\"a\":}", -EBADMSG, "s: not JSON at byte 6" },
                { "{} {}", -EBADMSG, "s: not JSON at byte 4" },
                { "{\"a\":1,\"b\":2,\"a\":3}", -EBADMSG, "s: \"a\" is there twice" },
                { "{\"x\":[{\"a\":1,\"a\":1}]}", -EBADMSG, "s.x[0]: \"a\" is there twice" },
                { "[\"a\\u0000b\"]", -EBADMSG, "s: a string holds \\u0000" },
        };
        struct ub_error error = UB_ERROR_INIT;
        struct ub_json *json = NULL;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_int_eq(ub_json_parse(cases[i].text, "s", &error, &json), cases[i].r);
                ck_assert_str_eq(error.text, cases[i].error);
                ck_assert_ptr_null(json);
        }
        json = parse("[\"a\\\\u0000b\"]"); /* an escaped backslash */
        ck_assert_str_eq(ub_json_text(ub_json_first(json)), "a\\u0000b");
        ub_json_free(json);
}
END_TEST

START_TEST(depth_and_length_have_limits)
{
        struct ub_error error = UB_ERROR_INIT;
        struct ub_json *json = NULL;
        char deep[2 * (UB_MAX_DEPTH + 1) + 1];
        char *longer = malloc(UB_MAX_JSON + 2);

        memset(deep, '[', UB_MAX_DEPTH + 1);
        memset(deep + UB_MAX_DEPTH + 1, ']', UB_MAX_DEPTH + 1);
        deep[sizeof(deep) - 1] = '\0';
        ck_assert_int_eq(ub_json_parse(deep, "s", &error, &json), -E2BIG);
        ck_assert_str_eq(error.text, "s: deeper than 64 levels");
        deep[sizeof(deep) - 2] = '\0'; /* without the outermost pair */
        ck_assert_int_eq(ub_json_parse(deep + 1, "s", &error, &json), 0);
        json = ub_json_free(json);

        memset(longer, ' ', UB_MAX_JSON + 1);
        longer[0] = '1';
        longer[UB_MAX_JSON + 1] = '\0';
        ck_assert_int_eq(ub_json_parse(longer, "s", &error, &json), -E2BIG);
        longer[UB_MAX_JSON] = '\0';
        ck_assert_int_eq(ub_json_parse(longer, "s", &error, &json), 0);
        ub_json_free(json);
        free(longer);
}
END_TEST

/* -------------------------------------------------------------------------------------- writing */

START_TEST(what_is_written_reads_back)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        char *text = NULL;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "s", "a\"b\\c\n\x01\xc3\xa4\xff");
        ub_json_put_string(&w, "none", NULL);
        ub_json_put_int(&w, "i", -5);
        ub_json_open_array(&w, "a");
        ub_json_put_bool(&w, NULL, true);
        ub_json_open_object(&w, NULL);
        ub_json_close_object(&w);
        ub_json_put_json(&w, NULL, "[1]");
        ub_json_close_array(&w);
        ub_json_close_object(&w);
        ck_assert_int_eq(ub_json_writer_finish(&w, &text), 0);
        ck_assert_str_eq(text, "{\"s\":\"a\\\"b\\\\c\\n\\u0001\xc3\xa4\xef\xbf\xbd\",\"i\":-5,"
                               "\"a\":[true,{},[1]]}");
        ub_json_free(parse(text));
        free(text);
}
END_TEST

START_TEST(a_call_out_of_place_is_reported_at_the_end)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        char *text = NULL;

        ck_assert_int_eq(ub_json_writer_finish(&w, &text), -EINVAL); /* nothing written */
        ub_json_open_object(&w, NULL);
        ck_assert_int_eq(ub_json_writer_finish(&w, &text), -EINVAL); /* still open */
        ub_json_open_object(&w, NULL);
        ub_json_close_array(&w);
        ck_assert_int_eq(ub_json_writer_finish(&w, &text), -EINVAL); /* the wrong end */
        ub_json_open_array(&w, NULL);
        ub_json_put_int(&w, "key", 1);
        ub_json_close_array(&w);
        ck_assert_int_eq(ub_json_writer_finish(&w, &text), -EINVAL); /* a key in an array */
        ub_json_put_int(&w, NULL, 1);
        ub_json_put_int(&w, NULL, 2);
        ck_assert_int_eq(ub_json_writer_finish(&w, &text), -EINVAL); /* two values */
        ck_assert_ptr_null(text);
}
END_TEST

/* ------------------------------------------------------------------------------- desired states */

static struct ub_desired_state *desired_state(const char *text)
{
        struct ub_error error = UB_ERROR_INIT;
        struct ub_desired_state *desired = NULL;

        ck_assert_msg(ub_desired_state_parse(text, &error, &desired) == 0, "%s", error.text);
        return desired;
}

START_TEST(a_desired_state_is_read_whole)
{
        struct ub_desired_state *d = desired_state(
                "{\"domains\":[{\"id\":\"containers\",\"config\":[{\"key\":\"k\",\"value\":\"v\"}],"
                "\"components\":[{\"id\":\"a\",\"version\":\"1\",\"config\":[{\"key\":\"image\","
                "\"value\":\"x\"}]},{\"id\":\"b\"}]}],"
                "\"baselines\":[{\"title\":\"t\",\"description\":\"d\",\"preconditions\":\"p\","
                "\"components\":[\"containers:b\",\"other:a\"]}]}");

        ck_assert_str_eq(d->domain, "containers");
        ck_assert_str_eq(ub_config_get(d->config, d->n_config, "k"), "v");
        ck_assert_ptr_null(ub_config_get(d->config, d->n_config, "K"));
        ck_assert_uint_eq(d->n_components, 2);
        ck_assert_str_eq(d->components[0].id, "a");
        ck_assert_str_eq(d->components[0].version, "1");
        ck_assert_str_eq(d->components[0].config[0].value, "x");
        ck_assert_str_eq(d->components[1].version, "");
        ck_assert_uint_eq(d->n_baselines, 1);
        ck_assert_str_eq(d->baselines[0].title, "t");
        ck_assert_str_eq(d->baselines[0].description, "d");
        ck_assert_str_eq(d->baselines[0].preconditions, "p");
        ck_assert_uint_eq(d->baselines[0].n_components, 1);
        ck_assert(ub_desired_state_concerns(d, "t", "b"));
        ck_assert(!ub_desired_state_concerns(d, "t", "a"));
        ck_assert(!ub_desired_state_concerns(d, "unknown", "b"));
        ck_assert(ub_desired_state_concerns(d, "", "a"));
        ck_assert(ub_desired_state_concerns(d, "*", "a"));
        ub_desired_state_free(d);
}
END_TEST

START_TEST(a_desired_state_is_read_liberally)
{
        struct ub_desired_state *d = desired_state(
                "{\"Domains\":[{\"ID\":\"c\",\"extra\":[{}],\"Config\":{\"n\":5,\"b\":true,\"z\":"
                "null},"
                "\"components\":[{\"Id\":\"a\",\"VERSION\":null,\"config\":[{\"key\":\"f\","
                "\"value\":1.5},{\"key\":\"none\"}]}]}],"
                "\"baselines\":[{\"title\":\"t\",\"precondition\":\"p\"}]}");

        ck_assert_str_eq(d->domain, "c");
        ck_assert_str_eq(ub_config_get(d->config, d->n_config, "n"), "5");
        ck_assert_str_eq(ub_config_get(d->config, d->n_config, "b"), "true");
        ck_assert_str_eq(ub_config_get(d->config, d->n_config, "z"), "");
        ck_assert_str_eq(d->components[0].version, "");
        ck_assert_str_eq(d->components[0].config[0].value, "1.5");
        ck_assert_str_eq(d->components[0].config[1].value, "");
        ck_assert_str_eq(d->baselines[0].preconditions, "p");
        ub_desired_state_free(d);
        d = desired_state("{\"domains\":[{\"id\":\"c\"}],\"baselines\":null}");
        ck_assert_uint_eq(d->n_components, 0);
        ub_desired_state_free(d);
}
END_TEST

START_TEST(a_wrong_desired_state_is_refused_with_its_place)
{
        static const char *const cases[][2] = {
                { "[]", "desired state: expected an object, got an array" },
                { "{}", "desired state: expected one domain, got 0" },
                { "{\"domains\":{}}", "desired state.domains: expected an array" },
                { "{\"domains\":[{\"id\":\"a\"},{\"id\":\"b\"}]}",
                  "desired state: expected one domain, got 2" },
                { "{\"domains\":[{\"id\":\"\"}]}", "desired state.domains[0]: \"id\" is missing" },
                { "{\"domains\":[{\"id\":\"a\",\"config\":5}]}",
                  "desired state.domains[0].config: expected an array" },
                { "{\"domains\":[{\"id\":\"a\",\"components\":[{\"id\":\"x\"},{\"version\":\"1\"}]}"
                  "]}",
                  "desired state.domains[0].components[1]: \"id\" is missing" },
                { "{\"domains\":[{\"id\":\"a\",\"components\":[{\"id\":\"x\"},{\"id\":\"x\"}]}]}",
                  "desired state.domains[0].components[1]: component \"x\" is there twice" },
                { "{\"domains\":[{\"id\":\"a\",\"components\":[{\"id\":\"x\",\"config\":[{\"key\":"
                  "\"k\",\"value\":\"v\"}]},{\"id\":\"y\",\"version\":2}]}]}",
                  "desired state.domains[0].components[1].version: expected a string, got 2" },
                { "{\"domains\":[{\"id\":\"a\",\"components\":[{\"id\":\"x\",\"config\":[{\"key\":"
                  "\"k\",\"value\":[]}]}]}]}",
                  "desired state.domains[0].components[0].config[0]: the value is neither a text "
                  "nor "
                  "a number" },
                { "{\"domains\":[{\"id\":\"a\"}],\"baselines\":[{\"title\":\"t\",\"components\":"
                  "[\"a:gone\"]}]}",
                  "desired state.baselines[0].components[0]: there is no component \"gone\" in the "
                  "domain" },
        };
        struct ub_error error = UB_ERROR_INIT;
        struct ub_desired_state *d = NULL;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_int_eq(ub_desired_state_parse(cases[i][0], &error, &d), -EBADMSG);
                ck_assert_str_eq(error.text, cases[i][1]);
                ck_assert_ptr_null(d);
        }
}
END_TEST

/* --------------------------------------------------------------------- feedback and inventories */

START_TEST(a_feedback_leaves_out_what_is_empty)
{
        const struct ub_feedback_action actions[] = {
                { .id = "a", .version = "1", .status = UB_UPDATING, .progress = 250 },
                { .id = "b", .status = UB_UPDATE_FAILURE, .message = "disk full" },
        };
        struct ub_feedback feedback = { .status = UB_UPDATING };
        char *json = NULL;

        ck_assert_int_eq(ub_feedback_to_json(&feedback, "d", &json), 0);
        ck_assert_str_eq(json, "{\"status\":\"UPDATING\"}");
        free(json);
        feedback.baseline = "base";
        feedback.message = "m";
        feedback.actions = actions;
        feedback.n_actions = 2;
        ck_assert_int_eq(ub_feedback_to_json(&feedback, "d", &json), 0);
        ck_assert_str_eq(
                json,
                "{\"baseline\":\"base\",\"status\":\"UPDATING\",\"message\":\"m\",\"actions\":["
                "{\"component\":{\"id\":\"d:a\",\"version\":\"1\"},\"status\":\"UPDATING\","
                "\"progress\":100},{\"component\":{\"id\":\"d:b\"},"
                "\"status\":\"UPDATE_FAILURE\",\"message\":\"disk full\"}]}");
        free(json);
}
END_TEST

START_TEST(a_feedback_is_sent_with_the_hosts_id)
{
        struct fake_host *fake = fake_host_new();

        ck_assert_int_eq(ub_feedback_send_text(&fake->host, "A1", NULL, UB_IDENTIFICATION_FAILED,
                                               "no %s", "image"), 0);
        ck_assert_str_eq(
                fake_host_next(fake, "feedback"),
                "feedback A1 {\"status\":\"IDENTIFICATION_FAILED\",\"message\":\"no image\"}");
        fake_host_free(fake);
}
END_TEST

START_TEST(an_inventory_is_a_graph_below_the_agent)
{
        struct ub_inventory *inventory = NULL;
        char *json = NULL;

        ck_assert_int_eq(ub_inventory_new("hello", &inventory), 0);
        ub_inventory_add_agent(inventory, "1.0", "Hello");
        ub_inventory_add_parameter(inventory, "extra", "x");
        ub_inventory_add_component(inventory, "a", "2", NULL, UB_TYPE_DATA);
        ub_inventory_add_hardware(inventory, "board", NULL, "Board", true);
        ub_inventory_add_parameter(inventory, "serial", "7");
        ub_inventory_associate(inventory, "hello:a", "board");
        ck_assert_int_eq(ub_inventory_to_json(inventory, &json), 0);
        ck_assert_str_eq(
                json,
                "{\"hardwareNodes\":[{\"id\":\"board\",\"name\":\"Board\",\"addressable\":true,"
                "\"parameters\":[{\"key\":\"serial\",\"value\":\"7\"}]}],"
                "\"softwareNodes\":[{\"id\":\"hello-update-agent\",\"version\":\"1.0\","
                "\"name\":\"Hello\",\"type\":\"APPLICATION\",\"parameters\":[{\"key\":\"domain\","
                "\"value\":\"hello\"},{\"key\":\"extra\",\"value\":\"x\"}]},"
                "{\"id\":\"hello:a\",\"version\":\"2\",\"type\":\"DATA\"}],"
                "\"associations\":[{\"sourceId\":\"hello-update-agent\",\"targetId\":\"hello:a\"},"
                "{\"sourceId\":\"hello:a\",\"targetId\":\"board\"}]}");
        free(json);
        inventory = ub_inventory_free(inventory);

        ck_assert_int_eq(ub_inventory_new("hello", &inventory), 0);
        ub_inventory_add_parameter(inventory, "of", "nothing");
        ck_assert_int_eq(ub_inventory_to_json(inventory, &json), -EINVAL);
        ub_inventory_free(inventory);
}
END_TEST

UNIT_MAIN("sdk-json", members_are_read_by_type, a_wrong_value_is_named_in_a_sentence,
          what_is_not_one_json_value_is_refused, depth_and_length_have_limits,
          what_is_written_reads_back, a_call_out_of_place_is_reported_at_the_end,
          a_desired_state_is_read_whole, a_desired_state_is_read_liberally,
          a_wrong_desired_state_is_refused_with_its_place, a_feedback_leaves_out_what_is_empty,
          a_feedback_is_sent_with_the_hosts_id, an_inventory_is_a_graph_below_the_agent)
