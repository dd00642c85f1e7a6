/* SPDX-License-Identifier: Apache-2.0
 *
 * log-level - how much is logged, and the words for it
 *
 * On the ground floor because the configuration reads the word and the log obeys it, and those two
 * do not know each other. */
#pragma once

enum log_level {
        LOG_LEVEL_ERROR = 1,
        LOG_LEVEL_WARN,
        LOG_LEVEL_INFO,
        LOG_LEVEL_DEBUG,
        LOG_LEVEL_TRACE,
};

/* "ERROR", "WARN", "INFO", "DEBUG", "TRACE" */
const char *log_level_to_string(enum log_level level);
/* In any case of letters.  0; -EINVAL: no such word. */
int log_level_from_string(const char *word, enum log_level *ret);
