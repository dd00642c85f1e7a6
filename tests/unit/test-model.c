/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/model/command.h"
#include "host/model/consent.h"
#include "host/model/desired_state.h"
#include "host/model/duration.h"
#include "host/model/envelope.h"
#include "host/model/feedback.h"
#include "host/model/inventory.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

static struct json *parse(const char *text)
{
        const struct scan_rules rules = { .max_bytes = 1 << 24, .max_depth = 64 };
        struct diag diag = DIAG_INIT;
        struct json *json = NULL;

        if (json_parse(text, strlen(text), &rules, NULL, &diag, &json) < 0)
                ck_abort_msg("%s: %s", text, diag.text);
        return json;
}

/* -------------------------------------------------------------------------- words and durations */

START_TEST(every_word_reads_back_and_synonyms_are_understood)
{
        int i;

        for (i = 1; i < STATUS_COUNT; i++)
                ck_assert_int_eq(status_from_string(status_to_string((enum status)i)), i);
        ck_assert_int_eq(status_from_string("COMPLETE"), STATUS_COMPLETED);
        ck_assert_int_eq(status_from_string("DOWNLOADED_FAILED"), STATUS_DOWNLOAD_FAILURE);
        ck_assert_int_eq(status_from_string("completed"), STATUS_UNKNOWN);
        ck_assert_int_eq(status_from_string(NULL), STATUS_UNKNOWN);
        ck_assert_str_eq(status_of_action("ACTIVATING"), "UPDATING");
        ck_assert_str_eq(status_of_action("UPDATED"), "UPDATE_SUCCESS");
        ck_assert_str_eq(status_of_action("REMOVING"), "REMOVING");
        ck_assert_str_eq(status_of_action("anything"), "anything");
}
END_TEST

START_TEST(durations_are_those_of_go)
{
        static const struct {
                const char *text;
                uint64_t usec;
                const char *again; /* NULL: the same */
        } cases[] = {
                { "0", 0, "0s" },
                { "0s", 0, NULL },
                { "4s", 4000000, NULL },
                { "500ms", 500000, NULL },
                { "1m30s", 90000000, NULL },
                { "10m", 600000000, "10m0s" },
                { "1h", UINT64_C(3600000000), "1h0m0s" },
                { "1.5s", 1500000, NULL },
                { "1.5h", UINT64_C(5400000000), "1h30m0s" },
                { "250us", 250, "250\xc2\xb5s" },
                { "1ns", 0, "0s" },
                { ".5s", 500000, "500ms" },
                { "+2s", 2000000, "2s" },
                { "1h0m0.000001s", UINT64_C(3600000001), NULL },
        };
        static const char *const bad[] = { "", "s", "4", "-4s", "4 s", "4x", "1..5s", ".s", "4s " };
        char buf[DURATION_TEXT_MAX];
        uint64_t usec = 7;
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                ck_assert_int_eq(duration_from_string(cases[i].text, &usec), 0);
                ck_assert_uint_eq(usec, cases[i].usec);
                ck_assert_str_eq(duration_to_string(usec, buf),
                                 cases[i].again ? cases[i].again : cases[i].text);
        }
        usec = 7;
        for (i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_msg(duration_from_string(bad[i], &usec) == -EINVAL, "%s", bad[i]);
        ck_assert_int_eq(duration_from_string("99999999999999999999h", &usec), -ERANGE);
        ck_assert_int_eq(duration_from_string("3000000h", &usec), -ERANGE);
        ck_assert_uint_eq(usec, 7);
}
END_TEST

/* ------------------------------------------------------------------------------------- envelope */

START_TEST(envelopes_are_read_liberally)
{
        static const struct {
                const char *text;
                const char *activity;
                int64_t timestamp_ms;
                bool payload;
        } cases[] = {
                { "{\"activityId\":\"A\",\"timestamp\":1723630818229,\"payload\":{}}", "A",
                  INT64_C(1723630818229), true },
                { "{\"ACTIVITYID\":\"A\",\"Timestamp\":1687510087,\"payload\":null}\n", "A",
                  INT64_C(1687510087000), false },
                { "{\"activity_id\":\"B\"}", "B", 0, false },
                { "{}", "", 0, false },
                { "{\"activityId\":null,\"timestamp\":null}", "", 0, false },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct envelope *e = NULL;

                ck_assert_int_eq(envelope_read(cases[i].text, strlen(cases[i].text), NULL, &e), 0);
                ck_assert_str_eq(e->activity, cases[i].activity);
                ck_assert_int_eq(e->timestamp_ms, cases[i].timestamp_ms);
                ck_assert_int_eq(e->payload != NULL, cases[i].payload);
                envelope_free(e);
        }
}
END_TEST

