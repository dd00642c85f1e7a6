/* SPDX-License-Identifier: Apache-2.0
 *
 * remote - the agent of a domain that lives in another process, behind MQTT
 *
 * Kanto's container update agent, Leda's self-update agent, and whatever is built on Kanto's SDK,
 * speak the update agent API: five topics below a prefix that follows from the domain.
 *
 *     PREFIX/desiredstate           to the agent     an activity begins
 *     PREFIX/desiredstate/command   to the agent     one step of it
 *     PREFIX/currentstate/get       to the agent     asks for the inventory
 *     PREFIX/desiredstatefeedback   from the agent   progress and outcome
 *     PREFIX/currentstate           from the agent   the inventory; retained
 *
 * This is the same agent behind the ABI: it forwards, and makes good what agents in the field leave
 * out or get wrong, so that the host meets an agent that keeps the rules of plugin.h.  What it
 * makes good, and how, stands above the functions of activity.c and inquiry.c.
 *
 * Two slots of struct ub_agent have no counterpart in the API.  There is no cancel(): the host
 * waits for the end of the step and then sends ROLLBACK or CLEANUP, which is all that such an agent
 * understands.  And UB_CMD_VERIFY is answered -ENOTSUP.
 *
 * The registration grants the service "mqtt" and the topics "PREFIX/#". */
#include "plugins/remote/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/remote/message.h"

#ifndef REMOTE_VERSION
#define REMOTE_VERSION "1.0"
#endif

enum { QOS = 1 };

/* --------------------------------------------------------------------------------------- topics */

static void make_topic(const struct remote *remote, const char *suffix, char buf[UB_MAX_TOPIC + 1])
{
        (void)snprintf(buf, UB_MAX_TOPIC + 1, "%s/%s", remote->settings.prefix, suffix);
}

int remote_send(struct remote *remote, const char *suffix, const char *activity,
                const char *payload, ub_done_fn done)
{
        char topic[UB_MAX_TOPIC + 1];
        char *text;
        int r;

        r = message_write(activity, payload, &text);
        if (r < 0)
                return r;
        make_topic(remote, suffix, topic);
        r = ub_mqtt_publish(remote->host, topic, text, strlen(text), QOS, 0, done, remote);
        free(text);
        return r;
}

