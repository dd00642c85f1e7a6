/* SPDX-License-Identifier: Apache-2.0
 *
 * connection - the daemon's connection to the MQTT server
 *
 * Tries for ever: the first time at once, then after 1 s, 2 s ... 60 s, each up to a half longer at
 * random, so that a fleet does not come back in step.  Once a connection has lasted as long as the
 * longest wait, the waits begin anew.  A host's name is tried twice per attempt, the second time
 * with IPv4 alone, because libmosquitto tries one address only.
 *
 * A link that is up but useless is given up, and another one made: when the server confirms no
 * subscription for subscribe_timeout, so that we are deaf, or acknowledges nothing for
 * acknowledge_timeout and, after that has been reported as trouble, another keep-alive time.
 *
 * Whatever is subscribed to is subscribed to again after each reconnection, before anything is
 * published; whatever was published and not acknowledged is published again (`outbox` says what
 * happens when that is too much).  With QoS 1 the server may therefore see a message twice, as MQTT
 * allows.
 *
 * What a message may hold is limited once it is here.  Before that libmosquitto takes memory for the
 * length that the server announces, up to the 256 MiB of MQTT: it has no option against that, and its
 * asynchronous connect takes no MQTT 5 properties, of which one (maximum packet size) would at least
 * ask for less.  The memory is touched only as the bytes come.  So the server is trusted that far;
 * TLS says which one it is, and MemoryMax= of the service bounds what it can do.
 *
 * Sessions are clean: the server keeps nothing for us while we are away.
 *
 * The program calls mosquitto_lib_init() once, in main() before any thread exists, by way of
 * connection_init(), and ignores SIGPIPE.
 *
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/mqtt/outbox.h"
#include "host/mqtt/subscriptions.h"

struct connection;
struct diag;
struct worker;

enum {
        /* What a message that comes in may hold: the longest JSON text and its envelope. */
        CONNECTION_PAYLOAD_MAX = 1024 * 1024 + 64 * 1024,
        /* And one that goes out: feedback on such a desired state says more of each component than
         * the desired state does. */
        CONNECTION_PUBLISH_MAX = 8 * 1024 * 1024,
        CONNECTION_SUBSCRIPTIONS_MAX = 4096,
};

/* Texts are copied; NULL: none.  Zero stands for the default in brackets, where there is one. */
struct connection_config {
        const char *url; /* as in host/util/address.h */
        const char *client_id; /* ["ub" and a random number, drawn once per connection] */
        const char *username;
        const char *password;
        const char *ca_file; /* TLS needs it; read again at each attempt, as the next two are */
        const char *cert_file;
        const char *key_file;
        bool mqtt5;                    /* else 3.1.1 */
        uint64_t keep_alive_usec;      /* whole seconds; less than one: none; else at least 5 s */
        uint64_t connect_timeout_usec; /* [30 s] */
        uint64_t acknowledge_timeout_usec; /* [15 s] */
        uint64_t subscribe_timeout_usec;   /* [15 s] */
        uint64_t unsubscribe_timeout_usec; /* only reported [5 s] */
        uint64_t retry_min_usec;           /* [1 s] */
        uint64_t retry_max_usec;       /* [60 s] */
        size_t max_queued;             /* messages on their way [1000] */
        size_t max_queued_bytes;       /* [16 MiB] */
};

/* All come from the loop, none from inside a function of this module, and each may free the
 * connection.  Each may be NULL. */
struct connection_events {
        void (*connected)(void *data);
        /* It is lost, or an attempt has failed: why, and when the next attempt is made. */
        void (*disconnected)(void *data, const char *why, uint64_t retry_usec);
        /* For each id that connection_publish() gave, once, unless connection_free() comes first.
         * r: 0: the server has acknowledged it (QoS 0: it was sent).  -ENOBUFS: dropped for
         * something more important.  -ESTALE: a newer inventory took its place.  -EMSGSIZE: larger
         * than the server takes.  -EACCES: the server does not let us (MQTT 5 only; before, servers
         * say nothing). */
        void (*published)(void *data, uint64_t id, int r);
        /* Something is wrong that does not end the connection: a subscription that the server
         * refuses, acknowledgements that do not come, a message that is too large and was not handed
         * out. */
        void (*trouble)(void *data, const char *text);
        /* A message that is longer than CONNECTION_PAYLOAD_MAX, for who owes its sender an answer.
         * NULL: it is reported as trouble. */
        void (*oversized)(void *data, const struct mqtt_message *message);
};

/* Once per process, before the first connection_new(). */
int connection_init(void);
/* At the end of the process; not needed by one that ends anyhow. */
void connection_done(void);

/* event and worker are borrowed and outlive the connection, except that connection_free() may come
 * before worker_free(), which then waits for a look-up under way.  worker: for looking up names,
 * and NULL when the url has none; not the one that writes files, because a look-up may take half a
 * minute. Does nothing before connection_start().  -EINVAL: the url, or TLS without ca_file; diag
 * says it.  -ENOMEM. */
int connection_new(sd_event *event, struct worker *worker, const struct connection_config *config,
                   const struct connection_events *events, void *data, struct diag *diag,
                   struct connection **ret);

/* Begins with the first attempt.  Once. */
int connection_start(struct connection *connection);

/* Says good-bye.  What is queued is lost: connection_pending() tells whether there is any.  Takes
 * NULL. */
struct connection *connection_free(struct connection *connection);

bool connection_is_up(const struct connection *connection);

/* Takes a copy and sends it as soon as may be, in the order of the calls.  -EINVAL: not a topic, or
 * QoS not 0..2.  -E2BIG: CONNECTION_PUBLISH_MAX.  -ENOBUFS: no room, as outbox.h says.  -ENOMEM. */
int connection_publish(struct connection *connection, const struct outbox_message *message,
                       uint64_t *ret_id);
/* How many messages are queued or not yet acknowledged. */
size_t connection_pending(const struct connection *connection);

/* Until connection_unsubscribe(), through every reconnection.  Any number of subscriptions to any
 * filters; each is called once for a message (see subscriptions.h for the exceptions).  fn may do
 * everything, also free the connection.  The server hears of it in the next round of the loop.
 * Failures of subscriptions_add(). */
int connection_subscribe(struct connection *connection, const char *filter, int qos,
                         subscription_fn fn, void *data, uint64_t *ret_id);
/* fn is not called any more.  -ENOENT: no such subscription. */
int connection_unsubscribe(struct connection *connection, uint64_t id);
