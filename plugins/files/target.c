/* SPDX-License-Identifier: Apache-2.0
 *
 * target - see target.h */
#define _GNU_SOURCE 1 /* renameat2 */
#include "plugins/files/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/files/scope.h"
#include "plugins/files/tree.h"

/* A target that has been opened. */
struct place {
        int fd; /* the folder it is in; -1: that is not there */
        const char *name; /* in the folder; in the caller's text */
        char *link;       /* what it is to lead to */
        char aside[NAME_MAX + 1];
};

enum what {
        NOTHING,
        OURS,
        FOREIGN,
};

static void place_done(struct place *place)
{
        scope_close(&place->fd);
        free(place->link);
}

/* Makes the folders between the allowed one and the link. */
static int make_folders(int top_fd, const char *rest)
{
        const char *slash = rest;
        int r = 0;

        while (r == 0 && (slash = strchr(slash, '/')) != NULL) {
                CLEANUP_FREE char *prefix = strndup(rest, (size_t)(slash++ - rest));
                CLEANUP_CLOSE int parent_fd = -1;
                CLEANUP_CLOSE int fd = -1;
                const char *name;

                if (!prefix)
                        return -ENOMEM;
                r = tree_open_parent(top_fd, prefix, &parent_fd, &name);
                if (r == 0)
                        r = tree_open_folder(parent_fd, name, true, TREE_FOLDER_MODE, &fd);
                if (r == 0)
                        r = tree_sync(parent_fd);
        }
        return r;
}

static int open_place(const struct settings *settings, const char *target, bool make, int *ret_fd,
                      const char **ret_name)
{
        CLEANUP_CLOSE int top_fd = -1;
        const char *rest;
        const char *folder = settings_target_folder(settings, target, &rest);
        int r;

        if (!folder)
                return -EPERM; /* the settings have changed since it was installed */
        top_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (top_fd < 0)
                return -errno;
        r = tree_open_parent(top_fd, rest, ret_fd, ret_name);
        if (r != -ENOENT || !make)
                return r;
        r = make_folders(top_fd, rest);
        return r < 0 ? r : tree_open_parent(top_fd, rest, ret_fd, ret_name);
}

static int place_init(const struct settings *settings, const struct store *store, const char *id,
                      const char *target, bool make, struct place *ret)
{
        struct place place = { .fd = -1 };
        int n;
        int r;

        if (asprintf(&place.link, "%s/active/%s", store->path, id) < 0)
                return -ENOMEM;
        r = open_place(settings, target, make, &place.fd, &place.name);
        if (r == -ENOENT && !make) {
                place.fd = -1; /* a folder above is not there either */
                r = 0;
        } else if (r == 0) {
                n = snprintf(place.aside, sizeof(place.aside), ".%s.adopted", place.name);
                r = n < 0 || (size_t)n >= sizeof(place.aside) ? -ENAMETOOLONG : 0;
        }
        if (r < 0) {
                place_done(&place);
                return r;
        }
        *ret = place;
        return 0;
}

static int look(const struct place *place, const char *name, enum what *ret)
{
        CLEANUP_FREE char *link = NULL;
        struct stat st;
        int r;

        *ret = NOTHING;
        if (place->fd < 0)
                return 0;
        if (fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        *ret = FOREIGN;
        if (!S_ISLNK(st.st_mode))
                return 0;
        r = tree_read_link(place->fd, name, &link);
        if (r == 0 && strcmp(link, place->link) == 0)
                *ret = OURS;
        return r;
}

static int fault(struct ub_error *error, const char *id, const char *target, int r)
{
        if (r == 0)
                return 0;
        if (r == -ELOOP || r == -ENOTDIR)
                return ub_error_set(error, r,
                                    "%s: target: %s: a folder above it is a link or a file", id,
                                    target);
        return ub_error_set(error, r, "%s: target: %s: %s", id, target, strerror(-r));
}

static int refuse(struct ub_error *error, const char *id, const char *target)
{
        return ub_error_set(error, -EEXIST,
                            "%s: target: %s is there already and not ours; move it away, or set "
                            "\"adopt\" in the agent's settings to have it put aside",
                            id, target);
}

int target_check(const struct settings *settings, const struct store *store, const char *id,
                 const char *target, struct ub_error *error)
{
        CLEANUP(place_done) struct place place = { .fd = -1 };
        enum what what = NOTHING;
        int r;

        r = place_init(settings, store, id, target, false, &place);
        if (r == 0)
                r = look(&place, place.name, &what);
        if (r < 0)
                return fault(error, id, target, r);
        return what == FOREIGN && !settings->adopt ? refuse(error, id, target) : 0;
}

bool target_is_placed(const struct settings *settings, const struct store *store, const char *id,
                      const char *target)
{
        CLEANUP(place_done) struct place place = { .fd = -1 };
        enum what what = NOTHING;

        return place_init(settings, store, id, target, false, &place) == 0 &&
               look(&place, place.name, &what) == 0 && what == OURS;
}

/* Two names change places in one step; the link is then where the other was. */
static int put_aside(const struct place *place)
{
        enum what what;
        int r;

        r = look(place, place->aside, &what);
        if (r < 0)
                return r;
        if (what == FOREIGN)
                return -EEXIST; /* that was put aside before; nothing is thrown away here */
        if (what == NOTHING && symlinkat(place->link, place->fd, place->aside) < 0)
                return -errno;
        if (renameat2(place->fd, place->aside, place->fd, place->name, RENAME_EXCHANGE) < 0)
                return -errno;
        return tree_sync(place->fd);
}

int target_place(const struct settings *settings, const struct store *store, const char *id,
                 const char *target, struct ub_error *error)
{
        CLEANUP(place_done) struct place place = { .fd = -1 };
        enum what what = NOTHING;
        int r;

        r = place_init(settings, store, id, target, true, &place);
        if (r == 0)
                r = look(&place, place.name, &what);
        if (r < 0)
                return fault(error, id, target, r);
        switch (what) {
        case OURS:
                r = tree_sync(place.fd); /* the crash may have come between rename and sync */
                break;
        case NOTHING:
                r = tree_put_link(place.fd, place.name, place.link);
                break;
        case FOREIGN:
                if (!settings->adopt)
                        return refuse(error, id, target);
                r = put_aside(&place);
                break;
        }
        return fault(error, id, target, r);
}

/* The way of put_aside() back.  what: is at the name. */
static int bring_back(const struct place *place, enum what what)
{
        enum what aside;
        int r;

        r = look(place, place->aside, &aside);
        if (r < 0)
                return r;
        if (what == OURS && aside == FOREIGN) {
                if (renameat2(place->fd, place->aside, place->fd, place->name, RENAME_EXCHANGE) < 0)
                        return -errno;
                what = FOREIGN;
                aside = OURS;
        }
        if (what == OURS && unlinkat(place->fd, place->name, 0) < 0)
                return -errno;
        if (aside == OURS && unlinkat(place->fd, place->aside, 0) < 0)
                return -errno;
        return what == OURS || aside == OURS ? tree_sync(place->fd) : 0;
}

int target_remove(const struct settings *settings, const struct store *store, const char *id,
                  const char *target, struct ub_error *error)
{
        CLEANUP(place_done) struct place place = { .fd = -1 };
        enum what what = NOTHING;
        int r;

        r = place_init(settings, store, id, target, false, &place);
        if (r == -EPERM)
                return 0; /* out of our reach, and nothing but a link that leads nowhere */
        if (r == 0)
                r = look(&place, place.name, &what);
        if (r == 0 && what != NOTHING)
                r = bring_back(&place, what);
        return fault(error, id, target, r);
}
