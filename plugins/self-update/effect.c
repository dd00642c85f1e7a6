/* SPDX-License-Identifier: Apache-2.0
 *
 * effect - see effect.h */
#include "plugins/self-update/effect.h"

#include <stdlib.h>
#include <string.h>

static const char *copy(const char *text, bool *failed)
{
        const char *p = text ? strdup(text) : NULL;

        *failed |= text && !p;
        return p;
}

/* An effect is mostly made of texts of others, so its members are const; those of a list are copies
 * (above), and here is the one place that knows it. */
static void drop(const char **text)
{
        free((char *)*text);
        *text = NULL;
}

void effects_add(struct effects *effects, const struct effect *effect)
{
        struct effect *list = effects->list;
        struct effect *to;

        if (effects->n == effects->size) {
                size_t size = effects->size ? effects->size * 2 : 8;

                list = reallocarray(effects->list, size, sizeof(*list));
                if (!list) {
                        effects->failed = true;
                        return;
                }
                effects->list = list;
                effects->size = size;
        }
        to = &list[effects->n++];
        *to = *effect;
        to->a = copy(effect->a, &effects->failed);
        to->b = copy(effect->b, &effects->failed);
        to->c = copy(effect->c, &effects->failed);
}

bool effects_take(struct effects *effects, struct effect *ret)
{
        if (effects->n == 0)
                return false;
        *ret = effects->list[0];
        effects->n--;
        memmove(effects->list, effects->list + 1, effects->n * sizeof(*effects->list));
        return true;
}

void effect_done(struct effect *effect)
{
        drop(&effect->a);
        drop(&effect->b);
        drop(&effect->c);
}

void effects_done(struct effects *effects)
{
        struct effect effect;

        while (effects_take(effects, &effect))
                effect_done(&effect);
        free(effects->list);
        *effects = (struct effects){ .failed = false };
}

const char *effect_kind_to_string(enum effect_kind kind)
{
        static const char *const names[EFFECT_COUNT] = {
                [EFFECT_LOG] = "log",
                [EFFECT_STORE] = "store",
                [EFFECT_FEEDBACK] = "feedback",
                [EFFECT_INVENTORY] = "inventory",
                [EFFECT_SURVEY] = "survey",
                [EFFECT_INSPECT] = "inspect",
                [EFFECT_INSTALL] = "install",
                [EFFECT_ATTACH] = "attach",
                [EFFECT_MARK] = "mark",
                [EFFECT_FETCH] = "fetch",
                [EFFECT_FETCH_STOP] = "fetch-stop",
                [EFFECT_FETCH_DELETE] = "fetch-delete",
                [EFFECT_READ] = "read",
                [EFFECT_READ_STOP] = "read-stop",
                [EFFECT_HEALTH] = "health",
                [EFFECT_TIMER] = "timer",
                [EFFECT_REBOOT_REQUEST] = "reboot-request",
                [EFFECT_REBOOT] = "reboot",
        };

        return names[kind];
}
