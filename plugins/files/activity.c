/* SPDX-License-Identifier: Apache-2.0
 *
 * activity - the files agent's way through an activity, on the loop
 *
 * begin -> work (tasks, downloads, commands) -> activity_end_step() -> the record is written -> the
 * word goes out.  So what the host has heard is never more than what a crash leaves behind, and an
 * agent that is killed at any point repeats its last word and takes the next command from there. */
#include "plugins/files/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/status.h>
#define PROGRESS_USEC UINT64_C(500000)

static void step_done(struct files *files)
{
        ub_source_drop(files->host, &files->step.timer);
        command_stop(files);
        free(files->step.failure);
        files->step = (struct step){ .running = false };
}

static void forget(struct files *files)
{
        step_done(files);
        files->actions = ub_actions_free(files->actions);
        files->desired = ub_desired_state_free(files->desired);
        record_done(&files->record);
}

void activity_done(struct files *files)
{
        forget(files);
}

void activity_note_failure(struct files *files, const char *message)
{
        if (files->step.failure)
                ub_warning(files->host, "%s", message);
        else
                files->step.failure = strdup(message); /* NULL: see activity_end_step() */
}

/* ----------------------------------------------------------------------------- words of actions */

/* A component that is removed has other words, and nothing to do before ACTIVATE. */
static const char *removal_word(const char *word)
{
        static const char *const words[][2] = {
                { UB_ACTIVATING, UB_REMOVING },
                { UB_ACTIVATION_SUCCESS, UB_REMOVAL_SUCCESS },
                { UB_ACTIVATION_FAILURE, UB_REMOVAL_FAILURE },
                { UB_UPDATE_FAILURE, UB_REMOVAL_FAILURE },
        };
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(word, words[i][0]) == 0)
                        return words[i][1];
        return NULL;
}

static void set_words(struct files *files, const char *word, int progress)
{
        size_t i;

        for (i = 0; i < ub_actions_count(files->actions); i++) {
                const struct ub_action *action = ub_actions_get(files->actions, i);
                const char *own = action->kind == UB_ACTION_REMOVE ? removal_word(word) : word;

                if (action->in_scope && own)
                        (void)ub_actions_set(files->actions, action->id, own, progress, NULL);
        }
}

