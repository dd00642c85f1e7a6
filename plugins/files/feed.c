/* SPDX-License-Identifier: Apache-2.0
 *
 * feed - see feed.h */
#include "plugins/files/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 * 1024 };

/* ------------------------------------------------------------------------------ as it is packed */

/* ARCHIVE_WARN: libarchive would run a program to unpack, which is not for a guest. */
static int support(struct archive *inner)
{
        static int (*const filters[])(struct archive *) = {
                archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                archive_read_support_filter_xz,   archive_read_support_filter_lzma,
                archive_read_support_filter_zstd,
        };
        size_t i;

        for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
                if (filters[i](inner) != ARCHIVE_OK)
                        return -ENOTSUP;
        return archive_read_support_format_raw(inner) == ARCHIVE_OK &&
                               archive_read_support_format_empty(inner) == ARCHIVE_OK
                       ? 0
                       : -ENOTSUP;
}

static int open_inner(struct feed *feed, struct ub_error *error)
{
        struct archive_entry *entry;
        int r;

        feed->inner = archive_read_new();
        if (!feed->inner)
                return ub_error_set(error, -ENOMEM, "out of memory");
        if (support(feed->inner) < 0)
                return ub_error_set(error, -ENOTSUP,
                                    "libarchive was built without a format that is needed");
        r = archive_read_open_fd(feed->inner, feed->fd, BLOCK_BYTES);
        if (r == ARCHIVE_OK && archive_filter_count(feed->inner) > 1)
                r = archive_read_next_header(feed->inner, &entry);
        if (r != ARCHIVE_OK && r != ARCHIVE_EOF) {
                const char *text = archive_error_string(feed->inner);

                return ub_error_set(error,
                                    archive_errno(feed->inner) == ENOMEM ? -ENOMEM : -EBADMSG,
                                    "not readable: %s", text ? text : "damaged, or cut off");
        }
        return 0;
}

int feed_open(int fd, uint64_t header_max, struct ub_error *error, struct feed *ret)
{
        struct feed feed = { .fd = fd, .header_max = header_max };
        int r = 0;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return ub_error_set(error, -errno, "cannot read: %s", strerror(errno));
        r = open_inner(&feed, error);
        if (r == 0 && archive_filter_count(feed.inner) == 1) {
                (void)archive_read_free(feed.inner); /* nothing was packed: read directly */
                feed.inner = NULL;
                feed.block = malloc(BLOCK_BYTES);
                if (!feed.block)
                        r = ub_error_set(error, -ENOMEM, "out of memory");
                else if (lseek(fd, 0, SEEK_SET) < 0)
                        r = ub_error_set(error, -errno, "cannot read: %s", strerror(errno));
        }
        if (r < 0) {
                feed_done(&feed);
                return r;
        }
        *ret = feed;
        return 0;
}

void feed_done(struct feed *feed)
{
        if (feed->inner)
                (void)archive_read_free(feed->inner); /* its errors were asked for before */
        free(feed->block);
        *feed = FEED_NONE;
}

/* -------------------------------------------------------------------------------- as it is read */

static la_ssize_t read_packed(struct feed *feed, struct archive *archive, const void **ret)
{
        la_int64_t at;
        size_t size;
        int r;

        do
                r = archive_read_data_block(feed->inner, ret, &size, &at);
        while (r == ARCHIVE_OK && size == 0);
        if (r == ARCHIVE_EOF)
                return 0;
        if (r == ARCHIVE_OK)
                return (la_ssize_t)size;
        archive_set_error(archive, archive_errno(feed->inner), "%s",
                          archive_error_string(feed->inner) ? archive_error_string(feed->inner)
                                                            : "damaged, or cut off");
        return -1;
}

static la_ssize_t read_plain(struct feed *feed, struct archive *archive, const void **ret)
{
        ssize_t n;

        do
                n = read(feed->fd, feed->block, BLOCK_BYTES);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                archive_set_error(archive, errno, "cannot read: %s", strerror(errno));
        *ret = feed->block;
        return n;
}

static la_ssize_t on_read(struct archive *archive, void *data, const void **ret)
{
        struct feed *feed = data;
        la_ssize_t n = feed->inner ? read_packed(feed, archive, ret)
                                   : read_plain(feed, archive, ret);

        if (n <= 0 || !feed->in_header)
                return n;
        feed->header_bytes += (uint64_t)n;
        if (feed->header_bytes <= feed->header_max)
                return n;
        archive_set_error(archive, EFBIG, "the header of an entry is longer than %ju bytes",
                          (uintmax_t)feed->header_max); /* its own printf, without %llu */
        return -1;
}

static la_int64_t on_seek(struct archive *archive, void *data, la_int64_t at, int whence)
{
        struct feed *feed = data;
        off_t now = lseek(feed->fd, at, whence);

        if (now >= 0)
                return now;
        archive_set_error(archive, errno, "cannot read: %s", strerror(errno));
        return ARCHIVE_FATAL;
}

int feed_attach(struct feed *feed, struct archive *archive)
{
        int r;

        r = archive_read_set_read_callback(archive, on_read);
        if (r == ARCHIVE_OK && !feed->inner) /* the directory of a zip archive is at its end */
                r = archive_read_set_seek_callback(archive, on_seek);
        if (r == ARCHIVE_OK)
                r = archive_read_set_callback_data(archive, feed);
        return r == ARCHIVE_OK ? archive_read_open1(archive) : r;
}

int feed_next_header(struct feed *feed, struct archive *archive, struct archive_entry **ret)
{
        int r;

        feed->in_header = true;
        feed->header_bytes = 0;
        r = archive_read_next_header(archive, ret);
        feed->in_header = false;
        return r;
}

uint64_t feed_position(const struct feed *feed, struct archive *archive)
{
        return (uint64_t)archive_filter_bytes(feed->inner ? feed->inner : archive, -1);
}
