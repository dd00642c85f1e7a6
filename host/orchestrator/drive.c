/* SPDX-License-Identifier: Apache-2.0
 *
 * Moves units and phases on.
 *
 * drive() is called when something has happened, whatever it was, and does all that follows from
 * it: it gives up what is lost, marks the next step of each domain that is free, sends, and enters
 * the next phase when nobody is behind.  It looks at the whole activity each time.  With at most
 * some dozens of units that costs nothing, and there is no list of things to do that could be
 * wrong after a crash: what is to be done follows from the states in the record.
 *
 * It may end the activity, which frees it.  So nothing of the activity is touched behind it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "host/model/desired_state.h"
#include "host/orchestrator/state.h"

/* ------------------------------------------------------------------------------ units and steps */

static unsigned slot_of(const struct orchestrator *o, const struct domain *d)
{
        return (unsigned)(d - o->activity->domains);
}

/* A unit of a baseline that leaves the way to success takes the baseline with it.  LEFTOVER does
 * not: its software runs, only the old one could not be removed. */
static void fail_group(struct orchestrator *o, const struct unit *unit)
{
        struct group *group;

        if (unit->group == ACTIVITY_NO_GROUP || !unit_has_failed(unit->state) ||
            unit->state == UNIT_LEFTOVER)
                return;
        group = &o->activity->groups[unit->group];
        if (!group->failed)
                orchestrator_log(o, 4, NULL, "baseline %s failed: all of it goes back",
                                 o->activity->desired->baselines[unit->group].title);
        group->failed = true;
}

void drive_unit(struct orchestrator *o, struct domain *d, struct unit *unit, enum unit_input input,
                const char *reason)
{
        enum unit_state next = unit_next(unit->state, input, activity_tie(unit));

        if (next == unit->state)
                return;
        if (unit_has_failed(next))
                orchestrator_check(o, reason_set(&unit->reason, reason, input == UNIT_SILENT));
        orchestrator_log(o, 7, d->desired->id, "unit %s: %s -> %s",
                         *unit->title ? unit->title : "(all)", unit_state_to_string(unit->state),
                         unit_state_to_string(next));
        unit->state = next;
        o->dirty = true;
        fail_group(o, unit);
}

void drive_end_step(struct orchestrator *o, struct domain *d)
{
        d->step = STEP_NONE;
        d->sent = false;
        d->repeated = false;
        d->held = false;
        d->deaths = 0;
        d->resume = RESUME_NO;
        orchestrator_disarm(o, TIMER_SILENCE, slot_of(o, d), &d->silence);
        orchestrator_disarm(o, TIMER_LIMIT, slot_of(o, d), &d->limit);
}

void drive_listen(struct orchestrator *o, struct domain *d)
{
        orchestrator_arm(o, TIMER_SILENCE, slot_of(o, d), o->config.phase_timeout_usec,
                         &d->silence);
}

static void send_desired_state(struct orchestrator *o, struct domain *d)
{
        const char *remaining = NULL;
        char *text = NULL;
        size_t k;

        for (k = 0; k < d->n_units; k++)
                drive_unit(o, d, &d->units[k], UNIT_AGAIN, NULL);
        if (d->n_units > 1 && d->units[d->n_units - 1].group == ACTIVITY_NO_GROUP)
                remaining = ORCHESTRATOR_REMAINING;
        orchestrator_check(o, desired_state_write_domain(o->activity->desired, d->desired,
                                                         remaining, &text));
        orchestrator_tell(o, EFFECT_DESIRED_STATE, d, STEP_IDENTIFY, NULL, text);
}

void drive_send(struct orchestrator *o, struct domain *d)
{
        const struct agent *agent = d->agent;
        bool asks = d->resume == RESUME_ASK;

        if (d->step == STEP_NONE && !asks)
                return;
        if (!agent || !agent->up) {
                /* It may come back; its absence is silence. */
                if (!d->silence)
                        drive_listen(o, d);
                return;
        }
        if (asks) {
                d->resume = RESUME_ASKED;
                orchestrator_tell(o, EFFECT_FEEDBACK_GET, d, STEP_NONE, NULL, NULL);
                drive_listen(o, d);
                return;
        }
        if (d->sent || d->resume != RESUME_NO)
                return;
        d->sent = true;
        if (d->step == STEP_IDENTIFY)
                send_desired_state(o, d);
        else
                orchestrator_tell(o, EFFECT_COMMAND, d, d->step, d->units[d->unit].title, NULL);
        drive_listen(o, d);
        if (o->config.phase_limit_usec && !d->limit)
                orchestrator_arm(o, TIMER_LIMIT, slot_of(o, d), o->config.phase_limit_usec,
                                 &d->limit);
}

/* Gives a domain that has nothing to do its next step.  Only marks it: the record with all marks
 * goes out before the first of the commands. */
