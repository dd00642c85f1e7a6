/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-host - see fake-host.h */
#define _GNU_SOURCE 1 /* asprintf */
#include "tests/fake/fake-host.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <update-broker/sdk/json.h>

#include "host/util/cleanup.h"
#include "host/util/time.h"

enum { PATIENCE_USEC = 10 * 1000 * 1000 };

struct ub_source {
        struct fake_host *fake;
        sd_event_source *source;
        struct ub_source *previous;
        struct ub_source *next;
        ub_fn fn;
        ub_io_fn io_fn;
        ub_done_fn done_fn;
        void *data;
};

/* ----------------------------------------------------------------------------------- transcript */

void fake_host_add_line(struct fake_host *fake, const char *format, ...)
{
        va_list args;

        ck_assert_msg(fake->n_lines < FAKE_HOST_LINES_MAX, "too many lines in the transcript");
        va_start(args, format);
        ck_assert(vasprintf(&fake->lines[fake->n_lines], format, args) >= 0);
        va_end(args);
        fake->n_lines++;
}

static void show(const struct fake_host *fake)
{
        size_t i;

        for (i = 0; i < fake->n_lines; i++)
                printf("# %s\n", fake->lines[i]);
}

/* -------------------------------------------------------------------------------------- sources */

static struct ub_source *source_new(struct fake_host *fake, void *data)
{
        struct ub_source *s = calloc(1, sizeof(*s));

        ck_assert_ptr_nonnull(s);
        ck_assert_msg(fake->n_sources < UB_MAX_SOURCES, "more than UB_MAX_SOURCES sources");
        s->fake = fake;
        s->data = data;
        s->next = fake->sources;
        if (s->next)
                s->next->previous = s;
        fake->sources = s;
        fake->n_sources++;
        return s;
}

static void source_free(struct ub_source *s)
{
        if (s->previous)
                s->previous->next = s->next;
        else
                s->fake->sources = s->next;
        if (s->next)
                s->next->previous = s->previous;
        s->fake->n_sources--;
        sd_event_source_disable_unref(s->source);
        free(s);
}

/* A one-shot source is dead before its callback starts. */
static void fire(struct ub_source *s)
{
        struct ub_source copy = *s;

        source_free(s);
        if (copy.fn)
                copy.fn(copy.data);
        else
                copy.done_fn(copy.data, copy.fake->sync_result);
}

static int on_defer(sd_event_source *source, void *data)
{
        (void)source;
        fire(data);
        return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
        (void)source;
        (void)usec;
        fire(data);
        return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t epoll_events, void *data)
{
        struct ub_source *s = data;
        uint32_t events = 0;

        (void)source;
        events |= epoll_events & EPOLLIN ? UB_IO_IN : 0;
        events |= epoll_events & EPOLLOUT ? UB_IO_OUT : 0;
        events |= epoll_events & EPOLLHUP ? UB_IO_HUP : 0;
        events |= epoll_events & EPOLLERR ? UB_IO_ERR : 0;
        s->io_fn(s->data, fd, events);
        return 0;
}

static uint32_t to_epoll(uint32_t events)
{
        return (events & UB_IO_IN ? EPOLLIN : 0) | (events & UB_IO_OUT ? EPOLLOUT : 0);
}

static int finish_source(struct ub_source *s, int r, struct ub_source **ret)
{
        if (r < 0) {
                source_free(s);
                return r;
        }
        if (ret)
                *ret = s;
        return 0;
}

static int fake_defer(void *ctx, ub_fn fn, void *data, struct ub_source **ret)
{
        struct fake_host *fake = ctx;
        struct ub_source *s = source_new(fake, data);

        s->fn = fn;
        return finish_source(s, sd_event_add_defer(fake->event, &s->source, on_defer, s), ret);
}

static int fake_timer(void *ctx, uint64_t after_usec, ub_fn fn, void *data, struct ub_source **ret)
{
        struct fake_host *fake = ctx;
        struct ub_source *s = source_new(fake, data);
        int r;

        s->fn = fn;
        r = sd_event_add_time_relative(fake->event, &s->source, CLOCK_BOOTTIME, after_usec, 1,
                                       on_time, s);
        return finish_source(s, r, ret);
}

static int fake_io(void *ctx, int fd, uint32_t events, ub_io_fn fn, void *data,
                   struct ub_source **ret)
{
        struct fake_host *fake = ctx;
        struct ub_source *s = source_new(fake, data);
        int r;

        s->io_fn = fn;
        r = sd_event_add_io(fake->event, &s->source, fd, to_epoll(events), on_io, s);
        return finish_source(s, r, ret);
}

static int fake_io_events(void *ctx, struct ub_source *io, uint32_t events)
{
        (void)ctx;
        return sd_event_source_set_io_events(io->source, to_epoll(events));
}

