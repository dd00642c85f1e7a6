/* SPDX-License-Identifier: Apache-2.0
 *
 * text - bytes that claim to be UTF-8, inside the SDK
 *
 * Not installed.  The names have the public prefix because they meet a vendor's own at link time.
 *
 * What a plugin logs or reports may come from a device or a program and hold any bytes; the host
 * refuses what is not UTF-8, and the line would be lost with the reason in it. */
#pragma once

#include <stddef.h>

/* The length of the character at text (1 to 4), or 0 when the bytes there are not UTF-8.  text is
 * NUL-terminated and not at its end. */
size_t ub_text_character(const char *text);

/* Shortens text to at most max bytes (max >= 4) without splitting a character, ending in "...". */
void ub_text_cut(char *text, size_t max);

/* Replaces each byte that is not part of UTF-8 by '?'. */
void ub_text_make_valid(char *text);
