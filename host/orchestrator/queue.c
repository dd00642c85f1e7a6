/* SPDX-License-Identifier: Apache-2.0
 *
 * Which activity runs, which waits, and which is only answered.
 *
 * One runs at a time, and one desired state may wait behind it: what a device is to be is said
 * completely each time, so of several that wait only the last one means anything.  The others end
 * as superseded, with a terminal feedback of their own, and so does the one that runs as long as
 * it has changed nothing.  With refuse_concurrent there is no waiting place, as with Kanto.
 *
 * Brokers keep desired states and send them again at every connect.  An id that is known, because
 * it runs, waits or has ended, is answered with what is known of it and never run twice. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/orchestrator/state.h"

#define TEXT_NO_DOMAIN "the desired state manifest does not contain any supported domain"

void queue_waiting_done(struct waiting *waiting)
{
        free(waiting->activity);
        (void)desired_state_free(waiting->desired);
        *waiting = (struct waiting){ .activity = NULL };
}

static bool is_given_up(const struct activity *a, const struct domain *d)
{
        size_t k;

        for (k = 0; k < d->n_units; k++)
                if (!activity_is_given_up(a, &d->units[k]))
                        return false;
        return true;
}

/* Units that nobody can carry out are over before it begins, and domains of which that leaves
 * nothing. */
static bool drop_unknown_domains(struct orchestrator *o)
{
        struct activity *a = o->activity;
        bool any_known = false;
        size_t i;
        size_t k;

        for (i = 0; i < a->n_domains; i++) {
                struct domain *d = &a->domains[i];

                any_known |= d->known;
                if (d->known)
                        continue;
                orchestrator_log(o, 4, d->desired->id, "there is no agent for this domain");
                for (k = 0; k < d->n_units; k++)
                        drive_unit(o, d, &d->units[k], UNIT_INCOMPLETE,
                                   "there is no agent for this domain");
        }
        for (i = 0; i < a->n_domains; i++)
                if (is_given_up(a, &a->domains[i]))
                        for (k = 0; k < a->domains[i].n_units; k++)
                                drive_unit(o, &a->domains[i], &a->domains[i].units[k],
                                           UNIT_INCOMPLETE, NULL);
        return any_known;
}

static void begin(struct orchestrator *o, const char *id, struct desired_state *take_desired)
{
        int r;

        r = activity_new(id, take_desired, &o->activity);
        if (r < 0) {
                orchestrator_fail(o);
                return;
        }
        orchestrator_know_domains(o);
        o->dirty = true;
        if (!drop_unknown_domains(o)) {
                queue_finish(o, STATUS_INCOMPLETE, TEXT_NO_DOMAIN);
                return;
        }
        report_status(o, STATUS_IDENTIFYING, NULL);
        drive(o);
}

/* The next in the queue, unless the device is about to go down. */
void queue_begin_waiting(struct orchestrator *o)
{
        struct waiting waiting = o->waiting;

        if (!waiting.activity || o->activity || o->reboot_due || o->stopping)
                return;
        o->waiting = (struct waiting){ .activity = NULL };
        begin(o, waiting.activity, TAKE_PTR(waiting.desired));
        free(waiting.activity);
}

/* Kanto's static setting: domains that were changed and are listed.  And those that asked, when the
 * boot was to come after the report; else they have had theirs, which served for all. */
static bool changed_what_needs_reboot(const struct orchestrator *o)
{
        const struct activity *a = o->activity;
        bool listed = false;
        size_t i;

        for (i = 0; i < a->n_domains; i++) {
                const struct domain *d = &a->domains[i];

                if (d->reboot)
                        return o->config.report_before_reboot;
                if (d->agent && d->agent->reboot_required && d->actions.n_heard)
                        listed = true;
        }
        return listed;
}

static void decide_reboot(struct orchestrator *o, enum status status)
{
        if (status != STATUS_COMPLETED || !changed_what_needs_reboot(o))
                return;
        if (!o->config.reboot_enabled) {
                orchestrator_log(o, 4, NULL, "the device should boot, but that is switched off");
                return;
        }
        o->reboot_due = true;
        drive_wait_reboot(o);
}

static void end_domains(struct orchestrator *o, const struct activity *a)
{
        size_t i;

        for (i = 0; i < a->n_domains; i++)
                if (a->domains[i].known)
                        orchestrator_emit(o, &(struct effect){
                                                     .kind = EFFECT_ACTIVITY_END,
                                                     .domain = a->domains[i].desired->id,
                                                     .activity = a->id,
                                             });
}

