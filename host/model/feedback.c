/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/feedback.h"

#include <errno.h>
#include <string.h>

#include "host/model/place.h"
#include "host/util/diag.h"

enum { PROGRESS_MAX = 255 };

void action_done(struct action *action)
{
        free(action->id);
        free(action->version);
        free(action->status);
        free(action->message);
        *action = (struct action){ .id = NULL };
}

struct feedback *feedback_free(struct feedback *f)
{
        size_t i;

        if (!f)
                return NULL;
        for (i = 0; i < f->n_actions; i++)
                action_done(&f->actions[i]);
        free(f->actions);
        free(f->baseline);
        free(f->message);
        free(f);
        return NULL;
}

static int read_progress(const struct place *at, const struct json *json, struct diag *diag,
                         unsigned *ret)
{
        const struct place here = { .parent = at, .key = "progress" };
        const struct json *member = place_member(json, "progress");
        double progress = 0;

        if (member && json_get_number(member, &progress) < 0)
                return place_fault(&here, diag, -EBADMSG, "expected a number, not %s",
                                   json_type_to_string(json_get_type(member)));
        if (!(progress > 0))
                progress = 0;
        *ret = progress > PROGRESS_MAX ? PROGRESS_MAX : (unsigned)progress;
        return 0;
}

/* A word in its proper form; one that is not in the table as it came. */
static int read_status(const struct place *at, const struct json *json, struct diag *diag,
                       char **ret)
{
        CLEANUP_FREE char *word = NULL;
        enum status status;
        int r;

        r = place_take_text(at, json, "status", PLACE_NAME_MAX, diag, &word);
        if (r < 0)
                return r;
        status = status_from_string(word);
        if (status != STATUS_UNKNOWN) {
                free(word);
                word = strdup(status_to_string(status));
                if (!word)
                        return diag_set(diag, -ENOMEM, "out of memory");
        }
        *ret = TAKE_PTR(word);
        return 0;
}

/* 1: read.  0: there is no component, so there is nothing to say about one. */
static int read_action(const struct place *at, const struct json *json, struct diag *diag,
                       struct action *action)
{
        const struct place component_at = { .parent = at, .key = "component" };
        const struct json *component = place_member(json, "component");
        int r;

        if (!component)
                return 0;
        r = place_check_object(&component_at, component, diag);
        if (r == 0)
                r = place_take_text(&component_at, component, "id",
                                    PLACE_ID_MAX + 1 + PLACE_NAME_MAX, diag, &action->id);
        if (r == 0)
                r = place_take_text(&component_at, component, "version", PLACE_NAME_MAX, diag,
                                    &action->version);
        if (r == 0)
                r = read_status(at, json, diag, &action->status);
        if (r == 0)
                r = place_take_text(at, json, "message", PLACE_TEXT_MAX, diag, &action->message);
        if (r == 0)
                r = read_progress(at, json, diag, &action->progress);
        return r < 0 ? r : 1;
}

int action_read(const struct json *json, struct action *ret)
{
        struct action action = { .id = NULL };
        int r;

        r = read_action(NULL, json, NULL, &action);
        if (r <= 0) {
                action_done(&action);
                return r < 0 ? r : -EBADMSG;
        }
        *ret = action;
        return 0;
}

static int read_actions(const struct json *payload, struct diag *diag, struct feedback *f)
{
        const struct place actions_at = { .key = "actions" };
        struct place at = { .parent = &actions_at };
        const struct json *array = NULL;
        const struct json *item;
        size_t count = 0;
        int r;

        r = place_take_array(NULL, payload, "actions", FEEDBACK_ACTIONS_MAX, diag, &array, &count);
        if (r < 0 || count == 0)
                return r;
        f->actions = calloc(count, sizeof(*f->actions));
        if (!f->actions)
                return diag_set(diag, -ENOMEM, "out of memory");
        JSON_FOREACH(item, array) {
                r = read_action(&at, item, diag, &f->actions[f->n_actions]);
                if (r != 0)
                        f->n_actions++; /* also a half-read one, which is to be freed */
                if (r < 0)
                        return r;
                at.index++;
        }
        return 0;
}

int feedback_read(const struct json *payload, struct diag *diag, struct feedback **ret)
{
        const struct place at = { .key = "payload" };
        CLEANUP(feedback_freep)
        struct feedback *f = calloc(1, sizeof(*f));
        CLEANUP_FREE char *word = NULL;
        int r;

        if (!f)
                return diag_set(diag, -ENOMEM, "out of memory");
        r = place_check_object(&at, payload, diag);
        if (r == 0)
                r = place_take_text(NULL, payload, "status", PLACE_NAME_MAX, diag, &word);
        if (r == 0)
                r = place_take_text(NULL, payload, "baseline", PLACE_NAME_MAX, diag, &f->baseline);
        if (r == 0)
                r = place_take_text(NULL, payload, "message", PLACE_TEXT_MAX, diag, &f->message);
        if (r == 0)
                r = read_actions(payload, diag, f);
        if (r < 0)
                return r;
        f->status = status_from_string(word);
        *ret = TAKE_PTR(f);
        return 0;
}

int action_write(const struct action *action, struct json **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *component = json_new_object();

        if (!object || !component || place_put_text(component, "id", action->id) < 0 ||
            place_put_text(component, "version", action->version) < 0 ||
            json_set(object, "component", TAKE_PTR(component)) < 0 ||
            place_put_text(object, "status", action->status) < 0 ||
            (action->progress &&
             json_set(object, "progress", json_new_integer(action->progress)) < 0) ||
            place_put_text(object, "message", action->message) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(object);
        return 0;
}

int feedback_write(enum status status, const char *message, struct json *take_actions, char **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *actions = take_actions;

        if (!object ||
            json_set(object, "status", json_new_string(status_to_string(status))) < 0 ||
            place_put_text(object, "message", message) < 0 ||
            (actions && place_put_array(object, "actions", TAKE_PTR(actions)) < 0))
                return -ENOMEM;
        return json_print(object, JSON_LAYOUT_COMPACT, ret);
}
