/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection to a server that keeps it alive and is of no use. */
#define _GNU_SOURCE /* accept4 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/mqtt/connection.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "tests/unit/unit.h"

/* What a connection has reported. */
struct client {
        sd_event *event;
        struct connection *connection;
        unsigned n_connected;
        unsigned n_disconnected;
        unsigned n_published;
        unsigned n_trouble;
        char why[DIAG_MAX];
        char trouble[DIAG_MAX];
};

static void on_connected(void *data)
{
        struct client *client = data;

        client->n_connected++;
}

static void on_disconnected(void *data, const char *why, uint64_t retry_usec)
{
        struct client *client = data;

        (void)retry_usec;
        client->n_disconnected++;
        (void)snprintf(client->why, sizeof(client->why), "%s", why);
}

static void on_published(void *data, uint64_t id, int r)
{
        struct client *client = data;

        (void)id;
        (void)r;
        client->n_published++;
}

static void on_trouble(void *data, const char *text)
{
        struct client *client = data;

        client->n_trouble++;
        (void)snprintf(client->trouble, sizeof(client->trouble), "%s", text);
}

static void on_message(void *data, const struct mqtt_message *message)
{
        (void)data;
        (void)message;
}

static const struct connection_events client_events = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .published = on_published,
        .trouble = on_trouble,
};

static void client_open(struct client *client, struct connection_config *config)
{
        struct diag diag = DIAG_INIT;

        ck_assert_int_ge(sd_event_new(&client->event), 0);
        config->retry_min_usec = 20 * USEC_PER_MSEC;
        config->retry_max_usec = 100 * USEC_PER_MSEC;
        ck_assert_int_eq(connection_new(client->event, NULL, config, &client_events, client, &diag,
                                        &client->connection),
                         0);
        ck_assert_int_eq(connection_start(client->connection), 0);
}

static void client_close(struct client *client)
{
        connection_free(client->connection);
        (void)sd_event_unref(client->event);
}

static void run(struct client *client)
{
        /* The test's own time limit ends it, when nothing comes. */
        ck_assert_int_ge(sd_event_run(client->event, UINT64_MAX), 0);
}

/* A server that says welcome and answers pings, and otherwise as little as it is told to. */
struct sluggard {
        sd_event *event;
        int listener;
        int fd; /* of the last client; -1: none yet */
        sd_event_source *accepting;
        sd_event_source *reading;
        char url[64];
        bool confirms; /* subscriptions */
        unsigned n_clients;
        unsigned n_messages;
};

static void sluggard_hear(struct sluggard *s, const unsigned char *packet)
{
        static const unsigned char connack[] = { 0x20, 2, 0, 0 };
        static const unsigned char pingresp[] = { 0xd0, 0 };
        const unsigned char suback[] = { 0x90, 3, packet[2], packet[3], 1 };
        const unsigned char unsuback[] = { 0xb0, 2, packet[2], packet[3] };
        ssize_t n = 0;

        switch (packet[0] >> 4) {
        case 1:
                n = write(s->fd, connack, sizeof(connack));
                break;
        case 3:
                s->n_messages++;
                break;
        case 8:
                n = s->confirms ? write(s->fd, suback, sizeof(suback)) : 0;
                break;
        case 10:
                n = s->confirms ? write(s->fd, unsuback, sizeof(unsuback)) : 0;
                break;
        case 12:
                n = write(s->fd, pingresp, sizeof(pingresp));
                break;
        default:
                break;
        }
        ck_assert_int_ge(n, 0);
}

