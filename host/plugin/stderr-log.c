/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/stderr-log.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "host/util/cleanup.h"
#include "host/util/time.h"
#include "host/util/utf8.h"

enum {
        READ_BYTES = 4096,
        READS_PER_SEC = 16,
        DRAIN_READS = 16, /* a pipe holds 64 KiB */
};

struct stderr_log {
        sd_event_source *io;
        stderr_log_fn fn;
        void *data;
        int fd;
        bool reading; /* a handler may be running: free later */
        bool freed;
        uint64_t second; /* when the present count of lines began */
        unsigned lines;  /* handed on since then */
        unsigned dropped;
        size_t length;
        char line[STDERR_LOG_LINE_MAX + 1];
};

DEFINE_FREEP(struct stderr_log, stderr_log);

static void hand_on(struct stderr_log *log)
{
        char *p;

        log->line[log->length] = '\0';
        if (!utf8_is_valid(log->line, log->length))
                for (p = log->line; p < log->line + log->length; p++)
                        if (*p & 0x80)
                                *p = '?';
        for (p = log->line; p < log->line + log->length; p++)
                if ((unsigned char)*p < ' ' && *p != '\t')
                        *p = '?';
        if (log->length > 0 && !log->freed)
                log->fn(log->data, log->line);
        log->length = 0;
}

static void report_dropped(struct stderr_log *log)
{
        char text[80];

        if (log->dropped == 0 || log->freed)
                return;
        (void)snprintf(text, sizeof(text), "(%u lines of standard error left out)", log->dropped);
        log->dropped = 0;
        log->fn(log->data, text);
}

static void end_line(struct stderr_log *log)
{
        uint64_t now = time_now_usec();

        if (now - log->second > USEC_PER_SEC) {
                report_dropped(log);
                log->second = now;
                log->lines = 0;
        }
        if (log->lines >= STDERR_LOG_LINES) {
                log->dropped++;
                log->length = 0;
                return;
        }
        log->lines++;
        hand_on(log);
}

/* False when there is nothing more to read at present. */
static bool read_some(struct stderr_log *log)
{
        char bytes[READ_BYTES];
        ssize_t n = read(log->fd, bytes, sizeof(bytes));
        ssize_t i;

        if (n < 0 && errno == EINTR)
                return true;
        if (n == 0 || (n < 0 && errno != EAGAIN))
                log->io = sd_event_source_disable_unref(log->io);
        for (i = 0; i < n; i++) {
                if (bytes[i] == '\n' || log->length == STDERR_LOG_LINE_MAX)
                        end_line(log);
                if (bytes[i] != '\n')
                        log->line[log->length++] = bytes[i];
        }
        return n > 0;
}

static void end_reading(struct stderr_log *log)
{
        log->reading = false;
        if (log->freed)
                (void)stderr_log_free(log);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        struct stderr_log *log = data;

        (void)source;
        (void)fd;
        (void)revents;

        log->reading = true;
        (void)read_some(log);
        end_reading(log);
        return 0;
}

int stderr_log_new(sd_event *event, int take_fd, stderr_log_fn fn, void *data,
                   struct stderr_log **ret)
{
        CLEANUP_CLOSE int fd = take_fd;
        CLEANUP(stderr_log_freep) struct stderr_log *log = NULL;
        int r;

        assert(event && fd >= 0 && fn && ret);

        log = calloc(1, sizeof(*log));
        if (!log)
                return -ENOMEM;
        log->fd = TAKE_FD(fd);
        log->fn = fn;
        log->data = data;
        log->second = time_now_usec();
        r = sd_event_add_io(event, &log->io, log->fd, EPOLLIN, on_readable, log);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(log->io, "stderr"); /* for debugging only */
        r = sd_event_source_set_ratelimit(log->io, USEC_PER_SEC, READS_PER_SEC);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(log);
        return 0;
}

struct stderr_log *stderr_log_free(struct stderr_log *log)
{
        if (!log)
                return NULL;
        log->io = sd_event_source_disable_unref(log->io);
        if (log->reading) {
                log->freed = true;
                return NULL;
        }
        if (log->fd >= 0)
                (void)close(log->fd);
        free(log);
        return NULL;
}

void stderr_log_drain(struct stderr_log *log)
{
        int i;

        log->reading = true;
        for (i = 0; i < DRAIN_READS && read_some(log); i++)
                ;
        if (log->length > 0)
                end_line(log);
        report_dropped(log);
        end_reading(log);
}
