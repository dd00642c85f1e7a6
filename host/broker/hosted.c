/* SPDX-License-Identifier: Apache-2.0
 *
 * hosted - one plugin: what it says comes in, what it is told goes out
 *
 * What an agent says is about one of three things, told apart by the id of the activity: the activity
 * of the orchestrator; the one that somebody drives by hand (direct.c); or one that neither knows,
 * from before a restart, whose end is still worth publishing.
 *
 * Up and down are told to the orchestrator in one place each, with everything that hangs on them:
 * it counts on an agent that is up being there for the next effect. */
#define _GNU_SOURCE 1 /* vasprintf */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/domain.h"
#include "host/config/registration.h"
#include "host/model/feedback.h"
#include "host/model/inventory.h"
#include "host/plugin/abi.h"
#include "host/util/diag.h"

static const struct scan_rules plugin_json = {
        .max_bytes = UB_MAX_JSON,
        .max_depth = UB_MAX_DEPTH,
        .object = true,
};

void hosted_log(const struct hosted *h, enum log_level level, const char *activity,
                const char *format, ...)
{
        const struct log_about about = {
                .agent = h->registration->id,
                .domain = h->domain,
                .activity = activity && *activity ? activity : NULL,
        };
        CLEANUP_FREE char *text = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);
        log_write(h->broker->log, level, NULL, &about, "%s", text ? text : "(out of memory)");
}

void hosted_count(const struct broker *b, size_t *ret_total, size_t *ret_up)
{
        size_t i;

        *ret_total = *ret_up = 0;
        for (i = 0; i < b->n_hosted; i++) {
                *ret_total += !b->hosted[i]->leaving;
                *ret_up += !b->hosted[i]->leaving && b->hosted[i]->up;
        }
}

struct instance *hosted_get_instance(const struct hosted *h)
{
        return h->supervisor ? supervisor_get_instance(h->supervisor) : NULL;
}

struct hosted *hosted_find_domain(const struct broker *b, const char *domain)
{
        size_t i;

        for (i = 0; i < b->n_hosted; i++)
                if (b->hosted[i]->domain && !b->hosted[i]->leaving &&
                    strcmp(b->hosted[i]->domain, domain) == 0)
                        return b->hosted[i];
        return NULL;
}

