/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes up the activity of a record: after a crash, a restart, a loss of power, or the boot that
 * it has asked for.
 *
 * The record says what an agent was told, not what it has done with it, so a domain that had a
 * step is asked where it stands before it is told anything.  The table is in orchestrator.h.  A
 * domain that does not know is taken to have done anything that it had been told: its units count
 * as touched, and are rolled back rather than only cleaned up when the activity fails. */
#include <stddef.h>

#include "host/model/feedback.h"
#include "host/orchestrator/state.h"

/* Sends the step that the record knows once more. */
static void repeat(struct orchestrator *o, struct domain *d)
{
        d->resume = RESUME_NO;
        d->sent = false;
        d->repeated = true;
        drive_send(o, d);
}

/* The agent knows nothing of the activity: what is not active yet begins with the desired state,
 * and catches up with the others. */
static void start_over(struct orchestrator *o, struct domain *d)
{
        size_t k;

        orchestrator_log(o, 5, d->desired->id, "the agent does not know the activity: starts over");
        drive_end_step(o, d);
        for (k = 0; k < d->n_units; k++)
                if (d->units[k].state < UNIT_ACTIVATED) {
                        d->units[k].state = UNIT_NEW;
                        d->units[k].touched = true; /* nobody knows what it has done */
                }
        o->dirty = true;
}

void resume_answer(struct orchestrator *o, struct domain *d, const struct feedback *feedback)
{
        d->resume = RESUME_NO;
        if (!feedback) {
                if (d->step <= STEP_ACTIVATE)
                        start_over(o, d);
                else
                        repeat(o, d);
                return;
        }
        /* The answer counts as if it had just been given.  When it leaves the step open, the agent
         * is told again. */
        d->sent = true;
        if (!intake_take(o, d, feedback) && d->step != STEP_NONE)
                repeat(o, d);
}

/* The agents of the record may not be those of the configuration any more. */
static void drop_domain(struct orchestrator *o, struct domain *d)
{
        size_t k;

        drive_end_step(o, d);
        for (k = 0; k < d->n_units; k++)
                drive_unit(o, d, &d->units[k], UNIT_INCOMPLETE, "there is no agent any more");
}

static void resume_domain(struct orchestrator *o, struct domain *d)
{
        bool idle = d->step == STEP_NONE;
        size_t k;

        for (k = 0; d->reboot && o->activity->phase == PHASE_VERIFY && k < d->n_units; k++)
                drive_unit(o, d, &d->units[k], UNIT_BOOTED, NULL);
        if (domain_is_final(d))
                return;
        if (!d->known) {
                drop_domain(o, d);
                return;
        }
        d->sent = false;
        d->repeated = !idle;
        if (d->step == STEP_IDENTIFY)
                return;
        /* What is active needs no more than the next command. */
        for (k = 0; idle && k < d->n_units; k++)
                idle = d->units[k].state >= UNIT_ACTIVATED;
        d->resume = idle ? RESUME_NO : RESUME_ASK;
}

void resume(struct orchestrator *o)
{
        struct activity *a = o->activity;
        size_t i;

        orchestrator_log(o, 5, NULL, "activity %s goes on in phase %s", a->id,
                         phase_to_string(a->phase));
        for (i = 0; i < a->n_domains; i++)
                resume_domain(o, &a->domains[i]);
        if (a->phase == PHASE_REBOOT && !a->abandoned)
                drive_wait_reboot(o); /* the daemon died, the device did not */
        if (a->gate != GATE_OPEN)
                gates_close(o);
        drive(o);
}
