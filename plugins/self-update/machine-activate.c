/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-activate - ACTIVATE: from here on the next boot starts the new slot
 *
 *     m14 -> look -> journal what is about to be pending -> mark -> look -> ask for a boot -> m15
 *
 * The journal is on disk before the mark is set, so that whatever dies in between, the next boot
 * knows that a trial is going on. */
#include <errno.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/machine-internal.h"

#define KEPT_GOOD "Self-update agent has activated the new OS image."
#define KEPT_BAD "Self-update agent failed to activate the new OS image."

static void fail(struct machine *m, const char *why)
{
        machine_log(m, UB_LOG_ERR, "cannot activate %s: %s", m->record.activity.target, why);
        m->record.pending = (struct pending){ .trial = TRIAL_NONE };
        m->record.repair = true;
        machine_rest(&m->main);
        machine_keep(m, UB_UPDATE_FAILURE, KEPT_BAD);
        machine_remember(m, "failed", why);
        machine_conclude(m, STATE_FAILED, MESSAGE_ACTIVATION_FAILED, NULL, 0);
}

static void succeed(struct machine *m)
{
        struct activity *a = &m->record.activity;

        machine_keep(m, UB_UPDATE_SUCCESS, KEPT_GOOD);
        machine_remember(m, "activated", KEPT_GOOD);
        a->state = STATE_ACTIVATED;
        machine_store(m);
        if (!m->local)
                machine_do(m, &(struct effect){ .kind = EFFECT_REBOOT_REQUEST,
                                                .a = a->id,
                                                .b = (char *)"the new OS image is active" });
        machine_conclude(m, STATE_ACTIVATED, MESSAGE_ACTIVATED, NULL, 0);
        machine_inventory(m);
}

static void on_checked(struct machine *m, const struct event *e)
{
        const struct activity *a = &m->record.activity;

        if (e->result < 0)
                fail(m, e->text);
        else if (strcmp(m->survey.primary, a->target) != 0)
                fail(m, *m->survey.primary ? "RAUC says that another slot boots next"
                                           : m->survey.primary_error);
        else
                succeed(m);
}

static void on_marked(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                fail(m, e->text);
        else
                machine_await(m, &m->main, &(struct effect){ .kind = EFFECT_SURVEY }, on_checked);
}

static void journal(struct machine *m)
{
        const struct activity *a = &m->record.activity;
        struct pending *pending = &m->record.pending;

        *pending = (struct pending){ .trial = TRIAL_OUTSTANDING };
        RECORD_SET(pending->id, a->id);
        RECORD_SET(pending->version, a->request.version);
        RECORD_SET(pending->hash, a->hash);
        RECORD_SET(pending->from_version, a->from);
        RECORD_SET(pending->from, a->booted);
        RECORD_SET(pending->to, a->target);
        RECORD_SET(pending->boot, m->boot);
        machine_store(m);
}

static void on_surveyed(struct machine *m, const struct event *e)
{
        const struct activity *a = &m->record.activity;
        const struct slot *target = survey_find(&m->survey, a->target);

        if (e->result < 0) {
                fail(m, e->text);
                return;
        }
        if (!target || (*target->status && !slot_is_intact(target)) ||
            (*target->version && strcmp(target->version, a->request.version) != 0)) {
                fail(m, "the slot has been changed since it was installed");
                return;
        }
        journal(m);
        machine_await(m, &m->main,
                      &(struct effect){ .kind = EFFECT_MARK,
                                        .a = (char *)"active",
                                        .b = (char *)a->target },
                      on_marked);
}

void activate_begin(struct machine *m)
{
        struct activity *a = &m->record.activity;

        if (a->already) {
                machine_say(m, MESSAGE_ACTIVATING, NULL, 0);
                RECORD_SET(m->record.pending.id, a->id);
                succeed(m);
                return;
        }
        machine_conclude(m, STATE_ACTIVATING, MESSAGE_ACTIVATING, NULL, 0);
        machine_await(m, &m->main, &(struct effect){ .kind = EFFECT_SURVEY }, on_surveyed);
}
