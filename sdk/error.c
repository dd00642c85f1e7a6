/* SPDX-License-Identifier: Apache-2.0
 *
 * error - see <update-broker/sdk/error.h> */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <update-broker/sdk/error.h>

#include "sdk/text.h"

static void format_text(char *text, size_t size, const char *format, va_list args)
        __attribute__((format(printf, 3, 0)));

/* One byte beyond UB_ERROR_MAX tells ub_text_cut() that something was lost. */
static void format_text(char *text, size_t size, const char *format, va_list args)
{
        if (vsnprintf(text, size, format, args) < 0)
                text[0] = '\0';
        ub_text_cut(text, UB_ERROR_MAX - 1);
        ub_text_make_valid(text);
}

int ub_error_set(struct ub_error *error, int r, const char *format, ...)
{
        char text[UB_ERROR_MAX + 1];
        va_list args;

        if (!error)
                return r;
        va_start(args, format);
        format_text(text, sizeof(text), format,
                    args); /* the arguments may point into the old text */
        va_end(args);
        memcpy(error->text, text, UB_ERROR_MAX);
        return r;
}

int ub_error_prefix(struct ub_error *error, int r, const char *format, ...)
{
        char prefix[UB_ERROR_MAX + 1];
        char old[UB_ERROR_MAX];
        va_list args;

        if (!error)
                return r;
        va_start(args, format);
        format_text(prefix, sizeof(prefix), format, args);
        va_end(args);
        memcpy(old, error->text, sizeof(old));
        return ub_error_set(error, r, "%s: %s", prefix, old);
}
