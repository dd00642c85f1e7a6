/* SPDX-License-Identifier: Apache-2.0
 *
 * ub-agent-host - the process around one isolated plugin
 *
 * Started by the daemon (process.c), never by a person.  It has one local instance (local.c), and
 * does nothing but translate: frames from the channel become calls of instance.h, events of the
 * instance become frames.  Loop, timers, settings and durable state are the local instance's own,
 * so no call of the plugin ever waits for the daemon.
 *
 * It links as little as it can: what it brings along is visible to the plugin.
 *
 * The way out is a queue of CHANNEL_QUEUE_MAX, which fills when the daemon does not read, and the
 * daemon stops reading a plugin that says too much.  From the middle on, log lines are left out and
 * counted (the plugin is told of as INSTANCE_FAULT_FLOOD); all else is the plugin's word that must
 * not be lost, so when the queue is full the process ends with RUNNER_EXIT_FLOOD.  The plugin sees
 * no error before that: all its calls have long returned.
 *
 * The end of the channel is the end of the process, be the daemon done with it or dead.  SIGTERM is
 * not: a service manager sends it to all processes of the service at once, and the daemon then
 * stops its plugins in good order.
 *
 *     ub-agent-host --instance ID     the descriptors are those of runner.h
 *     ub-agent-host --inspect PATH    see inspect.h */
#define _GNU_SOURCE 1
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "host/plugin/abi.h"
#include "host/plugin/channel.h"
#include "host/plugin/inspect.h"
#include "host/plugin/instance.h"
#include "host/plugin/runner.h"
#include "host/util/cleanup.h"
#include "host/util/utf8.h"
#include "host/util/values.h"

enum { LOG_QUEUE_BYTES = CHANNEL_QUEUE_MAX / 2 };

struct agent_host {
        sd_event *event;
        struct channel *channel;
        struct instance *instance; /* NULL before CONFIG */
        bool at_rest;               /* not started, or destroyed: nothing of the plugin runs */
        unsigned lines_lost;

        /* What comes before CONFIG. */
        char **topics; /* ended by NULL */
        size_t n_topics;
        struct values *state; /* NULL: none came */
};

/* -------------------------------------------------------------------------------- to the daemon */

/* Every frame goes through here: what cannot be said ends the process. */
static void say(struct agent_host *host, const struct frame *frame)
{
        int r = channel_send(host->channel, frame);

        if (r < 0)
                _exit(r == -ENOBUFS ? RUNNER_EXIT_FLOOD : RUNNER_EXIT_RESOURCES);
}

/* Text that comes from the plugin by a way that nobody has checked. */
static const char *clean(const char *text, size_t max_bytes)
{
        return text && strlen(text) <= max_bytes && utf8_is_valid(text, strlen(text)) ? text : "";
}

static void on_started(void *data, int r, const char *text)
{
        struct agent_host *host = data;
        const struct frame frame = { .type = FRAME_STARTED,
                                     .number = { (uint64_t)(int64_t)r },
                                     .text = { clean(text, UB_MAX_LOG) } };

        /* Settings and state have been handed over, the dynamic linker is done: what they needed
         * goes back to the system, for the long time in which nothing happens. */
        (void)malloc_trim(0);
        say(host, &frame);
}

static void on_stopped(void *data)
{
        struct agent_host *host = data;
        const struct frame frame = { .type = FRAME_STOPPED };

        host->at_rest = true;
        say(host, &frame);
}

static void on_died(void *data, const char *text)
{
        const struct frame frame = { .type = FRAME_DIED, .text = { clean(text, UB_MAX_LOG) } };

        say(data, &frame);
}

static void on_answered(void *data, enum instance_call call, const char *activity, int r)
{
        struct agent_host *host = data;
        struct instance_stats stats;
        struct frame frame = { .type = FRAME_ANSWERED, .text = { activity } };

        instance_get_stats(host->instance, &stats);
        frame.number[0] = call;
        frame.number[1] = (uint64_t)(int64_t)r;
        frame.number[2] = stats.calls;
        frame.number[3] = stats.call_usec;
        frame.number[4] = stats.call_usec_max;
        say(host, &frame);
}

static void on_misbehaved(void *data, enum instance_fault fault, const char *text)
{
        const struct frame frame = { .type = FRAME_MISBEHAVED,
                                     .number = { fault },
                                     .text = { clean(text, UB_MAX_LOG) } };

        say(data, &frame);
}

