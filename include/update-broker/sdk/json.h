/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/json.h - reading and writing JSON text
 *
 * Reading turns a text into a tree of values that knows where each of them stands, so that a wrong
 * one is named in a sentence: `settings.components[2].version: expected a string, got 7`.
 *
 *     r = ub_json_parse(text, "settings", &error, &settings);
 *     r = ub_json_get_string(settings, "folder", &error, &folder);   1 there, 0 not, < 0 wrong
 *     for (c = ub_json_first(components); c; c = ub_json_next(c))
 *             r = ub_json_need_string(c, "id", &error, &id);
 *
 * The getters compare keys exactly, and take null for "not there".  Values and strings live as long
 * as the tree, which is freed by its root.
 *
 * Writing appends to a text that grows; the first fault is kept and every later call does nothing,
 * so only the end is checked:
 *
 *     struct ub_json_writer w = UB_JSON_WRITER_INIT;
 *
 *     ub_json_open_object(&w, NULL);
 *     ub_json_put_string(&w, "id", id);
 *     ub_json_close_object(&w);
 *     r = ub_json_writer_finish(&w, &text); */
#ifndef UPDATE_BROKER_SDK_JSON_H
#define UPDATE_BROKER_SDK_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------------------------------------- reading */

struct ub_json; /* one value of a tree */

enum {
        UB_JSON_NULL = 1,
        UB_JSON_BOOL,
        UB_JSON_NUMBER,
        UB_JSON_STRING,
        UB_JSON_ARRAY,
        UB_JSON_OBJECT
};

/* The largest integer that every JSON reader keeps exactly, 2^53 - 1. */
#define UB_JSON_INT_MAX INT64_C(9007199254740991)

/* Reads a text.  name begins every path in error texts ("settings"), and is copied.  The caller
 * frees *ret with ub_json_free.  -EBADMSG: not JSON, a key twice in one object, or a NUL inside a
 * string.  -E2BIG: over UB_MAX_JSON bytes or UB_MAX_DEPTH levels.  -ENOMEM. */
int ub_json_parse(const char *text, const char *name, struct ub_error *error, struct ub_json **ret);

/* Frees a whole tree; takes NULL and returns NULL. */
struct ub_json *ub_json_free(struct ub_json *root);

/* UB_JSON_* of a value. */
int ub_json_type(const struct ub_json *value);

/* Elements of an array or members of an object, in the order of the text; NULL at the end, and for
 * any other value. */
const struct ub_json *ub_json_first(const struct ub_json *value);
const struct ub_json *ub_json_next(const struct ub_json *value);
size_t ub_json_count(const struct ub_json *value);

/* The key of a member; NULL for an element and for the root. */
const char *ub_json_key(const struct ub_json *value);

/* The text of a string, number, true, false or null; NULL for an array or object. */
const char *ub_json_text(const struct ub_json *value);

/* A member of an object by its key; NULL when it is not there or null, or value is no object. */
const struct ub_json *ub_json_member(const struct ub_json *object, const char *key);

/* The same without regard to upper and lower case of ASCII letters, as some senders need. */
const struct ub_json *ub_json_member_nocase(const struct ub_json *object, const char *key);

/* A member of one type.  1: found.  0: not there or null; *ret is untouched.  -EBADMSG: another
 * type, or an integer outside min..max (which lie within +-UB_JSON_INT_MAX), and error says which
 * and where. */
int ub_json_get_string(const struct ub_json *object, const char *key, struct ub_error *error,
                       const char **ret);
int ub_json_get_int(const struct ub_json *object, const char *key, int64_t min, int64_t max,
                    struct ub_error *error, int64_t *ret);
int ub_json_get_bool(const struct ub_json *object, const char *key, struct ub_error *error,
                     bool *ret);
int ub_json_get_array(const struct ub_json *object, const char *key, struct ub_error *error,
                      const struct ub_json **ret);
int ub_json_get_object(const struct ub_json *object, const char *key, struct ub_error *error,
                       const struct ub_json **ret);

/* A string that must be there and not be empty: 0, or -EBADMSG. */
int ub_json_need_string(const struct ub_json *object, const char *key, struct ub_error *error,
                        const char **ret);

/* A value itself, for the elements of arrays: 0, or -EBADMSG. */
int ub_json_as_string(const struct ub_json *value, struct ub_error *error, const char **ret);
int ub_json_as_object(const struct ub_json *value, struct ub_error *error);

/* Refuses an object with a key that is not in keys, which ends with NULL: 0, or -EBADMSG, for
 * typos. */
int ub_json_only_keys(const struct ub_json *object, const char *const *keys,
                      struct ub_error *error);

/* Sets error to "PATH OF VALUE: TEXT" and returns r: for faults that only the caller knows. */
int ub_json_fault(const struct ub_json *value, struct ub_error *error, int r, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* -------------------------------------------------------------------------------------- writing */

struct ub_json_writer {
        char *text; /* not terminated before ub_json_writer_finish() */
        size_t length;
        size_t size;
        uint64_t arrays; /* bit n: level n is an array */
        int depth;
        int fault; /* the first: -ENOMEM, -E2BIG, or -EINVAL for a call out of place */
};

#define UB_JSON_WRITER_INIT { NULL, 0, 0, 0, 0, 0 }

/* key: NULL for the root and for elements of arrays. */
void ub_json_open_object(struct ub_json_writer *w, const char *key);
void ub_json_close_object(struct ub_json_writer *w);
void ub_json_open_array(struct ub_json_writer *w, const char *key);
void ub_json_close_array(struct ub_json_writer *w);

/* value NULL writes nothing, so that an absent text needs no test.  Bytes that are not UTF-8 become
 * U+FFFD: what a device or a program said can always be reported. */
void ub_json_put_string(struct ub_json_writer *w, const char *key, const char *value);
void ub_json_put_int(struct ub_json_writer *w, const char *key, int64_t value);
void ub_json_put_bool(struct ub_json_writer *w, const char *key, bool value);

/* A text that is JSON already, taken as it is. */
void ub_json_put_json(struct ub_json_writer *w, const char *key, const char *json);

/* Ends the text.  0: the caller frees *ret.  Otherwise the first fault (-EINVAL also when something
 * is still open), and nothing is left to free.  Either way the writer is empty again. */
int ub_json_writer_finish(struct ub_json_writer *w, char **ret);

/* Gives up what was written. */
void ub_json_writer_discard(struct ub_json_writer *w);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_JSON_H */