static void choose_step(struct orchestrator *o, struct domain *d)
{
        size_t k;

        if (d->step != STEP_NONE || d->resume != RESUME_NO || !d->known)
                return;
        for (k = 0; k < d->n_units; k++) {
                enum step step = activity_due(o->activity, d, &d->units[k]);

                if (step == STEP_NONE)
                        continue;
                d->step = step;
                d->unit = k;
                d->sent = false;
                if (step == STEP_ACTIVATE)
                        d->units[k].touched = true;
                o->dirty = true;
                return;
        }
}

/* True while the domain is still to be asked for the sake of a unit that has not been given up.
 * The answer is about all of its units, so the others wait for it, and are told to clean up
 * then. */
static bool identifies(const struct activity *a, const struct domain *d)
{
        size_t k;

        for (k = 0; k < d->n_units; k++)
                if (d->units[k].state == UNIT_NEW && !activity_is_given_up(a, &d->units[k]))
                        return true;
        return false;
}

/* Units whose baseline failed, or whose activity is to end, leave the way to success; one that is
 * in the middle of a step finishes it first. */
static void give_up(struct orchestrator *o, struct domain *d)
{
        const struct activity *a = o->activity;
        bool busy = d->step != STEP_NONE || d->resume != RESUME_NO;
        bool all = true;
        size_t k;

        for (k = 0; k < d->n_units; k++) {
                struct unit *unit = &d->units[k];

                if (!activity_is_given_up(a, unit)) {
                        all &= unit_is_final(unit->state);
                        continue;
                }
                /* A whole domain is at work while it identifies, otherwise one unit of it. */
                if (busy && (d->unit == k || d->step == STEP_IDENTIFY || d->resume != RESUME_NO))
                        continue;
                if (unit->state == UNIT_NEW && identifies(a, d))
                        continue;
                drive_unit(o, d, unit, UNIT_GIVE_UP, NULL);
        }
        /* Later than this it is better to wait for the end of the step, and to know what there is
         * to undo. */
        if (all && d->sent && !d->cancelled && d->resume == RESUME_NO && d->step != STEP_NONE &&
            d->step < STEP_ACTIVATE) {
                d->cancelled = true;
                orchestrator_tell(o, EFFECT_CANCEL, d, STEP_NONE, NULL, NULL);
        }
}

/* Ends the steps of those that nobody will ever take.  True: there were some, and what follows on
 * them is to be chosen. */
static bool fail_hopeless(struct orchestrator *o)
{
        struct activity *a = o->activity;
        bool any = false;
        size_t i;

        for (i = 0; i < a->n_domains; i++) {
                struct domain *d = &a->domains[i];
                const struct agent *agent = d->agent;

                if (!agent || agent->up || !agent->fault || domain_is_final(d) ||
                    (d->step == STEP_NONE && d->resume == RESUME_NO))
                        continue;
                intake_hopeless(o, d, agent->fault);
                any = true;
        }
        return any;
}

static void issue(struct orchestrator *o)
{
        struct activity *a = o->activity;
        size_t i;

        /* Each turn takes the units of such a domain one state further, and none leads back. */
        do {
                for (i = 0; i < a->n_domains; i++)
                        give_up(o, &a->domains[i]);
                for (i = 0; i < a->n_domains; i++)
                        choose_step(o, &a->domains[i]);
        } while (fail_hopeless(o));
        for (i = 0; i < a->n_domains; i++)
                drive_send(o, &a->domains[i]);
}

/* --------------------------------------------------------------------------------------- phases */

static bool phase_is_done(const struct activity *a)
{
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++)
                        if (activity_is_behind(a, &a->domains[i], &a->domains[i].units[k]))
                                return false;
        return true;
}

static bool wants_reboot(const struct orchestrator *o)
{
        const struct activity *a = o->activity;
        size_t i;
        size_t k;

        if (!o->config.reboot_enabled || o->config.report_before_reboot)
                return false;
        for (i = 0; i < a->n_domains; i++)
                for (k = 0; a->domains[i].reboot && k < a->domains[i].n_units; k++)
                        if (!unit_has_failed(a->domains[i].units[k].state))
                                return true;
        return false;
}

static void enter_phase(struct orchestrator *o, enum phase phase)
{
        struct activity *a = o->activity;
        size_t i;
        size_t k;

        orchestrator_log(o, 6, NULL, "phase %s", phase_to_string(phase));
        a->phase = phase;
        o->dirty = true;
        if (phase == PHASE_REBOOT)
                drive_wait_reboot(o);
        if (phase == PHASE_CLEANUP)
                for (i = 0; i < a->n_domains; i++)
                        for (k = 0; k < a->domains[i].n_units; k++)
                                drive_unit(o, &a->domains[i], &a->domains[i].units[k], UNIT_PASS,
                                           NULL);
        if (phase_step(phase) != STEP_NONE)
                gates_close(o);
}

