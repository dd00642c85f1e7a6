/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - is this text?  And which characters is it made of?
 *
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX = 4 }; /* bytes of the longest character */

/* Decodes the first character.  Returns the number of its bytes, or 0 when they are not UTF-8 or
 * there are none. */
size_t utf8_decode(const char *text, size_t length, uint32_t *ret);

/* Writes a character, which utf8_decode() would accept, and returns the number of its bytes. */
size_t utf8_encode(uint32_t code, char ret[static UTF8_MAX]);

/* True when all of it decodes.  NUL bytes count as characters; who must not have them looks with
 * strlen(3). */
bool utf8_is_valid(const char *text, size_t length);

/* True for UTF-8 that can be shown within a line: without control characters (C0, DEL, C1), which
 * could forge a second line or talk to a terminal. */
bool utf8_is_line(const char *text, size_t length);

/* Makes such a line of any text, in place: control characters become blanks, and none are left at
 * the end; bytes that are not UTF-8 become "?". */
void utf8_make_line(char *text);
