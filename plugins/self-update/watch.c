/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - see watch.h
 *
 * Each look is made by a thread of its own, because a stick that is pulled out or broken can keep
 * readdir() for minutes, and nobody can take it away from there.  Such a thread is left alone: the
 * next look waits until it is back (thread.h).
 *
 * What the thread finds is compared with what the last look has found.  A file of the same size
 * and time in two looks is taken for complete: whoever copies onto a stick writes more often than
 * a look is made.  It is told once; `told` stays until the file changes or is away. */
#include "plugins/self-update/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/self-update/thread.h"

enum {
        PAUSE_LOOKS = 5, /* before one that nothing could be found out about is reported again */
        SEEN_MAX = 64,
        ENTRIES_MAX = 1024,
};

/* A bundle.  What a look has found has the first three only. */
struct seen {
        char *path;
        off_t size;
        struct timespec changed;
        bool told;   /* the owner has taken it */
        bool there;  /* in the last look */
        bool late;   /* put off, and said so */
        int pause;   /* looks to let pass */
};

/* One look: the thread fills it in and rings the bell, the loop reads it after that. */
struct scan {
        atomic_int users; /* thread.h */
        int bell;
        char *folder;
        struct seen list[SEEN_MAX];
        size_t n;
};

struct watch {
        const struct ub_host *host;
        const char *folder;
        uint64_t interval_usec;
        watch_fn found;
        void *data;
        struct ub_source *timer;
        struct ub_source *rung;
        struct scan *scan; /* under way */
        struct seen seen[SEEN_MAX];
        size_t n_seen;
};

static void scan_unref(struct scan *scan)
{
        size_t i;

        if (!scan || !thread_leave(&scan->users))
                return;
        for (i = 0; i < scan->n; i++)
                free(scan->list[i].path);
        if (scan->bell >= 0)
                (void)close(scan->bell);
        free(scan->folder);
        free(scan);
}

/* ----------------------------------------------------------------------------------- the thread */

static bool is_bundle(const char *name)
{
        size_t length = strlen(name);

        return name[0] != '.' && length > 6 && strcmp(name + length - 6, ".raucb") == 0;
}

/* More than SEEN_MAX, or than there is memory for, are not seen. */
static void add(struct scan *scan, const char *path, const struct stat *st)
{
        char *copy = scan->n < SEEN_MAX ? strdup(path) : NULL;

        if (copy)
                scan->list[scan->n++] = (struct seen){ .path = copy,
                                                       .size = st->st_size,
                                                       .changed = st->st_mtim };
}

/* depth: how many levels of folders below are looked into */
static void look_through(struct scan *scan, const char *folder, int depth)
{
        DIR *dir = opendir(folder);
        const struct dirent *entry;
        char path[PATH_MAX];
        struct stat st;
        int n = 0;

        if (!dir)
                return; /* not mounted, perhaps */
        while ((entry = readdir(dir)) != NULL && n++ < ENTRIES_MAX) {
                /* No links are followed: a stick is not to lead anywhere else. */
                if (entry->d_name[0] == '.' ||
                    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
                            (int)sizeof(path))
                        continue;
                if (S_ISDIR(st.st_mode) && depth > 0)
                        look_through(scan, path, depth - 1);
                else if (S_ISREG(st.st_mode) && is_bundle(entry->d_name))
                        add(scan, path, &st);
        }
        (void)closedir(dir);
}

static void *run(void *data)
{
        struct scan *scan = data;

        look_through(scan, scan->folder, 1);
        (void)eventfd_write(scan->bell, 1); /* the count of an eventfd that is written once */
        scan_unref(scan);
        return NULL;
}

/* ------------------------------------------------------------------------------------- the loop */

static struct seen *find(struct watch *watch, const char *path)
{
        size_t i;

        for (i = 0; i < watch->n_seen; i++)
                if (strcmp(watch->seen[i].path, path) == 0)
                        return &watch->seen[i];
        return NULL;
}

