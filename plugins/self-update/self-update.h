/* SPDX-License-Identifier: Apache-2.0
 *
 * self-update - an instance of the self-update agent, as its files share it
 *
 *     self-update.c   the tables of the plugin: what the host asks becomes an event
 *     carry.c         carries the machine's effects out; what comes of them becomes an event
 *     machine*.c      decides; pure.  machine.h lists its files
 *     effect.c        what the machine wants done
 *     record.c        what is kept
 *     message.c       the words of the feedback
 *     policy.c        may this update be done at all?
 *     signers.c       may this one ask for it?
 *     verdict.c       what has become of an activated slot
 *     slots.c         what RAUC tells of the device
 *     rauc*.c         the D-Bus client.  rauc-internal.h lists its files
 *     fetch.c         the download
 *     reading.c       is on a slot what was written to it?
 *     reader.c        reads it there
 *     thread.c        ... on a thread that may hang, as a broken device or stick may have it
 *     health.c        is what has booted well?
 *     watch.c         bundles on a USB stick
 *     inventory.c     the report of what is installed
 *     settings*.c     the registration's settings, and their schema
 *     calendar.h      dates behind 2038
 *
 * Everything runs on the loop thread but what thread.c starts.  All that decides is pure, and a
 * library of its own (local.mk), so that tests drive it without a bus and a clock. */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/plugin.h>

#include "plugins/self-update/machine.h"
#include "plugins/self-update/settings.h"

enum { TIMERS_MAX = 16, SYNC_KEY_MAX = 16, FOUND_MAX = 16 };

struct fetch;
struct health;
struct rauc;
struct reader;
struct self_update;
struct signers;
struct watch;

struct timer {
        struct self_update *self; /* NULL: free */
        uint64_t serial; /* of the effect that has started it */
        struct ub_source *source;
};

struct self_update {
        const struct ub_host *host;
        struct settings settings;
        struct machine machine;
        struct signers *signers; /* NULL: the settings name no keys */

        struct rauc *rauc;
        struct fetch *fetch;
        struct health *health;
        struct reader *reader;
        struct watch *watch;
        struct timer timers[TIMERS_MAX];

        char found[FOUND_MAX][SETTINGS_PATH_MAX]; /* bundles that RAUC is asked about */
        uint64_t health_serial; /* of the last effect of each kind; there is one at a time */
        uint64_t fetch_serial;
        uint64_t read_serial;
        unsigned n_syncs; /* effects wait for them ... */
        struct ub_source *later; /* ... and for the call of the host to return */
        bool carrying; /* further down the stack */
        bool running;  /* between start and stop; nothing is done outside */
};

/* carry.c */
int carry_start(struct self_update *self);
void carry_stop(struct self_update *self);
/* Hands an event to the machine and carries out what it wants. */
void carry_give(struct self_update *self, struct event *event);
/* The same for a request of the host: nothing is said before its call has returned. */
int carry_request(struct self_update *self, struct event *event);
