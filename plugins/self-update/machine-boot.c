/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-boot - what the present boot is worth: start, trial, fallback, confirmation, VERIFY
 *
 *     TRIAL       the new slot has booted.  It is looked at until it is well or the time is over:
 *                   well   mark it good; the update is confirmed
 *                   sick   mark it bad, and boot into the old one
 *     FELL_BACK   the boot loader went back to the old slot by itself.  Its marks are put in order:
 *                 good and active the old one, bad the new one; the failure is counted
 *     ORDINARY    nothing is on trial, but boot loaders count boots: somebody has to say in each of
 *                 them that it went well
 *     RESCUE      nothing is ever marked: the slot has no place in the boot order, and RAUC would
 *                 write nonsense into it, or crash
 *
 * All of it happens on the track `trial`, beside whatever the host asks for.  The outcome answers
 * VERIFY when the host asks; a host that does not is told by a late feedback. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/settings.h"
#include "plugins/self-update/verdict.h"

enum { BUSY_RETRY_USEC = 10000000 };
#define LEAVE_AT_LAST_USEC UINT64_C(600000000) /* the host does not end the activity */

static void decide(struct machine *m);
static void ordinary(struct machine *m);

/* -------------------------------------------------------------------------------- telling of it */

/* Does the host come for the outcome by itself?  Otherwise it has to be told. */
static bool host_will_ask(const struct machine *m)
{
        const struct activity *a = &m->record.activity;

        if (m->verify_asked || m->awaits_trial)
                return true;
        if (strcmp(a->id, m->record.pending.id) != 0)
                return false;
        return (m->flags & UB_START_REBOOTED && a->state != STATE_IDLE) ||
               (m->flags & UB_START_RECOVERED && a->state == STATE_ACTIVATING);
}

/* Answers VERIFY with what is known. */
static void answer(struct machine *m)
{
        struct pending *pending = &m->record.pending;
        bool good = pending->trial == TRIAL_GOOD;

        m->verify_asked = false;
        pending->told = true;
        machine_keep(m, good ? UB_UPDATE_SUCCESS : UB_UPDATE_FAILURE, pending->message);
        machine_conclude(m, good ? STATE_ACTIVATED : STATE_FAILED,
                         good ? MESSAGE_CONFIRMED : MESSAGE_NOT_CONFIRMED, pending->message,
                         good ? 100 : 0);
}

/* The trial is over: puts it on disk and tells who wants to know. */
static void settle(struct machine *m, enum trial trial, const char *text)
{
        struct pending *pending = &m->record.pending;
        const struct identity identity = { .version = pending->version,
                                           .hash = pending->hash,
                                           .sha256 = pending->sha256 };
        bool good = trial == TRIAL_GOOD;
        struct outcome outcome = { .time_sec = m->wall_sec > 0 ? (uint64_t)m->wall_sec : 0 };
        bool late;

        pending->trial = trial;
        RECORD_SET(pending->message, text);
        RECORD_SET(outcome.id, pending->id);
        RECORD_SET(outcome.version, pending->version);
        RECORD_SET(outcome.from, pending->from_version);
        RECORD_SET(outcome.result, good ? "confirmed" : trial_to_string(trial));
        RECORD_SET(outcome.message, text);
        record_remember(&m->record, &outcome);
        if (good)
                record_unblock(&m->record, &identity);
        else if (trial != TRIAL_RESCUE)
                (void)record_block(&m->record, &identity);
        machine_log(m, good ? UB_LOG_NOTICE : UB_LOG_ERR, "version %s: %s", pending->version, text);
        late = !host_will_ask(m) && !pending->told;
        pending->told |= late;
        machine_store(m);
        if (m->awaits_trial)
                activate_on_trial(m);
        else if (m->verify_asked)
                answer(m);
        else if (late && m->settings->report_after_reboot)
                machine_say_to(m, pending->id,
                               good ? MESSAGE_LATE_COMPLETED : MESSAGE_INCOMPLETE,
                               pending->version, text);
        machine_inventory(m);
}

/* ------------------------------------------------------------------------------- leaving a slot */

