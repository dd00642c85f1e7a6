/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "host/model/ditto.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

#define THING "test.ns:gw:dev1"
#define BASE "test.ns/gw:dev1/things/"
#define INBOX "/features/UpdateManager/inbox/messages/"
#define MESSAGE(topic, path, headers) \
        "{\"topic\":\"" topic "\",\"path\":\"" path "\",\"headers\":" headers "}"

static int read_message(const char *text, struct diag *diag, struct ditto_message **ret)
{
        return ditto_read(text, strlen(text), THING, diag, ret);
}

/* ------------------------------------------------------------------------------------ the thing */

START_TEST(a_connector_says_which_thing_the_device_is)
{
        static const struct {
                const char *text;
                int r;
                const char *said; /* the id, or the fault */
        } cases[] = {
                { "{\"deviceId\":\"test.ns:gw:dev1\",\"tenantId\":\"t\",\"policyId\":\"p\"}", 0,
                  THING },
                { "{\"DeviceID\":\":x\"}", 0, ":x" },
                { "{\"deviceId\":\"x\"}", -EBADMSG,
                  "deviceId: expected NAMESPACE:NAME, not \"x\"" },
                { "{\"deviceId\":\"x:\"}", -EBADMSG, "expected NAMESPACE:NAME" },
                { "{\"deviceId\":\"a:b/c\"}", -EBADMSG, "no '/'" },
                { "{\"deviceId\":\"a+:b\"}", -EBADMSG, "no '/'" },
                { "{\"deviceId\":7}", -EBADMSG, "deviceId: expected a string, not a number" },
                { "{}", -EBADMSG, "deviceId" },
                { "", -EBADMSG, "" },
                { "[]", -EBADMSG, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char thing[DITTO_THING_MAX + 1] = "untouched";
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(ditto_read_device(cases[i].text, strlen(cases[i].text), &diag,
                                                   thing),
                                 cases[i].r);
                if (cases[i].r == 0)
                        ck_assert_str_eq(thing, cases[i].said);
                else
                        ck_assert_str_eq(thing, "untouched");
                if (cases[i].r < 0)
                        ck_assert_msg(strstr(diag.text, cases[i].said) != NULL, "%s", diag.text);
        }
}
END_TEST

START_TEST(the_longest_thing_is_taken_and_a_longer_one_refused)
{
        char id[DITTO_THING_MAX + 2];
        char thing[DITTO_THING_MAX + 1];
        char text[DITTO_THING_MAX + 32];

        memset(id, 'x', sizeof(id));
        id[0] = ':';
        id[DITTO_THING_MAX + 1] = '\0';
        (void)snprintf(text, sizeof(text), "{\"deviceId\":\"%s\"}", id);
        ck_assert_int_eq(ditto_read_device(text, strlen(text), NULL, thing), -E2BIG);
        id[DITTO_THING_MAX] = '\0';
        (void)snprintf(text, sizeof(text), "{\"deviceId\":\"%s\"}", id);
        ck_assert_int_eq(ditto_read_device(text, strlen(text), NULL, thing), 0);
        ck_assert_str_eq(thing, id);
}
END_TEST

/* ------------------------------------------------------------------------------------- incoming */

START_TEST(a_desired_state_comes_with_its_headers)
{
        struct ditto_message *m = NULL;
        struct ditto_value value;

        ck_assert_int_eq(
                read_message("{\"topic\":\"" BASE "live/messages/apply\",\"headers\":{"
                             "\"response-required\":true,\"correlation-id\":\"c-1\"},"
                             "\"path\":\"/features/UpdateManager/inbox/messages/apply\","
                             "\"value\":{\"activityId\":\"A1\",\"timestamp\":1,"
                             "\"desiredState\":{\"domains\":[]}}}",
                             NULL, &m),
                0);
        ck_assert_int_eq(m->subject, DITTO_APPLY);
        ck_assert_str_eq(m->correlation, "c-1");
        ck_assert(m->wants_reply);
        ck_assert_int_eq(ditto_read_value(m, NULL, &value), 0);
        ck_assert_str_eq(value.activity, "A1");
        ck_assert(json_get_member(value.payload, "domains") != NULL);
        ditto_free(m);
}
END_TEST

START_TEST(without_headers_nobody_waits_for_an_answer)
{
        struct ditto_message *m = NULL;
        struct ditto_value value;

        ck_assert_int_eq(read_message("{\"topic\":\"" BASE "live/messages/refresh\",\"path\":\""
                                      INBOX "refresh\"}",
                                      NULL, &m),
                         0);
        ck_assert_int_eq(m->subject, DITTO_REFRESH);
        ck_assert_str_eq(m->correlation, "");
        ck_assert(!m->wants_reply);
        ck_assert_int_eq(ditto_read_value(m, NULL, &value), 0);
        ck_assert_str_eq(value.activity, "");
        ditto_free(m);
}
END_TEST

START_TEST(what_is_for_others_is_told_from_what_is_broken)
{
        static const struct {
                const char *text;
                int r;
                const char *fault;
        } cases[] = {
                { MESSAGE("other/gw:dev1/things/live/messages/apply", INBOX "apply", "{}"), -ENOENT,
                  "another thing" },
                { MESSAGE("test.ns/gw:dev10/things/live/messages/apply", INBOX "apply", "{}"),
                  -ENOENT, "another thing" },
                { MESSAGE("test.ns/gw:dev1", INBOX "apply", "{}"), -ENOENT, "another thing" },
                { MESSAGE("test.ns", INBOX "apply", "{}"), -ENOENT, "another thing" },
                { MESSAGE(BASE "live/messages/x", "/features/Other/inbox/messages/x", "{}"),
                  -ENOENT, "path" },
                { MESSAGE(BASE "live/messages/x", "/features/UpdateManager", "{}"), -ENOENT,
                  "path" },
                { "{\"path\":\"x\"}", -EBADMSG, "topic" },
                { "{\"topic\":\"x\"}", -EBADMSG, "path" },
                { "{\"topic\":[],\"path\":\"x\"}", -EBADMSG, "topic: expected a string" },
                { MESSAGE(BASE "live/messages/apply", INBOX "apply", "{\"correlation-id\":7}"),
                  -EBADMSG, "headers.correlation-id: expected a string, not a number" },
                { MESSAGE(BASE "live/messages/apply", INBOX "apply",
                          "{\"response-required\":\"yes\"}"),
                  -EBADMSG, "headers.response-required: expected true or false, not a string" },
                { MESSAGE(BASE "live/messages/apply", INBOX "apply", "[]"), -EBADMSG, "headers" },
                { "", -EBADMSG, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct ditto_message *m = NULL;
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(read_message(cases[i].text, &diag, &m), cases[i].r);
                ck_assert_ptr_null(m);
                ck_assert_msg(strstr(diag.text, cases[i].fault) != NULL, "%s", diag.text);
        }
}
END_TEST

START_TEST(what_a_message_is_about_is_saved_from_its_beginning)
{
#define APPLY "\"topic\":\"" BASE "live/messages/apply\",\"path\":\"" INBOX "apply\""
        static const struct {
                const char *text;
                const char *salvaged; /* NULL: nothing */
        } cases[] = {
                { "{" APPLY ",\"value\":{\"timestamp\":1,\"activityId\":\"A\",\"desiredState\":{",
                  "{" APPLY ",\"headers\":null,\"value\":{\"activityId\":\"A\"}}" },
                { "{\"headers\":{\"correlation-id\":\"c}\"}, " APPLY " , \"Value\" : { \"x\":[[",
                  "{" APPLY ",\"headers\":{\"correlation-id\":\"c}\"},"
                  "\"value\":{\"activityId\":null}}" },
                { "{" APPLY ",\"value\":{\"activityId\":\"cut",
                  "{" APPLY ",\"headers\":null,\"value\":{\"activityId\":null}}" },
                { "{" APPLY, "{" APPLY ",\"headers\":null,\"value\":{\"activityId\":null}}" },
                { "{\"topic\":\"" BASE "live/messages/apply\",\"path\":\"" INBOX "app", NULL },
                { "{\"value\":{\"activityId\":\"A\",\"x\":[," APPLY "}", NULL },
                { "{\"topic\":7,", NULL },
                { "[", NULL },
                { "", NULL },
        };
        CLEANUP(ditto_freep)
        struct ditto_message *m = NULL;
        struct ditto_value value;
        struct diag diag = DIAG_INIT;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                CLEANUP_FREE char *text = NULL;
                int r = ditto_salvage(cases[i].text, strlen(cases[i].text), &text);

                ck_assert_int_eq(r, cases[i].salvaged ? 0 : -ENOENT);
                if (cases[i].salvaged)
                        ck_assert_str_eq(text, cases[i].salvaged);
        }
        ck_assert_int_eq(read_message(cases[0].salvaged, &diag, &m), 0);
        ck_assert_int_eq(ditto_read_value(m, &diag, &value), -EBADMSG);
        ck_assert_str_eq(value.activity, "A");
}
END_TEST

START_TEST(faults_of_values_are_named_and_their_activity_is_saved)
{
        static const struct {
                const char *subject;
                const char *value;
                const char *activity;
                const char *fault;
        } cases[] = {
                { "apply", "{\"activityId\":\"A2\"}", "A2", "desired state is missing" },
                { "apply", "null", "", "desired state is missing" },
                { "apply", "[]", "", "value: expected an object" },
                { "apply", "{\"activityId\":3}", "", "value.activityId: expected a string" },
                { "apply", "{\"activityId\":\"A3\",\"timestamp\":\"1\"}", "A3",
                  "value.timestamp: expected a whole number, not a string" },
                { "consent", "{\"activityId\":\"A4\"}", "A4", "owner consent feedback is missing" },
                { "refresh", "{\"timestamp\":1.5}", "", "value.timestamp" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct ditto_message *m = NULL;
                struct diag diag = DIAG_INIT;
                struct ditto_value value;
                char text[512];

                (void)snprintf(text, sizeof(text),
                               "{\"topic\":\"" BASE "live/messages/x\",\"path\":\"" INBOX
                               "%s\",\"value\":%s}",
                               cases[i].subject, cases[i].value);
                ck_assert_int_eq(read_message(text, &diag, &m), 0);
                ck_assert_int_eq(ditto_read_value(m, &diag, &value), -EBADMSG);
                ck_assert_str_eq(value.activity, cases[i].activity);
                ck_assert_msg(strstr(diag.text, cases[i].fault) != NULL, "%s", diag.text);
                ditto_free(m);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------- outgoing */

START_TEST(reports_are_written_as_kanto_writes_them)
{
        const struct ditto_report report = {
                .thing = THING,
                .activity = "A\"1",
                .timestamp_ms = 1723630818229,
                .json = "{\"x\":1}",
        };
        char *text = NULL;

        ck_assert_int_eq(ditto_write_feature(THING, "vehicle", &text), 0);
        ck_assert_str_eq(
                text,
                "{\"topic\":\"" BASE
                "twin/commands/modify\",\"headers\":{\"response-required\":false},"
                "\"path\":\"/features/UpdateManager\",\"value\":{\"definition\":["
                "\"com.bosch.iot.suite.edge.update:UpdateManager:1.0.0\"],"
                "\"properties\":{\"domain\":\"vehicle\"}}}");
        free(text);
        ck_assert_int_eq(ditto_write_state(&report, "vehicle", &text), 0);
        ck_assert_str_eq(
                text,
                "{\"topic\":\"" BASE "twin/commands/modify\",\"headers\":{"
                "\"content-type\":\"application/json\",\"response-required\":false},"
                "\"path\":\"/features/UpdateManager/properties\",\"value\":{"
                "\"activityId\":\"A\\\"1\",\"timestamp\":1723630818229,\"domain\":\"vehicle\","
                "\"inventory\":{\"x\":1}}}");
        free(text);
        ck_assert_int_eq(ditto_write_feedback(&report, &text), 0);
        ck_assert_str_eq(
                text,
                "{\"topic\":\"" BASE "live/messages/feedback\",\"headers\":{"
                "\"content-type\":\"application/json\",\"response-required\":false},"
                "\"path\":\"/features/UpdateManager/outbox/messages/feedback\",\"value\":{"
                "\"activityId\":\"A\\\"1\",\"timestamp\":1723630818229,"
                "\"desiredStateFeedback\":{\"x\":1}}}");
        free(text);
        ck_assert_int_eq(ditto_write_consent(&report, "u-1", &text), 0);
        ck_assert_str_eq(
                text,
                "{\"topic\":\"" BASE "live/messages/consent\",\"headers\":{"
                "\"content-type\":\"application/json\",\"correlation-id\":\"u-1\","
                "\"response-required\":true},"
                "\"path\":\"/features/UpdateManager/outbox/messages/consent\",\"value\":{"
                "\"activityId\":\"A\\\"1\",\"timestamp\":1723630818229,"
                "\"ownerConsent\":{\"x\":1}}}");
        free(text);
}
END_TEST

START_TEST(answers_name_what_they_answer)
{
        struct ditto_message *m = NULL;
        char *text = NULL;

        ck_assert_int_eq(read_message(MESSAGE(BASE "live/messages/apply", INBOX "apply",
                                              "{\"correlation-id\":\"c\\\"1\"}"),
                                      NULL, &m),
                         0);
        ck_assert_int_eq(ditto_reply_status(NULL), 204);
        ck_assert_int_eq(ditto_write_reply(THING, m, NULL, &text), 0);
        ck_assert_str_eq(text, "{\"topic\":\"" BASE "live/messages/apply\",\"headers\":{"
                               "\"correlation-id\":\"c\\\"1\",\"response-required\":false},"
                               "\"path\":\"/features/UpdateManager/outbox/messages/apply\","
                               "\"status\":204}");
        free(text);
        ck_assert_int_eq(ditto_reply_status("no"), 400);
        ck_assert_int_eq(ditto_write_reply(THING, m, "no \"x\"", &text), 0);
        ck_assert_str_eq(text, "{\"topic\":\"" BASE "live/messages/apply\",\"headers\":{"
                               "\"content-type\":\"application/json\","
                               "\"correlation-id\":\"c\\\"1\",\"response-required\":false},"
                               "\"path\":\"/features/UpdateManager/outbox/messages/apply\","
                               "\"value\":{\"error\":\"messages:parameter.invalid\","
                               "\"status\":400,\"message\":\"no \\\"x\\\"\"},\"status\":400}");
        free(text);
        ditto_free(m);
}
END_TEST

UNIT_MAIN("ditto", a_connector_says_which_thing_the_device_is,
          the_longest_thing_is_taken_and_a_longer_one_refused,
          a_desired_state_comes_with_its_headers, without_headers_nobody_waits_for_an_answer,
          what_is_for_others_is_told_from_what_is_broken,
          what_a_message_is_about_is_saved_from_its_beginning,
          faults_of_values_are_named_and_their_activity_is_saved,
          reports_are_written_as_kanto_writes_them, answers_name_what_they_answer)
