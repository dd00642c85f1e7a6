/* SPDX-License-Identifier: Apache-2.0
 *
 * link - one connection to the MQTT server, from the first packet to the last
 *
 * libmosquitto on the event loop.  A link connects once, lives and goes down once; who wants
 * another attempt makes another link, and so nothing of the last one's state can leak into it.
 * Queues, subscriptions and patience are the business of `connection`.
 *
 * What could block:
 *
 *   - looking up a host's name: mosquitto_connect_bind_async() calls getaddrinfo(3).  For names the
 *   whole call
 *     is a job of the worker; the loop thread keeps its hands off libmosquitto until the job is
 *     done.  It may take as long as the resolver's time limits, and neither link_free() nor anybody
 *     else on the loop waits for it: the job then frees the link.  Numeric addresses and sockets
 *     are connected to at once.
 *   - connecting, the TLS handshake, reading and writing: the socket does not block.
 *
 * When it wakes up: for the socket, and for one timer.  Before the server's answer the timer is the
 * limit for connecting.  After it, it is the moment at which libmosquitto would find that nothing
 * was sent or nothing was heard for the keep-alive time (mosquitto_loop_misc() compares whole
 * seconds and sends a ping, or gives up when the last ping was not answered).  An idle link
 * therefore wakes up twice per keep-alive time, for the ping and for its answer, and not otherwise.
 *
 * libmosquitto's TLS asks for writability as long as a packet waits, also while the handshake waits
 * for the other side; heeding that would spin.  So until the server has answered, a TLS link writes
 * when something was read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct address;
struct diag;
struct link;
struct mqtt_message;
struct outbox_message;
struct worker;

struct link_config {
        const struct address *address;
        bool mqtt5;                    /* else 3.1.1 */
        bool ipv4_only;                /* of a name's addresses */
        const char *client_id;         /* NULL: random */
        const char *username;          /* NULL: none */
        const char *password;          /* NULL: none */
        const char *ca_file;           /* TLS: what is trusted, and nothing else is */
        const char *cert_file;         /* TLS: our certificate; NULL: none */
        const char *key_file;
        uint64_t keep_alive_usec;      /* whole seconds; 0: none; at least 5 s otherwise */
        uint64_t connect_timeout_usec; /* until the server has answered, without the look-up */
};

/* All come from the loop, answered() also from inside link_publish().  up(), message() and down()
 * may free the link. */
struct link_events {
        void (*up)(void *data);
        void (*message)(void *data, const struct mqtt_message *message);
        /* r: 0, or why the server did not want it */
        void (*answered)(void *data, int mid, int r);
        /* The server will not send what this filter matches; subscribed() follows. */
        void (*refused)(void *data, int mid);
        /* It has answered a link_subscribe(), or a link_unsubscribe(). */
        void (*subscribed)(void *data);
        void (*unsubscribed)(void *data);
        /* The last one: it could not be made or is gone, and why in words.  reached: the server was
         * heard, if only to say no. */
        void (*down)(void *data, const char *why, bool reached);
};

/* Begins to connect.  Everything is copied but event and worker, which are borrowed and outlive the
 * link; link_free() may come before worker_free().  -ENOMEM; -EINVAL: settings that can never work
 * (diag); -ENOBUFS: the worker. */
int link_new(sd_event *event, struct worker *worker, const struct link_config *config,
             const struct link_events *events, void *data, struct diag *diag, struct link **ret);

/* Says good-bye without waiting for it.  Takes NULL.  No event comes after it. */
struct link *link_free(struct link *link);

/* Whether bytes are still on their way into the network. */
bool link_is_sending(const struct link *link);

/* These need up().  -ENOTCONN: the link is broken, down() follows.  Any other failure is the
 * message's own: -EMSGSIZE: larger than the server allows; -ENOMEM; -EINVAL. */
/* 0: answered(*ret_mid) will follow.  1: QoS 0 and sent; it will not. */
int link_publish(struct link *link, const struct outbox_message *message, int *ret_mid);
int link_subscribe(struct link *link, const char *filter, int qos, int *ret_mid);
int link_unsubscribe(struct link *link, const char *filter);
