/* SPDX-License-Identifier: Apache-2.0
 *
 * stderr-log - the lines that a child writes to its standard error
 *
 * They are for the log: assertions, the dynamic linker's complaints, a library's printf.  Nobody
 * promises that they are few or text, so: some 64 KiB a second are read, and the child waits when
 * it writes faster; of those, STDERR_LOG_LINES a second are handed on and the others counted; what
 * is not UTF-8 or a control character is handed on as '?'; a line longer than STDERR_LOG_LINE_MAX
 * is handed on in pieces. */
#pragma once

#include <systemd/sd-event.h>

struct stderr_log;

enum {
        STDERR_LOG_LINES = 50, /* a second */
        STDERR_LOG_LINE_MAX = 1024,
};

/* text: one line, without its newline. */
typedef void (*stderr_log_fn)(void *data, const char *text);

/* Takes fd, the nonblocking read end of a pipe, also on failure.  fn comes from the loop or from
 * stderr_log_drain(), and may free the object. */
int stderr_log_new(sd_event *event, int take_fd, stderr_log_fn fn, void *data,
                   struct stderr_log **ret);
struct stderr_log *stderr_log_free(struct stderr_log *log);

/* The child has ended: hands on what is left in the pipe, and what the last line has without a
 * newline. */
void stderr_log_drain(struct stderr_log *log);
