/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <mosquitto.h>
#include <netdb.h>
#include <sys/resource.h>

#include "host/mqtt/connection.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/worker.h"
#include "tests/fake/mqtt-server.h"
#include "tests/unit/unit.h"

enum { SEEN_MAX = 400 };

/* A connection and what it has reported. */
struct client {
        sd_event *event;
        struct worker *worker;
        struct connection *connection;
        unsigned n_connected;
        unsigned n_disconnected;
        unsigned n_trouble;
        char why[DIAG_MAX];
        char trouble[DIAG_MAX];
        unsigned n_published;
        unsigned published[SEEN_MAX]; /* by id: how often */
        int published_r;              /* the last one */
        unsigned n_messages;
        unsigned seen[SEEN_MAX]; /* by the number that the payload begins with */
        char topic[256];
        size_t length;
        int qos;
        bool retained;
        unsigned sum; /* of the last payload's bytes */
        const char *free_in; /* frees the connection in this event */
};

static void free_in(struct client *client, const char *event)
{
        if (client->free_in && strcmp(client->free_in, event) == 0)
                client->connection = connection_free(client->connection);
}

static void on_connected(void *data)
{
        struct client *client = data;

        client->n_connected++;
        free_in(client, "connected");
}

static void on_disconnected(void *data, const char *why, uint64_t retry_usec)
{
        struct client *client = data;

        ck_assert_uint_gt(retry_usec, 0);
        client->n_disconnected++;
        (void)snprintf(client->why, sizeof(client->why), "%s", why);
        free_in(client, "disconnected");
}

static void on_published(void *data, uint64_t id, int r)
{
        struct client *client = data;

        client->n_published++;
        client->published_r = r;
        if (id < SEEN_MAX)
                client->published[id]++;
        free_in(client, "published");
}

static void on_trouble(void *data, const char *text)
{
        struct client *client = data;

        client->n_trouble++;
        (void)snprintf(client->trouble, sizeof(client->trouble), "%s", text);
}

static const struct connection_events client_events = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .published = on_published,
        .trouble = on_trouble,
};

static unsigned sum_of(const void *payload, size_t length)
{
        const unsigned char *bytes = payload;
        unsigned sum = 0;

        for (size_t i = 0; i < length; i++)
                sum = sum * 31 + bytes[i];
        return sum;
}

static void on_message(void *data, const struct mqtt_message *message)
{
        struct client *client = data;
        char number[16] = "";
        unsigned long n;

        client->n_messages++;
        memcpy(number, message->payload, message->length < 15 ? message->length : 15);
        n = strtoul(number, NULL, 10);
        if (n < SEEN_MAX)
                client->seen[n]++;
        (void)snprintf(client->topic, sizeof(client->topic), "%s", message->topic);
        client->length = message->length;
        client->qos = message->qos;
        client->retained = message->retained;
        client->sum = sum_of(message->payload, message->length);
        free_in(client, "message");
}

static void client_open(struct client *client, struct connection_config config)
{
        struct diag diag = DIAG_INIT;

        if (!client->event)
                ck_assert_int_ge(sd_event_new(&client->event), 0);
        ck_assert_int_eq(worker_new(client->event, 8, &client->worker), 0);
        if (config.retry_min_usec == 0)
                config.retry_min_usec = 20 * USEC_PER_MSEC;
        if (config.retry_max_usec == 0)
                config.retry_max_usec = 100 * USEC_PER_MSEC;
        if (config.keep_alive_usec == 0)
                config.keep_alive_usec = 20 * USEC_PER_SEC;
        ck_assert_msg(connection_new(client->event, client->worker, &config, &client_events, client,
                                     &diag, &client->connection) == 0, "%s", diag.text);
        ck_assert_int_eq(connection_start(client->connection), 0);
}

static void client_close(struct client *client)
{
        connection_free(client->connection);
        worker_free(client->worker);
        (void)sd_event_unref(client->event);
}

static void run(struct client *client)
{
        /* The test's own time limit ends it, when nothing comes. */
        ck_assert_int_ge(sd_event_run(client->event, UINT64_MAX), 0);
}

#define UNTIL(client, condition)    \
        do {                        \
                while (!(condition)) \
                        run(client); \
        } while (0)

static void subscribe(struct client *client, const char *filter, int qos)
{
        uint64_t id;

        ck_assert_int_eq(
                connection_subscribe(client->connection, filter, qos, on_message, client, &id), 0);
}