static void report_lines_lost(struct agent_host *host)
{
        char text[64];

        if (host->lines_lost == 0)
                return;
        (void)snprintf(text, sizeof(text), "%u log lines left out", host->lines_lost);
        host->lines_lost = 0;
        on_misbehaved(host, INSTANCE_FAULT_FLOOD, text);
}

static void on_log(void *data, int level, const char *file, int line, const char *func,
                   const char *text)
{
        struct agent_host *host = data;
        const struct frame frame = { .type = FRAME_LOG,
                                     .number = { (uint64_t)level, (uint64_t)(int64_t)line },
                                     .text = { clean(file, FRAME_PATH_MAX), clean(func, UB_MAX_LOG),
                                               clean(text, UB_MAX_LOG) } };

        if (channel_queued(host->channel) > LOG_QUEUE_BYTES) {
                host->lines_lost++;
                return;
        }
        report_lines_lost(host);
        say(host, &frame);
}

static void on_current_state(void *data, const char *activity, const char *json)
{
        say(data, &(struct frame){ .type = FRAME_CURRENT_STATE, .text = { activity, json } });
}

static void on_feedback(void *data, const char *activity, const char *json)
{
        say(data, &(struct frame){ .type = FRAME_FEEDBACK, .text = { activity, json } });
}

static void on_reboot_request(void *data, const char *activity, const char *reason)
{
        say(data, &(struct frame){ .type = FRAME_REBOOT_REQUEST,
                                   .text = { activity, clean(reason, UB_MAX_LOG) } });
}

static void on_state_put(void *data, const char *key, const void *value, size_t length)
{
        say(data, &(struct frame){ .type = FRAME_STATE_PUT,
                                   .text = { key },
                                   .blob = value,
                                   .blob_length = length });
}

static void on_state_sync(void *data, uint64_t id)
{
        say(data, &(struct frame){ .type = FRAME_STATE_SYNC, .number = { id } });
}

static void on_mqtt_publish(void *data, uint64_t id, const char *topic, const void *payload,
                            size_t length, uint32_t qos, uint32_t flags)
{
        say(data, &(struct frame){ .type = FRAME_MQTT_PUBLISH,
                                   .number = { id, qos, flags },
                                   .text = { topic },
                                   .blob = payload,
                                   .blob_length = length });
}

static void on_mqtt_subscribe(void *data, uint64_t id, const char *filter, uint32_t qos)
{
        say(data, &(struct frame){ .type = FRAME_MQTT_SUBSCRIBE,
                                   .number = { id, qos },
                                   .text = { filter } });
}

static void on_mqtt_unsubscribe(void *data, uint64_t id)
{
        say(data, &(struct frame){ .type = FRAME_MQTT_UNSUBSCRIBE, .number = { id } });
}

static void on_orchestrator(void *data, enum instance_request request, const char *activity,
                            const char *json)
{
        say(data, &(struct frame){ .type = FRAME_ORCHESTRATOR,
                                   .number = { request },
                                   .text = { activity, json } });
}

static const struct instance_events instance_events = INSTANCE_EVENTS(on);

/* --------------------------------------------------------------------------------- from the daemon
 * Each returns 0 or why it cannot be done; a daemon that asks for what cannot be is not our
 * daemon. */

static int take_topic(struct agent_host *host, const struct frame *frame)
{
        char **topics = reallocarray(host->topics, host->n_topics + 2, sizeof(*topics));

        if (!topics)
                return -ENOMEM;
        host->topics = topics;
        topics[host->n_topics] = strdup(frame->text[0]);
        if (!topics[host->n_topics])
                return -ENOMEM;
        topics[++host->n_topics] = NULL;
        return 0;
}

static int take_state(struct agent_host *host, const struct frame *frame)
{
        int r = host->state ? 0 : values_new(UB_MAX_STATE, &host->state);

        if (r < 0)
                return r;
        return values_put(host->state, frame->text[0], frame->blob, frame->blob_length);
}

static void forget_config(struct agent_host *host)
{
        size_t i;

        for (i = 0; i < host->n_topics; i++)
                free(host->topics[i]);
        free(host->topics);
        host->topics = NULL;
        host->n_topics = 0;
        host->state = values_free(host->state);
}

