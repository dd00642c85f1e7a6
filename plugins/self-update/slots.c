/* SPDX-License-Identifier: Apache-2.0
 *
 * slots - see slots.h */
#include "plugins/self-update/slots.h"

#include <string.h>
#include <strings.h>

const struct slot *survey_find(const struct survey *survey, const char *name)
{
        size_t i;

        for (i = 0; i < survey->n; i++)
                if (strcmp(survey->list[i].name, name) == 0)
                        return &survey->list[i];
        return NULL;
}

const struct slot *survey_booted(const struct survey *survey)
{
        size_t i;

        for (i = 0; i < survey->n; i++)
                if (strcmp(survey->list[i].state, "booted") == 0)
                        return &survey->list[i];
        return NULL;
}

bool survey_booted_twice(const struct survey *survey)
{
        const struct slot *first = survey_booted(survey);
        size_t i;

        for (i = 0; i < survey->n; i++)
                if (first && &survey->list[i] != first &&
                    strcmp(survey->list[i].state, "booted") == 0)
                        return true;
        return false;
}

/* A slot with a parent goes with it; RAUC marks and installs the parent. */
static bool can_boot(const struct slot *slot)
{
        return slot->bootname[0] && !slot->parent[0];
}

const struct slot *survey_target(const struct survey *survey)
{
        const struct slot *booted = survey_booted(survey);
        const struct slot *found = NULL;
        size_t i;

        if (!booted)
                return NULL;
        for (i = 0; i < survey->n; i++) {
                const struct slot *slot = &survey->list[i];

                if (slot == booted || !can_boot(slot))
                        continue;
                /* From a rescue system, which is of another class, any will do. */
                if (booted->bootname[0] && strcmp(slot->class, booted->class) != 0)
                        continue;
                if (!found || (strcmp(slot->boot_status, "bad") == 0 &&
                               strcmp(found->boot_status, "bad") != 0))
                        found = slot;
        }
        return found;
}

bool survey_is_rescue(const struct survey *survey)
{
        const struct slot *booted = survey_booted(survey);

        return !booted || !booted->bootname[0];
}

const struct image *bundle_find(const struct bundle *bundle, const char *sha256)
{
        size_t i;

        for (i = 0; i < bundle->n_images; i++)
                if (*sha256 && strcasecmp(bundle->images[i].sha256, sha256) == 0)
                        return &bundle->images[i];
        return NULL;
}

bool slot_is_intact(const struct slot *slot)
{
        return strcmp(slot->status, "ok") == 0;
}