/* The record that holds the terminal feedback does not hold the activity any more, so that neither
 * a second one nor none can come of it. */
void queue_finish(struct orchestrator *o, enum status status, const char *message)
{
        CLEANUP(activity_freep)
        struct activity *a = o->activity;
        size_t i;

        report_close(o);
        for (i = 0; i < a->n_domains; i++)
                drive_end_step(o, &a->domains[i]);
        report_terminal(o, a->id, status, message, true);
        decide_reboot(o, status);
        o->activity = NULL;
        outgoing_send(o);
        end_domains(o, a);
        orchestrator_emit(o, &(struct effect){ .kind = EFFECT_INVENTORY, .activity = a->id });
        queue_begin_waiting(o);
}

static void answer_known(struct orchestrator *o, const char *id, const struct result *result)
{
        if (result) {
                report_again(o, result);
                o->dirty |= history_touch(&o->history, id);
        } else if (o->activity && strcmp(o->activity->id, id) == 0) {
                report_status(o,
                              o->activity->phase == PHASE_IDENTIFY ? STATUS_IDENTIFYING
                                                                   : STATUS_RUNNING,
                              NULL);
        }
        orchestrator_log(o, 6, NULL, "activity %s is known already: not run again", id);
}

static void put_in_queue(struct orchestrator *o, const char *id, struct desired_state *take_desired)
{
        char text[128];

        if (o->waiting.activity) {
                (void)snprintf(text, sizeof(text), "superseded by %s", id);
                report_terminal(o, o->waiting.activity, STATUS_SUPERSEDED, text, false);
        }
        queue_waiting_done(&o->waiting);
        o->waiting.activity = strdup(id);
        o->waiting.desired = take_desired;
        if (!o->waiting.activity)
                orchestrator_fail(o);
        o->dirty = true;
        orchestrator_flush(o);
        outgoing_send(o);
        if (o->activity && o->activity->phase < PHASE_UPDATE) {
                (void)snprintf(text, sizeof(text), "superseded by %s", id);
                drive_abandon(o, STATUS_SUPERSEDED, text);
                drive(o);
        }
}

void queue_desired_state(struct orchestrator *o, const struct event *event)
{
        CLEANUP(desired_state_freep)
        struct desired_state *desired = event->desired;
        const struct result *result = history_find(&o->history, event->activity);
        char text[128];

        if (result || (o->activity && strcmp(o->activity->id, event->activity) == 0) ||
            (o->waiting.activity && strcmp(o->waiting.activity, event->activity) == 0)) {
                answer_known(o, event->activity, result);
        } else if (!o->activity && !o->reboot_due) {
                begin(o, event->activity, TAKE_PTR(desired));
        } else if (o->config.refuse_concurrent && o->activity) {
                (void)snprintf(text, sizeof(text), "Another update activity in progress - %s",
                               o->activity->id);
                report_terminal(o, event->activity, STATUS_IDENTIFICATION_FAILED, text, false);
                outgoing_send(o);
        } else {
                put_in_queue(o, event->activity, TAKE_PTR(desired));
        }
}

void queue_invalid(struct orchestrator *o, const struct event *event)
{
        const struct result result = {
                .activity = (char *)event->activity, /* only read */
                .status = STATUS_IDENTIFICATION_FAILED,
                .message = (char *)event->text,
        };

        /* Not accepted, so not remembered either: the corrected one may come under the same id. */
        report_again(o, &result);
}

void queue_cancel(struct orchestrator *o, const struct event *event)
{
        struct activity *a = o->activity;

        if (o->waiting.activity && strcmp(o->waiting.activity, event->activity) == 0) {
                report_terminal(o, event->activity, STATUS_INCOMPLETE, "cancelled by request",
                                false);
                queue_waiting_done(&o->waiting);
                outgoing_send(o);
        } else if (!a || strcmp(a->id, event->activity) != 0) {
                orchestrator_log(o, 5, NULL, "CANCEL for activity %s, which does not run",
                                 event->activity);
        } else if (a->phase >= PHASE_CLEANUP) {
                orchestrator_log(o, 5, NULL, "CANCEL comes too late");
        } else {
                drive_abandon(o, STATUS_INCOMPLETE, "cancelled by request");
                drive(o);
        }
}
