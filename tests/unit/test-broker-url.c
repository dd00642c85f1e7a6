/* SPDX-License-Identifier: Apache-2.0
 *
 * test-broker-url - addresses that are, and that are not */
#include <errno.h>
#include <string.h>

#include "host/config/broker-url.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "unit.h"

START_TEST(addresses_of_brokers_are_taken_apart)
{
        static const struct {
                const char *text;
                const char *host;
                unsigned port;
                bool tls;
                bool local;
                bool guessed;
        } rows[] = {
                { "tcp://localhost:1883", "localhost", 1883, false, false, false },
                { "mqtt://h", "h", 1883, false, false, false },
                { "ssl://h", "h", 8883, true, false, false },
                { "TLS://h:1", "h", 1, true, false, false },
                { "mqtts://h/", "h", 8883, true, false, false },
                { "mqtt+ssl://10.0.0.1:65535", "10.0.0.1", 65535, true, false, false },
                { "tcps://[::1]:8884", "::1", 8884, true, false, false },
                { "tcp://[fe80::1]", "fe80::1", 1883, false, false, false },
                { "unix:///run/m.sock", "/run/m.sock", 0, false, true, false },
                { "www", "www", 1883, false, false, true },
                { "www:5", "www", 5, false, false, true },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                struct diag diag = DIAG_INIT;
                struct broker_url url;

                ck_assert_msg(broker_url_parse(rows[i].text, &diag, &url) == 0, "%s: %s",
                              rows[i].text, diag.text);
                ck_assert_str_eq(url.host, rows[i].host);
                ck_assert_uint_eq(url.port, rows[i].port);
                ck_assert_int_eq(url.tls, rows[i].tls);
                ck_assert_int_eq(url.local, rows[i].local);
                ck_assert_int_eq(url.guessed, rows[i].guessed);
        }
}
END_TEST

START_TEST(addresses_that_cannot_be_are_refused)
{
        static const char *const texts[] = {
                "",           "tcp://",       "tcp://:1",
                "tcp://h:",   "tcp://h:0",    "tcp://h:65536",
                "tcp://h:1x", "tcp://h:1:2",  "tcp://h/path",
                "tcp://[::1", "tcp://[::1]x", "tcp://[]",
                "ws://h",     "wss://h",      "http://h",
                "://h",       "tcp://u@h",    "unix://run/x",
                "tcp://a b",  "tcp://h?x",
        };
        char longer[400] = "tcp://";
        struct broker_url url = { .port = 7 };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(texts); i++)
                ck_assert_msg(broker_url_parse(texts[i], NULL, &url) == -EINVAL, "%s", texts[i]);
        memset(longer + 6, 'h', sizeof(longer) - 7);
        ck_assert_int_eq(broker_url_parse(longer, NULL, &url), -EINVAL);
        longer[6 + 256] = '\0';
        ck_assert_int_eq(broker_url_parse(longer, NULL, &url), -EINVAL);
        ck_assert_uint_eq(url.port, 7);
        longer[6 + 255] = '\0';
        ck_assert_int_eq(broker_url_parse(longer, NULL, &url), 0);
}
END_TEST

UNIT_MAIN("broker-url",
          addresses_of_brokers_are_taken_apart,
          addresses_that_cannot_be_are_refused)
