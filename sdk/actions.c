/* SPDX-License-Identifier: Apache-2.0
 *
 * actions - see <update-broker/sdk/actions.h>
 *
 * One timer at most is armed: while it is, progress of the same step waits and is rendered when it
 * fires, so that what goes out is always the present state. */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/status.h>

struct ub_actions {
        const struct ub_host *host; /* borrowed, outlives the list */
        char *activity;
        char *baseline;
        struct ub_action *list;
        size_t n;
        size_t size;

        uint64_t interval_usec;
        struct ub_source *timer; /* armed: progress went out less than an interval ago */
        char *progress;          /* its word */
        bool waits;              /* more progress came since */
};

int ub_actions_new(const struct ub_host *host, const char *activity, struct ub_actions **ret)
{
        struct ub_actions *a;

        a = (struct ub_actions *)calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->host = host;
        a->interval_usec = UB_ACTIONS_INTERVAL_USEC;
        a->activity = strdup(activity);
        a->baseline = strdup("");
        if (!a->activity || !a->baseline) {
                (void)ub_actions_free(a);
                return -ENOMEM;
        }
        *ret = a;
        return 0;
}

static void action_done(struct ub_action *action)
{
        free((void *)action->id);
        free((void *)action->version);
        free((void *)action->from);
        free((void *)action->status);
        free((void *)action->message);
}

struct ub_actions *ub_actions_free(struct ub_actions *a)
{
        size_t i;

        if (!a)
                return NULL;
        ub_source_drop(a->host, &a->timer);
        for (i = 0; i < a->n; i++)
                action_done(&a->list[i]);
        free(a->list);
        free(a->progress);
        free(a->baseline);
        free(a->activity);
        free(a);
        return NULL;
}

void ub_actions_set_interval(struct ub_actions *a, uint64_t usec)
{
        a->interval_usec = usec;
}

/* ------------------------------------------------------------------------------------- the list */

/* Replaces an owned text; -ENOMEM leaves the old one. */
static int set_text(const char **text, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free((void *)*text);
        *text = copy;
        return 0;
}

static int reserve(struct ub_actions *a)
{
        size_t size = a->size ? 2 * a->size : 8;
        struct ub_action *list;

        if (a->n < a->size)
                return 0;
        list = (struct ub_action *)reallocarray(a->list, size, sizeof(*list));
        if (!list)
                return -ENOMEM;
        a->list = list;
        a->size = size;
        return 0;
}

int ub_actions_add(struct ub_actions *a, int32_t kind, const char *id, const char *version,
                   const char *from)
{
        struct ub_action action = { .kind = kind, .in_scope = true };

        if (ub_actions_find(a, id))
                return -EEXIST;
        if (reserve(a) < 0)
                return -ENOMEM;
        if (set_text(&action.id, id) < 0 || set_text(&action.version, version) < 0 ||
            set_text(&action.from, from) < 0 || set_text(&action.status, UB_IDENTIFIED) < 0 ||
            set_text(&action.message, "") < 0) {
                action_done(&action);
                return -ENOMEM;
        }
        a->list[a->n++] = action;
        return 0;
}

static const struct ub_component *find_installed(const struct ub_component *installed, size_t n,
                                                 const char *id)
{
        size_t i;

        for (i = 0; i < n; i++)
                if (strcmp(installed[i].id, id) == 0)
                        return &installed[i];
        return NULL;
}

int ub_actions_diff(struct ub_actions *a, const struct ub_desired_state *desired,
                    const struct ub_component *installed, size_t n_installed)
{
        size_t i;
        int r = 0;

        for (i = 0; i < desired->n_components && r == 0; i++) {
                const struct ub_component *want = &desired->components[i];
                const struct ub_component *have = find_installed(installed, n_installed, want->id);

                if (!have)
                        r = ub_actions_add(a, UB_ACTION_INSTALL, want->id, want->version, "");
                else if (*want->version && strcmp(want->version, have->version) != 0)
                        r = ub_actions_add(a, UB_ACTION_UPDATE, want->id, want->version,
                                           have->version);
        }
        for (i = 0; i < n_installed && r == 0; i++)
                if (!ub_desired_state_component(desired, installed[i].id))
                        r = ub_actions_add(a, UB_ACTION_REMOVE, installed[i].id, "",
                                           installed[i].version);
        return r;
}

size_t ub_actions_count(const struct ub_actions *a)
{
        return a->n;
}

const struct ub_action *ub_actions_get(const struct ub_actions *a, size_t i)
{
        return &a->list[i];
}

static struct ub_action *find_action(const struct ub_actions *a, const char *id)
{
        size_t i;

