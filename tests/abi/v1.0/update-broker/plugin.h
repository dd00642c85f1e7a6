/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/plugin.h - the plugin ABI of update-broker, major 1
 *
 * The only header that a plugin needs.  A plugin is a shared object that exports one function,
 * ub_plugin_v1(), which returns a constant descriptor.  Everything else goes through tables of
 * functions: the host calls the plugin's `ub_life` and then `ub_agent` or `ub_connector`; the
 * plugin calls the host's `ub_host`.  No plugin links against the host.  The same .so runs in a
 * process of its own ("isolation": "process", the default) or inside the daemon ("none") and cannot
 * tell the difference except by pid, uid and timing.
 *
 * Life of an instance (one registration in conf.d makes one instance; several instances of one .so
 * may live in one process, so a plugin keeps nothing that changes in static variables):
 *
 *     create -> start -> requests ... -> stop -> host->stopped() -> destroy
 *
 * Life of an activity, as an agent sees it (one at a time; words are feedback statuses, see
 * <update-broker/sdk/status.h>; any step may end in its *_FAILURE word instead):
 *
 *     desired_state --> IDENTIFYING .. IDENTIFIED | IDENTIFICATION_FAILED | COMPLETED (nothing to do)
 *     command(DOWNLOAD) --> DOWNLOADING .. DOWNLOAD_SUCCESS
 *     command(UPDATE)   --> UPDATING    .. UPDATE_SUCCESS
 *     command(ACTIVATE) --> ACTIVATING  .. ACTIVATION_SUCCESS
 *     command(VERIFY)   --> VERIFYING   .. VERIFY_SUCCESS       only after reboot_request()
 *     command(CLEANUP)  --> CLEANUP     .. CLEANUP_SUCCESS
 *     command(ROLLBACK) --> ROLLBACK    .. ROLLBACK_SUCCESS     in place of the next step
 *
 * Rules that hold for every function, both ways:
 *   Threads    The host calls a plugin only on the loop thread of the process that the plugin is
 *              in, and never from inside one of the plugin's own calls to the host.  A plugin calls
 *              the host only on that thread, except where [any] stands (any thread) or [signal]
 *              (also a signal handler).
 *   Blocking   A call into a plugin returns within 50 ms.  The host times each call, logs the ones
 *              that take longer and counts them.  Long work belongs in ub_host.spawn() or in a
 *              thread of the plugin that ends in ub_host.wake().
 *   Pointers   An argument is borrowed until the call returns: copy what you keep.  Nothing is ever
 *              freed by the side that did not allocate it.
 *   Results    0 or a count; a negative errno on failure:
 *                -EINVAL   a bad argument, an unknown flag, a string that is not UTF-8
 *                -EBADMSG  JSON that does not parse or is not an object
 *                -E2BIG    over one of the UB_MAX_* limits
 *                -ENOTSUP  not implemented: unknown command, NULL slot
 *                -EBUSY    another activity is running
 *                -ENOENT   no such activity, setting or key
 *                -ESTALE   too late: the instance is stopping
 *                -EPERM    not granted in conf.d, the wrong thread, or too early: in create()
 *                -ENOMEM   out of memory
 *   Answers    If the call that starts something fails, no answer follows; if it succeeds, exactly
 *              one final answer follows.
 *   Text       NUL-terminated UTF-8.  Every JSON text is one object, at most UB_MAX_JSON bytes and
 *              UB_MAX_DEPTH levels deep, without duplicate keys.
 *   Growth     Every struct starts with its size, set by the side that owns the memory.  Members
 *              are only ever appended.  Sets of values are open: answer an unknown command with
 *              -ENOTSUP and ignore an unknown flag that the host sends.
 *   NULL slot  "(opt)" marks a slot that may be NULL, and says what the other side then does.  All
 *              other slots are always set.
 *
 * A plugin does not fork, wait for children that it did not get from spawn(), install signal
 * handlers, call exit() or abort(), change the locale, the environment, the umask or the working
 * folder, or register atexit() handlers: it may be a guest in somebody else's process.
 *
 * Author's part before the include: `#define UB_ABI_MINOR_WANTED n`, the minor that the code was
 * written for.  There is no default, so that a rebuild never claims more than its author read.
 */
#ifndef UPDATE_BROKER_PLUGIN_H
#define UPDATE_BROKER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifndef UB_ABI_MINOR_WANTED
#error "define UB_ABI_MINOR_WANTED, the ABI minor that you write for, before this include"
#endif

