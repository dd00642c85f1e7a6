/* SPDX-License-Identifier: Apache-2.0
 *
 * entry - see entry.h */
#define _GNU_SOURCE 1
#include "plugins/files/entry.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/files/path.h"
#include "plugins/files/scope.h"
#include "plugins/files/tree.h"

enum { SETUID_BITS = S_ISUID | S_ISGID | S_ISVTX };

/* An entry that passed. */
struct wanted {
        const char *path; /* clean */
        int parent_fd;
        const char *name; /* in the parent */
        mode_t mode;
        struct archive_entry *entry;
};

static int fail(struct unpacking *u, const char *what)
{
        return ub_error_set(u->error, -errno, "%s: %s", what, strerror(errno));
}

/* ---------------------------------------------------------------------------------- permissions */

/* x where r is: for folders, and for files that could be run as they came. */
static mode_t with_search(mode_t mode)
{
        return mode | (mode & 0444) >> 2;
}

static mode_t mode_of(const struct unpack_rules *rules, mode_t mode, bool folder)
{
        mode_t bits = rules->setuid == SETUID_KEEP && !folder ? mode & SETUID_BITS : 0;

        if (!rules->has_mode)
                return (mode & 0777) | bits;
        return (folder || mode & 0100 ? with_search(rules->mode) : rules->mode) | bits;
}

/* For all but folders, through the name: it was made a moment ago in a folder that only we write
 * to. */
