/* SPDX-License-Identifier: Apache-2.0
 *
 * An instance in a process of its own, seen from the daemon.
 *
 * Nothing that comes out of that process is believed: frames are decoded strictly (frame.c) and
 * looked at once more (gate.c), answers are matched with requests, time and amounts have limits
 * here.  Whatever goes wrong ends in fail(): the process group is killed, and `died` is told one
 * sentence, later, from the loop.
 *
 * A process that ends by itself is noticed twice, by its pidfd and by the end of its channel, in
 * any order.  The channel is read to its end first, because the last words of a plugin that crashes
 * are often the only explanation.  Descendants that hold the channel open are given END_USEC.
 *
 * Requests that wait for an answer are entered in the watchdog.  A plugin that hangs in a timer's
 * callback shows it in no answer, so while an activity runs and nothing else is due the process is
 * asked for its statistics now and then.
 *
 * A plugin that talks without end is slowed down: beyond BUDGET_BYTES in a second its channel is
 * not read until the second is over.  Then its own queue fills up, and ub-agent-host deals with
 * that.
 *
 * A clean end: `stop`, `stopped`, our end of the channel is closed, ub-agent-host exits, and only
 * then comes the event.  instance_free() kills at once whatever there is, and reaper.c reaps. */
#define _GNU_SOURCE 1
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/plugin/process-internal.h"
#include "host/plugin/sandbox.h"
#include "host/util/cleanup.h"
#include "host/util/time.h"
#include "host/util/values.h"

enum {
        END_USEC = 500 * 1000,        /* between the two signs that a process has ended */
        LEAVE_USEC = 5 * 1000 * 1000, /* to exit, after the plugin has stopped */
        STOP_GRACE_USEC = 500 * 1000, /* for ub-agent-host, to report a plugin that does not stop */
        MESSAGE_QUEUE_BYTES = CHANNEL_QUEUE_MAX / 2, /* MQTT leaves room for requests */
};

static struct process *process_of(struct instance *instance)
{
        return CONTAINER_OF(instance, struct process, instance);
}

/* ---------------------------------------------------------------------------------- the process */

static void stop_sources(struct process *p)
{
        watchdog_done(&p->watchdog);
        p->end_timer = sd_event_source_disable_unref(p->end_timer);
        p->budget_timer = sd_event_source_disable_unref(p->budget_timer);
        p->channel = channel_free(p->channel);
        if (p->runner)
                runner_kill(p->runner);
}

static void destroy(struct process *p)
{
        char **topic;

        stop_sources(p);
        (void)runner_free(p->runner);
        (void)sd_event_source_disable_unref(p->verdict_source);
        if (p->child_fd >= 0)
                (void)close(p->child_fd);
        for (topic = p->topics; topic && *topic; topic++)
                free(*topic);
        free(p->topics);
        free(p->agent_host);
        free(p->id);
        free(p);
}

static void process_free(struct instance *instance)
{
        struct process *p = process_of(instance);

        if (!p->dispatching) {
                destroy(p);
                return;
        }
        /* One of our functions is on the stack; it finishes this. */
        p->freed = true;
        p->state = PROCESS_STATE_OVER;
        stop_sources(p);
}

static void process_freep(struct process **p)
{
        if (*p)
                destroy(*p);
}

void process_enter(struct process *p)
{
        p->dispatching = true;
}

void process_leave(struct process *p)
{
        p->dispatching = false;
        if (p->freed)
                destroy(p);
}

static int on_verdict(sd_event_source *source, void *data)
{
        struct process *p = data;

        (void)source;

        process_enter(p);
        if (p->runner)
                runner_drain(p->runner);
        if (!p->freed) {
                p->state = PROCESS_STATE_OVER;
                if (p->verdict_r < 0)
                        p->events->started(p->data, p->verdict_r, p->verdict.text);
                else
                        p->events->died(p->data, p->verdict.text);
        }
        process_leave(p);
        return 0;
}

void process_fail(struct process *p, int started_r)
{
        if (p->state >= PROCESS_STATE_FAILED)
                return;
        p->state = PROCESS_STATE_FAILED;
        p->verdict_r = started_r;
        stop_sources(p);
        /* The source was made with the instance, so this needs no memory. */
        (void)sd_event_source_set_enabled(p->verdict_source, SD_EVENT_ONESHOT);
}

