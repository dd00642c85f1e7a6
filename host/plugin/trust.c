/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* O_PATH */

#include "host/plugin/trust.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/plugin/abi.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

/* One walk from / to the file. */
struct walk {
        const struct trust_rules *rules;
        trust_line_fn fn; /* NULL: stop at the first fault */
        void *data;
        struct diag *diag; /* of the first fault */
        int r;             /* the first fault */
};

struct trust_rules trust_rules_default(void)
{
        return (struct trust_rules){ .uid = geteuid() };
}

static const char *owner_name(uid_t uid, char buf[static 32])
{
        if (uid == 0)
                return "root";
        (void)snprintf(buf, 32, "uid %u", (unsigned)uid);
        return buf;
}

/* What is wrong with an element, or 0.  path is for the sentence, st decides. */
static int judge(const struct trust_rules *rules, const char *path, const struct stat *st,
                 bool is_file, struct diag *diag)
{
        const char *kind = is_file ? "regular file" : "folder";
        unsigned mode = st->st_mode & 07777;
        char buf[32];
        char trusted[32];

        if (S_ISLNK(st->st_mode))
                return diag_set(diag, -EPERM, "%s: is a symbolic link, expected a %s", path, kind);
        if (is_file ? !S_ISREG(st->st_mode) : !S_ISDIR(st->st_mode))
                return diag_set(diag, -EPERM, "%s: is not a %s", path, kind);
        if (st->st_uid != 0 && st->st_uid != rules->uid)
                return diag_set(diag, -EPERM,
                                "%s: is owned by uid %u (mode %04o), expected root%s%s", path,
                                (unsigned)st->st_uid, mode, rules->uid ? " or " : "",
                                rules->uid ? owner_name(rules->uid, trusted) : "");
        if (!is_file && rules->sticky_passes && (mode & S_ISVTX))
                return 0;
        if (mode & S_IWOTH)
                return diag_set(diag, -EPERM, "%s: is writable by everybody (owner %s, mode %04o)",
                                path, owner_name(st->st_uid, buf), mode);
        if (mode & S_IWGRP)
                return diag_set(diag, -EPERM, "%s: is writable by its group (owner %s, mode %04o)",
                                path, owner_name(st->st_uid, buf), mode);
        return 0;
}

/* Judges what is open as fd; true: go on. */
static bool visit(struct walk *walk, int fd, const char *path, bool is_file)
{
        struct diag diag = DIAG_INIT;
        struct stat st = { .st_mode = 0 };
        char buf[32];
        int r;

        if (fstat(fd, &st) < 0)
                r = diag_set_errno(&diag, -errno, "%s", path);
        else
                r = judge(walk->rules, path, &st, is_file, &diag);

        if (walk->fn && r == 0)
                (void)diag_set(&diag, 0, "%s: %s, mode %04o", path, owner_name(st.st_uid, buf),
                               (unsigned)(st.st_mode & 07777));
        if (walk->fn)
                walk->fn(walk->data, r == 0, diag.text);
        if (r < 0 && walk->r == 0)
                walk->r = diag_set(walk->diag, r, "%s", diag.text);
        return walk->fn ? r == 0 || S_ISDIR(st.st_mode) : r == 0;
}

/* The path cannot be followed any further. */
static void break_off(struct walk *walk, int r, const char *path)
{
        struct diag diag = DIAG_INIT;

        (void)diag_set_errno(&diag, r, "%s", path);
        if (walk->fn)
                walk->fn(walk->data, false, diag.text);
        if (walk->r == 0)
                walk->r = diag_set(walk->diag, r, "%s", diag.text);
}

/* Opens and visits one element after the other.  path is taken apart and put together again in
 * place: at each step it ends, for the sentence, after the element in question. */
static void walk_path(struct walk *walk, char *path)
{
        CLEANUP_CLOSE int dir_fd = -1;
        char *name = path + 1;

        /* O_PATH: looks without opening, so a FIFO does not hang and a folder that may be passed
         * but not listed is no obstacle; with O_NOFOLLOW it even opens a symbolic link itself. */
        dir_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0) {
                break_off(walk, -errno, "/");
                return;
        }
        if (!visit(walk, dir_fd, "/", false))
                return;

        while (name) {
                char *slash = strchr(name, '/');
                int fd;

                if (slash)
                        *slash = '\0';
                fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0) {
                        break_off(walk, -errno, path);
                        return;
                }
                (void)close(dir_fd); /* O_PATH: nothing to lose */
                dir_fd = fd;
                if (!visit(walk, dir_fd, path, !slash))
                        return;
                if (slash)
                        *slash = '/';
                name = slash ? slash + 1 : NULL;
        }
}

/* An absolute path of plain names: what ".." means depends on the folder before it, and an empty
 * name is more likely a mistake in a configuration than a wish. */
static int check_path(const char *path, struct diag *diag)
{
        const char *p = path;

        if (path[0] != '/')
                return diag_set(diag, -EINVAL, "%s: not an absolute path", path);
        if (strlen(path) >= PATH_MAX)
                return diag_set(diag, -ENAMETOOLONG, "path of %zu bytes: too long", strlen(path));
        while (*p) {
                size_t length = strcspn(++p, "/");

                if (length == 0 || (length == 1 && p[0] == '.') ||
                    (length == 2 && p[0] == '.' && p[1] == '.'))
                        return diag_set(diag, -EINVAL,
                                        "%s: has an element that is empty, \".\" or \"..\"", path);
                p += length;
        }
        return 0;
}

static int run(struct walk *walk, const char *path)
{
        CLEANUP_FREE char *copy = NULL;
        int r;

        assert(path && walk->rules);

        r = check_path(path, walk->diag);
        if (r < 0)
                return r;
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        walk_path(walk, copy);
        return walk->r;
}

int trust_check(const char *path, const struct trust_rules *rules, struct diag *diag)
{
        struct walk walk = { .rules = rules, .diag = diag };

        return run(&walk, path);
}

int trust_report(const char *path, const struct trust_rules *rules, trust_line_fn fn, void *data)
{
        struct diag diag = DIAG_INIT;
        struct walk walk = { .rules = rules, .diag = &diag, .fn = fn, .data = data };
        int r;

        assert(fn);

        r = run(&walk, path);
        if (r < 0 && walk.r == 0) /* the path is none; no element was visited */
                fn(data, false, diag.text[0] ? diag.text : "out of memory");
        return r;
}

int trust_find(const char *folder, const char *name, const struct trust_rules *rules,
               struct diag *diag, char **ret_path)
{
        CLEANUP_FREE char *path = NULL;
        size_t length;
        int r;

        assert(folder && name && ret_path);

        length = strnlen(name, UB_MAX_NAME + 1);
        if (length == 0 || length > UB_MAX_NAME ||
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
                return diag_set(diag, -EINVAL,
                                "\"%.*s\" is not the name of a plugin: expected 1 to %d of the "
                                "characters a-z 0-9 -",
                                UB_MAX_ID, utf8_is_line(name, length) ? name : "?", UB_MAX_NAME);
        if (asprintf(&path, "%s/%s.so", folder, name) < 0) {
                path = NULL; /* asprintf(3) leaves it undefined */
                return -ENOMEM;
        }
        r = trust_check(path, rules, diag);
        if (r < 0)
                return r;
        *ret_path = TAKE_PTR(path);
        return 0;
}
