/* SPDX-License-Identifier: Apache-2.0
 *
 * activity - the fake agent's way through the phases of an activity
 *
 * begin_phase() -> on_step() ... -> end_phase() -> conclude() -> on_synced()
 *
 * Every phase ends alike: the outcome is applied to the inventories, the word is rendered and put
 * into the durable state together with them, and only when that is on disk does the word go out.
 * So what the host has heard is never more than what a crash leaves behind. */
#include "plugins/fake/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/status.h>

static const struct phase *phase_of(const struct fake *fake)
{
        return &fake->settings.phases[fake->step.phase];
}

void activity_stop(struct fake *fake)
{
        ub_source_drop(fake->host, &fake->step.timer);
        free(fake->step.baseline);
        fake->step = (struct step){ .running = false };
}

void activity_done(struct fake *fake)
{
        activity_stop(fake);
        fake->actions = ub_actions_free(fake->actions);
        fake->desired = ub_desired_state_free(fake->desired);
        free(fake->desired_json);
        free(fake->activity);
        free(fake->feedback);
        fake->desired_json = NULL;
        fake->activity = NULL;
        fake->feedback = NULL;
}

/* --------------------------------------------------------------------------- what phases change */

/* What runs, or will run after the boot that ACTIVATE asks for. */
static int activate(struct fake *fake)
{
        struct inventory *target = fake->settings.reboot ? &fake->next : &fake->inventory;
        size_t i;
        int r = 0;

        fake->step.boot = fake->settings.reboot;
        if (fake->settings.reboot && !fake->has_next) {
                r = inventory_copy(&fake->inventory, &fake->next);
                fake->has_next = r == 0;
        }
        for (i = 0; i < ub_actions_count(fake->actions) && r == 0; i++) {
                const struct ub_action *a = ub_actions_get(fake->actions, i);

                if (a->in_scope)
                        r = inventory_set(target, a->id,
                                          a->kind == UB_ACTION_REMOVE ? NULL : a->version);
        }
        return r;
}

/* Makes every component that the command concerns what it was before the activity. */
static int roll_back(struct fake *fake)
{
        const char *baseline = fake->step.baseline;
        size_t i;
        int r = 0;

        inventory_done(&fake->next);
        fake->has_next = false;
        for (i = fake->inventory.n; i > 0; i--) { /* backwards: components are taken away */
                const char *id = fake->inventory.list[i - 1].id;

                if (ub_desired_state_concerns(fake->desired, baseline, id) &&
                    !inventory_version(&fake->previous, id))
                        r = inventory_set(&fake->inventory, id, NULL);
        }
        for (i = 0; i < fake->previous.n && r == 0; i++) {
                const struct ub_component *c = &fake->previous.list[i];

                if (ub_desired_state_concerns(fake->desired, baseline, c->id))
                        r = inventory_set(&fake->inventory, c->id, c->version);
        }
        return r;
}

/* Does what was activated really run? */
static int verify(struct fake *fake, struct ub_error *error)
{
        size_t i;

        for (i = 0; i < ub_actions_count(fake->actions); i++) {
                const struct ub_action *a = ub_actions_get(fake->actions, i);
                const char *version = inventory_version(&fake->inventory, a->id);
                const char *wanted = a->kind == UB_ACTION_REMOVE ? NULL : a->version;

                if (!a->in_scope || (!version && !wanted))
                        continue;
                if (!version || !wanted || strcmp(version, wanted) != 0)
                        return ub_error_set(error, -ESTALE, "%s: %s runs, not %s", a->id,
                                            version ? version : "nothing",
                                            wanted ? wanted : "nothing");
        }
        return 0;
}

/* Does what a phase is for.  0, or a negative errno that makes it fail, with a sentence. */
static int apply(struct fake *fake, struct ub_error *error)
{
        int r = 0;

        switch (fake->step.phase) {
        case UB_CMD_ACTIVATE:
                r = activate(fake);
                break;
        case UB_CMD_ROLLBACK:
                r = roll_back(fake);
                break;
        case UB_CMD_VERIFY:
                return verify(fake, error);
        default: /* nothing that can be seen from outside */
                break;
        }
        return r < 0 ? ub_error_set(error, r, "%s", strerror(-r)) : 0;
}

/* Compares what is desired with what runs. */
static int identify(struct fake *fake, struct ub_error *error)
{
        int r;

        if (strlen(fake->desired_json) > UB_MAX_STATE_VALUE) {
                free(fake->desired_json); /* it could not be kept either */
                fake->desired_json = NULL;
                return ub_error_set(error, -E2BIG, "the desired state is longer than %d bytes",
                                    UB_MAX_STATE_VALUE);
        }
        r = ub_desired_state_parse(fake->desired_json, error, &fake->desired);
        if (r < 0)
                return r;
        r = ub_actions_new(fake->host, fake->activity, &fake->actions);
        if (r >= 0) {
                ub_actions_set_interval(fake->actions, 0); /* each report is wanted */
                r = ub_actions_diff(fake->actions, fake->desired, fake->inventory.list,
                                    fake->inventory.n);
        }
        return r < 0 ? ub_error_set(error, r, "%s", strerror(-r)) : 0;
}