int32_t hosted_command_of_step(enum step step)
{
        switch (step) {
        case STEP_DOWNLOAD:
                return UB_CMD_DOWNLOAD;
        case STEP_UPDATE:
                return UB_CMD_UPDATE;
        case STEP_ACTIVATE:
                return UB_CMD_ACTIVATE;
        case STEP_VERIFY:
                return UB_CMD_VERIFY;
        case STEP_CLEANUP:
                return UB_CMD_CLEANUP;
        case STEP_ROLLBACK:
                return UB_CMD_ROLLBACK;
        case STEP_NONE:
        case STEP_IDENTIFY:
        case STEP_COUNT:
                break;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------- it lives */

static void came_up(struct hosted *h)
{
        struct broker *b = h->broker;
        struct instance *instance = hosted_get_instance(h);

        h->up = true;
        h->unsettled = false;
        h->hope = HOSTED_HOPE;
        if (h->registration->services & REGISTRATION_SERVICE_MQTT)
                (void)instance_mqtt_connected(instance, uplink_is_up(b->uplink)); /* or it dies */
        if (!h->domain)
                return;
        current_state_agent_up(h);
        direct_again(h);
        broker_give(b, &(struct event){ .kind = EVENT_AGENT_STARTED, .domain = h->domain });
}

/* Why an agent stays down, or NULL. */
static const char *find_fault(const struct hosted *h, const struct supervisor_status *status)
{
        const char *message = h->registration->message;

        if (!h->supervisor)
                return message ? message : "its registration is faulty";
        if (status->hopeless)
                return status->text;
        if (status->state == SUPERVISOR_STATE_STOPPED && h->stopped_by_hand)
                return "it has been stopped by hand";
        return NULL;
}

void hosted_tell_hope(struct hosted *h)
{
        struct supervisor_status status = { .state = SUPERVISOR_STATE_STOPPED };
        enum hosted_hope hope;
        const char *fault;

        if (!h->domain || h->up || h->leaving)
                return;
        if (h->supervisor)
                supervisor_get_status(h->supervisor, &status);
        fault = find_fault(h, &status);
        /* What is STOPPED for other reasons is on its way up, or out. */
        hope = fault ? HOSTED_HOPE_NONE : HOSTED_HOPE;
        if (h->hope == hope)
                return;
        h->hope = hope;
        broker_give(h->broker, &(struct event){
                                       .kind = fault ? EVENT_AGENT_FAILED : EVENT_AGENT_STARTING,
                                       .domain = h->domain,
                                       .text = fault,
                               });
}

/* again: it will be started again by itself.  The orchestrator hears of it last: what it does about it
 * finds the rest in order. */
static void went_down(struct hosted *h, const char *why, bool again)
{
        struct broker *b = h->broker;

        h->up = false;
        plugin_mqtt_drop(h);
        if (!h->domain)
                return;
        if (!again)
                direct_yield(h, *why ? why : "the agent has been stopped");
        current_state_agent_down(h);
        broker_give(b, &(struct event){
                               .kind = EVENT_AGENT_DIED, .domain = h->domain, .text = why });
}

void hosted_unsettle(struct hosted *h)
{
        struct supervisor_status status;

        if (!h->up || !h->supervisor || !h->domain)
                return;
        supervisor_get_status(h->supervisor, &status);
        if (status.state == SUPERVISOR_STATE_RUNNING && !status.reloading)
                return;
        h->unsettled = true;
        broker_give(h->broker, &(struct event){ .kind = EVENT_AGENT_DIED,
                                                .domain = h->domain,
                                                .text = "it takes its new settings" });
}

static void settle(struct hosted *h)
{
        h->unsettled = false;
        broker_give(h->broker,
                    &(struct event){ .kind = EVENT_AGENT_STARTED, .domain = h->domain });
}

void hosted_leave(struct hosted *h)
{
        agent_topics_end(h);
        if (h->up)
                went_down(h, "it is not configured any more", false);
        h->leaving = true;
        h->broker->n_leaving++;
        if (h->supervisor)
                supervisor_stop(h->supervisor);
}

bool hosted_is_there(const struct hosted *h)
{
        struct supervisor_status status;

        if (!h->supervisor)
                return false;
        supervisor_get_status(h->supervisor, &status);
        return status.state != SUPERVISOR_STATE_STOPPED;
}

static void on_changed(void *data, struct supervisor *supervisor)
{
        struct supervisor_status status;
        struct hosted *h = data;

        supervisor_get_status(supervisor, &status);
        if (h->leaving)
                ; /* of no interest any more, until it can be freed */
        else if (status.state == SUPERVISOR_STATE_RUNNING && !h->up)
                came_up(h);
        else if (status.state == SUPERVISOR_STATE_RUNNING && h->unsettled && !status.reloading)
                settle(h);
        else if (status.state != SUPERVISOR_STATE_RUNNING && h->up)
                went_down(h, status.text, status.state == SUPERVISOR_STATE_WAITING ||
                                                  status.state == SUPERVISOR_STATE_STARTING);
        else if (status.state != SUPERVISOR_STATE_STARTING && !h->up)
                current_state_agent_down(h); /* it has not come up at all: nobody waits for that */
        hosted_tell_hope(h);
        service_agent_changed(h);
        broker_look(h->broker);
}

static void on_log(void *data, struct supervisor *supervisor, int level, const char *text)
{
        struct hosted *h = data;
        enum log_level mapped = LOG_LEVEL_DEBUG;

        (void)supervisor;
        if (level <= UB_LOG_ERR)
                mapped = LOG_LEVEL_ERROR;
        else if (level == UB_LOG_WARNING)
                mapped = LOG_LEVEL_WARN;
        else if (level <= UB_LOG_INFO)
                mapped = LOG_LEVEL_INFO;
        hosted_log(h, mapped, NULL, "%s", text);
}

/* -------------------------------------------------------------------------------- what it says */

static bool is_direct(const struct hosted *h, const char *activity)
{
        return h->direct.activity && strcmp(h->direct.activity, activity) == 0;
}

/* A plugin returned from what a request led to.  That it took it says nothing yet; a refusal is the
 * answer. */
static void on_answered(void *data, struct supervisor *supervisor, enum instance_call call,
                        const char *activity, int r)
{
        struct hosted *h = data;
        struct event event = {
                .kind = EVENT_REFUSED,
                .domain = h->domain,
                .activity = activity,
                .result = r,
                .text = "",
        };

        (void)supervisor;
        if (r >= 0)
                return;
        switch (call) {
        case INSTANCE_CALL_CURRENT_STATE_GET:
                current_state_reported(h, activity, NULL);
                return;
        case INSTANCE_CALL_DESIRED_STATE:
                event.request = EFFECT_DESIRED_STATE;
                break;
        case INSTANCE_CALL_COMMAND:
                event.request = EFFECT_COMMAND;
                break;
        case INSTANCE_CALL_CANCEL:
                event.request = EFFECT_CANCEL;
                break;
        case INSTANCE_CALL_FEEDBACK_GET:
                event.request = EFFECT_FEEDBACK_GET;
                break;
        default: /* connectors, who are only told, and the calls that the supervisor keeps */
                hosted_log(h, LOG_LEVEL_WARN, activity, "%s: %s", instance_call_to_string(call),
                           strerror(-r));
                return;
        }
        if (is_direct(h, activity))
                direct_refused(h, call, r);
        else
                broker_give(h->broker, &event);
}

static void on_current_state(void *data, struct supervisor *supervisor, const char *activity,
                             const char *json)
{
        (void)supervisor;
        current_state_reported(data, activity, json);
}

/* What became of an activity of an earlier life of the daemon, which nobody waits for any more. */
static bool is_late(const struct hosted *h, const char *activity, enum status status)
{
        enum status_kind kind = status_kind(status);

        return !h->direct.activity && !h->busy && strcmp(h->last, activity) != 0 &&
               (kind == STATUS_KIND_END_GOOD || kind == STATUS_KIND_END_BAD);
}

static void on_feedback(void *data, struct supervisor *supervisor, const char *activity,
                        const char *json)
{
        CLEANUP(feedback_freep) struct feedback *feedback = NULL;
        CLEANUP_JSON struct json *root = NULL;
        struct diag diag = DIAG_INIT;
        struct hosted *h = data;
        int r;

        (void)supervisor;
        r = json_parse(json, strlen(json), &plugin_json, NULL, &diag, &root);
        if (r == 0)
                r = feedback_read(root, &diag, &feedback);
        if (r < 0) {
                hosted_log(h, LOG_LEVEL_WARN, activity, "feedback that cannot be read: %s",
                           r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return;
        }
        if (is_direct(h, activity))
                direct_feedback(h, json, feedback->status);
        else if (is_late(h, activity, feedback->status))
                agent_topics_late_feedback(h, activity, json);
        else
                broker_give(h->broker, &(struct event){
                                               .kind = EVENT_FEEDBACK,
                                               .domain = h->domain,
                                               .activity = activity,
                                               .feedback = feedback,
                                       });
}

static void on_reboot_request(void *data, struct supervisor *supervisor, const char *activity,
                              const char *reason)
{
        struct hosted *h = data;

        (void)supervisor;
        if (!*activity)
                boot_unwell(h, reason);
        else if (is_direct(h, activity))
                direct_reboot_request(h, reason);
        else
                broker_give(h->broker, &(struct event){
                                               .kind = EVENT_REBOOT_REQUEST,
                                               .domain = h->domain,
                                               .activity = activity,
                                               .text = reason,
                                       });
}

/* A connector asks what a backend asks over MQTT. */
static void on_orchestrator(void *data, struct supervisor *supervisor,
                            enum instance_request request, const char *activity, const char *json)
{
        struct hosted *h = data;

        (void)supervisor;
        switch (request) {
        case INSTANCE_REQUEST_DESIRED_STATE:
                northbound_take_desired_state(h->broker, activity, json);
                return;
        case INSTANCE_REQUEST_COMMAND:
                northbound_take_command(h->broker, activity, json);
                return;
        case INSTANCE_REQUEST_CURRENT_STATE_GET:
                current_state_read(h->broker, activity);
                return;
        case INSTANCE_REQUEST_OWNER_CONSENT:
                northbound_take_consent(h->broker, activity, json);
                return;
        }
}

static void on_mqtt_publish(void *data, struct supervisor *supervisor, uint64_t id,
                            const char *topic, const void *payload, size_t length, uint32_t qos,
                            uint32_t flags)
{
        (void)supervisor;
        plugin_mqtt_publish(data, id, topic, payload, length, qos, flags);
}

static void on_mqtt_subscribe(void *data, struct supervisor *supervisor, uint64_t id,
                              const char *filter, uint32_t qos)
{
        (void)supervisor;
        plugin_mqtt_subscribe(data, id, filter, qos);
}

static void on_mqtt_unsubscribe(void *data, struct supervisor *supervisor, uint64_t id)
{
        (void)supervisor;
        plugin_mqtt_unsubscribe(data, id);
}

static const struct supervisor_events supervisor_events = {
        .changed = on_changed,
        .log = on_log,
        .answered = on_answered,
        .current_state = on_current_state,
        .feedback = on_feedback,
        .reboot_request = on_reboot_request,
        .mqtt_publish = on_mqtt_publish,
        .mqtt_subscribe = on_mqtt_subscribe,
        .mqtt_unsubscribe = on_mqtt_unsubscribe,
        .orchestrator = on_orchestrator,
};

/* ------------------------------------------------------------------------------ what it is told */

static void set_busy(struct hosted *h, bool busy)
{
        h->busy = busy;
        if (h->supervisor)
                supervisor_set_busy(h->supervisor, busy);
}

static int request(struct hosted *h, struct instance *instance, const struct effect *effect)
{
        switch (effect->kind) {
        case EFFECT_DESIRED_STATE:
                direct_yield(h, "an orchestrated activity begins");
                return instance_desired_state(instance, effect->activity, effect->text);
        case EFFECT_COMMAND:
                return instance_command(instance, effect->activity, effect->baseline,
                                        hosted_command_of_step(effect->step));
        case EFFECT_CANCEL:
                return instance_cancel(instance, effect->activity);
        case EFFECT_FEEDBACK_GET:
                return instance_feedback_get(instance, effect->activity);
        case EFFECT_ACTIVITY_END:
                return instance_activity_end(instance, effect->activity);
        default:
                return -EINVAL;
        }
}

/* An agent that is just going down takes nothing; that it died is told in a moment. */
void hosted_tell(struct broker *b, const struct effect *effect)
{
        struct hosted *h = hosted_find_domain(b, effect->domain);
        struct instance *instance = h ? hosted_get_instance(h) : NULL;
        int r;

        if (!h)
                return;
        set_busy(h, effect->kind != EFFECT_ACTIVITY_END);
        (void)snprintf(h->last, sizeof(h->last), "%s", effect->activity); /* checked when it came */
        if (!instance)
                return;
        r = request(h, instance, effect);
        if (r == 0 || r == -ESTALE || effect->kind == EFFECT_ACTIVITY_END)
                return;
        broker_give(b, &(struct event){
                               .kind = EVENT_REFUSED,
                               .domain = effect->domain,
                               .activity = effect->activity,
                               .request = effect->kind,
                               .result = r,
                               .text = strerror(-r),
                       });
}

/* ------------------------------------------------------------------------- upward to connectors */

static struct instance *connector_instance(const struct hosted *h)
{
        return h->domain || !h->up ? NULL : hosted_get_instance(h);
}

static void check_told(const struct hosted *h, const char *activity, int r)
{
        if (r < 0)
                hosted_log(h, LOG_LEVEL_WARN, activity, "could not be told: %s", strerror(-r));
}

void hosted_connectors_feedback(struct broker *b, const char *activity, const char *json)
{
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct instance *instance = connector_instance(b->hosted[i]);

                if (instance)
                        check_told(b->hosted[i], activity,
                                   instance_connector_feedback(instance, activity, json));
        }
}

void hosted_connectors_current_state(struct broker *b, const char *activity, const char *json)
{
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct instance *instance = connector_instance(b->hosted[i]);

                if (instance)
                        check_told(b->hosted[i], activity,
                                   instance_connector_current_state(instance, activity, json));
        }
}

void hosted_connectors_consent(struct broker *b, const char *activity, const char *json)
{
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct instance *instance = connector_instance(b->hosted[i]);

                if (instance)
                        check_told(b->hosted[i], activity,
                                   instance_connector_owner_consent(instance, activity, json));
        }
}

