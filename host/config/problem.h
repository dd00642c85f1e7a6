/* SPDX-License-Identifier: Apache-2.0
 *
 * problem - what is wrong with a configuration, and where
 *
 * Kept in parts, because a person reads them as one line and a machine as an object.  Errors
 * disable something; warnings do not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/json/scan.h"

struct diag;

struct problem {
        bool error;                 /* else a warning */
        char *id;                   /* of the registration; NULL: of none */
        char *file;                 /* path of a file or folder */
        struct scan_position at;    /* line 0: the file as a whole */
        char *path;                 /* as pointer_to_path(); "": no value in particular */
        char *text;
};

struct problems {
        struct problem *items; /* in the order of discovery */
        size_t n;
        size_t n_errors;
};

/* Adds a copy.  pointer is a JSON pointer or NULL.  0; -ENOMEM. */
int problems_add(struct problems *problems, const struct problem *problem, const char *pointer);
void problems_done(struct problems *problems);

/* "file:line:column: json.path: text"; parts that there are not are left out. */
void problem_format(const struct problem *problem, struct diag *ret);