static int fake_spawn(void *ctx, const struct ub_spawn *command, ub_child_fn fn, void *data,
                      struct ub_source **ret)
{
        (void)ctx;
        (void)command;
        (void)fn;
        (void)data;
        (void)ret;
        return -EPERM; /* not granted */
}

static void fake_source_drop(void *ctx, struct ub_source *source)
{
        struct fake_host *fake = ctx;
        struct ub_source *s;

        if (!source)
                return;
        for (s = fake->sources; s && s != source; s = s->next)
                ;
        ck_assert_msg(s != NULL, "source_drop of a source that is gone");
        source_free(s);
}

static void fake_wake(void *ctx)
{
        struct fake_host *fake = ctx;
        const uint64_t one = 1;

        ck_assert_int_eq(write(fake->wake_fd, &one, sizeof(one)), sizeof(one));
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *data)
{
        struct fake_host *fake = data;
        uint64_t count;

        (void)source;
        (void)events;
        ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
        if (fake->woken)
                fake->woken(fake->self);
        return 0;
}

/* --------------------------------------------------------------------------- settings and state */

static int copy_out(const void *data, size_t length, void *buf, size_t size)
{
        if (length < size) {
                memcpy(buf, data, length);
                ((char *)buf)[length] = '\0';
        }
        return (int)length;
}

static int fake_setting(void *ctx, const char *json_pointer, char *buf, size_t size)
{
        const struct fake_host *fake = ctx;
        size_t i;

        for (i = 0; i < FAKE_HOST_SETTINGS_MAX && fake->settings[i].pointer; i++)
                if (strcmp(fake->settings[i].pointer, json_pointer) == 0)
                        return copy_out(fake->settings[i].value, strlen(fake->settings[i].value),
                                        buf, size);
        return -ENOENT;
}

/* The value of a key, or a free place for it. */
static struct fake_value *find_value(struct fake_value *values, const char *key)
{
        struct fake_value *room = NULL;
        size_t i;

        for (i = 0; i < FAKE_HOST_STATE_MAX; i++) {
                if (values[i].key && strcmp(values[i].key, key) == 0)
                        return &values[i];
                if (!values[i].key && !room)
                        room = &values[i];
        }
        ck_assert_msg(room != NULL, "too many keys in the durable state");
        return room;
}

static void clear_value(struct fake_value *v)
{
        free(v->key);
        free(v->data);
        *v = (struct fake_value){ .key = NULL };
}

static void set_value(struct fake_value *values, const char *key, const void *data, size_t length)
{
        struct fake_value *v = find_value(values, key);

        clear_value(v);
        if (length == 0)
                return;
        v->key = strdup(key);
        v->data = malloc(length);
        ck_assert(v->key && v->data);
        memcpy(v->data, data, length);
        v->length = length;
}

static void copy_values(struct fake_value *to, const struct fake_value *from)
{
        size_t i;

        for (i = 0; i < FAKE_HOST_STATE_MAX; i++)
                clear_value(&to[i]);
        for (i = 0; i < FAKE_HOST_STATE_MAX; i++)
                if (from[i].key)
                        set_value(to, from[i].key, from[i].data, from[i].length);
}

static int fake_state_get(void *ctx, const char *key, void *buf, size_t size)
{
        struct fake_host *fake = ctx;
        const struct fake_value *v = find_value(fake->state, key);

        return v->key ? copy_out(v->data, v->length, buf, size) : -ENOENT;
}

static int fake_state_put(void *ctx, const char *key, const void *data, size_t length)
{
        struct fake_host *fake = ctx;

        if (strlen(key) > UB_MAX_KEY || length > UB_MAX_STATE_VALUE)
                return -E2BIG;
        set_value(fake->state, key, data, length);
        return 0;
}

static int fake_state_sync(void *ctx, ub_done_fn done, void *data)
{
        struct fake_host *fake = ctx;
        struct ub_source *s = source_new(fake, data);

        if (fake->sync_result == 0)
                copy_values(fake->synced, fake->state);
        fake->n_syncs++;
        s->done_fn = done;
        return finish_source(s, sd_event_add_defer(fake->event, &s->source, on_defer, s), NULL);
}

/* -------------------------------------------------------------------------------------- answers */

static void fake_log(void *ctx, const struct ub_log *record)
{
        ck_assert_uint_ge(record->size, sizeof(*record));
        fake_host_add_line(ctx, "log %d %s", record->level, record->text);
}

/* What the real host checks. */
static int check_json(const char *json)
{
        struct ub_json *tree;
        int r;

        r = ub_json_parse(json, "json", NULL, &tree);
        if (r < 0)
                return r;
        r = ub_json_as_object(tree, NULL);
        (void)ub_json_free(tree);
        return r;
}

static int fake_current_state(void *ctx, const char *activity, const char *json)
{
        int r = check_json(json);

        if (r == 0)
                fake_host_add_line(ctx, "current_state %s %s", activity, json);
        return r;
}

