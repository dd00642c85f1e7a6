/* SPDX-License-Identifier: Apache-2.0
 *
 * What an agent says or does, made an input for its units.
 *
 * Agents repeat themselves, answer late, and say the word of another step than the one that they
 * were asked for.  The rule: a word counts when it ends the step that the domain is at, or the
 * domain as a whole; everything else is progress, shown upward and otherwise only a sign of
 * life.  Silence, death, refusal and hopelessness end a step as a failure does, with the reason
 * that a person can use.
 *
 * A refusal because the agent is busy is none: see is_only_busy().
 *
 * A death on the way to success costs what is not active by then.  On the way back more is at stake
 * than a verdict: ROLLBACK and CLEANUP are asked for once more of the agent's next life. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/duration.h"
#include "host/model/feedback.h"
#include "host/orchestrator/state.h"

enum {
        REASON_MAX = 1024,
        HOLDS_MAX = 8, /* of a domain in an activity */
};

/* --------------------------------------------------------------------------------- who is meant */

/* Every unit that is new, when the desired state is answered; otherwise the one whose step it
 * is. */
static void answer_step(struct orchestrator *o, struct domain *d, enum unit_input input,
                        const char *reason)
{
        enum step step = d->step;
        size_t unit = d->unit;
        size_t k;

        drive_end_step(o, d);
        if (step != STEP_IDENTIFY) {
                drive_unit(o, d, &d->units[unit], input, reason);
                return;
        }
        for (k = 0; k < d->n_units; k++)
                if (d->units[k].state == UNIT_NEW)
                        drive_unit(o, d, &d->units[k], input, reason);
}

/* The agent is lost on the way, and with it all that is not yet active. */
static void answer_loss(struct orchestrator *o, struct domain *d, enum unit_input input,
                        const char *reason)
{
        size_t k;

        drive_end_step(o, d);
        for (k = 0; k < d->n_units; k++)
                if (d->units[k].state < UNIT_ACTIVATED)
                        drive_unit(o, d, &d->units[k], input, reason);
}

/* Its last word on the domain.  A unit that it could not revert for being at this end itself is not
 * meant: it is told to ROLLBACK once more. */
static void answer_end(struct orchestrator *o, struct domain *d, enum unit_input input,
                       const char *reason)
{
        bool held = d->held && d->units[d->unit].state == UNIT_REVERT;
        size_t unit = d->unit;
        size_t k;

        drive_end_step(o, d);
        for (k = 0; k < d->n_units; k++)
                if (!held || k != unit)
                        drive_unit(o, d, &d->units[k], input, reason);
}

/* -------------------------------------------------------------------------------------- reasons */

/* What the agent says of the failure: its message, or that of the component that failed. */
static const char *find_reason(const struct domain *d, const struct feedback *f,
                               char buf[REASON_MAX])
{
        size_t prefix = strlen(d->desired->id);
        size_t i;

        if (*f->message)
                return f->message;
        for (i = 0; i < f->n_actions; i++) {
                const struct action *action = &f->actions[i];
                const char *id = action->id;

                if (!*action->message ||
                    status_kind(status_from_string(action->status)) != STATUS_KIND_FAILURE)
                        continue;
                if (strncmp(id, d->desired->id, prefix) == 0 && id[prefix] == ':')
                        id += prefix + 1;
                (void)snprintf(buf, REASON_MAX, "%s: %s", id, action->message); /* cut if long */
                return buf;
        }
        return NULL;
}

/* ------------------------------------------------------------------------------------- feedback */

static bool is_forward_step(enum step step)
{
        return step >= STEP_IDENTIFY && step <= STEP_VERIFY;
}

/* True when the word ends the step that the agent is at.  A failure of any step on the way ends the
 * one in progress: agents were seen to fail an UPDATE while they downloaded. */
static bool ends_step(const struct domain *d, const struct feedback *f)
{
        enum step step = status_step(f->status);

        if (d->step == STEP_NONE || !d->sent)
                return false;
        if (d->step != STEP_IDENTIFY && *f->baseline &&
            strcmp(f->baseline, d->units[d->unit].title) != 0 && d->n_units > 1)
                return false; /* of another unit, and so an echo */
        if (status_kind(f->status) == STATUS_KIND_FAILURE)
                return step == d->step || (is_forward_step(step) && is_forward_step(d->step));
        return step == d->step;
}

static bool is_outcome(const struct feedback *f)
{
        enum status_kind kind = status_kind(f->status);

        return kind == STATUS_KIND_SUCCESS || kind == STATUS_KIND_FAILURE;
}

/* Whatever it was at has ended. */
static void send_held(struct domain *d)
{
        d->held = false;
        d->sent = false;
}

