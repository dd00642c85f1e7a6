/* SPDX-License-Identifier: Apache-2.0
 *
 * journal - one record that is on disk before anything is done that it speaks of
 *
 * Each record replaces the one before.  It is written whole by way of a rename, so that after a
 * power failure the old or the new one is there and never a mixture.  The loop thread hands the
 * text over, the worker's thread writes it; one is written at a time, and the caller decides what
 * may be left out when it has a newer one meanwhile.
 *
 * A damaged file must not keep the daemon down: it is set aside as NAME.bad, reported, and the
 * journal begins empty.
 *
 * The file is one line for the reader of bytes, one text for people:
 *
 *     ub-journal 1 LENGTH CRC\n
 *     TEXT\n
 *
 * LENGTH is that of TEXT in bytes, CRC the CRC-32 (IEEE) of TEXT in eight hexadecimal digits, and
 * nothing follows the last newline.  A reader accepts exactly this.
 *
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/util/cleanup.h"

struct diag;
struct journal;
struct worker;

/* Bytes of a record: two desired states, and what is known of each of their components. */
enum { JOURNAL_RECORD_MAX = 32 * 1024 * 1024, JOURNAL_NAME_MAX = 64 };

/* A record is on disk (r 0), or could not be put there (negative errno). */
typedef void (*journal_written_fn)(void *data, int r);

/* Loads NAME from a folder, or starts empty when there is none.  dir_fd and worker are borrowed;
 * dir_fd outlives the journal.  written and data serve every journal_write().
 * 0; 1: the file was damaged, the journal is empty; diag says what was wrong and where the file is
 * now.
 * -ENOMEM, -EACCES...: the file may be good, but cannot be opened now; diag says why. */
int journal_open(int dir_fd, const char *name, struct worker *worker, journal_written_fn written,
                 void *data, struct diag *diag, struct journal **ret);

/* What was begun is still written, but nobody is told.  Takes NULL. */
struct journal *journal_free(struct journal *journal);
DEFINE_FREEP(struct journal, journal);

/* The record that was loaded; NULL: there was none, or journal_forget() was called. */
const char *journal_get_record(const struct journal *journal, size_t *ret_length);

/* The loaded record has been taken over. */
void journal_forget(struct journal *journal);

/* The loaded record is whole, but its text means nothing to its reader: sets it aside like a
 * damaged file.  reason is for diag, which then says it all. */
void journal_reject(struct journal *journal, const char *reason, struct diag *diag);

/* Writes a record; `written` follows, never before this returns.  Takes text.
 * -EBUSY: one is being written.  -E2BIG, -ENOBUFS, -ENOMEM, -EMFILE: not begun. */
int journal_write(struct journal *journal, char *take_text);
bool journal_is_writing(const struct journal *journal);

/* The bytes of the file, pure.  *ret is the caller's to free. */
int journal_encode(const char *text, size_t length, char **ret, size_t *ret_length);
/* -EBADMSG: diag says what is wrong.  *ret_text points into bytes and is not terminated. */
int journal_decode(const char *bytes, size_t length, struct diag *diag, const char **ret_text,
                   size_t *ret_length);
