/* SPDX-License-Identifier: Apache-2.0
 *
 * The life cycle of a plugin that is loaded into this process, and the queue of what it is asked.
 *
 * Three things lead into the plugin, each a source of the loop: the pump (one piece of queued work
 * per turn), the mailbox (woken), and the plugin's own sources.  sd-event dispatches one source at
 * a time, so the plugin is never entered twice, and never from inside a function of instance.h. */
#include "host/plugin/local.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/json/scan.h"
#include "host/plugin/local-internal.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"

static struct local *local_of(struct instance *instance)
{
        return CONTAINER_OF(instance, struct local, instance);
}

/* -------------------------------------------------------------------------------- birth and end */

static void destroy_plugin(struct local *local)
{
        local->phase = LOCAL_DESTROY;
        local_enter_call(local, INSTANCE_CALL_DESTROY);
        local->plugin->life.destroy(local->self);
        local_leave(local);
        local->phase = LOCAL_ABSENT;
        local->self = NULL;
        local->sources = source_table_free(local->sources);
}

/* Cuts all ties with a plugin that does not end: nothing leads to it any more.  Its memory, its
 * threads and the face that they may call stay for ever; there is no way to take them back. */
static void abandon_plugin(struct local *local)
{
        local->phase = LOCAL_ABSENT;
        local->sources = source_table_free(local->sources);
        local->mail = sd_event_source_disable_unref(local->mail);
        mailbox_close(local->face->mailbox);
        local->face->local = NULL;
        local->face = NULL;
}

static void face_free(struct local_face *face)
{
        if (!face)
                return;
        mailbox_free(face->mailbox);
        free(face);
}

static void local_free(struct local *local)
{
        if (!local)
                return;

        local->doomed = true; /* destroy() may log, and nobody listens */
        local->pins++;        /* and its end must not lead here again */
        if (local->phase == LOCAL_REST)
                destroy_plugin(local);
        else if (local->phase == LOCAL_LIVE)
                abandon_plugin(local);

        sd_event_source_disable_unref(local->pump);
        sd_event_source_disable_unref(local->mail);
        sd_event_source_disable_unref(local->overdue);
        source_table_free(local->sources);
        face_free(local->face);
        plugin_free(local->plugin);
        values_free(local->values);
        work_clear(&local->queue);
        for (char **topic = local->topics; topic && *topic; topic++)
                free(*topic);
        free(local->topics);
        free(local->settings);
        free(local->path);
        free(local);
}

DEFINE_FREEP(struct local, local);

void local_pin(struct local *local)
{
        local->pins++;
}

void local_unpin(struct local *local)
{
        if (--local->pins == 0 && local->doomed)
                local_free(local);
}

static void ops_free(struct instance *instance)
{
        struct local *local = local_of(instance);

        local->doomed = true;
        if (local->pins == 0)
                local_free(local);
}

/* ---------------------------------------------------------------------------------------- start */

static void fail_start(struct local *local, int r, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static void fail_start(struct local *local, int r, const char *format, ...)
{
        char text[DIAG_MAX];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap); /* cut is fine */
        va_end(ap);
        local->state = LOCAL_OVER;
        work_clear(&local->queue); /* a stop, at most */
        LOCAL_EMIT(local, started, r, text);
}

static bool load(struct local *local)
{
        unsigned role = local->instance.role == INSTANCE_ROLE_AGENT ? PLUGIN_ROLE_AGENT
                                                                    : PLUGIN_ROLE_CONNECTOR;
        struct diag diag = DIAG_INIT;
        int r;

        /* Constructors of the file run here, so this counts as a call. */
        breadcrumb_enter(local->breadcrumb, &local->mark, "load");
        r = plugin_load(local->path, &diag, &local->plugin);
        breadcrumb_leave(local->breadcrumb);
        if (r < 0) {
                fail_start(local, r, "%s", diag.text);
                return false;
        }
        if (!(local->plugin->roles & role)) {
                fail_start(local, -ENOTSUP, "plugin %s is no %s", local->plugin->name,
                           role == PLUGIN_ROLE_AGENT ? "agent" : "connector");
                return false;
        }
        return true;
}

