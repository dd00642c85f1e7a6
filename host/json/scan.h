/* SPDX-License-Identifier: Apache-2.0
 *
 * scan - JSON text checked and searched where it lies, without making a tree of it
 *
 * The gate for every JSON text that comes from outside.  What scan_text() accepts is a text by RFC
 * 8259 and, beyond that, one that no two readers can take differently:
 *
 *   - valid UTF-8 without a byte order mark, no NUL and no \u0000, no half of a surrogate pair;
 *   - no key twice in one object, "a" and "\u0061" being the same key;
 *   - numbers of at most SCAN_NUMBER_MAX characters and below 1e308, so that they fit a double.
 *
 * The rest of the functions take a text that scan_text() has accepted, and lean on it.
 *
 * Cost: linear, but for the sorting of the keys of each object, O(n log n).  The keys of the
 * objects that are open at a time are remembered by their offset: the first 128 on the stack, more
 * of them on the heap, which with sorting takes at most three bytes per byte of the text.
 *
 * Depends on host/util only: ub-agent-host links it without cJSON.  Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct diag;

enum {
        SCAN_NUMBER_MAX = 60,
        SCAN_DEPTH_MAX = 128,               /* the most that a rule may allow */
        SCAN_BYTES_MAX = 64 * 1024 * 1024,  /* likewise */
};

struct scan_rules {
        size_t max_bytes;
        unsigned max_depth; /* levels of objects and arrays; a scalar has none */
        bool object;        /* the text must be an object */
        /* Refuse integers beyond +-(2^53 - 1): readers that keep numbers as double would change
         * them.  The message advises a string. */
        bool exact_integers;
};

/* Checks a text, which need not be NUL-terminated.  On a fault diag says what is wrong, without the
 * position, and *fault_offset (may be NULL) is the byte where it is wrong; a duplicate key is found
 * when its object ends.
 * 0; -EBADMSG: not such a text.  -E2BIG: over a limit.  -ENOMEM: *fault_offset is untouched. */
int scan_text(const char *text, size_t length, const struct scan_rules *rules, size_t *fault_offset,
              struct diag *diag);

/* Where a byte stands, for people: lines and characters (not bytes) counted from 1. */
struct scan_position {
        unsigned line;
        unsigned column;
};
struct scan_position scan_position(const char *text, size_t length, size_t offset);

/* Finds the value at a JSON pointer (RFC 6901; "" is the whole text's value).
 * 0; -ENOENT: there is none.  -EINVAL: not a pointer, or not UTF-8. */
int scan_locate(const char *text, size_t length, const char *pointer, size_t *ret_offset,
                size_t *ret_length);

/* The same for the key in front of that value, quotes included; for an element of an array, and for
 * "", the value itself. */
int scan_locate_key(const char *text, size_t length, const char *pointer, size_t *ret_offset,
                    size_t *ret_length);

/* Copies a value out, as scan_locate() found it: a string decoded, anything else as it stands in
 * the text.  Returns the length; when that is >= size, nothing was copied.  What is copied ends in
 * a NUL. */
int scan_copy(const char *value, size_t length, char *buf, size_t size);