#define UB_ABI_MAJOR 1
#define UB_ABI_MINOR 0 /* the newest minor that this header describes */

#if UB_ABI_MINOR_WANTED > UB_ABI_MINOR
#error "this <update-broker/plugin.h> is older than the UB_ABI_MINOR_WANTED that you ask for"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------ constants */

/* Limits in bytes, terminating NUL not counted.  The host refuses more with -E2BIG. */
#define UB_MAX_NAME 32                /* plugin name, [a-z0-9-] */
#define UB_MAX_ID 64                  /* agent id, activity id, baseline title */
#define UB_MAX_VERSION 64             /* version of a plugin */
#define UB_MAX_DESCRIPTION 256        /* description of a plugin */
#define UB_MAX_KEY 128                /* key of the durable state, JSON pointer of a setting */
#define UB_MAX_LOG 4096               /* one log line; longer ones are cut */
#define UB_MAX_JSON (1024 * 1024)     /* one JSON text */
#define UB_MAX_DEPTH 64               /* levels of one JSON text */
#define UB_MAX_STATE_VALUE (64 * 1024) /* one value of the durable state */
#define UB_MAX_STATE (1024 * 1024)    /* keys and values of the durable state together */
#define UB_MAX_SOURCES 256            /* timers, watches, children and deferred calls at a time */
#define UB_MAX_TOPIC 1024             /* an MQTT topic or filter */

/* Levels of ub_log, as syslog(3) numbers them. */
enum { UB_LOG_ERR = 3, UB_LOG_WARNING = 4, UB_LOG_NOTICE = 5, UB_LOG_INFO = 6, UB_LOG_DEBUG = 7 };

/* Commands to an agent, carried as int32_t.  Unknown ones are answered -ENOTSUP. */
enum {
        UB_CMD_DOWNLOAD = 1, /* fetch and check everything that UPDATE needs */
        UB_CMD_UPDATE,       /* install beside what runs; what runs keeps running */
        UB_CMD_ACTIVATE,     /* switch to what UPDATE installed */
        UB_CMD_ROLLBACK,     /* go back to what ran before the activity */
        UB_CMD_CLEANUP,      /* remove what is no longer needed; the activity ends */
        UB_CMD_VERIFY        /* after the reboot: does the new software really run? */
};

/* Events of an io watch, carried as uint32_t. */
enum { UB_IO_IN = 1 << 0, UB_IO_OUT = 1 << 1, UB_IO_HUP = 1 << 2, UB_IO_ERR = 1 << 3 };

/* Flags of ub_life.start. */
enum {
        /* This instance, its process or the daemon died while an activity ran.  The agent finds its
         * own past in the durable state; the host asks for it with feedback_get or starts over
         * with desired_state. */
        UB_START_RECOVERED = 1 << 0,
        /* The instance has a process of its own.  For log lines only: behave the same. */
        UB_START_ISOLATED = 1 << 1,
        /* The device has booted since this agent called reboot_request().  UB_CMD_VERIFY
         * follows. */
        UB_START_REBOOTED = 1 << 2
};

/* Flags of MQTT messages, both ways. */
enum { UB_MQTT_RETAIN = 1 << 0 };

/* Names for ub_host.get. */
#define UB_SERVICE_MQTT "ub.mqtt/1"                 /* struct ub_mqtt */
#define UB_SERVICE_ORCHESTRATOR "ub.orchestrator/1" /* struct ub_orchestrator */

/* ------------------------------------------------------------------------------------ callbacks */

struct ub_source; /* owned by the host: a timer, io watch, child or deferred call */

typedef void (*ub_fn)(void *data);
/* events: the UB_IO_* that are true; UB_IO_HUP and UB_IO_ERR come unasked. */
typedef void (*ub_io_fn)(void *data, int fd, uint32_t events);
/* code, status: as si_code and si_status of waitid(2); CLD_EXITED and 0 when all is well. */
typedef void (*ub_child_fn)(void *data, int32_t code, int32_t status);
/* result: 0 or a negative errno. */
typedef void (*ub_done_fn)(void *data, int result);

/* -------------------------------------------------------------------------------------- records */

/* One finished log line.  The SDK's ub_log() formats and fills it. */
struct ub_log {
        uint32_t size;
        int32_t level; /* UB_LOG_*; others are taken as UB_LOG_INFO */
        int32_t line;
        uint32_t reserved;
        const char *file; /* (opt) */
        const char *func; /* (opt) */
        const char *text; /* without a newline at its end */
};

