/* SPDX-License-Identifier: Apache-2.0
 *
 * What may pile up for a client is limited in both directions.
 *
 * Out: sd-bus queues what the client has not read, and tells how many messages that are; the ring
 * of their sizes makes bytes of it.
 *
 * In: sd-bus would take a message of 128 MiB, piece by piece.  Clients are driven from a source of
 * our own, which looks at what lies in the socket each time before sd-bus reads.
 *
 *   - A stranger is heard once: when something has come after the handshake, his half of the
 *     connection is shut, so that there is never more of it than a socket holds, and what is there is
 *     answered with the refusal.
 *   - For those who are known the looks are added up until the filter sees a whole message.  That is a
 *     lower bound: who writes while sd-bus reads can bring more through, at most sd-bus's own limit. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "host/broker/control-internal.h"
#include "host/log/log.h"
#include "host/util/diag.h"

enum {
        INPUT_MAX = 2 * CONTROL_TEXT_MAX,
        INPUT_LOOK_COST = 16 * 1024, /* at least; clients write in larger pieces */
        MESSAGE_OVERHEAD = 256,
};

void control_peer_drop(struct control_peer *peer, const char *why)
{
        if (peer->gone)
                return;
        peer->gone = true;
        if (peer->is_system_bus)
                log_debug(peer->control->log, NULL, "system bus: %s", why);
        else if (why)
                log_warn(peer->control->log, NULL, "control: a client of user %u is cut off: %s",
                         (unsigned)peer->user.uid, why);
        /* Sources of our own: cannot fail. */
        if (peer->io)
                (void)sd_event_source_set_enabled(peer->io, SD_EVENT_OFF);
        if (peer->time)
                (void)sd_event_source_set_enabled(peer->time, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(peer->control->reaper, SD_EVENT_ONESHOT);
}

static bool is_stranger(const struct control_peer *peer)
{
        return control_access_of(peer->control, &peer->user) == CONTROL_ACCESS_NONE;
}

/* False: it is too much. */
static bool count_input(struct control_peer *peer)
{
        int fd = sd_bus_get_fd(peer->bus);
        int length = 0;

        /* When this fails, sd-bus is about to see what is wrong with the socket. */
        if (ioctl(fd, FIONREAD, &length) < 0 || length <= 0)
                return true;
        if (is_stranger(peer) && sd_bus_is_ready(peer->bus) > 0)
                (void)shutdown(fd, SHUT_RD); /* fails when the client has left: good, too */
        peer->unread += length > INPUT_LOOK_COST ? (size_t)length : INPUT_LOOK_COST;
        return peer->unread <= INPUT_MAX;
}

static void process(struct control_peer *peer)
{
        int r;

        if (peer->gone)
                return;
        if (!count_input(peer)) {
                control_peer_drop(peer, "its message is too long");
                return;
        }
        r = sd_bus_process(peer->bus, NULL);
        peer->again = r > 0;
        if (r < 0)
                control_peer_drop(peer, r == -ENOTCONN || r == -ECONNRESET ? NULL : strerror(-r));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
        (void)source;
        (void)fd;
        (void)events;
        process(data);
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
        (void)source;
        (void)usec;
        process(data);
        return 0;
}

/* Before the loop waits: what does sd-bus wait for? */
static int on_prepare(sd_event_source *source, void *data)
{
        struct control_peer *peer = data;
        uint64_t until = UINT64_MAX;
        int events;
        int r;

        if (peer->gone)
                return 0;
        events = sd_bus_get_events(peer->bus);
        r = events < 0 ? events : sd_bus_get_timeout(peer->bus, &until);
        if (peer->again)
                until = 0; /* sd-bus may hold a message already that it read with the one before */
        if (r < 0) {
                control_peer_drop(peer, NULL); /* the client has left */
                return 0;
        }
        /* Sources of our own: cannot fail. */
        (void)sd_event_source_set_io_events(source, (uint32_t)events);
        (void)sd_event_source_set_time(peer->time, until);
        (void)sd_event_source_set_enabled(peer->time,
                                          until == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        return 0;
}

/* Bytes in the messages that wait, as far as the ring knows them. */
static size_t bytes_waiting(const struct control_peer *peer, uint64_t n)
{
        size_t bytes = 0;
        uint64_t i;

        for (i = 1; i <= n && i <= peer->n_sent && i <= CONTROL_QUEUE_MAX; i++)
                bytes += peer->sent[(peer->n_sent - i) % CONTROL_QUEUE_MAX];
        return bytes;
}

static bool is_too_slow(const struct control_peer *peer)
{
        uint64_t n = 0;

        return sd_bus_get_n_queued_write(peer->bus, &n) >= 0 &&
               (n > CONTROL_QUEUE_MAX || bytes_waiting(peer, n) > CONTROL_QUEUE_BYTES_MAX);
}

/* Counts what was sent, or what became of the attempt. */
static int note_sent(struct control_peer *peer, int r, size_t length)
{
        if (r < 0)
                return r;
        peer->sent[peer->n_sent++ % CONTROL_QUEUE_MAX] = (uint32_t)(length + MESSAGE_OVERHEAD);
        if (is_too_slow(peer))
                control_peer_drop(peer, "it does not read what is sent to it");
        return 0;
}

/* Sees every message before the methods do, also those that sd-bus answers by itself. */
static int on_message(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct control_peer *peer = data;

        (void)m;
        (void)error;
        peer->unread = 0;
        if (is_too_slow(peer))
                control_peer_drop(peer, "it does not read what is sent to it");
        return peer->gone; /* 1: nobody else gets it */
}

static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct control_peer *peer = data;

        (void)m;
        (void)error;
        control_peer_drop(peer, "the connection is lost");
        return 0;
}

static int serve(struct control_peer *peer)
{
        int r;

        r = sd_bus_add_object_vtable(peer->bus, NULL, CONTROL_PATH, CONTROL_INTERFACE,
                                     control_vtable, peer);
        if (r >= 0 && peer->is_system_bus)
                r = sd_bus_match_signal_async(peer->bus, NULL, "org.freedesktop.DBus.Local",
                                              "/org/freedesktop/DBus/Local",
                                              "org.freedesktop.DBus.Local", "Disconnected",
                                              on_disconnected, NULL, peer);
        if (r >= 0 && !peer->is_system_bus)
                r = sd_bus_add_filter(peer->bus, NULL, on_message, peer);
        return r < 0 ? r : 0;
}

static int drive(struct control_peer *peer)
{
        sd_event *event = peer->control->event;
        int r;

        r = sd_event_add_time(event, &peer->time, CLOCK_MONOTONIC, UINT64_MAX, 1, on_time, peer);
        if (r >= 0)
                r = sd_event_add_io(event, &peer->io, sd_bus_get_fd(peer->bus), EPOLLIN, on_io,
                                    peer);
        if (r >= 0)
                r = sd_event_source_set_prepare(peer->io, on_prepare);
        return r < 0 ? r : 0;
}

int control_peer_new(struct control *control, sd_bus *take_bus, bool is_system_bus,
                     struct control_peer **ret)
{
        CLEANUP(control_peer_freep) struct control_peer *peer = calloc(1, sizeof(*peer));
        int r;

        if (!peer) {
                (void)sd_bus_close_unref(take_bus);
                return -ENOMEM;
        }
        peer->control = control;
        peer->bus = take_bus;
        peer->is_system_bus = is_system_bus;
        peer->user.uid = (uid_t)-1;
        r = serve(peer);
        if (r >= 0)
                r = sd_bus_start(peer->bus);
        if (r >= 0)
                r = is_system_bus ? sd_bus_attach_event(peer->bus, control->event,
                                                        SD_EVENT_PRIORITY_NORMAL)
                                  : drive(peer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(peer);
        return 0;
}

struct control_peer *control_peer_free(struct control_peer *peer)
{
        if (!peer)
                return NULL;
        (void)sd_event_source_disable_unref(peer->io); /* first, while its descriptor is open */
        (void)sd_event_source_disable_unref(peer->time);
        (void)sd_bus_close_unref(peer->bus);
        control_user_done(&peer->user);
        free(peer);
        return NULL;
}

/* -------------------------------------------------------------------------------------- sending */

int control_peer_reply(struct control_peer *peer, sd_bus_message *m, const char *text)
{
        int r = text ? sd_bus_reply_method_return(m, "s", text)
                     : sd_bus_reply_method_return(m, NULL);

        return note_sent(peer, r, text ? strlen(text) : 0);
}

static const char *error_name(int r)
{
        switch (r) {
        case -ENOENT:
                return CONTROL_ERROR_NOT_FOUND;
        case -EBUSY:
                return CONTROL_ERROR_BUSY;
        case -EBADMSG:
                return CONTROL_ERROR_INVALID;
        case -EACCES:
                return SD_BUS_ERROR_ACCESS_DENIED;
        case -EINVAL:
                return SD_BUS_ERROR_INVALID_ARGS;
        case -ENOBUFS:
        case -E2BIG:
                return SD_BUS_ERROR_LIMITS_EXCEEDED;
        case -ENOMEM:
                return SD_BUS_ERROR_NO_MEMORY;
        default:
                return CONTROL_ERROR_FAILED;
        }
}

int control_peer_refuse(struct control_peer *peer, sd_bus_message *m, int r, const char *text)
{
        if (!text || !*text)
                text = strerror(-r);
        return note_sent(peer, sd_bus_reply_method_errorf(m, error_name(r), "%s", text),
                         strlen(text));
}

int control_peer_signal(struct control_peer *peer, const char *destination, const char *member,
                        const char *first, const char *json)
{
        sd_bus_message *m = NULL;
        int r;

        if (peer->gone)
                return 0;
        r = sd_bus_message_new_signal(peer->bus, &m, CONTROL_PATH, CONTROL_INTERFACE, member);
        if (r >= 0 && destination)
                r = sd_bus_message_set_destination(m, destination);
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", first, json);
        if (r >= 0)
                r = sd_bus_send(peer->bus, m, NULL);
        (void)sd_bus_message_unref(m);
        return note_sent(peer, r, strlen(json));
}
