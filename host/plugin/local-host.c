/* SPDX-License-Identifier: Apache-2.0
 *
 * struct ub_host as a plugin sees it.  Each function is a check of what it was given and two or
 * three lines of work.  Nothing here calls the plugin. */
#define _GNU_SOURCE 1 /* gettid */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/json/scan.h"
#include "host/plugin/local-internal.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/spawn.h"
#include "host/util/utf8.h"

enum {
        STATUS_BYTES_MAX = 64, /* the longest word that can mean something */
};

/* ---------------------------------------------------------------------------------------- gates */

static const char *phase_name(enum local_phase phase)
{
        switch (phase) {
        case LOCAL_ABSENT:
                return "without an instance";
        case LOCAL_CREATE:
                return "in create";
        case LOCAL_LIVE:
                return "while it runs";
        case LOCAL_REST:
                return "after stopped";
        case LOCAL_DESTROY:
                return "in destroy";
        }
        return "at no time";
}

int local_admit(void *ctx, const char *function, unsigned phases, struct local **ret)
{
        struct local_face *face = ctx;
        struct local *local;

        if (!face)
                return -EINVAL; /* whose call it was, nobody can say */
        if (gettid() != face->tid) {
                const struct ub_log record = { .size = sizeof(record), .text = function };

                mailbox_post(face->mailbox, LETTER_THREAD, &record);
                return -EPERM;
        }
        local = face->local;
        if (!local)
                return -ESTALE;
        if (!(local->phase & phases)) {
                local_fault(local, INSTANCE_FAULT_PHASE, "%s called %s", function,
                            phase_name(local->phase));
                return local->phase == LOCAL_CREATE ? -EPERM : -ESTALE;
        }
        *ret = local;
        return 0;
}

int local_check_text(struct local *local, const char *function, const char *what, const char *text,
                     size_t max_bytes)
{
        size_t length;

        if (!text) {
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "%s: %s is NULL", function, what);
                return -EINVAL;
        }
        length = strnlen(text, max_bytes + 1);
        if (length > max_bytes) {
                local_fault(local, INSTANCE_FAULT_LIMIT, "%s: %s is longer than %zu bytes",
                            function, what, max_bytes);
                return -E2BIG;
        }
        if (!utf8_is_valid(text, length)) {
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "%s: %s is not UTF-8", function, what);
                return -EINVAL;
        }
        return 0;
}

int local_check_json(struct local *local, const char *function, const char *json)
{
        const struct scan_rules rules = {
                .max_bytes = UB_MAX_JSON,
                .max_depth = UB_MAX_DEPTH,
                .object = true,
        };
        struct diag diag = DIAG_INIT;
        size_t offset = 0;
        size_t length;
        int r;

        if (!json) {
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "%s: the JSON is NULL", function);
                return -EINVAL;
        }
        length = strnlen(json, UB_MAX_JSON + 1);
        r = scan_text(json, length, &rules, &offset, &diag);
        if (r == -EBADMSG) {
                struct scan_position at = scan_position(json, length, offset);

                local_fault(local, INSTANCE_FAULT_JSON, "%s: %u:%u: %s", function, at.line,
                            at.column, diag.text);
        } else if (r == -E2BIG) {
                local_fault(local, INSTANCE_FAULT_LIMIT, "%s: %s", function, diag.text);
        }
        return r;
}

static int refuse(struct local *local, enum instance_fault fault, int r, const char *text)
{
        local_fault(local, fault, "%s", text);
        return r;
}

/* --------------------------------------------------------------------------------- log and wake */

static void host_log(void *ctx, const struct ub_log *record)
{
        struct local_face *face = ctx;
        struct ub_log copy = { .size = 0 };
        size_t known;

        if (!face || !record ||
            record->size < offsetof(struct ub_log, text) + sizeof(record->text) || !record->text) {
                struct local *local;

                if (local_admit(ctx, "log", ~0u, &local) == 0)
                        local_fault(local, INSTANCE_FAULT_ARGUMENT, "log: no text");
                return;
        }
        known = record->size < sizeof(copy) ? record->size : sizeof(copy);
        memcpy(&copy, record, known);

        if (gettid() != face->tid)
                mailbox_post(face->mailbox, LETTER_LOG, &copy);
        else if (face->local)
                local_log(face->local, &copy);
}

