/* SPDX-License-Identifier: Apache-2.0
 *
 * effect - what the machine wants done, in order
 *
 * The machine never does anything itself: it appends effects to a list, and its owner carries them
 * out.  Order is part of the meaning.  EFFECT_STORE is a barrier: nothing behind it happens before
 * the record is on disk, so that what was told to the outside is never more than what a power
 * failure leaves behind.
 *
 * An effect that has an outcome has a serial number, and its event carries that number back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum effect_kind {
        EFFECT_LOG = 1,      /* a: text; number: UB_LOG_* */
        EFFECT_STORE,        /* puts the record on disk */
        EFFECT_FEEDBACK,     /* a: activity; b: payload */
        EFFECT_INVENTORY,    /* a: activity, "" when nobody asked */
        EFFECT_SURVEY,       /* -> EVENT_SURVEYED */
        EFFECT_INSPECT,      /* a: path or URL; number: usec that it may take, 0: any
                                -> EVENT_INSPECTED */
        EFFECT_INSTALL,      /* a: path or URL; b: transaction; c: manifest hash
                                -> EVENT_INSTALLING, EVENT_PROGRESS ..., EVENT_INSTALLED */
        EFFECT_ATTACH,       /* to an installation that runs -> as EFFECT_INSTALL */
        EFFECT_MARK,         /* a: "good", "bad" or "active"; b: slot -> EVENT_MARKED */
        EFFECT_FETCH,        /* a: url; b: sha256 or ""; number: size or 0 -> EVENT_FETCHED */
        EFFECT_FETCH_STOP,   /* the partial file stays */
        EFFECT_FETCH_DELETE, /* the bundle and what is left of a partial one go */
        EFFECT_READ,         /* a: device; b: stamp with which it need not be read, or "";
                                number: size -> EVENT_READING ..., EVENT_READ */
        EFFECT_READ_STOP,
        EFFECT_HEALTH,       /* -> EVENT_HEALTH */
        EFFECT_TIMER,        /* number: usec -> EVENT_TIMER with the serial */
        EFFECT_REBOOT_REQUEST, /* a: activity; b: reason.  Of the host, in ACTIVATE */
        EFFECT_REBOOT,         /* a: reason.  Of the system itself */
        EFFECT_COUNT,
};

struct effect {
        enum effect_kind kind;
        uint64_t serial; /* 0: no outcome */
        const char *a;   /* NULL when the kind has none; in a list they are owned by it */
        const char *b;
        const char *c;
        int64_t number;
};

/* All zero: empty. */
struct effects {
        struct effect *list;
        size_t n;
        size_t size;
        bool failed; /* out of memory: something that had to be done is missing */
};

/* Appends one; texts are copied, NULL stays NULL. */
void effects_add(struct effects *effects, const struct effect *effect);

/* Takes the first one out, with its texts; false: there is none.  effect_done() is the caller's. */
bool effects_take(struct effects *effects, struct effect *ret);

/* Frees the texts: only of one that was taken out of a list. */
void effect_done(struct effect *effect);
void effects_done(struct effects *effects);

/* For logs and transcripts: "feedback", "mark". */
const char *effect_kind_to_string(enum effect_kind kind);
