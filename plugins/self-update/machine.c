/* SPDX-License-Identifier: Apache-2.0
 *
 * machine - see machine.h: dispatch and requests */
#include "plugins/self-update/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/machine-internal.h"
#include "plugins/self-update/policy.h"
#include "plugins/self-update/settings.h"

enum { CLOCK_RETRY_USEC = 2000000 };

/* -------------------------------------------------------------------------------------- effects */

void machine_do(struct machine *m, const struct effect *effect)
{
        effects_add(&m->effects, effect);
}

void machine_await(struct machine *m, struct track *track, const struct effect *effect,
                   machine_fn next)
{
        struct effect numbered = *effect;

        numbered.serial = ++m->serials;
        track->awaits = numbered.serial;
        track->next = next;
        machine_do(m, &numbered);
}

void machine_survey(struct machine *m, struct track *track, machine_fn next)
{
        machine_await(m, track, &(struct effect){ .kind = EFFECT_SURVEY }, next);
}

void machine_mark(struct machine *m, struct track *track, const char *mark, const char *slot,
                  machine_fn next)
{
        machine_await(m, track,
                      &(struct effect){ .kind = EFFECT_MARK, .a = mark, .b = slot }, next);
}

void machine_pause(struct machine *m, struct track *track, uint64_t usec, machine_fn next)
{
        machine_await(m, track,
                      &(struct effect){ .kind = EFFECT_TIMER, .number = (int64_t)usec }, next);
}

void machine_inspect(struct machine *m, const char *bundle, uint64_t limit_usec, machine_fn next)
{
        machine_await(m, &m->main,
                      &(struct effect){ .kind = EFFECT_INSPECT,
                                        .a = bundle,
                                        .number = (int64_t)limit_usec },
                      next);
}

uint64_t machine_start_timer(struct machine *m, uint64_t usec)
{
        machine_do(m, &(struct effect){ .kind = EFFECT_TIMER,
                                        .serial = ++m->serials,
                                        .number = (int64_t)usec });
        return m->serials;
}

void machine_rest(struct track *track)
{
        *track = (struct track){ .next = NULL };
}

void machine_store(struct machine *m)
{
        machine_do(m, &(struct effect){ .kind = EFFECT_STORE });
}

void machine_log(struct machine *m, int level, const char *format, ...)
{
        char text[1024];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args); /* cut if long */
        va_end(args);
        machine_do(m, &(struct effect){ .kind = EFFECT_LOG, .a = text, .number = level });
}

void machine_inventory(struct machine *m)
{
        machine_do(m, &(struct effect){ .kind = EFFECT_INVENTORY, .a = "" });
}

void machine_ask_for_boot(struct machine *m)
{
        machine_do(m, &(struct effect){ .kind = EFFECT_REBOOT_REQUEST,
                                        .a = m->record.activity.id,
                                        .b = MACHINE_BOOT_REASON });
}

/* ------------------------------------------------------------------------------------ questions */

const char *machine_version(const struct machine *m)
{
        const struct slot *booted = m->surveyed ? survey_booted(&m->survey) : NULL;

        if (m->surveyed && survey_booted_twice(&m->survey))
                return "error_multiple_booted_slots_detected";
        if (booted && *booted->version && (!*booted->status || slot_is_intact(booted)))
                return booted->version;
        if (*m->os_version)
                return m->os_version;
        return m->surveyed ? "bundle_version_not_available" : "";
}

bool machine_is_confirmed(const struct machine *m)
{
        return !m->settings->confirm_every_boot ||
               (*m->boot && strcmp(m->record.confirmed, m->boot) == 0);
}

bool machine_vouches(const struct machine *m)
{
        enum trial trial = m->record.pending.trial;

        return !survey_is_rescue(&m->survey) && trial != TRIAL_RUNNING && trial != TRIAL_SICK &&
               machine_is_confirmed(m);
}