/* From here on for this process and all that it will run. */
static int load_filter(void)
{
        static struct sock_filter program[BPF_MAXINSNS]; /* 32 KiB of which only used pages count */
        struct sock_fprog filter = { .filter = program };
        ssize_t n = read(RUNNER_FILTER_FD, program, sizeof(program));

        if (n <= 0 || (size_t)n % sizeof(program[0]) != 0)
                return n < 0 ? -errno : -EBADMSG;
        (void)close(RUNNER_FILTER_FD);
        filter.len = (unsigned short)((size_t)n / sizeof(program[0]));
        /* The kernel asks for the first so that a filter cannot mislead a set-user-id program. */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
                return -errno;
        return 0;
}

static int take_config(struct agent_host *host, const struct frame *frame)
{
        const struct instance_config config = {
                .role = (enum instance_role)frame->number[0],
                .grants = (unsigned)frame->number[1],
                .stop_usec = frame->number[2],
                .id = frame->text[0],
                .plugin = frame->text[1],
                .settings = frame->text[2],
                .topics = (const char *const *)host->topics,
                .state = host->state,
        };
        int r;

        if (host->instance)
                return -EBADMSG;
        r = frame->number[3] ? load_filter() : 0;
        if (r < 0) {
                (void)fprintf(stderr, "ub-agent-host: system call filter: %s\n", strerror(-r));
                _exit(RUNNER_EXIT_SANDBOX);
        }
        r = instance_new_local(&config, host->event, &instance_events, host, &host->instance);
        forget_config(host);
        return r;
}

static int take_start(struct agent_host *host, const struct frame *frame)
{
        host->at_rest = false;
        return instance_start(host->instance, (uint32_t)frame->number[0]);
}

static int request(struct agent_host *host, enum instance_call call, int32_t command,
                   const char *activity, const char *text)
{
        struct instance *instance = host->instance;

        switch (call) {
        case INSTANCE_CALL_RELOAD:
                return instance_reload(instance, text);
        case INSTANCE_CALL_CURRENT_STATE_GET:
                return instance_current_state_get(instance, activity);
        case INSTANCE_CALL_DESIRED_STATE:
                return instance_desired_state(instance, activity, text);
        case INSTANCE_CALL_COMMAND:
                return instance_command(instance, activity, text, command);
        case INSTANCE_CALL_CANCEL:
                return instance_cancel(instance, activity);
        case INSTANCE_CALL_FEEDBACK_GET:
                return instance_feedback_get(instance, activity);
        case INSTANCE_CALL_CONNECTOR_FEEDBACK:
                return instance_connector_feedback(instance, activity, text);
        case INSTANCE_CALL_CONNECTOR_CURRENT_STATE:
                return instance_connector_current_state(instance, activity, text);
        case INSTANCE_CALL_CONNECTOR_OWNER_CONSENT:
                return instance_connector_owner_consent(instance, activity, text);
        case INSTANCE_CALL_CREATE:
        case INSTANCE_CALL_START:
        case INSTANCE_CALL_STOP:
        case INSTANCE_CALL_DESTROY:
        case INSTANCE_CALL_WOKEN:
        case INSTANCE_CALL_CALLBACK:
                break;
        }
        return -EBADMSG;
}

static int take_request(struct agent_host *host, const struct frame *frame)
{
        enum instance_call call = (enum instance_call)frame->number[0];
        int r = request(host, call, (int32_t)(int64_t)frame->number[1], frame->text[0],
                        frame->text[1]);

        if (r < 0 && r != -EBADMSG)
                on_answered(host, call, frame->text[0], r);
        return r == -EBADMSG ? r : 0;
}

static int take_activity_end(struct agent_host *host, const struct frame *frame)
{
        (void)instance_activity_end(host->instance, frame->text[0]); /* -ESTALE: no harm */
        return 0;
}

/* The four below fail when the plugin is stopping: it does not care any more. */
static int take_state_synced(struct agent_host *host, const struct frame *frame)
{
        (void)instance_state_synced(host->instance, frame->number[0],
                                    (int)(int64_t)frame->number[1]);
        return 0;
}

static int take_mqtt_published(struct agent_host *host, const struct frame *frame)
{
        (void)instance_mqtt_published(host->instance, frame->number[0],
                                      (int)(int64_t)frame->number[1]);
        return 0;
}

static int take_mqtt_message(struct agent_host *host, const struct frame *frame)
{
        (void)instance_mqtt_message(host->instance, frame->number[0], frame->text[0], frame->blob,
                                    frame->blob_length, (uint32_t)frame->number[1]);
        return 0;
}