        for (i = 0; i < a->n; i++)
                if (strcmp(a->list[i].id, id) == 0)
                        return &a->list[i];
        return NULL;
}

const struct ub_action *ub_actions_find(const struct ub_actions *a, const char *id)
{
        return find_action(a, id);
}

int ub_actions_scope(struct ub_actions *a, const struct ub_desired_state *desired,
                     const char *baseline)
{
        char *copy;
        size_t i;

        if (*baseline && strcmp(baseline, "*") != 0 &&
            !ub_desired_state_baseline(desired, baseline))
                return -ENOENT;
        copy = strdup(baseline);
        if (!copy)
                return -ENOMEM;
        free(a->baseline);
        a->baseline = copy;
        for (i = 0; i < a->n; i++)
                a->list[i].in_scope = ub_desired_state_concerns(desired, baseline, a->list[i].id);
        return 0;
}

/* ------------------------------------------------------------------------------------- statuses */

static int set_action(struct ub_action *action, const char *status, int progress,
                      const char *message)
{
        if (status && set_text(&action->status, status) < 0)
                return -ENOMEM;
        if (set_text(&action->message, message ? message : "") < 0)
                return -ENOMEM;
        action->progress = progress < 0 ? 0 : progress > 100 ? 100 : progress;
        return 0;
}

int ub_actions_set(struct ub_actions *a, const char *id, const char *status, int progress,
                   const char *message)
{
        struct ub_action *action = find_action(a, id);

        return action ? set_action(action, status, progress, message) : -ENOENT;
}

/* The word of a removal for the word of an update; NULL: a removal takes no part in this. */
static const char *removal_word(const char *status)
{
        static const char *const words[][2] = {
                { UB_UPDATING, UB_REMOVING },
                { UB_UPDATE_SUCCESS, UB_REMOVAL_SUCCESS },
                { UB_UPDATE_FAILURE, UB_REMOVAL_FAILURE },
        };
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(status, words[i][0]) == 0)
                        return words[i][1];
        return NULL;
}

int ub_actions_set_all(struct ub_actions *a, const char *status, int progress)
{
        size_t i;
        int r;

        for (i = 0; i < a->n; i++) {
                struct ub_action *action = &a->list[i];
                const char *word = status;

                if (action->kind == UB_ACTION_REMOVE)
                        word = removal_word(status);
                if (!action->in_scope || !word)
                        continue;
                r = set_action(action, word, progress, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------- feedback */

int ub_actions_to_json(const struct ub_actions *a, const char *status, const char *message,
                       char **ret)
{
        struct ub_feedback_action *list;
        struct ub_feedback feedback = {
                .baseline = a->baseline,
                .status = status,
                .message = message,
        };
        size_t i;
        int r;

        list = (struct ub_feedback_action *)calloc(a->n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (i = 0; i < a->n; i++) {
                const struct ub_action *action = &a->list[i];

                if (!action->in_scope)
                        continue;
                list[feedback.n_actions++] = (struct ub_feedback_action){
                        .id = action->id,
                        .version = *action->version ? action->version : action->from,
                        .status = action->status,
                        .message = action->message,
                        .progress = action->progress,
                };
        }
        feedback.actions = list;
        r = ub_feedback_to_json(&feedback, ub_id(a->host), ret);
        free(list);
        return r;
}

static int send_feedback(struct ub_actions *a, const char *status, const char *message)
{
        char *json;
        int r;

        r = ub_actions_to_json(a, status, message, &json);
        if (r < 0)
                return r;
        r = ub_feedback(a->host, a->activity, json);
        free(json);
        return r;
}

static int send_progress(struct ub_actions *a);

static void on_interval(void *data)
{
        struct ub_actions *a = data;

        a->timer = NULL; /* one-shot: it is gone */
        if (a->waits)
                (void)send_progress(a); /* progress that is lost does no harm */
}

static int send_progress(struct ub_actions *a)
{
        a->waits = false;
        /* Without a timer there is no throttling, which is better than no progress. */
        if (a->interval_usec > 0)
                (void)ub_timer(a->host, a->interval_usec, on_interval, a, &a->timer);
        return send_feedback(a, a->progress, NULL);
}

int ub_actions_progress(struct ub_actions *a, const char *status)
{
        char *word;

        if (a->timer && strcmp(a->progress, status) == 0) {
                a->waits = true;
                return 0;
        }
        word = strdup(status);
        if (!word)
                return -ENOMEM;
        free(a->progress);
        a->progress = word;
        ub_source_drop(a->host, &a->timer);
        return send_progress(a);
}

int ub_actions_finish(struct ub_actions *a, const char *status, const char *message)
{
        ub_source_drop(a->host, &a->timer);
        a->waits = false;
        return send_feedback(a, status, message);
}
