/* SPDX-License-Identifier: Apache-2.0
 *
 * file - whole small files, read with a limit and written so that power loss leaves old or new */
#pragma once

#include <stddef.h>
#include <stdbool.h>

/* Reads a whole regular file.  *ret is NUL-terminated (the NUL is not counted in *ret_length, which
 * may be NULL) and is the caller's to free.
 * -E2BIG: longer than max_bytes.  -EISDIR, -EINVAL: not a regular file.  Else what open(2) and
 * read(2) report. */
int file_read_at(int dir_fd, const char *name, size_t max_bytes, char **ret, size_t *ret_length);

/* The same from an open descriptor, which is borrowed and read from its present position. */
int file_read_fd(int fd, size_t max_bytes, char **ret, size_t *ret_length);

/* Writes all of it, however often write(2) stops short. */
int file_write_fd(int fd, const void *data, size_t length);

/* Replaces NAME in the folder by way of a temporary file, fsync, rename and fsync of the folder:
 * after a power failure the file has its old or its new content.  Mode 0600.  May take as long as
 * the disk does: call it from a worker, not from the loop thread. */
int file_replace_at(int dir_fd, const char *name, const void *data, size_t length);
