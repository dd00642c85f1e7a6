/* SPDX-License-Identifier: Apache-2.0
 *
 * program-memory - what an agent whose work a program does keeps of its activity
 *
 * After a crash in the middle the program can no longer tell what was there before, and the host
 * may ask for the next command without the desired state: VERIFY after a boot, ROLLBACK and CLEANUP
 * after a death.  So the list of changes and the desired state go into the durable state before
 * IDENTIFIED is said, and leave it when the activity is cleaned up.  An id that comes again later is
 * then a fresh activity, compared with what is installed then.
 *
 *     {"activity":"A1","desired":"...","actions":[{"kind":2,"id":"tuner","version":"2","from":"1"}]}
 *
 * One value of the state holds UB_MAX_STATE_VALUE bytes and a desired state may be longer, so the
 * text is cut into pieces: "activity", "activity.1" and so on to the first that is not there.  They
 * are put one by one.  A crash between two puts leaves pieces that make no JSON text together, or
 * one of another activity: both count as nothing, which is right, for nothing had begun. */
#define _GNU_SOURCE 1 /* strnlen */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/log.h>

#include "sdk/program-private.h"

enum { KEY_SIZE = 32 };

/* --------------------------------------------------------------------------------------- pieces */

static const char *piece_key(unsigned int i, char key[KEY_SIZE])
{
        if (i == 0)
                return "activity";
        (void)snprintf(key, KEY_SIZE, "activity.%u", i);
        return key;
}

/* Deletes the piece i and all behind it, of a text that was longer. */
static void drop_pieces(const struct ub_host *host, unsigned int i)
{
        char key[KEY_SIZE];

        while (ub_state_get(host, piece_key(i, key), NULL, 0) >= 0) {
                if (ub_state_put(host, piece_key(i, key), NULL, 0) < 0)
                        return; /* what stays is taken for nothing, or overwritten */
                i++;
        }
}

static int put_pieces(const struct ub_host *host, const char *text)
{
        char key[KEY_SIZE];
        unsigned int i;
        int r;

        /* First, or old pieces might take the room of new ones. */
        drop_pieces(host, 0);
        for (i = 0; *text; i++) {
                const size_t length = strnlen(text, UB_MAX_STATE_VALUE);

                r = ub_state_put(host, piece_key(i, key), text, length);
                if (r < 0) {
                        drop_pieces(host, 0);
                        return r;
                }
                text += length;
        }
        return 0;
}

static int get_pieces(const struct ub_host *host, char **ret)
{
        char key[KEY_SIZE];
        char *text = NULL;
        size_t length = 0;
        unsigned int i;
        int r;

        for (i = 0;; i++) {
                char *piece, *longer;
                size_t n;

                r = ub_state_read(host, piece_key(i, key), &piece, &n);
                if (r < 0)
                        break;
                longer = (char *)realloc(text, length + n + 1);
                if (longer) {
                        memcpy(longer + length, piece, n + 1);
                        text = longer;
                        length += n;
                }
                free(piece);
                if (!longer) {
                        r = -ENOMEM;
                        break;
                }
        }
        if (r != -ENOENT || !text) {
                free(text);
                return r;
        }
        *ret = text;
        return 0;
}

/* -------------------------------------------------------------------------------------- writing */

int ub_program_remember(const struct program_agent *a)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        char *text;
        size_t i;
        int r;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "activity", a->activity);
        ub_json_put_string(&w, "desired", a->desired_json);
        ub_json_open_array(&w, "actions");
        for (i = 0; i < ub_actions_count(a->actions); i++) {
                const struct ub_action *action = ub_actions_get(a->actions, i);

                ub_json_open_object(&w, NULL);
                ub_json_put_int(&w, "kind", action->kind);
                ub_json_put_string(&w, "id", action->id);
                ub_json_put_string(&w, "version", action->version);
                ub_json_put_string(&w, "from", action->from);
                ub_json_close_object(&w);
        }
        ub_json_close_array(&w);
        ub_json_close_object(&w);
        r = ub_json_writer_finish(&w, &text);
        if (r < 0)
                return r;
        r = put_pieces(a->host, text);
        free(text);
        return r;
}

void ub_program_forget(const struct program_agent *a)
{
        drop_pieces(a->host, 0);
}

/* -------------------------------------------------------------------------------------- reading */

static int read_actions(const struct ub_json *root, struct ub_actions *actions,
                        struct ub_error *error)
{
        const struct ub_json *array = ub_json_member(root, "actions");
        const struct ub_json *element;
        const char *id, *version, *from;
        int64_t kind;
        int r;

        for (element = ub_json_first(array); element; element = ub_json_next(element)) {
                kind = 0;
                version = from = "";
                r = ub_json_need_string(element, "id", error, &id);
                if (r >= 0)
                        r = ub_json_get_int(element, "kind", UB_ACTION_INSTALL, UB_ACTION_REMOVE,
                                            error, &kind);
                if (r >= 0)
                        r = ub_json_get_string(element, "version", error, &version);
                if (r >= 0)
                        r = ub_json_get_string(element, "from", error, &from);
                if (r < 0)
                        return r;
                r = ub_actions_add(actions, (int32_t)kind, id, version, from);
                if (r < 0)
                        return ub_error_set(error, r, "action \"%s\": %s", id, strerror(-r));
        }
        return 0;
}

/* -ENOENT: of another activity.  Otherwise as ub_program_recall(), but any failure. */
static int read_memory(const struct ub_json *root, const char *activity,
                       struct ub_desired_state **ret_desired, struct ub_actions *actions,
                       struct ub_error *error)
{
        const char *desired;
        const char *id;
        int r;

        r = ub_json_need_string(root, "activity", error, &id);
        if (r >= 0 && strcmp(id, activity) != 0)
                return -ENOENT;
        if (r >= 0)
                r = ub_json_need_string(root, "desired", error, &desired);
        if (r >= 0)
                r = read_actions(root, actions, error);
        if (r >= 0 && ret_desired)
                r = ub_desired_state_parse(desired, error, ret_desired);
        return r;
}

int ub_program_recall(const struct program_agent *a, const char *activity,
                      struct ub_desired_state **ret_desired, struct ub_actions **ret_actions)
{
        struct ub_error error = UB_ERROR_INIT;
        struct ub_actions *actions = NULL;
        struct ub_json *root = NULL;
        char *text;
        int r;

        r = get_pieces(a->host, &text);
        if (r < 0)
                return r;
        r = ub_json_parse(text, "memory", &error, &root);
        free(text);
        if (r == 0)
                r = ub_actions_new(a->host, activity, &actions);
        if (r == 0)
                r = read_memory(root, activity, ret_desired, actions, &error);
        (void)ub_json_free(root);
        if (r == 0) {
                *ret_actions = actions;
                return 0;
        }
        (void)ub_actions_free(actions);
        if (r == -ENOENT || r == -ENOMEM)
                return r;
        ub_warning(a->host, "the state is of no use: %s", error.text);
        return -ENOENT;
}
