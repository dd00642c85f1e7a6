/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-cycle - how long a whole update takes, beside a bare message there and back
 *
 *     bench-cycle URL CYCLES DOMAINS COMPONENTS [remote]
 *
 * Two connections to the MQTT server of a running broker.  Bare: the first publishes a ping with
 * QoS 1, the second answers with a pong, and the time runs until the first one has it.  Cycle: the
 * first publishes a desired state for the domains d0, d1..., and the time runs until it has the
 * terminal feedback; the inventory that follows is waited for, but does not count.  With `remote`
 * the second connection plays the agents: it says what it begins and that it is done, as agents in
 * the field do.
 *
 * Prints two medians in microseconds: bare, measured before and after, and cycle. */
#define _GNU_SOURCE /* memmem */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "host/mqtt/connection.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"

enum {
        WARM_UP = 50,
        ROUNDS = 500, /* of the bare message, before the cycles and once more after them */
        CYCLES_MAX = 1000,
        DOMAINS_MAX = 16,
        HEAD_MAX = 256, /* bytes in which an envelope says what it is about */
};

struct bench;

/* An agent that is played. */
struct peer {
        struct bench *bench;
        char domain[16];
};

struct bench {
        sd_event *event;
        struct connection *here;
        struct connection *there;
        unsigned n_domains;
        unsigned n_components;
        unsigned n_up;
        unsigned n_pongs;
        unsigned n_cycles;
        char activity[32];
        bool ended;     /* the terminal feedback has come */
        bool inventory; /* and what follows it */
        struct peer peers[DOMAINS_MAX];
        uint64_t bare_usec[2 * ROUNDS];
        uint64_t cycle_usec[CYCLES_MAX];
};

static void check(bool good, const char *what)
{
        if (good)
                return;
        (void)fprintf(stderr, "bench-cycle: %s\n", what);
        exit(EXIT_FAILURE);
}

/* ------------------------------------------------------------------------------------- messages */

static void publish(struct connection *connection, const char *topic, const char *payload)
{
        const struct outbox_message message = {
                .topic = topic, .payload = payload, .length = strlen(payload), .qos = 1
        };
        uint64_t id;

        check(connection_publish(connection, &message, &id) == 0, "a message cannot be sent");
}

static bool says(const struct mqtt_message *message, const char *text)
{
        size_t length = message->length < HEAD_MAX ? message->length : HEAD_MAX;

        return memmem(message->payload, length, text, strlen(text)) != NULL;
}

static bool is_ours(const struct bench *bench, const struct mqtt_message *message)
{
        char text[64];

        (void)snprintf(text, sizeof(text), "\"activityId\":\"%s\"", bench->activity);
        return says(message, text);
}

/* domain NULL: as a desired state lists them; else as feedback does, with this status. */
static void print_components(FILE *f, const struct bench *bench, const char *domain,
                             const char *status)
{
        unsigned k;

        for (k = 0; k < bench->n_components; k++) {
                (void)fputs(k ? "," : "", f);
                if (domain)
                        (void)fprintf(f, "{\"component\":{\"id\":\"%s:c%u\",\"version\":\"%u\"},"
                                         "\"status\":\"%s\"}",
                                      domain, k, bench->n_cycles, status);
                else
                        (void)fprintf(f, "{\"id\":\"c%u\",\"version\":\"%u\"}", k,
                                      bench->n_cycles);
        }
}

/* ----------------------------------------------------------------------------- agents of others */

static void say(const struct peer *peer, const char *word, const char *status)
{
        struct bench *bench = peer->bench;
        CLEANUP_FREE char *text = NULL;
        char topic[64];
        size_t length;
        FILE *f = open_memstream(&text, &length);

        check(f != NULL, "out of memory");
        (void)fprintf(f, "{\"activityId\":\"%s\",\"timestamp\":1,\"payload\":{\"status\":\"%s\","
                         "\"actions\":[",
                      bench->activity, word);
        print_components(f, bench, peer->domain, status);
        (void)fputs("]}}", f);
        (void)fclose(f);
        (void)snprintf(topic, sizeof(topic), "%supdate/desiredstatefeedback", peer->domain);
        publish(bench->there, topic, text);
}

static void on_desired_state(void *data, const struct mqtt_message *message)
{
        (void)message;
        say(data, "IDENTIFYING", "IDENTIFYING");
        say(data, "IDENTIFIED", "IDENTIFIED");
}

