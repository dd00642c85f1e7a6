/* SPDX-License-Identifier: Apache-2.0
 *
 * program - see <update-broker/sdk/program.h>
 *
 * What is installed is the program's to know: each inventory asks it.  What an activity changes, and
 * from what, is kept in the durable state before IDENTIFIED is said, because after a crash in the
 * middle the program can no longer tell what was there before.  The host begins such an activity
 * again, and gets the list of the first time. */
#define _GNU_SOURCE 1 /* asprintf */
#define UB_ABI_MINOR_WANTED 0
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/program.h>
#include <update-broker/sdk/status.h>

#include "sdk/program-call.h"

#define STATE_KEY "activity" /* its id, then a line for each action: KIND ID VERSION FROM, by tabs */

/* The components that the program says are installed. */
struct installed {
        struct ub_component *list; /* with their texts */
        size_t n;
};

struct program_agent;

/* An inventory that the program is being asked for. */
struct inquiry {
        struct program_agent *agent; /* NULL: this one is free */
        struct ub_call *call;
        struct installed installed;
        char *activity;
        bool identifies; /* the answer begins the activity; else it is the inventory */
};

struct program_agent {
        const struct ub_host *host;
        const struct ub_program *program;
        char *path;
        uint64_t timeout_usec;
        struct inquiry inquiries[UB_PROGRAM_CALLS_MAX];

        char *activity; /* NULL: none */
        struct ub_desired_state *desired;
        struct ub_actions *actions;
        unsigned int syncs; /* asked for, of any activity */
        bool saving;        /* this activity's list: IDENTIFIED waits for it */

        struct ub_call *call; /* the step's, for the component at `at` */
        int32_t command;
        size_t at;
};

const char ub_program_schema[] =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"program\":{\"type\":\"string\",\"minLength\":1},"
        "\"timeout\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400}}}";

/* -------------------------------------------------------------------------------------- calling */

/* "source" -> "UB_CONFIG_SOURCE=value" */
static char *config_variable(const struct ub_pair *pair)
{
        static const char prefix[] = "UB_CONFIG_";
        char *text, *c;

        if (asprintf(&text, "%s%s=%s", prefix, pair->key, pair->value) < 0)
                return NULL;
        for (c = text + strlen(prefix); *c != '=' && c < text + strlen(prefix) + strlen(pair->key); c++)
                *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
        return text;
}

static void free_texts(char **texts)
{
        size_t i;

        for (i = 0; texts && texts[i]; i++)
                free(texts[i]);
        free(texts);
}

/* NULL: out of memory. */
static char **environment(const struct program_agent *a, const struct ub_component *component)
{
        const size_t n = component ? component->n_config : 0;
        char **env;
        size_t i;

        env = (char **)calloc(n + 4, sizeof(*env));
        if (!env)
                return NULL;
        env[0] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        env[1] = env[0] ? strdup("LANG=C.UTF-8") : NULL;
        if (env[1] && asprintf(&env[2], "UB_DOMAIN=%s", ub_id(a->host)) < 0)
                env[2] = NULL;
        for (i = 0; env[2] && i < n; i++)
                env[3 + i] = config_variable(&component->config[i]);
        if (!env[2] || (n > 0 && !env[2 + n])) {
                free_texts(env);
                return NULL;
        }
        return env;
}

/* Why the program could not be started. */
static const char *cause(int r)
{
        return r == -EPERM ? "the registration does not grant \"services\": [\"spawn\"]"
                           : strerror(-r);
}

static int call_program(struct program_agent *a, const struct ub_call_order *order,
                        const struct ub_component *component, struct ub_call **ret)
{
        struct ub_call_order with = *order;
        char **env = environment(a, component);
        int r;

        if (!env)
                return -ENOMEM;
        with.envp = (const char *const *)env;
        with.timeout_usec = a->timeout_usec;
        r = ub_call_start(a->host, &with, ret);
        free_texts(env);
        return r;
}

/* ---------------------------------------------------------------------------------- inventories */

static void installed_done(struct installed *installed)
{
        size_t i;

        for (i = 0; i < installed->n; i++)
                free((void *)installed->list[i].id); /* the version is behind it */
        free(installed->list);
        *installed = (struct installed){ NULL, 0 };
}

static void inquiry_done(struct inquiry *q)
{
        if (!q->agent)
                return;
        q->call = ub_call_free(q->call);
        installed_done(&q->installed);
        free(q->activity);
        *q = (struct inquiry){ NULL };
}

