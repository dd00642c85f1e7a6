/* SPDX-License-Identifier: Apache-2.0
 *
 * How anything leaves the engine: effects, and the journal in front of them.
 *
 * The parts of the engine change `o` and set `dirty`.  What is told to an agent or to the world
 * goes through orchestrator_tell() and orchestrator_emit(), which put the record into the list of
 * effects first: the broker carries the list out in order, so nobody has ever heard of a state
 * that a power failure could take back.  Timers and log lines stay inside the process and need no
 * record.
 *
 * Nothing here fails: an allocation that does marks the list as failed, the step goes on to its
 * end with what there is, and the broker throws the list away and breaks off: the next run begins
 * with the last record. */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "host/orchestrator/state.h"

void orchestrator_fail(struct orchestrator *o)
{
        o->effects->failed = true;
}

void orchestrator_check(struct orchestrator *o, int r)
{
        if (r == -ENOMEM)
                orchestrator_fail(o);
}

void orchestrator_flush(struct orchestrator *o)
{
        char *text = NULL;

        if (!o->dirty)
                return;
        orchestrator_check(o, record_write(o, &text));
        effects_add_text(o->effects, &(struct effect){ .kind = EFFECT_JOURNAL }, text);
        o->dirty = false;
}

void orchestrator_tell(struct orchestrator *o, enum effect_kind kind, const struct domain *d,
                       enum step step, const char *baseline, char *take_text)
{
        const struct effect effect = {
                .kind = kind,
                .domain = d->desired->id,
                .activity = o->activity->id,
                .step = step,
                .baseline = (char *)baseline, /* copied, like the two before it */
        };

        orchestrator_flush(o);
        if (kind == EFFECT_DESIRED_STATE)
                effects_add_text(o->effects, &effect, take_text);
        else
                effects_add(o->effects, &effect);
}

void orchestrator_emit(struct orchestrator *o, const struct effect *effect)
{
        orchestrator_flush(o);
        effects_add(o->effects, effect);
}

void orchestrator_arm(struct orchestrator *o, enum timer_kind kind, unsigned slot, uint64_t usec,
                      uint64_t *serial)
{
        *serial = ++o->serial;
        effects_add(o->effects, &(struct effect){
                                        .kind = EFFECT_TIMER_ARM,
                                        .timer = { kind, slot, *serial },
                                        .usec = usec,
                                });
}

void orchestrator_disarm(struct orchestrator *o, enum timer_kind kind, unsigned slot,
                         uint64_t *serial)
{
        if (!*serial)
                return;
        effects_add(o->effects, &(struct effect){
                                        .kind = EFFECT_TIMER_DISARM,
                                        .timer = { kind, slot, *serial },
                                });
        *serial = 0;
}

void orchestrator_log(struct orchestrator *o, int level, const char *domain, const char *format,
                      ...)
{
        const struct effect effect = {
                .kind = EFFECT_LOG,
                .level = level,
                .domain = (char *)domain, /* copied, like the activity */
                .activity = o->activity ? o->activity->id : NULL,
        };
        char *text;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);
        effects_add_text(o->effects, &effect, text);
}
