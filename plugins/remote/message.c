/* SPDX-License-Identifier: Apache-2.0
 *
 * message - see message.h */
#define _GNU_SOURCE 1 /* memmem */
#include "plugins/remote/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <update-broker/sdk/status.h>

enum { PROGRESS_MAX = 100 };

/* ------------------------------------------------------------------------------------- envelope */

int message_write(const char *activity, const char *payload, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* the clock is always there */
        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "activityId", activity);
        ub_json_put_int(&w, "timestamp", (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
        ub_json_put_json(&w, "payload", payload);
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}

static const char *string_member(const struct ub_json *object, const char *key)
{
        const struct ub_json *value = ub_json_member_nocase(object, key);

        return value && ub_json_type(value) == UB_JSON_STRING ? ub_json_text(value) : NULL;
}

int message_read(const void *data, size_t length, struct ub_error *error, struct message *ret)
{
        struct message m = { .activity = "" };
        const char *activity;
        char *text;
        int r;

        if (memchr(data, '\0', length))
                return ub_error_set(error, -EBADMSG, "it contains a NUL");
        text = strndup(data, length);
        if (!text)
                return ub_error_set(error, -ENOMEM, "out of memory");
        r = ub_json_parse(text, "message", error, &m.root);
        free(text);
        if (r < 0)
                return r;
        activity = string_member(m.root, "activityId");
        if (activity)
                m.activity = activity;
        m.payload = ub_json_member_nocase(m.root, "payload");
        if (!m.payload || ub_json_type(m.payload) != UB_JSON_OBJECT) {
                (void)ub_json_free(m.root);
                return ub_error_set(error, -EBADMSG, "it has no payload");
        }
        *ret = m;
        return 0;
}

void message_done(struct message *message)
{
        message->root = ub_json_free(message->root);
}

/* Where the blanks end. */
static const char *skip_blanks(const char *at, const char *end)
{
        while (at < end && isspace((unsigned char)*at))
                at++;
        return at;
}

bool message_salvage(const char *data, size_t length, const char *key, char *buf, size_t size)
{
        const char *end = data + length;
        char quoted[32];
        size_t n = 0;
        const char *at;

        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", key);
        at = memmem(data, length, quoted, strlen(quoted));
        if (!at)
                return false;
        at = skip_blanks(at + strlen(quoted), end);
        if (at == end || *at++ != ':')
                return false;
        at = skip_blanks(at, end);
        if (at == end || *at++ != '"')
                return false;
        for (; at < end && *at != '"' && n + 1 < size; at++)
                buf[n++] = *at;
        buf[n] = '\0';
        return n > 0 && at < end && *at == '"';
}

/* ------------------------------------------------------------------------------------- feedback */

static const struct ub_json *first_action(const struct ub_json *payload)
{
        const struct ub_json *actions = ub_json_member_nocase(payload, "actions");

        return actions && ub_json_type(actions) == UB_JSON_ARRAY ? ub_json_first(actions) : NULL;
}

/* The id of the component that an action is about; NULL: about none. */
static const char *component_id(const struct ub_json *action)
{
        const struct ub_json *component = ub_json_member_nocase(action, "component");

        return component ? string_member(component, "id") : NULL;
}

/* Percent, from what may be 12.5, 300 or -1; 0: not said, or said in another way. */
static int progress_of(const struct ub_json *action)
{
        const struct ub_json *value = ub_json_member_nocase(action, "progress");
        double progress;

        if (!value || ub_json_type(value) != UB_JSON_NUMBER)
                return 0;
        progress = strtod(ub_json_text(value), NULL);
        if (!(progress > 0))
                return 0;
        return progress < PROGRESS_MAX ? (int)progress : PROGRESS_MAX;
}

static void write_action(struct ub_json_writer *w, const struct ub_json *action)
{
        int progress = progress_of(action);

        ub_json_open_object(w, NULL);
        ub_json_open_object(w, "component");
        ub_json_put_string(w, "id", component_id(action));
        ub_json_put_string(w, "version",
                           string_member(ub_json_member_nocase(action, "component"), "version"));
        ub_json_close_object(w);
        ub_json_put_string(w, "status", string_member(action, "status"));
        if (progress > 0)
                ub_json_put_int(w, "progress", progress);
        ub_json_put_string(w, "message", string_member(action, "message"));
        ub_json_close_object(w);
}

int message_feedback(const struct ub_json *payload, const char *status, const char *message,
                     char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        const struct ub_json *action;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "baseline", string_member(payload, "baseline"));
        ub_json_put_string(&w, "status", status);
        ub_json_put_string(&w, "message", message);
        if (message_count_actions(payload) > 0) {
                ub_json_open_array(&w, "actions");
                for (action = first_action(payload); action; action = ub_json_next(action))
                        if (component_id(action))
                                write_action(&w, action);
                ub_json_close_array(&w);
        }
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}