static int publish(struct client *client, const char *topic, const char *text,
                   enum outbox_rank rank)
{
        struct outbox_message message = { .topic = topic, .payload = text, .length = strlen(text),
                                          .qos = 1, .rank = rank };
        uint64_t id;

        return connection_publish(client->connection, &message, &id);
}

static void publish_number(struct client *client, const char *topic, unsigned n)
{
        char text[16];

        (void)snprintf(text, sizeof(text), "%u", n);
        ck_assert_int_eq(publish(client, topic, text, OUTBOX_TERMINAL), 0);
}

/* ------------------------------------------------------------------------------- there and back */

START_TEST(a_message_of_any_qos_comes_back_in_either_version)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");

        mqtt_server_start(&server);
        for (int version = 0; version < 2; version++) {
                struct client client = { 0 };

                client_open(&client, (struct connection_config){ .url = server.url,
                                                                 .mqtt5 = version == 1 });
                subscribe(&client, "a/+", 2);
                for (unsigned qos = 0; qos <= 2; qos++) {
                        struct outbox_message message = {
                                .topic = "a/b", .payload = "hello", .length = 5, .qos = (int)qos
                        };
                        uint64_t id;

                        ck_assert_int_eq(connection_publish(client.connection, &message, &id), 0);
                        UNTIL(&client,
                              client.n_messages == qos + 1 && client.n_published == qos + 1);
                        ck_assert_int_eq(client.published_r, 0);
                        ck_assert_str_eq(client.topic, "a/b");
                        ck_assert_int_eq(client.qos, (int)qos);
                        ck_assert_uint_eq(client.length, 5);
                        ck_assert(!client.retained);
                }
                ck_assert_uint_eq(connection_pending(client.connection), 0);
                client_close(&client);
        }
}
END_TEST

START_TEST(a_mebibyte_goes_out_and_comes_in)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        CLEANUP_FREE char *text = malloc(1024 * 1024);
        struct outbox_message message = { .topic = "big", .payload = text, .length = 1024 * 1024,
                                          .qos = 1 };
        struct client client = { 0 };
        uint64_t id;

        ck_assert_ptr_nonnull(text);
        for (size_t i = 0; i < message.length; i++)
                text[i] = (char)(i * 7 + i / 4099);
        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url });
        subscribe(&client, "big", 1);
        ck_assert_int_eq(connection_publish(client.connection, &message, &id), 0);
        UNTIL(&client, client.n_messages == 1 && client.n_published == 1);
        ck_assert_uint_eq(client.length, message.length);
        ck_assert_uint_eq(client.sum, sum_of(text, message.length));

        message.length = CONNECTION_PUBLISH_MAX + 1;
        ck_assert_int_eq(connection_publish(client.connection, &message, &id), -E2BIG);
        client_close(&client);
}
END_TEST

static void on_sent(struct mosquitto *mosq, void *data, int mid)
{
        bool *sent = data;

        (void)mosq;
        (void)mid;
        *sent = true;
}

/* Sends more than connection_publish() would, and waits until the server has it. */
static void send_too_large(const struct mqtt_server *server)
{
        size_t length = CONNECTION_PAYLOAD_MAX + 1;
        CLEANUP_FREE char *text = calloc(1, length);
        bool sent = false;
        struct mosquitto *mosq = mosquitto_new(NULL, true, &sent);

        ck_assert_ptr_nonnull(text);
        ck_assert_ptr_nonnull(mosq);
        ck_assert_int_eq(mosquitto_connect(mosq, "127.0.0.1", server->port, 60), MOSQ_ERR_SUCCESS);
        mosquitto_publish_callback_set(mosq, on_sent);
        ck_assert_int_eq(mosquitto_publish(mosq, NULL, "a", (int)length, text, 1, false), 0);
        while (!sent)
                ck_assert_int_eq(mosquitto_loop(mosq, 1000, 1), MOSQ_ERR_SUCCESS);
        (void)mosquitto_disconnect(mosq);
        mosquitto_destroy(mosq);
}

START_TEST(a_message_that_is_too_large_is_reported_and_the_next_one_comes)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url });
        subscribe(&client, "a", 1);
        publish_number(&client, "a", 1);
        UNTIL(&client, client.n_messages == 1);
        send_too_large(&server);
        UNTIL(&client, client.n_trouble == 1);
        ck_assert_str_eq(client.trouble,
                         "a: a message of 1114113 bytes is ignored, the limit is 1114112");
        publish_number(&client, "a", 2);
        UNTIL(&client, client.n_messages == 2);
        client_close(&client);
}
END_TEST

