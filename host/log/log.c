/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/log/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

/* The place in the source is the caller's, not this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "host/log/log-file.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/time.h"
#include "host/util/utf8.h"

enum {
        FIELD_MAX = 512,  /* a value of the journal other than the message */
        ABOUT_MAX = 1024, /* all of what an event is about, as text */
        LINE_MAX_BYTES = LOG_TEXT_MAX + ABOUT_MAX + 128,
};

struct log {
        enum log_level level;
        struct log_file *file; /* NULL: none */
        bool journal;          /* stderr is a stream of the journal */
        uint64_t (*now_usec)(void *data);
        void *now_data;
};

/* An event on its way out. */
struct event {
        enum log_level level;
        const struct log_origin *origin;
        const struct log_about *about;
        const char *text;
};

static uint64_t now_from_system(void *data)
{
        struct timespec ts;

        (void)data;
        (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with this clock */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

/* systemd.exec(5): $JOURNAL_STREAM is the device and inode of the stream, and proves nothing when
 * stderr has been redirected since. */
static bool is_journal_stream(int fd)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device;
        unsigned long long inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
               st.st_dev == device && st.st_ino == inode;
}

int log_configure(struct log *log, const struct log_options *options, struct diag *diag)
{
        const struct log_file_limits limits = {
                .bytes_max = options->file_bytes_max,
                .files_max = options->files_max,
                .age_max_days = options->age_max_days,
        };
        struct log_file *file = NULL;
        int r;

        if (options->file && *options->file) {
                r = log_file_open(options->file, &limits, diag, &file);
                if (r < 0)
                        return r;
        }
        log_file_free(log->file);
        log->file = file;
        log->level = options->level;
        log->now_usec = options->now_usec ? options->now_usec : now_from_system;
        log->now_data = options->now_data;
        log->journal = is_journal_stream(STDERR_FILENO);
        return 0;
}

int log_new(const struct log_options *options, struct diag *diag, struct log **ret)
{
        CLEANUP(log_freep) struct log *log = calloc(1, sizeof(*log));
        int r;

        assert(options && ret);

        if (!log)
                return -ENOMEM;
        r = log_configure(log, options, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(log);
        return 0;
}

struct log *log_free(struct log *log)
{
        if (!log)
                return NULL;
        log_file_free(log->file);
        free(log);
        return NULL;
}

bool log_wants(const struct log *log, enum log_level level)
{
        return level <= log->level;
}

/* ---------------------------------------------------------------------------------------- texts */

/* The text as it was formatted, cut visibly when it is too long, as one line. */
static void __attribute__((format(printf, 2, 0)))
format_text(char text[LOG_TEXT_MAX], const char *format, va_list args)
{
        int n = vsnprintf(text, LOG_TEXT_MAX, format, args);

        if (n < 0)
                (void)snprintf(text, LOG_TEXT_MAX, "(a text that cannot be formatted)");
        else if (n >= LOG_TEXT_MAX)
                memcpy(text + LOG_TEXT_MAX - 4, "...", 4);
        utf8_make_line(text);
}

/* " (agent containers, activity A1)", or nothing. */
static void format_about(const struct log_about *about, char buf[ABOUT_MAX])
{
        const struct {
                const char *name;
                const char *value;
        } rows[] = {
                { "agent", about ? about->agent : NULL },
                { "domain", about ? about->domain : NULL },
                { "activity", about ? about->activity : NULL },
        };
        size_t n = 0;
        size_t i;

        buf[0] = '\0';
        for (i = 0; i < ARRAY_SIZE(rows); i++) {
                if (!rows[i].value || !*rows[i].value)
                        continue;
                n += (size_t)snprintf(buf + n, ABOUT_MAX - n, "%s%s %.256s", n ? ", " : " (",
                                      rows[i].name, rows[i].value);
        }
        if (n)
                (void)snprintf(buf + n, ABOUT_MAX - n, ")");
        utf8_make_line(buf);
}

/* Kanto's form of a line. */
static size_t format_line(const struct event *event, uint64_t now_usec, char line[LINE_MAX_BYTES])
{
        time_t sec = (time_t)(now_usec / USEC_PER_SEC);
        char about[ABOUT_MAX];
        char stamp[32] = "";
        struct tm tm;
        int n;

        if (localtime_r(&sec, &tm))
                (void)strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", &tm);
        format_about(event->about, about);
        n = snprintf(line, LINE_MAX_BYTES, "%s.%06u  [update-broker] %-5s   %s%s\n", stamp,
                     (unsigned)(now_usec % USEC_PER_SEC), log_level_to_string(event->level),
                     event->text, about);
        return n < 0 ? 0 : (size_t)n; /* LINE_MAX_BYTES has room for all parts */
}

/* ---------------------------------------------------------------------------------------- sinks */

/* The priorities of syslog(3), which the journal and the prefix on stderr share. */
static int priority_of(enum log_level level)
{
        switch (level) {
        case LOG_LEVEL_ERROR:
                return 3;
        case LOG_LEVEL_WARN:
                return 4;
        case LOG_LEVEL_INFO:
                return 6;
        case LOG_LEVEL_DEBUG:
        case LOG_LEVEL_TRACE:
                return 7;
        }
        return 7;
}

/* Fields of the journal, each NAME=value in a room of its own. */
struct fields {
        struct iovec iov[9];
        char room[8][FIELD_MAX];
        char message[LOG_TEXT_MAX + 16];
        int n;
};

static void add_field(struct fields *fields, const char *name, const char *value)
{
        char *room = fields->room[fields->n];

        if (!value || !*value)
                return;
        (void)snprintf(room, FIELD_MAX, "%s=%s", name, value);
        fields->iov[fields->n].iov_base = room;
        fields->iov[fields->n++].iov_len = strlen(room);
}

static int write_journal(const struct event *event)
{
        char number[2][16];
        struct fields fields;

        fields.n = 0;
        (void)snprintf(number[0], sizeof(number[0]), "%d", priority_of(event->level));
        add_field(&fields, "PRIORITY", number[0]);
        add_field(&fields, "SYSLOG_IDENTIFIER", "update-broker");
        if (event->origin) {
                (void)snprintf(number[1], sizeof(number[1]), "%d", event->origin->line);
                add_field(&fields, "CODE_FILE", event->origin->file);
                add_field(&fields, "CODE_LINE", number[1]);
                add_field(&fields, "CODE_FUNC", event->origin->function);
        }
        if (event->about) {
                add_field(&fields, "AGENT", event->about->agent);
                add_field(&fields, "DOMAIN", event->about->domain);
                add_field(&fields, "ACTIVITY", event->about->activity);
        }
        (void)snprintf(fields.message, sizeof(fields.message), "MESSAGE=%s", event->text);
        fields.iov[fields.n].iov_base = fields.message;
        fields.iov[fields.n++].iov_len = strlen(fields.message);
        return sd_journal_sendv(fields.iov, fields.n);
}

static void write_stderr(const char *text, size_t length)
{
        (void)file_write_fd(STDERR_FILENO, text, length); /* nobody is left to tell */
}

static void write_event(struct log *log, const struct event *event)
{
        uint64_t now_usec = log->now_usec(log->now_data);
        char line[LINE_MAX_BYTES];
        char about[ABOUT_MAX];
        size_t length;

        if (log->file) {
                length = format_line(event, now_usec, line);
                log_file_write(log->file, now_usec, line, length);
        } else if (!log->journal) {
                length = format_line(event, now_usec, line);
                write_stderr(line, length);
        } else if (write_journal(event) < 0) {
                format_about(event->about, about);
                length = (size_t)snprintf(line, sizeof(line), "<%d>%s%s\n",
                                          priority_of(event->level), event->text, about);
                write_stderr(line, length);
        }
}

void log_write(struct log *log, enum log_level level, const struct log_origin *origin,
               const struct log_about *about, const char *format, ...)
{
        char text[LOG_TEXT_MAX];
        struct event event = { .level = level, .origin = origin, .about = about, .text = text };
        va_list args;

        if (!log_wants(log, level))
                return;
        va_start(args, format);
        format_text(text, format, args);
        va_end(args);
        write_event(log, &event);
}
