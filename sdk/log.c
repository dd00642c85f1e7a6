/* SPDX-License-Identifier: Apache-2.0
 *
 * log - formatting of log lines; see <update-broker/sdk/log.h> */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <update-broker/sdk/log.h>

#include "sdk/text.h"

void ub_log_at_v(const struct ub_host *host, int level, const char *file, int line,
                 const char *func, const char *format, va_list args)
{
        char text[UB_MAX_LOG + 2]; /* one more than allowed: ub_text_cut() sees the excess */
        const struct ub_log record = {
                .size = sizeof(record),
                .level = level,
                .line = line,
                .file = file,
                .func = func,
                .text = text,
        };
        int saved_errno = errno;
        size_t length;

        if (vsnprintf(text, sizeof(text), format, args) < 0)
                (void)snprintf(text, sizeof(text), "(unprintable: %s)", format);
        ub_text_cut(text, UB_MAX_LOG);
        ub_text_make_valid(text);

        for (length = strlen(text); length > 0 && text[length - 1] == '\n'; length--)
                text[length - 1] = '\0';

        host->log(host->ctx, &record);
        errno = saved_errno;
}

void ub_log_at(const struct ub_host *host, int level, const char *file, int line, const char *func,
               const char *format, ...)
{
        va_list args;

        va_start(args, format);
        ub_log_at_v(host, level, file, line, func, format, args);
        va_end(args);
}