START_TEST(overlapping_subscriptions_get_a_message_once_each)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url });
        subscribe(&client, "a/b", 0);
        subscribe(&client, "a/+", 1);
        subscribe(&client, "a/#", 0);
        subscribe(&client, "a/b", 1);
        subscribe(&client, "x", 1);
        publish_number(&client, "a/b", 1);
        publish_number(&client, "x", 2); /* behind all copies of the first one */
        UNTIL(&client, client.seen[2] == 1);
        ck_assert_uint_eq(client.seen[1], 4);
        client_close(&client);
}
END_TEST

START_TEST(who_unsubscribes_hears_no_more_and_the_others_do)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };
        uint64_t wide;

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url });
        ck_assert_int_eq(
                connection_subscribe(client.connection, "a/#", 1, on_message, &client, &wide), 0);
        subscribe(&client, "a/b", 1);
        publish_number(&client, "a/b", 1);
        UNTIL(&client, client.seen[1] == 2);
        ck_assert_int_eq(connection_unsubscribe(client.connection, wide), 0);
        ck_assert_int_eq(connection_unsubscribe(client.connection, wide), -ENOENT);
        publish_number(&client, "a/c", 2);
        publish_number(&client, "a/b", 3);
        UNTIL(&client, client.seen[3] == 1);
        ck_assert_uint_eq(client.seen[2], 0);
        client_close(&client);
}
END_TEST

START_TEST(a_retained_message_comes_to_who_subscribes_later)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };
        struct outbox_message message = { .topic = "state", .payload = "7", .length = 1, .qos = 1,
                                          .retain = true };
        uint64_t id;

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url });
        ck_assert_int_eq(connection_publish(client.connection, &message, &id), 0);
        UNTIL(&client, client.n_published == 1);
        subscribe(&client, "state", 1);
        UNTIL(&client, client.n_messages == 1);
        ck_assert(client.retained);
        subscribe(&client, "state", 1);
        UNTIL(&client, client.n_messages == 3); /* both of them */
        client_close(&client);
}
END_TEST

START_TEST(a_unix_socket_will_do)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.unix_url });
        subscribe(&client, "a", 1);
        publish_number(&client, "a", 1);
        UNTIL(&client, client.n_messages == 1);
        client_close(&client);
}
END_TEST

START_TEST(a_host_may_have_a_name)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };
        struct addrinfo *addresses;
        char url[64];

        if (getaddrinfo("localhost", NULL, NULL, &addresses) != 0) {
                printf("# skipped: localhost has no address here, is there no /etc/hosts?\n");
                return;
        }
        freeaddrinfo(addresses);
        mqtt_server_start(&server);
        /* Where localhost is ::1 first, the second try finds the server. */
        (void)snprintf(url, sizeof(url), "mqtt://localhost:%d", server.port);
        client_open(&client, (struct connection_config){ .url = url });
        UNTIL(&client, client.n_connected == 1);
        ck_assert_uint_eq(client.n_disconnected, 0);
        client_close(&client);
}
END_TEST

/* ---------------------------------------------------------------------------- losing the server */

START_TEST(a_server_that_comes_up_later_is_found)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };

        server.fixed_port = true;
        client_open(&client, (struct connection_config){ .url = server.url });
        subscribe(&client, "a", 1);
        publish_number(&client, "a", 1);
        UNTIL(&client, client.n_disconnected == 3);
        ck_assert_str_eq(client.why, "127.0.0.1: Connection refused");
        ck_assert(!connection_is_up(client.connection));
        mqtt_server_start(&server);
        UNTIL(&client, client.n_messages == 1);
        ck_assert_uint_eq(client.n_connected, 1);
        client_close(&client);
}
END_TEST

START_TEST(no_terminal_message_is_lost_when_the_server_is_killed)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url });
        subscribe(&client, "end", 1);
        for (unsigned n = 1; n <= 300; n++)
                publish_number(&client, "end", n);
        for (unsigned kills = 1; kills <= 3; kills++) {
                UNTIL(&client, client.n_published >= kills * 50);
                mqtt_server_stop(&server, SIGKILL);
                UNTIL(&client, client.n_disconnected >= kills);
                ck_assert_uint_lt(client.n_published, 300);
                mqtt_server_start(&server);
        }
        UNTIL(&client, client.n_published == 300);
        publish_number(&client, "end", 399);
        UNTIL(&client, client.seen[399] == 1);
        for (unsigned n = 1; n <= 300; n++) {
                ck_assert_uint_eq(client.published[n], 1);
                /* In the server's hands when it died is what may be missing here, since it keeps
                 * nothing; sent again is what may come twice. */
                ck_assert_uint_le(client.seen[n], 1 + 3);
        }
        client_close(&client);
}
END_TEST

