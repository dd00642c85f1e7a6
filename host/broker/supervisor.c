/* SPDX-License-Identifier: Apache-2.0
 *
 * One function per thing that happens; each ends in set_state() or leaves the state as it is.
 * set_state() only notes what to tell: `changed` comes from a deferred source, so that the caller
 * of supervisor_start() is never called back before it has returned, whatever failed.
 *
 * An in-process plugin is loaded only after a child has loaded it and lived (probe.h). */
#include "host/broker/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/registration.h"
#include "host/plugin/abi.h"
#include "host/plugin/breadcrumb.h"
#include "host/plugin/probe.h"
#include "host/plugin/restart.h"
#include "host/plugin/sandbox.h"
#include "host/state/store.h"
#include "host/util/diag.h"
#include "host/util/time.h"

struct supervisor {
        const struct supervisor_room *room;         /* borrowed */
        const struct registration *registration;    /* borrowed */
        const struct supervisor_events *events;     /* borrowed, like data */
        void *data;

        enum supervisor_state state;
        struct diag text; /* why it waits or has failed */
        struct store *store;
        struct probe *probe; /* asked before an in-process start */
        struct instance *instance;
        char *plugin;        /* path of the .so, for the present instance */
        bool isolated;
        bool reloading;
        bool unloadable; /* the last start has failed because of the file */
        bool busy;
        bool start_again;    /* when it has stopped: the registration changed */
        uint32_t start_flags;
        uint64_t started_usec;
        struct restart restart;
        uint64_t faults[INSTANCE_FAULT_COUNT];
        uint64_t faults_logged; /* bits by enum instance_fault */
        unsigned generation;    /* of the instance: counts starts */
        struct sync *syncs;     /* on their way to the disk */

        sd_event_source *tell;  /* deferred: calls `changed` */
        sd_event_source *again; /* timer of WAITING */
};

static void start_now(struct supervisor *s);

/* -------------------------------------------------------------------------------------- telling */

static int on_tell(sd_event_source *source, void *data)
{
        struct supervisor *s = data;

        (void)source;
        s->events->changed(s->data, s);
        return 0;
}

static void set_state(struct supervisor *s, enum supervisor_state state)
{
        s->state = state;
        s->reloading = false;
        (void)sd_event_source_set_enabled(s->tell,
                                          SD_EVENT_ONESHOT); /* a source of our own: cannot fail */
}

__attribute__((format(printf, 3, 4))) static void log_line(struct supervisor *s, int level,
                                                           const char *format, ...)
{
        char text[DIAG_MAX];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        s->events->log(s->data, s, level, text);
}

/* ------------------------------------------------------------------------- death and restart */

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
        (void)source;
        (void)usec;
        start_now(data);
        return 0;
}

static void let_go(struct supervisor *s)
{
        s->instance = instance_free(s->instance);
        s->probe = probe_free(s->probe);
        free(s->plugin);
        s->plugin = NULL;
}

/* It died, or could not be started; s->text says why. */
static void die(struct supervisor *s)
{
        uint64_t now_usec = time_now_usec();
        uint64_t delay_usec = 0;

        let_go(s);
        if (s->busy)
                s->start_flags |= UB_START_RECOVERED;
        if (!restart_on_death(&s->restart, s->started_usec, now_usec, &delay_usec)) {
                log_line(s, UB_LOG_ERR, "%s; died %u times, stays down", s->text.text,
                         s->restart.deaths);
                set_state(s, SUPERVISOR_STATE_FAILED);
                return;
        }
        log_line(s, UB_LOG_ERR, "%s; starts again in %llu s", s->text.text,
                 (unsigned long long)(delay_usec / USEC_PER_SEC));
        if (sd_event_source_set_time(s->again, now_usec + delay_usec) < 0 ||
            sd_event_source_set_enabled(s->again, SD_EVENT_ONESHOT) < 0) {
                (void)diag_set(&s->text, -EIO, "the restart could not be timed");
                set_state(s, SUPERVISOR_STATE_FAILED);
                return;
        }
        set_state(s, SUPERVISOR_STATE_WAITING);
}

/* ---------------------------------------------------------------------- events of the instance */

/* The dynamic linker does not take it, or it is made for another daemon.  What a plugin itself
 * reports may pass: the service that it needs is perhaps just starting. */
static bool is_unloadable(int r)
{
        return r == -ENOEXEC || r == -EPROTO;
}

static void on_started(void *data, int r, const char *text)
{
        struct supervisor *s = data;

        if (r < 0) {
                (void)diag_set(&s->text, r, "%s", text);
                s->unloadable = is_unloadable(r);
                die(s);
                return;
        }
        s->start_flags = 0;
        (void)diag_set(&s->text, 0, "%s", "");
        set_state(s, SUPERVISOR_STATE_RUNNING);
}

