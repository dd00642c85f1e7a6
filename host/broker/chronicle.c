/* SPDX-License-Identifier: Apache-2.0 */
#include "host/broker/chronicle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/json.h"
#include "host/model/place.h"
#include "host/state/journal.h"
#include "host/util/diag.h"

#define FILE_NAME "history.journal"

struct entry {
        char *activity;
        char *status; /* NULL: it runs */
        char *message;
        int64_t started_ms;
        int64_t ended_ms;
        char *json; /* as the file has it; NULL: not printed since it changed */
};

struct chronicle {
        struct journal *journal;
        struct entry *entries; /* the oldest first */
        size_t n;
        size_t max;
        bool dirty; /* changed since the last write has begun, or that has failed */
        chronicle_saved_fn saved;
        void *data;
};

/* --------------------------------------------------------------------------------------- memory */

static void entry_done(struct entry *entry)
{
        free(entry->activity);
        free(entry->status);
        free(entry->message);
        free(entry->json);
}

static struct entry *find(const struct chronicle *chronicle, const char *activity)
{
        size_t i;

        for (i = chronicle->n; i > 0; i--)
                if (strcmp(chronicle->entries[i - 1].activity, activity) == 0)
                        return &chronicle->entries[i - 1];
        return NULL;
}

static void trim(struct chronicle *chronicle)
{
        size_t excess = chronicle->n > chronicle->max ? chronicle->n - chronicle->max : 0;
        size_t i;

        if (excess == 0)
                return;
        for (i = 0; i < excess; i++)
                entry_done(&chronicle->entries[i]);
        chronicle->n -= excess;
        memmove(chronicle->entries, chronicle->entries + excess,
                chronicle->n * sizeof(*chronicle->entries));
}

static struct entry *add(struct chronicle *chronicle, const char *activity, int64_t now_ms)
{
        struct entry *entries =
                reallocarray(chronicle->entries, chronicle->n + 1, sizeof(*entries));

        if (!entries)
                return NULL;
        chronicle->entries = entries;
        entries[chronicle->n] = (struct entry){
                .activity = strdup(activity),
                .started_ms = now_ms,
        };
        return entries[chronicle->n].activity ? &entries[chronicle->n++] : NULL;
}

/* ----------------------------------------------------------------------------------------- file */

