/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack - see unpack.h
 *
 * Here are the bytes and their limits; entry.c decides what is made of an entry. */
#define _GNU_SOURCE 1
#include "plugins/files/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "plugins/files/entry.h"
#include "plugins/files/feed.h"
#include "plugins/files/scope.h"
#include "plugins/files/tree.h"

enum {
        READ_BYTES = 64 * 1024,
        SPACE_CHECK_BYTES = 16 * 1024 * 1024, /* how much is written between two looks */
        RATIO_FROM_BYTES = 1024 * 1024,       /* a small file of blanks is no bomb */

        /* What may be read for one header.  The first of a zip archive has the directory of all. */
        HEADER_BYTES_MIN = 2 * 1024 * 1024,
        HEADER_BYTES_PER_ENTRY = 256,
};

static void free_archive(struct archive **archive)
{
        (void)archive_read_free(*archive); /* what it has to say was asked for before */
}

static void free_locale(locale_t *locale)
{
        if (*locale)
                freelocale(*locale);
}

/* --------------------------------------------------------------------------------------- limits */

/* Stands behind every byte that is about to be written. */
static int account(struct unpacking *u, uint64_t bytes)
{
        const struct limits *limits = &u->rules->limits;
        uint64_t read_bytes = u->archive ? feed_position(u->feed, u->archive) : 0;
        struct statvfs fs;

        if (u->progress) {
                if (u->progress->cancel)
                        return ub_error_set(u->error, -ECANCELED, "cancelled");
                u->progress->done = u->archive ? read_bytes : u->bytes;
        }
        if (bytes > limits->total_bytes || u->bytes > limits->total_bytes - bytes)
                return ub_error_set(u->error, -EFBIG,
                                    "more than %llu bytes in all (\"totalBytes\")",
                                    (unsigned long long)limits->total_bytes);
        u->bytes += bytes;
        if (u->archive && u->bytes > RATIO_FROM_BYTES && u->bytes / limits->ratio > read_bytes)
                return ub_error_set(u->error, -EFBIG,
                                    "unpacks to more than %llu times its size (\"ratio\"), as "
                                    "an archive bomb does",
                                    (unsigned long long)limits->ratio);
        if (u->bytes < u->next_space_check)
                return 0;
        u->next_space_check = u->bytes + SPACE_CHECK_BYTES;
        if (fstatvfs(u->root_dir_fd, &fs) == 0 &&
            (uint64_t)fs.f_bavail * fs.f_frsize < limits->keep_free_bytes)
                return ub_error_set(u->error, -ENOSPC,
                                    "the file system has less than %llu bytes left "
                                    "(\"keepFreeBytes\")",
                                    (unsigned long long)limits->keep_free_bytes);
        return 0;
}

/* -------------------------------------------------------------------------------------- content */

static int write_at(struct unpacking *u, int fd, const char *data, size_t size, off_t at)
{
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ub_error_set(u->error, -errno, "cannot write: %s", strerror(errno));
                data += n;
                size -= (size_t)n;
                at += n;
        }
        return 0;
}

int unpack_fault(struct unpacking *u, const char *what)
{
        const char *text = archive_error_string(u->archive);
        int code = archive_errno(u->archive);

        return ub_error_set(u->error, code == ENOMEM ? -ENOMEM : -EBADMSG, "%s: %s", what,
                            text ? text : "damaged, or cut off");
}

int unpack_content(struct unpacking *u, int fd)
{
        la_int64_t end = 0;

        for (;;) {
                const void *data;
                size_t size;
                la_int64_t at;
                int r = archive_read_data_block(u->archive, &data, &size, &at);

                if (r == ARCHIVE_EOF)
                        break;
                if (r != ARCHIVE_OK)
                        return unpack_fault(u, "cannot be unpacked");
                if (at < end || at > INT64_MAX - (la_int64_t)size)
                        return ub_error_set(u->error, -EBADMSG, "pieces that overlap");
                /* A hole counts: whoever reads the file gets all of it. */
                r = account(u, (uint64_t)(at - end) + size);
                if (r == 0)
                        r = write_at(u, fd, data, size, at);
                if (r < 0)
                        return r;
                end = at + (la_int64_t)size;
        }
        return 0;
}

