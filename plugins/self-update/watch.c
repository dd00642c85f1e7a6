/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - see watch.h */
#include "plugins/self-update/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

enum { INTERVAL_USEC = 3000000, SEEN_MAX = 64, ENTRIES_MAX = 1024 };

struct seen {
        char path[PATH_MAX];
        off_t size;
        struct timespec changed;
        bool told;
};

struct watch {
        const struct ub_host *host;
        const char *folder;
        watch_fn found;
        void *data;
        struct ub_source *timer;
        struct seen *seen;
        size_t n_seen;
};

static bool is_bundle(const char *name)
{
        size_t length = strlen(name);

        return name[0] != '.' && length > 6 && strcmp(name + length - 6, ".raucb") == 0;
}

static struct seen *find(struct watch *watch, const char *path)
{
        size_t i;

        for (i = 0; i < watch->n_seen; i++)
                if (strcmp(watch->seen[i].path, path) == 0)
                        return &watch->seen[i];
        return NULL;
}

static void look_at(struct watch *watch, const char *path, const struct stat *st)
{
        struct seen *seen = find(watch, path);

        if (seen && seen->size == st->st_size && seen->changed.tv_sec == st->st_mtim.tv_sec &&
            seen->changed.tv_nsec == st->st_mtim.tv_nsec) {
                if (!seen->told) {
                        seen->told = true;
                        watch->found(watch->data, path);
                }
                return;
        }
        if (!seen) {
                if (watch->n_seen == SEEN_MAX)
                        return;
                seen = &watch->seen[watch->n_seen++];
        }
        *seen = (struct seen){ .size = st->st_size, .changed = st->st_mtim };
        (void)snprintf(seen->path, sizeof(seen->path), "%s", path);
}

/* depth: how many levels of folders below are looked into */
static void scan(struct watch *watch, const char *folder, int depth)
{
        DIR *dir = opendir(folder);
        const struct dirent *entry;
        char path[PATH_MAX];
        struct stat st;
        int n = 0;

        if (!dir)
                return; /* not mounted, perhaps */
        while ((entry = readdir(dir)) != NULL && n++ < ENTRIES_MAX) {
                if (entry->d_name[0] == '.' ||
                    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
                            (int)sizeof(path))
                        continue;
                if (S_ISDIR(st.st_mode) && depth > 0)
                        scan(watch, path, depth - 1);
                else if (S_ISREG(st.st_mode) && is_bundle(entry->d_name))
                        look_at(watch, path, &st);
        }
        (void)closedir(dir);
}

static void on_timer(void *data)
{
        struct watch *watch = data;
        int r;

        watch->timer = NULL;
        r = ub_timer(watch->host, INTERVAL_USEC, on_timer, watch, &watch->timer);
        if (r < 0)
                ub_err(watch->host, "%s is not watched any longer: %s", watch->folder,
                       strerror(-r));
        scan(watch, watch->folder, 1);
}

int watch_new(const struct ub_host *host, const char *folder, watch_fn found, void *data,
              struct watch **ret)
{
        struct watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        *watch = (struct watch){ .host = host, .folder = folder, .found = found, .data = data };
        watch->seen = calloc(SEEN_MAX, sizeof(*watch->seen));
        r = watch->seen ? ub_timer(host, 0, on_timer, watch, &watch->timer) : -ENOMEM;
        if (r < 0) {
                (void)watch_free(watch);
                return r;
        }
        *ret = watch;
        return 0;
}

struct watch *watch_free(struct watch *watch)
{
        if (!watch)
                return NULL;
        ub_source_drop(watch->host, &watch->timer);
        free(watch->seen);
        free(watch);
        return NULL;
}