static const char *reason_to_leave(const struct machine *m)
{
        if (m->record.pending.trial == TRIAL_OUTSTANDING)
                return "a local update is installed";
        if (m->record.pending.trial != TRIAL_SICK && m->record.activity.state == STATE_ROLLED_BACK)
                return "the booted image has been rolled back";
        return "the booted image is not well";
}

void boot_on_reboot_timer(struct machine *m)
{
        m->reboot_serial = 0;
        if (m->settings->reboot == REBOOT_NONE) {
                machine_log(m, UB_LOG_WARNING, "the device should be restarted; the settings leave "
                                               "that to somebody else");
                return;
        }
        machine_do(m, &(struct effect){ .kind = EFFECT_REBOOT, .a = reason_to_leave(m) });
}

void boot_leave(struct machine *m, uint64_t after_usec)
{
        m->reboot_serial = machine_start_timer(m, after_usec);
}

static void on_marked_bad(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                machine_log(m, UB_LOG_ERR, "slot %s is not marked bad: %s", m->record.pending.to,
                            e->text);
        boot_leave(m, host_will_ask(m) ? LEAVE_AT_LAST_USEC : m->settings->reboot_after_usec);
}

static void leave_sick(struct machine *m)
{
        machine_mark(m, &m->trial, "bad", m->record.pending.to, on_marked_bad);
}

/* ---------------------------------------------------------------------------------------- trial */

/* A boot loader that prefers another slot does not make this one worse. */
static void on_trial_checked(struct machine *m, const struct event *e)
{
        if (e->result >= 0 && *m->survey.primary &&
            strcmp(m->survey.primary, m->record.pending.to) != 0)
                machine_log(m, UB_LOG_WARNING, "slot %s is good, but %s boots next",
                            m->record.pending.to, m->survey.primary);
        RECORD_SET(m->record.confirmed, m->boot);
        settle(m, TRIAL_GOOD, MESSAGE_TEXT_CONFIRMED);
}

static void mark_trial_good(struct machine *m, const struct event *e);

static void on_trial_marked(struct machine *m, const struct event *e)
{
        if (e->result == -EBUSY) {
                machine_pause(m, &m->trial, BUSY_RETRY_USEC, mark_trial_good);
                return;
        }
        if (e->result < 0)
                machine_log(m, UB_LOG_ERR, "slot %s is well, but cannot be marked good: %s",
                            m->record.pending.to, e->text);
        machine_survey(m, &m->trial, on_trial_checked);
}

static void mark_trial_good(struct machine *m, const struct event *e)
{
        (void)e;
        machine_mark(m, &m->trial, "good", m->record.pending.to, on_trial_marked);
}

static void on_trial_health(struct machine *m, const struct event *e)
{
        char text[RECORD_MESSAGE_MAX];

        if (e->result >= 0) {
                mark_trial_good(m, e);
                return;
        }
        (void)snprintf(text, sizeof(text), "Health check failed: %s", e->text);
        settle(m, TRIAL_SICK, text);
        leave_sick(m);
}

/* The id of the boot is noted, so that a restart of the agent is not taken for another boot. */
static void begin_trial(struct machine *m)
{
        struct pending *pending = &m->record.pending;

        pending->trial = TRIAL_RUNNING;
        RECORD_SET(pending->boot, m->boot);
        machine_log(m, UB_LOG_NOTICE, "version %s has booted from %s and is on trial",
                    pending->version, pending->to);
        machine_store(m);
        machine_inventory(m);
        machine_await(m, &m->trial, &(struct effect){ .kind = EFFECT_HEALTH }, on_trial_health);
}

/* ------------------------------------------------------------------------------------- fallback */

/* The last of the three marks behind a fallback; each is tried whatever became of the others. */
static void on_normal(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                machine_log(m, UB_LOG_WARNING, "slot %s is not marked bad: %s",
                            m->record.pending.to, e->text);
        m->record.repair = false;
        machine_store(m);
        machine_inventory(m);
}

static void on_active_again(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                machine_log(m, UB_LOG_ERR, "slot %s is not marked active: %s",
                            m->record.pending.from, e->text);
        machine_mark(m, &m->trial, "bad", m->record.pending.to, on_normal);
}

static void on_good_again(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                machine_log(m, UB_LOG_ERR, "slot %s is not marked good: %s",
                            m->record.pending.from, e->text);
        machine_mark(m, &m->trial, "active", m->record.pending.from, on_active_again);
}