void process_die(struct process *p, const char *format, ...)
{
        va_list args;

        if (p->state >= PROCESS_STATE_FAILED)
                return;
        va_start(args, format);
        (void)vsnprintf(p->verdict.text, sizeof(p->verdict.text), format, args);
        va_end(args);
        process_fail(p, 0);
}

/* Both signs of the end are there, or one of them does not come. */
static void conclude(struct process *p)
{
        if (p->state == PROCESS_STATE_LEAVING) {
                stop_sources(p);
                runner_drain(p->runner);
                if (p->freed)
                        return;
                p->state = PROCESS_STATE_OVER;
                p->events->stopped(p->data);
                return;
        }
        process_die(p, "%s", p->how[0] ? p->how : "closed its channel");
}

static int on_end_timer(sd_event_source *source, uint64_t usec, void *data)
{
        struct process *p = data;

        (void)source;
        (void)usec;

        process_enter(p);
        conclude(p);
        process_leave(p);
        return 0;
}

void process_await_end(struct process *p)
{
        if (p->how[0] && !p->channel) {
                conclude(p);
                return;
        }
        if (p->end_timer)
                return;
        if (sd_event_add_time_relative(p->event, &p->end_timer, CLOCK_MONOTONIC,
                                       p->state == PROCESS_STATE_LEAVING ? LEAVE_USEC : END_USEC, 0,
                                       on_end_timer, p) < 0)
                conclude(p);
}

static void on_ended(void *data, const char *how)
{
        struct process *p = data;

        process_enter(p);
        (void)snprintf(p->how, sizeof(p->how), "%s", how);
        process_await_end(p);
        process_leave(p);
}

static void on_line(void *data, const char *text)
{
        struct process *p = data;
        bool outermost = !p->dispatching;

        if (p->freed)
                return;
        process_enter(p);
        p->events->log(p->data, UB_LOG_WARNING, NULL, 0, NULL, text);
        if (outermost)
                process_leave(p);
}

static const struct runner_events runner_events = { .line = on_line, .ended = on_ended };

/* -------------------------------------------------------------------------------- signs of life */

void process_expect(struct process *p, enum instance_call call, const char *activity,
                    uint64_t within_usec)
{
        int r = watchdog_expect(&p->watchdog, call, activity, within_usec);

        if (r < 0)
                process_die(p, "cannot be watched: %s", strerror(-r));
}

static void report_overdue(struct process *p, enum instance_call call)
{
        if (call != INSTANCE_CALL_STOP) {
                process_die(p, "hangs in %s for %.3g s", instance_call_to_string(call),
                            (double)p->hang_usec / USEC_PER_SEC);
                return;
        }
        p->stats.faults[INSTANCE_FAULT_STOP]++;
        p->events->misbehaved(p->data, INSTANCE_FAULT_STOP, "did not stop");
        if (!p->freed)
                process_die(p, "did not stop in %.3g s", (double)p->stop_usec / USEC_PER_SEC);
}

static void on_watchdog(void *data, const struct watchdog_entry *overdue)
{
        struct process *p = data;
        const struct frame ping = { .type = FRAME_PING };

        process_enter(p);
        if (overdue)
                report_overdue(p, overdue->call);
        else if (p->activity[0] && p->channel && channel_send(p->channel, &ping) == 0)
                process_expect(p, INSTANCE_CALL_CALLBACK, "", p->hang_usec);
        process_leave(p);
}

static void on_closed(void *data, int r, const char *text)
{
        struct process *p = data;

        process_enter(p);
        p->channel = channel_free(p->channel);
        if (r < 0)
                process_die(p, "broke the frame protocol: %s", text);
        else
                process_await_end(p);
        process_leave(p);
}

static const struct channel_events channel_events = { .frame = process_on_frame, .closed = on_closed };

/* ---------------------------------------------------------------------------------------- start */

static int start_process(struct process *p, struct diag *diag)
{
        CLEANUP_CLOSE int filter_fd = -1;
        struct runner_config config = { .path = p->agent_host,
                                        .id = p->id,
                                        .channel_fd = p->child_fd,
                                        .limits = &p->limits };
        int r;

        if (p->seccomp) {
                r = sandbox_make_filter(p->gate.grants, &filter_fd);
                if (r < 0)
                        return diag_set_errno(diag, r, "cannot make the system call filter");
        }
        config.filter_fd = filter_fd;
        r = runner_start(p->event, &config, &runner_events, p, diag, &p->runner);
        (void)close(TAKE_FD(p->child_fd)); /* or its end would never be seen */
        return r;
}

