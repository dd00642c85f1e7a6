/* SPDX-License-Identifier: Apache-2.0
 *
 * timers - the orchestrator's timers, on the loop
 *
 * A table with a place for each kind and slot: a desired state with many domains arms two of them
 * with each message, so neither is searched for nor made anew while it is armed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/util/time.h"

/* An expiry may be this late when that saves a wake-up. */
#define SLACK_MAX_USEC (100 * USEC_PER_MSEC)

enum { KINDS = TIMER_LIMIT + 1 };

struct broker_timer {
        struct broker *broker;
        struct timer timer;
        sd_event_source *source;
};

static size_t place_of(const struct timer *timer)
{
        return (size_t)timer->slot * KINDS + timer->kind;
}

static void drop(struct broker *b, size_t place)
{
        struct broker_timer *t = place < b->n_timers ? b->timers[place] : NULL;

        if (!t)
                return;
        b->timers[place] = NULL;
        (void)sd_event_source_disable_unref(t->source);
        free(t);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
        struct broker_timer *t = data;
        struct broker *b = t->broker;
        const struct event event = { .kind = EVENT_TIMER, .timer = t->timer };

        (void)source;
        (void)usec;
        drop(b, place_of(&event.timer));
        broker_give(b, &event);
        return 0;
}

static int grow(struct broker *b, size_t place)
{
        size_t n = place + KINDS;
        struct broker_timer **timers;

        if (place < b->n_timers)
                return 0;
        timers = reallocarray(b->timers, n, sizeof(*timers));
        if (!timers)
                return -ENOMEM;
        memset(timers + b->n_timers, 0, (n - b->n_timers) * sizeof(*timers));
        b->timers = timers;
        b->n_timers = n;
        return 0;
}

static int add(struct broker *b, size_t place, uint64_t usec)
{
        uint64_t slack = usec / 10 < SLACK_MAX_USEC ? usec / 10 : SLACK_MAX_USEC;
        struct broker_timer *t;
        int r;

        r = grow(b, place);
        if (r < 0)
                return r;
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->broker = b;
        r = sd_event_add_time_relative(b->event, &t->source, CLOCK_BOOTTIME, usec, slack + 1,
                                       on_timer, t);
        if (r < 0)
                free(t);
        else
                b->timers[place] = t;
        return r;
}

void timers_arm(struct broker *b, const struct timer *timer, uint64_t usec)
{
        size_t place = place_of(timer);
        struct broker_timer *t = place < b->n_timers ? b->timers[place] : NULL;
        int r;

        r = t ? sd_event_source_set_time_relative(t->source, usec) : add(b, place, usec);
        if (r < 0)
                log_error(b->log, NULL, "a time limit (%s) is not kept: %s",
                          timer_kind_to_string(timer->kind), strerror(-r));
        else
                b->timers[place]->timer = *timer;
}

void timers_disarm(struct broker *b, const struct timer *timer)
{
        drop(b, place_of(timer));
}

void timers_done(struct broker *b)
{
        size_t i;

        for (i = 0; i < b->n_timers; i++)
                drop(b, i);
        free(b->timers);
        b->timers = NULL;
        b->n_timers = 0;
}
