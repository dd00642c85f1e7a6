/* SPDX-License-Identifier: Apache-2.0
 *
 * control-internal - what the files of the control interface share
 *
 *     control.c          the socket, and the connections to it
 *     control-bus.c      the connection to the system bus
 *     control-peer.c     what the two have in common: limits, replies, signals
 *     control-access.c   who may do what
 *     control-methods.c  the methods
 *
 * A peer is one D-Bus connection: a client of the socket, whose user is known from the start, or
 * the system bus, where each message has a sender of its own.  Peers are freed by the reaper only,
 * never from within one of their own callbacks. */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "host/broker/control.h"

#define CONTROL_NAME "org.updatebroker1"
#define CONTROL_PATH "/org/updatebroker1"
#define CONTROL_INTERFACE "org.updatebroker1"

/* Names of errors, beyond those of org.freedesktop.DBus.Error. */
#define CONTROL_ERROR_NOT_FOUND CONTROL_INTERFACE ".Error.NotFound"
#define CONTROL_ERROR_BUSY CONTROL_INTERFACE ".Error.Busy"
#define CONTROL_ERROR_INVALID CONTROL_INTERFACE ".Error.InvalidDesiredState"
#define CONTROL_ERROR_FAILED CONTROL_INTERFACE ".Error.Failed"

enum control_access { CONTROL_ACCESS_NONE = 0, CONTROL_ACCESS_READ, CONTROL_ACCESS_WRITE };

struct control_user {
        uid_t uid;
        gid_t *groups; /* all of them, the primary one included */
        size_t n_groups;
};

struct control_peer {
        struct control *control;   /* borrowed, outlives us */
        struct control_peer *next; /* in control->peers; NULL for the system bus */
        sd_bus *bus;
        sd_event_source *io;       /* these two drive the bus of a client */
        sd_event_source *time;
        struct control_user user;  /* of a client */
        bool is_system_bus;
        bool subscribed;           /* a client */
        bool gone;                 /* waits for the reaper */
        bool again;                /* sd-bus had something to do, and may have more */
        size_t unread;             /* bytes of the message that is coming in, at least */
        uint32_t sent[CONTROL_QUEUE_MAX]; /* a ring: bytes of the last messages to it */
        size_t n_sent;
};

struct control_question; /* control-bus.c, both */
struct control_subscriber;

struct control {
        sd_event *event;               /* borrowed, as are these */
        struct log *log;
        const struct control_ops *ops;
        void *data;

        char *socket_path;
        bool socket_is_ours; /* made by us, to be removed by us */
        int listen_fd;
        sd_event_source *listen;
        sd_event_source *retry; /* timer: listens again after descriptors ran out */
        sd_event_source *reaper;
        struct control_peer *peers;
        struct control_peer *system_bus; /* NULL: there is none */
        sd_event_source *bus_again;      /* timer: it is opened again */
        uint64_t bus_delay_usec;         /* the last one */
        uint64_t bus_opened_usec;        /* when it last answered */
        struct control_subscriber *subscribers; /* on the system bus, the newest first */
        struct control_question *questions;     /* to the system bus, about senders */
        size_t n_questions;
        struct control_call *calls;
        size_t n_calls;

        bool has_group;
        gid_t group;
        char *group_name;
};

/* ----------------------------------------------------------------------------- control-access.c */

/* Who is at the other end of a socket.  -ENOMEM, or what getsockopt(2) says. */
int control_user_of_socket(int fd, struct control_user *ret);
/* The same from the a{sv} of GetConnectionCredentials. */
int control_user_of_message(sd_bus_message *m, struct control_user *ret);
void control_user_done(struct control_user *user);
enum control_access control_access_of(const struct control *control,
                                      const struct control_user *user);
/* The sentence for somebody who may not. */
int control_refuse(const struct control *control, enum control_access needed, struct diag *diag);

/* ------------------------------------------------------------------------------- control-peer.c */

/* Serves the object on a bus that is not started.  Takes the bus, also on failure. */
int control_peer_new(struct control *control, sd_bus *take_bus, bool is_system_bus,
                     struct control_peer **ret);
/* Closes without waiting.  Takes NULL. */
struct control_peer *control_peer_free(struct control_peer *peer);
DEFINE_FREEP(struct control_peer, control_peer);
/* Has the peer freed by the reaper, and nothing more read from it. */
void control_peer_drop(struct control_peer *peer, const char *why);

/* An empty message for NULL. */
int control_peer_reply(struct control_peer *peer, sd_bus_message *m, const char *text);
int control_peer_refuse(struct control_peer *peer, sd_bus_message *m, int r, const char *text);
/* destination: NULL for a client. */
int control_peer_signal(struct control_peer *peer, const char *destination, const char *member,
                        const char *first, const char *json);

/* -------------------------------------------------------------------------------- control-bus.c */

/* Comes when it comes; nothing waits for it. */
void control_bus_open(struct control *control);
/* Ends the connection, if there is one: everybody who was on the bus is forgotten. */
void control_bus_close(struct control *control);
/* Opens it again, after a delay that grows each time. */
void control_bus_retry(struct control *control, const char *why);
/* Finds out who sent m, then calls control_call_run(). */
int control_bus_ask(struct control_peer *peer, sd_bus_message *m);
int control_bus_subscribe(struct control_peer *peer, sd_bus_message *m, bool on, struct diag *diag);
void control_bus_signal(struct control *control, const char *member, const char *first,
                        const char *json);

/* ---------------------------------------------------------------------------- control-methods.c */

extern const sd_bus_vtable control_vtable[];

/* Answers one call by somebody who is known. */
int control_call_run(struct control_peer *peer, sd_bus_message *m, enum control_access access);
/* Nobody waits for the answers any longer. */
void control_calls_forget(struct control *control);
