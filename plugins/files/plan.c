/* SPDX-License-Identifier: Apache-2.0
 *
 * plan - see plan.h */
#include "plugins/files/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/actions.h>

static void change_done(struct change *change)
{
        free(change->id);
        free(change->version);
        free(change->from);
        free(change->before);
        free(change->next);
        free(change->program);
}

void plan_done(struct plan *plan)
{
        size_t i;

        for (i = 0; i < plan->n; i++)
                change_done(&plan->list[i]);
        free(plan->list);
        *plan = (struct plan){ .n = 0 };
}

int plan_add(struct plan *plan, int32_t kind, const char *id, const char *version,
             const char *from, const char *before)
{
        struct change change = { .kind = kind, .in_scope = true };
        struct change *list;

        list = reallocarray(plan->list, plan->n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        plan->list = list;
        change.id = strdup(id);
        change.version = strdup(version);
        change.from = strdup(from);
        change.before = before ? strdup(before) : NULL;
        if (!change.id || !change.version || !change.from || (before && !change.before)) {
                change_done(&change);
                return -ENOMEM;
        }
        plan->list[plan->n++] = change;
        return 0;
}

const struct change *plan_find(const struct plan *plan, const char *id)
{
        size_t i;

        for (i = 0; i < plan->n; i++)
                if (strcmp(plan->list[i].id, id) == 0)
                        return &plan->list[i];
        return NULL;
}

void plan_write(const struct plan *plan, const char *key, struct ub_json_writer *w)
{
        size_t i;

        ub_json_open_array(w, key);
        for (i = 0; i < plan->n; i++) {
                const struct change *change = &plan->list[i];

                ub_json_open_object(w, NULL);
                ub_json_put_string(w, "id", change->id);
                ub_json_put_int(w, "kind", change->kind);
                ub_json_put_string(w, "version", change->version);
                ub_json_put_string(w, "from", change->from);
                ub_json_put_string(w, "before", change->before);
                ub_json_put_string(w, "next", change->next);
                ub_json_put_bool(w, "touched", change->touched);
                ub_json_close_object(w);
        }
        ub_json_close_array(w);
}

static int read_change(const struct ub_json *object, struct ub_error *error, struct plan *plan)
{
        const char *id;
        const char *version = "";
        const char *from = "";
        const char *before = NULL;
        const char *next = NULL;
        struct change *change;
        int64_t kind = 0;
        bool touched = false;
        int r;

        r = ub_json_need_string(object, "id", error, &id);
        if (r >= 0)
                r = ub_json_get_int(object, "kind", UB_ACTION_INSTALL, UB_ACTION_REMOVE, error,
                                    &kind);
        if (r >= 0)
                r = ub_json_get_string(object, "version", error, &version);
        if (r >= 0)
                r = ub_json_get_string(object, "from", error, &from);
        if (r >= 0)
                r = ub_json_get_string(object, "before", error, &before);
        if (r >= 0)
                r = ub_json_get_string(object, "next", error, &next);
        if (r >= 0)
                r = ub_json_get_bool(object, "touched", error, &touched);
        if (r >= 0)
                r = plan_add(plan, (int32_t)kind, id, version, from, before);
        if (r < 0)
                return r;
        change = &plan->list[plan->n - 1];
        change->touched = touched;
        change->next = next ? strdup(next) : NULL;
        return next && !change->next ? -ENOMEM : 0;
}

int plan_read(const struct ub_json *array, struct ub_error *error, struct plan *ret)
{
        struct plan plan = { .n = 0 };
        const struct ub_json *value;
        int r = 0;

        for (value = ub_json_first(array); value && r == 0; value = ub_json_next(value))
                r = read_change(value, error, &plan);
        if (r < 0) {
                plan_done(&plan);
                return r;
        }
        *ret = plan;
        return 0;
}
