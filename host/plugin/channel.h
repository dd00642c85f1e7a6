/* SPDX-License-Identifier: Apache-2.0
 *
 * channel - one end of the stream between the daemon and ub-agent-host, on an event loop
 *
 * Sending queues, and writes at once what the socket takes; the rest goes out as the peer reads.
 * The queue has a limit, and whoever meets it decides what that means.  Receiving gives whole
 * frames, in order, from the loop; what one read brought is handed on together, some 4 KiB or one
 * large frame, and then it is the turn of other sources.
 *
 * The first frame each way is a `hello` with the version of the frames.  The channel sends and
 * checks it.
 *
 * Both buffers are given back when they are empty: an idle channel holds next to nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "host/plugin/frame.h"

struct channel;

enum {
        CHANNEL_QUEUE_MAX = 4 * 1024 * 1024, /* bytes that wait for the peer to read */
};

/* Either may free the channel.  Nothing comes from inside the functions below. */
struct channel_events {
        /* frame is borrowed until the handler returns; never a hello. */
        void (*frame)(void *data, const struct frame *frame);
        /* The last event.  r 0: the peer closed its end; a negative errno: the stream is broken or
         * not one of frames, text says how. */
        void (*closed)(void *data, int r, const char *text);
};

/* Takes fd, a nonblocking SOCK_STREAM socket, also on failure.  event and events outlive the
 * channel. */
int channel_new(sd_event *event, int take_fd, const struct channel_events *events, void *data,
                struct channel **ret);
/* Closes the socket; what is queued is lost.  Takes NULL. */
struct channel *channel_free(struct channel *channel);

/* 0: queued.  -E2BIG: a field is over its limit.  -ENOBUFS: the queue is full.  -ENOMEM. */
int channel_send(struct channel *channel, const struct frame *frame);

/* Bytes that wait for the peer to read. */
size_t channel_queued(const struct channel *channel);

/* Stops and resumes reading; the peer's frames wait in the socket and then with the peer.  The end
 * of the stream ends a pause. */
void channel_pause(struct channel *channel, bool pause);
