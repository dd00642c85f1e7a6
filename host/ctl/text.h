/* SPDX-License-Identifier: Apache-2.0
 *
 * text - what a terminal shows: columns of texts, tables, colours
 *
 * Texts come from agents and from the cloud.  Everything that is printed for people passes
 * text_clean(), so that none of it can talk to the terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A copy in which control characters, and what is not UTF-8, are "?".  NULL is "".  The caller's to
 * free; NULL:  out of memory. */
char *text_clean(const char *text);

/* Columns that a text takes: 2 for the wide characters of East Asia and for emoji, 0 for combining
 * ones.  The rest is 1; there is no more to it, whatever a terminal's own table says. */
size_t text_width(const char *text);

/* Bytes of the beginning that fits into so many columns. */
size_t text_fit(const char *text, size_t columns);

enum text_colour { TEXT_PLAIN = 0, TEXT_BOLD, TEXT_GREEN, TEXT_YELLOW, TEXT_RED };

/* The colour of a status word of an activity, or of the state of an agent. */
enum text_colour text_colour_of(const char *word);

/* Escape sequences; "" unless `colour`. */
const char *text_begin(enum text_colour which, bool colour);
const char *text_end(enum text_colour which, bool colour);

enum { TABLE_COLUMNS_MAX = 8 };

/* A table that is aligned when it is printed.  Running out of memory is remembered until then. */
struct table {
        const char *const *headings; /* ends in NULL */
        size_t n_columns;
        char **cells; /* row by row, clean */
        size_t n_cells;
        size_t size;
        int coloured; /* column whose words have colours, or -1 */
        bool failed;
};

void table_init(struct table *table, const char *const *headings, int coloured);
void table_done(struct table *table);
/* The next cell; text may be NULL. */
void table_add(struct table *table, const char *text);
/* Two blanks between columns, none at the end of a line.  0; -ENOMEM. */
int table_print(const struct table *table, bool colour, FILE *f);
