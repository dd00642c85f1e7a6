/* SPDX-License-Identifier: Apache-2.0
 *
 * store - the durable state of one agent
 *
 * Keys and values, kept whole in memory (at most UB_MAX_STATE bytes) and written whole to one file
 * by way of a rename, so that after a power failure the file has its old or its new content and
 * never a mixture.  store_put() is seen by store_get() at once and is on disk when a store_sync()
 * that came after it has called back.
 *
 * The loop thread takes a snapshot, the worker's thread writes it.  Syncs that arrive while one is
 * being written share the next one, however many they are, so an agent that syncs after every put
 * costs one write at a time.
 *
 * A damaged file must not keep an agent down for ever - it would also keep away the update that
 * repairs it.  So it is set aside as ID.state.bad, reported, and the agent starts with an empty
 * state.
 *
 * Version 1 of ID.state; all numbers are unsigned, 32 bits, little endian:
 *
 *     offset  0  "ub-state", 8 bytes
 *             8  version of the format: 1
 *            12  number of records
 *            16  length of all records in bytes
 *            20  CRC-32 (IEEE) of bytes 0..19 and of all records
 *            24  records, ordered by the bytes of their keys, no key twice:
 *                    length of the key, 1..UB_MAX_KEY
 *                    length of the value, 1..UB_MAX_STATE_VALUE
 *                    key, UTF-8 without NUL
 *                    value
 *
 * and nothing after the last record.  A reader accepts exactly this.
 *
 * Loop thread only. */
#pragma once

#include <stddef.h>

#include "host/util/values.h"

struct diag;
struct store;
struct worker;

typedef void (*store_done_fn)(void *data, int r);

/* Loads ID.state from a folder, or starts empty when there is none.  dir_fd and worker are borrowed
 * and outlive the store; worker_free() may come before store_free() when all is synced.  id:
 * [a-z0-9-], at most UB_MAX_ID bytes.
 * 0: loaded, or empty because there is no file.
 * 1: the file was damaged; the store is empty; diag says what was wrong and where the file is now.
 * -EINVAL: id.  -ENOMEM, -EMFILE, -EACCES...: the file may be good, but cannot be opened now. */
int store_open(int dir_fd, const char *id, struct worker *worker, struct diag *diag,
               struct store **ret);

/* Takes NULL.  What store_sync() has begun is still written; its callbacks do not come. */
struct store *store_free(struct store *store);

/* As ub_host.state_put: length 0 removes.  -EINVAL: the key is empty or no UTF-8.  -E2BIG:
 * UB_MAX_KEY, UB_MAX_STATE_VALUE or UB_MAX_STATE.  On failure nothing has changed. */
int store_put(struct store *store, const char *key, const void *data, size_t length);

/* 0, or -ENOENT.  Borrowed until the next store_put(). */
int store_get(const struct store *store, const char *key, struct value *ret);

/* All of it.  Borrowed; changes with store_put(). */
const struct values *store_values(const struct store *store);

/* Calls done(0) when all that was put up to now is on disk, or done(-errno) when it could not be
 * written (it is then still in memory, and the next sync tries again).  Never calls it before
 * returning; done() may free the store.
 * -ENOBUFS: the worker has no room, or STORE_SYNCS_MAX are waiting.  -ENOMEM. */
enum { STORE_SYNCS_MAX = 256 };
int store_sync(struct store *store, store_done_fn done, void *data);
