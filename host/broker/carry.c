/* SPDX-License-Identifier: Apache-2.0
 *
 * carry - effects, carried out in their order
 *
 * A record holds up everything behind it until it is on disk.  Meanwhile further steps may leave
 * further records; then only the newest is written, and it covers those before it: it says more of
 * the same.  Nor does it say too much: that a terminal feedback has arrived is in no record before
 * it has left. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/chronicle.h"
#include "host/broker/inside.h"
#include "host/broker/reboot.h"
#include "host/broker/setup.h"
#include "host/config/registration.h"
#include "host/config/settings.h"
#include "host/state/journal.h"

void carry_add(struct broker *b, struct effects *effects)
{
        struct carry *carry = &b->carry;
        size_t n = carry->end - carry->begin;
        struct effect *items = carry->items;
        size_t i;

        if (carry->begin > 0 && n > 0)
                memmove(items, items + carry->begin, n * sizeof(*items));
        carry->begin = 0;
        carry->end = n;
        if (n + effects->n > carry->size) {
                items = reallocarray(items, 2 * (n + effects->n), sizeof(*items));
                if (!items) {
                        b->broken = true;
                        return;
                }
                carry->items = items;
                carry->size = 2 * (n + effects->n);
        }
        for (i = 0; i < effects->n; i++)
                carry->items[carry->end++] = effects->items[i];
        effects->n = 0; /* they are ours now */
}

/* -------------------------------------------------------------------------------------- records */

/* The text of the newest record that may stand for this one; those that it covers become empty. */
static char *take_newest_record(struct carry *carry, struct effect *effect)
{
        char *text = effect->text;
        size_t i;

        effect->text = NULL;
        for (i = carry->begin; i < carry->end; i++) {
                struct effect *e = &carry->items[i];

                if (e->kind != EFFECT_JOURNAL || !e->text)
                        continue;
                free(text);
                text = e->text;
                e->text = NULL;
        }
        return text;
}

/* Once for each activity that suffers from it, not for each record. */
static void tell_failure(struct broker *b, int r)
{
        const char *activity = orchestrator_get_activity(b->orchestrator);
        const char *told = b->carry.failed_activity;

        if (b->carry.failing && (activity ? told && strcmp(activity, told) == 0 : !told))
                return;
        b->carry.failing = true;
        free(b->carry.failed_activity);
        b->carry.failed_activity = activity ? strdup(activity) : NULL;
        broker_give(b, &(struct event){ .kind = EVENT_JOURNAL_FAILED, .text = strerror(-r) });
}

static void write_record(struct broker *b, struct effect *effect)
{
        int r;

        if (!effect->text)
                return; /* covered by one that is on disk */
        r = journal_write(b->journal, take_newest_record(&b->carry, effect));
        if (r < 0)
                tell_failure(b, r);
        else
                b->carry.held = true;
}

void carry_on_written(void *data, int r)
{
        struct broker *b = data;

        b->carry.held = false;
        if (r < 0)
                tell_failure(b, r);
        else
                b->carry.failing = false;
        carry_on(b);
}

/* ----------------------------------------------------------------------------------- the others */

static void write_log(struct broker *b, const struct effect *effect)
{
        const struct hosted *h = effect->domain ? hosted_find_domain(b, effect->domain) : NULL;
        const struct log_about about = {
                .agent = h ? h->registration->id : NULL,
                .domain = effect->domain,
                .activity = effect->activity,
        };
        enum log_level level = LOG_LEVEL_DEBUG;

        if (effect->level <= 3)
                level = LOG_LEVEL_ERROR;
        else if (effect->level == 4)
                level = LOG_LEVEL_WARN;
        else if (effect->level <= 6)
                level = LOG_LEVEL_INFO;
        log_write(b->log, level, NULL, &about, "%s", effect->text);
}

static void boot(struct broker *b, const struct effect *effect)
{
        log_info(b->log, NULL, "the device boots: %s", effect->text);
        reboot_begin(b->reboot, b->setup->settings->reboot_command);
}

static void carry_out(struct broker *b, struct effect *effect)
{
        switch (effect->kind) {
        case EFFECT_JOURNAL:
                write_record(b, effect);
                return;
        case EFFECT_DESIRED_STATE:
        case EFFECT_COMMAND:
        case EFFECT_CANCEL:
        case EFFECT_FEEDBACK_GET:
        case EFFECT_ACTIVITY_END:
                hosted_tell(b, effect);
                return;
        case EFFECT_FEEDBACK:
                northbound_feedback(b, effect);
                return;
        case EFFECT_CONSENT:
                northbound_consent(b, effect);
                return;
        case EFFECT_CONSENT_END:
                northbound_consent_ends(b);
                return;
        case EFFECT_TIMER_ARM:
                timers_arm(b, &effect->timer, effect->usec);
                return;
        case EFFECT_TIMER_DISARM:
                timers_disarm(b, &effect->timer);
                return;
        case EFFECT_INVENTORY:
                current_state_read(b, effect->activity);
                return;
        case EFFECT_REBOOT:
                boot(b, effect);
                return;
        case EFFECT_STOPPED:
                broker_wind_down(b);
                return;
        case EFFECT_LOG:
                write_log(b, effect);
                return;
        }
}

void carry_on(struct broker *b)
{
        struct carry *carry = &b->carry;

        if (carry->running)
                return;
        carry->running = true;
        while (carry->begin < carry->end && !carry->held && !b->broken) {
                /* Taken out first: what it leads to may move the others. */
                struct effect effect = carry->items[carry->begin++];

                carry_out(b, &effect);
                effect_done(&effect);
        }
        carry->running = false;
        broker_look(b);
}

const char *carry_find_ending(const struct broker *b, size_t *at)
{
        const struct carry *carry = &b->carry;

        while (carry->begin + *at < carry->end) {
                const struct effect *effect = &carry->items[carry->begin + (*at)++];

                if (effect->kind == EFFECT_FEEDBACK && effect->terminal)
                        return effect->activity;
        }
        return NULL;
}

void carry_done(struct broker *b)
{
        while (b->carry.begin < b->carry.end)
                effect_done(&b->carry.items[b->carry.begin++]);
        free(b->carry.items);
        free(b->carry.failed_activity);
        b->carry = (struct carry){ .items = NULL };
}