int unpack_hole(struct unpacking *u, int fd, int64_t from, int64_t to)
{
        int r;

        if (from >= to)
                return 0;
        r = account(u, (uint64_t)(to - from));
        if (r == 0 && ftruncate(fd, to) < 0)
                r = ub_error_set(u->error, -errno, "cannot write: %s", strerror(errno));
        return r;
}

/* ---------------------------------------------------------------------------------- the archive */

static int support(struct archive *archive)
{
        return archive_read_support_format_tar(archive) == ARCHIVE_OK &&
                               archive_read_support_format_zip(archive) == ARCHIVE_OK &&
                               archive_read_support_format_cpio(archive) == ARCHIVE_OK &&
                               archive_read_support_format_empty(archive) == ARCHIVE_OK &&
                               archive_read_support_format_raw(archive) == ARCHIVE_OK
                       ? 0
                       : -ENOTSUP;
}

static int open_archive(struct unpacking *u, struct archive **ret)
{
        CLEANUP(free_archive) struct archive *archive = archive_read_new();

        if (!archive)
                return ub_error_set(u->error, -ENOMEM, "out of memory");
        if (support(archive) < 0)
                return ub_error_set(u->error, -ENOTSUP,
                                    "libarchive was built without a format that is needed");
        u->archive = archive;
        if (feed_attach(u->feed, archive) != ARCHIVE_OK) {
                int r = unpack_fault(u, "not readable");

                u->archive = NULL;
                return r;
        }
        *ret = TAKE_PTR(archive);
        return 0;
}

/* 1: an entry.  0: the end.  A warning of libarchive is about names that it cannot translate, and
 * entry_make() looks at names by itself. */
static int next_entry(struct unpacking *u, struct archive_entry **ret)
{
        int r = ARCHIVE_OK;

        /* What is left of the entry before: bytes that nobody wants, but no header. */
        if (u->entries > 0)
                r = archive_read_data_skip(u->archive);
        if (r == ARCHIVE_OK || r == ARCHIVE_EOF || r == ARCHIVE_WARN)
                r = feed_next_header(u->feed, u->archive, ret);
        if (r == ARCHIVE_EOF)
                return 0;
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                return unpack_fault(u, "the archive is damaged");
        if (++u->entries > u->rules->limits.entries)
                return ub_error_set(u->error, -EFBIG, "more than %llu entries (\"entries\")",
                                    (unsigned long long)u->rules->limits.entries);
        return 1;
}

static bool is_single(struct archive *archive)
{
        int format = archive_format(archive);

        return format == ARCHIVE_FORMAT_RAW || format == ARCHIVE_FORMAT_EMPTY;
}

/* entry: the first. */
static int unpack_entries(struct unpacking *u, struct archive_entry *entry)
{
        int r;

        r = entry_make_root(u);
        if (r < 0)
                return r;
        r = tree_open_folder(u->dir_fd, u->name, false, 0, &u->root_fd);
        if (r < 0)
                return ub_error_set(u->error, r, "cannot open a folder: %s", strerror(-r));
        do {
                r = entry_make(u, entry);
                if (r == 0)
                        r = next_entry(u, &entry);
        } while (r > 0);
        return r;
}

/* -------------------------------------------------------------------------------- a single file */