START_TEST(what_is_queued_while_the_server_is_away_arrives_once_and_in_order)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        struct client client = { 0 };

        mqtt_server_start(&server);
        client_open(&client, (struct connection_config){ .url = server.url, .max_queued = 200 });
        subscribe(&client, "end", 1);
        UNTIL(&client, client.n_connected == 1);
        mqtt_server_stop(&server, SIGKILL);
        UNTIL(&client, client.n_disconnected == 1);
        for (unsigned n = 1; n <= 200; n++)
                (void)publish(&client, "progress", "300", OUTBOX_PROGRESS);
        for (unsigned n = 1; n <= 200; n++)
                publish_number(&client, "end", n);
        ck_assert_int_eq(publish(&client, "end", "0", OUTBOX_TERMINAL), -ENOBUFS);
        ck_assert_uint_eq(connection_pending(client.connection), 200);
        mqtt_server_start(&server);
        UNTIL(&client, client.n_published == 400 && client.n_messages == 200);
        for (unsigned n = 1; n <= 200; n++)
                ck_assert_uint_eq(client.seen[n], 1);
        client_close(&client);
}
END_TEST

/* The address sanitizer keeps what is freed, on purpose: nothing to measure there. */
static long peak_kib(void)
{
        struct rusage usage = { 0 };

#ifndef __SANITIZE_ADDRESS__
        (void)getrusage(RUSAGE_SELF, &usage);
#endif
        return usage.ru_maxrss;
}

START_TEST(memory_is_bounded_while_the_server_is_away)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        CLEANUP_FREE char *text = calloc(1, 64 * 1024);
        static const char *const topics[] = { "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7",
                                              "p8", "p9", "pa", "pb", "pc", "pd", "pe", "pf" };
        struct outbox_message message = { .topic = "p",
                                          .payload = text,
                                          .length = 64 * 1024,
                                          .qos = 1,
                                          .rank = OUTBOX_PROGRESS };
        struct client client = { 0 };
        long before;
        uint64_t id;

        client_open(&client, (struct connection_config){ .url = server.url,
                                                         .max_queued_bytes = 1024 * 1024 });
        before = peak_kib();
        for (int i = 0; i < 2000; i++) {
                message.topic = topics[i % 16]; /* one on the same topic would be replaced */
                ck_assert_int_eq(connection_publish(client.connection, &message, &id), 0);
                if (i % 10 == 0)
                        run(&client);
        }
        ck_assert_uint_le(connection_pending(client.connection), 16);
        ck_assert_int_lt(peak_kib() - before, 64 * 1024); /* of 125 MiB */
        client_close(&client);
}
END_TEST

START_TEST(a_server_that_does_not_answer_is_given_up)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct client client = { 0 };
        char url[64];

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
        client_open(&client, (struct connection_config){
                                     .url = url, .connect_timeout_usec = 50 * USEC_PER_MSEC });
        UNTIL(&client, client.n_disconnected == 2);
        ck_assert_str_eq(client.why, "127.0.0.1: the server does not answer");
        client_close(&client);
}
END_TEST

static void open_with_short_keep_alive(struct client *client, const char *url)
{
        client_open(client, (struct connection_config){ .url = url,
                                                        .keep_alive_usec = USEC_PER_SEC });
        subscribe(client, "a", 1);
        publish_number(client, "a", 1);
        UNTIL(client, client->n_messages == 1 && client->n_published == 1);
}