static void identification_failed(struct orchestrator *o, struct domain *d, const char *reason)
{
        if (o->activity->phase == PHASE_IDENTIFY)
                o->activity->refused = true;
        answer_step(o, d, UNIT_FAILED, reason ? reason : "identification failed");
}

static void take_success(struct orchestrator *o, struct domain *d, const struct feedback *f)
{
        if (d->step == STEP_IDENTIFY && f->n_actions == 0)
                answer_step(o, d, UNIT_NOTHING_TO_DO, NULL);
        else
                answer_step(o, d, UNIT_OK, NULL);
}

static void take_failure(struct orchestrator *o, struct domain *d, const struct feedback *f)
{
        char buf[REASON_MAX];
        const char *reason = find_reason(d, f, buf);

        if (d->step == STEP_IDENTIFY)
                identification_failed(o, d, reason);
        else
                answer_step(o, d, UNIT_FAILED, reason);
}

bool intake_take(struct orchestrator *o, struct domain *d, const struct feedback *f)
{
        char buf[REASON_MAX];

        switch (status_kind(f->status)) {
        case STATUS_KIND_END_GOOD:
                /* What it says to a unit that goes back, or to a CLEANUP: see unit.h. */
                answer_end(o, d, UNIT_COMPLETED, NULL);
                return true;
        case STATUS_KIND_END_BAD:
                answer_end(o, d, UNIT_INCOMPLETE, find_reason(d, f, buf));
                return true;
        case STATUS_KIND_SUCCESS:
                if (!ends_step(d, f))
                        return false;
                take_success(o, d, f);
                return true;
        case STATUS_KIND_FAILURE:
                if (!ends_step(d, f))
                        return false;
                take_failure(o, d, f);
                return true;
        case STATUS_KIND_PROGRESS:
        case STATUS_KIND_NONE:
                break;
        }
        return false;
}

void intake_feedback(struct orchestrator *o, const struct event *event)
{
        const struct feedback *f = event->feedback;
        struct activity *a = o->activity;
        struct domain *d;
        int changed;

        if (!a || strcmp(a->id, event->activity) != 0) {
                orchestrator_log(o, 7, event->domain,
                                 "feedback for activity %s, which does not run", event->activity);
                return;
        }
        d = activity_find_domain(a, event->domain);
        if (!d || !d->known) {
                orchestrator_log(o, 7, event->domain, "feedback, but the domain takes no part");
                return;
        }
        changed = actions_merge(&d->actions, f);
        orchestrator_check(o, changed);
        if (d->silence)
                drive_listen(o, d); /* whatever it says: it is alive */
        if (d->resume == RESUME_ASKED)
                resume_answer(o, d, f);
        else if (!intake_take(o, d, f) && d->held && is_outcome(f))
                send_held(d);
        drive(o); /* what does not count is no fault either */
        /* Whoever fails or ends in this feedback has been reported by what came of it. */
        if (o->activity == a)
                report_running(o, changed > 0);
}

/* ----------------------------------------------------------------------------- refusals, deaths */

/* Busy is no answer.  On the way on it means that the agent has been at this very command since
 * before a restart.  On the way back it may as well be at what it was told before: at our CANCEL, or
 * at a step that was too slow to wait for.  It says when that is over, and is told again; but not for
 * ever. */
static bool is_only_busy(struct domain *d, int result)
{
        if (result != -EBUSY)
                return false;
        if (is_forward_step(d->step))
                return d->repeated;
        d->held = d->holds++ < HOLDS_MAX;
        return d->held;
}

static void command_refused(struct orchestrator *o, struct domain *d, int result, const char *text)
{
        if (!d->sent || d->step == STEP_NONE || d->step == STEP_IDENTIFY)
                return;
        if (is_only_busy(d, result))
                return;
        if (d->step == STEP_VERIFY && result == -ENOTSUP) {
                orchestrator_log(o, 5, d->desired->id, "the agent cannot verify what it activated");
                answer_step(o, d, UNIT_OK, NULL);
        } else if (d->step == STEP_CLEANUP && (result == -ENOENT || result == -ENOTSUP)) {
                answer_step(o, d, UNIT_OK, NULL); /* there is nothing to clean up */
        } else {
                answer_step(o, d, UNIT_FAILED, text);
        }
}