static void host_wake(void *ctx)
{
        struct local_face *face = ctx;

        if (face)
                mailbox_wake(face->mailbox);
}

/* -------------------------------------------------------------------------------------- sources */

/* What making a source has come to. */
static int made(struct local *local, const char *function, int r)
{
        if (r == -E2BIG)
                local_fault(local, INSTANCE_FAULT_LIMIT, "%s: more than %d sources", function,
                            UB_MAX_SOURCES);
        else if (r == -EBADF)
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "%s: the descriptor is not open",
                            function);
        return r;
}

static int host_defer(void *ctx, ub_fn fn, void *data, struct ub_source **ret)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "defer", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (!fn)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "defer: fn is NULL");
        return made(local, "defer", source_defer(local->sources, fn, data, ret));
}

static int host_timer(void *ctx, uint64_t after_usec, ub_fn fn, void *data, struct ub_source **ret)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "timer", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (!fn)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "timer: fn is NULL");
        return made(local, "timer", source_timer(local->sources, after_usec, fn, data, ret));
}

static int host_io(void *ctx, int fd, uint32_t events, ub_io_fn fn, void *data,
                   struct ub_source **ret)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "io", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (!fn)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "io: fn is NULL");
        if (events & ~(uint32_t)(UB_IO_IN | UB_IO_OUT))
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "io: unknown events");
        return made(local, "io", source_io(local->sources, fd, events, fn, data, ret));
}

static int host_io_events(void *ctx, struct ub_source *io, uint32_t events)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "io_events", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (events & ~(uint32_t)(UB_IO_IN | UB_IO_OUT))
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "io_events: unknown events");
        r = source_io_events(local->sources, io, events);
        if (r == -ENOENT)
                local_fault(local, INSTANCE_FAULT_SOURCE, "io_events: no such io source");
        return r;
}

static void host_source_drop(void *ctx, struct ub_source *source)
{
        struct local *local;

        if (!source ||
            local_admit(ctx, "source_drop", LOCAL_LIVE | LOCAL_REST | LOCAL_DESTROY, &local) < 0)
                return;
        if (source_drop(local->sources, source) < 0)
                local_fault(local, INSTANCE_FAULT_SOURCE, "source_drop: no such source");
}

static int check_spawn(struct local *local, const struct ub_spawn *command)
{
        if (!(local->grants & INSTANCE_GRANT_SPAWN))
                return refuse(local, INSTANCE_FAULT_GRANT, -EPERM,
                              "spawn: not among the services of the registration");
        if (!command ||
            command->size < offsetof(struct ub_spawn, err_fd) + sizeof(command->err_fd) ||
            !command->argv || !command->argv[0])
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "spawn: no command");
        if (command->flags != 0)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "spawn: unknown flags");
        if (command->argv[0][0] != '/')
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL,
                              "spawn: argv[0] is not an absolute path");
        return 0;
}

static int host_spawn(void *ctx, const struct ub_spawn *command, ub_child_fn fn, void *data,
                      struct ub_source **ret)
{
        static const char *const plain_env[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG=C.UTF-8",
                NULL,
        };
        struct spawn spawn = { .new_group = true };
        struct local *local;
        int r;

        r = local_admit(ctx, "spawn", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (!fn)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "spawn: fn is NULL");
        r = check_spawn(local, command);
        if (r < 0)
                return r;

        spawn.path = command->argv[0];
        spawn.argv = command->argv;
        spawn.envp = command->envp ? command->envp : plain_env;
        spawn.in_fd = command->in_fd;
        spawn.out_fd = command->out_fd;
        spawn.err_fd = command->err_fd;
        return made(local, "spawn",
                    source_spawn(local->sources, &spawn, command->timeout_usec, fn, data, ret));
}

