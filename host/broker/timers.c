/* SPDX-License-Identifier: Apache-2.0
 *
 * timers - the orchestrator's timers, on the loop */
#include <stdlib.h>

#include "host/broker/inside.h"
#include "host/util/time.h"

/* An expiry may be this late when that saves a wake-up. */
#define SLACK_MAX_USEC (100 * USEC_PER_MSEC)

struct broker_timer {
        struct broker_timer *next;
        struct broker *broker;
        struct timer timer;
        sd_event_source *source;
};

static void drop(struct broker *b, const struct timer *timer)
{
        struct broker_timer **p = &b->timers;

        for (; *p; p = &(*p)->next) {
                struct broker_timer *t = *p;

                if (t->timer.kind != timer->kind || t->timer.slot != timer->slot)
                        continue;
                *p = t->next;
                (void)sd_event_source_disable_unref(t->source);
                free(t);
                return;
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
        struct broker_timer *t = data;
        struct broker *b = t->broker;
        const struct event event = { .kind = EVENT_TIMER, .timer = t->timer };

        (void)source;
        (void)usec;
        drop(b, &event.timer);
        broker_give(b, &event);
        return 0;
}

void timers_arm(struct broker *b, const struct timer *timer, uint64_t usec)
{
        uint64_t slack = usec / 10 < SLACK_MAX_USEC ? usec / 10 : SLACK_MAX_USEC;
        struct broker_timer *t;

        drop(b, timer);
        t = calloc(1, sizeof(*t));
        if (t) {
                t->broker = b;
                t->timer = *timer;
                if (sd_event_add_time_relative(b->event, &t->source, CLOCK_BOOTTIME, usec,
                                               slack + 1, on_timer, t) >= 0) {
                        t->next = b->timers;
                        b->timers = t;
                        return;
                }
        }
        free(t);
        log_error(b->log, NULL, "out of memory: a time limit (%s) is not kept",
                  timer_kind_to_string(timer->kind));
}

void timers_disarm(struct broker *b, const struct timer *timer)
{
        drop(b, timer);
}

void timers_done(struct broker *b)
{
        while (b->timers) {
                const struct timer timer = b->timers->timer;

                drop(b, &timer);
        }
}