static int fake_feedback(void *ctx, const char *activity, const char *json)
{
        int r = check_json(json);

        if (r == 0)
                fake_host_add_line(ctx, "feedback %s %s", activity, json);
        else
                fake_host_add_line(ctx, "refused %d", r);
        return r;
}

static int fake_reboot_request(void *ctx, const char *activity, const char *reason)
{
        fake_host_add_line(ctx, "reboot %s %s", activity, reason);
        return 0;
}

static void fake_stopped(void *ctx)
{
        struct fake_host *fake = ctx;

        ck_assert_msg(!fake->is_stopped, "stopped() twice");
        fake->is_stopped = true;
        fake_host_add_line(fake, "stopped");
}

static const void *fake_get(void *ctx, const char *service)
{
        const struct fake_host *fake = ctx;

        return strcmp(service, UB_SERVICE_MQTT) == 0 ? fake->mqtt_table : NULL;
}

/* --------------------------------------------------------------------------------- for the test */

struct fake_host *fake_host_new(void)
{
        struct fake_host *fake = calloc(1, sizeof(*fake));

        ck_assert_ptr_nonnull(fake);
        fake->host = (struct ub_host){
                .size = sizeof(fake->host),
                .abi_major = UB_ABI_MAJOR,
                .abi_minor = UB_ABI_MINOR,
                .ctx = fake,
                .log = fake_log,
                .wake = fake_wake,
                .defer = fake_defer,
                .timer = fake_timer,
                .io = fake_io,
                .io_events = fake_io_events,
                .spawn = fake_spawn,
                .source_drop = fake_source_drop,
                .setting = fake_setting,
                .state_get = fake_state_get,
                .state_put = fake_state_put,
                .state_sync = fake_state_sync,
                .current_state = fake_current_state,
                .feedback = fake_feedback,
                .reboot_request = fake_reboot_request,
                .stopped = fake_stopped,
                .get = fake_get,
                .id = "fake",
        };
        ck_assert_int_ge(sd_event_new(&fake->event), 0);
        fake->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        ck_assert_int_ge(fake->wake_fd, 0);
        ck_assert_int_ge(sd_event_add_io(fake->event, &fake->wake_source, fake->wake_fd, EPOLLIN,
                                         on_wake, fake), 0);
        return fake;
}

void fake_host_reuse(struct fake_host *fake)
{
        while (fake->sources)
                source_free(fake->sources);
        fake->is_stopped = false;
        fake->woken = NULL;
        fake->self = NULL;
}

void fake_host_lose_power(struct fake_host *fake)
{
        fake_host_reuse(fake);
        copy_values(fake->state, fake->synced);
}

struct fake_host *fake_host_free(struct fake_host *fake)
{
        size_t i;

        if (!fake)
                return NULL;
        fake_host_reuse(fake);
        for (i = 0; i < FAKE_HOST_STATE_MAX; i++) {
                clear_value(&fake->state[i]);
                clear_value(&fake->synced[i]);
        }
        for (i = 0; i < fake->n_lines; i++)
                free(fake->lines[i]);
        sd_event_source_disable_unref(fake->wake_source);
        (void)close(fake->wake_fd);
        sd_event_unref(fake->event);
        free(fake);
        return NULL;
}

/* One turn of the loop, waiting until deadline at most.  False: nothing came. */
static bool turn(struct fake_host *fake, uint64_t deadline)
{
        uint64_t now = time_now_usec();
        int r;

        r = sd_event_run(fake->event, deadline > now ? deadline - now : 0);
        ck_assert_int_ge(r, 0);
        return r > 0;
}

const char *fake_host_next(struct fake_host *fake, const char *prefix)
{
        uint64_t deadline = time_now_usec() + PATIENCE_USEC;

        for (;;) {
                while (fake->n_seen < fake->n_lines) {
                        const char *line = fake->lines[fake->n_seen++];

                        if (strncmp(line, prefix, strlen(prefix)) == 0)
                                return line;
                }
                if (!turn(fake, deadline)) {
                        show(fake);
                        ck_abort_msg("no line \"%s...\" came", prefix);
                }
        }
}

void fake_host_settle(struct fake_host *fake, uint64_t usec)
{
        uint64_t deadline = time_now_usec() + usec;

        while (turn(fake, deadline) && (usec == 0 || time_now_usec() < deadline))
                ;
}

void fake_host_run_until(struct fake_host *fake, const bool *flag)
{
        uint64_t deadline = time_now_usec() + PATIENCE_USEC;

        while (!*flag)
                if (!turn(fake, deadline)) {
                        show(fake);
                        ck_abort_msg("waited in vain");
                }
}

size_t fake_host_count(const struct fake_host *fake, const char *prefix)
{
        size_t n = 0;
        size_t i;

        for (i = 0; i < fake->n_lines; i++)
                n += strncmp(fake->lines[i], prefix, strlen(prefix)) == 0;
        return n;
}
