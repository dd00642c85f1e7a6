/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/log.h - lines for the daemon's log, with printf formatting
 *
 *     ub_warning(host, "%s: %s", path, strerror(-r));
 *
 * The daemon marks each line with the agent's id and the running activity; the text names neither.
 * File, line and function travel along.  Callable from any thread, in create() and in destroy(). */
#ifndef UPDATE_BROKER_SDK_LOG_H
#define UPDATE_BROKER_SDK_LOG_H

#include <stdarg.h>
#include <update-broker/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes one line.  level: UB_LOG_*.  A text longer than UB_MAX_LOG is cut at a character's edge
 * and ends in "..."; newlines at its end are removed.  errno stays as it is. */
void ub_log_at(const struct ub_host *host, int level, const char *file, int line, const char *func,
               const char *format, ...) __attribute__((format(printf, 6, 7)));
void ub_log_at_v(const struct ub_host *host, int level, const char *file, int line,
                 const char *func, const char *format, va_list args)
        __attribute__((format(printf, 6, 0)));

/* ub_log(host, level, format, ...) and one macro per level. */
#define ub_log(host, level, ...) \
        ub_log_at((host), (level), __FILE__, __LINE__, __func__, __VA_ARGS__)
#define ub_err(host, ...) ub_log((host), UB_LOG_ERR, __VA_ARGS__)
#define ub_warning(host, ...) ub_log((host), UB_LOG_WARNING, __VA_ARGS__)
#define ub_notice(host, ...) ub_log((host), UB_LOG_NOTICE, __VA_ARGS__)
#define ub_info(host, ...) ub_log((host), UB_LOG_INFO, __VA_ARGS__)
#define ub_debug(host, ...) ub_log((host), UB_LOG_DEBUG, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_LOG_H */