void machine_spare_bundle(struct machine *m, int result)
{
        m->record.activity.cut_off |= result == -ENOTCONN || result == -ECONNRESET;
}

bool machine_is_free(const struct machine *m)
{
        enum state state = m->record.activity.state;

        return m->started && !m->main.next && m->n_held == 0 &&
               (state == STATE_IDLE || state == STATE_FAILED || state == STATE_ROLLED_BACK);
}

int machine_await_clock(struct machine *m, machine_fn next, struct ub_error *error)
{
        int r = policy_check_clock(m->wall_sec, m->built_sec, error);

        if (r < 0 && !m->clock_usec) {
                m->clock_usec = m->time_usec;
                if (m->settings->clock.wait_usec)
                        machine_log(m, UB_LOG_NOTICE, "waiting: %s", error->text);
        }
        if (r < 0 && m->time_usec - m->clock_usec < m->settings->clock.wait_usec) {
                machine_pause(m, &m->main, CLOCK_RETRY_USEC, next);
                return 1;
        }
        m->clock_usec = 0;
        return r;
}

/* ------------------------------------------------------------------------------------- requests */

/* The event and its texts are gone when it is its turn, so they are copied. */
static void hold(struct machine *m, const struct event *e)
{
        struct held *held;

        if (m->n_held == MACHINE_HELD_MAX) {
                machine_log(m, UB_LOG_WARNING, "too many requests at a time, one is dropped");
                return;
        }
        held = &m->held[m->n_held];
        *held = (struct held){ .kind = e->kind, .command = e->command };
        RECORD_SET(held->activity, e->activity);
        if (e->json) {
                held->json = strdup(e->json);
                if (!held->json) {
                        m->effects.failed = true;
                        return;
                }
        }
        m->n_held++;
}

/* What each step needs, and what has been reached when it is over. */
static const struct step {
        enum state before;
        enum state during;
        enum state after;
        const char *needs; /* the status word of the state before */
        enum message_kind failure;
        enum message_kind success;
        const char *name;
} steps[] = {
        [UB_CMD_DOWNLOAD] = { STATE_IDENTIFIED, STATE_DOWNLOADING, STATE_DOWNLOADED, UB_IDENTIFIED,
                              MESSAGE_DOWNLOAD_FAILED, MESSAGE_DOWNLOADED, "DOWNLOAD" },
        [UB_CMD_UPDATE] = { STATE_DOWNLOADED, STATE_UPDATING, STATE_UPDATED, UB_DOWNLOAD_SUCCESS,
                            MESSAGE_INSTALL_FAILED, MESSAGE_INSTALLED, "UPDATE" },
        [UB_CMD_ACTIVATE] = { STATE_UPDATED, STATE_ACTIVATING, STATE_ACTIVATED, UB_UPDATE_SUCCESS,
                              MESSAGE_ACTIVATION_FAILED, MESSAGE_ACTIVATED, "ACTIVATE" },
};

/* Also one that an earlier life has begun: each begin finds out how far it had come. */
static void begin_step(struct machine *m, int32_t command)
{
        m->record.activity.cut_off = false; /* it goes on */
        figures_begin(m);
        switch (command) {
        case UB_CMD_DOWNLOAD:
                download_begin(m);
                break;
        case UB_CMD_UPDATE:
                if (m->record.activity.state == STATE_UPDATING)
                        update_resume(m);
                else
                        update_begin(m);
                break;
        case UB_CMD_ACTIVATE:
                activate_begin(m);
                break;
        default:
                break;
        }
}

/* The step was done before; say so once more. */
static void repeat_success(struct machine *m, const struct step *step)
{
        struct activity *a = &m->record.activity;
        char text[MESSAGE_AMOUNT_MAX];

        message_amount("Downloaded", a->bytes, text);
        if (step->after == STATE_ACTIVATED && m->record.pending.trial == TRIAL_OUTSTANDING)
                machine_ask_for_boot(m);
        machine_say(m, step->success, step->after == STATE_DOWNLOADED ? text : NULL,
                    step->after == STATE_ACTIVATED ? 0 : 100);
}

