/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/diag.h"

#include <stdio.h>
#include <string.h>

/* A text that does not fit ends in "..." so that nobody takes the cut for the end. */
static void mark_cut(struct diag *diag, int length)
{
        if (length >= DIAG_MAX)
                memcpy(diag->text + DIAG_MAX - 4, "...", 4);
}

int diag_set(struct diag *diag, int r, const char *format, ...)
{
        va_list args;

        if (!diag)
                return r;
        va_start(args, format);
        mark_cut(diag, vsnprintf(diag->text, sizeof(diag->text), format, args));
        va_end(args);
        return r;
}

int diag_set_errno(struct diag *diag, int r, const char *format, ...)
{
        struct diag what;
        va_list args;

        if (!diag)
                return r;
        va_start(args, format);
        (void)vsnprintf(what.text, sizeof(what.text), format, args);
        va_end(args);
        return diag_set(diag, r, "%s: %s", what.text, strerror(-r));
}

int diag_prefix(struct diag *diag, int r, const char *format, ...)
{
        struct diag prefix;
        struct diag rest;
        va_list args;

        if (!diag)
                return r;
        va_start(args, format);
        (void)vsnprintf(prefix.text, sizeof(prefix.text), format, args);
        va_end(args);
        rest = *diag;
        return diag_set(diag, r, "%s: %s", prefix.text, rest.text);
}
