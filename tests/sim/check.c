/* SPDX-License-Identifier: Apache-2.0
 *
 * The invariants:
 *
 *   - every desired state that was accepted gets exactly one terminal feedback; a crash, or its id coming
 *     again, may repeat it;
 *   - it is in the record until it is acknowledged, and not sent again after that;
 *   - never two activities at once, and nothing of one after its end;
 *   - a (baseline, domain) gets its commands in order;
 *   - who cannot ROLLBACK because it is at something else is asked again;
 *   - no activity is COMPLETED before the boot that an agent asked for;
 *   - a baseline is active as a whole or not at all, unless it is reported inconsistent; and all that is
 *     reported COMPLETED is active;
 *   - every record can be read back, and says the same when it is written again;
 *   - it always ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/feedback.h"
#include "host/orchestrator/state.h"
#include "host/util/diag.h"
#include "tests/sim/sim.h"

struct sim_activity *check_find(struct world *w, const char *id)
{
        size_t i;

        for (i = 0; i < w->n_activities; i++)
                if (strcmp(w->activities[i].id, id) == 0)
                        return &w->activities[i];
        return NULL;
}

/* ------------------------------------------------------------------------------------- commands */

/* Judged by what the agent has really done, so a repeated command is fine and a skipped one is
 * not. */
void check_command(struct world *w, const struct sim_agent *agent, const struct sim_unit *unit,
                   enum step step)
{
        bool fine = true;

        switch (step) {
        case STEP_DOWNLOAD:
        case STEP_UPDATE:
        case STEP_ACTIVATE:
                fine = unit->done >= step - 1 && unit->done != STEP_CLEANUP && !unit->went_back;
                break;
        case STEP_VERIFY:
                /* An agent that lost its memory only knows that it is active, or was before the
                 * boot. */
                fine = (unit->done >= STEP_ACTIVATE && unit->done != STEP_CLEANUP) ||
                       unit->active || unit->nothing || agent->fell_back;
                break;
        case STEP_ROLLBACK: /* are right at any time */
        case STEP_CLEANUP:
                break;
        case STEP_NONE:
        case STEP_IDENTIFY:
        case STEP_COUNT:
                fine = false;
                break;
        }
        if (!fine)
                sim_violate(w, "a command out of order", "%s \"%s\": %s after %s%s", agent->domain,
                            unit->title, step_to_string(step), step_to_string(unit->done),
                            unit->went_back ? " and ROLLBACK" : "");
        if (step == STEP_CLEANUP && unit->put_off)
                sim_violate(w, "given up for being busy", "%s \"%s\"", agent->domain, unit->title);
}

/* ---------------------------------------------------------------------------------------- truth */

static const struct sim_agent *find_agent(const struct world *w, const char *domain)
{
        size_t i;

        for (i = 0; i < w->n_agents; i++)
                if (strcmp(w->agents[i].domain, domain) == 0)
                        return &w->agents[i];
        return NULL;
}

static const struct sim_unit *truth_of(const struct world *w, const char *activity,
                                       const char *domain, const char *title, size_t n_units)
{
        const struct sim_agent *agent = find_agent(w, domain);
        size_t i;

        if (!agent || strcmp(agent->activity, activity) != 0)
                return NULL;
        for (i = 0; i < agent->n_units; i++)
                if (n_units == 1 || strcmp(agent->units[i].title, title) == 0)
                        return &agent->units[i];
        return NULL;
}

static void check_baseline(struct world *w, const struct activity *a, size_t group,
                           enum status status)
{
        size_t active = 0;
        size_t idle = 0;
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++) {
                        const struct domain *d = &a->domains[i];
                        const struct sim_unit *unit;

                        if (d->units[k].group != group)
                                continue;
                        unit = truth_of(w, a->id, d->desired->id, d->units[k].title, d->n_units);
                        if (unit && unit->active)
                                active++;
                        else if (!unit || !unit->nothing)
                                idle++;
                }
        if (active && idle)
                sim_violate(w, "half a baseline is active", "%s %s: %s", a->id,
                            a->desired->baselines[group].title, status_to_string(status));
}

static void check_put_off(struct world *w, const struct activity *a)
{
        size_t i;
        size_t k;

        for (i = 0; i < w->n_agents; i++)
                for (k = 0; strcmp(w->agents[i].activity, a->id) == 0 && k < w->agents[i].n_units; k++)
                        if (w->agents[i].units[k].put_off)
                                sim_violate(w, "given up for being busy", "%s \"%s\"",
                                            w->agents[i].domain, w->agents[i].units[k].title);
}

/* Looks at the activity just before it ends; so it is called with the orchestrator's own view of
 * it, which it only needs for its shape. */
static void check_truth(struct world *w, const struct activity *a, enum status status)
{
        size_t i;
        size_t k;

        if (status == STATUS_INCOMPLETE_INCONSISTENT)
                return;
        check_put_off(w, a);
        for (i = 0; i < a->n_groups; i++)
                check_baseline(w, a, i, status);
        for (i = 0; status == STATUS_COMPLETED && i < w->n_agents; i++)
                if (w->agents[i].asked_reboot && strcmp(w->agents[i].activity, a->id) == 0 &&
                    w->config.reboot_enabled && !w->config.report_before_reboot)
                        sim_violate(w, "COMPLETED, but not booted", "%s %s", a->id,
                                    w->agents[i].domain);
        for (i = 0; status == STATUS_COMPLETED && i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++) {
                        const struct domain *d = &a->domains[i];
                        const struct sim_unit *unit =
                                truth_of(w, a->id, d->desired->id, d->units[k].title, d->n_units);

                        if (d->known && unit && !unit->active && !unit->nothing)
                                sim_violate(w, "COMPLETED, but not active", "%s %s \"%s\"", a->id,
                                            d->desired->id, d->units[k].title);
                }
}

