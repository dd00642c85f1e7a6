/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "host/util/cleanup.h"

struct entry {
        TAILQ_ENTRY(entry) link;
        uint64_t id;
        int mid;        /* in flight: the connection's number */
        bool in_flight;
        int r;          /* finished: how */
        size_t bytes;   /* what it counts */
        struct outbox_message message; /* topic and payload are in `text` */
        char text[];
};

TAILQ_HEAD(entries, entry);

struct outbox {
        size_t max_messages;
        size_t max_bytes;
        uint64_t last_id;
        size_t n;
        size_t n_in_flight;
        size_t bytes;
        struct entries live;     /* oldest first; those in flight are the first ones */
        struct entries finished;
};

int outbox_new(size_t max_messages, size_t max_bytes, struct outbox **ret)
{
        struct outbox *outbox = calloc(1, sizeof(*outbox));

        if (!outbox)
                return -ENOMEM;
        outbox->max_messages = max_messages;
        outbox->max_bytes = max_bytes;
        TAILQ_INIT(&outbox->live);
        TAILQ_INIT(&outbox->finished);
        *ret = outbox;
        return 0;
}

static void free_all(struct entries *entries)
{
        struct entry *entry;

        while ((entry = TAILQ_FIRST(entries))) {
                TAILQ_REMOVE(entries, entry, link);
                free(entry);
        }
}

struct outbox *outbox_free(struct outbox *outbox)
{
        if (!outbox)
                return NULL;
        free_all(&outbox->live);
        free_all(&outbox->finished);
        free(outbox);
        return NULL;
}

static void finish(struct outbox *outbox, struct entry *entry, int r)
{
        TAILQ_REMOVE(&outbox->live, entry, link);
        outbox->n--;
        outbox->bytes -= entry->bytes;
        if (entry->in_flight)
                outbox->n_in_flight--;
        entry->r = r;
        TAILQ_INSERT_TAIL(&outbox->finished, entry, link);
}

/* ----------------------------------------------------------------------------------------- room */

/* False also for what would never fit. */
static bool fits(const struct outbox *outbox, size_t bytes)
{
        return outbox->n < outbox->max_messages && bytes <= outbox->max_bytes &&
               outbox->bytes <= outbox->max_bytes - bytes;
}

/* Drops waiting messages of a rank, oldest first, until there is room. */
static bool make_room(struct outbox *outbox, enum outbox_rank rank, size_t bytes)
{
        struct entry *next;

        for (struct entry *entry = TAILQ_FIRST(&outbox->live); entry; entry = next) {
                if (fits(outbox, bytes))
                        return true;
                next = TAILQ_NEXT(entry, link);
                if (!entry->in_flight && entry->message.rank == rank)
                        finish(outbox, entry, -ENOBUFS);
        }
        return fits(outbox, bytes);
}

/* Would it fit when all that may be dropped for it were dropped?  Asked first, so that nothing is
 * dropped for a message that is then refused all the same. */
static bool could_fit(const struct outbox *outbox, enum outbox_rank rank, size_t bytes)
{
        const struct entry *entry;
        size_t n = 0;
        size_t kept = 0;

        TAILQ_FOREACH(entry, &outbox->live, link) {
                bool stays = rank == OUTBOX_TERMINAL ? entry->message.rank == OUTBOX_TERMINAL :
                                                       entry->message.rank != OUTBOX_PROGRESS;

                if (entry->in_flight || stays) {
                        n++;
                        kept += entry->bytes;
                }
        }
        return n < outbox->max_messages && bytes <= outbox->max_bytes &&
               kept <= outbox->max_bytes - bytes;
}

static bool ensure_room(struct outbox *outbox, enum outbox_rank rank, size_t bytes)
{
        if (fits(outbox, bytes))
                return true;
        if (!could_fit(outbox, rank, bytes))
                return false;
        if (make_room(outbox, OUTBOX_PROGRESS, bytes))
                return true;
        return rank == OUTBOX_TERMINAL && (make_room(outbox, OUTBOX_INVENTORY, bytes) ||
                                           make_room(outbox, OUTBOX_ORDINARY, bytes));
}

/* ----------------------------------------------------------------------------------- putting in */

/* The waiting inventory, or progress, that a newer one replaces. */
static struct entry *find_stale(struct outbox *outbox, const struct outbox_message *message)
{
        struct entry *entry;

