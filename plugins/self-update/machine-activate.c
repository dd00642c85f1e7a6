/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-activate - ACTIVATE: from here on the next boot starts the new slot
 *
 *     m14 -> look -> read back -> journal what is about to be pending -> mark
 *         -> look -> ask for a boot -> m15
 *
 * What RAUC says boots next decides, not its answer to the mark, which may get lost with RAUC.
 * The journal is on disk before the mark is set, so that whatever dies in between, the next boot
 * knows that a trial is going on.  After a death ACTIVATE is taken up where it was once the host
 * speaks of it again, and taken back when the host says CLEANUP instead: it has not heard that the
 * slot is active, so the slot must not boot.  Power may also fail after the mark; then the slot
 * runs when ACTIVATE comes again, and the word on it is that of its trial. */
#include <errno.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/machine-internal.h"

/* Not quite what Leda's agent says at once: this is what it keeps for CLEANUP. */
#define KEPT_BAD "Self-update agent failed to activate the new OS image."

enum { PAUSE_USEC = 1000000, PATIENCE_USEC = 30000000 };

static void fail(struct machine *m, const char *why)
{
        machine_log(m, UB_LOG_ERR, "cannot activate %s: %s", m->record.activity.target, why);
        m->record.pending = (struct pending){ .trial = TRIAL_NONE };
        m->record.repair = true;
        machine_rest(&m->main);
        machine_remember(m, "failed", why);
        machine_keep(m, UB_UPDATE_FAILURE, KEPT_BAD); /* perhaps over `why` */
        machine_conclude(m, STATE_FAILED, MESSAGE_ACTIVATION_FAILED, NULL, 0);
}

static void succeed(struct machine *m)
{
        machine_keep(m, UB_UPDATE_SUCCESS, MESSAGE_TEXT_ACTIVATED);
        machine_remember(m, "activated", MESSAGE_TEXT_ACTIVATED);
        if (!m->record.activity.local && m->record.pending.trial == TRIAL_OUTSTANDING)
                machine_ask_for_boot(m);
        machine_conclude(m, STATE_ACTIVATED, MESSAGE_ACTIVATED, NULL, 0);
        machine_inventory(m);
}

static void ask(struct machine *m);

static void on_pause(struct machine *m, const struct event *e)
{
        (void)e;
        ask(m);
}

/* RAUC's silence is no answer: it, or the whole device, may be going down.  False: it has been
 * silent for too long. */
static bool ask_again(struct machine *m)
{
        if (!m->waiting)
                m->wait_usec = m->time_usec;
        m->waiting = true;
        if (m->time_usec - m->wait_usec >= PATIENCE_USEC)
                return false;
        machine_pause(m, &m->main, PAUSE_USEC, on_pause);
        return true;
}

/* kept_message: why the mark was refused, or "" */
static void on_checked(struct machine *m, const struct event *e)
{
        const struct activity *a = &m->record.activity;

        if (e->result < 0) {
                if (!ask_again(m)) {
                        machine_spare_bundle(m, e->result);
                        fail(m, e->text);
                }
        } else if (strcmp(m->survey.primary, a->target) == 0) {
                succeed(m);
        } else if (*a->kept_message) {
                fail(m, a->kept_message);
        } else {
                fail(m, *m->survey.primary ? "RAUC says that another slot boots next"
                                           : m->survey.primary_error);
        }
}

static void ask(struct machine *m)
{
        machine_survey(m, &m->main, on_checked);
}

static void on_marked(struct machine *m, const struct event *e)
{
        machine_spare_bundle(m, e->result); /* RAUC may be back before it is asked */
        machine_keep(m, "", e->result < 0 ? e->text : "");
        ask(m);
}

static void journal(struct machine *m)
{
        const struct activity *a = &m->record.activity;
        struct pending *pending = &m->record.pending;

        *pending = (struct pending){ .trial = TRIAL_OUTSTANDING };
        RECORD_SET(pending->id, a->id);
        RECORD_SET(pending->version, a->request.version);
        RECORD_SET(pending->hash, a->hash);
        RECORD_SET(pending->sha256, a->request.sha256);
        RECORD_SET(pending->from_version, a->from);
        RECORD_SET(pending->from, a->booted);
        RECORD_SET(pending->to, a->target);
        RECORD_SET(pending->boot, m->boot);
        machine_store(m);
}

void activate_on_trial(struct machine *m)
{
        struct pending *pending = &m->record.pending;

        m->awaits_trial = false;
        switch (pending->trial) {
        case TRIAL_OUTSTANDING:
        case TRIAL_RUNNING:
                m->awaits_trial = true;
                boot_on_rauc_up(m); /* in case that nobody has looked at this boot yet */
                break;
        case TRIAL_GOOD:
                pending->told = true;
                succeed(m);
                break;
        case TRIAL_NONE:
        case TRIAL_SICK:
        case TRIAL_FELL_BACK:
        case TRIAL_RESCUE:
        case TRIAL_COUNT:
                pending->told = true;
                machine_rest(&m->main);
                machine_keep(m, UB_UPDATE_FAILURE, *pending->message ? pending->message : KEPT_BAD);
                machine_conclude(m, STATE_FAILED, MESSAGE_ACTIVATION_FAILED, NULL, 0);
                break;
        }
}

static void on_same(struct machine *m)
{
        journal(m);
        machine_mark(m, &m->main, "active", m->record.activity.target, on_marked);
}

static void on_surveyed(struct machine *m, const struct event *e)
{
        const struct activity *a = &m->record.activity;
        const struct slot *target = survey_find(&m->survey, a->target);

        if (e->result < 0) {
                machine_spare_bundle(m, e->result);
                fail(m, e->text);
                return;
        }
        m->waiting = false;
        if (target && target == survey_booted(&m->survey)) {
                activate_on_trial(m);
                return;
        }
        if (!target || (*target->status && !slot_is_intact(target)) ||
            (*target->version && strcmp(target->version, a->request.version) != 0)) {
                fail(m, "the slot has been changed since it was installed");
                return;
        }
        compare_begin(m, on_same, fail);
}

void activate_begin(struct machine *m)
{
        struct activity *a = &m->record.activity;

        if (m->awaits_trial)
                return; /* it is at it */
        if (a->already) {
                machine_say(m, MESSAGE_ACTIVATING, NULL, 0);
                RECORD_SET(m->record.pending.id, a->id);
                succeed(m);
                return;
        }
        machine_conclude(m, STATE_ACTIVATING, MESSAGE_ACTIVATING, NULL, 0);
        machine_survey(m, &m->main, on_surveyed);
}