/* --------------------------------------------------------------------------- settings and state */

/* Copy-out as plugin.h has it: all or nothing, and a NUL behind it. */
static int copy_out(const void *data, size_t length, void *buf, size_t size)
{
        if (length < size) {
                memcpy(buf, data, length);
                ((char *)buf)[length] = '\0';
        }
        return (int)length;
}

static int host_setting(void *ctx, const char *json_pointer, char *buf, size_t size)
{
        struct local *local;
        size_t offset;
        size_t length;
        int r;

        r = local_admit(ctx, "setting", LOCAL_CREATE | LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = local_check_text(local, "setting", "the pointer", json_pointer, UB_MAX_KEY);
        if (r < 0)
                return r;
        if (!buf && size > 0)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "setting: buf is NULL");

        r = scan_locate(local->settings, strlen(local->settings), json_pointer, &offset, &length);
        if (r == -EINVAL)
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "setting: %s: not a JSON pointer",
                            json_pointer);
        if (r < 0)
                return r;
        return scan_copy(local->settings + offset, length, buf, size);
}

static int check_key(struct local *local, const char *function, const char *key)
{
        int r;

        r = local_check_text(local, function, "the key", key, UB_MAX_KEY);
        if (r == 0 && key[0] == '\0') {
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "%s: the key is empty", function);
                r = -EINVAL;
        }
        return r;
}

static int host_state_get(void *ctx, const char *key, void *buf, size_t size)
{
        struct local *local;
        struct value value;
        int r;

        r = local_admit(ctx, "state_get", LOCAL_CREATE | LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = check_key(local, "state_get", key);
        if (r < 0)
                return r;
        if (!buf && size > 0)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "state_get: buf is NULL");
        r = values_get(local->values, key, &value);
        if (r < 0)
                return r;
        return copy_out(value.data, value.length, buf, size);
}

static int host_state_put(void *ctx, const char *key, const void *data, size_t length)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "state_put", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = check_key(local, "state_put", key);
        if (r < 0)
                return r;
        if (!data && length > 0)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "state_put: data is NULL");
        if (length > UB_MAX_STATE_VALUE)
                return refuse(local, INSTANCE_FAULT_LIMIT, -E2BIG,
                              "state_put: the value is too long");
        r = values_put(local->values, key, data, length);
        if (r == -E2BIG)
                local_fault(local, INSTANCE_FAULT_LIMIT, "state_put: the state is full");
        if (r < 0)
                return r;
        LOCAL_EMIT(local, state_put, key, data, length);
        return 0;
}

static int host_state_sync(void *ctx, ub_done_fn done, void *data)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "state_sync", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (!done)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL, "state_sync: done is NULL");
        r = pending_add(&local->syncs, ++local->last_id, done, data);
        if (r < 0)
                return refuse(local, INSTANCE_FAULT_LIMIT, r, "state_sync: too many at a time");
        LOCAL_EMIT(local, state_sync, local->last_id);
        return 0;
}

/* -------------------------------------------------------------------------------------- answers */

/* What the book says about an answer, told to whom it concerns. */
static int judge(struct local *local, const char *function, const char *activity, int r)
{
        if (r == -ENOENT)
                local_fault(local, INSTANCE_FAULT_ACTIVITY, "%s: no activity %s", function,
                            activity);
        else if (r == -ESTALE)
                local_fault(local, INSTANCE_FAULT_TWICE, "%s: activity %s has had its answer",
                            function, activity);
        return r;
}

static int host_current_state(void *ctx, const char *activity, const char *json)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "current_state", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = local_check_text(local, "current_state", "the activity", activity, UB_MAX_ID);
        if (r < 0)
                return r;
        r = local_check_json(local, "current_state", json);
        if (r < 0)
                return r;

        r = inquiry_answer(&local->inquiry, activity);
        /* Some agents report what an activity has made of the device under that activity's id. */
        if (r < 0 && !dialog_runs(&local->dialog, activity))
                return judge(local, "current_state", activity, r);
        LOCAL_EMIT(local, current_state, activity, json);
        return 0;
}