size_t message_count_actions(const struct ub_json *payload)
{
        const struct ub_json *action;
        size_t n = 0;

        for (action = first_action(payload); action; action = ub_json_next(action))
                n += component_id(action) != NULL;
        return n;
}

bool message_all_actions(const struct ub_json *payload, const char *status)
{
        const struct ub_json *action;

        for (action = first_action(payload); action; action = ub_json_next(action)) {
                const char *word = string_member(action, "status");

                if (!word || (strcmp(word, status) != 0 && strcmp(word, UB_REMOVAL_SUCCESS) != 0))
                        return false;
        }
        return message_count_actions(payload) > 0;
}

/* ------------------------------------------------------------------------------------ inventory */

/* As deep as the text, which the parser has limited. */
static void copy_value(struct ub_json_writer *w, const char *key, const struct ub_json *value)
{
        const struct ub_json *child;
        int type = ub_json_type(value);

        if (type == UB_JSON_STRING) {
                ub_json_put_string(w, key, ub_json_text(value));
        } else if (type == UB_JSON_BOOL || type == UB_JSON_NUMBER) {
                ub_json_put_json(w, key, ub_json_text(value));
        } else if (type == UB_JSON_ARRAY) {
                ub_json_open_array(w, key);
                for (child = ub_json_first(value); child; child = ub_json_next(child))
                        copy_value(w, NULL, child);
                ub_json_close_array(w);
        } else if (type == UB_JSON_OBJECT) {
                ub_json_open_object(w, key);
                for (child = ub_json_first(value); child; child = ub_json_next(child))
                        copy_value(w, ub_json_key(child), child);
                ub_json_close_object(w);
        }
}

int message_copy(const struct ub_json *payload, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;

        copy_value(&w, NULL, payload);
        return ub_json_writer_finish(&w, ret);
}

static const struct ub_json *first_node(const struct ub_json *inventory)
{
        const struct ub_json *nodes = ub_json_member_nocase(inventory, "softwareNodes");

        return nodes && ub_json_type(nodes) == UB_JSON_ARRAY ? ub_json_first(nodes) : NULL;
}

/* "": the node has none.  NULL: there is no such node. */
static const char *version_of(const struct ub_json *inventory, const char *id)
{
        const struct ub_json *node;

        for (node = first_node(inventory); node; node = ub_json_next(node)) {
                const char *node_id = string_member(node, "id");
                const char *version = string_member(node, "version");

                if (node_id && strcmp(node_id, id) == 0)
                        return version ? version : "";
        }
        return NULL;
}

/* 1: something in b is not as in a. */
static int find_difference(const struct ub_json *a, const struct ub_json *b,
                           struct ub_error *difference)
{
        const struct ub_json *node;

        for (node = first_node(b); node; node = ub_json_next(node)) {
                const char *id = string_member(node, "id");
                const char *was = id ? version_of(a, id) : NULL;
                const char *is = id ? version_of(b, id) : NULL;

                if (id && !was)
                        return ub_error_set(difference, 1, "%s is there, and was not", id);
                if (id && strcmp(was, is) != 0)
                        return ub_error_set(difference, 1, "%s is at version %s, and was at %s",
                                            id, is, was);
        }
        for (node = first_node(a); node; node = ub_json_next(node)) {
                const char *id = string_member(node, "id");

                if (id && !version_of(b, id))
                        return ub_error_set(difference, 1, "%s is gone", id);
        }
        return 0;
}

int message_compare_inventories(const char *before, const char *after,
                                struct ub_error *difference)
{
        struct ub_json *a = NULL;
        struct ub_json *b = NULL;
        int r;

        r = ub_json_parse(before, "inventory", difference, &a);
        if (r >= 0)
                r = ub_json_parse(after, "inventory", difference, &b);
        if (r >= 0)
                r = find_difference(a, b, difference);
        (void)ub_json_free(a);
        (void)ub_json_free(b);
        return r;
}
