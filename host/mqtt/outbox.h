/* SPDX-License-Identifier: Apache-2.0
 *
 * outbox - messages on their way to the server
 *
 * A message stays here from the moment somebody wants it sent until the server has acknowledged it,
 * so that losing the connection loses nothing: outbox_rewind() makes everything that was in flight
 * wait again, in the old order.  Messages leave in the order in which they came, and at most
 * OUTBOX_IN_FLIGHT_MAX are out at a time.
 *
 * Number and bytes are limited.  What makes room for what, when the server is away for long:
 *
 *     rank        when the outbox is full, room is made by     itself dropped for
 *     TERMINAL    dropping PROGRESS, INVENTORY, ORDINARY       nothing, ever
 *     ORDINARY    dropping PROGRESS                            TERMINAL
 *     INVENTORY   dropping PROGRESS                            TERMINAL; a newer one on its topic
 *     PROGRESS    dropping PROGRESS                            everything; a newer one on its topic
 *
 * always the oldest first, and never what is in flight.  Where that is not enough the message is
 * refused.  The journal above keeps what an outbox full of terminal messages refuses.
 *
 * Every message taken is answered for exactly once by outbox_pop_finished(), whatever becomes of
 * it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox;

enum outbox_rank {
        OUTBOX_TERMINAL,  /* how an activity ended */
        OUTBOX_ORDINARY,  /* commands, questions, requests */
        OUTBOX_INVENTORY, /* a state; only the newest one on its topic matters */
        OUTBOX_PROGRESS,  /* the next one says the same and more */
};

enum {
        OUTBOX_IN_FLIGHT_MAX = 16,
        OUTBOX_OVERHEAD = 128, /* bytes that a message counts in addition to topic and payload */
};

struct outbox_message {
        const char *topic;
        const void *payload;
        size_t length;
        int qos;
        bool retain;
        enum outbox_rank rank;
};

int outbox_new(size_t max_messages, size_t max_bytes, struct outbox **ret);
/* Takes NULL. */
struct outbox *outbox_free(struct outbox *outbox);

/* Takes a copy.  *ret_id is never 0 and never comes twice.  -ENOBUFS: no room, as above.  -ENOMEM.
 * */
int outbox_put(struct outbox *outbox, const struct outbox_message *message, uint64_t *ret_id);

/* The message to send next, borrowed until the next call with this outbox; false when none is
 * waiting, or enough are in flight. */
bool outbox_next(const struct outbox *outbox, uint64_t *ret_id, struct outbox_message *ret);
/* It is on its way, with that number of the connection's. */
void outbox_sent(struct outbox *outbox, uint64_t id, int mid);
/* It cannot be sent, for a reason that will not pass. */
void outbox_fail(struct outbox *outbox, uint64_t id, int r);
/* The server has answered, with r.  A number that is not in flight is ignored. */
void outbox_answered(struct outbox *outbox, int mid, int r);
/* The connection is lost: what was in flight waits again. */
void outbox_rewind(struct outbox *outbox);

/* A message that is done with.  *ret_r: 0 when the server has it; -ENOBUFS: dropped to make room;
 * -ESTALE: a newer one took its place; else as said to outbox_fail() or outbox_answered(). */
bool outbox_pop_finished(struct outbox *outbox, uint64_t *ret_id, int *ret_r);
bool outbox_has_finished(const struct outbox *outbox);

/* What is not done with: waiting or in flight. */
size_t outbox_count(const struct outbox *outbox);
size_t outbox_bytes(const struct outbox *outbox);