/* "ID VERSION" */
static void take_installed(void *data, const char *line)
{
        struct inquiry *q = (struct inquiry *)data;
        struct ub_component *list;
        char *id, *version;

        if (!*line || *line == ' ' || q->installed.n >= UB_COMPONENTS_MAX)
                return;
        id = strdup(line);
        list = (struct ub_component *)reallocarray(q->installed.list, q->installed.n + 1,
                                                   sizeof(*list));
        if (list)
                q->installed.list = list;
        if (!id || !list) {
                free(id);
                return;
        }
        version = strchr(id, ' ');
        if (version)
                *version++ = '\0';
        list[q->installed.n++] = (struct ub_component){
                .id = id,
                .version = version ? version : "",
        };
}

static void send_inventory(const struct inquiry *q)
{
        const struct program_agent *a = q->agent;
        struct ub_inventory *inventory;
        size_t i;
        int r;

        r = ub_inventory_new(ub_id(a->host), &inventory);
        if (r == 0) {
                ub_inventory_add_agent(inventory, a->program->version, a->program->description);
                for (i = 0; i < q->installed.n; i++)
                        ub_inventory_add_component(inventory, q->installed.list[i].id,
                                                   q->installed.list[i].version, NULL,
                                                   UB_TYPE_DATA);
                r = ub_inventory_send(inventory, a->host, q->activity);
                (void)ub_inventory_free(inventory);
        }
        if (r < 0)
                ub_err(a->host, "inventory: %s", strerror(-r));
}

static void identified(struct program_agent *a, int r);
static int begin_actions(struct program_agent *a, const struct installed *installed);

static void inquiry_answered(void *data, const char *message)
{
        struct inquiry *q = (struct inquiry *)data;
        struct program_agent *a = q->agent;
        int r = 0;

        q->call = NULL; /* frees itself */
        if (*message)
                ub_err(a->host, "%s inventory: %s", a->path, message);
        if (!q->identifies)
                send_inventory(q); /* a failed one is empty: the broker asked and waits */
        else if (*message)
                (void)ub_actions_finish(a->actions, UB_IDENTIFICATION_FAILED, message);
        else
                r = begin_actions(a, &q->installed);
        if (r < 0)
                identified(a, r);
        inquiry_done(q);
}

static int inquire(struct program_agent *a, const char *activity, bool identifies)
{
        const char *const argv[] = { a->path, "inventory", NULL };
        const struct ub_call_order order = {
                .argv = argv,
                .line = take_installed,
                .done = inquiry_answered,
        };
        struct ub_call_order own = order;
        struct inquiry *q = NULL;
        size_t i;
        int r;

        for (i = 0; i < UB_PROGRAM_CALLS_MAX && !q; i++)
                q = a->inquiries[i].agent ? NULL : &a->inquiries[i];
        if (!q)
                return -EBUSY;
        *q = (struct inquiry){ .agent = a, .identifies = identifies, .activity = strdup(activity) };
        own.data = q;
        r = q->activity ? call_program(a, &own, NULL, &q->call) : -ENOMEM;
        if (r < 0)
                inquiry_done(q);
        return r;
}

static int program_current_state_get(void *self, const char *activity)
{
        return inquire((struct program_agent *)self, activity, false);
}

/* ------------------------------------------------------------------------- beginning an activity */

static void activity_done(struct program_agent *a)
{
        size_t i;

        for (i = 0; i < UB_PROGRAM_CALLS_MAX; i++)
                if (a->inquiries[i].identifies)
                        inquiry_done(&a->inquiries[i]);
        a->call = ub_call_free(a->call);
        a->actions = ub_actions_free(a->actions);
        a->desired = ub_desired_state_free(a->desired);
        free(a->activity);
        a->activity = NULL;
        a->saving = false;
}

/* Takes the next text up to `end` from *rest. */
static char *cut(char **rest, char end)
{
        char *text = *rest;
        char *stop = strchr(text, end);

        *rest = stop ? stop + 1 : text + strlen(text);
        if (stop)
                *stop = '\0';
        return text;
}