/* All packets here are shorter than 128 bytes, so their length is one byte. */
static int sluggard_on_read(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        struct sluggard *s = data;
        unsigned char bytes[4096];
        ssize_t n = read(fd, bytes, sizeof(bytes));

        (void)revents;
        if (n <= 0) {
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        for (ssize_t at = 0; at + 1 < n; at += 2 + bytes[at + 1])
                sluggard_hear(s, bytes + at);
        return 0;
}

static int sluggard_on_client(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        struct sluggard *s = data;

        (void)source;
        (void)revents;
        s->reading = sd_event_source_disable_unref(s->reading);
        cleanup_close(&s->fd);
        s->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        ck_assert_int_ge(s->fd, 0);
        s->n_clients++;
        ck_assert_int_ge(sd_event_add_io(s->event, &s->reading, s->fd, EPOLLIN, sluggard_on_read, s),
                         0);
        return 0;
}

static void sluggard_open(struct sluggard *s)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        s->fd = -1;
        s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&address, size), 0);
        ck_assert_int_eq(listen(s->listener, 4), 0);
        ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
        (void)snprintf(s->url, sizeof(s->url), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

static void sluggard_join(struct sluggard *s, sd_event *event)
{
        s->event = event;
        ck_assert_int_ge(sd_event_add_io(event, &s->accepting, s->listener, EPOLLIN,
                                         sluggard_on_client, s),
                         0);
}

static void sluggard_close(struct sluggard *s)
{
        (void)sd_event_source_disable_unref(s->accepting);
        (void)sd_event_source_disable_unref(s->reading);
        cleanup_close(&s->fd);
        cleanup_close(&s->listener);
}

START_TEST(a_server_that_acknowledges_nothing_is_reported_and_then_left)
{
        struct sluggard s = { .confirms = true };
        struct client client = { 0 };
        struct outbox_message message = { .topic = "t", .payload = "1", .length = 1, .qos = 1 };
        uint64_t id;

        sluggard_open(&s);
        client_open(&client, &(struct connection_config){
                                     .url = s.url,
                                     .acknowledge_timeout_usec = 50 * USEC_PER_MSEC,
                                     .keep_alive_usec = 100 * USEC_PER_MSEC, /* as good as none */
                             });
        sluggard_join(&s, client.event);
        while (client.n_connected == 0)
                run(&client);
        ck_assert_int_eq(connection_publish(client.connection, &message, &id), 0);
        while (client.n_trouble == 0)
                run(&client);
        ck_assert_ptr_nonnull(strstr(client.trouble, "does not acknowledge what is sent; 1 messages"));
        ck_assert_uint_eq(client.n_disconnected, 0);
        while (client.n_disconnected == 0)
                run(&client);
        ck_assert_ptr_nonnull(strstr(client.why, "does not acknowledge"));
        /* The next link brings it again: it is not lost. */
        while (s.n_messages < 2)
                run(&client);
        ck_assert_uint_ge(s.n_clients, 2);
        ck_assert_uint_eq(client.n_published, 0);
        client_close(&client);
        sluggard_close(&s);
}
END_TEST

START_TEST(a_server_that_confirms_no_subscription_is_left)
{
        struct sluggard s = { .confirms = false };
        struct client client = { 0 };
        uint64_t id;

        sluggard_open(&s);
        client_open(&client, &(struct connection_config){
                                     .url = s.url,
                                     .subscribe_timeout_usec = 50 * USEC_PER_MSEC,
                             });
        sluggard_join(&s, client.event);
        ck_assert_int_eq(connection_subscribe(client.connection, "t", 1, on_message, NULL, &id), 0);
        while (client.n_disconnected == 0)
                run(&client);
        ck_assert_ptr_nonnull(strstr(client.why, "does not confirm subscriptions"));
        s.confirms = true;
        while (client.n_connected < 2)
                run(&client);
        client_close(&client);
        sluggard_close(&s);
}
END_TEST

int main(void)
{
        const TTest *const tests[] = {
                a_server_that_acknowledges_nothing_is_reported_and_then_left,
                a_server_that_confirms_no_subscription_is_left,
        };

        if (connection_init() < 0)
                return EXIT_FAILURE;
        (void)sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
        return unit_run("patience", tests, ARRAY_SIZE(tests), 60);
}
