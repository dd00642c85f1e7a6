/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/subscriptions.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "host/util/cleanup.h"
#include "host/util/topic.h"

struct subscription {
        TAILQ_ENTRY(subscription) link;
        uint64_t id;
        char *filter;
        bool wild; /* the filter has wildcards; else it is the name of one topic */
        int qos;
        subscription_fn fn;
        void *data;
        bool gone; /* unsubscribed, but still in the server's books */
        bool ask;  /* new: the server is asked, if only to send what it has retained */
        int asked; /* -1: not asked for; else the QoS that the server was asked for by this entry */
};

TAILQ_HEAD(list, subscription);

struct subscriptions {
        struct list list;
        size_t n;
        size_t max;
        uint64_t last_id;
        bool changed; /* since the server was told of everything */
        bool *freed; /* while a message is handed out: to be set by subscriptions_free() */
};

static void subscription_free(struct subscription *s)
{
        if (!s)
                return;
        free(s->filter);
        free(s);
}

static inline void subscription_freep(struct subscription **s)
{
        subscription_free(*s);
}

int subscriptions_new(size_t max, struct subscriptions **ret)
{
        struct subscriptions *subscriptions = calloc(1, sizeof(*subscriptions));

        if (!subscriptions)
                return -ENOMEM;
        TAILQ_INIT(&subscriptions->list);
        subscriptions->max = max;
        *ret = subscriptions;
        return 0;
}

struct subscriptions *subscriptions_free(struct subscriptions *subscriptions)
{
        struct subscription *s;

        if (!subscriptions)
                return NULL;
        if (subscriptions->freed)
                *subscriptions->freed = true;
        while ((s = TAILQ_FIRST(&subscriptions->list))) {
                TAILQ_REMOVE(&subscriptions->list, s, link);
                subscription_free(s);
        }
        free(subscriptions);
        return NULL;
}

int subscriptions_add(struct subscriptions *subscriptions, const char *filter, int qos,
                      subscription_fn fn, void *data, uint64_t *ret_id)
{
        CLEANUP(subscription_freep) struct subscription *s = NULL;

        if (!topic_is_filter(filter) || qos < 0 || qos > 2)
                return -EINVAL;
        if (subscriptions->n == subscriptions->max)
                return -E2BIG;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->filter = strdup(filter);
        if (!s->filter)
                return -ENOMEM;
        s->wild = strpbrk(filter, "+#") != NULL;
        s->qos = qos;
        s->fn = fn;
        s->data = data;
        s->ask = true;
        s->asked = -1;
        s->id = ++subscriptions->last_id;
        subscriptions->n++;
        subscriptions->changed = true;
        *ret_id = s->id;
        TAILQ_INSERT_TAIL(&subscriptions->list, s, link);
        s = NULL;
        return 0;
}

/* topic_filter_covers(), quick for the many filters that are names: each pair of them is compared. */
static bool covers(const struct subscription *s, const char *asked)
{
        return s->wild ? topic_filter_covers(s->filter, asked) : strcmp(s->filter, asked) == 0;
}

/* Equal filters are one subscription to the server, and one entry keeps the books for all of them.
 * */
static void pass_books_on(struct subscriptions *subscriptions, struct subscription *from)
{
        struct subscription *other;

        TAILQ_FOREACH(other, &subscriptions->list, link)
                if (!other->gone && strcmp(other->filter, from->filter) == 0) {
                        if (from->asked >= 0)
                                other->asked = from->asked;
                        from->asked = -1;
                        return;
                }
}

int subscriptions_remove(struct subscriptions *subscriptions, uint64_t id)
{
        struct subscription *s;

        TAILQ_FOREACH(s, &subscriptions->list, link)
                if (s->id == id && !s->gone) {
                        /* The entry itself stays for who is walking over the list, and until the
                         * server has been told. */
                        s->gone = true;
                        subscriptions->n--;
                        subscriptions->changed = true;
                        pass_books_on(subscriptions, s);
                        return 0;
                }
        return -ENOENT;
}