        if (message->rank != OUTBOX_INVENTORY && message->rank != OUTBOX_PROGRESS)
                return NULL;
        TAILQ_FOREACH(entry, &outbox->live, link)
                if (!entry->in_flight && entry->message.rank == message->rank &&
                    strcmp(entry->message.topic, message->topic) == 0)
                        return entry;
        return NULL;
}

static int entry_new(const struct outbox_message *message, struct entry **ret)
{
        size_t topic_size = strlen(message->topic) + 1;
        struct entry *entry;
        size_t size;

        if (__builtin_add_overflow(sizeof(*entry) + topic_size, message->length, &size))
                return -ENOBUFS;
        entry = calloc(1, size);
        if (!entry)
                return -ENOMEM;
        entry->message = *message;
        memcpy(entry->text, message->topic, topic_size);
        entry->message.topic = entry->text;
        if (message->length > 0)
                memcpy(entry->text + topic_size, message->payload, message->length);
        entry->message.payload = entry->text + topic_size;
        entry->bytes = OUTBOX_OVERHEAD + topic_size + message->length;
        *ret = entry;
        return 0;
}

int outbox_put(struct outbox *outbox, const struct outbox_message *message, uint64_t *ret_id)
{
        CLEANUP_FREE struct entry *entry = NULL;
        struct entry *stale;
        int r;

        r = entry_new(message, &entry);
        if (r < 0)
                return r;
        stale = find_stale(outbox, message);
        if (stale) {
                /* It goes even when the newer one is then refused: a state that is no longer true
                 * is not worth sending. */
                finish(outbox, stale, -ESTALE);
        }
        if (!ensure_room(outbox, message->rank, entry->bytes))
                return -ENOBUFS;

        entry->id = ++outbox->last_id;
        outbox->n++;
        outbox->bytes += entry->bytes;
        TAILQ_INSERT_TAIL(&outbox->live, entry, link);
        *ret_id = entry->id;
        entry = NULL;
        return 0;
}

/* -------------------------------------------------------------------------------------- sending */

bool outbox_next(const struct outbox *outbox, uint64_t *ret_id, struct outbox_message *ret)
{
        const struct entry *entry;

        if (outbox->n_in_flight == OUTBOX_IN_FLIGHT_MAX)
                return false;
        TAILQ_FOREACH(entry, &outbox->live, link) {
                if (entry->in_flight)
                        continue;
                *ret_id = entry->id;
                *ret = entry->message;
                return true;
        }
        return false;
}

/* Those in flight, and the one that will be next, are at the beginning. */
static struct entry *find(struct outbox *outbox, uint64_t id)
{
        struct entry *entry;

        TAILQ_FOREACH(entry, &outbox->live, link)
                if (entry->id == id)
                        break;
        return entry;
}

void outbox_sent(struct outbox *outbox, uint64_t id, int mid)
{
        struct entry *entry = find(outbox, id);

        assert(entry && !entry->in_flight);
        entry->in_flight = true;
        entry->mid = mid;
        outbox->n_in_flight++;
}

void outbox_fail(struct outbox *outbox, uint64_t id, int r)
{
        struct entry *entry = find(outbox, id);

        assert(entry && !entry->in_flight);
        finish(outbox, entry, r);
}

void outbox_answered(struct outbox *outbox, int mid, int r)
{
        struct entry *entry;

        TAILQ_FOREACH(entry, &outbox->live, link) {
                if (!entry->in_flight)
                        return;
                if (entry->mid == mid) {
                        finish(outbox, entry, r);
                        return;
                }
        }
}

void outbox_rewind(struct outbox *outbox)
{
        struct entry *entry;

        TAILQ_FOREACH(entry, &outbox->live, link)
                entry->in_flight = false;
        outbox->n_in_flight = 0;
}

/* ------------------------------------------------------------------------------------- finished */

bool outbox_pop_finished(struct outbox *outbox, uint64_t *ret_id, int *ret_r)
{
        struct entry *entry = TAILQ_FIRST(&outbox->finished);

        if (!entry)
                return false;
        TAILQ_REMOVE(&outbox->finished, entry, link);
        *ret_id = entry->id;
        *ret_r = entry->r;
        free(entry);
        return true;
}

bool outbox_has_finished(const struct outbox *outbox)
{
        return !TAILQ_EMPTY(&outbox->finished);
}

size_t outbox_count(const struct outbox *outbox)
{
        return outbox->n;
}

size_t outbox_bytes(const struct outbox *outbox)
{
        return outbox->bytes;
}