/* ----------------------------------------------------------------------------------- the object */

/* A faulty registration keeps its domain but has nothing that could run. */
static int hosted_new(struct broker *b, struct setup *setup,
                      const struct registration *registration, struct hosted **ret)
{
        struct hosted *h = calloc(1, sizeof(*h));
        int r = 0;

        if (!h)
                return -ENOMEM;
        h->broker = b;
        h->setup = setup_ref(setup);
        h->registration = registration;
        if (registration->state == REGISTRATION_STATE_ENABLED)
                r = supervisor_new(&b->room, registration, &supervisor_events, h, &h->supervisor);
        else if (registration->message)
                hosted_log(h, LOG_LEVEL_ERROR, NULL, "cannot run: %s", registration->message);
        if (r < 0) {
                (void)hosted_free(h);
                return r;
        }
        *ret = h;
        return 0;
}

int hosted_new_connector(struct broker *b, struct setup *setup,
                         const struct registration *registration, struct hosted **ret)
{
        return hosted_new(b, setup, registration, ret);
}

int hosted_new_agent(struct broker *b, struct setup *setup, const struct domain *domain,
                     struct hosted **ret)
{
        struct hosted *h;
        int r;

        r = hosted_new(b, setup, setup_get_registration(setup, domain), &h);
        if (r < 0)
                return r;
        h->domain = strdup(domain->id);
        h->remote = strcmp(h->registration->plugin ? h->registration->plugin : "",
                           SETUP_REMOTE_PLUGIN) == 0;
        h->read_timeout_usec = domain->read_timeout_usec;
        r = h->domain ? agent_topics_begin(h) : -ENOMEM;
        if (r < 0) {
                (void)hosted_free(h);
                return r;
        }
        *ret = h;
        return 0;
}

struct hosted *hosted_free(struct hosted *h)
{
        if (!h)
                return NULL;
        agent_topics_end(h);
        plugin_mqtt_drop(h);
        (void)supervisor_free(h->supervisor);
        free(h->domain);
        direct_done(h);
        (void)inventory_free(h->inventory);
        free(h->inventory_text);
        (void)setup_unref(h->setup);
        free(h);
        return NULL;
}
