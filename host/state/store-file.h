/* SPDX-License-Identifier: Apache-2.0
 *
 * store-file - the bytes of ID.state; the format is described in store.h
 *
 * Pure functions, so that the reader can be fuzzed. */
#pragma once

#include <stddef.h>

#include "host/util/values.h"

#define UB_ABI_MINOR_WANTED UB_ABI_MINOR
#include <update-broker/plugin.h>

struct diag;

enum {
        STORE_FILE_HEADER = 24,
        STORE_FILE_RECORD = 8, /* in front of a key */
        /* The smallest record has a key and a value of one byte each. */
        STORE_FILE_MAX = STORE_FILE_HEADER + UB_MAX_STATE + UB_MAX_STATE / 2 * STORE_FILE_RECORD,
};

/* Writes a map down.  *ret is the caller's to free. */
int store_file_write(const struct values *values, char **ret, size_t *ret_length);

/* Reads into an empty map that has the limit UB_MAX_STATE.
 * -EBADMSG: not such a file; diag says why, and the map has any part of it.  -ENOMEM. */
int store_file_read(const char *bytes, size_t length, struct values *values, struct diag *diag);
