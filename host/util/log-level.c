/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/log-level.h"

#include <errno.h>
#include <strings.h>

const char *log_level_to_string(enum log_level level)
{
        switch (level) {
        case LOG_LEVEL_ERROR:
                return "ERROR";
        case LOG_LEVEL_WARN:
                return "WARN";
        case LOG_LEVEL_INFO:
                return "INFO";
        case LOG_LEVEL_DEBUG:
                return "DEBUG";
        case LOG_LEVEL_TRACE:
                return "TRACE";
        }
        return "?";
}

int log_level_from_string(const char *word, enum log_level *ret)
{
        enum log_level level;

        for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_TRACE; level++) {
                if (strcasecmp(word, log_level_to_string(level)) == 0) {
                        *ret = level;
                        return 0;
                }
        }
        return -EINVAL;
}