static int process_start(struct instance *instance, uint32_t flags)
{
        struct process *p = process_of(instance);
        const struct frame frame = { .type = FRAME_START,
                                     .number = { flags | UB_START_ISOLATED } };
        int r;

        if (p->state != PROCESS_STATE_NEW)
                return -ESTALE;
        p->state = PROCESS_STATE_STARTING;
        r = channel_send(p->channel, &frame);
        if (r < 0)
                (void)diag_set_errno(&p->verdict, r, "cannot be told to start");
        else
                r = start_process(p, &p->verdict);
        if (r < 0)
                process_fail(p, r);
        else
                process_expect(p, INSTANCE_CALL_START, "", p->hang_usec);
        return 0;
}

/* ------------------------------------------------------------------------------------- requests */

static int send_frame(struct process *p, const struct frame *frame)
{
        int r;

        if (p->state != PROCESS_STATE_RUNNING && p->state != PROCESS_STATE_STOPPING)
                return -ESTALE;
        if (!p->channel)
                return 0; /* it has just ended, and `died` is on its way */
        r = channel_send(p->channel, frame);
        if (r == -ENOBUFS && frame->type != FRAME_MQTT_MESSAGE)
                process_die(p, "does not read what it is sent");
        return r;
}

void process_send_stop(struct process *p)
{
        const struct frame frame = { .type = FRAME_STOP };

        p->state = PROCESS_STATE_STOPPING;
        watchdog_forgive(&p->watchdog); /* the stop has a time of its own */
        if (send_frame(p, &frame) == 0)
                process_expect(p, INSTANCE_CALL_STOP, "", p->stop_usec + STOP_GRACE_USEC);
}

static int process_stop(struct instance *instance)
{
        struct process *p = process_of(instance);

        if (p->state == PROCESS_STATE_STARTING)
                p->stop_wanted = true;
        else if (p->state == PROCESS_STATE_RUNNING)
                process_send_stop(p);
        else
                return -ESTALE;
        return 0;
}

static int process_request(struct instance *instance, const struct instance_request_args *args)
{
        struct process *p = process_of(instance);
        const struct frame frame = { .type = FRAME_REQUEST,
                                     .number = { args->call, (uint64_t)(int64_t)args->command },
                                     .text = { args->activity, args->text } };
        int r;

        if (p->state != PROCESS_STATE_RUNNING)
                return -ESTALE;
        if (p->watchdog.n_entries >= WATCHDOG_MAX - 2) /* room for a ping and a stop */
                return -ENOBUFS;
        r = send_frame(p, &frame);
        if (r < 0)
                return r;
        if (args->call == INSTANCE_CALL_DESIRED_STATE || args->call == INSTANCE_CALL_COMMAND ||
            args->call == INSTANCE_CALL_FEEDBACK_GET)
                (void)snprintf(p->activity, sizeof(p->activity), "%s", args->activity);
        process_expect(p, args->call, args->activity, p->hang_usec);
        return 0;
}

static int process_activity_end(struct instance *instance, const char *activity)
{
        struct process *p = process_of(instance);
        const struct frame frame = { .type = FRAME_ACTIVITY_END, .text = { activity } };

        if (strcmp(p->activity, activity) == 0)
                p->activity[0] = '\0';
        return send_frame(p, &frame);
}

static int process_state_synced(struct instance *instance, uint64_t id, int result)
{
        const struct frame frame = { .type = FRAME_STATE_SYNCED,
                                     .number = { id, (uint64_t)(int64_t)result } };

        return send_frame(process_of(instance), &frame);
}

static int process_mqtt_published(struct instance *instance, uint64_t id, int result)
{
        const struct frame frame = { .type = FRAME_MQTT_PUBLISHED,
                                     .number = { id, (uint64_t)(int64_t)result } };

        return send_frame(process_of(instance), &frame);
}

static int process_mqtt_message(struct instance *instance, uint64_t subscription, const char *topic,
                                const void *payload, size_t length, uint32_t flags)
{
        struct process *p = process_of(instance);
        const struct frame frame = { .type = FRAME_MQTT_MESSAGE,
                                     .number = { subscription, flags },
                                     .text = { topic },
                                     .blob = payload,
                                     .blob_length = length };

        if (p->channel && channel_queued(p->channel) + length > MESSAGE_QUEUE_BYTES)
                return -ENOBUFS;
        return send_frame(p, &frame);
}

