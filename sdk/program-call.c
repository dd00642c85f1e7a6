/* SPDX-License-Identifier: Apache-2.0
 *
 * program-call - see program-call.h
 *
 * A call is over when the program has ended, not when its pipes are closed: a process that it left
 * behind may hold them open for ever.  What is in the pipes at that time is still read. */
#define _GNU_SOURCE 1 /* asprintf, pipe2 */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/program.h>

#include "sdk/program-call.h"
#include "sdk/text.h"

/* One of its two outputs, cut into lines. */
struct stream {
        struct ub_call *call;
        int fd;
        struct ub_source *io;
        void (*take)(struct ub_call *call, const char *line);
        size_t length; /* of the line so far */
        char line[UB_PROGRAM_LINE_MAX + 1];
};

struct ub_call {
        const struct ub_host *host; /* borrowed, outlives the call */
        struct ub_source *child;    /* NULL: it has ended */
        struct stream out;
        struct stream err;
        ub_call_line_fn line;
        ub_call_done_fn done;
        void *data;
        uint64_t began_usec;
        uint64_t timeout_usec;                /* 0: none */
        char reason[UB_PROGRAM_LINE_MAX + 1]; /* the last line of stderr that is not empty */
};

/* The clock of the host's timeouts. */
static uint64_t now_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail with this clock */
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void take_out(struct ub_call *call, const char *line)
{
        if (call->line)
                call->line(call->data, line);
}

static void take_err(struct ub_call *call, const char *line)
{
        if (*line)
                (void)snprintf(call->reason, sizeof(call->reason), "%s", line);
}

static void end_line(struct stream *s)
{
        s->line[s->length] = '\0';
        s->length = 0;
        ub_text_make_valid(s->line);
        s->take(s->call, s->line);
}

static void take_bytes(struct stream *s, const char *bytes, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                if (bytes[i] == '\n')
                        end_line(s);
                else if (s->length < UB_PROGRAM_LINE_MAX)
                        s->line[s->length++] = bytes[i] ? bytes[i] : '?';
        }
}

/* Reads once.  0: the stream has ended, or cannot be read.  -1: there is nothing at present. */
static ssize_t read_some(struct stream *s)
{
        char bytes[4096];
        ssize_t n;

        do {
                n = read(s->fd, bytes, sizeof(bytes));
        } while (n < 0 && errno == EINTR);
        if (n > 0)
                take_bytes(s, bytes, (size_t)n);
        return n < 0 && errno != EAGAIN ? 0 : n;
}

static void stream_done(struct stream *s, const struct ub_host *host)
{
        ub_source_drop(host, &s->io);
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
}

static void on_output(void *data, int fd, uint32_t events)
{
        struct stream *s = (struct stream *)data;

        (void)fd;
        (void)events;
        if (read_some(s) == 0) /* level triggered: it would be told again and again */
                ub_source_drop(s->call->host, &s->io);
}

/* What is left in the pipe; bounded, because somebody may still be writing. */
static void drain(struct stream *s)
{
        int reads;

        for (reads = 0; reads < 16 && read_some(s) > 0; reads++)
                ;
        if (s->length > 0)
                end_line(s);
}

/* Why a call failed: what the program said last, else how it ended.  One whose time was over says
 * so first: what the signal had it say is about the signal. */
static void explain(const struct ub_call *call, int32_t code, int32_t status,
                    struct ub_error *error)
{
        const char *said = call->reason;

        if (call->timeout_usec && now_usec() - call->began_usec >= call->timeout_usec)
                (void)ub_error_set(error, 0, "not finished in %" PRIu64 " s%s%s",
                                   call->timeout_usec / 1000000, *said ? ": " : "", said);
        else if (code != CLD_EXITED)
                (void)ub_error_set(error, 0, "killed by signal %d%s%s", (int)status,
                                   *said ? ": " : "", said);
        else if (*said)
                (void)ub_error_set(error, 0, "%s", said);
        else
                (void)ub_error_set(error, 0, "exit status %d", (int)status);
}

static void on_child(void *data, int32_t code, int32_t status)
{
        struct ub_call *call = (struct ub_call *)data;
        struct ub_error error = UB_ERROR_INIT;

        call->child = NULL;
        drain(&call->out);
        drain(&call->err);
        if (code != CLD_EXITED || status != 0)
                explain(call, code, status, &error);
        call->done(call->data, error.text);
        (void)ub_call_free(call);
}

