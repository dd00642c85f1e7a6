/* SPDX-License-Identifier: Apache-2.0
 *
 * place - where in a JSON text a reader is, so that every fault is reported with its path
 *
 * Places are linked from the inside out and live on the stack of the reader that walks down:
 * `domains[0].components[2].config[1].value: expected a string, not a number`.
 *
 * The take_ functions are the readers' common ground, and as liberal as the field requires: keys
 * are compared without regard to case (Kanto is written in Go, whose decoder does that), the last
 * of several spellings counts, and null stands for "not there". */
#pragma once

#include <stddef.h>

#include "host/json/json.h"

struct diag;

/* Limits of what is read; beyond them a text is refused with -E2BIG. */
enum {
        PLACE_ID_MAX = 64,    /* activity, domain, title of a baseline: as in the plugin ABI */
        PLACE_NAME_MAX = 256, /* component, version, key, node */
        PLACE_TEXT_MAX = 64 * 1024,   /* a message, a value */
        PLACE_JSON_MAX = 1024 * 1024, /* a payload */
        PLACE_JSON_DEPTH_MAX = 64,
        PLACE_ENVELOPE_MAX = 4096, /* what may stand around a payload */
};

struct place {
        const struct place *parent; /* NULL: the outermost */
        const char *key;            /* NULL: an element of an array */
        size_t index;
};

/* Sets "PATH: what" in diag and returns r. */
int place_fault(const struct place *at, struct diag *diag, int r, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The member with this key; NULL: absent or null. */
const struct json *place_member(const struct json *object, const char *key);

/* The object itself, checked: -EBADMSG when it is something else. */
int place_check_object(const struct place *at, const struct json *json, struct diag *diag);

/* A copy of a string member, "" when it is absent.  -EBADMSG: not a string.  -E2BIG: longer than
 * max. */
int place_take_text(const struct place *at, const struct json *object, const char *key, size_t max,
                    struct diag *diag, char **ret);
/* The same for a member that must be there and not be empty. */
int place_take_name(const struct place *at, const struct json *object, const char *key, size_t max,
                    struct diag *diag, char **ret);

/* An array member and the number of its elements; NULL and 0 when it is absent. */
int place_take_array(const struct place *at, const struct json *object, const char *key, size_t max,
                     struct diag *diag, const struct json **ret, size_t *ret_count);

/* Reads one element of an array into zeroed memory.  What it has allocated when it fails is freed
 * by whoever owns the array. */
typedef int (*place_read_fn)(const struct place *at, const struct json *json, struct diag *diag,
                             void *element);
struct place_array {
        const char *key;
        size_t max;  /* elements */
        size_t size; /* of one element in memory */
        place_read_fn read;
};

/* Reads an array member into a new array.  Elements that are null are left out.  The count grows
 * with each element that is begun, so that after a failure, too, *ret_array holds what is to be
 * freed. */
int place_take_elements(const struct place *at, const struct json *object,
                        const struct place_array *array, struct diag *diag, void **ret_array,
                        size_t *ret_count);

/* A copy of all members whose keys are not in the list, or NULL when there are none. */
int place_take_others(const struct json *object, const char *const *known, struct json **ret);

/* Building: like json_set(), but leaves out an empty string or array, as Go's "omitempty" does. */
int place_put_text(struct json *object, const char *key, const char *text);
int place_put_array(struct json *object, const char *key, struct json *take_array);
/* Copies the members of others, which may be NULL, behind those that are there. */
int place_put_others(struct json *object, const struct json *others);