/* The actions of an activity that this agent began before it died.  -ENOENT: it did not. */
static int recall(struct program_agent *a)
{
        char *text, *rest;
        int r;

        r = ub_state_read(a->host, STATE_KEY, &text, NULL);
        if (r < 0)
                return r;
        rest = text;
        r = strcmp(cut(&rest, '\n'), a->activity) == 0 ? 0 : -ENOENT;
        while (r == 0 && *rest) {
                const int32_t kind = (int32_t)strtol(cut(&rest, '\t'), NULL, 10);
                const char *id = cut(&rest, '\t');
                const char *version = cut(&rest, '\t');

                r = ub_actions_add(a->actions, kind, id, version, cut(&rest, '\n'));
        }
        free(text);
        return r;
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

static int remember(struct program_agent *a)
{
        char *text = NULL;
        size_t size, i;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        fprintf(f, "%s\n", a->activity);
        for (i = 0; i < ub_actions_count(a->actions); i++) {
                const struct ub_action *action = ub_actions_get(a->actions, i);

                fprintf(f, "%d\t%s\t%s\t%s\n", (int)action->kind, action->id, action->version,
                        action->from);
        }
        r = fclose(f) == 0 ? ub_state_write(a->host, STATE_KEY, text) : -ENOMEM;
        free(text);
        if (r == 0)
                r = ub_state_sync(a->host, synced, a);
        if (r < 0)
                return r;
        a->syncs++;
        a->saving = true;
        return 0;
}

static void identified(struct program_agent *a, int r)
{
        (void)ub_actions_finish(a->actions, r < 0 ? UB_IDENTIFICATION_FAILED : UB_IDENTIFIED,
                                r < 0 ? strerror(-r) : NULL);
}

static int begin_actions(struct program_agent *a, const struct installed *installed)
{
        int r;

        r = recall(a);
        if (r == 0 && ub_actions_count(a->actions) > 0) {
                identified(a, 0);
                return 0;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        r = ub_actions_diff(a->actions, a->desired, installed->list, installed->n);
        if (r < 0)
                return r;
        if (ub_actions_count(a->actions) == 0)
                return ub_actions_finish(a->actions, UB_COMPLETED, NULL);
        return remember(a);
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
        r = a->activity ? ub_actions_new(a->host, activity, &a->actions) : -ENOMEM;
        if (r == 0)
                r = inquire(a, activity, true);
        if (r < 0) {
                activity_done(a);
                return ub_feedback_send_text(a->host, activity, "", UB_IDENTIFICATION_FAILED,
                                             "cannot run %s: %s", a->path, cause(r));
        }
        return 0;
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

static void take_progress(void *data, const char *line)
{
        const struct program_agent *a = (const struct program_agent *)data;
        const struct ub_action *action = present(a);
        int percent;

        if (strncmp(line, "reboot ", 7) == 0 && a->command == UB_CMD_ACTIVATE) {
                (void)ub_reboot_request(a->host, a->activity, line + 7);
        } else if (strncmp(line, "progress ", 9) == 0) {
                percent = (int)strtol(line + 9, NULL, 10);
                percent = percent < 0 ? 0 : percent > 99 ? 99 : percent;
                (void)ub_actions_set(a->actions, action->id, word(a, action, percent), percent,
                                     NULL);
                (void)ub_actions_progress(a->actions, ub_step_words(a->command)->progress);
        }
}

static void fail_step(const struct program_agent *a, const char *message)
{
        const struct ub_action *action = present(a);
        struct ub_error error = UB_ERROR_INIT;

        (void)ub_error_set(&error, 0, "%s: %s", action->id, message);
        (void)ub_actions_set(a->actions, action->id, word(a, action, -1), action->progress,
                             message);
        (void)ub_actions_finish(a->actions, ub_step_words(a->command)->failure, error.text);
}

static void component_done(void *data, const char *message)
{
        struct program_agent *a = (struct program_agent *)data;
        const struct ub_action *action = present(a);

        a->call = NULL; /* frees itself */
        if (*message) {
                fail_step(a, message);
                return;
        }
        (void)ub_actions_set(a->actions, action->id, word(a, action, 100), 100, NULL);
        (void)ub_actions_progress(a->actions, ub_step_words(a->command)->progress);
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
                .line = take_progress,
                .done = component_done,
                .data = a,
        };

        (void)ub_actions_set(a->actions, action->id, word(a, action, 0), 0, NULL);
        return call_program(a, &order, ub_desired_state_component(a->desired, action->id),
                            &a->call);
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
                if (r < 0)
                        fail_step(a, cause(r));
                return;
        }
        (void)ub_actions_finish(a->actions, ub_step_words(a->command)->success, NULL);
}

static int program_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        struct program_agent *a = (struct program_agent *)self;
        int r;

        if (!ub_step_words(command))
                return -ENOTSUP;
        if (!a->actions || strcmp(activity, a->activity) != 0)
                return -ENOENT;
        if (a->call && a->command == command)
                return -EBUSY; /* the same command again, after a restart of the host */
        r = ub_actions_scope(a->actions, a->desired, baseline);
        if (r < 0)
                return r;
        a->call = ub_call_free(a->call); /* the host gave that step up */
        a->command = command;
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

void ub_program_stop(void *self)
{
        struct program_agent *a = (struct program_agent *)self;
        size_t i;

        activity_done(a);
        for (i = 0; i < UB_PROGRAM_CALLS_MAX; i++)
                inquiry_done(&a->inquiries[i]);
        ub_stopped(a->host);
}

void ub_program_destroy(void *self)
{
        struct program_agent *a = (struct program_agent *)self;

        free(a->path);
        free(a);
}

const struct ub_agent ub_program_agent = {
        .size = sizeof(ub_program_agent),
        .current_state_get = program_current_state_get,
        .desired_state = program_desired_state,
        .command = program_command,
};
