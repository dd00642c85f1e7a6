/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/util/cleanup.h"

/* Reads up to `size` bytes, less only at the end of the file. */
static ssize_t read_full(int fd, char *buf, size_t size)
{
        size_t length = 0;

        while (length < size) {
                ssize_t n = read(fd, buf + length, size - length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                length += (size_t)n;
        }
        return (ssize_t)length;
}

int file_read_fd(int fd, size_t max_bytes, char **ret, size_t *ret_length)
{
        CLEANUP_FREE char *text = NULL;
        struct stat st;
        size_t room;
        ssize_t n;

        assert(fd >= 0 && ret && max_bytes < SSIZE_MAX - 2);

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > (off_t)max_bytes)
                return -E2BIG;

        /* One byte more than the file claims to have: if that byte is there the file grew
         * meanwhile, and it must not be taken for whole. */
        room = (size_t)st.st_size + 1;
        text = malloc(room + 1);
        if (!text)
                return -ENOMEM;
        n = read_full(fd, text, room);
        if (n < 0)
                return (int)n;
        if ((size_t)n == room)
                return room > max_bytes ? -E2BIG : -EAGAIN;
        text[n] = '\0';

        if (ret_length)
                *ret_length = (size_t)n;
        *ret = TAKE_PTR(text);
        return 0;
}

int file_read_at(int dir_fd, const char *name, size_t max_bytes, char **ret, size_t *ret_length)
{
        CLEANUP_CLOSE int fd = -1;

        /* O_NONBLOCK: a FIFO under this name must not hang the reader. */
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        return file_read_fd(fd, max_bytes, ret, ret_length);
}

int file_write_fd(int fd, const void *data, size_t length)
{
        const char *p = data;

        while (length > 0) {
                ssize_t n = write(fd, p, length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                length -= (size_t)n;
        }
        return 0;
}

int file_replace_at(int dir_fd, const char *name, const void *data, size_t length)
{
        CLEANUP_CLOSE int fd = -1;
        char temporary[NAME_MAX + 1];
        int r;

        if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.new", name) >= sizeof(temporary))
                return -ENAMETOOLONG;

        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = file_write_fd(fd, data, length);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(dir_fd, temporary, 0); /* the old file is untouched; r says why */
                return r;
        }
        return fsync(dir_fd) < 0 ? -errno : 0;
}