void intake_refused(struct orchestrator *o, const struct event *event)
{
        struct activity *a = o->activity;
        char text[REASON_MAX];
        struct domain *d;

        if (!a || strcmp(a->id, event->activity) != 0)
                return;
        d = activity_find_domain(a, event->domain);
        if (!d || !d->known)
                return;
        (void)snprintf(text, sizeof(text), "the agent refused %s: %s",
                       d->step == STEP_NONE || d->step == STEP_IDENTIFY ? "the desired state"
                                                                        : step_to_string(d->step),
                       event->text && *event->text ? event->text : strerror(-event->result));
        if (event->request == EFFECT_DESIRED_STATE && d->step == STEP_IDENTIFY && d->sent) {
                if (!(d->repeated && event->result == -EBUSY))
                        identification_failed(o, d, text);
        } else if (event->request == EFFECT_COMMAND && d->resume == RESUME_NO) {
                command_refused(o, d, event->result, text);
        } else if (event->request == EFFECT_FEEDBACK_GET && d->resume == RESUME_ASKED) {
                resume_answer(o, d, NULL);
        }
        drive(o);
}

void intake_died(struct orchestrator *o, struct domain *d, const char *text)
{
        char reason[REASON_MAX];

        (void)snprintf(reason, sizeof(reason), "the agent died%s%s", text && *text ? ": " : "",
                       text ? text : "");
        /* The device goes down: everybody dies. */
        if (o->activity->phase == PHASE_REBOOT && !o->activity->abandoned)
                return;
        if (domain_is_final(d) || !d->known)
                return;
        if (d->resume == RESUME_ASKED)
                d->resume = RESUME_ASK; /* asked again when it is back */
        if (d->resume != RESUME_NO)
                return;
        if (d->step == STEP_NONE || (is_forward_step(d->step) && d->step != STEP_VERIFY)) {
                answer_loss(o, d, UNIT_DIED, reason);
        } else if (d->deaths++ == 0) {
                d->sent = false; /* one more chance to go back, to clean up, or to look */
                d->repeated = true;
                d->held = false;
        } else if (d->step == STEP_VERIFY) {
                size_t unit = d->unit;

                answer_loss(o, d, UNIT_DIED, reason);
                drive_unit(o, d, &d->units[unit], UNIT_DIED, reason);
        } else {
                answer_step(o, d, UNIT_DIED, reason);
        }
        drive(o);
}

void intake_started(struct orchestrator *o, struct domain *d)
{
        drive_send(o, d);
}

/* ----------------------------------------------------------------------------------------- time */

/* It did not say after a restart where it stands: nobody knows what it has done. */
static void distrust(struct domain *d)
{
        size_t k;

        for (k = 0; k < d->n_units; k++)
                d->units[k].touched = true;
}

/* Nothing is to be expected of the step that it is at, nor of the question where it stands. */
static void stop_waiting(struct orchestrator *o, struct domain *d, enum unit_input input,
                         const char *reason)
{
        enum step step = d->step;

        if (o->activity->phase == PHASE_IDENTIFY && step == STEP_IDENTIFY)
                o->activity->refused = true;
        if (d->resume != RESUME_NO)
                distrust(d);
        if (step == STEP_NONE || (is_forward_step(step) && step != STEP_VERIFY))
                answer_loss(o, d, input, reason);
        else
                answer_step(o, d, input, reason);
}

void intake_timeout(struct orchestrator *o, struct domain *d, bool limit)
{
        const struct agent *agent = d->agent;
        bool parting = agent && agent->up && d->sent;
        char reason[DURATION_TEXT_MAX + 64];
        char time[DURATION_TEXT_MAX];
        enum step step = d->step;

        (void)duration_to_string(limit ? o->config.phase_limit_usec : o->config.phase_timeout_usec,
                                 time);
        if (agent && !agent->up)
                (void)snprintf(reason, sizeof(reason), "the agent does not run, waited %s", time);
        else
                (void)snprintf(reason, sizeof(reason),
                               limit ? "not finished in %s" : "not received in %s", time);
        orchestrator_log(o, 4, d->desired->id, "%s: %s", step_to_string(step), reason);
        stop_waiting(o, d, UNIT_SILENT, reason);
        /* Nobody waits for it any more, but it must not stay in the middle of something: agents
         * were seen to take nothing else until they have had this. */
        if (parting && step != STEP_CLEANUP && domain_is_final(d))
                orchestrator_tell(o, EFFECT_COMMAND, d, STEP_CLEANUP, "", NULL);
        drive(o);
}

void intake_hopeless(struct orchestrator *o, struct domain *d, const char *fault)
{
        char reason[REASON_MAX];

        (void)snprintf(reason, sizeof(reason), "the agent cannot run: %s", fault);
        orchestrator_log(o, 4, d->desired->id, "%s: %s", step_to_string(d->step), reason);
        stop_waiting(o, d, UNIT_DIED, reason);
}

void intake_reboot_request(struct orchestrator *o, struct domain *d, const char *reason)
{
        orchestrator_log(o, 5, d->desired->id, "asks for a boot: %s", reason ? reason : "");
        if (d->reboot)
                return;
        d->reboot = true;
        o->dirty = true;
}