static int copy_verbatim(struct unpacking *u, int archive_fd, int fd)
{
        CLEANUP_FREE char *data = malloc(READ_BYTES);
        off_t at = 0;
        ssize_t n;
        int r = 0;

        if (!data)
                return ub_error_set(u->error, -ENOMEM, "out of memory");
        while (r == 0 && (n = pread(archive_fd, data, READ_BYTES, at)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return ub_error_set(u->error, -errno, "cannot read: %s", strerror(errno));
                r = account(u, (uint64_t)n);
                if (r == 0)
                        r = write_at(u, fd, data, (size_t)n, at);
                at += n;
        }
        return r;
}

/* u->archive: NULL, or at an entry without a name. */
static int unpack_single(struct unpacking *u, int archive_fd)
{
        const struct unpack_rules *rules = u->rules;
        CLEANUP_CLOSE int fd = -1;
        int r = 0;

        if (rules->strip > 0)
                return ub_error_set(u->error, -EINVAL, "a single file has no folders to strip");
        fd = openat(u->dir_fd, u->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return ub_error_set(u->error, -errno, "cannot make a file: %s", strerror(errno));
        if (!u->archive)
                r = copy_verbatim(u, archive_fd, fd);
        else if (archive_format(u->archive) == ARCHIVE_FORMAT_RAW)
                r = unpack_content(u, fd);
        if (r < 0)
                return r;
        if (fchown(fd, rules->uid, rules->gid) < 0 ||
            fchmod(fd, rules->has_mode ? rules->mode : 0644) < 0)
                return ub_error_set(u->error, -errno, "cannot set owner and mode: %s",
                                    strerror(errno));
        return 0;
}

/* ------------------------------------------------------------------------------------------ all */

/* u->archive is there only as long as this runs: account() looks at it. */
static int unpack_open(struct unpacking *u, int archive_fd)
{
        struct archive_entry *entry = NULL;
        int r;

        r = next_entry(u, &entry);
        if (r < 0)
                return r;
        if (!is_single(u->archive) && r > 0)
                return unpack_entries(u, entry);
        if (u->rules->must_be_archive)
                return ub_error_set(u->error, -EBADMSG,
                                    "neither a tar, zip nor cpio archive that is not empty");
        if (is_single(u->archive))
                return unpack_single(u, archive_fd);
        return ub_error_set(u->error, -EBADMSG, "an archive without an entry");
}

static int unpack_by_content(struct unpacking *u, int archive_fd)
{
        uint64_t header_max = HEADER_BYTES_MIN + u->rules->limits.entries * HEADER_BYTES_PER_ENTRY;
        CLEANUP(feed_done) struct feed feed = FEED_NONE;
        CLEANUP(free_archive) struct archive *archive = NULL; /* before what it reads from */
        int r;

        r = feed_open(archive_fd, header_max, u->error, &feed);
        if (r < 0)
                return r;
        u->feed = &feed;
        r = open_archive(u, &archive);
        if (r == 0)
                r = unpack_open(u, archive_fd);
        u->archive = NULL;
        u->feed = NULL;
        return r;
}

/* Names are UTF-8 whatever the daemon's locale is; it is changed for this thread and this time. */
static int unpack_in_locale(struct unpacking *u, int archive_fd)
{
        CLEANUP(free_locale) locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        locale_t before;
        int r;

        if (!utf8)
                return unpack_by_content(u, archive_fd);
        before = uselocale(utf8);
        r = unpack_by_content(u, archive_fd);
        (void)uselocale(before);
        return r;
}

int unpack(int archive_fd, int dir_fd, const char *name, const struct unpack_rules *rules,
           struct unpack_progress *progress, struct ub_error *error)
{
        struct unpacking u = {
                .rules = rules, .progress = progress, .error = error,
                .dir_fd = dir_fd, .name = name, .root_dir_fd = dir_fd, .root_fd = -1,
        };
        struct stat st;
        int r;

        if (progress && fstat(archive_fd, &st) == 0)
                progress->total = (uint64_t)st.st_size;
        r = rules->must_be_file ? unpack_single(&u, archive_fd) : unpack_in_locale(&u, archive_fd);
        entry_forget(&u);
        if (u.root_fd >= 0)
                (void)close(u.root_fd); /* scan_write() syncs it */
        if (r < 0)
                (void)tree_remove(dir_fd, name); /* CLEANUP tries again */
        return r;
}
