/* SPDX-License-Identifier: Apache-2.0
 *
 * record - see record.h */
#include "plugins/files/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/files/scope.h"
#include "plugins/files/tree.h"

#define RECORD "activity"
#define RECORD_NEW ".activity.new"

enum { RECORD_BYTES_MAX = 1024 * 1024 };

static int render(const struct record *record, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "activity", record->activity);
        ub_json_put_string(&w, "desired", record->desired);
        ub_json_put_string(&w, "feedback", record->feedback);
        plan_write(&record->plan, "plan", &w);
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}

int record_save(const struct store *store, const struct record *record, struct ub_error *error)
{
        CLEANUP_FREE char *text = NULL;
        int r;

        r = render(record, &text);
        if (r == 0)
                r = tree_write_file(store->dir_fd, RECORD_NEW, text);
        if (r == 0 && renameat(store->dir_fd, RECORD_NEW, store->dir_fd, RECORD) < 0)
                r = -errno;
        if (r == 0)
                r = tree_sync(store->dir_fd);
        if (r < 0)
                return ub_error_set(error, r, "%s/%s: %s", store->path, RECORD, strerror(-r));
        return 0;
}

static int copy_text(const struct ub_json *root, const char *key, struct ub_error *error,
                     char **ret)
{
        const char *text;
        int r = ub_json_get_string(root, key, error, &text);

        if (r <= 0)
                return r;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int parse(const char *text, struct ub_error *error, struct record *record)
{
        const struct ub_json *array;
        struct ub_json *root;
        int r;

        r = ub_json_parse(text, RECORD, error, &root);
        if (r < 0)
                return r;
        r = copy_text(root, "activity", error, &record->activity);
        if (r == 0)
                r = copy_text(root, "desired", error, &record->desired);
        if (r == 0)
                r = copy_text(root, "feedback", error, &record->feedback);
        if (r == 0)
                r = ub_json_get_array(root, "plan", error, &array);
        if (r > 0)
                r = plan_read(array, error, &record->plan);
        if (r == 0 && (!record->activity || !record->desired))
                r = ub_error_set(error, -EBADMSG, "%s: activity or desired is missing", RECORD);
        (void)ub_json_free(root);
        return r;
}

int record_load(const struct store *store, struct ub_error *error, struct record *ret)
{
        CLEANUP(record_done) struct record record = { .activity = NULL };
        CLEANUP_FREE char *text = NULL;
        int r;

        r = tree_read_file(store->dir_fd, RECORD, RECORD_BYTES_MAX, &text, NULL);
        if (r == 0)
                r = parse(text, error, &record);
        else if (r != -ENOENT)
                return ub_error_set(error, r, "%s: %s", RECORD, strerror(-r));
        if (r < 0 && r != -ENOENT)
                return r;
        *ret = record;
        record = (struct record){ .activity = NULL };
        return 0;
}

void record_done(struct record *record)
{
        free(record->activity);
        free(record->desired);
        free(record->feedback);
        plan_done(&record->plan);
        *record = (struct record){ .activity = NULL };
}