static void on_stopped(void *data)
{
        struct supervisor *s = data;

        let_go(s);
        set_state(s, SUPERVISOR_STATE_STOPPED);
        if (s->start_again)
                start_now(s);
}

static void on_died(void *data, const char *text)
{
        struct supervisor *s = data;

        if (s->state == SUPERVISOR_STATE_STOPPING) {
                log_line(s, UB_LOG_WARNING, "while stopping: %s", text);
                on_stopped(s);
                return;
        }
        (void)diag_set(&s->text, -ECHILD, "%s", text);
        die(s);
}

static void on_answered(void *data, enum instance_call call, const char *activity, int r)
{
        struct supervisor *s = data;

        if (call != INSTANCE_CALL_RELOAD) {
                s->events->answered(s->data, s, call, activity, r);
                return;
        }
        if (r == 0) {
                log_line(s, UB_LOG_INFO, "took its new settings");
                set_state(s, s->state);
                return;
        }
        if (r != -ENOTSUP)
                log_line(s, UB_LOG_WARNING, "refused its new settings (%s); starts anew with them",
                         strerror(-r));
        supervisor_reload(s, s->registration, true);
}

/* One line per kind and life of the supervisor; the rest is counted. */
static void on_misbehaved(void *data, enum instance_fault fault, const char *text)
{
        struct supervisor *s = data;
        uint64_t bit = UINT64_C(1) << fault;

        s->faults[fault]++;
        if (s->faults_logged & bit)
                return;
        s->faults_logged |= bit;
        log_line(s, UB_LOG_WARNING, "plugin misbehaving: %s: %s (further ones are counted only)",
                 instance_fault_to_string(fault), text);
}

static void on_log(void *data, int level, const char *file, int line, const char *func,
                   const char *text)
{
        struct supervisor *s = data;

        (void)file;
        (void)line;
        (void)func;
        s->events->log(s->data, s, level, text);
}

static void on_current_state(void *data, const char *activity, const char *json)
{
        struct supervisor *s = data;

        s->events->current_state(s->data, s, activity, json);
}

static void on_feedback(void *data, const char *activity, const char *json)
{
        struct supervisor *s = data;

        s->events->feedback(s->data, s, activity, json);
}

static void on_reboot_request(void *data, const char *activity, const char *reason)
{
        struct supervisor *s = data;

        s->events->reboot_request(s->data, s, activity, reason);
}

static void on_state_put(void *data, const char *key, const void *value, size_t length)
{
        struct supervisor *s = data;
        int r = store_put(s->store, key, value, length);

        /* The instance keeps the same limits, so this is memory. */
        if (r < 0)
                log_line(s, UB_LOG_ERR, "durable state, key %s: %s", key, strerror(-r));
}

/* A sync that is on its way.  The instance that asked may be gone when it ends, and another one may
 * have taken its place. */
struct sync {
        struct sync *next;
        struct supervisor *supervisor;
        unsigned generation;
        uint64_t id;
};

static void forget_sync(struct supervisor *s, struct sync *sync)
{
        struct sync **p = &s->syncs;

        while (*p != sync)
                p = &(*p)->next;
        *p = sync->next;
        free(sync);
}

static void on_synced(void *data, int r)
{
        struct sync *sync = data;
        struct supervisor *s = sync->supervisor;

        if (r < 0)
                log_line(s, UB_LOG_ERR, "durable state could not be written: %s", strerror(-r));
        if (s->instance && s->generation == sync->generation)
                (void)instance_state_synced(s->instance, sync->id, r); /* stopping: nobody waits */
        forget_sync(s, sync);
}

static void on_state_sync(void *data, uint64_t id)
{
        struct supervisor *s = data;
        struct sync *sync = malloc(sizeof(*sync));
        int r = -ENOMEM;

        if (sync) {
                *sync = (struct sync){ .next = s->syncs,
                                       .supervisor = s,
                                       .generation = s->generation,
                                       .id = id };
                s->syncs = sync;
                r = store_sync(s->store, on_synced, sync);
        }
        if (r == 0)
                return;
        if (sync)
                forget_sync(s, sync);
        (void)instance_state_synced(s->instance, id, r); /* likewise */
}

static void on_mqtt_publish(void *data, uint64_t id, const char *topic, const void *payload,
                            size_t length, uint32_t qos, uint32_t flags)
{
        struct supervisor *s = data;

        s->events->mqtt_publish(s->data, s, id, topic, payload, length, qos, flags);
}

static void on_mqtt_subscribe(void *data, uint64_t id, const char *filter, uint32_t qos)
{
        struct supervisor *s = data;

        s->events->mqtt_subscribe(s->data, s, id, filter, qos);
}