/* Two clients on one loop, because keep-alive takes its time: libmosquitto has 5 s at least. */
START_TEST(idle_wakes_up_for_pings_alone_and_a_dead_server_is_noticed)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        CLEANUP(mqtt_server_free) struct mqtt_server dead_server = mqtt_server_new("");
        struct client client = { 0 };
        struct client deserted = { 0 };
        unsigned wakes = 0;
        uint64_t end;

        mqtt_server_start(&server);
        mqtt_server_start(&dead_server);
        open_with_short_keep_alive(&client, server.url);
        deserted.event = sd_event_ref(client.event);
        open_with_short_keep_alive(&deserted, dead_server.url);
        spawn_kill(dead_server.pid, dead_server.pidfd, false, SIGSTOP);

        end = time_now_usec() + 8 * USEC_PER_SEC; /* the server would give up after 7.5 s */
        for (uint64_t now = time_now_usec(); now < end; now = time_now_usec())
                wakes += sd_event_run(client.event, end - now) > 0;
        ck_assert_uint_ge(wakes, 1);
        ck_assert_uint_le(wakes, 6);

        UNTIL(&deserted, deserted.n_disconnected == 1);
        ck_assert_str_eq(deserted.why, "127.0.0.1: the server does not answer any more");
        ck_assert_uint_eq(client.n_disconnected, 0);
        client_close(&deserted);
        client_close(&client);
}
END_TEST

/* ------------------------------------------------------------------------------------- refusals */

static void run_program(const char *path, const char *const *argv)
{
        struct spawn spawn = {
                .path = path, .argv = argv, .in_fd = -1, .out_fd = -1, .err_fd = -1
        };
        CLEANUP_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        CLEANUP_CLOSE int pidfd = -1;
        siginfo_t info;
        pid_t pid;

        spawn.err_fd = null;
        ck_assert_int_eq(spawn_process(&spawn, &pid, &pidfd), 0);
        ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
        ck_assert_int_eq(info.si_status, 0);
}

START_TEST(a_wrong_password_is_said_and_tried_again)
{
        char password_file[PATH_MAX];
        char config[PATH_MAX + 64];
        CLEANUP(folder_done) struct folder folder = folder_new();

        folder_path(&folder, "passwords", password_file);
        run_program("/usr/bin/mosquitto_passwd",
                    (const char *const[]){ "mosquitto_passwd", "-c", "-b", password_file, "me",
                                           "right", NULL });
        (void)snprintf(config, sizeof(config), "allow_anonymous false\npassword_file %s\n",
                       password_file);
        for (int version = 0; version < 2; version++) {
                CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new(config);
                struct client wrong = { 0 };
                struct client right = { 0 };

                mqtt_server_start(&server);
                client_open(&wrong, (struct connection_config){ .url = server.url,
                                                                .mqtt5 = version == 1,
                                                                .username = "me",
                                                                .password = "wrong" });
                UNTIL(&wrong, wrong.n_disconnected == 2);
                ck_assert_str_eq(wrong.why, "127.0.0.1: connection refused: not authorised "
                                            "(user name, password, certificate?)");
                client_close(&wrong);
                client_open(&right, (struct connection_config){ .url = server.url,
                                                                .mqtt5 = version == 1,
                                                                .username = "me",
                                                                .password = "right" });
                UNTIL(&right, right.n_connected == 1);
                ck_assert_uint_eq(right.n_disconnected, 0);
                client_close(&right);
        }
}
END_TEST

START_TEST(what_the_server_does_not_allow_is_said)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        char acl[PATH_MAX];
        char config[PATH_MAX + 64];

        folder_write(&folder, "acl", "topic readwrite open\n");
        folder_path(&folder, "acl", acl);
        (void)snprintf(config, sizeof(config), "allow_anonymous true\nacl_file %s\n", acl);
        {
                CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new(config);
                struct client client = { 0 };

                mqtt_server_start(&server);
                client_open(&client,
                            (struct connection_config){ .url = server.url, .mqtt5 = true });
                publish_number(&client, "closed", 1);
                UNTIL(&client, client.n_published == 1);
                ck_assert_int_eq(client.published_r, -EACCES);
                publish_number(&client, "open", 1);
                UNTIL(&client, client.n_published == 2);
                ck_assert_int_eq(client.published_r, 0);
                client_close(&client);
        }
}
END_TEST

/* ------------------------------------------------------------------------------------------ TLS */

