/* SPDX-License-Identifier: Apache-2.0
 *
 * What may hold a phase up that every unit is ready for: facts that preconditions name, then the
 * owner's consent.
 *
 * The facts come first, and are looked at before UPDATE and ACTIVATE only: a download changes
 * nothing, and the owner is not to be asked about what cannot be done yet.  Preconditions belong to
 * baselines.  When their time is over, the baselines that still lack something fail and the rest
 * goes on; a consent that is refused or does not come ends the whole activity.
 *
 * The record keeps which gate is closed, not for how long: after a restart the question is asked
 * again, and its time begins anew.  A gate at which no unit waits any more is opened by drive(). */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/desired_state.h"
#include "host/model/duration.h"
#include "host/model/precondition.h"
#include "host/orchestrator/state.h"

enum { EXPLANATION_MAX = 512 };

static bool group_is_live(const struct activity *a, size_t group)
{
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++)
                        if (a->domains[i].units[k].group == group &&
                            unit_is_forward(a->domains[i].units[k].state))
                                return !a->groups[group].failed;
        return false;
}

/* What is missing for one baseline; "" when nothing is. */
static void explain(struct orchestrator *o, size_t group, char buf[EXPLANATION_MAX])
{
        const char *text = o->activity->desired->baselines[group].preconditions;
        struct precondition *p = NULL;
        int r;

        buf[0] = '\0';
        if (!*text || !group_is_live(o->activity, group))
                return;
        /* The reader of the desired state has checked it. */
        r = precondition_new(text, NULL, &p);
        orchestrator_check(o, r);
        if (r < 0)
                return;
        (void)precondition_explain(p, facts_lookup, &o->facts, buf, EXPLANATION_MAX);
        (void)precondition_free(p);
}

static bool facts_missing(struct orchestrator *o, char buf[EXPLANATION_MAX], size_t *ret_group)
{
        size_t i;

        for (i = 0; i < o->activity->n_groups; i++) {
                explain(o, i, buf);
                if (*buf) {
                        *ret_group = i;
                        return true;
                }
        }
        return false;
}

static void wait_for_facts(struct orchestrator *o, const char *missing, size_t group)
{
        const char *title = o->activity->desired->baselines[group].title;
        CLEANUP_FREE char *text = NULL;

        if (asprintf(&text, "[%s]: waiting for %s", title, missing) < 0) {
                text = NULL; /* asprintf(3) leaves it undefined */
                orchestrator_fail(o);
                return;
        }
        orchestrator_log(o, 5, NULL, "%s", text);
        report_status(o, STATUS_RUNNING, text);
        orchestrator_arm(o, TIMER_PRECONDITION, 0, o->config.precondition_limit_usec,
                         &o->precondition_timer);
}

void gates_open(struct orchestrator *o)
{
        if (o->activity->gate == GATE_CONSENT)
                orchestrator_emit(o, &(struct effect){ .kind = EFFECT_CONSENT_END,
                                                       .activity = o->activity->id });
        orchestrator_disarm(o, TIMER_CONSENT, 0, &o->consent_timer);
        orchestrator_disarm(o, TIMER_PRECONDITION, 0, &o->precondition_timer);
        o->activity->gate = GATE_OPEN;
        o->dirty = true;
}

static void ask_consent(struct orchestrator *o)
{
        struct activity *a = o->activity;

        a->gate = GATE_CONSENT;
        o->dirty = true;
        orchestrator_emit(o, &(struct effect){
                                     .kind = EFFECT_CONSENT,
                                     .activity = a->id,
                                     .step = phase_step(a->phase),
                             });
        orchestrator_arm(o, TIMER_CONSENT, 0, o->config.consent_timeout_usec, &o->consent_timer);
}

/* The facts are as they should be: the owner is asked, if he wants to be. */
static void pass_facts(struct orchestrator *o)
{
        gates_open(o);
        if (o->config.consent_steps & 1U << phase_step(o->activity->phase))
                ask_consent(o);
}

void gates_close(struct orchestrator *o)
{
        char missing[EXPLANATION_MAX];
        size_t group;

        if (o->activity->phase != PHASE_DOWNLOAD && facts_missing(o, missing, &group)) {
                o->activity->gate = GATE_FACTS;
                o->dirty = true;
                wait_for_facts(o, missing, group);
                return;
        }
        pass_facts(o);
}

void gates_facts(struct orchestrator *o)
{
        char missing[EXPLANATION_MAX];
        size_t group;

        if (!o->activity || o->activity->gate != GATE_FACTS)
                return;
        if (facts_missing(o, missing, &group))
                return;
        pass_facts(o);
        drive(o);
}

void gates_facts_timeout(struct orchestrator *o)
{
        struct activity *a = o->activity;
        char limit[DURATION_TEXT_MAX];
        char missing[EXPLANATION_MAX];
        char text[EXPLANATION_MAX + DURATION_TEXT_MAX + 64];
        size_t i;

        (void)duration_to_string(o->config.precondition_limit_usec, limit);
        for (i = 0; i < a->n_groups; i++) {
                explain(o, i, missing);
                if (!*missing)
                        continue;
                (void)snprintf(text, sizeof(text), "precondition not met in %s: %s", limit,
                               missing);
                orchestrator_check(o, reason_set(&a->groups[i].reason, text, false));
                a->groups[i].failed = true;
        }
        pass_facts(o);
        drive(o);
}

void gates_consent(struct orchestrator *o, bool approved, bool in_time)
{
        struct activity *a = o->activity;
        char limit[DURATION_TEXT_MAX];
        char cause[DURATION_TEXT_MAX + 64];
        char *text = NULL;

        gates_open(o);
        if (approved) {
                drive(o);
                return;
        }
        if (in_time)
                (void)snprintf(cause, sizeof(cause), "owner approval not granted");
        else
                (void)snprintf(cause, sizeof(cause), "owner consent not granted in %s",
                               duration_to_string(o->config.consent_timeout_usec, limit));
        /* Kanto tells a refused download from the rest, which it rolls back. */
        if (a->phase == PHASE_DOWNLOAD)
                orchestrator_check(o, verdict_waited(PHASE_DOWNLOAD, cause, &text));
        else if (asprintf(&text, "the update process is incompleted: %s", cause) < 0)
                text = NULL;
        if (!text)
                orchestrator_fail(o);
        drive_abandon(o, STATUS_INCOMPLETE, text);
        free(text);
        drive(o);
}
