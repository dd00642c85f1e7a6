/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/schemas.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/plugin/probe.h"
#include "host/util/diag.h"

struct entry {
        char *path;
        struct stat file; /* as it was when the plugin was asked */
        int r;
        char *text;     /* the schema, NULL: it has none; r < 0: why */
        unsigned round; /* when it was asked */
};

struct schemas {
        struct entry entries[SCHEMAS_MAX];
        size_t n;
        unsigned round;
        unsigned probes;
};

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The time of the last change of the inode is what nobody can set back. */
static bool is_same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               is_same_time(&a->st_mtim, &b->st_mtim) && is_same_time(&a->st_ctim, &b->st_ctim);
}

static struct entry *find(struct schemas *schemas, const char *path)
{
        size_t i;

        for (i = 0; i < schemas->n; i++)
                if (strcmp(schemas->entries[i].path, path) == 0)
                        return &schemas->entries[i];
        return NULL;
}

/* NULL is a value here. */
static int copy(const char *text, char **ret)
{
        char *result = text ? strdup(text) : NULL;

        if (text && !result)
                return -ENOMEM;
        *ret = result;
        return 0;
}

static void forget(struct entry *entry)
{
        free(entry->path);
        free(entry->text);
}

/* That there is no memory for it costs another child the next time, and nothing else. */
static void keep(struct schemas *schemas, const char *path, const struct stat *file, int r,
                 const char *text)
{
        struct entry *entry = find(schemas, path);
        struct entry made = { .file = *file, .r = r, .round = schemas->round };

        if (!entry && schemas->n == SCHEMAS_MAX)
                return;
        made.path = strdup(path);
        if (!made.path || copy(text, &made.text) < 0) {
                forget(&made);
                return;
        }
        if (entry)
                forget(entry);
        else
                entry = &schemas->entries[schemas->n++];
        *entry = made;
}

static bool is_good(const struct schemas *schemas, const struct entry *entry,
                    const struct stat *file)
{
        return is_same_file(&entry->file, file) &&
               (entry->r == 0 || entry->round == schemas->round);
}

int schemas_get(struct schemas *schemas, const struct probe_config *config, struct diag *diag,
                char **ret)
{
        const struct entry *entry = find(schemas, config->plugin);
        struct probe_info *info = NULL;
        struct diag why = DIAG_INIT;
        struct stat file;
        int r;

        /* Looked at before it is asked: what changes meanwhile is another file the next time. */
        if (stat(config->plugin, &file) < 0)
                return diag_set_errno(diag, -errno, "%s", config->plugin);
        if (entry && is_good(schemas, entry, &file))
                return entry->r < 0 ? diag_set(diag, entry->r, "%s", entry->text)
                                    : copy(entry->text, ret);
        schemas->probes++;
        r = probe_run(config, &why, &info);
        keep(schemas, config->plugin, &file, r, r < 0 ? why.text : info->settings_schema);
        if (r < 0)
                return diag_set(diag, r, "%s", why.text);
        *ret = TAKE_PTR(info->settings_schema);
        (void)probe_info_free(info);
        return 0;
}

void schemas_begin_round(struct schemas *schemas)
{
        schemas->round++;
}

unsigned schemas_get_probes(const struct schemas *schemas)
{
        return schemas->probes;
}

int schemas_new(struct schemas **ret)
{
        struct schemas *schemas = calloc(1, sizeof(*schemas));

        if (!schemas)
                return -ENOMEM;
        *ret = schemas;
        return 0;
}

struct schemas *schemas_free(struct schemas *schemas)
{
        size_t i;

        if (!schemas)
                return NULL;
        for (i = 0; i < schemas->n; i++)
                forget(&schemas->entries[i]);
        free(schemas);
        return NULL;
}