START_TEST(faults_of_envelopes_are_named_and_their_activity_is_saved)
{
        static const struct {
                const char *text;
                int r;
                const char *fault;
                const char *activity;
        } cases[] = {
                { "", -ENODATA, "the message is empty", "" },
                { " \n", -ENODATA, "the message is empty", "" },
                { "{\"activityId\":\"A\",\"timestamp\":\"1\"}", -EBADMSG,
                  "timestamp: expected a whole number, not a string", "A" },
                { "{\"activityId\":\"A\",\"timestamp\":1.5}", -EBADMSG,
                  "timestamp: expected a whole number, not a number", "A" },
                { "{\"activityId\":7}", -EBADMSG, "activityId: expected a string, not a number",
                  "" },
                { "{not json", -EBADMSG, NULL, "" },
                { "[]", -EBADMSG, NULL, "" },
                { "{\"activityId\":\"A\",", -EBADMSG, NULL, "A" },
                { "{\"a\":[{\"b\":\"]}\\\"\"}],\"n\":-1, \"Activity_Id\" : \"\\u0041\" ", -EBADMSG,
                  NULL, "A" },
                { "{\"payload\":{\"activityId\":\"inner\"},", -EBADMSG, NULL, "" },
                { "{\"activityId\":\"\\x\",", -EBADMSG, NULL, "" },
                { "{\"activityId\":\"cut", -EBADMSG, NULL, "" },
                { "{\"activityId\":{\"a\":\"b\"},", -EBADMSG, NULL, "" },
        };
        char activity[PLACE_ID_MAX + 1];
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag diag = DIAG_INIT;
                struct envelope *e = NULL;
                size_t length = strlen(cases[i].text);

                ck_assert_int_eq(envelope_read(cases[i].text, length, &diag, &e), cases[i].r);
                ck_assert_ptr_null(e);
                if (cases[i].fault)
                        ck_assert_str_eq(diag.text, cases[i].fault);
                ck_assert_str_eq(envelope_salvage_activity(cases[i].text, length, activity),
                                 cases[i].activity);
        }
}
END_TEST

START_TEST(envelopes_are_written_as_the_field_expects)
{
        char *text = NULL;

        ck_assert_int_eq(envelope_write("A\"1", 5, "{\"a\":1}", &text), 0);
        ck_assert_str_eq(text, "{\"activityId\":\"A\\\"1\",\"timestamp\":5,\"payload\":{\"a\":1}}");
        free(text);
        ck_assert_int_eq(envelope_write("", 0, NULL, &text), 0);
        ck_assert_str_eq(text, "{\"activityId\":\"\",\"timestamp\":0,\"payload\":null}");
        free(text);
        ck_assert_int_eq(envelope_write(NULL, 7, "{}", &text), 0);
        ck_assert_str_eq(text, "{\"timestamp\":7,\"payload\":{}}");
        free(text);
}
END_TEST

/* ------------------------------------------------------------------------------- desired states */

static int read_desired(const char *text, struct diag *diag, struct desired_state **ret)
{
        CLEANUP_JSON struct json *json = parse(text);

        return desired_state_read(json, diag, ret);
}

START_TEST(desired_states_are_split_by_domain_and_keep_what_we_do_not_know)
{
        static const char text[] =
                "{\"Baselines\":[{\"title\":\"b\",\"precondition\":\"a=1\",\"components\":[\"c:x\","
                "\"s:y\"]},"
                "null,{\"title\":\"other\",\"components\":[\"s:z\"]}],"
                "\"domains\":[null,{\"id\":\"c\",\"policy\":{\"Keep\":true},\"components\":["
                "{\"id\":\"x\",\"version\":\"1\",\"config\":[{\"key\":\"k\",\"value\":\"v\"}],"
                "\"hash\":\"ff\"},"
                "{\"id\":\"w\"}]},{\"id\":\"s\",\"config\":null}]}";
        struct desired_state *d = NULL;
        char *out = NULL;

        ck_assert_int_eq(read_desired(text, NULL, &d), 0);
        ck_assert_uint_eq(d->n_domains, 2);
        ck_assert_uint_eq(d->n_baselines, 2);
        ck_assert_uint_eq(d->domains[0].components[0].baseline, 0);
        ck_assert_uint_eq(d->domains[0].components[1].baseline, DESIRED_STATE_NO_BASELINE);
        ck_assert_int_eq(desired_state_write_domain(d, &d->domains[0], ":remaining", &out), 0);
        ck_assert_str_eq(out, "{\"baselines\":[{\"title\":\"b\",\"preconditions\":\"a=1\","
                              "\"components\":[\"c:x\"]},"
                              "{\"title\":\":remaining\",\"components\":[\"c:w\"]}],"
                              "\"domains\":[{\"id\":\"c\",\"components\":[{\"id\":\"x\","
                              "\"version\":\"1\",\"config\":"
                              "[{\"key\":\"k\",\"value\":\"v\"}],\"hash\":\"ff\"},{\"id\":\"w\"}],"
                              "\"policy\":{\"Keep\":"
                              "true}}]}");
        free(out);
        desired_state_free(d);
}
END_TEST

