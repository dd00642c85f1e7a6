/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-back - ROLLBACK, CLEANUP, cancel: out of an activity again
 *
 * ROLLBACK makes the slot that ran before the one that boots, and the new one bad, and looks
 * whether that is so; it deletes the download.  INCOMPLETE follows at once, also on a failure,
 * because update managers in the field wait for it.  If the new slot runs already, the device is
 * restarted out of it.  CLEANUP is taken in every state: it is also how an activity is given up, and
 * then an activation that nobody has heard of is taken back.
 *
 * The download goes with the activity, unless the activity was cut off by the death of something:
 * the next attempt will want the same bundle, and finds it there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/settings.h"

#define KEPT "Update rolled back on request."

/* Leda's agent has no word on ROLLBACK; with "rollbackFeedback": false neither has this one. */
static void say(struct machine *m, enum message_kind kind, const char *text)
{
        if (m->settings->rollback_feedback)
                machine_say(m, kind, text, 0);
}

static void clean_up(struct machine *m)
{
        struct activity *a = &m->record.activity;
        bool good = strcmp(a->kept_status, UB_UPDATE_SUCCESS) == 0;

        m->gives_up = false;
        if (good || !a->cut_off)
                machine_do(m, &(struct effect){ .kind = EFFECT_FETCH_DELETE });
        a->state = STATE_IDLE;
        machine_store(m);
        machine_say_kept(m, MESSAGE_CLEANED);
        machine_say_kept(m, good ? MESSAGE_COMPLETE : MESSAGE_INCOMPLETE);
        a->local = false;
        if (m->record.pending.trial == TRIAL_SICK)
                boot_leave(m, m->settings->reboot_after_usec);
}

/* The new slot may run already: another domain was not well after the boot, or the power failed
 * before the marks were set.  Nobody else knows that it has to be left. */
static void leave_target(struct machine *m)
{
        const struct slot *booted = survey_booted(&m->survey);
        const struct activity *a = &m->record.activity;

        if (booted && a->touched && strcmp(booted->name, a->target) == 0)
                boot_leave(m, m->settings->reboot_after_usec);
}

/* The old slot boots next, for ROLLBACK or for a CLEANUP that gives an activation up. */
static void finish(struct machine *m)
{
        if (m->gives_up) {
                machine_inventory(m);
                clean_up(m);
                return;
        }
        machine_keep(m, UB_UPDATE_FAILURE, KEPT);
        machine_remember(m, "rolled-back", KEPT);
        machine_do(m, &(struct effect){ .kind = EFFECT_FETCH_DELETE });
        m->record.activity.state = STATE_ROLLED_BACK;
        machine_store(m);
        say(m, MESSAGE_ROLLED_BACK, KEPT);
        if (m->settings->rollback_feedback)
                machine_say_kept(m, MESSAGE_INCOMPLETE);
        machine_inventory(m);
        leave_target(m);
}

static void fail(struct machine *m, const char *why)
{
        char text[RECORD_MESSAGE_MAX];

        (void)snprintf(text, sizeof(text), "Rollback failed: %s", why);
        machine_log(m, UB_LOG_ERR, "%s", text);
        m->record.repair = true;
        if (m->gives_up) {
                m->record.pending = (struct pending){ .trial = TRIAL_NONE };
                clean_up(m);
                return;
        }
        machine_keep(m, UB_UPDATE_FAILURE, text);
        machine_remember(m, "failed", text);
        m->record.activity.state = STATE_FAILED;
        machine_store(m);
        say(m, MESSAGE_ROLLBACK_FAILED, text);
        if (m->settings->rollback_feedback)
                machine_say_kept(m, MESSAGE_INCOMPLETE);
}

static void on_checked(struct machine *m, const struct event *e)
{
        const struct activity *a = &m->record.activity;

        if (e->result < 0)
                fail(m, e->text);
        else if (*m->survey.primary && strcmp(m->survey.primary, a->target) == 0)
                fail(m, "the new slot would still boot");
        else
                finish(m);
}

