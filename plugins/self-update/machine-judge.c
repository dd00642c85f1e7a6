/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-judge - what has really come of an installation
 *
 * RAUC's word alone is not enough.  "Completed" carries no name, so it might have been somebody
 * else's; a service that dies says nothing at all; and after a failure the new slot may be active
 * all the same (a post-install handler that fails).  So afterwards the slots are looked at:
 *
 *     success   the target was written: by our transaction where RAUC keeps one, or it was written
 *               once more than before; its status is ok; its version is the one that is wanted
 *     always    what boots next is the slot that runs: ACTIVATE has not been asked for yet.  A RAUC
 *               with "activate-installed=true" has switched; this switches back at once
 *
 * Then the slot is read back (machine-compare.c).
 *
 * The slot that runs is marked active only when it has been found good in this boot, because RAUC
 * makes that the same mark (machine_vouches). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/settings.h"

static bool was_written(const struct activity *a, const struct slot *target)
{
        if (*target->transaction && strcmp(target->transaction, a->transaction) == 0)
                return true;
        return target->installed_count > a->count_before ||
               (*target->installed && strcmp(target->installed, a->installed_before) != 0);
}

/* RAUC chooses the slot itself when there is more than one: the one that carries our mark. */
static const struct slot *find_target(struct machine *m)
{
        struct activity *a = &m->record.activity;
        size_t i;

        for (i = 0; i < m->survey.n; i++)
                if (*a->transaction && strcmp(m->survey.list[i].transaction, a->transaction) == 0 &&
                    *m->survey.list[i].bootname)
                        RECORD_SET(a->target, m->survey.list[i].name);
        return survey_find(&m->survey, a->target);
}

/* NULL: the target holds what was wanted. */
static const char *find_fault(struct machine *m, char *buf, size_t size)
{
        const struct activity *a = &m->record.activity;
        const struct slot *target = find_target(m);

        if (!target)
                return "The slot that was installed into has disappeared.";
        /* Without any trace RAUC keeps no status at all; then its word has to do. */
        if (!*target->status && !*target->installed)
                return NULL;
        if (!was_written(a, target))
                return "RAUC has finished an installation, but not this one.";
        if (!slot_is_intact(target)) {
                (void)snprintf(buf, size, "RAUC says that slot %s is %s.", target->name,
                               target->status);
                return buf;
        }
        if (*target->version && strcmp(target->version, a->request.version) != 0) {
                (void)snprintf(buf, size, "Slot %s holds version %s.", target->name,
                               target->version);
                return buf;
        }
        return NULL;
}

/* --------------------------------------------------------------------------------- the good way */

static void on_same(struct machine *m)
{
        machine_conclude(m, STATE_UPDATED, MESSAGE_INSTALLED, NULL, 100);
        machine_inventory(m);
}

/* Not the bundle's fault: the next attempt need not fetch it again. */
static void on_different(struct machine *m, const char *why)
{
        m->record.activity.cut_off = true;
        update_fail(m, why);
}

static void installed(struct machine *m)
{
        compare_begin(m, on_same, on_different);
}

static void on_kept(struct machine *m, const struct event *e)
{
        char text[RECORD_MESSAGE_MAX];

        if (e->result >= 0) {
                installed(m);
                return;
        }
        (void)snprintf(text, sizeof(text), "The running slot cannot be kept active: %s", e->text);
        machine_do(m, &(struct effect){ .kind = EFFECT_MARK,
                                        .a = "bad",
                                        .b = m->record.activity.target });
        update_fail(m, text);
}

static void mark_booted_active(struct machine *m, machine_fn next)
{
        machine_mark(m, &m->main, "active", m->record.activity.booted, next);
}

/* True when a boot at this moment would start the new slot. */
static bool would_boot_target(const struct machine *m)
{
        return *m->record.activity.target &&
               strcmp(m->survey.primary, m->record.activity.target) == 0;
}

static void on_success_surveyed(struct machine *m, const struct event *e)
{
        char buf[RECORD_MESSAGE_MAX];
        const char *fault;

        if (e->result < 0) {
                (void)snprintf(buf, sizeof(buf), "RAUC cannot be asked what it has installed: %s",
                               e->text);
                m->record.repair = true;
                machine_spare_bundle(m, e->result);
                update_fail(m, buf);
                return;
        }
        fault = find_fault(m, buf, sizeof(buf));
        if (fault) {
                update_fail(m, fault);
                return;
        }
        if (!would_boot_target(m)) {
                installed(m);
                return;
        }
        if (!machine_vouches(m)) {
                machine_log(m, UB_LOG_WARNING, "RAUC has activated %s, and %s is not confirmed: it "
                                               "stays so", m->record.activity.target,
                            m->record.activity.booted);
                installed(m);
                return;
        }
        machine_log(m, UB_LOG_NOTICE, "RAUC has activated %s before it was asked to; "
                                      "activate-installed=false in its system.conf avoids that",
                    m->record.activity.target);
        mark_booted_active(m, on_kept);
}

/* ---------------------------------------------------------------------------------- the bad one */

static void on_failure_kept(struct machine *m, const struct event *e)
{
        if (e->result < 0) {
                machine_log(m, UB_LOG_ERR, "slot %s would boot, and cannot be put back: %s",
                            m->record.activity.target, e->text);
                m->record.repair = true;
        }
        update_fail(m, m->record.activity.kept_message);
}

/* It is seen to that the slot that ran boots next before anybody hears of the failure. */
static void on_failure_surveyed(struct machine *m, const struct event *e)
{
        if (strstr(m->record.activity.kept_message, "Device or resource busy"))
                machine_log(m, UB_LOG_WARNING, "is something still mounted of an installation that "
                                               "was killed? umount(8) what lies below RAUC's "
                                               "mountprefix; the example unmount-leftovers.conf "
                                               "does it whenever RAUC starts");
        if (e->result < 0)
                m->record.repair = true;
        if (e->result >= 0 && would_boot_target(m) && machine_vouches(m))
                mark_booted_active(m, on_failure_kept);
        else if (!update_without_streaming(m, m->record.activity.kept_message))
                update_fail(m, m->record.activity.kept_message);
}

/* Our process died, and RAUC has finished meanwhile: it may have been a success. */
static void on_interrupted_surveyed(struct machine *m, const struct event *e)
{
        char buf[RECORD_MESSAGE_MAX];

        if (e->result >= 0 && !find_fault(m, buf, sizeof(buf)) &&
            was_written(&m->record.activity, survey_find(&m->survey, m->record.activity.target)))
                on_success_surveyed(m, e);
        else
                on_failure_surveyed(m, e);
}

void judge_begin(struct machine *m, int result, const char *text)
{
        machine_fn next = result >= 0 ? on_success_surveyed : on_failure_surveyed;

        if (result == -ECONNRESET) { /* RAUC is gone; there is nobody to ask */
                m->record.repair = true;
                machine_spare_bundle(m, result);
                update_fail(m, text);
                return;
        }
        if (result == -EINTR)
                next = on_interrupted_surveyed;
        if (result < 0)
                RECORD_SET(m->record.activity.kept_message, text);
        machine_survey(m, &m->main, next);
}
