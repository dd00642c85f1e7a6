/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - shows the progress of an activity until it ends, also over a restart of the daemon
 *
 * What is wrong has been said on stderr when a function returns. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "host/util/time.h"

struct ctl;
struct progress;

/* How long a daemon that has ended may be away: a device that boots comes back by then, or not
 * with this ubctl. */
#define WATCH_AWAY_USEC (5 * USEC_PER_MINUTE)

struct watch {
        const struct ctl *ctl;
        sd_event *event;
        sd_bus *bus;
        sd_event_source *again; /* timer: is the daemon back? */
        uint64_t lost_usec;     /* since when it is not there; 0: it is */
        struct progress *progress;
        char *activity; /* NULL: all of them, without end */
};

/* Connects and subscribes; watch has ctl and nothing else. */
int watch_begin(struct watch *watch);
/* Returns the exit status that the outcome means. */
int watch_run(struct watch *watch);
void watch_done(struct watch *watch);