/* The journal says what happened before the marks are put in order, so that a failure is counted
 * once; what a crash leaves undone of the marks is found by `repair`. */
static void fell_back(struct machine *m)
{
        struct pending *pending = &m->record.pending;
        char text[RECORD_MESSAGE_MAX];
        bool news = pending->trial != TRIAL_SICK;

        m->record.repair = true;
        if (m->record.activity.state == STATE_ACTIVATING &&
            strcmp(m->record.activity.id, pending->id) == 0) {
                /* Cut off between the journal and the mark: it was never going to boot. */
                m->record.activity.state = STATE_UPDATED;
                *pending = (struct pending){ .trial = TRIAL_NONE };
                machine_store(m);
                ordinary(m);
                return;
        }
        RECORD_SET(m->record.confirmed, m->boot);
        if (news) {
                (void)snprintf(text, sizeof(text),
                               "Boot of new OS image failed, system is running %s again.",
                               machine_version(m));
                settle(m, TRIAL_FELL_BACK, text);
        } else {
                pending->trial = TRIAL_FELL_BACK;
                machine_store(m);
        }
        machine_mark(m, &m->trial, "good", pending->from, on_good_again);
}

/* --------------------------------------------------------------------------------- confirmation */

static void confirm(struct machine *m, const struct event *e);

static void on_confirmed(struct machine *m, const struct event *e)
{
        const struct slot *booted = survey_booted(&m->survey);

        if (e->result == -EBUSY) {
                machine_pause(m, &m->trial, BUSY_RETRY_USEC, confirm);
                return;
        }
        if (e->result < 0) {
                machine_log(m, UB_LOG_WARNING, "slot %s is not marked good: %s",
                            booted ? booted->name : "", e->text);
                return;
        }
        RECORD_SET(m->record.confirmed, m->boot);
        machine_store(m);
}

static void confirm(struct machine *m, const struct event *e)
{
        const struct slot *booted = survey_booted(&m->survey);

        (void)e;
        if (booted && *booted->bootname)
                machine_mark(m, &m->trial, "good", booted->name, on_confirmed);
}

static void on_boot_health(struct machine *m, const struct event *e)
{
        if (e->result >= 0) {
                confirm(m, e);
                return;
        }
        m->confirm_failed = true;
        machine_log(m, UB_LOG_ERR, "this boot is not confirmed: health check failed: %s", e->text);
        machine_inventory(m);
}

static void ordinary(struct machine *m)
{
        if (machine_is_confirmed(m))
                return;
        machine_await(m, &m->trial, &(struct effect){ .kind = EFFECT_HEALTH }, on_boot_health);
}

/* --------------------------------------------------------------------------------------- repair */

static void on_repaired(struct machine *m, const struct event *e)
{
        if (e->result < 0) {
                machine_log(m, UB_LOG_ERR, "the boot order cannot be put in order: %s", e->text);
                return;
        }
        m->record.repair = false;
        machine_store(m);
}

/* An installation that was cut off may have left a slot active that nobody asked for. */
static void repair(struct machine *m)
{
        const struct slot *booted = survey_booted(&m->survey);

        if (m->trial.next || m->main.next || m->record.pending.trial == TRIAL_OUTSTANDING)
                return;
        if (!booted || strcmp(m->survey.primary, booted->name) == 0) {
                m->record.repair = false;
                machine_store(m);
        } else if (machine_vouches(m)) {
                machine_log(m, UB_LOG_NOTICE, "slot %s would boot, which nobody asked for",
                            *m->survey.primary ? m->survey.primary : "(unknown)");
                machine_mark(m, &m->trial, "active", booted->name, on_repaired);
        }
}

/* ---------------------------------------------------------------------------------------- start */

static void rescue(struct machine *m)
{
        struct pending *pending = &m->record.pending;

        machine_log(m, UB_LOG_WARNING, "a system outside the boot order is running, perhaps the "
                                       "rescue system; nothing will be marked");
        if (pending->trial == TRIAL_OUTSTANDING || pending->trial == TRIAL_RUNNING)
                settle(m, TRIAL_RESCUE, "Boot of new OS image failed, the rescue system is "
                                        "running.");
}

