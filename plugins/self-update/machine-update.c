/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-update - UPDATE: from a bundle to a slot that could boot, but does not yet
 *
 *     m8 -> clock -> survey -> (nothing else may be active) -> inspect -> journal -> install
 *
 * What could go wrong before a slot is touched is found before: a clock that makes every
 * certificate invalid, a damaged boot environment, a bundle of another version or device.  RAUC 1.8
 * does not say why it dislikes a bundle, so there the installation itself is left to find out: it
 * checks the signature before it touches a slot.
 *
 * Somebody else may use RAUC at the same time.  Then it refuses with "busy", and this waits. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/settings.h"

#define MISMATCH "Bundle version does not match version in desired state request."
#define OTHER "This is not the bundle that was looked at before it was fetched."
#define BUSY "RAUC is busy with another installation."

enum { RETRY_USEC = 2000000, TICK_USEC = 60000000 };

static void look(struct machine *m);
static void install(struct machine *m);

void update_fail(struct machine *m, const char *text)
{
        machine_fail(m, MESSAGE_INSTALL_FAILED, *text ? text : "Writing partition failed.",
                     *text ? NULL : "Unexpected no-error-status of RAUC");
}

/* -------------------------------------------------------------------------------------- waiting */

static void on_retry(struct machine *m, const struct event *e)
{
        (void)e;
        look(m);
}

/* Tries again from the beginning, until limit_usec is over.  False: it is. */
static bool wait(struct machine *m, uint64_t limit_usec, const char *why)
{
        if (!m->waiting) {
                m->waiting = true;
                m->wait_usec = m->time_usec;
                machine_log(m, UB_LOG_NOTICE, "waiting: %s", why);
        }
        if (m->time_usec - m->wait_usec >= limit_usec)
                return false;
        machine_pause(m, &m->main, RETRY_USEC, on_retry);
        return true;
}

/* The time counts from the first "busy" of this step, however often it begins anew. */
static void wait_for_rauc(struct machine *m)
{
        if (!wait(m, m->settings->rauc.busy_usec, BUSY))
                update_fail(m, BUSY);
}

/* ---------------------------------------------------------------------------------- the bundle */

int update_check_bundle(const struct machine *m, const struct event *e,
                        enum message_kind *ret_kind, char *reason, size_t size)
{
        const char *compatible = m->survey.compatible;
        struct identity identity = { .sha256 = m->record.activity.request.sha256 };

        *ret_kind = MESSAGE_INSTALL_FAILED;
        if (e->result < 0) {
                (void)snprintf(reason, size, "%s", e->text);
                return -EBADMSG;
        }
        if (*compatible && strcmp(e->bundle->compatible, compatible) != 0) {
                (void)snprintf(reason, size, "Compatible mismatch: Expected '%s' but bundle "
                               "manifest has '%s'", compatible, e->bundle->compatible);
                return -EBADMSG;
        }
        if (strcmp(e->bundle->version, m->record.activity.request.version) != 0) {
                *ret_kind = MESSAGE_REJECTED;
                (void)snprintf(reason, size, MISMATCH);
                return -EBADMSG;
        }
        if (*m->record.activity.hash && *e->bundle->hash &&
            strcmp(e->bundle->hash, m->record.activity.hash) != 0) {
                (void)snprintf(reason, size, OTHER);
                return -EBADMSG;
        }
        identity.version = e->bundle->version;
        identity.hash = e->bundle->hash;
        if (m->settings->max_failed_boots &&
            record_failures(&m->record, &identity) >= m->settings->max_failed_boots) {
                (void)snprintf(reason, size, "This bundle failed to boot too often.");
                return -EBADMSG;
        }
        return 0;
}

void update_note_bundle(struct machine *m, const struct bundle *bundle)
{
        RECORD_SET(m->record.activity.hash, bundle->hash);
        m->record.activity.plain = bundle->plain;
}

static void on_inspected(struct machine *m, const struct event *e)
{
        char reason[RECORD_MESSAGE_MAX];
        enum message_kind kind;

        if (e->result == -EBUSY) {
                wait_for_rauc(m);
                return;
        }
        if (e->result < 0 && e->vague) {
                machine_log(m, UB_LOG_NOTICE,
                            "this RAUC does not say what is wrong with the bundle; "
                            "its installation will");
                install(m);
                return;
        }
        if (update_check_bundle(m, e, &kind, reason, sizeof(reason)) < 0) {
                machine_spare_bundle(m, e->result);
                if (kind == MESSAGE_REJECTED)
                        machine_log(m, UB_LOG_WARNING, "the bundle is %s, wanted is %s",
                                    *e->bundle->version ? e->bundle->version : "without a version",
                                    m->record.activity.request.version);
                machine_fail(m, kind, reason, NULL);
                return;
        }
        update_note_bundle(m, e->bundle);
        install(m);
}

