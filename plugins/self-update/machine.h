/* SPDX-License-Identifier: Apache-2.0
 *
 * machine - the self-update agent without its hands: events in, effects out
 *
 *     identified --DOWNLOAD--> downloading -> downloaded --UPDATE--> updating -> updated
 *         --ACTIVATE--> activating -> activated --(boot, VERIFY)--CLEANUP--> idle
 *     any of them --> failed --CLEANUP--> idle          any of them --ROLLBACK--> rolled-back
 *
 * What a request leads to.  m1 to m19 are words of Leda's agent (message.h); the state stays where
 * none is named.
 *
 *     request            in state                     words                           then
 *     desired state      any: it cannot be read       m1 m3
 *       the same again   identified to activated      m2
 *       another          updating to activated,       m1 m3 "... in progress"
 *                        rolling-back
 *       during a trial   otherwise                    m1 m3
 *       against policy   otherwise                    m1 m3
 *       of what runs     otherwise                    m1 IDENTIFIED m4                idle
 *       any other        otherwise                    m1 m2                           identified
 *     DOWNLOAD           identified                   m5.. m6                         downloaded
 *                                                     m5.. m7                         failed
 *     UPDATE             downloaded                   m8 m9.. m10                     updated
 *                                                     m8 m12, or m8 m9.. m11          failed
 *     ACTIVATE           updated                      m14 m15                         activated
 *                                                     m14 m16                         failed
 *     one of the three   the step is done             m6, m10 or m15
 *                        it comes too early           m7, m11, m16 or nothing: settings
 *     VERIFY             after the boot               VERIFYING.. VERIFY_SUCCESS      activated
 *                                                     VERIFYING.. VERIFY_FAILURE      failed
 *     CLEANUP            any                          m17 m18, or m17 m19             idle
 *     ROLLBACK           identified to failed         ROLLBACK ROLLBACK_SUCCESS m19   rolled-back
 *                                                     ROLLBACK ROLLBACK_FAILURE m19   failed
 *     cancel             any but idle                 m19                             rolled-back
 *     feedback_get       any                          the last word
 *     get                any                          the inventory, not a feedback
 *
 * A download is given up for ROLLBACK, CLEANUP, cancel and another desired state that is taken; an
 * installation for nothing, because RAUC cannot.
 *
 * No bus, no file, no clock: the time travels in the events.  Two things may be under way at once,
 * each on a track of its own: the step of the activity, and what the present boot is worth
 * (machine-boot.c).  A track that waits for an outcome knows the serial number of the effect and
 * the function that goes on; what comes with another number is late, and ignored.
 *
 *     machine.c            dispatch; requests, the ones that have to wait
 *     machine-word.c       the words that go out
 *     machine-figures.c    what a step has cost
 *     machine-identify.c   a desired state
 *     machine-download.c   DOWNLOAD: fetch the bundle, or look at it from afar
 *     machine-update.c     UPDATE: check, install, make sure that nothing boots it yet
 *     machine-judge.c      ... and what has come of an installation
 *     machine-compare.c    ... and is it on the medium, too?  UPDATE and ACTIVATE
 *     machine-activate.c   ACTIVATE
 *     machine-back.c       ROLLBACK, CLEANUP, cancel
 *     machine-boot.c       start, trial, confirmation, VERIFY
 *
 * While something is under way that cannot be interrupted, further requests wait in a short queue
 * and are taken in order when it is over. */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/plugin.h>

#include "plugins/self-update/effect.h"
#include "plugins/self-update/reading.h"
#include "plugins/self-update/record.h"
#include "plugins/self-update/slots.h"

struct machine;
struct settings;
struct signers;

enum { MACHINE_HELD_MAX = 8, MACHINE_GETS_MAX = 32 };

/* Why the host is asked for a boot. */
#define MACHINE_BOOT_REASON "the new OS image is active"

enum event_kind {
        EVENT_START = 1,    /* flags: UB_START_*; text: id of the boot */
        EVENT_DESIRED,      /* activity, json */
        EVENT_COMMAND,      /* activity, command */
        EVENT_CANCEL,       /* activity */
        EVENT_FEEDBACK_GET, /* activity; the host knows it */
        EVENT_GET,          /* activity: the inventory is wanted */
        EVENT_LOCAL,        /* text: file URL, version: of it.  Found in the watched folder */

        EVENT_SURVEYED,   /* result, text; survey */
        EVENT_INSPECTED,  /* result, text, vague; bundle */
        EVENT_INSTALLING, /* result -EBUSY and others, text: was it accepted? */
        EVENT_PROGRESS,   /* percent, text; of an installation */
        EVENT_INSTALLED,  /* result, text */
        EVENT_MARKED,     /* result, text */
        EVENT_FETCHING,   /* now, total */
        EVENT_FETCHED,    /* result, text, total, retries */
        EVENT_READING,    /* now, total */
        EVENT_READ,       /* result, text; reading */
        EVENT_HEALTH,     /* result, text */
        EVENT_TIMER,
        EVENT_UNSTORED, /* result, text: not on disk, and nothing behind it was done */
        EVENT_RAUC_UP,  /* its name has appeared on the bus */
        EVENT_RAUC_GONE, /* it has disappeared */
};

