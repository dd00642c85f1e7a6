/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments - a command line in Go's form, taken apart
 *
 *     -name value   --name value   -name=value   --name=value   -switch   -switch=false
 *
 * One dash or two are the same, as for the programs whose command lines have to go on working.  A
 * switch is true by itself, and takes another value behind "=" only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct diag;
struct setting;

struct argument {
        const struct setting *setting; /* its row */
        char *domain;                  /* NULL, or the domain that the row is for */
        char *name;                    /* as it was written, without dashes */
        const char *value;             /* borrowed from argv */
};

struct arguments {
        struct argument *items; /* in the order of argv */
        size_t n;
};

/* Finds the row of an option; *ret_domain is the caller's to free, and is left alone when the row
 * is for no domain in particular.  1; 0: there is no such option, *ret_nearest may name one.
 * -ENOMEM. */
typedef int (*arguments_find_fn)(const char *name, const struct setting **ret, char **ret_domain,
                                 const char **ret_nearest);

/* argv[0] is left out.  0; -EINVAL: wrong usage, diag says what.  -ENOMEM. */
int arguments_parse(int argc, char *const *argv, arguments_find_fn find, struct diag *diag,
                    struct arguments *ret);
void arguments_done(struct arguments *arguments);
