/* SPDX-License-Identifier: Apache-2.0
 *
 * transcript - the lines that a life (life.h) leaves behind, and whether two of them tell the
 * same */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct diag;

struct transcript {
        char *text;   /* owned; the lines below are cut out of it in place */
        char **lines; /* owned array of pointers into text */
        size_t n_lines;
        size_t n_problems;
};

/* Takes the text over, also on failure.  -ENOMEM. */
int transcript_parse(char *take_text, struct transcript *ret);
void transcript_done(struct transcript *transcript);

/* Compares requests, answers and problems; remarks and progress may differ.
 * true: the same.  false: diag names the first line that differs. */
bool transcript_equal(const struct transcript *a, const struct transcript *b, struct diag *diag);