/* A program to run.  No shell is involved. */
struct ub_spawn {
        uint32_t size;
        uint32_t flags;           /* none defined: 0 */
        uint64_t timeout_usec;    /* 0: none; else SIGTERM at that time and SIGKILL 5 s later */
        const char *const *argv;  /* argv[0] is an absolute path; ends with NULL */
        const char *const *envp;  /* (opt) PATH and LANG=C.UTF-8 only; ends with NULL */
        int32_t in_fd;            /* lent until the call returns; -1: /dev/null */
        int32_t out_fd;           /* likewise; -1: /dev/null */
        int32_t err_fd;           /* likewise; -1: where the host's own messages go */
        uint32_t reserved;
};

/* -------------------------------------------------------------------------------- host services */

/* What every plugin gets, at create().  Valid, with everything reached through it, until destroy()
 * returns.  `ctx` is the first argument of every function, also of those in the tables that get()
 * returns. */
struct ub_host {
        uint32_t size;
        uint16_t abi_major; /* UB_ABI_MAJOR of the host */
        uint16_t abi_minor; /* UB_ABI_MINOR of the host: slots up to here are set */
        void *ctx;

        /* [any] Writes one line to the daemon's log, marked with the agent's id. */
        void (*log)(void *ctx, const struct ub_log *record);

        /* [any] [signal] Has life.woken called on the loop thread, soon.  Several wakes before that
         * call become one. */
        void (*wake)(void *ctx);

        /* Sources.  At most UB_MAX_SOURCES at a time (-E2BIG).  *ret (opt) is valid until
         * source_drop(), or, for the one-shot ones (defer, timer, spawn), until the callback
         * starts:  to arm a timer again from inside its callback is normal. */

        /* Calls fn once, after the present call into the plugin has returned. */
        int (*defer)(void *ctx, ub_fn fn, void *data, struct ub_source **ret);

        /* Calls fn once, after_usec microseconds from now (CLOCK_BOOTTIME: time in suspend
         * counts). */
        int (*timer)(void *ctx, uint64_t after_usec, ub_fn fn, void *data, struct ub_source **ret);

        /* Calls fn each time that one of `events` (UB_IO_IN, UB_IO_OUT) is true of fd, level
         * triggered, until source_drop().  fd stays the plugin's; drop the source before close().
         * 0 for events watches errors and hang-up only.  -EPERM: fd cannot be polled. */
        int (*io)(void *ctx, int fd, uint32_t events, ub_io_fn fn, void *data,
                  struct ub_source **ret);

        /* Changes what an io source waits for. */
        int (*io_events)(void *ctx, struct ub_source *io, uint32_t events);

        /* Runs a program and calls fn when it has ended.  Needs "spawn" in the registration's
         * "services": -EPERM.  source_drop() kills the program with SIGKILL. */
        int (*spawn)(void *ctx, const struct ub_spawn *command, ub_child_fn fn, void *data,
                     struct ub_source **ret);

        /* Forgets a source, at once: its callback does not run after this.  NULL is fine.  A source
         * that is not the instance's own, or gone, counts as misbehaving and does nothing. */
        void (*source_drop)(void *ctx, struct ub_source *source);

        /* Settings and durable state.  Copy-out: returns the length of the value; if that is >=
         * size nothing was copied, so call again with length + 1 bytes.  What is copied is followed
         * by a NUL.  -ENOENT: no such value. */

        /* The value at a JSON pointer (RFC 6901) in the settings: a string as its text, anything
         * else as JSON.  Callable in create(). */
        int (*setting)(void *ctx, const char *json_pointer, char *buf, size_t size);

        /* One value of the durable state: what state_put stored last, in this run or an earlier
         * one. */
        int (*state_get)(void *ctx, const char *key, void *buf, size_t size);

        /* Stores a copy of a value; length 0 deletes the key.  Visible to state_get at once, on
         * disk after state_sync.  -E2BIG: UB_MAX_STATE_VALUE, UB_MAX_STATE or UB_MAX_KEY. */
        int (*state_put)(void *ctx, const char *key, const void *data, size_t length);

        /* Calls done(0) when every state_put up to now is on disk and survives a power failure, or
         * done(-errno) when that failed.  Sync before doing what must not be done twice. */
        int (*state_sync)(void *ctx, ub_done_fn done, void *data);

        /* Answers.  The host checks the JSON: -EBADMSG, -E2BIG. */

