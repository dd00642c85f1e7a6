/* SPDX-License-Identifier: Apache-2.0
 *
 * watchdog - which signs of life of an isolated plugin are due, and until when
 *
 * Each request, the start, the stop and each ping is entered with the time by which it must be
 * answered.  One timer watches the earliest.  It stays armed when the answer comes in time, so that
 * the common case costs no system call; it then fires once, finds nothing, and says so.
 *
 * The clock is CLOCK_MONOTONIC, which does not count suspend: a device that has slept for an hour
 * has not hung for an hour. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/plugin/abi.h"
#include "host/plugin/instance.h"

enum { WATCHDOG_MAX = 64 };

struct watchdog_entry {
        enum instance_call call;
        uint64_t deadline_usec;
        char activity[UB_MAX_ID + 1];
};

/* From the loop.  overdue: the entry whose time has passed; it stays.  NULL: nothing is due, nor
 * was for a while. */
typedef void (*watchdog_fn)(void *data, const struct watchdog_entry *overdue);

struct watchdog {
        sd_event *event; /* borrowed */
        watchdog_fn fn;
        void *data;
        sd_event_source *timer;
        uint64_t armed_usec; /* 0: not armed */
        size_t n_entries;
        struct watchdog_entry entries[WATCHDOG_MAX]; /* the oldest first */
};

void watchdog_init(struct watchdog *watchdog, sd_event *event, watchdog_fn fn, void *data);
void watchdog_done(struct watchdog *watchdog);

/* Enters one.  activity: "" where there is none.  -ENOBUFS: WATCHDOG_MAX are due. */
int watchdog_expect(struct watchdog *watchdog, enum instance_call call, const char *activity,
                    uint64_t within_usec);

/* The answer has come: removes the oldest entry that fits.  False: there is none. */
bool watchdog_answered(struct watchdog *watchdog, enum instance_call call, const char *activity);

/* What is due may take as long as it likes, and is still an answer when it comes. */
void watchdog_forgive(struct watchdog *watchdog);

/* Nothing is due any more. */
void watchdog_clear(struct watchdog *watchdog);

/* Calls fn within this time, even if nothing is due. */
int watchdog_look(struct watchdog *watchdog, uint64_t within_usec);