/* Once for each boot, as soon as RAUC has said which slot runs. */
static void decide(struct machine *m)
{
        enum verdict verdict = verdict_find(&m->record.pending, m->boot, &m->survey);

        m->decided = verdict != VERDICT_UNKNOWN;
        switch (verdict) {
        case VERDICT_UNKNOWN:
                machine_log(m, UB_LOG_WARNING, "RAUC does not say which slot is running");
                break;
        case VERDICT_ORDINARY:
                ordinary(m);
                break;
        case VERDICT_WAIT:
                break;
        case VERDICT_TRIAL:
                begin_trial(m);
                break;
        case VERDICT_FELL_BACK:
                fell_back(m);
                break;
        case VERDICT_LEAVE:
                leave_sick(m);
                break;
        case VERDICT_RESCUE:
                rescue(m);
                break;
        }
        if (m->record.repair)
                repair(m);
        if (m->verify_asked && !m->trial.next)
                boot_verify(m);
}

static void on_looked(struct machine *m, const struct event *e)
{
        if (e->result < 0)
                return;
        machine_inventory(m);
        if (!m->decided)
                decide(m);
        else if (m->record.repair)
                repair(m);
}

void boot_on_rauc_up(struct machine *m)
{
        if (m->trial.next || m->main.next || (m->decided && !m->record.repair))
                return;
        machine_survey(m, &m->trial, on_looked);
}

/* From here on the machine takes requests; those that came before have waited on the main track. */
static void on_start_surveyed(struct machine *m, const struct event *e)
{
        if (e->result < 0 && e->result != -EBUSY)
                machine_log(m, UB_LOG_WARNING, "RAUC cannot be asked: %s", e->text);
        m->started = true;
        machine_inventory(m);
        machine_answer_gets(m);
        if (m->record.activity.state == STATE_UPDATING && (e->result >= 0 || e->result == -EBUSY))
                update_resume(m);
        else if (m->asked)
                machine_resume(m);
        if (!m->main.next)
                machine_drive_local(m);
        if (e->result >= 0)
                decide(m);
        else if (m->verify_asked)
                machine_say(m, MESSAGE_VERIFYING, NULL, 0);
}

/* What an earlier life was in the middle of. */
static void tidy(struct machine *m)
{
        struct activity *a = &m->record.activity;
        bool goes_on = m->flags & (UB_START_RECOVERED | UB_START_REBOOTED);
        bool journalled = m->record.pending.trial != TRIAL_NONE &&
                          strcmp(m->record.pending.id, a->id) == 0;

        a->cut_off |= m->flags & UB_START_RECOVERED && a->state >= STATE_IDENTIFIED &&
                      a->state <= STATE_ACTIVATING;
        if (a->state == STATE_ACTIVATING && !journalled)
                a->state = STATE_UPDATED; /* the mark was not set */
        if (a->state == STATE_ROLLING_BACK)
                a->state = STATE_FAILED;
        if (a->state == STATE_ACTIVATED && !goes_on) {
                machine_log(m, UB_LOG_NOTICE, "activity %s was not brought to an end", a->id);
                a->state = STATE_IDLE;
        }
}

void boot_start(struct machine *m)
{
        tidy(m);
        download_name(m);
        machine_survey(m, &m->main, on_start_surveyed);
}

/* --------------------------------------------------------------------------------------- VERIFY */

void boot_verify(struct machine *m)
{
        struct pending *pending = &m->record.pending;
        bool running = m->surveyed &&
                       strcmp(machine_version(m), m->record.activity.request.version) == 0;

        m->verify_asked = true;
        if (!m->decided || pending->trial == TRIAL_RUNNING) {
                machine_say(m, MESSAGE_VERIFYING, NULL, 0);
                return;
        }
        if (pending->trial == TRIAL_OUTSTANDING) {
                RECORD_SET(pending->message, "The device has not been restarted.");
        } else if (pending->trial == TRIAL_NONE) {
                pending->trial = running ? TRIAL_GOOD : TRIAL_FELL_BACK;
                RECORD_SET(pending->message,
                           running ? MESSAGE_TEXT_CONFIRMED : "Another version is running.");
        }
        answer(m);
}