/* The word that each action gets when a step begins or ends; NULL: they stay as they are. */
static const char *action_word(int32_t command, const char *overall)
{
        switch (command) {
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

/* -------------------------------------------------------------------------------- the last word */

static int render(struct files *files, const char *status, const char *message)
{
        const struct ub_feedback bare = { .status = status, .message = message };
        char *json;
        int r;

        r = files->actions ? ub_actions_to_json(files->actions, status, message, &json)
                           : ub_feedback_to_json(&bare, ub_id(files->host), &json);
        if (r < 0)
                return r;
        free(files->record.feedback);
        files->record.feedback = json;
        return 0;
}

static void say(struct files *files)
{
        int r;

        step_done(files);
        r = ub_feedback(files->host, files->record.activity, files->record.feedback);
        if (r < 0)
                ub_warning(files->host, "feedback: %s", strerror(-r));
}

static const char *failure_word(int32_t command)
{
        const struct ub_step_words *words = ub_step_words(command);

        return words ? words->failure : UB_IDENTIFICATION_FAILED;
}

/* A step that cannot be kept has failed, whatever it did: a success that a power failure takes back
 * would be a lie. */
static void on_saved(struct files *files, void *data, int r, const char *message)
{
        (void)data;
        if (files->stopping)
                return;
        if (r < 0) {
                ub_err(files->host, "%s", message);
                r = render(files, failure_word(files->step.command), message);
                if (r < 0)
                        ub_err(files->host, "feedback: %s", strerror(-r));
        }
        say(files);
}

static int save_run(struct files *files, void *data, struct ub_error *error)
{
        (void)data;
        return record_save(&files->store, &files->record, error);
}

static void conclude(struct files *files, const char *status, const char *message)
{
        int r;

        files->step.ending = true;
        ub_source_drop(files->host, &files->step.timer);
        r = render(files, status, message);
        if (r == 0)
                r = task_post(files, save_run, on_saved, NULL);
        if (r < 0)
                on_saved(files, NULL, r, strerror(-r));
}

/* Makes the list of actions from the plan. */
static int list_actions(struct files *files)
{
        const struct plan *plan = &files->record.plan;
        size_t i;
        int r;

        files->actions = ub_actions_free(files->actions);
        r = ub_actions_new(files->host, files->record.activity, &files->actions);
        for (i = 0; i < plan->n && r == 0; i++)
                r = ub_actions_add(files->actions, plan->list[i].kind, plan->list[i].id,
                                   plan->list[i].version, plan->list[i].from);
        return r;
}

static void conclude_identify(struct files *files, const char *failure)
{
        int r = failure ? 0 : list_actions(files);

        if (failure || r < 0)
                conclude(files, UB_IDENTIFICATION_FAILED, failure ? failure : strerror(-r));
        else
                conclude(files, files->record.plan.n ? UB_IDENTIFIED : UB_COMPLETED, NULL);
}

/* What was switched has been taken back, and the commands have been run. */
static void settle_touched(struct files *files)
{
        size_t i;

        if (!files->step.undoing && files->step.command != UB_CMD_ROLLBACK)
                return;
        for (i = 0; i < files->record.plan.n; i++)
                if (files->record.plan.list[i].in_scope)
                        files->record.plan.list[i].touched = false;
}

static void conclude_command(struct files *files, const char *failure)
{
        const struct ub_step_words *words = ub_step_words(files->step.command);
        const char *status = failure ? words->failure : words->success;
        const char *word = action_word(files->step.command, status);

        settle_touched(files);
        if (word)
                set_words(files, word, failure || files->step.command == UB_CMD_ROLLBACK ? 0 : 100);
        conclude(files, status, failure);
}

static void on_undone(struct files *files, void *data, int r, const char *message)
{
        (void)data;
        if (r < 0)
                ub_warning(files->host, "%s", message); /* the next CLEANUP tries again */
        if (!files->stopping)
                conclude(files, UB_INCOMPLETE, "cancelled");
}

/* Removes what a cancelled activity has prepared; what is active by then stays.  A command that was on
 * its way when CANCEL came is refused with -EBUSY until this is through, and comes again then. */
static void undo(struct files *files)
{
        size_t i;

        for (i = 0; i < files->record.plan.n; i++)
                files->record.plan.list[i].in_scope = true;
        files->progress.cancel = false;
        if (task_post(files, change_clean_up, on_undone, NULL) < 0)
                conclude(files, UB_INCOMPLETE, "cancelled");
}

/* May a step be given up?  Not one that changes what is active. */
static bool is_undone(int32_t command)
{
        return command != UB_CMD_ACTIVATE && command != UB_CMD_ROLLBACK &&
               command != UB_CMD_CLEANUP;
}

static void run_task(struct files *files, task_run_fn run, task_done_fn done);

static void on_switched(struct files *files, void *data, int r, const char *message)
{
        (void)data;
        if (r < 0 || files->stopping)
                activity_end_step(files, r, message);
        else
                command_run_all(files);
}

/* An ACTIVATE that fails has changed nothing in the end: outside of a baseline nobody would ask for
 * the way back, and what ran would stay replaced by what does not. */
static void undo_activate(struct files *files)
{
        files->step.undoing = true;
        files->step.at = 0;
        run_task(files, change_roll_back, on_switched);
}

void activity_end_step(struct files *files, int r, const char *message)
{
        const char *failure;

        if (files->stopping)
                return; /* the next start finds the record of the step before */
        if (r < 0)
                activity_note_failure(files, message);
        if (files->step.cancelled && is_undone(files->step.command)) {
                undo(files);
                return;
        }
        failure = files->step.failure;
        if (r < 0 && !failure)
                failure = strerror(-r);
        if (files->step.command == FILES_IDENTIFY)
                conclude_identify(files, failure);
        else if (failure && files->step.command == UB_CMD_ACTIVATE && !files->step.undoing)
                undo_activate(files);
        else
                conclude_command(files, failure);
}

/* ------------------------------------------------------------------------------------ the steps */

static void on_task(struct files *files, void *data, int r, const char *message)
{
        (void)data;
        activity_end_step(files, r, message);
}

static void run_task(struct files *files, task_run_fn run, task_done_fn done)
{
        int r = task_post(files, run, done, NULL);

        if (r < 0)
                activity_end_step(files, r, strerror(-r));
}

static void install_next(struct files *files);

static void on_installed(struct files *files, void *data, int r, const char *message)
{
        const char *id = files->record.plan.list[files->step.at].id;

        (void)data;
        if (r < 0 || files->step.cancelled || files->stopping) {
                activity_end_step(files, r, message);
                return;
        }
        (void)ub_actions_set(files->actions, id, UB_UPDATE_SUCCESS, 100, NULL);
        (void)ub_actions_progress(files->actions, UB_UPDATING);
        files->step.at++;
        install_next(files);
}

static void install_next(struct files *files)
{
        const struct plan *plan = &files->record.plan;
        size_t *at = &files->step.at;

        while (*at < plan->n &&
               (!plan->list[*at].in_scope || plan->list[*at].kind == UB_ACTION_REMOVE))
                ++*at;
        files->progress.done = 0;
        files->progress.total = 0;
        if (*at < plan->n)
                run_task(files, install_run, on_installed);
        else
                activity_end_step(files, 0, NULL);
}

/* Not a sign of life by itself: only what has grown is reported, so a worker that hangs is
 * noticed. */
static void on_progress(void *data)
{
        struct files *files = data;
        uint64_t done = files->progress.done;
        uint64_t total = files->progress.total;
        const struct change *change = &files->record.plan.list[files->step.at];
        int percent = total > 0 && done < total ? (int)(done * 100 / total) : 0;

        files->step.timer = NULL;
        if (done != files->step.reported) {
                files->step.reported = done;
                (void)ub_actions_set(files->actions, change->id, UB_UPDATING, percent, NULL);
                (void)ub_actions_progress(files->actions, UB_UPDATING);
        }
        (void)ub_timer(files->host, PROGRESS_USEC, on_progress, files, &files->step.timer);
}

static void begin_command(struct files *files)
{
        switch (files->step.command) {
        case UB_CMD_DOWNLOAD:
                fetch_begin(files);
                break;
        case UB_CMD_UPDATE:
                (void)ub_timer(files->host, PROGRESS_USEC, on_progress, files, &files->step.timer);
                install_next(files);
                break;
        case UB_CMD_ACTIVATE:
                run_task(files, change_activate, on_switched);
                break;
        case UB_CMD_ROLLBACK:
                run_task(files, change_roll_back, on_switched);
                break;
        case UB_CMD_CLEANUP:
                run_task(files, change_clean_up, on_task);
                break;
        case UB_CMD_VERIFY:
                run_task(files, change_verify, on_task);
                break;
        default: /* activity_command() lets no other pass */
                break;
        }
}

static void open_step(struct files *files, int32_t command)
{
        step_done(files);
        files->step = (struct step){ .running = true, .command = command };
        files->progress.cancel = false;
}

/* ---------------------------------------------------------------------------------------- begin */

/* The same once more, after a crash: the plan holds, since it knows what there was at first. */
static bool is_again(const struct files *files, const char *activity, const char *json)
{
        return files->record.activity && strcmp(files->record.activity, activity) == 0 &&
               strcmp(files->record.desired, json) == 0 && files->record.plan.n > 0;
}

static int take_desired_state(struct files *files, const char *json, struct ub_error *error)
{
        if (strlen(json) > RECORD_DESIRED_MAX)
                return ub_error_set(error, -E2BIG, "the desired state is longer than %d bytes",
                                    RECORD_DESIRED_MAX);
        return ub_desired_state_parse(json, error, &files->desired);
}

int activity_begin(struct files *files, const char *activity, const char *json)
{
        struct ub_error error = UB_ERROR_INIT;
        int r;

        if (files->step.running)
                return -EBUSY;
        if (is_again(files, activity, json)) {
                open_step(files, FILES_IDENTIFY);
                activity_end_step(files, 0, NULL);
                return 0;
        }
        forget(files);
        files->record.activity = strdup(activity);
        files->record.desired = strdup(json);
        if (!files->record.activity || !files->record.desired) {
                forget(files);
                return -ENOMEM;
        }
        open_step(files, FILES_IDENTIFY);
        (void)ub_feedback_send_text(files->host, activity, NULL, UB_IDENTIFYING, NULL);
        r = take_desired_state(files, json, &error);
        if (r == -E2BIG)
                *files->record.desired = '\0'; /* it could not be kept */
        if (r < 0)
                activity_end_step(files, r, *error.text ? error.text : strerror(-r));
        else
                run_task(files, identify_run, on_task);
        return 0;
}

static int narrow(struct files *files, const char *baseline)
{
        size_t i;
        int r;

        r = ub_actions_scope(files->actions, files->desired, baseline);
        for (i = 0; i < files->record.plan.n && r == 0; i++) {
                struct change *change = &files->record.plan.list[i];

                change->in_scope = ub_actions_find(files->actions, change->id)->in_scope;
                free(change->program);
                change->program = NULL;
        }
        return r;
}

int activity_command(struct files *files, const char *activity, const char *baseline,
                     int32_t command)
{
        const struct ub_step_words *words = ub_step_words(command);
        const char *word;
        int r;

        if (!words)
                return -ENOTSUP;
        if (!files->actions || strcmp(files->record.activity, activity) != 0)
                return -ENOENT;
        if (files->step.running)
                return -EBUSY;
        r = narrow(files, baseline);
        if (r < 0)
                return r;
        open_step(files, command);
        word = action_word(command, words->progress);
        if (word)
                set_words(files, word, 0);
        (void)ub_actions_progress(files->actions, words->progress);
        begin_command(files);
        return 0;
}

void activity_interrupt(struct files *files)
{
        files->progress.cancel = true;
        if (files->step.running && !files->step.ending && files->step.command == UB_CMD_DOWNLOAD)
                fetch_cancel(files);
}

int activity_cancel(struct files *files, const char *activity)
{
        if (!files->record.activity || strcmp(files->record.activity, activity) != 0)
                return -ENOENT;
        if (files->step.running) {
                /* What is decided, or changes what is active, ends with its own word. */
                if (!files->step.ending && is_undone(files->step.command)) {
                        files->step.cancelled = true;
                        activity_interrupt(files);
                }
                return 0;
        }
        open_step(files, FILES_IDENTIFY);
        files->step.cancelled = true;
        activity_end_step(files, 0, NULL);
        return 0;
}

int activity_load(struct files *files, struct ub_error *error)
{
        int r;

        r = record_load(&files->store, error, &files->record);
        if (r == 0 && files->record.activity && *files->record.desired)
                r = ub_desired_state_parse(files->record.desired, error, &files->desired);
        if (r == 0 && files->desired)
                r = list_actions(files);
        if (r < 0)
                forget(files);
        return r;
}