/* CA, server (127.0.0.1, or another name) and client certificates in the folder. */
static void make_certificates(const struct folder *folder)
{
        char command[4096];

        (void)snprintf(
                command, sizeof(command),
                "cd '%s' && set -e\n"
                "new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                "-keyout $1.key -subj /CN=$1 \"$2\" $3 ${4+\"$4\"}; }\n"
                "new ca -x509 -out ca.crt\n"
                "new other -x509 -out other.crt\n"
                "printf 'subjectAltName=IP:127.0.0.1' >server.ext\n"
                "printf 'subjectAltName=DNS:elsewhere' >stranger.ext\n"
                "printf 'extendedKeyUsage=clientAuth' >client.ext\n"
                "for n in server stranger client; do\n"
                "new $n -out $n.csr\n"
                "openssl x509 -req -in $n.csr -CA ca.crt -CAkey ca.key -CAcreateserial "
                "-extfile $n.ext -out $n.crt\n"
                "done\n",
                folder->path);
        run_program("/bin/sh", (const char *const[]){ "sh", "-c", command, NULL });
}

/* What happens when a client with these files meets a server with those. */
static void meet(const struct folder *folder, const char *server_name, const char *ca,
                 const char *cert, struct client *client, const char *scheme)
{
        char config[8192];
        char ca_file[PATH_MAX];
        char cert_file[PATH_MAX];
        char key_file[PATH_MAX];
        char url[64];

        (void)snprintf(config, sizeof(config),
                       "cafile %s/ca.crt\ncertfile %s/%s.crt\nkeyfile %s/%s.key\n"
                       "require_certificate true\n",
                       folder->path, folder->path, server_name, folder->path, server_name);
        (void)snprintf(ca_file, sizeof(ca_file), "%s/%s.crt", folder->path, ca);
        (void)snprintf(cert_file, sizeof(cert_file), "%s/%s.crt", folder->path, cert ? cert : "");
        (void)snprintf(key_file, sizeof(key_file), "%s/%s.key", folder->path, cert ? cert : "");

        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new(config);

        mqtt_server_start(&server);
        (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d", scheme, server.port);
        client_open(client, (struct connection_config){ .url = url, .ca_file = ca_file,
                                                        .cert_file = cert ? cert_file : NULL,
                                                        .key_file = cert ? key_file : NULL });
        subscribe(client, "a", 1);
        publish_number(client, "a", 1);
        UNTIL(client, client->n_messages == 1 || client->n_disconnected == 1);
        client_close(client);
}

START_TEST(tls_verifies_both_sides)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        static const struct {
                const char *server;
                const char *ca;
                const char *cert;
                const char *why; /* NULL: works */
        } cases[] = {
                { "server", "ca", "client", NULL },
                { "server", "other", "client", "127.0.0.1: TLS: certificate verify failed" },
                { "stranger", "ca", "client",
                  "verif" }, /* "host name verification failed", from 2.1 on as above */
                { "server", "ca", NULL,
                  "certificate" }, /* "required", or its connection was too fast */
                { "server", "missing", "client",
                  "missing.crt: cannot be read: No such file or directory" },
        };

        make_certificates(&folder);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct client client = { 0 };

                meet(&folder, cases[i].server, cases[i].ca, cases[i].cert, &client,
                     i % 2 ? "ssl" : "mqtts");
                ck_assert_msg(cases[i].why ? strstr(client.why, cases[i].why) != NULL :
                                             client.why[0] == '\0',
                              "%zu: %s", i, client.why);
                ck_assert_uint_eq(client.n_connected, cases[i].why ? 0 : 1);
        }
}
END_TEST

START_TEST(a_tls_handshake_that_hangs_does_not_spin)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CLEANUP(folder_done) struct folder folder = folder_new();
        struct client client = { 0 };
        unsigned wakes = 0;
        char ca_file[PATH_MAX];
        char url[64];

        make_certificates(&folder);
        folder_path(&folder, "ca.crt", ca_file);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        (void)snprintf(url, sizeof(url), "mqtts://127.0.0.1:%d", ntohs(address.sin_port));
        client_open(&client,
                    (struct connection_config){ .url = url,
                                                .ca_file = ca_file,
                                                .connect_timeout_usec = 200 * USEC_PER_MSEC });
        for (; client.n_disconnected == 0; wakes++)
                run(&client);
        ck_assert_uint_le(wakes, 6);
        client_close(&client);
}
END_TEST

/* ------------------------------------------------------------------------------------- the rest */