/* A call that failed, with the reason that the plugin has logged for it. */
static void fail_call(struct local *local, const char *call, int r)
{
        const char *reason = local->reason;

        fail_start(local, r, "plugin %s: %s: %s%s%s", local->plugin->name, call, strerror(-r),
                   reason[0] ? ": " : "", reason);
}

static bool create(struct local *local)
{
        void *self = NULL;
        int r;

        local->phase = LOCAL_CREATE;
        local_enter_call(local, INSTANCE_CALL_CREATE);
        r = local->plugin->life.create(&local->face->host, local->settings, &self);
        local_leave(local);
        if (r < 0) {
                local->phase = LOCAL_ABSENT;
                fail_call(local, "create", r);
                return false;
        }
        local->self = self;
        local->phase = LOCAL_REST;
        return true;
}

static void run_start(struct local *local, uint32_t flags)
{
        int r;

        if (!load(local) || !create(local) || local->doomed)
                return;

        local->phase = LOCAL_LIVE;
        local_enter_call(local, INSTANCE_CALL_START);
        r = local->plugin->life.start(local->self, flags);
        local_leave(local);
        if (r < 0) {
                destroy_plugin(local);
                fail_call(local, "start", r);
                return;
        }
        if (local->state == LOCAL_STARTING) /* else a stop is in the queue */
                local->state = LOCAL_RUNNING;
        LOCAL_EMIT(local, started, 0, "");
}

/* ----------------------------------------------------------------------------------------- stop */

static int on_overdue(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct local *local = userdata;
        char text[128];

        (void)source;
        (void)usec;
        local_pin(local);
        (void)snprintf(text, sizeof(text), "plugin %s did not stop within %u ms",
                       local->plugin->name,
                       (unsigned)(local->stop_usec / USEC_PER_MSEC)); /* names are short */
        local->state = LOCAL_OVER;
        work_clear(&local->queue);
        abandon_plugin(local);
        local_fault(local, INSTANCE_FAULT_STOP, "%s", text);
        LOCAL_EMIT(local, died, text);
        local_unpin(local);
        return 0;
}

static void run_stop(struct local *local)
{
        int r;

        if (local->phase == LOCAL_ABSENT) { /* stopped before it was started */
                local->state = LOCAL_OVER;
                LOCAL_EMIT(local, stopped);
                return;
        }
        r = sd_event_add_time_relative(local->event, &local->overdue, CLOCK_BOOTTIME,
                                       local->stop_usec, USEC_PER_MSEC, on_overdue, local);
        if (r < 0)
                local_fault(local, INSTANCE_FAULT_STOP, "stop runs without a limit: %s",
                            strerror(-r));
        local->stop_called = true;
        local_enter_call(local, INSTANCE_CALL_STOP);
        local->plugin->life.stop(local->self);
        local_leave(local);
}

/* stopped() has been called. */
static void run_end(struct local *local)
{
        work_clear(&local->queue);
        destroy_plugin(local);
        local->state = LOCAL_OVER;
        LOCAL_EMIT(local, stopped);
}

/* ----------------------------------------------------------------------------------------- pump */

static void run_work(struct local *local, const struct work *work)
{
        switch (work->kind) {
        case WORK_START:
                run_start(local, (uint32_t)work->number);
                break;
        case WORK_STOP:
                run_stop(local);
                break;
        case WORK_REQUEST:
                local_run_request(local, work);
                break;
        case WORK_ACTIVITY_END:
                dialog_end(&local->dialog, work->activity);
                break;
        case WORK_SYNCED:
                local_run_done(local, &local->syncs, work, "end of state_sync");
                break;
        case WORK_PUBLISHED:
                local_run_done(local, &local->publishes, work, "end of publish");
                break;
        case WORK_MESSAGE:
                local_run_message(local, work);
                break;
        case WORK_CONNECTED:
                local_run_connected(local);
                break;
        }
}

