/* SPDX-License-Identifier: Apache-2.0
 *
 * program - see <update-broker/sdk/program.h>
 *
 * One activity at a time, one step of it, and in that step one component after the other: the
 * program need not lock against itself.  Only inventories run beside it.
 *
 * A step on the way to success ends with the first component that fails, since the host takes the
 * others back in any case.  ROLLBACK and CLEANUP go on to the end and then tell the first failure:
 * the more goes back, the better.
 *
 * The agent may die at any point, and the next command may reach a fresh instance.  What it needs
 * then is in the durable state before IDENTIFIED is said: see program-memory.c. */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/program.h>
#include <update-broker/sdk/status.h>

#include "sdk/program-private.h"

const char ub_program_schema[] =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"program\":{\"type\":\"string\",\"minLength\":1},"
        "\"timeout\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400}}}";

/* Why the program could not be started. */
static const char *cause(int r)
{
        return r == -EPERM ? "the registration does not grant \"services\": [\"spawn\"]"
                           : strerror(-r);
}

/* ------------------------------------------------------------------------- beginning an activity */

static int program_current_state_get(void *self, const char *activity)
{
        return ub_program_inquire((struct program_agent *)self, activity, false);
}

static void activity_done(struct program_agent *a)
{
        size_t i;

        for (i = 0; i < UB_PROGRAM_CALLS_MAX; i++)
                if (a->inquiries[i].identifies)
                        ub_program_inquiry_done(&a->inquiries[i]);
        a->call = ub_call_free(a->call);
        a->actions = ub_actions_free(a->actions);
        a->desired = ub_desired_state_free(a->desired);
        free(a->desired_json);
        free(a->activity);
        free(a->cleaned);
        free(a->baseline);
        a->desired_json = a->activity = a->baseline = NULL;
        a->cleaned = NULL;
        a->saving = false;
}

static void identified(struct program_agent *a, int r)
{
        struct ub_error error = UB_ERROR_INIT;

        if (r < 0)
                (void)ub_error_set(&error, r, "the activity cannot be kept: %s", strerror(-r));
        (void)ub_actions_finish(a->actions, r < 0 ? UB_IDENTIFICATION_FAILED : UB_IDENTIFIED,
                                r < 0 ? error.text : NULL);
}

/* Syncs end in their order: while another one is under way, this one was of an activity before. */
static void synced(void *data, int r)
{
        struct program_agent *a = (struct program_agent *)data;

        if (--a->syncs > 0 || !a->saving)
                return;
        a->saving = false;
        identified(a, r);
}

/* What was put down is on disk before the host may ask for a change. */
static int save(struct program_agent *a)
{
        int r = ub_state_sync(a->host, synced, a);

        if (r < 0)
                return r;
        a->syncs++;
        a->saving = true;
        return 0;
}

/* An id may come again with another desired state, from somebody who drives the agent by hand; what
 * was kept is of the one before then. */
static bool fits(const struct ub_actions *actions, const struct ub_desired_state *desired)
{
        size_t i;

        for (i = 0; i < ub_actions_count(actions); i++) {
                const struct ub_action *action = ub_actions_get(actions, i);
                const struct ub_component *want = ub_desired_state_component(desired, action->id);

                if (action->kind == UB_ACTION_REMOVE ? want != NULL
                                                     : !want || strcmp(want->version,
                                                                       action->version) != 0)
                        return false;
        }
        return true;
}

static int begin_actions(struct program_agent *a, const struct installed *installed)
{
        struct ub_actions *kept;
        int r;

        r = ub_program_recall(a, a->activity, NULL, &kept);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r == 0 && fits(kept, a->desired)) {
                (void)ub_actions_free(a->actions);
                a->actions = kept;
                return save(a);
        }
        if (r == 0)
                (void)ub_actions_free(kept);
        r = ub_actions_diff(a->actions, a->desired, installed->list, installed->n);
        if (r < 0)
                return r;
        if (ub_actions_count(a->actions) == 0)
                return ub_actions_finish(a->actions, UB_COMPLETED, NULL);
        r = ub_program_remember(a);
        return r < 0 ? r : save(a);
}