/* -------------------------------------------------------------------------------------- the end */

/* Ends the step and says the word that was rendered for it. */
static void say_last_word(struct fake *fake)
{
        int n = fake->step.twice ? 2 : 1;
        int r = 0;

        activity_stop(fake);
        while (n-- > 0 && r >= 0)
                r = ub_feedback(fake->host, fake->activity, fake->feedback);
        if (r < 0)
                ub_warning(fake->host, "feedback: %s", strerror(-r));
}

/* Renders the word that ends the step. */
static int render(struct fake *fake, const char *status, const char *message)
{
        const struct ub_feedback bare = {
                .status = status,
                .message = message,
        };
        char *json;
        int r;

        r = fake->actions ? ub_actions_to_json(fake->actions, status, message, &json)
                          : ub_feedback_to_json(&bare, ub_id(fake->host), &json);
        if (r < 0)
                return r;
        free(fake->feedback);
        fake->feedback = json;
        return 0;
}

/* A step that cannot be kept has failed, whatever it did: a success that a power failure takes back
 * would be a lie. */
static void fail_unkept(struct fake *fake, int r)
{
        const struct ub_step_words *words = ub_step_words(fake->step.phase);

        ub_err(fake->host, "durable state: %s", strerror(-r));
        fake->step.twice = false;
        if (render(fake, words ? words->failure : UB_IDENTIFICATION_FAILED,
                   "the durable state failed") >= 0)
                say_last_word(fake);
        else
                fake->step.stuck = true; /* no memory for a word */
}

static void on_synced(void *data, int result)
{
        struct fake *fake = data;

        /* Each sync covers the ones before; the last one counts.  And its step may have been
         * dropped since. */
        fake->n_syncs--;
        if (!fake->step.syncing || fake->n_syncs > 0)
                return;
        if (result < 0) {
                fail_unkept(fake, result);
                return;
        }
        if (fake->step.boot)
                (void)ub_reboot_request(fake->host, fake->activity, "the fake agent's update");
        say_last_word(fake);
}

/* Ends the step with a word, when it is on disk. */
static void conclude(struct fake *fake, const char *status, const char *message)
{
        int r;

        r = render(fake, status, message);
        if (r >= 0)
                r = keep_store(fake);
        if (r >= 0)
                r = ub_state_sync(fake->host, on_synced, fake);
        if (r < 0) {
                fail_unkept(fake, r);
                return;
        }
        fake->step.syncing = true;
        fake->n_syncs++;
}

/* The word that each action of a step gets; the other steps leave the actions as they are. */
static const char *action_word(int32_t phase, const char *overall)
{
        switch (phase) {
        case UB_CMD_DOWNLOAD:
        case UB_CMD_UPDATE:
        case UB_CMD_ACTIVATE:
                return overall;
        case UB_CMD_ROLLBACK:
                return strcmp(overall, UB_ROLLBACK_SUCCESS) == 0 ? UB_UPDATE_FAILURE : NULL;
        default:
                return NULL;
        }
}

static void conclude_step(struct fake *fake, bool success, const char *message)
{
        const struct ub_step_words *words = ub_step_words(fake->step.phase);
        const char *status = success ? words->success : words->failure;
        const char *word = action_word(fake->step.phase, status);

        if (word)
                (void)ub_actions_set_all(fake->actions, word, success ? 100 : 0);
        conclude(fake, status, message);
}

static void conclude_identify(struct fake *fake, bool success, const char *message)
{
        if (!success)
                conclude(fake, UB_IDENTIFICATION_FAILED, message);
        else
                conclude(fake, ub_actions_count(fake->actions) ? UB_IDENTIFIED : UB_COMPLETED,
                         message);
}

static void conclude_phase(struct fake *fake, bool success, const char *message)
{
        if (fake->step.phase == PHASE_IDENTIFY)
                conclude_identify(fake, success, message);
        else
                conclude_step(fake, success, message);
}

static void succeed(struct fake *fake)
{
        struct ub_error error = UB_ERROR_INIT;
        int r;

        r = fake->step.phase == PHASE_IDENTIFY ? identify(fake, &error) : apply(fake, &error);
        fake->step.twice = phase_of(fake)->result == RESULT_TWICE;
        conclude_phase(fake, r >= 0, r < 0 ? error.text : phase_of(fake)->message);
}

/* A write to address 0 that no compiler may leave out. */
static void crash(void)
{
        volatile int *volatile nowhere = NULL;

        *nowhere = 1;
}

