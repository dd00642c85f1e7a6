/* SPDX-License-Identifier: Apache-2.0
 *
 * values - a small map from text to bytes
 *
 * The durable state of one agent in memory.  Keys are kept sorted by their bytes, found by halving,
 * and come out of values_at() in that order.  Keys and values together never exceed the limit given
 * at construction.  Any one thread at a time. */
#pragma once

#include <stddef.h>

struct values;

/* What lies in the map, borrowed until the next change of it. */
struct value {
        const char *key;
        const void *data; /* followed by a NUL that `length` does not count */
        size_t length;
};

/* max_bytes: of keys and values together, NULs not counted. */
int values_new(size_t max_bytes, struct values **ret);
struct values *values_free(struct values *values);

/* Stores a copy; length 0 removes the key, and that there was none is fine.  On failure nothing has
 * changed.  -E2BIG: over the limit.  -ENOMEM. */
int values_put(struct values *values, const char *key, const void *data, size_t length);

/* 0, or -ENOENT. */
int values_get(const struct values *values, const char *key, struct value *ret);

size_t values_count(const struct values *values);
/* i < values_count() */
struct value values_at(const struct values *values, size_t i);
