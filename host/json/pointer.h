/* SPDX-License-Identifier: Apache-2.0
 *
 * pointer - JSON pointers (RFC 6901): built while walking down a text, taken apart, and shown to
 * people
 *
 * Part of the scanner's library: no cJSON here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/util/cleanup.h"

/* A pointer that grows and shrinks with the walk; owns its text. */
struct pointer {
        char *text; /* always terminated; NULL only before the first push, see pointer_text() */
        size_t length;
        size_t size;
};

#define POINTER_INIT { .text = NULL }
#define CLEANUP_POINTER CLEANUP(pointer_done)

void pointer_done(struct pointer *pointer);
const char *pointer_text(const struct pointer *pointer);

/* Goes down one level.  0; -ENOMEM.  The way back is pointer_cut() with the length of before. */
int pointer_push_key(struct pointer *pointer, const char *key);
int pointer_push_index(struct pointer *pointer, size_t index);
void pointer_cut(struct pointer *pointer, size_t length);

bool pointer_is_valid(const char *text);
/* Takes the first token off a valid pointer that is not "": writes it, unescaped, to ret_token,
 * which has room for the whole pointer, and returns what is left. */
const char *pointer_next(const char *text, char *ret_token);
/* True for a token, which ends at a NUL or a slash, that can be an index: "0", or digits without a
 * leading 0. */
bool pointer_to_index(const char *token, size_t *ret);

/* As people write it: "/settings/topics/0" is settings.topics[0], and "" is "".  Keys that are not
 * plain words are quoted.  The caller's to free; NULL: out of memory, or not a pointer. */
char *pointer_to_path(const char *text);