static void end_phase(struct fake *fake)
{
        const struct phase *phase = phase_of(fake);

        switch (phase->result) {
        case RESULT_OK:
        case RESULT_BLOCK:
        case RESULT_TWICE:
                succeed(fake);
                break;
        case RESULT_FAIL:
                conclude_phase(fake, false, *phase->message ? phase->message : "fake failure");
                break;
        case RESULT_GARBAGE:
                (void)ub_feedback(fake->host, fake->activity, "{\"status\": this is no JSON");
                fake->step.stuck = true;
                break;
        case RESULT_HANG:
        case RESULT_SILENT:
                fake->step.stuck = true;
                break;
        case RESULT_CRASH:
                crash();
                break;
        case RESULT_ABORT:
                abort();
        case RESULT_EXIT:
                _exit(0);
        }
}

/* -------------------------------------------------------------------------------- the beginning */

static void report_progress(struct fake *fake)
{
        const struct ub_step_words *words = ub_step_words(fake->step.phase);
        int percent = 100 * fake->step.steps_done / phase_of(fake)->steps;

        if (!words) {
                (void)ub_feedback_send_text(fake->host, fake->activity, NULL, UB_IDENTIFYING, NULL);
                return;
        }
        if (action_word(fake->step.phase, words->progress))
                (void)ub_actions_set_all(fake->actions, words->progress, percent);
        (void)ub_actions_progress(fake->actions, words->progress);
}

static int arm(struct fake *fake);

static void on_step(void *data)
{
        struct fake *fake = data;
        int r = 0;

        fake->step.timer = NULL;
        fake->step.steps_done++;
        if (fake->step.steps_done >= phase_of(fake)->steps) {
                end_phase(fake);
                return;
        }
        report_progress(fake);
        r = arm(fake);
        if (r < 0)
                conclude_phase(fake, false, strerror(-r));
}

static int arm(struct fake *fake)
{
        const struct phase *phase = phase_of(fake);
        uint64_t delay_usec = phase->result == RESULT_BLOCK ? 0 : phase->delay_usec;

        return ub_timer(fake->host, delay_usec, on_step, fake, &fake->step.timer);
}

/* Against the rules, on purpose. */
static void block(uint64_t usec)
{
        struct timespec rest = { .tv_sec = (time_t)(usec / 1000000),
                                 .tv_nsec = (long)(usec % 1000000) * 1000 };

        while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
                ;
}

static int open_step(struct fake *fake, int32_t phase, const char *baseline)
{
        char *copy = strdup(baseline);

        if (!copy)
                return -ENOMEM;
        activity_stop(fake);
        fake->step = (struct step){ .running = true, .phase = phase, .baseline = copy };
        return 0;
}

static int begin_phase(struct fake *fake, int32_t phase, const char *baseline)
{
        int r;

        r = open_step(fake, phase, baseline);
        if (r < 0)
                return r;
        fake->silent = phase_of(fake)->result == RESULT_SILENT;
        if (fake->silent) {
                fake->step.stuck = true;
                return 0;
        }
        if (phase_of(fake)->result == RESULT_BLOCK)
                block(phase_of(fake)->delay_usec);
        r = arm(fake);
        if (r < 0) {
                activity_stop(fake);
                return r;
        }
        report_progress(fake);
        return 0;
}

int activity_begin(struct fake *fake, const char *activity, const char *json)
{
        bool again = fake->activity && strcmp(fake->activity, activity) == 0;
        int r;

        /* The host has ended the activity before, whether it heard its last word or not. */
        activity_done(fake);
        fake->activity = strdup(activity);
        fake->desired_json = strdup(json);
        if (!fake->activity || !fake->desired_json)
                return -ENOMEM;

        /* Started over after a crash, ROLLBACK still goes back to the beginning. */
        if (!again) {
                inventory_done(&fake->previous);
                r = inventory_copy(&fake->inventory, &fake->previous);
                if (r < 0)
                        return r;
                inventory_done(&fake->next);
                fake->has_next = false;
        }
        return begin_phase(fake, PHASE_IDENTIFY, "");
}

int activity_command(struct fake *fake, const char *activity, const char *baseline, int32_t command)
{
        int r;

        if (!ub_step_words(command))
                return -ENOTSUP;
        if (!fake->actions || strcmp(fake->activity, activity) != 0)
                return -ENOENT;
        if (fake->step.running && !fake->step.stuck && !fake->step.cancel)
                return -EBUSY;
        r = ub_actions_scope(fake->actions, fake->desired, baseline);
        if (r < 0)
                return r;
        return begin_phase(fake, command, baseline);
}

int activity_cancel(struct fake *fake, const char *activity)
{
        int r;

        if (!fake->activity || strcmp(fake->activity, activity) != 0)
                return -ENOENT;
        if (fake->silent || fake->step.syncing)
                return 0; /* says nothing, or says its word at any moment */

        r = open_step(fake, PHASE_IDENTIFY, ""); /* in place of what runs, if anything does */
        if (r < 0)
                return r;
        inventory_done(&fake->next); /* what waits for a boot is not active yet */
        fake->has_next = false;
        fake->step.cancel = true;
        conclude(fake, UB_INCOMPLETE, "cancelled");
        return 0;
}