static void reject(struct machine *m, const struct event *e, const struct step *step)
{
        char text[128];

        (void)snprintf(text, sizeof(text), "%s is possible only after %s", step->name, step->needs);
        machine_log(m, UB_LOG_WARNING, "%s; the activity is %s", text,
                    state_to_string(m->record.activity.state));
        if (settings_rejects_out_of_order(m->settings))
                machine_say_to(m, e->activity, step->failure, m->record.activity.request.version,
                               text);
}

/* Commands come twice from MQTT and after a restart of the host, and too early from people.  What
 * is done is said again, nothing is done twice. */
static void forward_command(struct machine *m, const struct event *e)
{
        const struct step *step = &steps[e->command];
        const struct activity *a = &m->record.activity;

        if (a->state == step->before || a->state == step->during)
                begin_step(m, e->command);
        else if (a->state >= step->after && a->state <= STATE_ACTIVATED)
                repeat_success(m, step);
        else
                reject(m, e, step);
}

/* The tutorials send commands under another id than the desired state: when one activity waits for
 * a command, it is meant, and goes on under that id. */
static void adopt(struct machine *m, const char *activity)
{
        struct activity *a = &m->record.activity;

        if (strcmp(a->id, activity) != 0 && a->state != STATE_IDLE) {
                machine_log(m, UB_LOG_NOTICE, "activity %s goes on as %s", a->id, activity);
                RECORD_SET(a->id, activity);
        }
        if (strcmp(a->id, activity) == 0)
                m->known = true;
}

/* The host speaks of an activity that is over, while one goes on that it knows nothing of. */
static void on_stranger(struct machine *m, const struct event *e)
{
        enum message_kind kind = MESSAGE_NOT_CONFIRMED;

        if (e->command == UB_CMD_CLEANUP)
                kind = MESSAGE_CLEANED;
        else if (e->command == UB_CMD_ROLLBACK)
                kind = MESSAGE_ROLLED_BACK;
        else if (e->command != UB_CMD_VERIFY)
                kind = steps[e->command].failure;
        machine_say_to(m, e->activity, kind, "", "A local update is in progress.");
}

static void on_command(struct machine *m, const struct event *e)
{
        adopt(m, e->activity);
        switch (e->command) {
        case UB_CMD_DOWNLOAD:
        case UB_CMD_UPDATE:
        case UB_CMD_ACTIVATE:
                forward_command(m, e);
                break;
        case UB_CMD_ROLLBACK:
                back_begin(m);
                break;
        case UB_CMD_CLEANUP:
                back_clean_up(m, e->activity);
                break;
        case UB_CMD_VERIFY:
                boot_verify(m);
                break;
        default: /* refused before it came here */
                break;
        }
}

/* Is nothing wanted any more, of this activity at least? */
static bool gives_up(const struct event *e)
{
        return e->kind == EVENT_CANCEL ||
               (e->kind == EVENT_COMMAND &&
                (e->command == UB_CMD_ROLLBACK || e->command == UB_CMD_CLEANUP));
}

/* True when it is dealt with although something is under way. */
static bool interrupt(struct machine *m, const struct event *e)
{
        struct activity *a = &m->record.activity;
        bool own = strcmp(a->id, e->activity) == 0;

        if (a->state == STATE_ACTIVATING && m->started && !m->gives_up &&
            e->kind == EVENT_COMMAND && e->command == UB_CMD_ACTIVATE)
                return true; /* it is at it */
        if (a->state == STATE_DOWNLOADING && m->started) { /* else it is not taken up yet */
                if (e->kind == EVENT_COMMAND && e->command == UB_CMD_DOWNLOAD)
                        return true; /* likewise */
                if (e->kind == EVENT_DESIRED)
                        download_pause(m); /* until it is known whether that one is taken */
                else if (gives_up(e))
                        download_stop(m);
                return false; /* the next step waits for the end of this one */
        }
        if (e->kind == EVENT_COMMAND && e->command == UB_CMD_ROLLBACK && own &&
            a->state == STATE_UPDATING) {
                m->told_rollback = true;
                if (m->settings->rollback_feedback)
                        machine_say(m, MESSAGE_ROLLBACK, NULL, 0);
        }
        return false;
}