/* Not fatal: what counts is which slot boots, and that is looked at. */
static void on_marked_bad(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                machine_log(m, UB_LOG_WARNING, "slot %s is not marked bad: %s",
                            m->record.activity.target, e->text);
        machine_survey(m, &m->main, on_checked);
}

static void mark_bad(struct machine *m)
{
        machine_mark(m, &m->main, "bad", m->record.activity.target, on_marked_bad);
}

static void on_marked_active(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                fail(m, e->text);
        else
                mark_bad(m);
}

static void on_surveyed(struct machine *m, const struct event *e)
{
        struct activity *a = &m->record.activity;
        const struct slot *from = survey_find(&m->survey, a->booted);

        if (e->result < 0) {
                fail(m, e->text);
                return;
        }
        /* Stored before the mark: a boot behind that is no failure of the new slot. */
        if (m->record.pending.trial == TRIAL_OUTSTANDING)
                m->record.pending = (struct pending){ .trial = TRIAL_NONE };
        machine_store(m);
        if (from && *from->bootname && strcmp(m->survey.primary, a->booted) != 0)
                machine_mark(m, &m->main, "active", a->booted, on_marked_active);
        else
                mark_bad(m);
}

/* ------------------------------------------------------------------------------------- requests */

void back_begin(struct machine *m)
{
        struct activity *a = &m->record.activity;

        if (a->state == STATE_ROLLED_BACK || a->state == STATE_IDLE) {
                say(m, MESSAGE_ROLLED_BACK, KEPT);
                return;
        }
        if (!m->told_rollback)
                say(m, MESSAGE_ROLLBACK, NULL);
        m->told_rollback = false;
        if (!a->touched || a->already || !*a->target) { /* it has changed no slot */
                finish(m);
                return;
        }
        a->state = STATE_ROLLING_BACK;
        machine_store(m);
        machine_survey(m, &m->main, on_surveyed);
}

void back_clean_up(struct machine *m, const char *activity)
{
        struct activity *a = &m->record.activity;
        const struct pending *pending = &m->record.pending;

        if (strcmp(a->id, activity) != 0 && a->state == STATE_IDLE) {
                /* Of an activity that nobody here knows, nothing is left. */
                machine_say_to(m, activity, MESSAGE_CLEANED, "", "");
                return;
        }
        if (a->state != STATE_ACTIVATED && a->state != STATE_FAILED &&
            a->state != STATE_ROLLED_BACK && a->state != STATE_IDLE)
                machine_log(m, UB_LOG_NOTICE, "the activity is given up in state %s",
                            state_to_string(a->state));
        if (a->state == STATE_ACTIVATING && pending->trial == TRIAL_OUTSTANDING &&
            strcmp(pending->id, a->id) == 0) {
                m->gives_up = true;
                machine_keep(m, UB_UPDATE_FAILURE, "The activation was given up.");
                machine_survey(m, &m->main, on_surveyed);
                return;
        }
        clean_up(m);
}

void back_cancel(struct machine *m)
{
        struct activity *a = &m->record.activity;

        if (a->state == STATE_IDLE)
                return;
        machine_keep(m, UB_UPDATE_FAILURE, "Update cancelled.");
        machine_remember(m, "cancelled", "Update cancelled.");
        machine_do(m, &(struct effect){ .kind = EFFECT_FETCH_DELETE });
        if (m->record.pending.trial == TRIAL_OUTSTANDING)
                m->record.pending = (struct pending){ .trial = TRIAL_NONE };
        m->record.repair |= a->touched || a->already;
        a->state = STATE_ROLLED_BACK;
        machine_store(m);
        machine_say_kept(m, MESSAGE_INCOMPLETE);
        if (m->record.repair)
                boot_on_rauc_up(m);
}
