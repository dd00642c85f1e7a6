/* SPDX-License-Identifier: Apache-2.0 */
#include "host/orchestrator/effect.h"

#include <stdlib.h>
#include <string.h>

void effect_done(struct effect *effect)
{
        free(effect->domain);
        free(effect->activity);
        free(effect->baseline);
        free(effect->text);
}

void effects_done(struct effects *effects)
{
        size_t i;

        for (i = 0; i < effects->n; i++)
                effect_done(&effects->items[i]);
        free(effects->items);
        *effects = (struct effects)EFFECTS_INIT;
}

static char *copy(struct effects *effects, const char *text)
{
        char *result = text ? strdup(text) : NULL;

        if (text && !result)
                effects->failed = true;
        return result;
}

static void append(struct effects *effects, const struct effect *effect, char *take_text)
{
        size_t size = effects->size ? 2 * effects->size : 16;
        struct effect *items = effects->items;
        struct effect *e;

        if (effects->n == effects->size) {
                items = reallocarray(items, size, sizeof(*items));
                if (!items) {
                        effects->failed = true;
                        free(take_text);
                        return;
                }
                effects->items = items;
                effects->size = size;
        }
        e = &items[effects->n++];
        *e = *effect;
        e->domain = copy(effects, effect->domain);
        e->activity = copy(effects, effect->activity);
        e->baseline = copy(effects, effect->baseline);
        e->text = take_text;
}

void effects_add(struct effects *effects, const struct effect *effect)
{
        append(effects, effect, copy(effects, effect->text));
}

void effects_add_text(struct effects *effects, const struct effect *effect, char *take_text)
{
        if (!take_text)
                effects->failed = true;
        append(effects, effect, take_text);
}

const char *effect_kind_to_string(enum effect_kind kind)
{
        switch (kind) {
        case EFFECT_JOURNAL:
                return "journal";
        case EFFECT_DESIRED_STATE:
                return "desired state";
        case EFFECT_COMMAND:
                return "command";
        case EFFECT_CANCEL:
                return "cancel";
        case EFFECT_FEEDBACK_GET:
                return "feedback get";
        case EFFECT_ACTIVITY_END:
                return "activity end";
        case EFFECT_FEEDBACK:
                return "feedback";
        case EFFECT_CONSENT:
                return "consent";
        case EFFECT_CONSENT_END:
                return "consent end";
        case EFFECT_TIMER_ARM:
                return "arm";
        case EFFECT_TIMER_DISARM:
                return "disarm";
        case EFFECT_INVENTORY:
                return "inventory";
        case EFFECT_REBOOT:
                return "reboot";
        case EFFECT_STOPPED:
                return "stopped";
        case EFFECT_LOG:
                return "log";
        }
        return "";
}

const char *timer_kind_to_string(enum timer_kind kind)
{
        switch (kind) {
        case TIMER_REPORT:
                return "report";
        case TIMER_CONSENT:
                return "consent";
        case TIMER_PRECONDITION:
                return "precondition";
        case TIMER_REBOOT:
                return "reboot";
        case TIMER_SILENCE:
                return "silence";
        case TIMER_LIMIT:
                return "limit";
        }
        return "";
}