struct ub_call *ub_call_free(struct ub_call *call)
{
        if (!call)
                return NULL;
        ub_source_drop(call->host, &call->child);
        stream_done(&call->out, call->host);
        stream_done(&call->err, call->host);
        free(call);
        return NULL;
}

/* ---------------------------------------------------------------------------------- environment */

/* isalnum(3) and toupper(3) would ask the locale. */
static char upper(char c)
{
        if (c >= 'a' && c <= 'z')
                return (char)(c - 'a' + 'A');
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

/* "source-url" -> "UB_CONFIG_SOURCE_URL=value" */
static char *config_variable(const struct ub_pair *pair)
{
        static const char prefix[] = "UB_CONFIG_";
        const size_t name = sizeof(prefix) - 1 + strlen(pair->key);
        char *text;
        size_t i;

        if (asprintf(&text, "%s%s=%s", prefix, pair->key, pair->value) < 0)
                return NULL;
        for (i = sizeof(prefix) - 1; i < name; i++)
                text[i] = upper(text[i]);
        return text;
}

/* True when the name of the variable is there.  Which of two a program would see is up to its
 * language, so there is never more than the first. */
static bool has_variable(char *const *env, const char *variable)
{
        const size_t length = strcspn(variable, "=") + 1;

        for (; *env; env++)
                if (strncmp(*env, variable, length) == 0)
                        return true;
        return false;
}

static void free_texts(char **texts)
{
        size_t i;

        for (i = 0; texts && texts[i]; i++)
                free(texts[i]);
        free(texts);
}

/* NULL: out of memory. */
static char **environment(const struct ub_host *host, const struct ub_component *component)
{
        const size_t n = component ? component->n_config : 0;
        char **env;
        size_t end = 2;
        size_t i;

        env = (char **)calloc(n + 4, sizeof(*env));
        if (!env)
                return NULL;
        env[0] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        env[1] = env[0] ? strdup("LANG=C.UTF-8") : NULL;
        if (!env[1] || asprintf(&env[2], "UB_DOMAIN=%s", ub_id(host)) < 0) {
                env[2] = NULL; /* asprintf(3) leaves it undefined */
                free_texts(env);
                return NULL;
        }
        for (i = 0; i < n; i++) {
                char *variable = config_variable(&component->config[i]);

                if (!variable) {
                        free_texts(env);
                        return NULL;
                }
                if (has_variable(env, variable))
                        free(variable);
                else
                        env[++end] = variable;
        }
        return env;
}

/* --------------------------------------------------------------------------------------- calls */

/* Opens the pipe of a stream and watches it; *ret is the program's end. */
static int stream_open(struct stream *s, struct ub_call *call,
                       void (*take)(struct ub_call *call, const char *line), int *ret)
{
        int ends[2];
        int r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *s = (struct stream){ .call = call, .fd = ends[0], .take = take };
        *ret = ends[1];
        /* Only our end: a program does not expect EAGAIN from its stdout. */
        r = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        return r < 0 ? r : ub_io(call->host, s->fd, UB_IO_IN, on_output, s, &s->io);
}

int ub_call_start(const struct ub_host *host, const struct ub_call_order *order,
                  struct ub_call **ret)
{
        char **env = environment(host, order->component);
        struct ub_spawn spawn = {
                .size = sizeof(spawn),
                .timeout_usec = order->timeout_usec,
                .argv = order->argv,
                .envp = (const char *const *)env,
                .in_fd = -1,
                .out_fd = -1,
                .err_fd = -1,
        };
        struct ub_call *call;
        int r;

        call = (struct ub_call *)calloc(1, sizeof(*call));
        if (!call || !env) {
                free_texts(env);
                free(call);
                return -ENOMEM;
        }
        call->began_usec = now_usec();
        call->timeout_usec = order->timeout_usec;
        call->host = host;
        call->line = order->line;
        call->done = order->done;
        call->data = order->data;
        call->out.fd = call->err.fd = -1;
        r = stream_open(&call->out, call, take_out, &spawn.out_fd);
        if (r == 0)
                r = stream_open(&call->err, call, take_err, &spawn.err_fd);
        if (r == 0)
                r = ub_spawn(host, &spawn, on_child, call, &call->child);
        free_texts(env);
        if (spawn.out_fd >= 0)
                close(spawn.out_fd);
        if (spawn.err_fd >= 0)
                close(spawn.err_fd);
        if (r < 0) {
                (void)ub_call_free(call);
                return r;
        }
        *ret = call;
        return 0;
}