static void on_mqtt_unsubscribe(void *data, uint64_t id)
{
        struct supervisor *s = data;

        s->events->mqtt_unsubscribe(s->data, s, id);
}

static void on_orchestrator(void *data, enum instance_request request, const char *activity,
                            const char *json)
{
        struct supervisor *s = data;

        s->events->orchestrator(s->data, s, request, activity, json);
}

static const struct instance_events instance_events = INSTANCE_EVENTS(on);

/* ------------------------------------------------------------------------------------- starting */

/* The store of an agent that was damaged begins empty; the agent is told that it was
 * interrupted. */
static int open_store(struct supervisor *s)
{
        int r;

        if (s->store)
                return 0;
        r = store_open(s->room->state_fd, s->registration->id, s->room->worker, &s->text,
                       &s->store);
        if (r > 0) {
                log_line(s, UB_LOG_ERR, "%s", s->text.text);
                s->start_flags |= UB_START_RECOVERED;
        }
        return r < 0 ? r : 0;
}

static int set_limits(const struct registration *registration, struct diag *diag,
                      struct spawn_limits *ret)
{
        *ret = (struct spawn_limits){
                .no_new_privileges = true,
                .no_core = true,
                .memory_bytes = registration->limits.memory_bytes,
                .open_files = registration->limits.open_files,
                .processes = registration->limits.processes,
                .cpu_sec = registration->limits.cpu_sec,
        };
        return registration->user ? sandbox_set_user(ret, registration->user, diag) : 0;
}

static int start_instance(struct supervisor *s)
{
        const struct registration *registration = s->registration;
        const struct instance_config config = {
                .id = registration->domain ? registration->domain : registration->id,
                .role = registration->role == FRAGMENT_ROLE_AGENT ? INSTANCE_ROLE_AGENT
                                                                  : INSTANCE_ROLE_CONNECTOR,
                .plugin = s->plugin,
                .settings = registration->settings,
                .grants =
                        (registration->services & REGISTRATION_SERVICE_SPAWN ? INSTANCE_GRANT_SPAWN
                                                                             : 0) |
                        (registration->services & REGISTRATION_SERVICE_MQTT ? INSTANCE_GRANT_MQTT
                                                                            : 0),
                .topics = (const char *const *)registration->topics,
                .state = store_values(s->store),
                .breadcrumb = s->room->breadcrumb,
                .agent_host = s->room->agent_host,
                .seccomp = registration->seccomp,
        };
        struct instance_config with_limits = config;
        int r;

        r = set_limits(registration, &s->text, &with_limits.limits);
        if (r < 0)
                return r;
        s->generation++;
        r = (s->isolated ? instance_new_process
                         : instance_new_local)(&with_limits, s->room->event, &instance_events, s,
                                               &s->instance);
        if (r == 0)
                r = instance_start(s->instance, s->start_flags);
        return r < 0 ? diag_set_errno(&s->text, r, "%s", s->plugin) : 0;
}

static void on_probed(void *data, int r, const char *text, struct probe_info *take_info)
{
        struct supervisor *s = data;

        (void)probe_info_free(take_info); /* that it lived is all we wanted to know */
        s->probe = probe_free(s->probe);
        s->unloadable = is_unloadable(r);
        if (r < 0)
                (void)diag_set(&s->text, r, "%s", text);
        else
                r = start_instance(s);
        if (r < 0)
                die(s);
}

/* In-process, unless that took the daemon down before. */
static bool must_be_isolated(struct supervisor *s)
{
        const struct registration *registration = s->registration;

        if (registration->isolated)
                return true;
        if (!s->room->breadcrumb ||
            !breadcrumb_is_banned(s->room->breadcrumb, registration->id, s->plugin))
                return false;
        log_line(s, UB_LOG_WARNING,
                 "took the daemon down %u times; runs in a process of its own from here on",
                 breadcrumb_count(s->room->breadcrumb, registration->id, s->plugin));
        return true;
}

static int begin_start(struct supervisor *s)
{
        struct probe_config probe = { .agent_host = s->room->agent_host,
                                      .timeout_usec = PROBE_TIMEOUT_USEC };
        int r;

        r = open_store(s);
        if (r < 0)
                return r;
        r = trust_find(s->room->plugin_dir, s->registration->plugin, &s->room->trust, &s->text,
                       &s->plugin);
        s->unloadable = r < 0;
        if (r < 0)
                return r;
        s->isolated = must_be_isolated(s);
        if (s->isolated)
                return start_instance(s);
        probe.plugin = s->plugin;
        return probe_start(&probe, s->room->event, on_probed, s, &s->text, &s->probe);
}

static void start_now(struct supervisor *s)
{
        s->start_again = false;
        s->started_usec = time_now_usec();
        set_state(s, SUPERVISOR_STATE_STARTING);
        if (begin_start(s) < 0)
                die(s);
}

