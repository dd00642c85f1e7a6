/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/orchestrator/actions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/desired_state.h"
#include "host/model/feedback.h"

int actions_init(struct actions *actions, const struct desired_domain *domain)
{
        size_t i;

        *actions = (struct actions){ .max = domain->n_components + ACTIONS_MORE_MAX };
        if (domain->n_components == 0)
                return 0;
        actions->items = calloc(domain->n_components, sizeof(*actions->items));
        if (!actions->items)
                return -ENOMEM;
        actions->size = domain->n_components;
        for (i = 0; i < domain->n_components; i++) {
                char *id;

                if (asprintf(&id, "%s:%s", domain->id, domain->components[i].id) < 0)
                        return -ENOMEM;
                actions->items[actions->n++].id = id;
        }
        return 0;
}

void actions_done(struct actions *actions)
{
        size_t i;

        for (i = 0; i < actions->n; i++)
                action_done(&actions->items[i]);
        free(actions->items);
        *actions = (struct actions){ .items = NULL };
}

static struct action *find(struct actions *actions, const char *id)
{
        size_t i;

        for (i = 0; i < actions->n; i++) {
                size_t at = (actions->cursor + i) % actions->n;

                if (strcmp(actions->items[at].id, id) == 0) {
                        actions->cursor = (at + 1) % actions->n;
                        return &actions->items[at];
                }
        }
        return NULL;
}

static struct action *add(struct actions *actions, const char *id)
{
        size_t size = actions->size ? 2 * actions->size : 8;
        struct action *items = actions->items;

        if (actions->n == actions->size) {
                items = reallocarray(items, size, sizeof(*items));
                if (!items)
                        return NULL;
                actions->items = items;
                actions->size = size;
        }
        items[actions->n] = (struct action){ .id = strdup(id) };
        return items[actions->n].id ? &items[actions->n++] : NULL;
}

static bool same(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "") == 0;
}

/* 1: changed.  0: it says what is known already. */
static int replace(struct actions *actions, struct action *old, const struct action *action)
{
        struct action copy = { .progress = action->progress };

        if (old->status && same(old->status, action->status) &&
            same(old->version, action->version) && same(old->message, action->message) &&
            old->progress == action->progress)
                return 0;
        copy.id = strdup(action->id);
        copy.version = strdup(action->version ? action->version : "");
        copy.status = strdup(action->status ? action->status : "");
        copy.message = strdup(action->message ? action->message : "");
        if (!copy.id || !copy.version || !copy.status || !copy.message) {
                action_done(&copy);
                return -ENOMEM;
        }
        if (!old->status)
                actions->n_heard++;
        action_done(old);
        *old = copy;
        return 1;
}

static int merge_one(struct actions *actions, const struct action *action)
{
        struct action *old = find(actions, action->id);

        if (!old && actions->n >= actions->max)
                return -E2BIG;
        if (!old)
                old = add(actions, action->id);
        return old ? replace(actions, old, action) : -ENOMEM;
}

int actions_merge(struct actions *actions, const struct feedback *feedback)
{
        int changed = 0;
        size_t i;
        int r;

        for (i = 0; i < feedback->n_actions; i++) {
                r = merge_one(actions, &feedback->actions[i]);
                if (r < 0)
                        return r;
                changed |= r;
        }
        return changed;
}

int actions_write(const struct actions *actions, bool upward, struct json *array)
{
        size_t i;

        for (i = 0; i < actions->n; i++) {
                struct action action = actions->items[i]; /* its strings stay where they are */
                struct json *json = NULL;

                if (!action.status)
                        continue;
                /* action_write() only reads; the table's word need not be ours to free. */
                if (upward)
                        action.status = (char *)status_of_action(action.status);
                if (action_write(&action, &json) < 0 || json_append(array, json) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int actions_read(struct actions *actions, const struct json *array)
{
        const struct json *item;
        int r = 0;

        JSON_FOREACH(item, array) {
                struct action action = { .id = NULL };

                r = action_read(item, &action);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        continue;
                r = merge_one(actions, &action);
                action_done(&action);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}
