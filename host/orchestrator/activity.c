/* SPDX-License-Identifier: Apache-2.0 */
#include "host/orchestrator/activity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/orchestrator/orchestrator.h"

/* How far a phase takes a unit, and what Kanto's update manager waits for in it. */
static const struct {
        const char *name;
        enum unit_state reach; /* a forward unit below this is behind */
        enum step awaited;
} phases[PHASE_COUNT] = {
        [PHASE_IDENTIFY] = { "IDENTIFY", UNIT_IDENTIFIED, STEP_DOWNLOAD },
        [PHASE_DOWNLOAD] = { "DOWNLOAD", UNIT_DOWNLOADED, STEP_UPDATE },
        [PHASE_UPDATE] = { "UPDATE", UNIT_UPDATED, STEP_ACTIVATE },
        [PHASE_ACTIVATE] = { "ACTIVATE", UNIT_ACTIVATED, STEP_CLEANUP },
        [PHASE_REBOOT] = { "REBOOT", UNIT_ACTIVATED, STEP_CLEANUP },
        [PHASE_VERIFY] = { "VERIFY", UNIT_VERIFIED, STEP_CLEANUP },
        [PHASE_CLEANUP] = { "CLEANUP", UNIT_DONE, STEP_NONE },
        [PHASE_END] = { "END", UNIT_NEW, STEP_NONE },
};

const char *phase_to_string(enum phase phase)
{
        return phases[phase].name;
}

int phase_from_string(const char *text)
{
        size_t i;

        for (i = 0; text && i < ARRAY_SIZE(phases); i++)
                if (strcmp(phases[i].name, text) == 0)
                        return (int)i;
        return -1;
}

enum step phase_awaited(enum phase phase)
{
        return phases[phase].awaited;
}

enum step phase_step(enum phase phase)
{
        switch (phase) {
        case PHASE_DOWNLOAD:
                return STEP_DOWNLOAD;
        case PHASE_UPDATE:
                return STEP_UPDATE;
        case PHASE_ACTIVATE:
                return STEP_ACTIVATE;
        case PHASE_IDENTIFY:
        case PHASE_REBOOT:
        case PHASE_VERIFY:
        case PHASE_CLEANUP:
        case PHASE_END:
        case PHASE_COUNT:
                break;
        }
        return STEP_NONE;
}

/* --------------------------------------------------------------------------------- construction */

/* The baselines that touch the domain, and what is left.  A domain that is covered by one of them,
 * or touched by none, is a single unit and is addressed as a whole. */
static int add_units(const struct desired_state *desired, struct domain *d)
{
        bool remaining = false;
        size_t n = 0;
        size_t i;

        for (i = 0; i < desired->n_baselines; i++)
                n += desired_baseline_touches(&desired->baselines[i], d->desired->id);
        for (i = 0; i < d->desired->n_components; i++)
                remaining |= d->desired->components[i].baseline == DESIRED_STATE_NO_BASELINE;
        if (n == 0)
                remaining = true;
        d->units = calloc(n + remaining, sizeof(*d->units));
        if (!d->units)
                return -ENOMEM;
        for (i = 0; n && i < desired->n_baselines; i++)
                if (desired_baseline_touches(&desired->baselines[i], d->desired->id))
                        d->units[d->n_units++] = (struct unit){
                                .title = desired->baselines[i].title,
                                .group = i,
                        };
        if (remaining)
                d->units[d->n_units++] = (struct unit){
                        .title = ORCHESTRATOR_REMAINING,
                        .group = ACTIVITY_NO_GROUP,
                };
        if (d->n_units == 1)
                d->units[0].title = "";
        return 0;
}

int activity_new(const char *id, struct desired_state *take_desired, struct activity **ret)
{
        CLEANUP(desired_state_freep)
        struct desired_state *desired = take_desired;
        CLEANUP(activity_freep)
        struct activity *a = calloc(1, sizeof(*a));
        size_t i;
        int r;

        if (!a)
                return -ENOMEM;
        a->stuck = PHASE_COUNT;
        a->id = strdup(id);
        a->domains = calloc(desired->n_domains + 1, sizeof(*a->domains));
        a->groups = calloc(desired->n_baselines + 1, sizeof(*a->groups));
        if (!a->id || !a->domains || !a->groups)
                return -ENOMEM;
        a->n_groups = desired->n_baselines;
        for (i = 0; i < desired->n_domains; i++) {
                struct domain *d = &a->domains[a->n_domains++];

                d->desired = &desired->domains[i];
                r = add_units(desired, d);
                if (r == 0)
                        r = actions_init(&d->actions, d->desired);
                if (r < 0)
                        return r;
        }
        a->desired = TAKE_PTR(desired);
        *ret = TAKE_PTR(a);
        return 0;
}

struct activity *activity_free(struct activity *a)
{
        size_t i;
        size_t k;

        if (!a)
                return NULL;
        for (i = 0; i < a->n_domains; i++) {
                for (k = 0; k < a->domains[i].n_units; k++)
                        free(a->domains[i].units[k].reason.text);
                free(a->domains[i].units);
                actions_done(&a->domains[i].actions);
        }
        for (i = 0; i < a->n_groups; i++)
                free(a->groups[i].reason.text);
        free(a->domains);
        free(a->groups);
        (void)desired_state_free(a->desired);
        free(a->verdict_text);
        free(a->id);
        free(a);
        return NULL;
}

/* ------------------------------------------------------------------------------------ questions */

struct domain *activity_find_domain(const struct activity *a, const char *id)
{
        size_t i;

        for (i = 0; i < a->n_domains; i++)
                if (strcmp(a->domains[i].desired->id, id) == 0)
                        return &a->domains[i];
        return NULL;
}

bool activity_is_given_up(const struct activity *a, const struct unit *unit)
{
        return a->abandoned || (unit->group != ACTIVITY_NO_GROUP && a->groups[unit->group].failed);
}

enum unit_tie activity_tie(const struct unit *unit)
{
        if (unit->group == ACTIVITY_NO_GROUP)
                return UNIT_ALONE;
        return unit->touched ? UNIT_TOUCHED : UNIT_TIED;
}

bool activity_is_behind(const struct activity *a, const struct domain *d, const struct unit *unit)
{
        if (!unit_is_forward(unit->state) || a->gate != GATE_OPEN)
                return false;
        /* Only who asked for the boot has something to say after it. */
        if (a->phase == PHASE_VERIFY && unit->state == UNIT_ACTIVATED)
                return d->reboot;
        return unit->state < phases[a->phase].reach;
}

enum step activity_due(const struct activity *a, const struct domain *d, const struct unit *unit)
{
        if (unit_is_forward(unit->state) && !activity_is_behind(a, d, unit))
                return STEP_NONE;
        return unit_step(unit->state);
}

bool activity_any_forward(const struct activity *a)
{
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++)
                        if (unit_is_forward(a->domains[i].units[k].state))
                                return true;
        return false;
}

bool domain_is_final(const struct domain *d)
{
        size_t k;

        for (k = 0; k < d->n_units; k++)
                if (!unit_is_final(d->units[k].state))
                        return false;
        return true;
}

bool activity_all_final(const struct activity *a)
{
        size_t i;

        for (i = 0; i < a->n_domains; i++)
                if (!domain_is_final(&a->domains[i]))
                        return false;
        return true;
}

int reason_set(struct reason *reason, const char *text, bool silence)
{
        if (reason->text || !text || !*text)
                return 0;
        reason->text = strdup(text);
        if (!reason->text)
                return -ENOMEM;
        reason->silence = silence;
        return 0;
}