static void check(struct machine *m)
{
        if (m->record.activity.checked)
                install(m);
        else
                machine_inspect(m, download_source(m), 0, on_inspected);
}

/* --------------------------------------------------------------------------------- installation */

/* One tick after the other while UPDATE goes on: a host counts silence, and RAUC 1.8 says nothing
 * while it copies, nor any RAUC while it hashes a bundle. */
static void arm_tick(struct machine *m)
{
        uint64_t limit = m->settings->rauc.silence_usec;

        m->tick_serial = machine_start_timer(m, limit && limit < TICK_USEC ? limit : TICK_USEC);
}

/* A sign of life to the host, and the end of an installation that gives none. */
void update_on_tick(struct machine *m)
{
        uint64_t limit = m->settings->rauc.silence_usec;
        char text[128];

        if (m->record.activity.state != STATE_UPDATING || !m->main.next)
                return;
        if (limit && m->alive_usec && m->time_usec - m->alive_usec >= limit) {
                m->record.repair = true;
                (void)snprintf(text, sizeof(text),
                               compare_stop(m) ? "The slot cannot be read back: nothing has come "
                                                 "from its device for %llu s."
                                               : "RAUC has not made any progress for %llu s.",
                               (unsigned long long)(limit / 1000000));
                update_fail(m, text);
                return;
        }
        machine_say(m, m->percent > 0 ? MESSAGE_INSTALLING : MESSAGE_CHECKING, NULL,
                    m->percent > 0 ? m->percent : 0);
        arm_tick(m);
}

/* Also of one that an earlier life has begun, and this one has attached itself to. */
void update_on_installation(struct machine *m, const struct event *e)
{
        m->alive_usec = m->time_usec;
        switch (e->kind) {
        case EVENT_INSTALLING:
                if (e->result == -EBUSY) {
                        machine_rest(&m->main);
                        m->alive_usec = 0;
                        wait_for_rauc(m);
                } else if (e->result < 0) {
                        machine_spare_bundle(m, e->result);
                        update_fail(m, e->text);
                } else {
                        m->record.activity.touched = true;
                        machine_store(m);
                }
                break;
        case EVENT_PROGRESS:
                figures_installing(m, e);
                if (e->percent > m->percent && e->percent < 100) {
                        m->percent = e->percent;
                        machine_say(m, MESSAGE_INSTALLING, NULL, e->percent);
                }
                break;
        default:
                judge_begin(m, e->result, e->text);
                break;
        }
}

/* A number that RAUC keeps with the slot, so that afterwards nobody else's installation is taken
 * for this one.  The activity's id alone could come twice. */
static void make_transaction(struct machine *m)
{
        struct activity *a = &m->record.activity;

        (void)snprintf(a->transaction, sizeof(a->transaction), "%.60s-%llx", a->id,
                       (unsigned long long)m->time_usec ^ ((unsigned long long)m->wall_sec << 20));
}

static void install(struct machine *m)
{
        struct activity *a = &m->record.activity;
        const struct slot *target = survey_find(&m->survey, a->target);

        /* How the target looks before, so that a write can be seen by what has changed. */
        a->count_before = target ? target->installed_count : 0;
        RECORD_SET(a->installed_before, target ? target->installed : "");
        make_transaction(m);
        /* What is about to be overwritten cannot be booted any more. */
        if (m->record.pending.trial == TRIAL_OUTSTANDING ||
            m->record.pending.trial == TRIAL_FELL_BACK)
                m->record.pending = (struct pending){ .trial = TRIAL_NONE };
        a->touched = true;
        machine_store(m);
        machine_await(m, &m->main,
                      &(struct effect){ .kind = EFFECT_INSTALL,
                                        .a = download_source(m),
                                        .b = a->transaction,
                                        /* There is nothing to require of a plain one: RAUC has
                                         * hashed all of it, and refuses to be asked. */
                                        .c = a->plain ? "" : a->hash },
                      update_on_installation);
        m->alive_usec = m->time_usec;
}

/* ----------------------------------------------------------------------------------- the device */

static void on_disarmed(struct machine *m, const struct event *e)
{
        machine_spare_bundle(m, e->result);
        if (e->result == -EBUSY)
                wait_for_rauc(m);
        else if (e->result < 0)
                update_fail(m, e->text);
        else
                check(m);
}

