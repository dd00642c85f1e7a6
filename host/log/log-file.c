/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/log/log-file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/util/diag.h"
#include "host/util/time.h"

enum {
        STAMP_LENGTH = sizeof("2026-01-31T23-59-59.999") - 1,
        PRUNE_MAX = 4096, /* files looked at; more are left for the next time */
};

struct log_file {
        struct log_file_limits limits;
        char *name;         /* within the folder */
        const char *suffix; /* ".log", or its end; part of name */
        int dir_fd;
        int fd;
        uint64_t bytes;
        bool torn;     /* the last line lacks its end */
        uint64_t lost; /* lines since the last one that was written */
        int lost_why;  /* negative errno of the first of them */
};

struct log_file *log_file_free(struct log_file *file)
{
        if (!file)
                return NULL;
        free(file->name);
        cleanup_close(&file->fd);
        cleanup_close(&file->dir_fd);
        free(file);
        return NULL;
}

/* -------------------------------------------------------------------------------------- opening */

/* mkdir -p */
static int make_dirs(char *path)
{
        char *p;

        for (p = path + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_dir(const char *path, int *ret)
{
        const char *slash = strrchr(path, '/');
        CLEANUP_FREE char *dir = NULL;
        int fd;
        int r;

        if (!slash)
                dir = strdup(".");
        else
                dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!dir)
                return -ENOMEM;
        r = make_dirs(dir);
        if (r < 0)
                return r;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret = fd;
        return 0;
}

/* Opens the current file, new or not, in place of the one that is open. */
static int open_current(struct log_file *file)
{
        CLEANUP_CLOSE int fd = -1;
        struct stat st;

        /* O_NONBLOCK: a FIFO under this name must not hang us. */
        fd = openat(file->dir_fd, file->name,
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        cleanup_close(&file->fd);
        file->fd = TAKE_FD(fd);
        file->bytes = (uint64_t)st.st_size;
        file->torn = false;
        return 0;
}

int log_file_open(const char *path, const struct log_file_limits *limits, struct diag *diag,
                  struct log_file **ret)
{
        CLEANUP(log_file_freep) struct log_file *file = calloc(1, sizeof(*file));
        const char *slash = strrchr(path, '/');
        int r;

        assert(path && limits && limits->bytes_max > 0 && ret);

        if (!file)
                return -ENOMEM;
        file->limits = *limits;
        file->dir_fd = -1;
        file->fd = -1;
        file->name = strdup(slash ? slash + 1 : path);
        if (!file->name)
                return -ENOMEM;
        file->suffix = strrchr(file->name, '.');
        if (!file->suffix)
                file->suffix = file->name + strlen(file->name);
        r = open_dir(path, &file->dir_fd);
        if (r == 0)
                r = open_current(file);
        if (r < 0)
                return diag_set_errno(diag, r, "%s", path);
        *ret = TAKE_PTR(file);
        return 0;
}

/* -------------------------------------------------------------------------------- putting aside */

static size_t stem_length(const struct log_file *file)
{
        return (size_t)(file->suffix - file->name);
}

/* NAME-STAMP.EXT for a moment. */
static int format_aside(const struct log_file *file, uint64_t usec, char *buf, size_t size)
{
        time_t sec = (time_t)(usec / USEC_PER_SEC);
        char stamp[STAMP_LENGTH + 1];
        struct tm tm;
        int n;

        if (!localtime_r(&sec, &tm) ||
            strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H-%M-%S", &tm) == 0)
                return -EOVERFLOW;
        n = snprintf(buf, size, "%.*s-%s.%03u%s", (int)stem_length(file), file->name, stamp,
                     (unsigned)(usec / USEC_PER_MSEC % 1000), file->suffix);
        return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Is this the name of a file that was put aside, compressed or not?  Then also from when. */
static bool parse_aside(const struct log_file *file, const char *name, time_t *ret)
{
        size_t stem = stem_length(file);
        struct tm tm = { .tm_isdst = -1 };
        const char *end;

        if (strncmp(name, file->name, stem) != 0 || name[stem] != '-' ||
            strlen(name) < stem + 1 + STAMP_LENGTH)
                return false;
        end = strptime(name + stem + 1, "%Y-%m-%dT%H-%M-%S", &tm);
        if (!end || end[0] != '.' || strspn(end + 1, "0123456789") != 3)
                return false;
        end += 4;
        if (strncmp(end, file->suffix, strlen(file->suffix)) != 0)
                return false;
        end += strlen(file->suffix);
        if (*end && strcmp(end, ".gz") != 0)
                return false;
        *ret = mktime(&tm);
        return *ret != (time_t)-1;
}

struct aside {
        char name[NAME_MAX + 1];
        time_t time;
};

/* Newest first: the stamps sort as texts. */
static int compare_asides(const void *a, const void *b)
{
        const struct aside *x = a;
        const struct aside *y = b;

        return strcmp(y->name, x->name);
}

static size_t list_asides(const struct log_file *file, struct aside **ret)
{
        CLEANUP_CLOSEDIR DIR *dir = NULL;
        struct aside *asides = NULL;
        const struct dirent *entry;
        size_t n = 0;
        int fd;

        *ret = NULL;
        fd = openat(file->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                cleanup_close(&fd);
                return 0;
        }
        while (n < PRUNE_MAX && (entry = readdir(dir))) {
                struct aside *more;
                time_t when;

                if (!parse_aside(file, entry->d_name, &when))
                        continue;
                more = reallocarray(asides, n + 1, sizeof(*asides));
                if (!more)
                        break;
                asides = more;
                asides[n].time = when;
                (void)snprintf(asides[n++].name, sizeof(asides->name), "%s", entry->d_name);
        }
        *ret = asides;
        return n;
}

/* Best effort: a file that cannot be removed is looked at again after the next one. */
static void prune(const struct log_file *file, uint64_t now_usec)
{
        int64_t now = (int64_t)(now_usec / USEC_PER_SEC);
        int64_t age_max = (int64_t)file->limits.age_max_days * 24 * 60 * 60;
        CLEANUP_FREE struct aside *asides = NULL;
        size_t n;
        size_t i;

        n = list_asides(file, &asides);
        if (n > 1)
                qsort(asides, n, sizeof(*asides), compare_asides);
        for (i = 0; i < n; i++) {
                bool too_many = file->limits.files_max && i >= file->limits.files_max;
                bool too_old = age_max && now - (int64_t)asides[i].time > age_max;

                if (too_many || too_old)
                        (void)unlinkat(file->dir_fd, asides[i].name, 0);
        }
}

/* Renames without replacing; where the file system cannot promise that, by looking first. */
static int rename_to_free_name(const struct log_file *file, const char *name)
{
        if (renameat2(file->dir_fd, file->name, file->dir_fd, name, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL)
                return -errno;
        if (faccessat(file->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return -EEXIST;
        return renameat(file->dir_fd, file->name, file->dir_fd, name) < 0 ? -errno : 0;
}

/* Gives the current file the first name from now on that is free. */
static int put_aside(const struct log_file *file, uint64_t now_usec)
{
        char name[NAME_MAX + 1];
        int r = -EEXIST;
        uint64_t tries;

        for (tries = 0; tries < 100 && r == -EEXIST; tries++) {
                r = format_aside(file, now_usec + tries * USEC_PER_MSEC, name, sizeof(name));
                if (r == 0)
                        r = rename_to_free_name(file, name);
        }
        return r == -ENOENT ? 0 : r; /* somebody else has moved it */
}

static int rotate(struct log_file *file, uint64_t now_usec)
{
        int r;

        r = put_aside(file, now_usec);
        if (r == 0)
                r = open_current(file);
        if (r == 0)
                prune(file, now_usec);
        return r;
}

/* -------------------------------------------------------------------------------------- writing */

static int append(struct log_file *file, const char *text, size_t length)
{
        ssize_t n;

        do
                n = write(file->fd, text, length);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        file->bytes += (uint64_t)n;
        if ((size_t)n == length)
                return 0;
        file->torn = true;
        return -ENOSPC; /* what a regular file cuts a write short for */
}

/* First what has to stand in front of the line. */
static int append_line(struct log_file *file, const char *line, size_t length)
{
        char text[160];
        int r;

        if (file->torn) {
                r = append(file, "\n", 1);
                if (r < 0)
                        return r;
                file->torn = false;
        }
        if (file->lost) {
                (void)snprintf(text, sizeof(text), "-- %llu lines could not be written: %s --\n",
                               (unsigned long long)file->lost, strerror(-file->lost_why));
                r = append(file, text, strlen(text));
                if (r < 0)
                        return r;
                file->lost = 0;
        }
        return append(file, line, length);
}

void log_file_write(struct log_file *file, uint64_t now_usec, const char *line, size_t length)
{
        uint64_t bytes_max = file->limits.bytes_max;
        int r = 0;

        if (file->bytes > 0 && file->bytes + length > bytes_max)
                r = rotate(file, now_usec);

        /* A folder that cannot be written to is no reason to be silent at once, nor to fill the
         * disk. */
        if (r == 0 || file->bytes + length <= 2 * bytes_max)
                r = append_line(file, line, length);
        if (r == 0)
                return;
        if (file->lost++ == 0)
                file->lost_why = r;
}