/* Takes the path over. */
static void look_at(struct watch *watch, struct seen *now)
{
        struct seen *seen = find(watch, now->path);

        if (seen && seen->size == now->size && seen->changed.tv_sec == now->changed.tv_sec &&
            seen->changed.tv_nsec == now->changed.tv_nsec) {
                seen->there = true;
                if (seen->pause > 0)
                        seen->pause--;
                else if (!seen->told)
                        seen->told = watch->found(watch->data, seen->path);
                if (!seen->told && !seen->late && seen->pause == 0) {
                        seen->late = true;
                        ub_info(watch->host, "%s is looked at later: something else goes on",
                                seen->path);
                }
                return;
        }
        if (!seen) {
                if (watch->n_seen == SEEN_MAX)
                        return;
                seen = &watch->seen[watch->n_seen++];
        }
        /* It is there for the first time, or has changed: the next look decides. */
        free(seen->path);
        *seen = *now;
        seen->there = true;
        now->path = NULL;
}

/* What is away leaves room, and is told anew when it comes back. */
static void forget_absent(struct watch *watch)
{
        size_t i = 0;

        while (i < watch->n_seen) {
                if (watch->seen[i].there) {
                        i++;
                        continue;
                }
                free(watch->seen[i].path); /* the last one takes its place */
                watch->seen[i] = watch->seen[--watch->n_seen];
                watch->seen[watch->n_seen].path = NULL;
        }
}

void watch_again(struct watch *watch, const char *path)
{
        struct seen *seen = find(watch, path);

        if (!seen)
                return;
        seen->told = false;
        seen->pause = PAUSE_LOOKS;
}

/* From the loop's side; the thread may still be at it. */
static void end_scan(struct watch *watch)
{
        ub_source_drop(watch->host, &watch->rung);
        scan_unref(watch->scan);
        watch->scan = NULL;
}

static void on_bell(void *data, int fd, uint32_t events)
{
        struct watch *watch = data;
        size_t i;

        (void)fd;
        (void)events;
        /* Of a full list nobody knows what did not fit into it. */
        for (i = 0; i < watch->n_seen; i++)
                watch->seen[i].there = watch->scan->n == SEEN_MAX;
        for (i = 0; i < watch->scan->n; i++)
                look_at(watch, &watch->scan->list[i]);
        forget_absent(watch);
        end_scan(watch);
}

static int start_scan(struct watch *watch)
{
        struct scan *scan = calloc(1, sizeof(*scan));
        int r = 0;

        if (!scan)
                return -ENOMEM;
        atomic_init(&scan->users, 1);
        watch->scan = scan;
        scan->folder = strdup(watch->folder);
        scan->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!scan->folder || scan->bell < 0)
                r = scan->folder ? -errno : -ENOMEM;
        if (r >= 0)
                r = ub_io(watch->host, scan->bell, UB_IO_IN, on_bell, watch, &watch->rung);
        if (r >= 0)
                r = thread_start(run, scan, &scan->users);
        if (r < 0)
                end_scan(watch);
        return r;
}

/* First the next look is arranged, so that one that fails does not end the watch. */
static void on_timer(void *data)
{
        struct watch *watch = data;
        int r;

        watch->timer = NULL;
        r = ub_timer(watch->host, watch->interval_usec, on_timer, watch, &watch->timer);
        if (r < 0)
                ub_err(watch->host, "%s is not watched any longer: %s", watch->folder,
                       strerror(-r));
        if (watch->scan)
                return; /* it hangs, or takes its time */
        r = start_scan(watch);
        if (r < 0)
                ub_warning(watch->host, "%s cannot be looked at: %s", watch->folder, strerror(-r));
}

int watch_new(const struct ub_host *host, const struct watch_folder *folder, watch_fn found,
              void *data, struct watch **ret)
{
        struct watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        *watch = (struct watch){ .host = host,
                                 .folder = folder->path,
                                 .interval_usec = folder->interval_usec,
                                 .found = found,
                                 .data = data };
        r = ub_timer(host, 0, on_timer, watch, &watch->timer);
        if (r < 0) {
                (void)watch_free(watch);
                return r;
        }
        *ret = watch;
        return 0;
}

struct watch *watch_free(struct watch *watch)
{
        size_t i;

        if (!watch)
                return NULL;
        ub_source_drop(watch->host, &watch->timer);
        end_scan(watch);
        for (i = 0; i < watch->n_seen; i++)
                free(watch->seen[i].path);
        free(watch);
        return NULL;
}