static int set_owner(struct unpacking *u, const struct wanted *w)
{
        if (fchownat(w->parent_fd, w->name, u->rules->uid, u->rules->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(u, "cannot set the owner");
        return 0;
}

static bool times_of(struct archive_entry *entry, struct timespec times[2])
{
        if (!archive_entry_mtime_is_set(entry))
                return false;
        times[1].tv_sec = archive_entry_mtime(entry);
        times[1].tv_nsec = archive_entry_mtime_nsec(entry);
        if (times[1].tv_nsec < 0 || times[1].tv_nsec > 999999999)
                times[1].tv_nsec = 0;
        times[0] = times[1];
        return true;
}

/* -------------------------------------------------------------------------------------- folders */

/* A folder may be named more than once; the last word counts.  Its owner can always write to it:
 * what follows goes into it, and one day it is removed.  Its time is that of what is in it. */
static int make_folder(struct unpacking *u, int parent_fd, const char *name, mode_t mode)
{
        CLEANUP_CLOSE int fd = -1;
        int r;

        r = tree_open_folder(parent_fd, name, true, 0700, &fd);
        if (r == -ELOOP || r == -ENOTDIR)
                return ub_error_set(u->error, -EBADMSG, "is there twice");
        if (r < 0)
                return ub_error_set(u->error, r, "cannot make a folder: %s", strerror(-r));
        if (fchown(fd, u->rules->uid, u->rules->gid) < 0 ||
            fchmod(fd, mode_of(u->rules, mode, true) | 0700) < 0)
                return fail(u, "cannot set owner and mode");
        return 0;
}

int entry_make_root(struct unpacking *u)
{
        u->parent_fd = -1;
        return make_folder(u, u->dir_fd, u->name, TREE_FOLDER_MODE);
}

void entry_forget(struct unpacking *u)
{
        if (u->parent)
                (void)close(u->parent_fd); /* only looked at */
        free(u->parent);
        u->parent = NULL;
        u->parent_fd = -1;
}

/* Makes the folders in a path that no entry has named. */
static int make_parents(struct unpacking *u, const char *path)
{
        const char *slash = path;
        int r = 0;

        while (r == 0 && (slash = strchr(slash, '/')) != NULL) {
                CLEANUP_FREE char *prefix = strndup(path, (size_t)(slash++ - path));
                CLEANUP_CLOSE int fd = -1;
                const char *name;

                if (!prefix)
                        return ub_error_set(u->error, -ENOMEM, "out of memory");
                r = tree_open_parent(u->root_fd, prefix, &fd, &name);
                if (r == 0 && faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        r = make_folder(u, fd, name, TREE_FOLDER_MODE);
        }
        return r;
}

/* Opens the folder that an entry goes into.  It stays open, since most entries follow their
 * neighbours. */
static int open_parent(struct unpacking *u, const char *path, int *ret_fd, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        size_t length = slash ? (size_t)(slash - path) : 0;
        const char *name;
        int r;

        *ret_name = slash ? slash + 1 : path;
        if (!slash) {
                *ret_fd = u->root_fd;
                return 0;
        }
        if (u->parent && strlen(u->parent) == length && memcmp(u->parent, path, length) == 0) {
                *ret_fd = u->parent_fd;
                return 0;
        }
        entry_forget(u);
        r = tree_open_parent(u->root_fd, path, &u->parent_fd, &name);
        if (r == -ENOENT) {
                r = make_parents(u, path);
                if (r == 0)
                        r = tree_open_parent(u->root_fd, path, &u->parent_fd, &name);
        }
        if (r == -ELOOP || r == -ENOTDIR)
                return ub_error_set(u->error, -EBADMSG, "lies behind a link or a file");
        if (r < 0)
                return ub_error_set(u->error, r, "cannot open its folder: %s", strerror(-r));
        u->parent = strndup(path, length);
        if (!u->parent) {
                (void)close(u->parent_fd); /* only looked at */
                return ub_error_set(u->error, -ENOMEM, "out of memory");
        }
        *ret_fd = u->parent_fd;
        return 0;
}

/* ----------------------------------------------------------------------------- files and others */

static int twice_or(struct unpacking *u, const char *what)
{
        if (errno == EEXIST)
                return ub_error_set(u->error, -EBADMSG, "is there twice");
        return fail(u, what);
}

static int make_file(struct unpacking *u, const struct wanted *w)
{
        CLEANUP_CLOSE int fd = -1;
        struct timespec times[2];
        int r;

        fd = openat(w->parent_fd, w->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return twice_or(u, "cannot make it");
        r = unpack_content(u, fd);
        if (r < 0)
                return r;
        /* Behind a hole at the end there is no block. */
        if (archive_entry_size_is_set(w->entry)) {
                struct stat st;

                if (fstat(fd, &st) < 0)
                        return fail(u, "cannot look at it");
                r = unpack_hole(u, fd, st.st_size, archive_entry_size(w->entry));
                if (r < 0)
                        return r;
        }
        if (fchown(fd, u->rules->uid, u->rules->gid) < 0 ||
            fchmod(fd, mode_of(u->rules, w->mode, false)) < 0)
                return fail(u, "cannot set owner and mode");
        if (times_of(w->entry, times) && futimens(fd, times) < 0)
                return fail(u, "cannot set its time");
        return 0;
}

static int make_link(struct unpacking *u, const struct wanted *w)
{
        const char *target = archive_entry_symlink(w->entry);
        int r;

        if (!target)
                return ub_error_set(u->error, -EBADMSG, "a link that cannot be read");
        if (strlen(target) > u->rules->limits.path_bytes)
                return ub_error_set(u->error, -EFBIG,
                                    "a link to more than %zu bytes (\"pathBytes\")",
                                    u->rules->limits.path_bytes);
        r = path_check_link(w->path, target, u->error);
        if (r < 0)
                return r;
        if (symlinkat(target, w->parent_fd, w->name) < 0)
                return twice_or(u, "cannot make it");
        return set_owner(u, w);
}

/* To a file that this archive brought before. */
static int make_hardlink(struct unpacking *u, const struct wanted *w)
{
        const struct path_limits limits = { .bytes = u->rules->limits.path_bytes,
                                            .depth = u->rules->limits.depth };
        CLEANUP_FREE char *path = NULL;
        CLEANUP_CLOSE int fd = -1;
        const char *name;
        struct stat st;
        int r;

        r = path_clean(archive_entry_hardlink(w->entry), u->rules->strip, &limits, u->error, &path);
        if (r < 0)
                return ub_error_prefix(u->error, r, "a hard link to %s",
                                       archive_entry_hardlink(w->entry));
        if (r > 0)
                r = tree_open_parent(u->root_fd, path, &fd, &name);
        if (r < 0 || !path || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
                return ub_error_set(u->error, -EBADMSG,
                                    "a hard link to %s, which is no file of this archive",
                                    archive_entry_hardlink(w->entry));
        if (linkat(fd, name, w->parent_fd, w->name, 0) < 0)
                return twice_or(u, "cannot make it");
        return 0;
}

static int make_special(struct unpacking *u, const struct wanted *w)
{
        mode_t type = archive_entry_filetype(w->entry);

        if (!u->rules->special_files)
                return ub_error_set(u->error, -EBADMSG,
                                    "a %s, which is not allowed (\"specialFiles\")",
                                    type == S_IFIFO ? "FIFO" : "device node");
        if (mknodat(w->parent_fd, w->name, type | 0600, archive_entry_rdev(w->entry)) < 0)
                return twice_or(u, "cannot make it");
        if (fchmodat(w->parent_fd, w->name, mode_of(u->rules, w->mode, false), 0) < 0)
                return fail(u, "cannot set its mode");
        return set_owner(u, w);
}

static int make(struct unpacking *u, const struct wanted *w)
{
        if (archive_entry_hardlink(w->entry))
                return make_hardlink(u, w);
        switch (archive_entry_filetype(w->entry)) {
        case S_IFREG:
                return make_file(u, w);
        case S_IFDIR:
                return make_folder(u, w->parent_fd, w->name, w->mode);
        case S_IFLNK:
                return make_link(u, w);
        case S_IFCHR:
        case S_IFBLK:
        case S_IFIFO:
                return make_special(u, w);
        default:
                return ub_error_set(u->error, -EBADMSG, "neither a file, a folder nor a link");
        }
}

static int check_mode(struct unpacking *u, struct archive_entry *entry)
{
        /* Of folders the bits do not make anybody mightier, and they are left out. */
        if (archive_entry_filetype(entry) == S_IFDIR || archive_entry_hardlink(entry))
                return 0;
        if (u->rules->setuid == SETUID_REFUSE &&
            archive_entry_perm(entry) & (S_ISUID | S_ISGID))
                return ub_error_set(u->error, -EBADMSG,
                                    "a set-user-id or set-group-id file, which is not allowed "
                                    "(\"setuid\")");
        return 0;
}

int entry_make(struct unpacking *u, struct archive_entry *entry)
{
        const struct path_limits limits = { .bytes = u->rules->limits.path_bytes,
                                            .depth = u->rules->limits.depth };
        const char *raw = archive_entry_pathname(entry);
        struct wanted w = { .entry = entry, .mode = archive_entry_perm(entry) };
        CLEANUP_FREE char *path = NULL;
        int r;

        if (!raw)
                return ub_error_set(u->error, -EBADMSG, "entry %llu: its name cannot be read",
                                    (unsigned long long)u->entries);
        r = path_clean(raw, u->rules->strip, &limits, u->error, &path);
        if (r == 0)
                return 0; /* stripped, or the top itself */
        if (r > 0)
                r = check_mode(u, entry);
        if (r == 0) {
                w.path = path;
                r = open_parent(u, path, &w.parent_fd, &w.name);
        }
        if (r == 0)
                r = make(u, &w);
        return r < 0 ? ub_error_prefix(u->error, r, "%s", raw) : 0;
}