        /* Reports the inventory of the domain.  activity: that of current_state_get when this
         * answers it, "" when the state changed by itself. */
        int (*current_state)(void *ctx, const char *activity, const char *json);

        /* Reports progress or the end of a step of the running activity. */
        int (*feedback)(void *ctx, const char *activity, const char *json);

        /* Says that the new software runs only after the device has booted.  Called in ACTIVATE,
         * before its final feedback.  The host boots when every domain is ready, starts the
         * instance with UB_START_REBOOTED and sends UB_CMD_VERIFY.  reason: for people.
         * With activity "" the host boots once no activity runs: the running system is not well and
         * another takes its place.  -ENOENT: no such activity runs. */
        int (*reboot_request)(void *ctx, const char *activity, const char *reason);

        /* Answers life.stop: the instance is at rest.  Only destroy follows. */
        void (*stopped)(void *ctx);

        /* The table of a further service by name and revision, or NULL: unknown to this host, or
         * not granted in the registration's "services". */
        const void *(*get)(void *ctx, const char *service);

        /* The id of the registration: an agent's domain, or a connector's name.  Never NULL.  The
         * ids in an inventory start with it ("containers:hello-world"), so an agent has to know it
         * before the first desired state arrives. */
        const char *id;
};

/* --------------------------------------------------------------------------- tables of a plugin */

/* Every plugin.  `self` is what create() returned. */
struct ub_life {
        uint32_t size;
        uint32_t reserved;

        /* Checks the settings (a JSON object, "{}" when the registration has none), allocates the
         * instance and returns it in *ret_self.  May call log, setting and state_get, nothing else:
         * no thread, no descriptor that start() could open.  On failure *ret_self stays untouched
         * and nothing follows; log the reason first, people see that line. */
        int (*create)(const struct ub_host *host, const char *settings_json, void **ret_self);

        /* Begins to work.  flags: UB_START_*.  On failure destroy() follows at once. */
        int (*start)(void *self, uint32_t flags);

        /* Winds down: end threads, drop sources, then call host->stopped(), now or later.  After 10
         * s the process is killed, or, with isolation "none", the instance abandoned. */
        void (*stop)(void *self);

        /* Frees the instance.  May call log and source_drop only. */
        void (*destroy)(void *self);

        /* (opt) Runs after host->wake().  NULL: wakes are dropped. */
        void (*woken)(void *self);

        /* (opt) Takes new settings, only while no activity runs.  On failure the old ones stay in
         * force.  NULL: the instance is stopped, destroyed and created again. */
        int (*reload)(void *self, const char *settings_json);
};

/* Role 1: the agent of a domain.  Answers go through ub_host.feedback and ub_host.current_state. */
struct ub_agent {
        uint32_t size;
        uint32_t reserved;

        /* Asks for the inventory; answer with one host->current_state() for this activity.  May
         * come at any time after start, also during an activity. */
        int (*current_state_get)(void *self, const char *activity);

        /* Begins an activity.  json: {"domains":[exactly this one],"baselines":[those that name a
         * component of it]}.  Compare with what is installed; answer IDENTIFIED with one action per
         * component that must change, or COMPLETED when none does, or IDENTIFICATION_FAILED.
         * Nothing is changed yet.  The same activity may come again after UB_START_RECOVERED. */
        int (*desired_state)(void *self, const char *activity, const char *json);

        /* Does one step.  baseline: its title, or "" for all components.  command: UB_CMD_*.  A
         * failure result counts as the step's *_FAILURE feedback.  After a restart of the host a
         * command may come again; an agent that is still at work on it answers -EBUSY.  So may one
         * that is told to ROLLBACK or CLEANUP while it is at something else, a cancel() for example:
         * it is told again when it has said the word with which that ends. */
        int (*command)(void *self, const char *activity, const char *baseline, int32_t command);

        /* (opt) Gives up the activity as soon as no harm comes of it, undoing what is not yet
         * active; ends with the feedback INCOMPLETE, or with the word that the step in progress
         * ends with anyway.  NULL: the host waits for the end of the step. */
        int (*cancel)(void *self, const char *activity);

        /* (opt) Where does this activity stand?  Answer with one host->feedback() that repeats the
         * last one, and first with host->reboot_request() when one was made; -ENOENT when nothing
         * is known of it.  Asked after UB_START_RECOVERED.  NULL, or
         * a failure: the host starts over with desired_state. */
        int (*feedback_get)(void *self, const char *activity);
};