int subscriptions_deliver(struct subscriptions *subscriptions, const struct mqtt_message *message)
{
        uint64_t last = subscriptions->last_id;
        bool freed = false;
        struct subscription *s;
        int n = 0;

        subscriptions->freed = &freed;
        TAILQ_FOREACH(s, &subscriptions->list, link) {
                if (s->id > last)
                        break;
                if (s->gone || !covers(s, message->topic))
                        continue;
                n++;
                s->fn(s->data, message);
                if (freed)
                        return -ECANCELED;
        }
        subscriptions->freed = NULL;
        return n;
}

/* --------------------------------------------------------------------------- the server's books */

/* Is the server asked for this one by way of another entry?  Of equal filters the first one asks.
 * */
static bool is_covered(const struct subscriptions *subscriptions, const struct subscription *s)
{
        const struct subscription *other;
        bool before = true;

        TAILQ_FOREACH(other, &subscriptions->list, link) {
                if (other == s) {
                        before = false;
                        continue;
                }
                if (other->gone || !covers(other, s->filter))
                        continue;
                if (before || !covers(s, other->filter))
                        return true;
        }
        return false;
}

/* What this entry must ask for on behalf of all below it; *ret_ask: one of them is new. */
static int wanted_qos(const struct subscriptions *subscriptions, const struct subscription *s,
                      bool *ret_ask)
{
        const struct subscription *other;
        int qos = 0;

        *ret_ask = false;
        TAILQ_FOREACH(other, &subscriptions->list, link) {
                if (other->gone || !covers(s, other->filter))
                        continue;
                qos = other->qos > qos ? other->qos : qos;
                *ret_ask = *ret_ask || other->ask;
        }
        return qos;
}

static void mark_asked(struct subscriptions *subscriptions, const struct subscription *s)
{
        struct subscription *other;

        TAILQ_FOREACH(other, &subscriptions->list, link) {
                if (covers(s, other->filter))
                        other->ask = false;
                if (other != s && strcmp(s->filter, other->filter) == 0)
                        other->asked = -1;
        }
}

static int tell_subscribe(struct subscriptions *subscriptions, subscription_change_fn fn,
                          void *data)
{
        struct subscription *s;

        TAILQ_FOREACH(s, &subscriptions->list, link) {
                bool ask;
                int qos;
                int r;

                if (s->gone || is_covered(subscriptions, s))
                        continue;
                qos = wanted_qos(subscriptions, s, &ask);
                if (!ask && qos == s->asked)
                        continue;
                r = fn(data, s->filter, qos, true);
                if (r < 0)
                        return r;
                mark_asked(subscriptions, s);
                s->asked = qos;
        }
        return 0;
}

static int tell_unsubscribe(struct subscriptions *subscriptions, subscription_change_fn fn,
                            void *data)
{
        struct subscription *s;

        TAILQ_FOREACH(s, &subscriptions->list, link) {
                int r;

                if (s->asked < 0 || !(s->gone || is_covered(subscriptions, s)))
                        continue;
                r = fn(data, s->filter, 0, false);
                if (r < 0)
                        return r;
                s->asked = -1;
        }
        return 0;
}

static void sweep(struct subscriptions *subscriptions)
{
        struct subscription *next;

        for (struct subscription *s = TAILQ_FIRST(&subscriptions->list); s; s = next) {
                next = TAILQ_NEXT(s, link);
                if (!s->gone)
                        continue;
                TAILQ_REMOVE(&subscriptions->list, s, link);
                subscription_free(s);
        }
}

int subscriptions_tell(struct subscriptions *subscriptions, subscription_change_fn fn, void *data)
{
        int r;

        assert(!subscriptions->freed);
        if (!subscriptions->changed)
                return 0;
        r = tell_subscribe(subscriptions, fn, data);
        if (r >= 0)
                r = tell_unsubscribe(subscriptions, fn, data);
        if (r < 0)
                return r;
        sweep(subscriptions);
        subscriptions->changed = false;
        return 0;
}

void subscriptions_forget_server(struct subscriptions *subscriptions)
{
        struct subscription *s;

        subscriptions->changed = true;
        TAILQ_FOREACH(s, &subscriptions->list, link) {
                s->ask = !s->gone;
                s->asked = -1;
        }
}
