/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin-check/life.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "host/json/scan.h"
#include "host/model/status.h"
#include "host/plugin-check/inventory.h"
#include "host/plugin/abi.h"
#include "host/plugin/instance.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/values.h"

/* What has come since the last request. */
struct answer {
        bool started;
        bool stopped;
        bool returned; /* from the call that the request led to, with: */
        int result;
        enum status status; /* of the last feedback that ended a step */
        bool current_state;
};

struct life {
        const struct life_options *options;
        sd_event *event;
        struct instance *instance;
        struct values *state; /* the durable state, over all instances of this life */
        char *inventory;   /* the last one reported */
        const char *activity; /* the one that runs */
        struct answer answer;
        bool died;
        bool wants_reboot;
        int problems;
};

__attribute__((format(printf, 3, 4))) static void line(struct life *life, const char *mark,
                                                       const char *format, ...)
{
        va_list args;

        va_start(args, format);
        fprintf(life->options->transcript, "%s ", mark);
        vfprintf(life->options->transcript, format, args);
        fputc('\n', life->options->transcript);
        va_end(args);
        fflush(life->options->transcript);
}

#define PROBLEM(life, ...)                       \
        do {                                     \
                (life)->problems++;              \
                line((life), "!", __VA_ARGS__);  \
        } while (0)

/* --------------------------------------------------------------------------------------- events */

static void on_started(void *data, int r, const char *text)
{
        struct life *life = data;

        line(life, "<", "started %s", r < 0 ? text : "well");
        life->answer.started = true;
        life->answer.result = r;
}

static void on_stopped(void *data)
{
        struct life *life = data;

        line(life, "<", "stopped");
        life->answer.stopped = true;
}

static void on_died(void *data, const char *text)
{
        struct life *life = data;

        PROBLEM(life, "died: %s", text);
        life->died = true;
}

static void on_answered(void *data, enum instance_call call, const char *activity, int r)
{
        struct life *life = data;

        (void)activity;
        line(life, "<", "%s returned %s", instance_call_to_string(call),
             r < 0 ? strerror(-r) : "0");
        life->answer.returned = true;
        life->answer.result = r;
}

static void on_misbehaved(void *data, enum instance_fault fault, const char *text)
{
        struct life *life = data;

        /* A slow call may be a slow machine: worth a remark, not a verdict. */
        if (fault == INSTANCE_FAULT_SLOW)
                line(life, "#", "%s: %s", instance_fault_to_string(fault), text);
        else
                PROBLEM(life, "%s: %s", instance_fault_to_string(fault), text);
}

static void on_log(void *data, int level, const char *file, int number, const char *func,
                   const char *text)
{
        (void)file;
        (void)number;
        (void)func;
        line(data, "#", "log %d: %s", level, text);
}

static void on_current_state(void *data, const char *activity, const char *json)
{
        struct life *life = data;

        /* One that nobody asked for comes when the agent knows it, which may be any time. */
        line(life, *activity ? "<" : "~", "%scurrent_state %s %s", *activity ? "" : "< ", activity,
             json);
        free(life->inventory);
        life->inventory = strdup(json);
        life->answer.current_state |= *activity != '\0';
}

/* The status word of a feedback. */
static enum status feedback_status(const char *json)
{
        char word[64] = "";
        size_t offset;
        size_t length;

        if (scan_locate(json, strlen(json), "/status", &offset, &length) == 0)
                (void)scan_copy(json + offset, length, word, sizeof(word));
        return status_from_string(word);
}

static void on_feedback(void *data, const char *activity, const char *json)
{
        struct life *life = data;
        enum status status = feedback_status(json);

        switch (status_kind(status)) {
        case STATUS_KIND_NONE:
                PROBLEM(life, "feedback with an unknown status: %s", json);
                return;
        case STATUS_KIND_PROGRESS:
                line(life, "~", "< feedback %s %s", activity, json);
                return;
        case STATUS_KIND_SUCCESS:
        case STATUS_KIND_FAILURE:
        case STATUS_KIND_END_GOOD:
        case STATUS_KIND_END_BAD:
                line(life, "<", "feedback %s %s", activity, json);
                /* Kanto's agents say COMPLETED after CLEANUP_SUCCESS: no answer to what comes
                 * next. */
                if (life->activity && strcmp(life->activity, activity) == 0)
                        life->answer.status = status;
                return;
        }
}