/* -------------------------------------------------------------------------------------- effects */

static enum status status_of(const char *text)
{
        const struct scan_rules rules = { .max_bytes = 1 << 24, .max_depth = 64, .object = true };
        CLEANUP_JSON struct json *root = NULL;

        if (json_parse(text, strlen(text), &rules, NULL, NULL, &root) < 0)
                return STATUS_UNKNOWN;
        return status_from_string(json_get_string(json_get_member(root, "status")));
}

static void check_terminal(struct world *w, struct sim_activity *known, const struct effect *effect)
{
        enum status status = status_of(effect->text);

        known->terminals++;
        if (!status_is_terminal(status))
                sim_violate(w, "not a terminal word", "%s: %s", known->id, effect->text);
        if (!known->terminal) {
                known->terminal = strdup(effect->text);
                known->status = status;
                return;
        }
        if (!w->crashed_ever)
                sim_violate(w, "a second terminal feedback", "%s", known->id);
        else if (known->delivered)
                sim_violate(w, "sent again after the acknowledgement", "%s", known->id);
        else if (strcmp(known->terminal, effect->text) != 0)
                sim_violate(w, "a second, different terminal feedback", "%s: %s", known->id,
                            effect->text);
}

void check_effect(struct world *w, const struct effect *effect)
{
        struct sim_activity *known = effect->activity ? check_find(w, effect->activity) : NULL;
        size_t i;

        if (effect->kind == EFFECT_JOURNAL && sim_chance(w, 250))
                check_record(w, effect->text);
        if (effect->kind == EFFECT_LOG || !known)
                return;
        if (effect->kind == EFFECT_FEEDBACK && effect->terminal)
                check_terminal(w, known, effect);
        if (effect->kind == EFFECT_FEEDBACK && !effect->terminal && known->terminal &&
            status_of(effect->text) != known->status)
                sim_violate(w, "feedback after the end", "%s: %s", known->id, effect->text);
        if (effect->kind != EFFECT_DESIRED_STATE && effect->kind != EFFECT_COMMAND &&
            effect->kind != EFFECT_CANCEL && effect->kind != EFFECT_FEEDBACK_GET)
                return;
        if (known->terminal)
                sim_violate(w, "to an agent after the end", "%s: %s", known->id,
                            effect_kind_to_string(effect->kind));
        for (i = 0; i < w->n_activities; i++)
                if (&w->activities[i] != known && w->activities[i].accepted &&
                    !w->activities[i].terminal && w->activities[i].started)
                        sim_violate(w, "two activities at once", "%s and %s", known->id,
                                    w->activities[i].id);
        known->started = true;
}

/* -------------------------------------------------------------------------------------- records */

void check_record(struct world *w, const char *record)
{
        CLEANUP(orchestrator_freep)
        struct orchestrator *o = NULL;
        CLEANUP_FREE char *again = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = orchestrator_restore(&w->config, record, strlen(record), &diag, &o);
        if (r < 0) {
                sim_violate(w, "a record that cannot be read", "%s: %.200s", diag.text, record);
                return;
        }
        if (o->activity && o->activity->verdict == STATUS_COMPLETED)
                sim_violate(w, "a verdict too early", "%s", o->activity->id);
        r = record_write(o, &again);
        if (r < 0 || strcmp(record, again) != 0)
                sim_violate(w, "a record that changes when it is read", "%.200s", record);
}

/* The activity of the last record, as it was before the broker ended it; called for each terminal
 * feedback before it counts. */
void check_before_step(struct world *w, const struct effects *effects)
{
        size_t i;

        for (i = 0; i < effects->n; i++) {
                const struct effect *e = &effects->items[i];
                CLEANUP(orchestrator_freep)
                struct orchestrator *o = NULL;

                if (e->kind != EFFECT_FEEDBACK || !e->terminal || !w->record)
                        continue;
                if (orchestrator_restore(&w->config, w->record, strlen(w->record), NULL, &o) < 0)
                        continue;
                if (o->activity && strcmp(o->activity->id, e->activity) == 0)
                        check_truth(w, o->activity, status_of(e->text));
        }
}

void check_outgoing(struct world *w)
{
        CLEANUP(orchestrator_freep)
        struct orchestrator *o = NULL;
        size_t i;
        size_t k;

        /* One that cannot be read is found by who reads it in earnest. */
        if (!w->record ||
            orchestrator_restore(&w->config, w->record, strlen(w->record), NULL, &o) < 0)
                return;
        for (i = 0; i < w->n_activities; i++) {
                const struct sim_activity *a = &w->activities[i];

                for (k = 0; k < o->n_outgoing; k++)
                        if (strcmp(o->outgoing[k].activity, a->id) == 0)
                                break;
                if (a->terminal && !a->delivered && k == o->n_outgoing && !a->acknowledged)
                        sim_violate(w, "an end that is not acknowledged is lost", "%s", a->id);
                if (a->delivered && k < o->n_outgoing)
                        sim_violate(w, "an end that is acknowledged is still in the record", "%s",
                                    a->id);
        }
}

void check_end(struct world *w)
{
        size_t i;

        check_outgoing(w);

        for (i = 0; i < w->n_activities; i++) {
                const struct sim_activity *a = &w->activities[i];

                if (a->accepted && !a->terminal)
                        sim_violate(w, "no terminal feedback", "%s", a->id);
        }
        if (w->broker && orchestrator_get_activity(w->broker))
                sim_violate(w, "it does not end", "%s in %s", orchestrator_get_activity(w->broker),
                            orchestrator_get_phase(w->broker));
}