static struct json *entry_write(const struct entry *entry)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || place_put_text(object, "activityId", entry->activity) < 0 ||
            place_put_text(object, "status", entry->status ? entry->status : "") < 0 ||
            place_put_text(object, "message", entry->message ? entry->message : "") < 0 ||
            json_set(object, "startedMs", json_new_integer(entry->started_ms)) < 0)
                return NULL;
        if (entry->status && json_set(object, "endedMs", json_new_integer(entry->ended_ms)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static const char *entry_print(struct entry *entry)
{
        CLEANUP_JSON struct json *object = NULL;

        if (entry->json)
                return entry->json;
        object = entry_write(entry);
        if (!object || json_print(object, JSON_LAYOUT_COMPACT, &entry->json) < 0)
                return NULL;
        return entry->json;
}

/* {"activities":[ENTRY,...]}, put together of what is printed already: each change concerns one
 * entry of many.  NULL: out of memory. */
static char *print(struct chronicle *chronicle)
{
        static const char begin[] = "{\"activities\":[";
        static const char end[] = "]}";
        size_t size = sizeof(begin) + sizeof(end);
        char *text;
        char *p;
        size_t i;

        for (i = 0; i < chronicle->n; i++) {
                const char *json = entry_print(&chronicle->entries[i]);

                if (!json)
                        return NULL;
                size += strlen(json) + 1;
        }
        text = malloc(size);
        if (!text)
                return NULL;
        p = stpcpy(text, begin);
        for (i = 0; i < chronicle->n; i++) {
                if (i > 0)
                        *p++ = ',';
                p = stpcpy(p, chronicle->entries[i].json);
        }
        memcpy(p, end, sizeof(end));
        return text;
}

static void save(struct chronicle *chronicle)
{
        char *text;

        chronicle->dirty = true;
        if (journal_is_writing(chronicle->journal))
                return; /* once more when that is done */
        text = print(chronicle);
        if (!text || journal_write(chronicle->journal, text) < 0)
                return; /* the next change tries again */
        chronicle->dirty = false;
}

static void on_written(void *data, int r)
{
        struct chronicle *chronicle = data;

        if (chronicle->dirty)
                save(chronicle);
        else if (r < 0)
                chronicle->dirty = true; /* the next change tries again */
        else if (chronicle->saved)
                chronicle->saved(chronicle->data);
}

static char *copy_text(const struct json *object, const char *key)
{
        const char *text = json_get_string(json_get_member(object, key));

        return text ? strdup(text) : NULL;
}

static int read_entry(struct chronicle *chronicle, const struct json *json)
{
        const char *activity = json_get_string(json_get_member(json, "activityId"));
        struct entry *entry;

        if (!activity)
                return -EBADMSG;
        entry = add(chronicle, activity, 0);
        if (!entry)
                return -ENOMEM;
        entry->status = copy_text(json, "status");
        entry->message = copy_text(json, "message");
        /* An entry without times is no reason to lose the others. */
        (void)json_get_integer(json_get_member(json, "startedMs"), &entry->started_ms);
        (void)json_get_integer(json_get_member(json, "endedMs"), &entry->ended_ms);
        return 0;
}

static int load(struct chronicle *chronicle, struct diag *diag)
{
        const struct scan_rules rules = {
                .max_bytes = JOURNAL_RECORD_MAX,
                .max_depth = 8,
                .object = true,
        };
        CLEANUP_JSON struct json *root = NULL;
        struct diag why = DIAG_INIT;
        const struct json *item;
        const char *text;
        size_t length;
        int r;

        text = journal_get_record(chronicle->journal, &length);
        if (!text)
                return 0;
        r = json_parse(text, length, &rules, NULL, &why, &root);
        JSON_FOREACH(item, json_get_member(root, "activities"))
                if (r == 0)
                        r = read_entry(chronicle, item);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                journal_reject(chronicle->journal, *why.text ? why.text : "an entry without an id",
                               diag);
                return 1;
        }
        journal_forget(chronicle->journal);
        trim(chronicle);
        return 0;
}

int chronicle_open(int dir_fd, struct worker *worker, size_t max, struct diag *diag,
                   struct chronicle **ret)
{
        CLEANUP(chronicle_freep) struct chronicle *chronicle = calloc(1, sizeof(*chronicle));
        int outcome;
        int r;

        if (!chronicle)
                return -ENOMEM;
        chronicle->max = max;
        outcome = journal_open(dir_fd, FILE_NAME, worker, on_written, chronicle, diag,
                               &chronicle->journal);
        if (outcome < 0)
                return outcome;
        r = load(chronicle, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(chronicle);
        return r > 0 ? r : outcome;
}

struct chronicle *chronicle_free(struct chronicle *chronicle)
{
        size_t i;

        if (!chronicle)
                return NULL;
        for (i = 0; i < chronicle->n; i++)
                entry_done(&chronicle->entries[i]);
        free(chronicle->entries);
        (void)journal_free(chronicle->journal);
        free(chronicle);
        return NULL;
}

void chronicle_set_max(struct chronicle *chronicle, size_t max)
{
        chronicle->max = max;
        trim(chronicle);
}

/* --------------------------------------------------------------------------------------- events */

void chronicle_begin(struct chronicle *chronicle, const char *activity, int64_t now_ms)
{
        if (find(chronicle, activity) || !add(chronicle, activity, now_ms))
                return;
        trim(chronicle);
        save(chronicle);
}

void chronicle_end(struct chronicle *chronicle, const char *activity, const char *status,
                   const char *message, int64_t now_ms)
{
        struct entry *entry = find(chronicle, activity);

        if (!entry)
                entry = add(chronicle, activity, now_ms);
        if (!entry || entry->status)
                return;
        entry->status = strdup(status);
        entry->message = *message ? strdup(message) : NULL;
        entry->ended_ms = now_ms;
        free(entry->json);
        entry->json = NULL;
        trim(chronicle);
        save(chronicle);
}

void chronicle_set_saved(struct chronicle *chronicle, chronicle_saved_fn saved, void *data)
{
        chronicle->saved = saved;
        chronicle->data = data;
}

bool chronicle_is_saved(const struct chronicle *chronicle)
{
        return !chronicle->dirty && !journal_is_writing(chronicle->journal);
}

struct json *chronicle_list(const struct chronicle *chronicle)
{
        CLEANUP_JSON struct json *list = json_new_array();
        size_t i;

        for (i = chronicle->n; list && i > 0; i--) {
                const struct entry *entry = &chronicle->entries[i - 1];

                if (entry->status && json_append(list, entry_write(entry)) < 0)
                        return NULL;
        }
        return TAKE_PTR(list);
}