static void on_reboot_request(void *data, const char *activity, const char *reason)
{
        struct life *life = data;

        line(life, "<", "reboot_request %s %s", activity, reason);
        life->wants_reboot = true;
}

static void on_state_put(void *data, const char *key, const void *value, size_t length)
{
        struct life *life = data;

        line(life, "#", "state_put %s, %zu bytes", key, length);
        if (values_put(life->state, key, value, length) < 0)
                PROBLEM(life, "state_put %s: out of memory", key);
}

static void on_state_sync(void *data, uint64_t id)
{
        struct life *life = data;

        (void)instance_state_synced(life->instance, id,
                                    0); /* memory is all the disk there is here */
}

static void on_mqtt_publish(void *data, uint64_t id, const char *topic, const void *payload,
                            size_t length, uint32_t qos, uint32_t flags)
{
        struct life *life = data;

        (void)payload;
        (void)qos;
        (void)flags;
        line(life, "<", "publish %s, %zu bytes", topic, length);
        if (id)
                (void)instance_mqtt_published(life->instance, id, 0); /* gone: then nobody waits */
}

static void on_mqtt_subscribe(void *data, uint64_t id, const char *filter, uint32_t qos)
{
        (void)id;
        (void)qos;
        line(data, "<", "subscribe %s", filter);
}

static void on_mqtt_unsubscribe(void *data, uint64_t id)
{
        (void)id;
        line(data, "<", "unsubscribe");
}

static void on_orchestrator(void *data, enum instance_request request, const char *activity,
                            const char *json)
{
        line(data, "<", "orchestrator request %d %s %s", (int)request, activity, json);
}

static const struct instance_events life_events = INSTANCE_EVENTS(on);

/* -------------------------------------------------------------------------------------- waiting */

typedef bool (*condition_fn)(const struct answer *answer);

static bool has_started(const struct answer *answer)
{
        return answer->started;
}

static bool has_stopped(const struct answer *answer)
{
        return answer->stopped;
}

static bool has_returned(const struct answer *answer)
{
        return answer->returned;
}

/* Returned with a failure, after which nothing else comes, or came to the end of the step. */
static bool has_ended_step(const struct answer *answer)
{
        return answer->returned && (answer->result < 0 || answer->status != STATUS_UNKNOWN);
}

static bool has_told_state(const struct answer *answer)
{
        return answer->returned && (answer->result < 0 || answer->current_state);
}

/* Runs the loop until the condition holds.  false: it does not come any more; a problem is
 * noted. */
static bool wait_for(struct life *life, condition_fn condition, const char *what)
{
        uint64_t deadline_usec = time_now_usec() + life->options->timeout_usec;

        while (!condition(&life->answer)) {
                uint64_t now_usec = time_now_usec();

                if (life->died)
                        return false;
                if (now_usec >= deadline_usec) {
                        PROBLEM(life, "%s: no answer within %llu ms", what,
                                (unsigned long long)(life->options->timeout_usec / USEC_PER_MSEC));
                        return false;
                }
                if (sd_event_run(life->event, deadline_usec - now_usec) < 0) {
                        PROBLEM(life, "%s: the event loop failed", what);
                        return false;
                }
        }
        return true;
}

/* Begins a request: what came before it counts no longer. */
static void ask(struct life *life, const char *what)
{
        memset(&life->answer, 0, sizeof(life->answer));
        line(life, ">", "%s", what);
}

/* ------------------------------------------------------------------------------------- chapters */

