/* SPDX-License-Identifier: Apache-2.0
 *
 * folder - a temporary folder that goes with its scope, and the way to what the build has made
 *
 *     CLEANUP(folder_done) struct folder folder = folder_new();
 *
 * The including file defines _GNU_SOURCE. */
#pragma once

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
        char path[PATH_MAX / 4];
        int fd;
};

static inline struct folder folder_new(void)
{
        const char *base = getenv("TMPDIR");
        struct folder folder;

        ck_assert_int_lt(snprintf(folder.path, sizeof(folder.path), "%s/ub-test-XXXXXX",
                                  base && *base ? base : "/tmp"), (int)sizeof(folder.path));
        ck_assert_ptr_nonnull(mkdtemp(folder.path));
        folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(folder.fd, 0);
        return folder;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static inline void folder_done(struct folder *folder)
{
        (void)close(folder->fd);
        ck_assert_int_eq(nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void folder_path(const struct folder *folder, const char *name,
                               char path[static PATH_MAX])
{
        ck_assert_int_lt(snprintf(path, PATH_MAX, "%s/%s", folder->path, name), PATH_MAX);
}

/* Writes a file of mode 0644, whatever the umask is. */
static inline void folder_write(const struct folder *folder, const char *name, const char *text)
{
        int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fchmod(fd, 0644), 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        ck_assert_int_eq(close(fd), 0);
}

/* The absolute path of something in the build folder, which `make check` names. */
static inline void built_path(const char *name, char path[static PATH_MAX])
{
        const char *top = getenv("top_builddir");
        char relative[PATH_MAX];

        ck_assert_int_lt(snprintf(relative, sizeof(relative), "%s/%s", top ? top : ".", name),
                         PATH_MAX);
        ck_assert_msg(realpath(relative, path) != NULL, "%s is not built", relative);
}

/* The .so of tests/bad/NAME.c. */
static inline void bad_plugin_path(const char *name, char path[static PATH_MAX])
{
        char relative[256];

        ck_assert_int_lt(snprintf(relative, sizeof(relative), "tests/bad/.libs/%s.so", name),
                         (int)sizeof(relative));
        built_path(relative, path);
}
