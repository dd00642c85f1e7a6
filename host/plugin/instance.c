/* SPDX-License-Identifier: Apache-2.0
 *
 * The common half of both kinds of instances: limits, and names for people. */
#include "host/plugin/instance.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "host/plugin/abi.h"
#include "host/plugin/instance-ops.h"

struct instance *instance_free(struct instance *instance)
{
        if (instance)
                instance->ops->free(instance);
        return NULL;
}

int instance_start(struct instance *instance, uint32_t flags)
{
        return instance->ops->start(instance, flags);
}

int instance_stop(struct instance *instance)
{
        return instance->ops->stop(instance);
}

static bool is_longer(const char *text, size_t max_bytes)
{
        return strnlen(text, max_bytes + 1) > max_bytes;
}

static int request(struct instance *instance, const struct instance_request_args *args,
                   size_t max_text_bytes)
{
        assert(args->activity && args->text);

        if (is_longer(args->activity, UB_MAX_ID) || is_longer(args->text, max_text_bytes))
                return -E2BIG;
        return instance->ops->request(instance, args);
}

int instance_reload(struct instance *instance, const char *settings)
{
        const struct instance_request_args args = { .call = INSTANCE_CALL_RELOAD,
                                                    .activity = "",
                                                    .text = settings };

        return request(instance, &args, UB_MAX_JSON);
}

int instance_current_state_get(struct instance *instance, const char *activity)
{
        const struct instance_request_args args = { .call = INSTANCE_CALL_CURRENT_STATE_GET,
                                                    .activity = activity,
                                                    .text = "" };

        assert(instance->role == INSTANCE_ROLE_AGENT);
        return request(instance, &args, 0);
}

int instance_desired_state(struct instance *instance, const char *activity, const char *json)
{
        const struct instance_request_args args = { .call = INSTANCE_CALL_DESIRED_STATE,
                                                    .activity = activity,
                                                    .text = json };

        assert(instance->role == INSTANCE_ROLE_AGENT);
        return request(instance, &args, UB_MAX_JSON);
}

int instance_command(struct instance *instance, const char *activity, const char *baseline,
                     int32_t command)
{
        const struct instance_request_args args = { .call = INSTANCE_CALL_COMMAND,
                                                    .command = command,
                                                    .activity = activity,
                                                    .text = baseline };

        assert(instance->role == INSTANCE_ROLE_AGENT);
        return request(instance, &args, UB_MAX_ID);
}

int instance_cancel(struct instance *instance, const char *activity)
{
        const struct instance_request_args args = { .call = INSTANCE_CALL_CANCEL,
                                                    .activity = activity,
                                                    .text = "" };

        assert(instance->role == INSTANCE_ROLE_AGENT);
        return request(instance, &args, 0);
}

int instance_feedback_get(struct instance *instance, const char *activity)
{
        const struct instance_request_args args = { .call = INSTANCE_CALL_FEEDBACK_GET,
                                                    .activity = activity,
                                                    .text = "" };

        assert(instance->role == INSTANCE_ROLE_AGENT);
        return request(instance, &args, 0);
}

static int connector_request(struct instance *instance, enum instance_call call,
                             const char *activity, const char *json)
{
        const struct instance_request_args args = { .call = call,
                                                    .activity = activity,
                                                    .text = json };

        assert(instance->role == INSTANCE_ROLE_CONNECTOR);
        return request(instance, &args, UB_MAX_JSON);
}

int instance_connector_feedback(struct instance *instance, const char *activity, const char *json)
{
        return connector_request(instance, INSTANCE_CALL_CONNECTOR_FEEDBACK, activity, json);
}

int instance_connector_current_state(struct instance *instance, const char *activity,
                                     const char *json)
{
        return connector_request(instance, INSTANCE_CALL_CONNECTOR_CURRENT_STATE, activity, json);
}

int instance_connector_owner_consent(struct instance *instance, const char *activity,
                                     const char *json)
{
        return connector_request(instance, INSTANCE_CALL_CONNECTOR_OWNER_CONSENT, activity, json);
}

int instance_activity_end(struct instance *instance, const char *activity)
{
        return is_longer(activity, UB_MAX_ID) ? -E2BIG
                                              : instance->ops->activity_end(instance, activity);
}

int instance_state_synced(struct instance *instance, uint64_t id, int result)
{
        return instance->ops->state_synced(instance, id, result);
}

int instance_mqtt_published(struct instance *instance, uint64_t id, int result)
{
        return instance->ops->mqtt_published(instance, id, result);
}

int instance_mqtt_message(struct instance *instance, uint64_t subscription, const char *topic,
                          const void *payload, size_t length, uint32_t flags)
{
        if (is_longer(topic, UB_MAX_TOPIC) || length > UB_MAX_JSON)
                return -E2BIG;
        return instance->ops->mqtt_message(instance, subscription, topic, payload, length, flags);
}

int instance_mqtt_connected(struct instance *instance, bool connected)
{
        return instance->ops->mqtt_connected(instance, connected);
}

void instance_get_stats(const struct instance *instance, struct instance_stats *ret)
{
        instance->ops->get_stats(instance, ret);
}

const char *instance_call_to_string(enum instance_call call)
{
        switch (call) {
        case INSTANCE_CALL_CREATE:
                return "create";
        case INSTANCE_CALL_START:
                return "start";
        case INSTANCE_CALL_STOP:
                return "stop";
        case INSTANCE_CALL_DESTROY:
                return "destroy";
        case INSTANCE_CALL_WOKEN:
                return "woken";
        case INSTANCE_CALL_RELOAD:
                return "reload";
        case INSTANCE_CALL_CURRENT_STATE_GET:
                return "current_state_get";
        case INSTANCE_CALL_DESIRED_STATE:
                return "desired_state";
        case INSTANCE_CALL_COMMAND:
                return "command";
        case INSTANCE_CALL_CANCEL:
                return "cancel";
        case INSTANCE_CALL_FEEDBACK_GET:
                return "feedback_get";
        case INSTANCE_CALL_CONNECTOR_FEEDBACK:
                return "feedback";
        case INSTANCE_CALL_CONNECTOR_CURRENT_STATE:
                return "current_state";
        case INSTANCE_CALL_CONNECTOR_OWNER_CONSENT:
                return "owner_consent";
        case INSTANCE_CALL_CALLBACK:
                return "a callback";
        }
        return "an unknown call";
}

const char *instance_fault_to_string(enum instance_fault fault)
{
        switch (fault) {
        case INSTANCE_FAULT_SLOW:
                return "took too long";
        case INSTANCE_FAULT_THREAD:
                return "called from another thread";
        case INSTANCE_FAULT_SOURCE:
                return "named a source that is not its own";
        case INSTANCE_FAULT_JSON:
                return "sent bad JSON";
        case INSTANCE_FAULT_LIMIT:
                return "went beyond a limit";
        case INSTANCE_FAULT_ARGUMENT:
                return "passed a bad argument";
        case INSTANCE_FAULT_ACTIVITY:
                return "answered an activity that does not run";
        case INSTANCE_FAULT_TWICE:
                return "answered twice";
        case INSTANCE_FAULT_PHASE:
                return "called at the wrong time";
        case INSTANCE_FAULT_GRANT:
                return "asked for what is not granted";
        case INSTANCE_FAULT_STOP:
                return "did not stop";
        case INSTANCE_FAULT_FLOOD:
                return "sent more than can be read";
        case INSTANCE_FAULT_COUNT:
                break;
        }
        return "broke an unknown rule";
}