static bool begin(struct life *life, uint32_t flags)
{
        const struct life_options *o = life->options;
        const char *const topics[] = { o->topics, NULL };
        const struct instance_config config = {
                .id = o->id,
                .role = o->connector ? INSTANCE_ROLE_CONNECTOR : INSTANCE_ROLE_AGENT,
                .plugin = o->plugin,
                .settings = o->settings,
                .grants = (o->spawn ? INSTANCE_GRANT_SPAWN : 0) |
                          (o->topics ? INSTANCE_GRANT_MQTT : 0),
                .topics = topics,
                .state = life->state,
                .agent_host = o->agent_host,
        };
        int r;

        ask(life, flags & UB_START_REBOOTED    ? "start after a reboot"
                  : flags & UB_START_RECOVERED ? "start after a crash"
                                               : "start");
        if (o->agent_host)
                r = instance_new_process(&config, life->event, &life_events, life, &life->instance);
        else
                r = instance_new_local(&config, life->event, &life_events, life, &life->instance);
        if (r == 0)
                r = instance_start(life->instance, flags);
        if (r < 0) {
                PROBLEM(life, "start: %s", strerror(-r));
                return false;
        }
        if (!wait_for(life, has_started, "start"))
                return false;
        if (life->answer.result < 0)
                PROBLEM(life, "start: %s", strerror(-life->answer.result));
        else if (o->topics && instance_mqtt_connected(life->instance, true) < 0)
                PROBLEM(life, "start: it cannot be told of the MQTT connection");
        return life->answer.result == 0;
}

static void end(struct life *life)
{
        ask(life, "stop");
        if (!life->died && instance_stop(life->instance) == 0)
                (void)wait_for(life, has_stopped, "stop"); /* the problem is noted there */
        life->instance = instance_free(life->instance);
}

static bool ask_state(struct life *life, const char *activity)
{
        ask(life, "current_state_get");
        if (instance_current_state_get(life->instance, activity) < 0 ||
            !wait_for(life, has_told_state, "current_state_get"))
                return false;
        if (life->answer.result < 0)
                PROBLEM(life, "current_state_get failed: an agent always knows its inventory");
        return life->answer.result == 0;
}

/* true: identified, and there is something to do. */
static bool identify(struct life *life, const char *activity, const char *json)
{
        ask(life, "desired_state");
        life->activity = activity;
        line(life, "#", "%s", json);
        if (instance_desired_state(life->instance, activity, json) < 0 ||
            !wait_for(life, has_ended_step, "desired_state"))
                return false;
        return life->answer.result == 0 && life->answer.status == STATUS_IDENTIFIED;
}

/* One command, UB_CMD_*.  true: the step went well. */
static bool step(struct life *life, int32_t command, const char *what, enum status success)
{
        ask(life, what);
        if (instance_command(life->instance, life->activity, "", command) < 0 ||
            !wait_for(life, has_ended_step, what))
                return false;
        if (life->answer.result < 0) {
                line(life, "#", "refused: %s", strerror(-life->answer.result));
                return false;
        }
        if (life->answer.status != success)
                line(life, "#", "ended with %s", status_to_string(life->answer.status));
        return life->answer.status == success;
}

#define STEP(life, command, success) step(life, UB_CMD_##command, "command " #command, success)

static void finish(struct life *life)
{
        (void)STEP(life, CLEANUP, STATUS_CLEANUP_SUCCESS); /* the transcript says how it went */
        (void)instance_activity_end(life->instance, life->activity);
        life->activity = NULL;
}

/* An agent answers a command that it does not know with an error, and goes on. */
static void ask_unknown_command(struct life *life)
{
        enum { UNKNOWN_COMMAND = 9999 };

        ask(life, "a command that no header knows");
        if (instance_command(life->instance, life->activity, "", UNKNOWN_COMMAND) < 0 ||
            !wait_for(life, has_returned, "unknown command"))
                return;
        if (life->answer.result >= 0)
                PROBLEM(life, "an unknown command is answered with -ENOTSUP, not with success");
}

/* The device boots, as far as the plugin can tell. */
static bool reboot(struct life *life)
{
        end(life);
        life->died = false;
        return begin(life, UB_START_REBOOTED) &&
               STEP(life, VERIFY, STATUS_VERIFY_SUCCESS);
}

