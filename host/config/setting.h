/* SPDX-License-Identifier: Apache-2.0
 *
 * setting - one row of a table of settings, and the types that a row can have
 *
 * A row says where one setting comes from (its key in the file, its environment variable, its
 * option), what it may be, what it is when nobody says anything, and where it is kept.  One loop
 * per source then does for all rows; what is read, printed and compared differs by type only, and a
 * type is a row of functions.
 *
 * A default is a text that is read like any other, so there is no second way to set a value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/json/scan.h"

struct diag;
struct json;
struct setting;

enum {
        SETTING_TEXT_MAX = 1024, /* bytes of a text; also of each in a list */
        SETTING_WORDS_MAX = 1024, /* texts in a list */
};

/* In order of precedence. */
enum setting_source {
        SETTING_SOURCE_DEFAULT = 0,
        SETTING_SOURCE_FILE,
        SETTING_SOURCE_ENVIRONMENT,
        SETTING_SOURCE_OPTION,
};

struct setting_origin {
        enum setting_source source;
        struct scan_position at; /* SETTING_SOURCE_FILE only */
};

/* What a change of a setting asks for when the configuration is read again. */
enum setting_effect {
        SETTING_EFFECT_LIVE = 0,  /* nothing: it counts from the next use on */
        SETTING_EFFECT_RECONNECT, /* the MQTT connection has to be made anew */
        SETTING_EFFECT_RESTART,   /* only a new process takes it up */
};

/* Functions that set a target leave it untouched on failure: -EINVAL, a value that cannot be;
 * -EBADMSG, JSON of another type; -ENOMEM.  diag says what was expected. */
struct setting_type {
        const char *name; /* what stands behind an option in the help; NULL: nothing has to */
        int (*from_text)(const struct setting *setting, const char *text, void *target,
                         struct diag *diag);
        /* NULL: the reader of the file has a function of its own for this type. */
        int (*from_json)(const struct setting *setting, const struct json *json, void *target,
                         struct diag *diag);
        /* The caller's to free; NULL: out of memory. */
        struct json *(*to_json)(const void *target);
        void (*clear)(void *target);
};

struct setting {
        const char *key;      /* with dots between levels; NULL: not in the file */
        const char *option;   /* without dashes; NULL: none */
        const char *alias;    /* another one for the same */
        const char *variable; /* NULL: none */
        const struct setting_type *type;
        size_t offset;        /* in the struct that the table is about */
        uint64_t min;         /* of a number; of a duration, in microseconds */
        uint64_t max;
        const char *standard; /* the default; NULL: zero, empty, none */
        bool empty_is_zero;   /* of a duration: elsewhere an empty text is the default */
        bool secret;          /* never shown */
        enum setting_effect effect;
        const char *help;
};

/* The target has in C the type that is named here. */
extern const struct setting_type setting_text;     /* char *; NULL is never left */
extern const struct setting_type setting_bool;     /* bool */
extern const struct setting_type setting_number;   /* uint64_t */
extern const struct setting_type setting_duration; /* uint64_t, microseconds */
extern const struct setting_type setting_level;    /* enum log_level */
extern const struct setting_type setting_protocol; /* enum settings_protocol */
extern const struct setting_type setting_steps;    /* unsigned, 1U << enum step */
extern const struct setting_type setting_words;    /* char **; "a,b" */
extern const struct setting_type setting_folders;  /* char **; "a:b", and adds to what is there */
extern const struct setting_type setting_command;  /* char **; in the file only */

/* Lists of texts that end in NULL; NULL is an empty one. */
size_t words_count(char *const *words);
/* Adds a copy.  0; -ENOMEM: nothing has changed.  -EINVAL: too many. */
int words_add(char ***words, const char *word);
void words_free(char **words);