/* A member of the feedback as text; "" when there is none, it is no string, or too long to mean
 * anything. */
static void member(const char *json, const char *pointer, char *buf, size_t size)
{
        size_t offset;
        size_t length;

        buf[0] = '\0';
        if (scan_locate(json, strlen(json), pointer, &offset, &length) == 0 &&
            json[offset] == '"' && scan_copy(json + offset, length, buf, size) >= (int)size)
                buf[0] = '\0';
}

static int host_feedback(void *ctx, const char *activity, const char *json)
{
        char baseline[UB_MAX_ID + 1];
        char status[STATUS_BYTES_MAX];
        struct local *local;
        int r;

        r = local_admit(ctx, "feedback", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = local_check_text(local, "feedback", "the activity", activity, UB_MAX_ID);
        if (r < 0)
                return r;
        r = local_check_json(local, "feedback", json);
        if (r < 0)
                return r;

        member(json, "/baseline", baseline, sizeof(baseline));
        member(json, "/status", status, sizeof(status));
        r = dialog_answer(&local->dialog, activity, baseline, status);
        if (r < 0)
                return judge(local, "feedback", activity, r);
        LOCAL_EMIT(local, feedback, activity, json);
        return 0;
}

static int host_reboot_request(void *ctx, const char *activity, const char *reason)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "reboot_request", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = local_check_text(local, "reboot_request", "the activity", activity, UB_MAX_ID);
        if (r < 0)
                return r;
        r = local_check_text(local, "reboot_request", "the reason", reason, UB_MAX_LOG);
        if (r < 0)
                return r;
        if (*activity && !dialog_runs(&local->dialog, activity))
                return judge(local, "reboot_request", activity, -ENOENT);
        LOCAL_EMIT(local, reboot_request, activity, reason);
        return 0;
}

static void host_stopped(void *ctx)
{
        struct local *local;

        if (local_admit(ctx, "stopped", LOCAL_LIVE, &local) < 0)
                return;
        if (!local->stop_called) {
                local_fault(local, INSTANCE_FAULT_PHASE, "stopped called before stop");
                return;
        }
        local->phase = LOCAL_REST;
        local->overdue = sd_event_source_disable_unref(local->overdue);
        source_table_mute(local->sources);
        local_kick(local); /* destroy() has to wait until this call has returned */
}

static const void *host_get(void *ctx, const char *service)
{
        struct local *local;

        if (local_admit(ctx, "get", LOCAL_LIVE, &local) < 0 ||
            local_check_text(local, "get", "the name", service, UB_MAX_KEY) < 0)
                return NULL;
        return local_service(local, service);
}

/* ----------------------------------------------------------------------------------------- face */

int local_face_new(struct local *local, const char *id, struct local_face **ret)
{
        CLEANUP_FREE struct local_face *face = calloc(1, sizeof(*face));
        int r;

        if (!face)
                return -ENOMEM;
        r = mailbox_new(&face->mailbox);
        if (r < 0)
                return r;
        face->tid = gettid();
        face->local = local;
        (void)snprintf(face->id, sizeof(face->id), "%s",
                       id); /* the caller has looked at its length */
        face->host = (struct ub_host){
                .size = sizeof(face->host),
                .abi_major = UB_ABI_MAJOR,
                .abi_minor = UB_ABI_MINOR,
                .ctx = face,
                .log = host_log,
                .wake = host_wake,
                .defer = host_defer,
                .timer = host_timer,
                .io = host_io,
                .io_events = host_io_events,
                .spawn = host_spawn,
                .source_drop = host_source_drop,
                .setting = host_setting,
                .state_get = host_state_get,
                .state_put = host_state_put,
                .state_sync = host_state_sync,
                .current_state = host_current_state,
                .feedback = host_feedback,
                .reboot_request = host_reboot_request,
                .stopped = host_stopped,
                .get = host_get,
                .id = face->id,
        };
        *ret = TAKE_PTR(face);
        return 0;
}