/* From desired state to cleanup. */
static void update(struct life *life, const char *json)
{
        bool well;

        if (!identify(life, "check-update", json)) {
                (void)instance_activity_end(life->instance, "check-update");
                return;
        }
        ask_unknown_command(life);
        well = STEP(life, DOWNLOAD, STATUS_DOWNLOAD_SUCCESS) &&
               STEP(life, UPDATE, STATUS_UPDATE_SUCCESS) &&
               STEP(life, ACTIVATE, STATUS_ACTIVATION_SUCCESS);
        if (well && life->wants_reboot)
                (void)reboot(life); /* the transcript says how it went */
        if (!life->died)
                finish(life);
}

/* Back to the first inventory, given up half way. */
static void roll_back(struct life *life, const char *json)
{
        if (!identify(life, "check-rollback", json)) {
                (void)instance_activity_end(life->instance, "check-rollback");
                return;
        }
        if (STEP(life, DOWNLOAD, STATUS_DOWNLOAD_SUCCESS) &&
            STEP(life, UPDATE, STATUS_UPDATE_SUCCESS))
                (void)STEP(life, ROLLBACK, STATUS_ROLLBACK_SUCCESS); /* likewise */
        if (!life->died)
                finish(life);
}

/* The daemon dies in mid-activity: the new instance has only its durable state to know of it. */
static void recover(struct life *life, const char *json)
{
        bool something = identify(life, "check-recover", json);

        end(life);
        if (life->died || !begin(life, UB_START_RECOVERED))
                return;
        ask(life, "feedback_get");
        if (instance_feedback_get(life->instance, "check-recover") == 0)
                (void)wait_for(life, has_returned,
                               "feedback_get"); /* a refusal is an answer, too */
        if (!life->died && identify(life, "check-recover", json) != something)
                PROBLEM(life, "the same desired state is judged differently after a restart");
        if (!life->died)
                finish(life);
}

static void live_as_agent(struct life *life)
{
        CLEANUP_FREE char *installed = NULL;
        const char *wanted = life->options->desired_state;

        if (!ask_state(life, "check-inventory"))
                return;
        installed = inventory_to_desired_state(life->inventory, life->options->id);
        if (!installed) {
                PROBLEM(life, "out of memory");
                return;
        }
        if (identify(life, "check-installed", installed))
                line(life, "#", "the agent finds something to do in its own inventory");
        if (life->died)
                return;
        finish(life);

        if (wanted && !life->died)
                update(life, wanted);
        if (wanted && !life->died && ask_state(life, "check-updated"))
                roll_back(life, installed);
        if (!life->died)
                recover(life, installed); /* which it has not, once it was updated */
}

static void live_as_connector(struct life *life)
{
        static const char *const feedback = "{\"status\":\"RUNNING\"}";
        static const char *const inventory = "{\"softwareNodes\":[]}";

        ask(life, "connector feedback");
        if (instance_connector_feedback(life->instance, "check-feedback", feedback) == 0)
                (void)wait_for(life, has_returned, "feedback"); /* the problem is noted there */
        ask(life, "connector current_state");
        if (!life->died &&
            instance_connector_current_state(life->instance, "check-state", inventory) == 0)
                (void)wait_for(life, has_returned, "current_state"); /* likewise */
}

static void life_done(struct life *life)
{
        life->instance = instance_free(life->instance);
        life->state = values_free(life->state);
        life->event = sd_event_unref(life->event);
        free(life->inventory);
}

int life_run(const struct life_options *options, struct diag *diag)
{
        CLEANUP(life_done) struct life life = { .options = options };
        int r;

        assert(options && options->transcript && options->timeout_usec);

        r = values_new(UB_MAX_STATE, &life.state);
        if (r == 0)
                r = sd_event_new(&life.event);
        if (r < 0)
                return diag_set_errno(diag, r, "no event loop");

        if (!begin(&life, 0))
                return life.problems;
        if (options->connector)
                live_as_connector(&life);
        else
                live_as_agent(&life);
        if (!life.died)
                end(&life);
        return life.problems;
}
