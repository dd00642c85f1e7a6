/* SPDX-License-Identifier: Apache-2.0
 *
 * diag - the text of a failure, for people
 *
 * A function that can fail for a reason that somebody will read takes a `struct diag *` (NULL when
 * nobody will) and returns `diag_set(diag, -EBADMSG, "...")`.  Each layer on the way up may put
 * what it knows in front with diag_prefix(), so that the whole reads like a path:
 * `/etc/.../50-x.conf:7:3: settings.reboot: expected a string`. */
#pragma once

#include <stdarg.h>

enum { DIAG_MAX = 1024 };

struct diag {
        char text[DIAG_MAX]; /* always terminated; cut with "..." when too long */
};

#define DIAG_INIT { .text = "" }

/* Sets the text and returns r, a negative errno.  diag may be NULL. */
int diag_set(struct diag *diag, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Like diag_set with ": " and the error's own text (strerror) appended. */
int diag_set_errno(struct diag *diag, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " in front of the text and returns r. */
int diag_prefix(struct diag *diag, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