/* In this order: what can be answered whatever goes on; what ends or changes what goes on; what has
 * to wait for its end; the rest at once. */
static void request(struct machine *m, const struct event *e)
{
        if (e->kind == EVENT_DESIRED && identify_screen(m, e))
                return;
        if (e->kind == EVENT_COMMAND && m->record.activity.local &&
            strcmp(m->record.activity.id, e->activity) != 0) {
                on_stranger(m, e);
                return;
        }
        if (gives_up(e) && strcmp(m->record.activity.id, e->activity) == 0)
                (void)compare_stop(m); /* nobody wants to know any more what is on the medium */
        if (m->main.next && interrupt(m, e))
                return;
        if (m->main.next) {
                hold(m, e);
                return;
        }
        if (e->kind == EVENT_DESIRED)
                identify_begin(m, e);
        else if (e->kind == EVENT_COMMAND)
                on_command(m, e);
        else
                back_cancel(m);
}

static void take_held(struct machine *m)
{
        while (!m->main.next && m->n_held > 0) {
                struct held held = m->held[0];

                m->n_held--;
                memmove(m->held, m->held + 1, m->n_held * sizeof(m->held[0]));
                request(m, &(struct event){ .kind = held.kind,
                                            .activity = held.activity,
                                            .json = held.json,
                                            .command = held.command });
                free(held.json);
        }
}

/* ------------------------------------------------------------------------------- the inventory */

void machine_answer_gets(struct machine *m)
{
        size_t i;

        for (i = 0; i < m->n_gets; i++)
                machine_do(m, &(struct effect){ .kind = EFFECT_INVENTORY, .a = m->gets[i] });
        m->n_gets = 0;
        m->get_serial = 0;
}

/* RAUC refuses to be asked while it installs, so then the last look has to do. */
static void on_get(struct machine *m, const char *activity)
{
        if ((m->main.next && m->started) || m->n_gets == MACHINE_GETS_MAX) {
                machine_do(m, &(struct effect){ .kind = EFFECT_INVENTORY, .a = activity });
                return;
        }
        RECORD_SET(m->gets[m->n_gets], activity);
        m->n_gets++;
        if (m->get_serial || !m->started)
                return;
        m->get_serial = ++m->serials;
        machine_do(m, &(struct effect){ .kind = EFFECT_SURVEY, .serial = m->get_serial });
}

/* ------------------------------------------------------------------------------------- dispatch */

/* Outcomes that are not the last of their effect leave the track waiting. */
static bool is_last(const struct event *e)
{
        switch (e->kind) {
        case EVENT_FETCHING:
        case EVENT_PROGRESS:
        case EVENT_INSTALLING:
        case EVENT_READING:
                return false;
        default:
                return true;
        }
}

/* The track rests before its function is called, which may have it wait for something else. */
static bool give_track(struct machine *m, struct track *track, const struct event *e)
{
        machine_fn next = track->next;

        if (!next || track->awaits != e->serial)
                return false;
        if (is_last(e))
                machine_rest(track);
        next(m, e);
        return true;
}

/* What RAUC has told is news even when nobody waits for it any more. */
static void outcome(struct machine *m, const struct event *e)
{
        if (e->kind == EVENT_SURVEYED && e->result >= 0 && e->survey) {
                m->survey = *e->survey;
                m->surveyed = true;
                m->rauc_up = true;
        }
        if (e->kind == EVENT_INSPECTED && e->result >= 0 && e->bundle) {
                m->bundle = *e->bundle;
                m->inspected = true;
        }
        if (e->serial == 0)
                return;
        if (give_track(m, &m->main, e) || give_track(m, &m->trial, e))
                return;
        if (e->serial == m->get_serial)
                machine_answer_gets(m);
        else if (e->serial == m->tick_serial)
                update_on_tick(m);
        else if (e->serial == m->reboot_serial)
                boot_on_reboot_timer(m);
}

