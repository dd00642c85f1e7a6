/* SPDX-License-Identifier: Apache-2.0
 *
 * instance - one plugin at work for one registration
 *
 * What the broker holds of an agent or a connector.  Two implementations stand behind these
 * functions and behave the same, proved by the same transcripts:
 *
 *     local    (local.c)    the .so is loaded here; used with "isolation": "none", and by
 *              ub-agent-host
 *     process  (process.c)  the .so lives in a child, ub-agent-host, which has a local instance of
 *              its
 *                           own; requests and events travel over a socketpair as frames (frame.h)
 *
 * Downward, the functions below are requests: they only queue, and return at once.  Upward,
 * everything comes as an event of `struct instance_events`, always from the event loop and never
 * from inside one of the functions below.  So neither side is ever re-entered: a handler may call
 * any function here, instance_free() included.
 *
 * An instance runs once: new, start, requests, stop, free.  To start it again is the work of the
 * supervisor (supervisor.h), with a new instance.  Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/util/spawn.h"

struct breadcrumb;
struct diag;
struct instance;
struct values;

enum instance_role { INSTANCE_ROLE_AGENT = 1, INSTANCE_ROLE_CONNECTOR };

/* What a registration grants; the names in "services" of conf.d. */
enum {
        INSTANCE_GRANT_SPAWN = 1 << 0,
        INSTANCE_GRANT_MQTT = 1 << 1,
};

/* Everything is borrowed until instance_new() returns. */
struct instance_config {
        const char *id; /* of the agent or connector */
        enum instance_role role;
        const char *plugin; /* path of the .so that trust.h has approved */
        const char *settings; /* JSON object */
        unsigned grants; /* INSTANCE_GRANT_* */
        const char *const *topics; /* MQTT filters, NULL-terminated; NULL: none */
        const struct values *state; /* the durable state as it stands; NULL: empty */

        /* Isolation "none" in the daemon only: where to note each call into the plugin
         * (breadcrumb.h), the load as "load".  Borrowed, outlives the instance.  NULL: nowhere. */
        struct breadcrumb *breadcrumb;

        uint64_t stop_usec; /* instead of INSTANCE_STOP_USEC; 0: that */

        /* isolation "process" only */
        uint64_t hang_usec; /* instead of INSTANCE_HANG_USEC; 0: that */
        const char *agent_host; /* path of ub-agent-host */
        struct spawn_limits limits;
        bool seccomp; /* load the system call filter before the plugin */
};

/* The functions of a plugin, for accounting and in `answered`. */
enum instance_call {
        INSTANCE_CALL_CREATE = 1,
        INSTANCE_CALL_START,
        INSTANCE_CALL_STOP,
        INSTANCE_CALL_DESTROY,
        INSTANCE_CALL_WOKEN,
        INSTANCE_CALL_RELOAD,
        INSTANCE_CALL_CURRENT_STATE_GET,
        INSTANCE_CALL_DESIRED_STATE,
        INSTANCE_CALL_COMMAND,
        INSTANCE_CALL_CANCEL,
        INSTANCE_CALL_FEEDBACK_GET,
        INSTANCE_CALL_CONNECTOR_FEEDBACK,
        INSTANCE_CALL_CONNECTOR_CURRENT_STATE,
        INSTANCE_CALL_CONNECTOR_OWNER_CONSENT,
        INSTANCE_CALL_CALLBACK, /* of a timer, watch, child, sync or message */
};

/* How a plugin can break the rules of plugin.h without dying of it (rule R32). */
enum instance_fault {
        INSTANCE_FAULT_SLOW = 1,         /* a call took longer than INSTANCE_CALL_BUDGET_USEC */
        INSTANCE_FAULT_THREAD,           /* called the host from another thread */
        INSTANCE_FAULT_SOURCE,           /* named a source that is not its own, or gone */
        INSTANCE_FAULT_JSON,             /* JSON that does not parse, or is no object */
        INSTANCE_FAULT_LIMIT,            /* something beyond UB_MAX_* */
        INSTANCE_FAULT_ARGUMENT,         /* NULL, unknown flag, text that is not UTF-8 */
        INSTANCE_FAULT_ACTIVITY,         /* an answer for an activity that does not run */
        INSTANCE_FAULT_TWICE,            /* a second answer to one request */
        INSTANCE_FAULT_PHASE,            /* a service at the wrong time: in create, after stopped */
        INSTANCE_FAULT_GRANT,            /* a service or topic that was not granted */
        INSTANCE_FAULT_STOP,             /* did not call stopped() in INSTANCE_STOP_USEC */
        INSTANCE_FAULT_FLOOD,            /* more output than the queue to the host holds */
        INSTANCE_FAULT_COUNT,
};

enum {
        INSTANCE_CALL_BUDGET_USEC = 50 * 1000, /* R19 */
        INSTANCE_STOP_USEC = 10 * 1000 * 1000, /* R26 */
        INSTANCE_HANG_USEC =
                30 * 1000 * 1000, /* a process that answers no call for so long is killed */
};

/* Requests of a connector to the orchestrator: the slots of struct ub_orchestrator. */
enum instance_request {
        INSTANCE_REQUEST_DESIRED_STATE = 1,
        INSTANCE_REQUEST_COMMAND,
        INSTANCE_REQUEST_CURRENT_STATE_GET,
        INSTANCE_REQUEST_OWNER_CONSENT,
};