void ub_program_identify(struct program_agent *a, const struct installed *installed,
                         const char *fault)
{
        int r;

        if (*fault) {
                (void)ub_actions_finish(a->actions, UB_IDENTIFICATION_FAILED, fault);
                return;
        }
        r = begin_actions(a, installed);
        if (r < 0)
                identified(a, r);
}

static int program_desired_state(void *self, const char *activity, const char *json)
{
        struct program_agent *a = (struct program_agent *)self;
        struct ub_error error = UB_ERROR_INIT;
        int r;

        activity_done(a);
        r = ub_desired_state_parse(json, &error, &a->desired);
        if (r < 0)
                return ub_feedback_send_text(a->host, activity, "", UB_IDENTIFICATION_FAILED, "%s",
                                             error.text);
        a->activity = strdup(activity);
        a->desired_json = strdup(json);
        r = a->activity && a->desired_json ? ub_actions_new(a->host, activity, &a->actions)
                                           : -ENOMEM;
        if (r == 0)
                r = ub_program_inquire(a, activity, true);
        if (r < 0) {
                activity_done(a);
                return ub_feedback_send_text(a->host, activity, "", UB_IDENTIFICATION_FAILED,
                                             "cannot run %s: %s", a->path, cause(r));
        }
        return 0;
}

/* A command reaches an instance that has not been given the desired state: after a boot, or after a
 * death when there is nothing left to begin.  -ENOENT: that activity is unknown. */
static int take_up(struct program_agent *a, const char *activity)
{
        int r;

        if (a->activity)
                return strcmp(a->activity, activity) == 0 ? 0 : -ENOENT;
        r = ub_program_recall(a, activity, &a->desired, &a->actions);
        if (r < 0)
                return r;
        a->activity = strdup(activity);
        if (a->activity)
                return 0;
        activity_done(a);
        return -ENOMEM;
}

/* ---------------------------------------------------------------------------------------- steps */

static void next_component(struct program_agent *a);

/* The component that the step is at; a rollback goes backwards. */
static const struct ub_action *present(const struct program_agent *a)
{
        const size_t n = ub_actions_count(a->actions);

        return ub_actions_get(a->actions, a->command == UB_CMD_ROLLBACK ? n - 1 - a->at : a->at);
}

/* What the program is to do for a component, or NULL: nothing. */
static const char *verb(int32_t command, const struct ub_action *action)
{
        const bool removes = action->kind == UB_ACTION_REMOVE;

        switch (command) {
        case UB_CMD_DOWNLOAD:
                return removes ? NULL : "download";
        case UB_CMD_UPDATE:
                return removes ? "remove" : "update";
        case UB_CMD_ACTIVATE:
                return removes ? NULL : "activate";
        case UB_CMD_VERIFY:
                return removes ? NULL : "verify";
        case UB_CMD_ROLLBACK:
                return "rollback";
        default:
                return "cleanup";
        }
}

/* The word of a component while the step is at it, and behind it.  NULL: it has none. */
static const char *word(const struct program_agent *a, const struct ub_action *action, int progress)
{
        const bool removes = action->kind == UB_ACTION_REMOVE;
        const struct ub_step_words *words = ub_step_words(a->command);

        if (a->command > UB_CMD_ACTIVATE)
                return NULL;
        if (removes && a->command != UB_CMD_UPDATE)
                return NULL;
        if (progress < 0)
                return removes ? UB_REMOVAL_FAILURE : words->failure;
        if (progress < 100)
                return removes ? UB_REMOVING : words->progress;
        return removes ? UB_REMOVAL_SUCCESS : words->success;
}

/* Sets a component.  A step that has no words for components leaves what the one before it said:
 * why it is rolled back is worth more than that it is. */