void local_kick(struct local *local)
{
        (void)sd_event_source_set_enabled(local->pump, SD_EVENT_ON); /* fails after a fork only */
}

static int on_pump(sd_event_source *source, void *userdata)
{
        struct local *local = userdata;

        (void)source;
        local_pin(local);
        if (local->phase == LOCAL_REST) {
                run_end(local);
        } else {
                CLEANUP_FREE struct work *work = work_take(&local->queue);

                if (work)
                        run_work(local, work);
        }
        if (!local->queue.first && local->phase != LOCAL_REST)
                (void)sd_event_source_set_enabled(local->pump, SD_EVENT_OFF); /* as above */
        local_unpin(local);
        return 0;
}

static int put(struct local *local, const struct work *model)
{
        int r;

        r = work_put(&local->queue, model);
        if (r == 0)
                local_kick(local);
        return r;
}

/* ------------------------------------------------------------------------------------------ ops */

static int ops_start(struct instance *instance, uint32_t flags)
{
        struct local *local = local_of(instance);
        int r;

        if (local->state != LOCAL_NEW)
                return -ESTALE;
        r = put(local, &(struct work){ .kind = WORK_START, .number = flags });
        if (r == 0)
                local->state = LOCAL_STARTING;
        return r;
}

static int ops_stop(struct instance *instance)
{
        struct local *local = local_of(instance);
        int r;

        if (local->state == LOCAL_STOPPING || local->state == LOCAL_OVER)
                return -ESTALE;
        r = put(local, &(struct work){ .kind = WORK_STOP });
        if (r == 0)
                local->state = LOCAL_STOPPING;
        return r;
}

static int ops_request(struct instance *instance, const struct instance_request_args *args)
{
        struct local *local = local_of(instance);

        if (local->state != LOCAL_RUNNING)
                return -ESTALE;
        return put(local, &(struct work){
                                  .kind = WORK_REQUEST,
                                  .call = args->call,
                                  .command = args->command,
                                  .activity = args->activity,
                                  .text = args->text,
                          });
}

static int ops_activity_end(struct instance *instance, const char *activity)
{
        struct local *local = local_of(instance);

        if (local->state != LOCAL_RUNNING)
                return -ESTALE;
        return put(local, &(struct work){ .kind = WORK_ACTIVITY_END, .activity = activity });
}

/* What comes in answer to the plugin itself is welcome until it is at rest: it may sync in
 * stop(). */
static bool takes_answers(const struct local *local)
{
        return local->phase == LOCAL_LIVE;
}

static int ops_state_synced(struct instance *instance, uint64_t id, int result)
{
        struct local *local = local_of(instance);

        if (!takes_answers(local))
                return -ESTALE;
        return put(local, &(struct work){ .kind = WORK_SYNCED, .number = id, .result = result });
}

static int ops_mqtt_published(struct instance *instance, uint64_t id, int result)
{
        struct local *local = local_of(instance);

        if (!takes_answers(local))
                return -ESTALE;
        return put(local, &(struct work){ .kind = WORK_PUBLISHED, .number = id, .result = result });
}

static int ops_mqtt_message(struct instance *instance, uint64_t subscription, const char *topic,
                            const void *payload, size_t length, uint32_t flags)
{
        struct local *local = local_of(instance);

        if (!takes_answers(local))
                return -ESTALE;
        return put(local, &(struct work){
                                  .kind = WORK_MESSAGE,
                                  .number = subscription,
                                  .text = topic,
                                  .bytes = payload,
                                  .length = length,
                                  .flags = flags,
                          });
}

static int ops_mqtt_connected(struct instance *instance, bool connected)
{
        struct local *local = local_of(instance);

        local->connected = connected;
        if (!takes_answers(local) || !local->watch)
                return 0;
        return put(local, &(struct work){ .kind = WORK_CONNECTED });
}

static void ops_get_stats(const struct instance *instance, struct instance_stats *ret)
{
        *ret = CONTAINER_OF(instance, const struct local, instance)->stats;
}