/* Of UPDATE there is nothing to take up here: RAUC goes on by itself, so the start sees to it
 * without being asked (machine-boot.c). */
void machine_resume(struct machine *m)
{
        if (m->main.next)
                return;
        figures_begin(m);
        if (m->record.activity.state == STATE_DOWNLOADING)
                download_begin(m);
        else if (m->record.activity.state == STATE_ACTIVATING && !m->awaits_trial)
                activate_begin(m);
}

static void on_feedback_get(struct machine *m, const char *activity)
{
        if (strcmp(m->record.activity.id, activity) != 0)
                return;
        m->known = true;
        machine_repeat(m);
        m->asked = true;
        if (m->started)
                machine_resume(m);
}

/* What cannot be kept has not happened. */
static void on_unstored(struct machine *m, const char *why)
{
        static const enum message_kind words[STATE_COUNT] = {
                [STATE_DOWNLOADING] = MESSAGE_DOWNLOAD_FAILED,
                [STATE_UPDATING] = MESSAGE_INSTALL_FAILED,
                [STATE_ACTIVATING] = MESSAGE_ACTIVATION_FAILED,
                [STATE_ROLLING_BACK] = MESSAGE_ROLLBACK_FAILED,
        };
        enum message_kind word = words[m->record.activity.state];
        char text[RECORD_MESSAGE_MAX];

        (void)snprintf(text, sizeof(text), "The agent cannot keep its state: %s", why);
        machine_log(m, UB_LOG_ERR, "%s", text);
        if (!m->main.next || !word)
                return;
        if (m->record.activity.state == STATE_DOWNLOADING)
                machine_do(m, &(struct effect){ .kind = EFFECT_FETCH_STOP });
        (void)compare_stop(m);
        machine_fail(m, word, text, NULL);
}

void machine_handle(struct machine *m, const struct event *e)
{
        m->time_usec = e->time_usec;
        m->wall_sec = e->wall_sec;
        switch (e->kind) {
        case EVENT_START:
                m->flags = e->flags;
                RECORD_SET(m->boot, e->text);
                boot_start(m);
                break;
        case EVENT_DESIRED:
        case EVENT_COMMAND:
        case EVENT_CANCEL:
                request(m, e);
                break;
        case EVENT_FEEDBACK_GET:
                on_feedback_get(m, e->activity);
                break;
        case EVENT_GET:
                on_get(m, e->activity);
                break;
        case EVENT_LOCAL:
                identify_local(m, e);
                break;
        case EVENT_RAUC_UP:
                m->rauc_up = true;
                boot_on_rauc_up(m);
                break;
        case EVENT_RAUC_GONE:
                m->rauc_up = false;
                break;
        case EVENT_UNSTORED:
                on_unstored(m, e->text);
                break;
        case EVENT_SURVEYED:
        case EVENT_INSPECTED:
        case EVENT_INSTALLING:
        case EVENT_PROGRESS:
        case EVENT_INSTALLED:
        case EVENT_MARKED:
        case EVENT_FETCHING:
        case EVENT_FETCHED:
        case EVENT_READING:
        case EVENT_READ:
        case EVENT_HEALTH:
        case EVENT_TIMER:
                outcome(m, e);
                break;
        }
        take_held(m);
}

void machine_init(struct machine *m, const struct settings *settings, const char *domain)
{
        *m = (struct machine){ .settings = settings, .domain = domain, .percent = -1 };
}

void machine_done(struct machine *m)
{
        size_t i;

        for (i = 0; i < m->n_held; i++)
                free(m->held[i].json);
        m->n_held = 0;
        effects_done(&m->effects);
        record_done(&m->record);
}
