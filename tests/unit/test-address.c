/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of MQTT servers that are, and that are not. */
#include <errno.h>
#include <string.h>

#include "host/util/address.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "unit.h"

START_TEST(addresses_are_read_as_people_write_them)
{
        static const struct {
                const char *text;
                struct address address;
        } cases[] = {
                { "tcp://localhost:1883", { "localhost", 1883, false, true, false } },
                { "mqtt://localhost", { "localhost", 1883, false, true, false } },
                { "TCP://localhost/", { "localhost", 1883, false, true, false } },
                { "tcp://127.0.0.1:80", { "127.0.0.1", 80, false, false, false } },
                { "tcp://[::1]:1884", { "::1", 1884, false, false, false } },
                { "tcp://[fe80::1]", { "fe80::1", 1883, false, false, false } },
                { "mqtts://[::1]/", { "::1", 8883, true, false, false } },
                { "ssl://hub.example.org:443", { "hub.example.org", 443, true, true, false } },
                { "TLS://h:1", { "h", 1, true, true, false } },
                { "mqtt+ssl://10.0.0.1:65535", { "10.0.0.1", 65535, true, false, false } },
                { "tcps://h", { "h", 8883, true, true, false } },
                { "unix:///run/mqtt@1", { "/run/mqtt@1", 0, false, false, false } },
                { "www", { "www", 1883, false, true, true } },
                { "www:5", { "www", 5, false, true, true } },
                { "10.0.0.1", { "10.0.0.1", 1883, false, false, true } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag diag = DIAG_INIT;
                struct address address;

                ck_assert_msg(address_parse(cases[i].text, &diag, &address) == 0, "%s: %s",
                              cases[i].text, diag.text);
                ck_assert_str_eq(address.host, cases[i].address.host);
                ck_assert_uint_eq(address.port, cases[i].address.port);
                ck_assert_int_eq(address.tls, cases[i].address.tls);
                ck_assert_int_eq(address.is_name, cases[i].address.is_name);
                ck_assert_int_eq(address.guessed, cases[i].address.guessed);
        }
}
END_TEST

START_TEST(a_bad_address_is_refused_with_a_sentence)
{
        static const struct {
                const char *text;
                const char *fault;
        } cases[] = {
                { "", "expected SCHEME://HOST:PORT, such as tcp://localhost:1883" },
                { "http://h", "unknown scheme \"http\"; expected tcp, mqtt, ssl, tls, mqtts or unix" },
                { "mqts://h", "unknown scheme \"mqts\"; did you mean \"mqtt\"?" },
                { "://h", "unknown scheme \"\"" },
                { "ws://h", "MQTT over WebSockets is not supported" },
                { "wss://h", "MQTT over WebSockets is not supported" },
                { "tcp://", "expected SCHEME://HOST:PORT" },
                { "tcp://:1883", "expected SCHEME://HOST:PORT" },
                { "tcp://[]", "expected SCHEME://HOST:PORT" },
                { "tcp://[::1", "expected SCHEME://HOST:PORT" },
                { "tcp://::1:1883", "expected SCHEME://HOST:PORT" },
                { "tcp://h:", "expected a port from 1 to 65535" },
                { "tcp://h:0", "expected a port from 1 to 65535" },
                { "tcp://h:65536", "expected a port from 1 to 65535" },
                { "tcp://h:99999999999999999999", "expected a port from 1 to 65535" },
                { "tcp://h:-1", "expected a port from 1 to 65535" },
                { "tcp://h:1x", "expected a port from 1 to 65535" },
                { "tcp://h:1:2", "expected a port from 1 to 65535" },
                { "tcp://[::1]x", "expected a port from 1 to 65535" },
                { "tcp://h/path", "not the name of a host" },
                { "tcp://h?x", "not the name of a host" },
                { "tcp://a b", "not the name of a host" },
                { "tcp://[h]:1", "not an IPv6 address in the brackets" },
                { "unix://run", "expected unix:///PATH with at most 107 bytes" },
                { "tcp://a\nb", "not one line of text" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct diag diag = DIAG_INIT;
                struct address address = { .host = "untouched" };

                ck_assert_int_eq(address_parse(cases[i].text, &diag, &address), -EINVAL);
                ck_assert_msg(strncmp(diag.text, cases[i].fault, strlen(cases[i].fault)) == 0, "%s: %s",
                              cases[i].text, diag.text);
                ck_assert_str_eq(address.host, "untouched");
        }
}
END_TEST

START_TEST(a_password_in_the_address_is_not_repeated)
{
        struct diag diag = DIAG_INIT;
        struct address address;

        ck_assert_int_eq(address_parse("tcp://me:secret@h", &diag, &address), -EINVAL);
        ck_assert_str_eq(diag.text, "a user and a password belong into \"username\" and \"password\"");
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
        char text[400] = "tcp://";
        struct address address;

        memset(text + 6, 'h', sizeof(text) - 7);
        ck_assert_int_eq(address_parse(text, NULL, &address), -EINVAL);
        text[6 + ADDRESS_HOST_SIZE] = '\0';
        ck_assert_int_eq(address_parse(text, NULL, &address), -EINVAL);
        text[6 + ADDRESS_HOST_SIZE - 1] = '\0';
        ck_assert_int_eq(address_parse(text, NULL, &address), 0);
        memcpy(text, "unix:///", 8);
        text[7 + 108] = '\0';
        ck_assert_int_eq(address_parse(text, NULL, &address), -EINVAL);
        text[7 + 107] = '\0';
        ck_assert_int_eq(address_parse(text, NULL, &address), 0);
}
END_TEST

UNIT_MAIN("address", addresses_are_read_as_people_write_them,
          a_bad_address_is_refused_with_a_sentence, a_password_in_the_address_is_not_repeated,
          what_is_too_long_is_refused)