static int process_mqtt_connected(struct instance *instance, bool connected)
{
        const struct frame frame = { .type = FRAME_MQTT_CONNECTED, .number = { connected } };

        return send_frame(process_of(instance), &frame);
}

static void process_get_stats(const struct instance *instance, struct instance_stats *ret)
{
        const struct process *p = CONTAINER_OF(instance, const struct process, instance);

        *ret = p->stats;
        ret->pid = p->runner ? runner_pid(p->runner) : 0;
}

static const struct instance_ops process_ops = {
        .free = process_free,
        .start = process_start,
        .stop = process_stop,
        .request = process_request,
        .activity_end = process_activity_end,
        .state_synced = process_state_synced,
        .mqtt_published = process_mqtt_published,
        .mqtt_message = process_mqtt_message,
        .mqtt_connected = process_mqtt_connected,
        .get_stats = process_get_stats,
};

/* ------------------------------------------------------------------------------------------ new */

static int copy_topics(struct process *p, const char *const *topics)
{
        size_t n = 0;
        size_t i;

        while (topics && topics[n])
                n++;
        p->topics = calloc(n + 1, sizeof(*p->topics));
        if (!p->topics)
                return -ENOMEM;
        for (i = 0; i < n; i++) {
                p->topics[i] = strdup(topics[i]);
                if (!p->topics[i])
                        return -ENOMEM;
        }
        p->gate.topics = (const char *const *)p->topics;
        return 0;
}

static int copy_config(struct process *p, const struct instance_config *config)
{
        p->gate.role = config->role;
        p->gate.grants = config->grants;
        p->limits = config->limits;
        p->seccomp = config->seccomp;
        p->hang_usec = config->hang_usec ? config->hang_usec : INSTANCE_HANG_USEC;
        p->stop_usec = config->stop_usec ? config->stop_usec : INSTANCE_STOP_USEC;
        p->id = strdup(config->id);
        p->agent_host = strdup(config->agent_host);
        if (!p->id || !p->agent_host)
                return -ENOMEM;
        return copy_topics(p, config->topics);
}

/* Everything that the child is to know waits in the channel from here on, so that nothing of it
 * needs a copy until the start. */
static int send_config(struct process *p, const struct instance_config *config)
{
        const struct frame frame = { .type = FRAME_CONFIG,
                                     .number = { config->role, config->grants, p->stop_usec,
                                                 config->seccomp },
                                     .text = { config->id, config->plugin, config->settings } };
        char **topic;
        size_t i;
        int r;

        for (topic = p->topics; *topic; topic++) {
                r = channel_send(p->channel,
                                 &(struct frame){ .type = FRAME_TOPIC, .text = { *topic } });
                if (r < 0)
                        return r;
        }
        for (i = 0; config->state && i < values_count(config->state); i++) {
                struct value value = values_at(config->state, i);

                r = channel_send(p->channel, &(struct frame){ .type = FRAME_STATE,
                                                              .text = { value.key },
                                                              .blob = value.data,
                                                              .blob_length = value.length });
                if (r < 0)
                        return r;
        }
        return channel_send(p->channel, &frame);
}

int instance_new_process(const struct instance_config *config, sd_event *event,
                         const struct instance_events *events, void *data, struct instance **ret)
{
        CLEANUP(process_freep) struct process *p = NULL;
        int fds[2];
        int r;

        assert(config->id && config->plugin && config->settings && config->agent_host);
        assert(event && events && ret);

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->instance.ops = &process_ops;
        p->instance.role = config->role;
        p->state = PROCESS_STATE_NEW;
        p->event = event;
        p->events = events;
        p->data = data;
        p->child_fd = -1;
        watchdog_init(&p->watchdog, event, on_watchdog, p);

        r = copy_config(p, config);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;
        p->child_fd = fds[1];
        r = channel_new(event, fds[0], &channel_events, p, &p->channel);
        if (r == 0)
                r = send_config(p, config);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &p->verdict_source, on_verdict, p);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(p->verdict_source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = &TAKE_PTR(p)->instance;
        return 0;
}
