/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "host/mqtt/topics.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

/* --------------------------------------------------------------------------------------- topics */

START_TEST(a_domain_has_the_prefix_that_kanto_gives_it)
{
        static const struct {
                const char *domain;
                const char *prefix; /* NULL: refused */
        } cases[] = {
                { "vehicle", "vehicleupdate" },
                { "device", "deviceupdate" },
                { "containers", "containersupdate" },
                { "self-update", "selfupdate" },
                { "self", "selfupdate" },
                { "test-withdash-update", "testwithdashupdate" },
                { "update", "update" },
                { "", "update" },
                { "-", "update" },
                { "Update", "Updateupdate" },
                { "myUpdate", "myUpdateupdate" },
                { "updat", "updatupdate" },
                { "a/b", "a/bupdate" },
                { "a+", NULL },
                { "a#", NULL },
                { "$SYS", NULL },
                { "-$SYS", NULL },
                { "a\nb", NULL },
                { "\xff", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char prefix[PREFIX_SIZE] = "untouched";
                int r = prefix_make(cases[i].domain, prefix);

                ck_assert_int_eq(r, cases[i].prefix ? 0 : -EINVAL);
                ck_assert_str_eq(prefix, cases[i].prefix ? cases[i].prefix : "untouched");
        }
}
END_TEST

START_TEST(the_longest_domain_fits_and_a_longer_one_is_refused)
{
        char domain[PREFIX_DOMAIN_MAX + 2];
        char topic[TOPICS_SIZE];

        memset(domain, 'x', sizeof(domain));
        domain[PREFIX_DOMAIN_MAX + 1] = '\0';
        ck_assert_int_eq(topics_make(TOPICS_COMMAND, domain, topic), -E2BIG);
        domain[PREFIX_DOMAIN_MAX] = '\0';
        ck_assert_int_eq(topics_make(TOPICS_COMMAND, domain, topic), 0);
        ck_assert_str_eq(topic + PREFIX_DOMAIN_MAX, "update/desiredstate/command");
}
END_TEST

START_TEST(every_kind_is_spelled_sent_and_found_as_it_should_be)
{
        static const struct {
                const char *topic;
                int qos;
                bool retained;
        } kinds[TOPICS_KINDS] = {
                { "selfupdate/desiredstate", 1, false },
                { "selfupdate/desiredstate/command", 1, false },
                { "selfupdate/currentstate/get", 1, false },
                { "selfupdate/desiredstatefeedback", 1, false },
                { "selfupdate/currentstate", 1, true },
                { "selfupdate/ownerconsent", 1, false },
                { "selfupdate/ownerconsentfeedback", 1, false },
        };
        const char *const domains[] = { "vehicle", "self-update", "containers" };

        for (size_t i = 0; i < TOPICS_KINDS; i++) {
                char topic[TOPICS_SIZE];
                enum topics_kind kind;
                size_t domain;

                ck_assert_int_eq(topics_make((enum topics_kind)i, "self-update", topic), 0);
                ck_assert_str_eq(topic, kinds[i].topic);
                ck_assert_int_eq(topics_qos((enum topics_kind)i), kinds[i].qos);
                ck_assert_int_eq(topics_is_retained((enum topics_kind)i), kinds[i].retained);
                ck_assert_int_eq(topics_parse(topic, domains, ARRAY_SIZE(domains), &kind, &domain),
                                 0);
                ck_assert_uint_eq(kind, i);
                ck_assert_uint_eq(domain, 1);
        }
}
END_TEST

START_TEST(a_topic_of_nobody_is_not_found)
{
        static const char *const topics[] = { "",
                                              "selfupdate",
                                              "selfupdate/",
                                              "selfupdate/desiredstat",
                                              "selfupdate/desiredstate/",
                                              "selfupdate/desiredstate/command/x",
                                              "otherupdate/desiredstate",
                                              "self-update/desiredstate",
                                              "/selfupdate/desiredstate" };
        const char *const domains[] = { "self-update", "#" };

        for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
                enum topics_kind kind;
                size_t domain;

                ck_assert_int_eq(topics_parse(topics[i], domains, 2, &kind, &domain), -ENOENT);
        }
}
END_TEST

START_TEST(a_domain_with_slashes_does_not_hide_another)
{
        const char *const domains[] = { "a", "aupdate/desiredstate" };
        enum topics_kind kind;
        size_t domain;

        ck_assert_int_eq(
                topics_parse("aupdate/desiredstateupdate/desiredstate", domains, 2, &kind, &domain),
                0);
        ck_assert_uint_eq(domain, 1);
        ck_assert_uint_eq(kind, TOPICS_DESIRED_STATE);
}
END_TEST

START_TEST(commands_of_the_cloud_are_answered_where_they_came_from)
{
        static const struct {
                const char *topic;
                int r;
                const char *thing;
                const char *request;
                const char *reply;
        } cases[] = {
                { "command///req/r1/apply", 0, "", "r1", "command///res/r1/204" },
                { "command///req/r1/a/b", 0, "", "", "command///res//204" },
                { "command///req/r1", 0, "", "", "command///res//204" },
                { "command///req//apply", 0, "", "", "command///res//204" },
                { "command//ns:x/req/r1/apply", 0, "ns:x", "r1", "command//ns:x/res/r1/204" },
                { "command///res/r1/204", -ENOENT, NULL, NULL, NULL },
                { "command//req/r1/apply", -ENOENT, NULL, NULL, NULL },
                { "command/", -ENOENT, NULL, NULL, NULL },
                { "e", -ENOENT, NULL, NULL, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct topics_thing_command command = { .thing = "untouched" };
                char reply[TOPICS_THING_REPLY_SIZE];

                ck_assert_int_eq(topics_parse_thing_command(cases[i].topic, &command), cases[i].r);
                ck_assert_str_eq(command.thing, cases[i].r < 0 ? "untouched" : cases[i].thing);
                if (cases[i].r < 0)
                        continue;
                ck_assert_str_eq(command.request, cases[i].request);
                topics_make_thing_reply(&command, 204, reply);
                ck_assert_str_eq(reply, cases[i].reply);
        }
}
END_TEST

START_TEST(what_is_too_long_in_a_command_is_refused)
{
        char topic[TOPICS_REQUEST_MAX + 64] = "command///req/";
        struct topics_thing_command command;
        size_t at = strlen(topic);

        memset(topic + at, 'r', TOPICS_REQUEST_MAX + 1);
        memcpy(topic + at + TOPICS_REQUEST_MAX + 1, "/apply", sizeof("/apply"));
        ck_assert_int_eq(topics_parse_thing_command(topic, &command), -E2BIG);
        ck_assert_int_eq(topics_parse_thing_command(topic + 1, &command), -ENOENT);
        memcpy(topic + at + TOPICS_REQUEST_MAX, "/apply", sizeof("/apply"));
        ck_assert_int_eq(topics_parse_thing_command(topic, &command), 0);
        ck_assert_uint_eq(strlen(command.request), TOPICS_REQUEST_MAX);
}
END_TEST

UNIT_MAIN("topics", a_domain_has_the_prefix_that_kanto_gives_it,
          the_longest_domain_fits_and_a_longer_one_is_refused,
          every_kind_is_spelled_sent_and_found_as_it_should_be, a_topic_of_nobody_is_not_found,
          a_domain_with_slashes_does_not_hide_another,
          commands_of_the_cloud_are_answered_where_they_came_from,
          what_is_too_long_in_a_command_is_refused)
