/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-roundtrip - the yardstick of all other figures: one message there and back on this machine
 *
 * Two connections to one mosquitto: the first publishes a ping with QoS 1, the second answers with
 * a pong, and the time runs until the first one has it.  Bare: no JSON, no journal, nothing but our
 * connection twice. */
#define _GNU_SOURCE
#include <stdio.h>

#include "host/mqtt/connection.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "tests/fake/mqtt-server.h"
#include "tests/unit/unit.h"

enum { WARM_UP = 50, ROUNDS = 1000 };

struct bench {
        sd_event *event;
        struct connection *here;
        struct connection *there;
        unsigned n_up;
        unsigned n_pongs;
        uint64_t times[ROUNDS];
};

static void send_to(struct connection *connection, const char *topic)
{
        const struct outbox_message message = {
                .topic = topic, .payload = "x", .length = 1, .qos = 1
        };
        uint64_t id;

        ck_assert_int_eq(connection_publish(connection, &message, &id), 0);
}

static void on_ping(void *data, const struct mqtt_message *message)
{
        struct bench *bench = data;

        (void)message;
        send_to(bench->there, "pong");
}

static void on_pong(void *data, const struct mqtt_message *message)
{
        struct bench *bench = data;

        (void)message;
        bench->n_pongs++;
}

static void on_connected(void *data)
{
        struct bench *bench = data;

        bench->n_up++;
}

static struct connection *connect_to(struct bench *bench, const char *url)
{
        const struct connection_config config = { .url = url };
        const struct connection_events events = { .connected = on_connected };
        struct connection *connection;
        struct diag diag = DIAG_INIT;

        ck_assert_msg(connection_new(bench->event, NULL, &config, &events, bench, &diag,
                                     &connection) == 0,
                      "%s", diag.text);
        ck_assert_int_eq(connection_start(connection), 0);
        return connection;
}

static void round_trip(struct bench *bench)
{
        unsigned n = bench->n_pongs;

        send_to(bench->here, "ping");
        while (bench->n_pongs == n)
                ck_assert_int_ge(sd_event_run(bench->event, UINT64_MAX), 0);
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a;
        uint64_t y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static void measure(const char *name, const char *url)
{
        struct bench bench = { 0 };
        uint64_t id;

        ck_assert_int_ge(sd_event_new(&bench.event), 0);
        bench.here = connect_to(&bench, url);
        bench.there = connect_to(&bench, url);
        ck_assert_int_eq(connection_subscribe(bench.here, "pong", 1, on_pong, &bench, &id), 0);
        ck_assert_int_eq(connection_subscribe(bench.there, "ping", 1, on_ping, &bench, &id), 0);
        while (bench.n_up < 2)
                ck_assert_int_ge(sd_event_run(bench.event, UINT64_MAX), 0);
        /* The subscriptions go out in the round after; the first pings may be before that of the
         * other. */
        for (int i = 0; i < 20; i++)
                ck_assert_int_ge(sd_event_run(bench.event, 10 * USEC_PER_MSEC), 0);
        for (int i = 0; i < WARM_UP; i++)
                round_trip(&bench);
        for (int i = 0; i < ROUNDS; i++) {
                uint64_t begin = time_now_usec();

                round_trip(&bench);
                bench.times[i] = time_now_usec() - begin;
        }
        qsort(bench.times, ROUNDS, sizeof(bench.times[0]), compare);
        printf("bare MQTT round trip, QoS 1, %s: %u us (median of %d; the fastest %u)\n", name,
               (unsigned)bench.times[ROUNDS / 2], ROUNDS, (unsigned)bench.times[0]);
        connection_free(bench.here);
        connection_free(bench.there);
        (void)sd_event_unref(bench.event);
}

START_TEST(round_trips)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");

        mqtt_server_start(&server);
        measure("TCP", server.url);
        measure("unix socket", server.unix_url);
        (void)fflush(stdout);
}
END_TEST

int main(void)
{
        const TTest *const tests[] = { round_trips };

        if (mqtt_server_is_missing()) {
                printf("no round trips measured: mosquitto is not installed\n");
                return EXIT_SUCCESS;
        }
        (void)sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
        if (connection_init() < 0)
                return EXIT_FAILURE;
        return unit_run("roundtrip", tests, 1, 60);
}
