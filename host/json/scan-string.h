/* SPDX-License-Identifier: Apache-2.0
 *
 * scan-string - the characters of a JSON string, whichever way they are written
 *
 * Inside the scanner only.  "a" and "\u0061" are one key, so keys are compared by what this yields
 * and never by their bytes: by scan.c to find a key that stands there twice, by scan-locate.c to
 * find the one that is asked for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A character that stands for itself, in one byte: nearly all are, so they get a short way. */
static inline bool scan_is_ordinary(char c)
{
        return c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The value of four hexadecimal digits, or -1: fewer than four bytes, or not all of them digits. */
int scan_hex4(const char *p, size_t length);

/* The next character of a string that scan_text() has accepted, from just behind its opening quote
 * on; *p moves behind it.  0, which no accepted string contains, at the closing quote and at
 * `end`. */
uint32_t scan_string_next(const char **p, const char *end);