/* Every handler must be set.  All pointers are borrowed until the handler returns. */
struct instance_events {
        /* Ends instance_start(): r 0, or why create() or start() failed or the .so could not be
         * loaded; text says it for people.  After a failure only instance_free() follows. */
        void (*started)(void *data, int r, const char *text);
        /* Ends instance_stop(): the plugin is destroyed.  Only instance_free() follows. */
        void (*stopped)(void *data);
        /* The instance is gone without being asked: its process ended, hung, or broke the frame
         * protocol; or it was abandoned because it did not stop.  Only instance_free() follows. */
        void (*died)(void *data, const char *text);
        /* The plugin returned r from the call that a request led to (CURRENT_STATE_GET up to
         * CONNECTOR_OWNER_CONSENT, and RELOAD).  activity: of that request, or "". */
        void (*answered)(void *data, enum instance_call call, const char *activity, int r);
        void (*misbehaved)(void *data, enum instance_fault fault, const char *text);
        void (*log)(void *data, int level, const char *file, int line, const char *func,
                    const char *text);

        void (*current_state)(void *data, const char *activity, const char *json);
        void (*feedback)(void *data, const char *activity, const char *json);
        void (*reboot_request)(void *data, const char *activity, const char *reason);

        /* The plugin changed its durable state; length 0: the key is deleted. */
        void (*state_put)(void *data, const char *key, const void *value, size_t length);
        /* Make all of it durable, then call instance_state_synced() with this id. */
        void (*state_sync)(void *data, uint64_t id);

        /* id 0: nobody waits; else answer with instance_mqtt_published(). */
        void (*mqtt_publish)(void *data, uint64_t id, const char *topic, const void *payload,
                             size_t length, uint32_t qos, uint32_t flags);
        void (*mqtt_subscribe)(void *data, uint64_t id, const char *filter, uint32_t qos);
        void (*mqtt_unsubscribe)(void *data, uint64_t id);
        /* json: "" where the request has none */
        void (*orchestrator)(void *data, enum instance_request request, const char *activity,
                             const char *json);
};

/* A table of handlers whose names are those of the events behind a prefix: on_started, ... */
#define INSTANCE_EVENTS(prefix)                                 \
        {                                                       \
                .started = prefix##_started,                    \
                .stopped = prefix##_stopped,                    \
                .died = prefix##_died,                          \
                .answered = prefix##_answered,                  \
                .misbehaved = prefix##_misbehaved,              \
                .log = prefix##_log,                            \
                .current_state = prefix##_current_state,        \
                .feedback = prefix##_feedback,                  \
                .reboot_request = prefix##_reboot_request,      \
                .state_put = prefix##_state_put,                \
                .state_sync = prefix##_state_sync,              \
                .mqtt_publish = prefix##_mqtt_publish,          \
                .mqtt_subscribe = prefix##_mqtt_subscribe,      \
                .mqtt_unsubscribe = prefix##_mqtt_unsubscribe,  \
                .orchestrator = prefix##_orchestrator,          \
        }

/* Makes an instance in this process or, isolated, one that will have its own.  event and events are
 * borrowed and outlive the instance; data goes to every handler.  Nothing runs yet. */
int instance_new_local(const struct instance_config *config, sd_event *event,
                       const struct instance_events *events, void *data, struct instance **ret);
int instance_new_process(const struct instance_config *config, sd_event *event,
                         const struct instance_events *events, void *data, struct instance **ret);

/* At once, whatever state it is in: a process is killed, a local plugin is destroyed if it is at
 * rest and abandoned otherwise.  No event comes after this.  Takes NULL.  Inside a handler that a
 * local plugin led to, the destruction waits until the plugin's call has returned. */
struct instance *instance_free(struct instance *instance);

/* Loads the .so, then create() and start(flags), UB_START_*; ends in `started` or `died`. */
int instance_start(struct instance *instance, uint32_t flags);
/* stop(), stopped(), destroy(); ends in `stopped` or `died`. */
int instance_stop(struct instance *instance);

/* Requests.  0: queued, and `answered` follows (unless `died` comes first).  -ESTALE: not started,
 * or stopping.  -E2BIG: over UB_MAX_*.  -ENOBUFS: it does not take what has been asked of it
 * already.  A NULL slot is answered -ENOTSUP.  It is the caller's mistake to ask an agent what is
 * for connectors, or the other way round. */
int instance_reload(struct instance *instance, const char *settings);
int instance_current_state_get(struct instance *instance, const char *activity);
int instance_desired_state(struct instance *instance, const char *activity, const char *json);
int instance_command(struct instance *instance, const char *activity, const char *baseline,
                     int32_t command);
int instance_cancel(struct instance *instance, const char *activity);
int instance_feedback_get(struct instance *instance, const char *activity);
int instance_connector_feedback(struct instance *instance, const char *activity, const char *json);
int instance_connector_current_state(struct instance *instance, const char *activity,
                                     const char *json);
int instance_connector_owner_consent(struct instance *instance, const char *activity,
                                     const char *json);

/* The activity is over: later answers to it are faults. */
int instance_activity_end(struct instance *instance, const char *activity);

/* Answers to events; no `answered` follows. */
int instance_state_synced(struct instance *instance, uint64_t id, int result);
int instance_mqtt_published(struct instance *instance, uint64_t id, int result);
int instance_mqtt_message(struct instance *instance, uint64_t subscription, const char *topic,
                          const void *payload, size_t length, uint32_t flags);
int instance_mqtt_connected(struct instance *instance, bool connected);

/* What it has cost; for status and tests. */
struct instance_stats {
        pid_t pid; /* 0: in this process */
        uint64_t calls;
        uint64_t call_usec;      /* total time in the plugin */
        uint64_t call_usec_max;
        uint64_t faults[INSTANCE_FAULT_COUNT];
};
void instance_get_stats(const struct instance *instance, struct instance_stats *ret);

const char *instance_call_to_string(enum instance_call call);   /* "desired_state" */
const char *instance_fault_to_string(enum instance_fault fault); /* "answered twice" */