static int take_mqtt_connected(struct agent_host *host, const struct frame *frame)
{
        (void)instance_mqtt_connected(host->instance, frame->number[0] != 0);
        return 0;
}

static int take_ping(struct agent_host *host, const struct frame *frame)
{
        struct instance_stats stats;
        struct frame answer = { .type = FRAME_STATS };

        (void)frame;

        instance_get_stats(host->instance, &stats);
        answer.number[0] = stats.calls;
        answer.number[1] = stats.call_usec;
        answer.number[2] = stats.call_usec_max;
        say(host, &answer);
        return 0;
}

static int take_stop(struct agent_host *host, const struct frame *frame)
{
        (void)frame;

        return instance_stop(host->instance);
}

static int (*const handlers[FRAME_TYPE_COUNT])(struct agent_host *host,
                                               const struct frame *frame) = {
        [FRAME_TOPIC] = take_topic,
        [FRAME_STATE] = take_state,
        [FRAME_CONFIG] = take_config,
        [FRAME_START] = take_start,
        [FRAME_REQUEST] = take_request,
        [FRAME_ACTIVITY_END] = take_activity_end,
        [FRAME_STATE_SYNCED] = take_state_synced,
        [FRAME_MQTT_PUBLISHED] = take_mqtt_published,
        [FRAME_MQTT_MESSAGE] = take_mqtt_message,
        [FRAME_MQTT_CONNECTED] = take_mqtt_connected,
        [FRAME_PING] = take_ping,
        [FRAME_STOP] = take_stop,
};

static void on_frame(void *data, const struct frame *frame)
{
        struct agent_host *host = data;
        bool early = frame->type == FRAME_TOPIC || frame->type == FRAME_STATE ||
                     frame->type == FRAME_CONFIG;
        int r = -EBADMSG;

        if (handlers[frame->type] && early == !host->instance)
                r = handlers[frame->type](host, frame);
        if (r == -ENOMEM)
                _exit(RUNNER_EXIT_RESOURCES);
        if (r < 0) {
                (void)fprintf(stderr, "ub-agent-host: %s: %s\n", frame_type_to_string(frame->type),
                              strerror(-r));
                _exit(RUNNER_EXIT_FRAMES);
        }
}

static void on_closed(void *data, int r, const char *text)
{
        struct agent_host *host = data;

        if (r < 0) {
                (void)fprintf(stderr, "ub-agent-host: %s\n", text);
                _exit(RUNNER_EXIT_FRAMES);
        }
        /* Threads of a plugin that was not stopped may run: no destructor may pull the rug from
         * under them. */
        if (!host->at_rest)
                _exit(0);
        (void)sd_event_exit(host->event, 0); /* fails only when it is exiting already */
}

static const struct channel_events channel_events = { .frame = on_frame, .closed = on_closed };

/* ----------------------------------------------------------------------------------------- main */

static void ignore_signal(int sig)
{
        const struct sigaction action = { .sa_handler = SIG_IGN };

        (void)sigaction(sig, &action, NULL); /* cannot fail with these numbers */
}

static int serve(void)
{
        struct agent_host host = { .at_rest = true };
        int r;

        ignore_signal(SIGTERM);
        ignore_signal(SIGINT);
        ignore_signal(SIGHUP);
        ignore_signal(SIGPIPE);
        /* One heap: a process that mostly waits gains nothing from an arena per thread. */
        (void)mallopt(M_ARENA_MAX, 1);

        r = sd_event_new(&host.event);
        if (r == 0)
                r = channel_new(host.event, RUNNER_CHANNEL_FD, &channel_events, &host,
                                &host.channel);
        if (r < 0)
                return RUNNER_EXIT_RESOURCES;
        r = sd_event_loop(host.event);
        (void)instance_free(host.instance);
        (void)channel_free(host.channel);
        forget_config(&host);
        (void)sd_event_unref(host.event);
        return r < 0 ? RUNNER_EXIT_RESOURCES : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "--inspect") == 0)
                _exit(inspect_main(argv[2], INSPECT_FD)); /* see inspect.h for why not exit */
        if (argc == 3 && strcmp(argv[1], "--instance") == 0)
                return serve();
        (void)fprintf(stderr, "ub-agent-host is started by update-brokerd; for people there is "
                              "ub-plugin-check.\n");
        return EXIT_FAILURE;
}
