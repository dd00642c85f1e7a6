/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/watchdog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The time of the present wake-up of the loop, which costs no system call. */
static uint64_t now_usec(const struct watchdog *w)
{
        uint64_t usec = 0;

        (void)sd_event_now(w->event, CLOCK_MONOTONIC, &usec); /* cannot fail with this clock */
        return usec;
}

void watchdog_init(struct watchdog *watchdog, sd_event *event, watchdog_fn fn, void *data)
{
        *watchdog = (struct watchdog){ .event = event, .fn = fn, .data = data };
}

void watchdog_done(struct watchdog *watchdog)
{
        watchdog->timer = sd_event_source_disable_unref(watchdog->timer);
        watchdog->n_entries = 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data);

static int arm(struct watchdog *w, uint64_t usec)
{
        int r;

        if (w->armed_usec != 0 && w->armed_usec <= usec)
                return 0;
        if (!w->timer) {
                r = sd_event_add_time(w->event, &w->timer, CLOCK_MONOTONIC, usec, 0, on_timer, w);
        } else {
                r = sd_event_source_set_time(w->timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                return r;
        w->armed_usec = usec;
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
        struct watchdog *w = data;
        const struct watchdog_entry *first = NULL;
        size_t i;

        (void)source;
        (void)usec;

        w->armed_usec = 0;
        for (i = 0; i < w->n_entries; i++)
                if (!first || w->entries[i].deadline_usec < first->deadline_usec)
                        first = &w->entries[i];
        /* Without memory for the timer a process that hangs goes unnoticed until the next
         * request. */
        if (first && first->deadline_usec > now_usec(w))
                (void)arm(w, first->deadline_usec);
        else
                w->fn(w->data, first);
        return 0;
}

int watchdog_expect(struct watchdog *watchdog, enum instance_call call, const char *activity,
                    uint64_t within_usec)
{
        struct watchdog_entry *entry = &watchdog->entries[watchdog->n_entries];

        if (watchdog->n_entries == WATCHDOG_MAX)
                return -ENOBUFS;
        entry->call = call;
        entry->deadline_usec = now_usec(watchdog) + within_usec;
        (void)snprintf(entry->activity, sizeof(entry->activity), "%s", activity);
        watchdog->n_entries++;
        return arm(watchdog, entry->deadline_usec);
}

bool watchdog_answered(struct watchdog *watchdog, enum instance_call call, const char *activity)
{
        struct watchdog_entry *entry = watchdog->entries;
        const struct watchdog_entry *end = entry + watchdog->n_entries;

        while (entry < end && (entry->call != call || strcmp(entry->activity, activity) != 0))
                entry++;
        if (entry == end)
                return false;
        memmove(entry, entry + 1, (size_t)(end - entry - 1) * sizeof(*entry));
        watchdog->n_entries--;
        return true;
}

void watchdog_forgive(struct watchdog *watchdog)
{
        size_t i;

        for (i = 0; i < watchdog->n_entries; i++)
                watchdog->entries[i].deadline_usec = UINT64_MAX;
}

void watchdog_clear(struct watchdog *watchdog)
{
        watchdog->n_entries = 0;
}

int watchdog_look(struct watchdog *watchdog, uint64_t within_usec)
{
        return arm(watchdog, now_usec(watchdog) + within_usec);
}
