/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - is this text? */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True for UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above
 * U+10FFFF.  NUL bytes count as characters; who must not have them looks with strlen(3). */
bool utf8_is_valid(const char *text, size_t length);

/* True for UTF-8 that can be shown within a line: without control characters (C0, DEL, C1),
 * which could forge a second line or talk to a terminal. */
bool utf8_is_line(const char *text, size_t length);