static void on_command(void *data, const struct mqtt_message *message)
{
        static const struct {
                const char *command;
                const char *begun;
                const char *done;
                const char *status;
        } commands[] = {
                { "\"DOWNLOAD\"", "DOWNLOADING", "DOWNLOAD_SUCCESS", "DOWNLOAD_SUCCESS" },
                { "\"UPDATE\"", "UPDATING", "UPDATE_SUCCESS", "UPDATING" },
                { "\"ACTIVATE\"", "ACTIVATING", "ACTIVATION_SUCCESS", "UPDATED" },
                { "\"CLEANUP\"", NULL, "CLEANUP_SUCCESS", "UPDATE_SUCCESS" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(commands); i++) {
                if (!says(message, commands[i].command))
                        continue;
                if (commands[i].begun)
                        say(data, commands[i].begun, commands[i].begun);
                say(data, commands[i].done, commands[i].status);
                return;
        }
        check(false, "an unknown command");
}

/* The answer bears the id of the question, which stands at the same place in both. */
static void on_current_state_get(void *data, const struct mqtt_message *message)
{
        const struct peer *peer = data;
        static const char key[] = "\"activityId\":\"";
        const char *begin = memmem(message->payload, message->length, key, strlen(key));
        char text[512];
        char topic[64];
        int length = 0;

        if (begin)
                length = (int)strcspn(begin + strlen(key), "\"");
        (void)snprintf(text, sizeof(text),
                       "{\"activityId\":\"%.*s\",\"timestamp\":1,\"payload\":{\"softwareNodes\":["
                       "{\"id\":\"%s-update-agent\",\"type\":\"APPLICATION\"}]}}",
                       length, begin ? begin + strlen(key) : "", peer->domain);
        (void)snprintf(topic, sizeof(topic), "%supdate/currentstate", peer->domain);
        publish(peer->bench->there, topic, text);
}

static void subscribe(struct connection *connection, const char *topic, subscription_fn fn,
                      void *data)
{
        uint64_t id;

        check(connection_subscribe(connection, topic, 1, fn, data, &id) == 0, "no subscription");
}

static void play_agents(struct bench *bench)
{
        char topic[64];
        unsigned i;

        for (i = 0; i < bench->n_domains; i++) {
                struct peer *peer = &bench->peers[i];

                peer->bench = bench;
                (void)snprintf(peer->domain, sizeof(peer->domain), "d%u", i);
                (void)snprintf(topic, sizeof(topic), "%supdate/desiredstate", peer->domain);
                subscribe(bench->there, topic, on_desired_state, peer);
                (void)snprintf(topic, sizeof(topic), "%supdate/desiredstate/command", peer->domain);
                subscribe(bench->there, topic, on_command, peer);
                (void)snprintf(topic, sizeof(topic), "%supdate/currentstate/get", peer->domain);
                subscribe(bench->there, topic, on_current_state_get, peer);
        }
}

/* ------------------------------------------------------------------------------------- here, there */

static void on_connected(void *data)
{
        struct bench *bench = data;

        bench->n_up++;
}

static void on_ping(void *data, const struct mqtt_message *message)
{
        struct bench *bench = data;

        (void)message;
        publish(bench->there, "bench/pong", "x");
}

static void on_pong(void *data, const struct mqtt_message *message)
{
        struct bench *bench = data;

        (void)message;
        bench->n_pongs++;
}

static void on_feedback(void *data, const struct mqtt_message *message)
{
        struct bench *bench = data;

        if (!is_ours(bench, message))
                return;
        check(!says(message, "\"payload\":{\"status\":\"INCOMPLETE") &&
                      !says(message, "\"payload\":{\"status\":\"IDENTIFICATION_FAILED"),
              "the update failed");
        bench->ended |= says(message, "\"payload\":{\"status\":\"COMPLETED\"");
}

static void on_current_state(void *data, const struct mqtt_message *message)
{
        struct bench *bench = data;

        bench->inventory |= is_ours(bench, message);
}

static struct connection *connect_to(struct bench *bench, const char *url)
{
        const struct connection_config config = { .url = url };
        const struct connection_events events = { .connected = on_connected };
        struct connection *connection;
        struct diag diag = DIAG_INIT;

        check(connection_new(bench->event, NULL, &config, &events, bench, &diag, &connection) == 0,
              diag.text);
        check(connection_start(connection) == 0, "cannot begin");
        return connection;
}

static void turn(struct bench *bench)
{
        check(sd_event_run(bench->event, 30 * USEC_PER_SEC) > 0, "nothing comes any more");
}

static void open_connections(struct bench *bench, const char *url, bool remote)
{
        unsigned n;

        bench->here = connect_to(bench, url);
        bench->there = connect_to(bench, url);
        subscribe(bench->here, "bench/pong", on_pong, bench);
        subscribe(bench->there, "bench/ping", on_ping, bench);
        subscribe(bench->here, "vehicleupdate/desiredstatefeedback", on_feedback, bench);
        subscribe(bench->here, "vehicleupdate/currentstate", on_current_state, bench);
        if (remote)
                play_agents(bench);
        while (bench->n_up < 2)
                turn(bench);
        /* The first pings may come before the subscription of the other one.  When one has come
         * back all subscriptions are in force: they were sent before it. */
        for (n = 0; bench->n_pongs == 0; n++) {
                uint64_t begin = time_now_usec();

                check(n < 100, "no ping comes back");
                publish(bench->here, "bench/ping", "x");
                while (bench->n_pongs == 0 && time_now_usec() - begin < 100 * USEC_PER_MSEC)
                        (void)sd_event_run(bench->event, 10 * USEC_PER_MSEC);
        }
        for (n = 0; n < 20; n++)
                (void)sd_event_run(bench->event, 10 * USEC_PER_MSEC);
}

/* ---------------------------------------------------------------------------------- measurements */

static void measure_bare(struct bench *bench, uint64_t *usec)
{
        int i;

        for (i = -WARM_UP; i < ROUNDS; i++) {
                uint64_t begin = time_now_usec();
                unsigned n = bench->n_pongs;

                publish(bench->here, "bench/ping", "x");
                while (bench->n_pongs == n)
                        turn(bench);
                if (i >= 0)
                        usec[i] = time_now_usec() - begin;
        }
}

static char *make_desired_state(struct bench *bench)
{
        size_t length;
        char *text;
        FILE *f = open_memstream(&text, &length);
        unsigned i;

        check(f != NULL, "out of memory");
        (void)fprintf(f, "{\"activityId\":\"%s\",\"timestamp\":1,\"payload\":{\"domains\":[",
                      bench->activity);
        for (i = 0; i < bench->n_domains; i++) {
                (void)fprintf(f, "%s{\"id\":\"d%u\",\"components\":[", i ? "," : "", i);
                print_components(f, bench, NULL, NULL);
                (void)fputs("]}", f);
        }
        (void)fputs("]}}", f);
        (void)fclose(f);
        return text;
}

static uint64_t run_cycle(struct bench *bench)
{
        CLEANUP_FREE char *text = NULL;
        uint64_t begin;
        uint64_t usec;

        bench->n_cycles++;
        bench->ended = bench->inventory = false;
        (void)snprintf(bench->activity, sizeof(bench->activity), "bench-%u", bench->n_cycles);
        text = make_desired_state(bench);
        begin = time_now_usec();
        publish(bench->here, "vehicleupdate/desiredstate", text);
        while (!bench->ended)
                turn(bench);
        usec = time_now_usec() - begin;
        while (!bench->inventory)
                turn(bench);
        return usec;
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a;
        uint64_t y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *values, size_t n)
{
        qsort(values, n, sizeof(*values), compare);
        return values[n / 2];
}

int main(int argc, char **argv)
{
        static struct bench bench;
        unsigned n;
        unsigned i;

        check(argc == 5 || argc == 6, "usage: bench-cycle URL CYCLES DOMAINS COMPONENTS [remote]");
        n = (unsigned)strtoul(argv[2], NULL, 10);
        bench.n_domains = (unsigned)strtoul(argv[3], NULL, 10);
        bench.n_components = (unsigned)strtoul(argv[4], NULL, 10);
        check(n > 0 && n <= CYCLES_MAX && bench.n_domains <= DOMAINS_MAX, "too many");
        check(connection_init() == 0 && sd_event_new(&bench.event) >= 0, "cannot begin");
        open_connections(&bench, argv[1], argc == 6);
        measure_bare(&bench, bench.bare_usec);
        (void)run_cycle(&bench); /* warm-up */
        for (i = 0; i < n; i++)
                bench.cycle_usec[i] = run_cycle(&bench);
        measure_bare(&bench, bench.bare_usec + ROUNDS);
        printf("%llu %llu\n", (unsigned long long)median(bench.bare_usec, ARRAY_SIZE(bench.bare_usec)),
               (unsigned long long)median(bench.cycle_usec, n));
        connection_free(bench.here);
        connection_free(bench.there);
        (void)sd_event_unref(bench.event);
        return EXIT_SUCCESS;
}