static void set(const struct program_agent *a, const struct ub_action *action, const char *status,
                int progress, const char *message)
{
        if (!status && !message)
                message = action->message;
        (void)ub_actions_set(a->actions, action->id, status, progress, message);
}

static void request_reboot(const struct program_agent *a, const struct ub_action *action,
                           const char *reason)
{
        int r;

        r = ub_reboot_request(a->host, a->activity, *reason ? reason : action->id);
        if (r < 0)
                ub_err(a->host, "%s asks for a boot in vain: %s", action->id, strerror(-r));
}

static void take_progress(void *data, const char *line)
{
        const struct program_agent *a = (const struct program_agent *)data;
        const struct ub_action *action = present(a);
        long percent;

        if (a->command == UB_CMD_ACTIVATE &&
            (strcmp(line, "reboot") == 0 || strncmp(line, "reboot ", 7) == 0)) {
                request_reboot(a, action, line[6] ? line + 7 : "");
        } else if (strncmp(line, "progress ", 9) == 0) {
                /* 100 is the end of the call, which has not come. */
                percent = strtol(line + 9, NULL, 10);
                percent = percent < 0 ? 0 : percent > 99 ? 99 : percent;
                set(a, action, word(a, action, (int)percent), (int)percent, NULL);
                (void)ub_actions_progress(a->actions, ub_step_words(a->command)->progress);
        }
}

/* The component that the step is at has failed.  True: that was the end of the step. */
static bool fail(struct program_agent *a, const char *message)
{
        const bool goes_on = a->command == UB_CMD_ROLLBACK || a->command == UB_CMD_CLEANUP;
        const struct ub_action *action = present(a);

        if (!*a->failure.text)
                (void)ub_error_set(&a->failure, 0, "%s: %s", action->id, message);
        set(a, action, word(a, action, -1), action->progress, message);
        if (goes_on)
                return false;
        (void)ub_actions_finish(a->actions, ub_step_words(a->command)->failure, a->failure.text);
        return true;
}

/* The component is through CLEANUP; behind the last of them the activity may be forgotten. */
static void clean(struct program_agent *a)
{
        const size_t n = ub_actions_count(a->actions);
        size_t i;

        if (!a->cleaned)
                a->cleaned = (bool *)calloc(n, sizeof(*a->cleaned));
        if (!a->cleaned)
                return; /* kept longer than needed */
        a->cleaned[a->at] = true;
        for (i = 0; i < n; i++)
                if (!a->cleaned[i])
                        return;
        ub_program_forget(a);
}

static void component_done(void *data, const char *message)
{
        struct program_agent *a = (struct program_agent *)data;
        const struct ub_action *action = present(a);

        a->call = NULL; /* frees itself */
        if (*message) {
                if (fail(a, message))
                        return;
        } else {
                set(a, action, word(a, action, 100), 100, NULL);
                (void)ub_actions_progress(a->actions, ub_step_words(a->command)->progress);
        }
        if (a->command == UB_CMD_CLEANUP)
                clean(a);
        a->at++;
        next_component(a);
}

static int call_for(struct program_agent *a, const struct ub_action *action)
{
        const bool back = a->command == UB_CMD_ROLLBACK || action->kind == UB_ACTION_REMOVE;
        const char *const argv[] = { a->path, verb(a->command, action), action->id,
                                     back ? action->from : action->version, NULL };
        const struct ub_call_order order = {
                .argv = argv,
                .component = ub_desired_state_component(a->desired, action->id),
                .timeout_usec = a->timeout_usec,
                .line = take_progress,
                .done = component_done,
                .data = a,
        };

        set(a, action, word(a, action, 0), 0, NULL);
        return ub_call_start(a->host, &order, &a->call);
}