static const struct instance_ops local_ops = {
        .free = ops_free,
        .start = ops_start,
        .stop = ops_stop,
        .request = ops_request,
        .activity_end = ops_activity_end,
        .state_synced = ops_state_synced,
        .mqtt_published = ops_mqtt_published,
        .mqtt_message = ops_mqtt_message,
        .mqtt_connected = ops_mqtt_connected,
        .get_stats = ops_get_stats,
};

void local_set_stop_usec(struct instance *instance, uint64_t usec)
{
        assert(instance->ops == &local_ops);
        local_of(instance)->stop_usec = usec;
}

/* ------------------------------------------------------------------------------------------ new */

static int check_config(const struct instance_config *config)
{
        const struct scan_rules rules = {
                .max_bytes = UB_MAX_JSON,
                .max_depth = UB_MAX_DEPTH,
                .object = true,
        };

        if (strnlen(config->id, UB_MAX_ID + 1) > UB_MAX_ID)
                return -E2BIG;
        return scan_text(config->settings, strnlen(config->settings, UB_MAX_JSON + 1), &rules, NULL,
                         NULL);
}

static int copy_topics(struct local *local, const char *const *topics)
{
        size_t n = 0;

        while (topics && topics[n])
                n++;
        local->topics = calloc(n + 1, sizeof(*local->topics));
        if (!local->topics)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                local->topics[i] = strdup(topics[i]);
                if (!local->topics[i])
                        return -ENOMEM;
        }
        return 0;
}

static int copy_state(struct local *local, const struct instance_config *config)
{
        size_t i;
        int r;

        r = values_new(UB_MAX_STATE, &local->values);
        for (i = 0; r == 0 && config->state && i < values_count(config->state); i++) {
                struct value value = values_at(config->state, i);

                r = values_put(local->values, value.key, value.data, value.length);
        }
        return r;
}

static int copy_config(struct local *local, const struct instance_config *config)
{
        int r;

        local->instance = (struct instance){ .ops = &local_ops, .role = config->role };
        local->grants = config->grants;
        local->stop_usec = INSTANCE_STOP_USEC;
        local->breadcrumb = config->breadcrumb;
        breadcrumb_mark_init(&local->mark, config->id, config->plugin);
        local->path = strdup(config->plugin);
        local->settings = strdup(config->settings);
        if (!local->path || !local->settings)
                return -ENOMEM;
        r = copy_topics(local, config->topics);
        if (r < 0)
                return r;
        return copy_state(local, config);
}

static void enter(void *data, const char *what)
{
        local_enter(data, what);
}

static void leave(void *data)
{
        local_leave(data);
}

static int add_sources(struct local *local)
{
        const struct source_owner owner = { .enter = enter, .leave = leave, .data = local };
        int r;

        r = source_table_new(local->event, &owner, &local->sources);
        if (r < 0)
                return r;
        r = sd_event_add_io(local->event, &local->mail, mailbox_fd(local->face->mailbox), EPOLLIN,
                            local_on_mail, local);
        if (r < 0)
                return r;
        r = sd_event_add_defer(local->event, &local->pump, on_pump, local);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(local->pump, SD_EVENT_OFF);
}

int instance_new_local(const struct instance_config *config, sd_event *event,
                       const struct instance_events *events, void *data, struct instance **ret)
{
        CLEANUP(local_freep) struct local *local = NULL;
        int r;

        assert(config && event && events && ret);

        r = check_config(config);
        if (r < 0)
                return r;
        local = calloc(1, sizeof(*local));
        if (!local)
                return -ENOMEM;
        local->event = event;
        local->events = events;
        local->data = data;
        local->state = LOCAL_NEW;
        r = copy_config(local, config);
        if (r < 0)
                return r;
        r = local_face_new(local, config->id, &local->face);
        if (r < 0)
                return r;
        r = add_sources(local);
        if (r < 0)
                return r;

        *ret = &TAKE_PTR(local)->instance;
        return 0;
}