START_TEST(a_wrapped_or_absent_desired_state_is_read)
{
        struct desired_state *d = NULL;

        ck_assert_int_eq(
                read_desired("{\"desiredState\":{\"domains\":[{\"id\":\"c\"}]}}", NULL, &d), 0);
        ck_assert_uint_eq(d->n_domains, 1);
        desired_state_free(d);
        ck_assert_int_eq(desired_state_read(NULL, NULL, &d), 0);
        ck_assert_uint_eq(d->n_domains, 0);
        desired_state_free(d);
}
END_TEST

START_TEST(faults_of_desired_states_are_named_with_their_path)
{
        static const struct {
                const char *text;
                const char *fault;
        } cases[] = {
                { "\"x\"", "payload: expected an object, not a string" },
                { "{\"domains\":{}}", "domains: expected an array, not an object" },
                { "{\"domains\":[7]}", "domains[0]: expected an object, not a number" },
                { "{\"domains\":[{}]}", "domains[0].id: expected a string, not nothing" },
                { "{\"domains\":[{\"id\":\"\"}]}", "domains[0].id: must not be empty" },
                { "{\"domains\":[{\"id\":\"c\",\"components\":[{\"id\":\"a\",\"config\":[{\"key\":"
                  "\"k\","
                  "\"value\":1}]}]}]}",
                  "domains[0].components[0].config[0].value: expected a string, not a number" },
                { "{\"domains\":[{\"id\":\"c\",\"config\":{}}]}",
                  "domains[0].config: expected an array, not an object" },
                { "{\"domains\":[{\"id\":\"c\"},{\"id\":\"c\"}]}",
                  "domains[1]: domain \"c\" is there twice" },
                { "{\"domains\":[{\"id\":\"c\",\"components\":[{\"id\":\"a\"},{\"id\":\"a\"}]}]}",
                  "domains[0].components[1]: component \"a\" is there twice" },
                { "{\"baselines\":[{\"title\":\"a\"},{\"title\":\"a\"}]}",
                  "baselines[1]: title \"a\" is there twice" },
                { "{\"baselines\":[{}]}", "baselines[0].title: expected a string, not nothing" },
                { "{\"baselines\":[{\"title\":\":x\"}]}",
                  "baselines[0]: titles with a : in front are ours" },
                { "{\"baselines\":[{\"title\":\"a\",\"components\":[\"c:a\"]},{\"title\":\"b\","
                  "\"components\":[\"c:b\",\"c:a\"]}]}",
                  "baselines[1].components[1]: component \"c:a\" is in a baseline already" },
                { "{\"baselines\":[{\"title\":\"a\",\"components\":[\"a\"]}]}",
                  "baselines[0].components[0]: expected DOMAIN:COMPONENT, not \"a\"" },
                { "{\"baselines\":[{\"title\":\"a\",\"preconditions\":\"AND(\"}]}",
                  "baselines[0].preconditions: character 5: expected AND, OR, NOT or the name of a "
                  "fact" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct desired_state *d = NULL;
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(read_desired(cases[i].text, &diag, &d), -EBADMSG);
                ck_assert_str_eq(diag.text, cases[i].fault);
                ck_assert_ptr_null(d);
        }
}
END_TEST

START_TEST(a_desired_state_as_large_as_they_come_is_read)
{
        CLEANUP_FREE char *text = malloc(2 << 20);
        struct desired_state *d = NULL;
        size_t n = 0;
        int i;

        ck_assert_ptr_nonnull(text);
        n += (size_t)snprintf(text + n, 64, "{\"domains\":[{\"id\":\"c\",\"components\":[");
        for (i = 0; i < 16384; i++)
                n += (size_t)snprintf(text + n, 64, "%s{\"id\":\"c%d\",\"version\":\"1\"}",
                                      i ? "," : "", i);
        n += (size_t)snprintf(text + n, 64, "]}],\"baselines\":[{\"title\":\"b\",\"components\":[");
        for (i = 0; i < 16384; i++)
                n += (size_t)snprintf(text + n, 64, "%s\"c:c%d\"", i ? "," : "", i);
        (void)snprintf(text + n, 64, "]}]}");
        ck_assert_int_eq(read_desired(text, NULL, &d), 0);
        ck_assert_uint_eq(d->domains[0].n_components, 16384);
        desired_state_free(d);
}
END_TEST

/* ------------------------------------------------------------------- feedback, command, consent */

START_TEST(feedback_survives_what_broke_the_original)
{
        static const char text[] = "{\"status\":\"COMPLETE\",\"actions\":[null,{\"status\":\"X\"},{"
                                   "\"component\":null},"
                                   "{\"component\":{\"id\":\"c:a\",\"config\":1},\"status\":"
                                   "\"UPDATED\",\"progress\":300},"
                                   "{\"component\":{\"id\":\"c:b\"},\"progress\":-1}]}";
        CLEANUP_JSON struct json *json = parse(text);
        struct feedback *f = NULL;

        ck_assert_int_eq(feedback_read(json, NULL, &f), 0);
        ck_assert_int_eq(f->status, STATUS_COMPLETED);
        ck_assert_uint_eq(f->n_actions, 2);
        ck_assert_str_eq(f->actions[0].status, "UPDATE_SUCCESS");
        ck_assert_uint_eq(f->actions[0].progress, 255);
        ck_assert_uint_eq(f->actions[1].progress, 0);
        feedback_free(f);
}
END_TEST

START_TEST(feedback_is_written_without_what_is_empty)
{
        char *text = NULL;

        ck_assert_int_eq(feedback_write(STATUS_IDENTIFYING, NULL, NULL, &text), 0);
        ck_assert_str_eq(text, "{\"status\":\"IDENTIFYING\"}");
        free(text);
        ck_assert_int_eq(feedback_write(STATUS_INCOMPLETE, "why", json_new_array(), &text), 0);
        ck_assert_str_eq(text, "{\"status\":\"INCOMPLETE\",\"message\":\"why\"}");
        free(text);
}
END_TEST

START_TEST(faults_of_feedback_are_named)
{
        static const struct {
                const char *text;
                const char *fault;
        } cases[] = {
                { "7", "payload: expected an object, not a number" },
                { "{\"status\":7}", "status: expected a string, not a number" },
                { "{\"actions\":{}}", "actions: expected an array, not an object" },
                { "{\"actions\":[{\"component\":7}]}",
                  "actions[0].component: expected an object, not a number" },
                { "{\"actions\":[null,{\"component\":{},\"progress\":\"50\"}]}",
                  "actions[1].progress: expected a number, not a string" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                CLEANUP_JSON struct json *json = parse(cases[i].text);
                struct feedback *f = NULL;
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(feedback_read(json, &diag, &f), -EBADMSG);
                ck_assert_str_eq(diag.text, cases[i].fault);
        }
}
END_TEST

START_TEST(commands_and_consents_are_exact)
{
        CLEANUP_JSON struct json *cancel = parse("{\"command\":\"CANCEL\"}");
        CLEANUP_JSON struct json *all = parse("{\"command\":\"UPDATE\",\"baseline\":\"*\"}");
        CLEANUP_JSON struct json *bad = parse("{\"command\":\"update\"}");
        CLEANUP_JSON struct json *yes = parse("{\"status\":\"APPROVED\"}");
        CLEANUP_JSON struct json *no = parse("{\"status\":\"approved\"}");
        struct command *c = NULL;
        struct diag diag = DIAG_INIT;
        bool approved = false;
        char *text = NULL;

        ck_assert_int_eq(command_read(cancel, NULL, &c), 0);
        ck_assert(c->cancel && c->step == STEP_NONE);
        command_free(c);
        ck_assert_int_eq(command_read(all, NULL, &c), 0);
        ck_assert(c->step == STEP_UPDATE && !*c->baseline);
        command_free(c);
        ck_assert_int_eq(command_read(bad, &diag, &c), -EBADMSG);
        ck_assert_str_eq(diag.text, "command: no such command: \"update\"");
        ck_assert_int_eq(consent_read(yes, NULL, &approved), 0);
        ck_assert(approved);
        ck_assert_int_eq(consent_read(no, NULL, &approved), 0);
        ck_assert(!approved);
        ck_assert_int_eq(consent_read(NULL, NULL, &approved), -EBADMSG);
        ck_assert_int_eq(command_write(STEP_ROLLBACK, "b", &text), 0);
        ck_assert_str_eq(text, "{\"command\":\"ROLLBACK\",\"baseline\":\"b\"}");
        free(text);
}
END_TEST

/* ------------------------------------------------------------------------------------ inventory */

START_TEST(inventories_hang_below_the_root_in_the_order_of_the_configuration)
{
        CLEANUP_JSON struct json *c =
                parse("{\"softwareNodes\":[null,{\"id\":\"containers:x\",\"type\":\"CONTAINER\"},{"
                      "\"id\":\"cua\","
                      "\"type\":\"APPLICATION\",\"parameters\":[{\"key\":\"domain\",\"value\":"
                      "\"containers\"}]}],"
                      "\"associations\":[{\"sourceId\":\"cua\",\"targetId\":\"containers:x\"}]}");
        CLEANUP_JSON struct json *s = parse("{\"softwareNodes\":[{\"id\":\"sua\"}]}");
        CLEANUP_JSON struct json *h = parse(
                "{\"hardwareNodes\":[{\"id\":\"ecu\",\"addressable\":true}],\"associations\":"
                "[{\"sourceId\":\"a\",\"targetId\":\"b\"}]}");
        struct inventory_source sources[4] = {
                { "containers", NULL }, { "none", NULL }, { "self-update", NULL }, { "hw", NULL }
        };
        struct inventory *ic = NULL;
        struct inventory *is = NULL;
        struct inventory *ih = NULL;
        char *text = NULL;

        ck_assert_int_eq(inventory_read(c, NULL, &ic), 0);
        ck_assert_int_eq(inventory_read(s, NULL, &is), 0);
        ck_assert_int_eq(inventory_read(h, NULL, &ih), 0);
        sources[0].inventory = ic;
        sources[2].inventory = is;
        sources[3].inventory = ih;
        ck_assert_int_eq(inventory_aggregate("vehicle", "1.0", sources, 4, &text), 0);
        ck_assert_str_eq(
                text,
                "{\"hardwareNodes\":[{\"id\":\"ecu\",\"addressable\":true}],\"softwareNodes\":["
                "{\"id\":\"vehicle-update-manager\",\"version\":\"1.0\",\"name\":\"Update "
                "Manager\","
                "\"type\":\"APPLICATION\"},{\"id\":\"containers:x\",\"type\":\"CONTAINER\"},{"
                "\"id\":\"cua\","
                "\"parameters\":[{\"key\":\"domain\",\"value\":\"containers\"}],\"type\":"
                "\"APPLICATION\"},"
                "{\"id\":\"sua\"}],\"associations\":["
                "{\"sourceId\":\"vehicle-update-manager\",\"targetId\":\"cua\"},"
                "{\"sourceId\":\"cua\",\"targetId\":\"containers:x\"},"
                "{\"sourceId\":\"vehicle-update-manager\",\"targetId\":\"sua\"}]}");
        free(text);
        ck_assert_int_eq(inventory_write(is, &text), 0);
        ck_assert_str_eq(text, "{\"softwareNodes\":[{\"id\":\"sua\"}]}");
        free(text);
        inventory_free(ic);
        inventory_free(is);
        inventory_free(ih);
}
END_TEST

UNIT_MAIN("model", every_word_reads_back_and_synonyms_are_understood, durations_are_those_of_go,
          envelopes_are_read_liberally, faults_of_envelopes_are_named_and_their_activity_is_saved,
          envelopes_are_written_as_the_field_expects,
          desired_states_are_split_by_domain_and_keep_what_we_do_not_know,
          a_wrapped_or_absent_desired_state_is_read,
          faults_of_desired_states_are_named_with_their_path,
          a_desired_state_as_large_as_they_come_is_read,
          feedback_survives_what_broke_the_original, feedback_is_written_without_what_is_empty,
          faults_of_feedback_are_named, commands_and_consents_are_exact,
          inventories_hang_below_the_root_in_the_order_of_the_configuration)