/* Calls the program for the next component that the step concerns, or ends the step. */
static void next_component(struct program_agent *a)
{
        const struct ub_action *action;
        int r;

        while (a->at < ub_actions_count(a->actions)) {
                action = present(a);
                if (!action->in_scope || !verb(a->command, action)) {
                        a->at++;
                        continue;
                }
                r = call_for(a, action);
                if (r >= 0 || fail(a, cause(r)))
                        return;
                a->at++;
        }
        if (*a->failure.text)
                (void)ub_actions_finish(a->actions, ub_step_words(a->command)->failure,
                                        a->failure.text);
        else
                (void)ub_actions_finish(a->actions, ub_step_words(a->command)->success, NULL);
}

static int program_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        struct program_agent *a = (struct program_agent *)self;
        char *copy;
        int r;

        if (!ub_step_words(command))
                return -ENOTSUP;
        r = take_up(a, activity);
        if (r < 0)
                return r;
        if (a->call && a->command == command && strcmp(a->baseline, baseline) == 0)
                return -EBUSY; /* the same command again, after a restart of the host */
        copy = strdup(baseline);
        if (!copy)
                return -ENOMEM;
        r = ub_actions_scope(a->actions, a->desired, baseline);
        if (r < 0) {
                free(copy);
                return r;
        }
        a->call = ub_call_free(a->call); /* the host gave that step up */
        free(a->baseline);
        a->baseline = copy;
        a->command = command;
        a->failure.text[0] = '\0';
        a->at = 0;
        next_component(a);
        return 0;
}

/* ----------------------------------------------------------------------------------------- life */

static int read_settings(struct program_agent *a, const char *settings_json,
                         struct ub_error *error)
{
        static const char *const keys[] = { "program", "timeout", NULL };
        int64_t timeout = UB_PROGRAM_TIMEOUT;
        struct ub_json *settings;
        const char *path = a->program->path;
        int r;

        r = ub_json_parse(settings_json, "settings", error, &settings);
        if (r < 0)
                return r;
        r = ub_json_only_keys(settings, keys, error);
        if (r >= 0)
                r = ub_json_get_string(settings, "program", error, &path);
        if (r >= 0)
                r = ub_json_get_int(settings, "timeout", 1, 86400, error, &timeout);
        if (r >= 0 && path[0] != '/')
                r = ub_error_set(error, -EINVAL, "settings.program: \"%s\" is no absolute path",
                                 path);
        a->timeout_usec = (uint64_t)timeout * UINT64_C(1000000);
        a->path = r >= 0 ? strdup(path) : NULL;
        ub_json_free(settings);
        if (r < 0)
                return r;
        return a->path ? 0 : ub_error_set(error, -ENOMEM, "out of memory");
}

int ub_program_create(const struct ub_program *program, const struct ub_host *host,
                      const char *settings_json, void **ret_self)
{
        struct ub_error error = UB_ERROR_INIT;
        struct program_agent *a;
        int r;

        a = (struct program_agent *)calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->host = host;
        a->program = program;
        r = read_settings(a, settings_json, &error);
        if (r < 0) {
                ub_err(host, "%s", error.text);
                ub_program_destroy(a);
                return r;
        }
        *ret_self = a;
        return 0;
}

int ub_program_start(void *self, uint32_t flags)
{
        (void)self;
        (void)flags;
        return 0; /* nothing runs until the host asks */
}

/* Ends all that the program is doing, and what waits for it. */
static void quiesce(struct program_agent *a)
{
        size_t i;

        activity_done(a);
        for (i = 0; i < UB_PROGRAM_CALLS_MAX; i++)
                ub_program_inquiry_done(&a->inquiries[i]);
}

void ub_program_stop(void *self)
{
        struct program_agent *a = (struct program_agent *)self;

        quiesce(a);
        ub_stopped(a->host);
}

void ub_program_destroy(void *self)
{
        struct program_agent *a = (struct program_agent *)self;

        quiesce(a);
        free(a->path);
        free(a);
}

const struct ub_agent ub_program_agent = {
        .size = sizeof(ub_program_agent),
        .current_state_get = program_current_state_get,
        .desired_state = program_desired_state,
        .command = program_command,
};
