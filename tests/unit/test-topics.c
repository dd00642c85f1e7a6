/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "host/mqtt/address.h"
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
                char prefix[TOPICS_PREFIX_SIZE] = "untouched";
                int r = topics_prefix(cases[i].domain, prefix);

                ck_assert_int_eq(r, cases[i].prefix ? 0 : -EINVAL);
                ck_assert_str_eq(prefix, cases[i].prefix ? cases[i].prefix : "untouched");
        }
}
END_TEST

START_TEST(the_longest_domain_fits_and_a_longer_one_is_refused)
{
        char domain[TOPICS_DOMAIN_MAX + 2];
        char topic[TOPICS_SIZE];

        memset(domain, 'x', sizeof(domain));
        domain[TOPICS_DOMAIN_MAX + 1] = '\0';
        ck_assert_int_eq(topics_make(TOPICS_COMMAND, domain, topic), -E2BIG);
        domain[TOPICS_DOMAIN_MAX] = '\0';
        ck_assert_int_eq(topics_make(TOPICS_COMMAND, domain, topic), 0);
        ck_assert_str_eq(topic + TOPICS_DOMAIN_MAX, "update/desiredstate/command");
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

START_TEST(domains_that_cannot_be_told_apart_are_refused)
{
        static const struct {
                const char *manager;
                const char *domains[2];
                int r;
                const char *text;
        } cases[] = {
                { "vehicle", { "self-update", "containers" }, 0, "" },
                { "vehicle",
                  { "self-update", "self" },
                  -EEXIST,
                  "share the topics selfupdate/...: rename one of them" },
                { "containers",
                  { "self-update", "containers" },
                  -EEXIST,
                  "domains \"containers\" and \"containers\" share the topics "
                  "containersupdate/..." },
                { "vehicle", { "a+", "b" }, -EINVAL, "domain a+: cannot be part of an MQTT topic" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(topics_check(cases[i].manager, cases[i].domains, 2, &diag),
                                 cases[i].r);
                ck_assert_msg(strstr(diag.text, cases[i].text) != NULL, "%s", diag.text);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------ addresses */

START_TEST(addresses_are_read_as_people_write_them)
{
        static const struct {
                const char *url;
                struct address address;
        } cases[] = {
                { "tcp://localhost:1883", { "localhost", 1883, false, true } },
                { "mqtt://localhost", { "localhost", 1883, false, true } },
                { "TCP://localhost/", { "localhost", 1883, false, true } },
                { "tcp://127.0.0.1:80", { "127.0.0.1", 80, false, false } },
                { "tcp://[::1]:1884", { "::1", 1884, false, false } },
                { "mqtts://[::1]", { "::1", 8883, true, false } },
                { "ssl://hub.example.org:443", { "hub.example.org", 443, true, true } },
                { "tls://h", { "h", 8883, true, true } },
                { "mqtt+ssl://h", { "h", 8883, true, true } },
                { "tcps://h", { "h", 8883, true, true } },
                { "unix:///run/mqtt@1", { "/run/mqtt@1", 0, false, false } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct address address;

                ck_assert_int_eq(address_parse(cases[i].url, NULL, &address), 0);
                ck_assert_str_eq(address.host, cases[i].address.host);
                ck_assert_uint_eq(address.port, cases[i].address.port);
                ck_assert_int_eq(address.tls, cases[i].address.tls);
                ck_assert_int_eq(address.is_name, cases[i].address.is_name);
        }
}
END_TEST

START_TEST(a_bad_address_is_refused_with_a_sentence)
{
        static const struct {
                const char *url;
                const char *text;
        } cases[] = {
                { "localhost:1883", "expected SCHEME://HOST:PORT, as in tcp://localhost:1883" },
                { "http://h",
                  "http://h: unknown scheme; known are tcp, mqtt, ssl, tls, mqtts, unix" },
                { "wss://h", "WebSockets are not supported" },
                { "tcp://", "expected a host after ://" },
                { "tcp://:1883", "expected a host after ://" },
                { "tcp://h:", "expected a port from 1 to 65535" },
                { "tcp://h:0", "expected a port from 1 to 65535" },
                { "tcp://h:65536", "expected a port from 1 to 65535" },
                { "tcp://h:99999999999999999999", "expected a port from 1 to 65535" },
                { "tcp://h:-1", "expected a port from 1 to 65535" },
                { "tcp://h:1x", "expected a port from 1 to 65535" },
                { "tcp://h/path", "not a host" },
                { "tcp://[::1", "expected a host after ://" },
                { "tcp://[h]:1", "not an IPv6 address in the brackets" },
                { "tcp://::1:1883", "expected a host" },
                { "unix://run", "expected an absolute path" },
                { "tcp://a\nb", "not one line of text" },
                { "", "expected SCHEME://HOST:PORT" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag diag = DIAG_INIT;
                struct address address = { .host = "untouched" };

                ck_assert_int_eq(address_parse(cases[i].url, &diag, &address), -EINVAL);
                ck_assert_msg(strstr(diag.text, cases[i].text) != NULL, "%s", diag.text);
                ck_assert_str_eq(address.host, "untouched");
        }
}
END_TEST

START_TEST(a_password_in_the_address_is_not_repeated)
{
        struct diag diag = DIAG_INIT;
        struct address address;

        ck_assert_int_eq(address_parse("tcp://me:secret@h", &diag, &address), -EINVAL);
        ck_assert_ptr_null(strstr(diag.text, "secret"));
        ck_assert_ptr_nonnull(
                strstr(diag.text, "user name and password have settings of their own"));
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
        char url[400] = "tcp://";
        struct address address;

        memset(url + 6, 'h', ADDRESS_HOST_SIZE);
        ck_assert_int_eq(address_parse(url, NULL, &address), -EINVAL);
        url[6 + ADDRESS_HOST_SIZE - 1] = '\0';
        ck_assert_int_eq(address_parse(url, NULL, &address), 0);
        memcpy(url, "unix:///", 8);
        url[7 + 108] = '\0';
        ck_assert_int_eq(address_parse(url, NULL, &address), -EINVAL);
        url[7 + 107] = '\0';
        ck_assert_int_eq(address_parse(url, NULL, &address), 0);
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
          domains_that_cannot_be_told_apart_are_refused, addresses_are_read_as_people_write_them,
          a_bad_address_is_refused_with_a_sentence, a_password_in_the_address_is_not_repeated,
          what_is_too_long_is_refused, commands_of_the_cloud_are_answered_where_they_came_from,
          what_is_too_long_in_a_command_is_refused)