void supervisor_start(struct supervisor *s, uint32_t flags)
{
        s->start_flags |= flags;
        switch (s->state) {
        case SUPERVISOR_STATE_STOPPED:
        case SUPERVISOR_STATE_WAITING:
        case SUPERVISOR_STATE_FAILED:
                (void)sd_event_source_set_enabled(s->again,
                                                  SD_EVENT_OFF); /* our own: cannot fail */
                s->restart = (struct restart){ 0 };
                start_now(s);
                return;
        case SUPERVISOR_STATE_STOPPING:
                s->start_again = true;
                return;
        case SUPERVISOR_STATE_STARTING:
        case SUPERVISOR_STATE_RUNNING:
                return;
        }
}

/* ------------------------------------------------------------------------------------- stopping */

void supervisor_stop(struct supervisor *s)
{
        s->start_again = false;
        switch (s->state) {
        case SUPERVISOR_STATE_RUNNING:
                if (instance_stop(s->instance) == 0) {
                        set_state(s, SUPERVISOR_STATE_STOPPING);
                        return;
                }
                break;
        case SUPERVISOR_STATE_STARTING:
        case SUPERVISOR_STATE_WAITING:
        case SUPERVISOR_STATE_FAILED:
                break;
        case SUPERVISOR_STATE_STOPPING:
        case SUPERVISOR_STATE_STOPPED:
                return;
        }
        (void)sd_event_source_set_enabled(s->again, SD_EVENT_OFF); /* our own: cannot fail */
        let_go(s);
        set_state(s, SUPERVISOR_STATE_STOPPED);
}

void supervisor_reload(struct supervisor *s, const struct registration *registration, bool restart)
{
        s->registration = registration;
        if (s->state == SUPERVISOR_STATE_RUNNING && !restart &&
            instance_reload(s->instance, registration->settings) == 0) {
                s->reloading = true;
                return;
        }
        if (s->state == SUPERVISOR_STATE_STOPPED || s->state == SUPERVISOR_STATE_STOPPING)
                return;
        /* A new configuration is a new chance, also for what had failed. */
        supervisor_stop(s);
        supervisor_start(s, 0);
}

/* ----------------------------------------------------------------------------------- the object */

int supervisor_new(const struct supervisor_room *room, const struct registration *registration,
                   const struct supervisor_events *events, void *data, struct supervisor **ret)
{
        CLEANUP(supervisor_freep) struct supervisor *s = calloc(1, sizeof(*s));
        int r;

        assert(room && registration && events && ret);

        if (!s)
                return -ENOMEM;
        s->room = room;
        s->registration = registration;
        s->events = events;
        s->data = data;
        s->state = SUPERVISOR_STATE_STOPPED;
        s->isolated = registration->isolated;

        r = sd_event_add_defer(room->event, &s->tell, on_tell, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->tell, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(room->event, &s->again, CLOCK_BOOTTIME, 0, 0, on_again, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->again, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

struct supervisor *supervisor_free(struct supervisor *s)
{
        if (!s)
                return NULL;
        let_go(s);
        s->store = store_free(s->store);
        while (s->syncs)
                forget_sync(s, s->syncs);
        sd_event_source_disable_unref(s->tell);
        sd_event_source_disable_unref(s->again);
        free(s);
        return NULL;
}

void supervisor_set_busy(struct supervisor *s, bool busy)
{
        s->busy = busy;
}

const struct registration *supervisor_get_registration(const struct supervisor *s)
{
        return s->registration;
}

struct instance *supervisor_get_instance(const struct supervisor *s)
{
        return s->state == SUPERVISOR_STATE_RUNNING ? s->instance : NULL;
}

void supervisor_get_status(const struct supervisor *s, struct supervisor_status *ret)
{
        *ret = (struct supervisor_status){
                .state = s->state,
                .text = s->text.text,
                .deaths = s->restart.deaths,
                .hopeless = s->state == SUPERVISOR_STATE_FAILED ||
                            (s->state == SUPERVISOR_STATE_WAITING && s->unloadable),
                .isolated = s->isolated,
                .reloading = s->reloading,
        };
        if (s->instance)
                instance_get_stats(s->instance, &ret->stats);
        memcpy(ret->faults, s->faults, sizeof(ret->faults));
}

const char *supervisor_state_to_string(enum supervisor_state state)
{
        switch (state) {
        case SUPERVISOR_STATE_STOPPED:
                return "stopped";
        case SUPERVISOR_STATE_STARTING:
                return "starting";
        case SUPERVISOR_STATE_RUNNING:
                return "running";
        case SUPERVISOR_STATE_STOPPING:
                return "stopping";
        case SUPERVISOR_STATE_WAITING:
                return "waiting";
        case SUPERVISOR_STATE_FAILED:
                return "failed";
        }
        return "?";
}
