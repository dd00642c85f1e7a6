/* SPDX-License-Identifier: Apache-2.0
 *
 * log-file - a file that lines are added to, and that is put aside when it is full
 *
 * DIR/NAME.EXT is renamed to DIR/NAME-2026-01-31T23-59-59.999.EXT (local time) when the next line
 * would make it longer than allowed, and a new one is begun.  Of the files put aside the newest are
 * kept, and none that is too old.  The names are those of Kanto's logger, so that a device that
 * changes over has its old files pruned too; those are compressed, ours are not: that would keep
 * the loop thread busy, and a few megabytes are not worth a child process.
 *
 * One line is one write(2), so that a line is whole or, on a full disk, visibly cut.  There is no
 * fsync:  a log must not hold up an update.  What could not be written is counted, and said once it
 * is possible again.
 *
 * Loop thread only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/util/cleanup.h"

struct diag;
struct log_file;

struct log_file_limits {
        uint64_t bytes_max;    /* of one file; at least 1 */
        unsigned files_max;    /* put aside; 0: any number */
        unsigned age_max_days; /* of a file put aside; 0: any age */
};

/* Opens the file, and makes the folder (0755) and the file (0640) when they are not there.
 * Negative errno; diag names the path. */
int log_file_open(const char *path, const struct log_file_limits *limits, struct diag *diag,
                  struct log_file **ret);
struct log_file *log_file_free(struct log_file *file);
DEFINE_FREEP(struct log_file, log_file);

/* Adds a line, which ends in a newline.  now_usec is wall-clock time since 1970; it names the file
 * that is put aside and tells which are too old.  Failures are kept for later, see above. */
void log_file_write(struct log_file *file, uint64_t now_usec, const char *line, size_t length);