START_TEST(bad_settings_are_refused_with_a_sentence)
{
        static const struct {
                const char *url;
                const char *text;
        } cases[] = {
                { "ws://h",
                  "MQTT over WebSockets is not supported; use tcp:// or mqtts://, which every "
                  "MQTT server has" },
                { "mqtts://h",
                  "mqtts://h: TLS needs the certificate of the authority to trust (caCert)" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct connection_config config = { .url = cases[i].url };
                struct diag diag = DIAG_INIT;
                struct connection *connection = NULL;
                sd_event *event;

                ck_assert_int_ge(sd_event_new(&event), 0);
                ck_assert_int_eq(connection_new(event, NULL, &config, &client_events, NULL, &diag,
                                                &connection), -EINVAL);
                ck_assert_str_eq(diag.text, cases[i].text);
                ck_assert_ptr_null(connection);
                (void)sd_event_unref(event);
        }
}
END_TEST

START_TEST(wrong_topics_are_refused)
{
        struct client client = { 0 };
        uint64_t id;

        client_open(&client, (struct connection_config){ .url = "tcp://127.0.0.1:1" });
        ck_assert_int_eq(publish(&client, "a/#", "x", OUTBOX_TERMINAL), -EINVAL);
        ck_assert_int_eq(publish(&client, "", "x", OUTBOX_TERMINAL), -EINVAL);
        ck_assert_int_eq(connection_subscribe(client.connection, "a#", 1, on_message, NULL, &id),
                         -EINVAL);
        ck_assert_int_eq(connection_subscribe(client.connection, "a", 3, on_message, NULL, &id),
                         -EINVAL);
        client_close(&client);
}
END_TEST

START_TEST(a_connection_may_be_freed_in_each_of_its_events)
{
        static const char *const events[] = { "connected", "message", "published", "disconnected" };
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");

        mqtt_server_start(&server);
        for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
                struct client client = { .free_in = events[i] };

                client_open(&client, (struct connection_config){ .url = server.url });
                subscribe(&client, "a", 1);
                subscribe(&client, "a", 1);
                publish_number(&client, "a", 1);
                publish_number(&client, "a", 2);
                if (strcmp(events[i], "disconnected") == 0) {
                        UNTIL(&client, client.n_connected == 1);
                        mqtt_server_stop(&server, SIGKILL);
                }
                UNTIL(&client, !client.connection);
                client_close(&client);
        }
}
END_TEST

START_TEST(a_connection_may_be_freed_after_any_number_of_rounds)
{
        CLEANUP(mqtt_server_free) struct mqtt_server server = mqtt_server_new("");
        char by_name[64];

        mqtt_server_start(&server);
        (void)snprintf(by_name, sizeof(by_name), "tcp://localhost:%d", server.port);
        for (unsigned rounds = 0; rounds < 24; rounds++) {
                struct client client = { 0 };

                client_open(&client,
                            (struct connection_config){ .url = rounds % 2 ? by_name : server.url });
                subscribe(&client, "a", 2);
                publish_number(&client, "a", 1);
                for (unsigned i = 0; i < rounds / 2 && client.n_messages == 0; i++)
                        run(&client);
                client_close(&client);
        }
}
END_TEST

int main(void)
{
        const TTest *const tests[] = {
                a_message_of_any_qos_comes_back_in_either_version,
                a_mebibyte_goes_out_and_comes_in,
                a_message_that_is_too_large_is_reported_and_the_next_one_comes,
                overlapping_subscriptions_get_a_message_once_each,
                who_unsubscribes_hears_no_more_and_the_others_do,
                a_retained_message_comes_to_who_subscribes_later,
                a_unix_socket_will_do,
                a_host_may_have_a_name,
                a_server_that_comes_up_later_is_found,
                no_terminal_message_is_lost_when_the_server_is_killed,
                what_is_queued_while_the_server_is_away_arrives_once_and_in_order,
                memory_is_bounded_while_the_server_is_away,
                a_server_that_does_not_answer_is_given_up,
                idle_wakes_up_for_pings_alone_and_a_dead_server_is_noticed,
                a_wrong_password_is_said_and_tried_again,
                what_the_server_does_not_allow_is_said,
                tls_verifies_both_sides,
                a_tls_handshake_that_hangs_does_not_spin,
                bad_settings_are_refused_with_a_sentence,
                wrong_topics_are_refused,
                a_connection_may_be_freed_in_each_of_its_events,
                a_connection_may_be_freed_after_any_number_of_rounds,
        };

        if (mqtt_server_is_missing()) {
                printf("1..0 # SKIP mosquitto, a real MQTT server, is not installed\n");
                return EXIT_SUCCESS;
        }
        if (connection_init() < 0)
                return EXIT_FAILURE;
        (void)sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
        return unit_run("connection", tests, ARRAY_SIZE(tests), 60);
}
