/* SPDX-License-Identifier: Apache-2.0
 *
 * log - one line per event, to where the operator looks
 *
 *     log_info(log, &(struct log_about){ .agent = "containers" }, "restarted after %u s", sec);
 *
 * Where it goes:
 *
 *     a file is configured                    that file, put aside when full (log-file.h)
 *     stderr is a stream of the journal       the journal, with AGENT=, DOMAIN=, ACTIVITY= and CODE_*=
 *     the same, but the journal cannot be     stderr, with the <N> in front that sd-daemon(3) describes
 *       spoken to
 *     otherwise                               stderr
 *
 * A line of a file and of stderr has Kanto's form, whose readers exist:
 *
 *     2026/01/31 23:59:59.999999  [update-broker] INFO    text (agent containers, activity A1)
 *
 * A text comes from anywhere, plugins and MQTT included, so it can neither begin a line of its own
 * nor talk to a terminal: control characters become blanks, what is not UTF-8 becomes "?".  The log
 * knows nothing about secrets; whoever has one never passes it here.
 *
 * Nobody can do anything about a log that fails, so writing returns nothing.  stderr and the
 * journal may block when their readers do: that is their choice for all of a system's services.
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/util/cleanup.h"
#include "host/util/log-level.h"

struct diag;
struct log;

enum { LOG_TEXT_MAX = 4096 }; /* bytes; a longer text ends in "..." */

struct log_options {
        enum log_level level;
        const char *file;        /* NULL or "": none */
        uint64_t file_bytes_max; /* the rest as in log-file.h */
        unsigned files_max;
        unsigned age_max_days;
        uint64_t (*now_usec)(void *data); /* wall-clock time since 1970; NULL: CLOCK_REALTIME */
        void *now_data;
};

/* What an event is about; any member may be NULL. */
struct log_about {
        const char *agent;
        const char *domain;
        const char *activity;
};

/* Where in a source an event is logged: ours, or a plugin's. */
struct log_origin {
        const char *file;
        int line;
        const char *function;
};

/* Negative errno when the file cannot be opened; diag names it.  Without a file only -ENOMEM. */
int log_new(const struct log_options *options, struct diag *diag, struct log **ret);
struct log *log_free(struct log *log);
DEFINE_FREEP(struct log, log);

/* Takes other options, and opens the file anew even when it is the same: after somebody else moved
 * it.  On failure nothing has changed. */
int log_configure(struct log *log, const struct log_options *options, struct diag *diag);

/* For what is costly to prepare. */
bool log_wants(const struct log *log, enum log_level level);

/* origin and about may be NULL. */
void log_write(struct log *log, enum log_level level, const struct log_origin *origin,
               const struct log_about *about, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

#define LOG_HERE (&(const struct log_origin){ __FILE__, __LINE__, __func__ })
#define log_error(log, about, ...) log_write(log, LOG_LEVEL_ERROR, LOG_HERE, about, __VA_ARGS__)
#define log_warn(log, about, ...) log_write(log, LOG_LEVEL_WARN, LOG_HERE, about, __VA_ARGS__)
#define log_info(log, about, ...) log_write(log, LOG_LEVEL_INFO, LOG_HERE, about, __VA_ARGS__)
#define log_debug(log, about, ...) log_write(log, LOG_LEVEL_DEBUG, LOG_HERE, about, __VA_ARGS__)
#define log_trace(log, about, ...) log_write(log, LOG_LEVEL_TRACE, LOG_HERE, about, __VA_ARGS__)