/* An earlier update that waits for its boot is about to be overwritten: it must not be booted half
 * written. */
static void disarm(struct machine *m)
{
        const struct activity *a = &m->record.activity;

        if (*a->target && strcmp(m->survey.primary, a->target) == 0 && machine_vouches(m))
                machine_mark(m, &m->main, "active", a->booted, on_disarmed);
        else
                check(m);
}

static void on_surveyed(struct machine *m, const struct event *e)
{
        struct activity *a = &m->record.activity;
        const struct slot *booted;
        const struct slot *target;
        char text[RECORD_MESSAGE_MAX];

        if (e->result == -EBUSY) {
                wait_for_rauc(m);
                return;
        }
        if (e->result < 0) {
                machine_spare_bundle(m, e->result);
                (void)snprintf(text, sizeof(text), "RAUC cannot be asked: %s", e->text);
                update_fail(m, text);
                return;
        }
        booted = survey_booted(&m->survey);
        target = survey_target(&m->survey);
        if (!booted || survey_booted_twice(&m->survey) || !target) {
                update_fail(m, !booted   ? "RAUC does not know which slot is running."
                               : !target ? "There is no slot to install into."
                                         : "Two slots are said to be running.");
                return;
        }
        /* RAUC would write an environment that has no way back. */
        if (!*m->survey.primary && machine_vouches(m)) {
                (void)snprintf(text, sizeof(text), "The boot environment is damaged: %s",
                               m->survey.primary_error);
                update_fail(m, text);
                return;
        }
        RECORD_SET(a->booted, booted->name);
        RECORD_SET(a->target, target->name);
        disarm(m);
}

static void look(struct machine *m)
{
        struct ub_error error = UB_ERROR_INIT;

        int r = machine_await_clock(m, on_retry, &error);

        if (r < 0)
                update_fail(m, error.text);
        if (r != 0)
                return;
        machine_survey(m, &m->main, on_surveyed);
}

/* --------------------------------------------------------------------------------- not streamed */

static void on_fetched(struct machine *m, const struct event *e)
{
        char text[RECORD_MESSAGE_MAX];

        m->alive_usec = m->time_usec;
        if (e->kind == EVENT_FETCHING)
                return;
        if (e->result < 0) {
                (void)snprintf(text, sizeof(text), "Download failed: %s", e->text);
                update_fail(m, text);
                return;
        }
        m->record.activity.bytes = e->total;
        look(m);
}

bool update_without_streaming(struct machine *m, const char *why)
{
        struct activity *a = &m->record.activity;

        if (!a->streamed || !m->settings->full_download)
                return false;
        machine_log(m, UB_LOG_NOTICE, "streaming has failed, downloading the bundle: %s", why);
        a->streamed = false;
        a->checked = false;
        m->percent = 0;
        machine_store(m);
        machine_say(m, MESSAGE_NOT_STREAMED, *why ? why : NULL, 0);
        download_fetch(m, on_fetched);
        return true;
}

/* ----------------------------------------------------------------------------------------- step */

void update_begin(struct machine *m)
{
        struct activity *a = &m->record.activity;

        if (a->already) {
                machine_conclude(m, STATE_UPDATED, MESSAGE_INSTALLED, NULL, 100);
                return;
        }
        RECORD_SET(a->boot, m->boot);
        a->touched = false;
        a->stamps[0] = '\0';
        a->read_back[0] = '\0';
        machine_conclude(m, STATE_UPDATING, MESSAGE_CHECKING, NULL, 0);
        m->percent = 0;
        m->alive_usec = 0;
        arm_tick(m);
        look(m);
}

/* This process, or RAUC, or the device has died in the middle of an installation. */
static void on_resumed(struct machine *m, const struct event *e)
{
        if (e->result == -EBUSY)
                machine_await(m, &m->main, &(struct effect){ .kind = EFFECT_ATTACH },
                              update_on_installation);
        else if (e->result < 0)
                update_fail(m, e->text);
        else
                judge_begin(m, -EINTR, "The installation was interrupted.");
}

void update_resume(struct machine *m)
{
        struct activity *a = &m->record.activity;

        if (*m->boot && strcmp(a->boot, m->boot) != 0) {
                m->record.repair = a->touched;
                update_fail(m, "The device was restarted during the installation.");
                return;
        }
        if (!a->touched) {
                update_begin(m); /* nothing has been done yet */
                return;
        }
        m->alive_usec = m->time_usec;
        arm_tick(m);
        machine_survey(m, &m->main, on_resumed);
}
