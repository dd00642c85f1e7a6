/* SPDX-License-Identifier: Apache-2.0
 *
 * effect - what the orchestrator wants done
 *
 * A step of the orchestrator appends effects; whoever runs it carries them out strictly in this
 * order, one after the other, and nothing behind an EFFECT_JOURNAL before that record is on disk.
 * That is all it takes for "journal before effect": the record that describes a command stands in
 * front of it.
 *
 * If memory runs out while effects are appended, the list is marked as failed and
 * orchestrator_step() reports it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/model/status.h"

enum effect_kind {
        EFFECT_JOURNAL = 1,   /* text: the whole record; it replaces the one before */
        EFFECT_DESIRED_STATE, /* to domain: activity, text */
        EFFECT_COMMAND,       /* to domain: activity, baseline ("": all), step */
        EFFECT_CANCEL,        /* to domain: activity */
        EFFECT_FEEDBACK_GET,  /* to domain: activity */
        EFFECT_ACTIVITY_END, /* to domain: activity; nothing that it says of it counts any longer */
        EFFECT_FEEDBACK,     /* upward: activity, text; terminal: it must not get lost */
        EFFECT_CONSENT,      /* ask the owner: activity, step */
        EFFECT_CONSENT_END,  /* the question is off the table, answered or not: activity */
        EFFECT_TIMER_ARM,    /* timer, usec from now; replaces one of the same kind and slot */
        EFFECT_TIMER_DISARM, /* timer */
        EFFECT_INVENTORY,    /* ask all agents for their state and publish it: activity */
        EFFECT_REBOOT,       /* text: why, for people */
        EFFECT_STOPPED,      /* answers EVENT_STOP: all is said */
        EFFECT_LOG,          /* level (as syslog), domain and activity if it is about one, text */
};

enum timer_kind {
        TIMER_REPORT = 1, /* the next RUNNING */
        TIMER_CONSENT,
        TIMER_PRECONDITION,
        TIMER_REBOOT,
        TIMER_SILENCE, /* slot: one per domain */
        TIMER_LIMIT,   /* slot: one per domain */
};

/* A serial tells a timer from an earlier one of the same kind and slot, whose expiry may be on its
 * way already when it is armed again. */
struct timer {
        enum timer_kind kind;
        unsigned slot;
        uint64_t serial;
};

struct effect {
        enum effect_kind kind;
        char *domain; /* these four: NULL where the kind has none */
        char *activity;
        char *baseline;
        char *text;
        enum step step;
        struct timer timer;
        uint64_t usec;
        int level;
        bool terminal;
};

struct effects {
        struct effect *items;
        size_t n;
        size_t size;
        bool failed;
};

#define EFFECTS_INIT \
        { \
                .items = NULL \
        }

/* Frees what one effect has; for who takes effects off a list. */
void effect_done(struct effect *effect);
/* Frees all of them; the list is empty and of use again. */
void effects_done(struct effects *effects);

/* Appends a copy of the strings. */
void effects_add(struct effects *effects, const struct effect *effect);
/* The same, but takes effect->text; NULL stands for "out of memory". */
void effects_add_text(struct effects *effects, const struct effect *effect, char *take_text);

const char *effect_kind_to_string(enum effect_kind kind); /* "desired state" */
const char *timer_kind_to_string(enum timer_kind kind);   /* "silence" */