static bool any_failed(const struct activity *a)
{
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; a->domains[i].known && k < a->domains[i].n_units; k++)
                        if (unit_has_failed(a->domains[i].units[k].state))
                                return true;
        return false;
}

static bool any_succeeded(const struct activity *a)
{
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++)
                for (k = 0; k < a->domains[i].n_units; k++)
                        if (unit_is_final(a->domains[i].units[k].state) &&
                            !unit_has_failed(a->domains[i].units[k].state))
                                return true;
        return false;
}

/* Everyone has answered the desired state. */
static void leave_identify(struct orchestrator *o)
{
        struct activity *a = o->activity;
        bool any_forward = activity_any_forward(a);

        if (a->refused) {
                drive_abandon(o, STATUS_IDENTIFICATION_FAILED, NULL);
        } else if (any_forward || !any_failed(a)) {
                a->identified = true;
                o->dirty = true;
                report_status(o, STATUS_IDENTIFIED, NULL);
                report_running(o, any_forward);
        }
}

static void leave_phase(struct orchestrator *o)
{
        struct activity *a = o->activity;

        if (a->phase != PHASE_IDENTIFY)
                report_running(o, true);
        else if (!a->abandoned)
                leave_identify(o);
        if (a->abandoned || !activity_any_forward(a)) {
                if (!a->abandoned && a->phase < PHASE_CLEANUP && !any_succeeded(a))
                        a->stuck = a->phase;
                /* A domain may ask for a boot and then be through before the others. */
                if (!a->abandoned && a->phase < PHASE_REBOOT && wants_reboot(o))
                        enter_phase(o, PHASE_REBOOT);
                else
                        enter_phase(o, PHASE_END);
                return;
        }
        switch (a->phase) {
        case PHASE_IDENTIFY:
                enter_phase(o, PHASE_DOWNLOAD);
                return;
        case PHASE_DOWNLOAD:
                enter_phase(o, PHASE_UPDATE);
                return;
        case PHASE_UPDATE:
                enter_phase(o, PHASE_ACTIVATE);
                return;
        case PHASE_ACTIVATE:
                enter_phase(o, wants_reboot(o) ? PHASE_REBOOT : PHASE_CLEANUP);
                return;
        case PHASE_REBOOT: /* left by resume(), after the boot */
        case PHASE_VERIFY:
                enter_phase(o, PHASE_CLEANUP);
                return;
        case PHASE_CLEANUP:
        case PHASE_END:
        case PHASE_COUNT:
                enter_phase(o, PHASE_END);
                return;
        }
}

static void finish(struct orchestrator *o)
{
        CLEANUP_FREE char *text = NULL;
        enum status status = STATUS_INCOMPLETE;
        int r;

        r = verdict(o, &status, &text);
        orchestrator_check(o, r);
        if (r == 0)
                queue_finish(o, status, text);
}

void drive(struct orchestrator *o)
{
        struct activity *a;

        /* Each turn ends the activity, waits for something, or enters a later phase. */
        for (;;) {
                a = o->activity;
                if (!a || o->effects->failed)
                        return;
                issue(o);
                if (a->gate != GATE_OPEN) {
                        if (activity_any_forward(a))
                                return;
                        gates_open(o); /* nobody is left to go through it */
                        continue;
                }
                if (a->phase == PHASE_END) {
                        if (activity_all_final(a))
                                finish(o);
                        return;
                }
                if (a->phase == PHASE_REBOOT && wants_reboot(o) && !a->abandoned)
                        return;
                if (!phase_is_done(a))
                        return;
                if (a->phase == PHASE_REBOOT)
                        orchestrator_disarm(o, TIMER_REBOOT, 0, &o->reboot_timer);
                leave_phase(o);
        }
}

/* ----------------------------------------------------------------------------------- early ends */

void drive_abandon(struct orchestrator *o, enum status verdict, const char *text)
{
        struct activity *a = o->activity;

        if (a->abandoned)
                return;
        a->abandoned = true;
        a->verdict = verdict;
        o->dirty = true;
        if (!text)
                return;
        a->verdict_text = strdup(text);
        if (!a->verdict_text)
                orchestrator_fail(o);
}

void drive_wait_reboot(struct orchestrator *o)
{
        orchestrator_arm(o, TIMER_REBOOT, 0, o->config.reboot_after_usec, &o->reboot_timer);
}

void drive_reboot_failed(struct orchestrator *o, const char *text)
{
        struct activity *a = o->activity;
        size_t i;
        size_t k;

        a->phase = PHASE_VERIFY;
        for (i = 0; i < a->n_domains; i++)
                for (k = 0; a->domains[i].reboot && k < a->domains[i].n_units; k++)
                        if (!unit_has_failed(a->domains[i].units[k].state))
                                drive_unit(o, &a->domains[i], &a->domains[i].units[k], UNIT_FAILED,
                                           text);
        drive(o);
}