struct event {
        enum event_kind kind;
        uint64_t serial; /* of the effect that this is the outcome of */
        int result;      /* 0 or a negative errno */
        const char *text;
        const char *activity;
        const char *json;
        const char *version;
        int32_t command;
        uint32_t flags;
        int percent;
        bool vague; /* RAUC hides the reason */
        uint64_t now;
        uint64_t total;
        unsigned retries;
        const struct survey *survey;
        const struct bundle *bundle;
        const struct reading *reading;
        uint64_t time_usec; /* CLOCK_BOOTTIME */
        int64_t wall_sec;   /* CLOCK_REALTIME */
};

/* A function that goes on when an outcome is there. */
typedef void (*machine_fn)(struct machine *m, const struct event *e);

struct track {
        machine_fn next; /* NULL: at rest */
        uint64_t awaits; /* serial number */
};

/* A comparison of slots with what was written to them: machine-compare.c. */
struct comparison {
        size_t next;  /* slot of the survey */
        bool reading; /* its device is being read */
        bool left_out; /* one of them could not be compared */
        struct reading found; /* that differs, while RAUC is asked why it might */
        void (*good)(struct machine *m);
        void (*bad)(struct machine *m, const char *why);
};

/* A request that waits. */
struct held {
        enum event_kind kind;
        char activity[UB_MAX_ID + 1];
        char *json;
        int32_t command;
};

/* Of the step that goes on, for the log: machine-figures.c. */
struct figures {
        uint64_t began_usec; /* 0: none goes on */
        uint64_t held;       /* bytes that were there before; UINT64_MAX: nothing was fetched */
        unsigned retries;
        char rauc_step[SLOT_TEXT_MAX];
};

struct machine {
        /* Given by the owner. */
        const struct settings *settings; /* borrowed */
        const char *domain;              /* likewise */
        const struct signers *signers;   /* likewise; NULL: anybody may ask */
        char os_version[SLOT_VERSION_MAX]; /* by os-release */
        int64_t built_sec;               /* a clock before this is not set; 0: believe it */
        char boot[RECORD_BOOT_MAX];      /* id of the present one; "": nobody knows */
        uint32_t flags;                  /* UB_START_* */

        struct record record;   /* what outlives this process ... */
        struct effects effects; /* ... and what is to be done */

        /* What is known of the device, of RAUC and of the bundle. */
        struct survey survey; /* the last one */
        bool surveyed;        /* there was one in this life */
        bool rauc_up;         /* its name is on the bus */
        struct bundle bundle; /* of the activity ... */
        bool inspected;       /* ... when RAUC was asked in this life */
        char path[SLOT_TEXT_MAX + 512]; /* of the bundle, when it is downloaded */

        /* The present event, and what waits for which. */
        uint64_t time_usec;
        int64_t wall_sec;
        uint64_t serials; /* the last number that was given to an effect */
        struct track main;
        struct track trial;
        uint64_t get_serial;    /* numbers that no track waits for: the survey of the gets, */
        uint64_t tick_serial;   /* the next tick of UPDATE, */
        uint64_t reboot_serial; /* and the boot out of a slot; 0: none */
        struct held held[MACHINE_HELD_MAX];
        size_t n_held;
        char gets[MACHINE_GETS_MAX][UB_MAX_ID + 1]; /* inventories that wait for a survey */
        size_t n_gets;

        /* A desired state that is being looked at: not the activity yet. */
        char wanted_id[UB_MAX_ID + 1];
        struct request wanted;
        bool wanted_local; /* nobody asked for it */

        /* What the host has said in this life of the activity of the record. */
        bool known;         /* anything at all: before that it is told nothing ... */
        bool asked;         /* ... feedback_get: what was cut off goes on */
        bool told_rollback; /* ROLLBACK has come while RAUC installs, and was answered */
        bool gives_up;      /* CLEANUP takes an activation back */
        bool awaits_trial;  /* ACTIVATE, of the slot that runs already */
        bool verify_asked;  /* VERIFY waits for the end of the trial */

        /* What the present boot is worth: machine-boot.c. */
        bool started;        /* there was a first look at RAUC, or it was in vain */
        bool decided;        /* it is known which kind of boot this is */
        bool confirm_failed; /* it is an ordinary one, and not well */

        /* The step that goes on. */
        int percent;          /* last that was reported; -1: nothing */
        uint64_t posted_usec; /* when */
        uint64_t alive_usec;  /* last sign of life of an installation; 0: none runs */
        bool waiting;         /* for RAUC: somebody else uses it, or it does not answer ... */
        uint64_t wait_usec;   /* ... since then */
        uint64_t clock_usec;  /* since when the clock is waited for; 0: it is not */
        struct comparison comparison;
        struct figures figures;
};

/* settings and domain are borrowed.  The caller fills in record (or leaves it empty), path,
 * os_version and built_sec before the first event. */
void machine_init(struct machine *m, const struct settings *settings, const char *domain);
void machine_done(struct machine *m);

/* Takes an event in; what is to be done is in m->effects then. */
void machine_handle(struct machine *m, const struct event *e);

/* The version that runs, as far as anybody knows; "" when nobody does. */
const char *machine_version(const struct machine *m);
/* Does nothing go on, also no activity that waits for its next command? */
bool machine_is_free(const struct machine *m);
