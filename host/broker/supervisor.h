/* SPDX-License-Identifier: Apache-2.0
 *
 * supervisor - keeps the plugin of one registration at work
 *
 * Between a registration (what an administrator wants) and an instance (a plugin that runs once):
 * finds and checks the .so, opens its durable state, starts it, starts it again when it died
 * (restart.h says when), and counts what it does wrong.  What the plugin has to say passes through
 * to the broker.
 *
 *     STOPPED --start--> STARTING --started--> RUNNING --stop--> STOPPING --stopped--> STOPPED
 *                           |                     |                  |
 *                           +------ died, or could not be started ---+
 *                           v
 *                        WAITING --delay--> STARTING          FAILED: died too often
 *
 * An agent that dies harms nobody else: the broker learns of it by `changed` and ends what the
 * agent was doing.  Loop thread only; events come from the loop, never from inside one of these
 * functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/plugin/instance.h"
#include "host/plugin/trust.h"
#include "host/util/cleanup.h"

struct breadcrumb;
struct registration;
struct supervisor;
struct worker;

/* What all supervisors share.  Borrowed, outlives them. */
struct supervisor_room {
        sd_event *event;
        struct worker *worker; /* writes durable state */
        int state_fd;          /* folder of the durable states */
        const char *plugin_dir;
        const char *agent_host; /* path of ub-agent-host */
        struct trust_rules trust;
        struct breadcrumb *breadcrumb; /* NULL: calls into plugins are not noted */
};

enum supervisor_state {
        SUPERVISOR_STATE_STOPPED = 1,
        SUPERVISOR_STATE_STARTING,
        SUPERVISOR_STATE_RUNNING,
        SUPERVISOR_STATE_STOPPING,
        SUPERVISOR_STATE_WAITING, /* died; starts again after a delay */
        SUPERVISOR_STATE_FAILED,  /* died too often; stays down until it is started by hand */
};
const char *supervisor_state_to_string(enum supervisor_state state); /* "running" */

/* Every handler must be set.  Pointers are borrowed until the handler returns, in which any
 * function here may be called, supervisor_free() included.  The rest is as in struct
 * instance_events. */
struct supervisor_events {
        /* The state changed; supervisor_get_status() tells. */
        void (*changed)(void *data, struct supervisor *supervisor);
        void (*log)(void *data, struct supervisor *supervisor, int level, const char *text);
        void (*answered)(void *data, struct supervisor *supervisor, enum instance_call call,
                         const char *activity, int r);
        void (*current_state)(void *data, struct supervisor *supervisor, const char *activity,
                              const char *json);
        void (*feedback)(void *data, struct supervisor *supervisor, const char *activity,
                         const char *json);
        void (*reboot_request)(void *data, struct supervisor *supervisor, const char *activity,
                               const char *reason);
        void (*mqtt_publish)(void *data, struct supervisor *supervisor, uint64_t id,
                             const char *topic, const void *payload, size_t length, uint32_t qos,
                             uint32_t flags);
        void (*mqtt_subscribe)(void *data, struct supervisor *supervisor, uint64_t id,
                               const char *filter, uint32_t qos);
        void (*mqtt_unsubscribe)(void *data, struct supervisor *supervisor, uint64_t id);
        void (*orchestrator)(void *data, struct supervisor *supervisor,
                             enum instance_request request, const char *activity, const char *json);
};

/* registration is borrowed until supervisor_free() or the supervisor_reload() that replaces it. */
int supervisor_new(const struct supervisor_room *room, const struct registration *registration,
                   const struct supervisor_events *events, void *data, struct supervisor **ret);

/* At once, in any state; no event follows.  Takes NULL. */
struct supervisor *supervisor_free(struct supervisor *supervisor);
DEFINE_FREEP(struct supervisor, supervisor);

/* Starts what is STOPPED, WAITING or FAILED, and forgives all deaths so far; otherwise does
 * nothing.  flags: UB_START_RECOVERED and UB_START_REBOOTED.  What comes of it is told by
 * `changed`, also when the .so is missing or not trusted. */
void supervisor_start(struct supervisor *supervisor, uint32_t flags);

/* Ends in STOPPED, told by `changed`, sooner or later. */
void supervisor_stop(struct supervisor *supervisor);

/* Takes a new registration with the same id.  restart: more than the settings changed; else the
 * plugin is asked to take the new settings, and started again when it cannot.  What does not run
 * takes them at its next start.  The caller sees to it that no activity runs. */
void supervisor_reload(struct supervisor *supervisor, const struct registration *registration,
                       bool restart);

/* While busy, a death is one in the middle of an activity, and the next start carries
 * UB_START_RECOVERED. */
void supervisor_set_busy(struct supervisor *supervisor, bool busy);

const struct registration *supervisor_get_registration(const struct supervisor *supervisor);

/* For requests (instance.h).  NULL unless RUNNING; borrowed until the loop goes on. */
struct instance *supervisor_get_instance(const struct supervisor *supervisor);

struct supervisor_status {
        enum supervisor_state state;
        const char *text; /* why it waits or has failed, else ""; borrowed until the next event */
        unsigned deaths;  /* since it was started by hand */
        bool reloading;   /* RUNNING, and asked to take new settings: it may have to start anew */
        bool hopeless;    /* FAILED, or there is nothing that could be loaded: not worth waiting for */
        bool isolated;    /* as it runs: not as configured, when it took the daemon down before */
        struct instance_stats stats; /* of the present instance; all zero without one */
        uint64_t faults[INSTANCE_FAULT_COUNT]; /* of all its instances */
};
void supervisor_get_status(const struct supervisor *supervisor, struct supervisor_status *ret);
