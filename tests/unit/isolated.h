/* SPDX-License-Identifier: Apache-2.0
 *
 * isolated - an isolated instance of a plugin from tests/bad, and everything that it has said */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "host/plugin/instance.h"

struct isolated {
        struct instance *instance;
        sd_event *event; /* borrowed */

        bool started;
        int started_r;
        bool stopped;
        bool died;
        unsigned n_answered;
        enum instance_call answered_call;
        int answered_r;
        unsigned n_logs;
        unsigned n_feedbacks;
        unsigned n_current_states;
        unsigned n_puts;
        unsigned faults[INSTANCE_FAULT_COUNT];
        char text[1024];  /* of started or died */
        char last_log[1024];
        char logs
                [16384]; /* all lines, each ended by a newline; the first ones when there are many */
        bool free_on_event; /* instance_free() in the next handler */
};

/* Fills in what tests seldom change; settings stays the caller's. */
static inline struct instance_config isolated_config(const char *settings)
{
        static char agent_host[4096];
        static char plugin[4096];
        const char *top = getenv("top_builddir") ? getenv("top_builddir") : ".";
        struct instance_config config = { .id = "saboteur",
                                          .role = INSTANCE_ROLE_AGENT,
                                          .settings = settings };

        (void)snprintf(agent_host, sizeof(agent_host), "%s/ub-agent-host", top);
        (void)snprintf(plugin, sizeof(plugin), "%s/tests/bad/.libs/saboteur.so", top);
        config.agent_host = agent_host;
        config.plugin = plugin;
        return config;
}

static inline void isolated_seen(struct isolated *i)
{
        if (i->free_on_event)
                i->instance = instance_free(i->instance);
}

static inline void isolated_on_started(void *data, int r, const char *text)
{
        struct isolated *i = data;

        i->started = true;
        i->started_r = r;
        (void)snprintf(i->text, sizeof(i->text), "%s", text);
        isolated_seen(i);
}

static inline void isolated_on_stopped(void *data)
{
        struct isolated *i = data;

        i->stopped = true;
        isolated_seen(i);
}

static inline void isolated_on_died(void *data, const char *text)
{
        struct isolated *i = data;

        i->died = true;
        (void)snprintf(i->text, sizeof(i->text), "%s", text);
        isolated_seen(i);
}

static inline void isolated_on_answered(void *data, enum instance_call call, const char *activity,
                                        int r)
{
        struct isolated *i = data;

        (void)activity;

        i->n_answered++;
        i->answered_call = call;
        i->answered_r = r;
        isolated_seen(i);
}

static inline void isolated_on_misbehaved(void *data, enum instance_fault fault, const char *text)
{
        struct isolated *i = data;

        (void)text;

        i->faults[fault]++;
        isolated_seen(i);
}

static inline void isolated_on_log(void *data, int level, const char *file, int line,
                                   const char *func, const char *text)
{
        struct isolated *i = data;
        size_t used = strlen(i->logs);

        (void)level;
        (void)file;
        (void)line;
        (void)func;

        i->n_logs++;
        (void)snprintf(i->last_log, sizeof(i->last_log), "%s", text);
        (void)snprintf(i->logs + used, sizeof(i->logs) - used, "%s\n", text);
        isolated_seen(i);
}

static inline void isolated_on_current_state(void *data, const char *activity, const char *json)
{
        struct isolated *i = data;

        (void)activity;
        (void)json;

        i->n_current_states++;
        isolated_seen(i);
}

static inline void isolated_on_feedback(void *data, const char *activity, const char *json)
{
        struct isolated *i = data;

        (void)activity;
        (void)json;

        i->n_feedbacks++;
        isolated_seen(i);
}

static inline void isolated_on_reboot_request(void *data, const char *activity, const char *reason)
{
        (void)activity;
        (void)reason;
        isolated_seen(data);
}

static inline void isolated_on_state_put(void *data, const char *key, const void *value,
                                         size_t length)
{
        struct isolated *i = data;

        (void)key;
        (void)value;
        (void)length;

        i->n_puts++;
        isolated_seen(i);
}

static inline void isolated_on_state_sync(void *data, uint64_t id)
{
        struct isolated *i = data;

        (void)instance_state_synced(i->instance, id, 0);
}

static inline void isolated_on_mqtt_publish(void *data, uint64_t id, const char *topic,
                                            const void *payload, size_t length, uint32_t qos,
                                            uint32_t flags)
{
        (void)id;
        (void)topic;
        (void)payload;
        (void)length;
        (void)qos;
        (void)flags;
        isolated_seen(data);
}

static inline void isolated_on_mqtt_subscribe(void *data, uint64_t id, const char *filter,
                                              uint32_t qos)
{
        (void)id;
        (void)filter;
        (void)qos;
        isolated_seen(data);
}

static inline void isolated_on_mqtt_unsubscribe(void *data, uint64_t id)
{
        (void)id;
        isolated_seen(data);
}

static inline void isolated_on_orchestrator(void *data, enum instance_request request,
                                            const char *activity, const char *json)
{
        (void)request;
        (void)activity;
        (void)json;
        isolated_seen(data);
}

static const struct instance_events isolated_events = INSTANCE_EVENTS(isolated_on);

static inline int isolated_new(struct isolated *i, sd_event *event,
                               const struct instance_config *config)
{
        *i = (struct isolated){ .event = event };
        return instance_new_process(config, event, &isolated_events, i, &i->instance);
}