/* Role 2: a connector to a cloud.  It hands desired states to the orchestrator through
 * UB_SERVICE_ORCHESTRATOR and is told here what goes up. */
struct ub_connector {
        uint32_t size;
        uint32_t reserved;

        /* A feedback of the whole device, overall statuses only. */
        int (*feedback)(void *self, const char *activity, const char *json);

        /* The inventory of the whole device. */
        int (*current_state)(void *self, const char *activity, const char *json);

        /* (opt) The owner is asked for consent: {"command":"DOWNLOAD|UPDATE|ACTIVATE"}.  Answer
         * with ub_orchestrator.owner_consent.  NULL: this connector is not asked. */
        int (*owner_consent)(void *self, const char *activity, const char *json);
};

/* What ub_plugin_v1() returns: constant, and valid for the life of the process. */
struct ub_plugin {
        uint32_t size;
        uint16_t abi_major;        /* UB_ABI_MAJOR */
        uint16_t abi_minor_wanted; /* UB_ABI_MINOR_WANTED */
        uint16_t abi_minor_needed; /* the oldest host that will do; older ones refuse the plugin */
        uint16_t reserved;
        uint32_t flags;            /* none defined: 0 */
        const char *name;          /* [a-z0-9-]{1,32} */
        const char *version;       /* of the plugin, for people; one line, UB_MAX_VERSION */
        const char *description;   /* one line, for people; UB_MAX_DESCRIPTION */
        /* (opt) JSON Schema of the settings, UB_MAX_JSON at most.  The host checks them against it
         * when it reads the registration, so that a typo is reported with its line: type,
         * properties, required, additionalProperties, items, enum, minimum, maximum, minLength,
         * maxLength, minItems and maxItems are looked at, everything else is left to create(). */
        const char *settings_schema;
        const struct ub_life *life;
        const struct ub_agent *agent;         /* (opt) not an agent */
        const struct ub_connector *connector; /* (opt) not a connector; one of the two is set */
};

#define UB_PLUGIN_ENTRY "ub_plugin_v1"

/* The one symbol of a plugin.  Does no work.  A later major has another name, so that one .so can
 * serve both. */
__attribute__((visibility("default"))) const struct ub_plugin *ub_plugin_v1(void);

/* True if *s, which came from the other side, is long enough to hold member f, and f is set. */
#define UB_HAS(s, f) \
        ((s)->size >= offsetof(__typeof__(*(s)), f) + sizeof((s)->f) && (s)->f)

/* -------------------------------------------------------------------------------- further services
 * A table is frozen once published; a change gets a new name. */

/* UB_SERVICE_MQTT: the daemon's connection.  Granted by "mqtt" in the registration's "services",
 * limited to the filters in its "topics". */
struct ub_mqtt {
        /* Sends, or queues while the connection is down.  qos 0..2; flags: UB_MQTT_RETAIN.  done
         * (opt) gets 0 when the server has acknowledged (qos 0: when it was sent).  -EPERM: the
         * topic is not granted. */
        int (*publish)(void *ctx, const char *topic, const void *payload, size_t length,
                       uint32_t qos, uint32_t flags, ub_done_fn done, void *data);

        /* Calls fn for each message that matches, until unsubscribe(), through every
         * reconnection. */
        int (*subscribe)(void *ctx, const char *filter, uint32_t qos,
                         void (*fn)(void *data, const char *topic, const void *payload,
                                    size_t length, uint32_t flags),
                         void *data, uint64_t *ret_id);
        void (*unsubscribe)(void *ctx, uint64_t id);

        /* Calls fn soon with the present state, then at each change; 1: connected.  One watcher per
         * instance, fn NULL ends it. */
        int (*watch)(void *ctx, void (*fn)(void *data, uint32_t connected), void *data);
};

/* UB_SERVICE_ORCHESTRATOR: what a connector asks of the broker.  Granted to connectors. */
struct ub_orchestrator {
        /* A desired state for the whole device.  The outcome comes through
         * ub_connector.feedback. */
        int (*desired_state)(void *ctx, const char *activity, const char *json);

        /* {"command":"CANCEL"} for a running activity. */
        int (*command)(void *ctx, const char *activity, const char *json);

        /* Asks for the inventory; it comes through ub_connector.current_state. */
        int (*current_state_get)(void *ctx, const char *activity);

        /* Answers ub_connector.owner_consent: {"status":"APPROVED|DENIED"}. */
        int (*owner_consent)(void *ctx, const char *activity, const char *json);
};

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_PLUGIN_H */
