/* SPDX-License-Identifier: Apache-2.0
 *
 * local-internal - a local instance as its own files see it
 *
 *     local.c          life cycle, the queue of requests, events
 *     local-call.c     calls of the plugin, and its faults
 *     local-log.c      its log lines, and the mailbox of its threads
 *     local-host.c     struct ub_host: what the plugin calls
 *     local-service.c  struct ub_mqtt and struct ub_orchestrator
 *
 * The plugin holds a pointer to a `struct local_face`, which is kept apart from the instance: when
 * a plugin does not stop, the instance is abandoned and freed, but threads of the plugin may go on
 * calling.  The face then stays behind for them, for ever, closed: a few hundred bytes and one
 * descriptor.
 *
 * Whatever leads to the plugin or to a handler of the owner begins with local_pin() and ends with
 * local_unpin().  instance_free() in between only marks the instance doomed: no more events, no
 * more calls of the plugin; the last local_unpin() frees it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "host/plugin/abi.h"
#include "host/plugin/breadcrumb.h"
#include "host/plugin/inquiry.h"
#include "host/plugin/instance-ops.h"
#include "host/plugin/loader.h"
#include "host/plugin/mailbox.h"
#include "host/plugin/pending.h"
#include "host/plugin/source.h"
#include "host/plugin/dialog.h"
#include "host/plugin/work.h"
#include "host/util/values.h"

struct local;

enum {
        LOCAL_SUBSCRIPTIONS_MAX = 64,
        LOCAL_REASON_MAX = 256, /* of the last error line, which people see when create() fails */
};

struct local_face {
        struct ub_host
                host; /* first, so that the plugin's pointer keeps the whole alive for checkers */
        struct mailbox *mailbox;
        pid_t tid;           /* the loop thread */
        struct local *local; /* NULL: abandoned; loop thread only */
        char id[UB_MAX_ID + 1];
};

/* What the owner sees. */
enum local_state {
        LOCAL_NEW = 1,
        LOCAL_STARTING,
        LOCAL_RUNNING,
        LOCAL_STOPPING,
        LOCAL_OVER,
};

/* What the plugin may do; bits, so that a host function can name those in which it may be
 * called. */
enum local_phase {
        LOCAL_ABSENT = 0,        /* not created, or destroyed */
        LOCAL_CREATE = 1 << 0,   /* inside create() */
        LOCAL_LIVE = 1 << 1,     /* from start() to stopped() */
        LOCAL_REST = 1 << 2,     /* created and not started, or stopped: only destroy() follows */
        LOCAL_DESTROY = 1 << 3,  /* inside destroy() */
};

struct local_subscription {
        uint64_t id; /* 0: free */
        void (*fn)(void *data, const char *topic, const void *payload, size_t length,
                   uint32_t flags);
        void *data;
};

struct local {
        struct instance instance; /* first */
        sd_event *event;                      /* borrowed, outlives us */
        const struct instance_events *events; /* likewise */
        void *data;

        char *path;
        char *settings;
        unsigned grants;
        char **topics; /* NULL: none */
        uint64_t stop_usec;
        struct breadcrumb *breadcrumb; /* borrowed, outlives us; may be NULL */
        struct breadcrumb_mark mark;

        enum local_state state;
        enum local_phase phase;
        unsigned pins;
        bool doomed;
        bool stop_called;
        const char *calling; /* the function of the plugin that runs; NULL: none */
        uint64_t call_began_usec;

        struct local_face *face;
        struct plugin *plugin;
        void *self; /* of the plugin */
        struct values *values; /* the durable state */
        struct source_table *sources;
        struct dialog dialog;
        struct inquiry inquiry;
        struct work_queue queue;
        sd_event_source *pump;   /* runs the queue */
        sd_event_source *mail;   /* reads the mailbox */
        sd_event_source *overdue; /* stop() was too long ago */

        uint64_t last_id;
        struct pending syncs;
        struct pending publishes;
        struct local_subscription subscriptions[LOCAL_SUBSCRIPTIONS_MAX];
        void (*watch)(void *data, uint32_t connected); /* NULL: nobody */
        void *watch_data;
        bool connected;

        struct instance_stats stats;
        char reason[LOCAL_REASON_MAX];
};

/* -------------------------------------------------------------------------------------- local.c */

void local_pin(struct local *local);
void local_unpin(struct local *local);

/* The queue is looked at soon. */
void local_kick(struct local *local);

/* One event to the owner, unless nobody listens any more. */
#define LOCAL_EMIT(local, event, ...)                                        \
        do {                                                                 \
                struct local *_l = (local);                                  \
                                                                             \
                if (!_l->doomed)                                             \
                        _l->events->event(_l->data __VA_OPT__(, ) __VA_ARGS__); \
        } while (0)

/* --------------------------------------------------------------------------------- local-call.c */

/* Around each call of the plugin. */
void local_enter(struct local *local, const char *what);
void local_enter_call(struct local *local, enum instance_call call);
void local_leave(struct local *local);

/* The rule is counted and reported. */
void local_fault(struct local *local, enum instance_fault fault, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Each ends with the plugin's call, or before it when there is none to make; the pump holds a
 * pin. */
void local_run_request(struct local *local, const struct work *work);
void local_run_done(struct local *local, struct pending *pending, const struct work *work,
                    const char *what);
void local_run_message(struct local *local, const struct work *work);
void local_run_connected(struct local *local);

/* ---------------------------------------------------------------------------------- local-log.c */

/* A line of the plugin, from whichever thread; on the loop thread. */
void local_log(struct local *local, const struct ub_log *record);
/* The mailbox is readable: handler of its descriptor, userdata is the struct local. */
int local_on_mail(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* --------------------------------------------------------------------------------- local-host.c */

int local_face_new(struct local *local, const char *id, struct local_face **ret);

/* The gate of every host function: may it be called from here, now?  phases: LOCAL_* bits.
 * 0 and *ret; -EPERM: wrong thread, or in create().  -ESTALE: too late.  Reported here. */
int local_admit(void *ctx, const char *function, unsigned phases, struct local **ret);

/* Checks of arguments.  0, or the error to return; reported here. */
int local_check_text(struct local *local, const char *function, const char *what, const char *text,
                     size_t max_bytes);
int local_check_json(struct local *local, const char *function, const char *json);

/* ------------------------------------------------------------------------------ local-service.c */

/* NULL: there is no such service, or it is not granted (reported). */
const void *local_service(struct local *local, const char *name);