void remote_make_id(const char *what, char *buf, size_t size)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* the clock is always there */
        (void)snprintf(buf, size, "%s-%lld", what,
                       (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

const char *remote_time_text(uint64_t usec, char buf[32])
{
        unsigned long long msec = usec / 1000;

        if (msec % 1000 == 0)
                (void)snprintf(buf, 32, "%llu s", msec / 1000);
        else
                (void)snprintf(buf, 32, "%llu ms", msec);
        return buf;
}

static void on_feedback(void *data, const char *topic, const void *payload, size_t length,
                        uint32_t flags)
{
        (void)topic;
        /* Feedback is never retained; if somebody did, it is not of now. */
        if (!(flags & UB_MQTT_RETAIN))
                feedback_take(data, payload, length);
}

static void on_state(void *data, const char *topic, const void *payload, size_t length,
                     uint32_t flags)
{
        (void)topic;
        inquiry_take(data, payload, length, flags & UB_MQTT_RETAIN);
}

static void unsubscribe(struct remote *remote)
{
        if (remote->feedback_id)
                (void)ub_mqtt_unsubscribe(remote->host, remote->feedback_id);
        if (remote->state_id)
                (void)ub_mqtt_unsubscribe(remote->host, remote->state_id);
        remote->feedback_id = 0;
        remote->state_id = 0;
}

static int subscribe(struct remote *remote)
{
        char topic[UB_MAX_TOPIC + 1];
        int r;

        make_topic(remote, "desiredstatefeedback", topic);
        r = ub_mqtt_subscribe(remote->host, topic, QOS, on_feedback, remote, &remote->feedback_id);
        if (r >= 0) {
                make_topic(remote, "currentstate", topic);
                r = ub_mqtt_subscribe(remote->host, topic, QOS, on_state, remote,
                                      &remote->state_id);
        }
        if (r < 0) {
                ub_err(remote->host, "%s: %s", topic,
                       r == -EPERM ? "not among the topics of the registration" : strerror(-r));
                unsubscribe(remote);
        }
        return r;
}

static void on_connected(void *data, uint32_t connected)
{
        struct remote *remote = data;

        if (remote->connected == (connected != 0))
                return; /* told twice */
        remote->connected = connected != 0;
        activity_connected(remote);
        if (remote->connected)
                inquiry_connected(remote);
}

/* ----------------------------------------------------------------------------------------- life */

static void remote_destroy(void *self)
{
        struct remote *remote = self;

        activity_done(&remote->activity, remote->host);
        settings_done(&remote->settings);
        free(remote->inventory);
        free(remote);
}

static int remote_create(const struct ub_host *host, const char *settings_json, void **ret_self)
{
        struct ub_error error = UB_ERROR_INIT;
        struct remote *remote;
        int r;

        remote = calloc(1, sizeof(*remote));
        if (!remote)
                return -ENOMEM;
        remote->host = host;
        r = settings_parse(settings_json, ub_id(host), &error, &remote->settings);
        if (r < 0) {
                ub_err(host, "%s", error.text);
                free(remote);
                return r;
        }
        r = keep_load(remote);
        if (r < 0) {
                ub_err(host, "cannot read the durable state: %s", strerror(-r));
                remote_destroy(remote);
                return r;
        }
        *ret_self = remote;
        return 0;
}

static int remote_start(void *self, uint32_t flags)
{
        struct remote *remote = self;
        int r;

        activity_start(remote, flags & (UB_START_RECOVERED | UB_START_REBOOTED));
        if (!ub_mqtt(remote->host)) {
                ub_err(remote->host, "needs \"services\": [\"mqtt\"] and \"topics\": [\"%s/#\"]",
                       remote->settings.prefix);
                return -EPERM;
        }
        r = subscribe(remote);
        if (r < 0)
                return r;
        return ub_mqtt_watch(remote->host, on_connected, remote);
}

static void remote_stop(void *self)
{
        struct remote *remote = self;

        activity_stop(remote);
        inquiry_stop(remote);
        (void)ub_mqtt_watch(remote->host, NULL, NULL);
        unsubscribe(remote);
        (void)ub_stopped(remote->host);
}

static int remote_reload(void *self, const char *settings_json)
{
        struct ub_error error = UB_ERROR_INIT;
        struct remote *remote = self;
        struct settings settings;
        struct settings old = remote->settings;
        int r;

        r = settings_parse(settings_json, ub_id(remote->host), &error, &settings);
        if (r < 0) {
                ub_err(remote->host, "%s", error.text);
                return r;
        }
        remote->settings = settings;
        if (strcmp(settings.prefix, old.prefix) == 0) {
                settings_done(&old);
                return 0;
        }
        unsubscribe(remote);
        r = subscribe(remote);
        if (r < 0) {
                settings_done(&settings);
                remote->settings = old;
                (void)subscribe(remote); /* as it could before; it logs when not */
                return r;
        }
        settings_done(&old);
        /* Another agent: what the old one reported says nothing about this one. */
        free(remote->inventory);
        remote->inventory = NULL;
        if (remote->connected)
                inquiry_connected(remote);
        return 0;
}

/* ---------------------------------------------------------------------------------------- agent */

static int remote_current_state_get(void *self, const char *activity)
{
        return inquiry_ask(self, activity);
}

static int remote_desired_state(void *self, const char *activity, const char *json)
{
        return activity_begin(self, activity, json);
}

static int remote_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        return activity_command(self, activity, baseline, command);
}

static int remote_feedback_get(void *self, const char *activity)
{
        return activity_feedback_get(self, activity);
}

/* --------------------------------------------------------------------------------------- tables */

static const struct ub_life life = {
        .size = sizeof(life),
        .create = remote_create,
        .start = remote_start,
        .stop = remote_stop,
        .destroy = remote_destroy,
        .reload = remote_reload,
};

static const struct ub_agent agent = {
        .size = sizeof(agent),
        .current_state_get = remote_current_state_get,
        .desired_state = remote_desired_state,
        .command = remote_command,
        .feedback_get = remote_feedback_get,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "remote",
        .version = REMOTE_VERSION,
        .description = "An agent in another process, behind Kanto's update agent API over MQTT",
        .settings_schema = settings_schema,
        .life = &life,
        .agent = &agent,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
