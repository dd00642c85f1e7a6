/* SPDX-License-Identifier: Apache-2.0
 *
 * json - JSON as a tree, and the only wrapper of cJSON in the host
 *
 * Text comes in through json_parse() alone, which has scan.h check it first; so a tree never holds
 * what that refuses, and lookups are exact: keys are compared with their case, and there is one of
 * each.  Text goes out through json_print(), which keeps every integer up to 2^53 - 1 and the value
 * of every other number (cJSON's own printer does not: it rounds to 15 digits).
 *
 * A tree is owned from its root; everything reached from there is borrowed and lives until the root
 * is freed or that part is replaced.  Lookups walk: an object of n members costs n.  Functions that
 * read accept NULL as "not there", so that lookups chain.  No locks: a tree belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/json/scan.h"
#include "host/util/cleanup.h"

struct diag;
struct json;

enum json_type {
        JSON_TYPE_NULL = 1,
        JSON_TYPE_BOOL,
        JSON_TYPE_NUMBER,
        JSON_TYPE_STRING,
        JSON_TYPE_ARRAY,
        JSON_TYPE_OBJECT,
};

enum json_layout {
        JSON_LAYOUT_COMPACT = 1, /* no white space at all */
        JSON_LAYOUT_PRETTY,      /* one value a line, two spaces a level, no newline at the end */
};

#define JSON_INTEGER_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/* As scan_text(); diag and *fault_offset are its. */
int json_parse(const char *text, size_t length, const struct scan_rules *rules,
               size_t *fault_offset, struct diag *diag, struct json **ret);
/* Frees the tree; only for a root.  Returns NULL. */
struct json *json_free(struct json *json);
DEFINE_FREEP(struct json, json);
#define CLEANUP_JSON CLEANUP(json_freep)

/* -------------------------------------------------------------------------------------- reading */

/* 0 for NULL, which no type has. */
enum json_type json_get_type(const struct json *json);
const char *json_type_to_string(enum json_type type); /* "a string", "null"; for messages */

/* NULL unless it is a string. */
const char *json_get_string(const struct json *json);
/* 0; -EINVAL: not a boolean. */
int json_get_bool(const struct json *json, bool *ret);
/* 0; -EINVAL: not a number, or one with a fraction.  -ERANGE: beyond +-JSON_INTEGER_MAX. */
int json_get_integer(const struct json *json, int64_t *ret);
/* 0; -EINVAL: not a number. */
int json_get_number(const struct json *json, double *ret);

/* The member with this key; NULL: there is none, or it is no object. */
const struct json *json_get_member(const struct json *object, const char *key);
/* Members or elements in the order of the text; NULL at the end. */
const struct json *json_get_first(const struct json *container);
const struct json *json_get_next(const struct json *item);
#define JSON_FOREACH(item, container) \
        for (item = json_get_first(container); item; item = json_get_next(item))
size_t json_count(const struct json *container);
/* The key of a member; NULL for an element of an array and for a root. */
const char *json_get_key(const struct json *member);

/* The value at a JSON pointer (RFC 6901); NULL: there is none. */
const struct json *json_locate(const struct json *json, const char *pointer);

/* True when both stand for the same value; the order of members does not count. */
bool json_equal(const struct json *a, const struct json *b);

/* ---------------------------------------------------------------------------------------- building
 * NULL stands for "out of memory" in what goes in and comes out, so that calls nest and only the
 * last result is tested:  r = json_set(object, "id", json_new_string(id)); */

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_null(void);
struct json *json_new_bool(bool value);
struct json *json_new_integer(int64_t value); /* within +-JSON_INTEGER_MAX */
struct json *json_new_string(const char *text); /* UTF-8; copied */
struct json *json_copy(const struct json *json);

/* Adds a member, or puts a value in the place of the one that has this key.  Takes the value, also
 * on failure.  0; -ENOMEM. */
int json_set(struct json *object, const char *key, struct json *take_value);
/* Adds an element at the end.  Takes the value, also on failure.  0; -ENOMEM. */
int json_append(struct json *array, struct json *take_value);
/* Removes and frees a member; without one of this key nothing happens. */
void json_remove(struct json *object, const char *key);
/* Like json_get_member, to be changed. */
struct json *json_edit_member(struct json *object, const char *key);

/* -------------------------------------------------------------------------------------- writing */

/* *ret is the caller's to free.  0; -ENOMEM. */
int json_print(const struct json *json, enum json_layout layout, char **ret);
