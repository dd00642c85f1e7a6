/* SPDX-License-Identifier: Apache-2.0
 *
 * The named services of a local instance.  What a plugin may reach is decided here for both
 * isolation modes; with "process" the daemon decides it once more (process.c). */
#include <errno.h>
#include <string.h>

#include "host/plugin/local-internal.h"
#include "host/util/topic.h"
#include "host/util/cleanup.h"

static int refuse(struct local *local, enum instance_fault fault, int r, const char *text)
{
        local_fault(local, fault, "%s", text);
        return r;
}

/* ----------------------------------------------------------------------------------------- mqtt */

/* A topic to publish to, or a filter to subscribe to: is it one, and is it granted? */
static int check_topic(struct local *local, const char *function, const char *topic,
                       bool (*is_valid)(const char *topic))
{
        int r;

        r = local_check_text(local, function, "the topic", topic, UB_MAX_TOPIC);
        if (r < 0)
                return r;
        if (!is_valid(topic)) {
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "%s: %s: not a topic", function, topic);
                return -EINVAL;
        }
        if (!topic_is_granted((const char *const *)local->topics, topic)) {
                local_fault(local, INSTANCE_FAULT_GRANT,
                            "%s: %s: not among the topics of the registration", function, topic);
                return -EPERM;
        }
        return 0;
}

static int mqtt_publish(void *ctx, const char *topic, const void *payload, size_t length,
                        uint32_t qos, uint32_t flags, ub_done_fn done, void *data)
{
        struct local *local;
        uint64_t id = 0;
        int r;

        r = local_admit(ctx, "publish", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = check_topic(local, "publish", topic, topic_is_name);
        if (r < 0)
                return r;
        if ((!payload && length > 0) || qos > 2 || (flags & ~(uint32_t)UB_MQTT_RETAIN))
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL,
                              "publish: no payload, qos above 2, or unknown flags");
        if (length > UB_MAX_JSON)
                return refuse(local, INSTANCE_FAULT_LIMIT, -E2BIG,
                              "publish: the payload is too long");
        if (done) {
                id = ++local->last_id;
                r = pending_add(&local->publishes, id, done, data);
                if (r < 0)
                        return refuse(local, INSTANCE_FAULT_LIMIT, r,
                                      "publish: too many at a time");
        }
        LOCAL_EMIT(local, mqtt_publish, id, topic, payload, length, qos, flags);
        return 0;
}

static struct local_subscription *find_subscription(struct local *local, uint64_t id)
{
        for (size_t i = 0; i < LOCAL_SUBSCRIPTIONS_MAX; i++)
                if (local->subscriptions[i].id == id)
                        return &local->subscriptions[i];
        return NULL;
}

static int mqtt_subscribe(void *ctx, const char *filter, uint32_t qos,
                          void (*fn)(void *data, const char *topic, const void *payload,
                                     size_t length, uint32_t flags),
                          void *data, uint64_t *ret_id)
{
        struct local_subscription *subscription;
        struct local *local;
        int r;

        r = local_admit(ctx, "subscribe", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = check_topic(local, "subscribe", filter, topic_is_filter);
        if (r < 0)
                return r;
        if (!fn || !ret_id || qos > 2)
                return refuse(local, INSTANCE_FAULT_ARGUMENT, -EINVAL,
                              "subscribe: fn or ret_id is NULL, or qos above 2");
        subscription = find_subscription(local, 0);
        if (!subscription)
                return refuse(local, INSTANCE_FAULT_LIMIT, -E2BIG, "subscribe: too many at a time");

        *subscription = (struct local_subscription){
                .id = ++local->last_id,
                .fn = fn,
                .data = data,
        };
        *ret_id = subscription->id;
        LOCAL_EMIT(local, mqtt_subscribe, subscription->id, filter, qos);
        return 0;
}

static void mqtt_unsubscribe(void *ctx, uint64_t id)
{
        struct local_subscription *subscription;
        struct local *local;

        if (local_admit(ctx, "unsubscribe", LOCAL_LIVE, &local) < 0)
                return;
        subscription = id != 0 ? find_subscription(local, id) : NULL;
        if (!subscription) {
                local_fault(local, INSTANCE_FAULT_SOURCE, "unsubscribe: no such subscription");
                return;
        }
        subscription->id = 0;
        LOCAL_EMIT(local, mqtt_unsubscribe, id);
}

static int mqtt_watch(void *ctx, void (*fn)(void *data, uint32_t connected), void *data)
{
        struct local *local;
        int r;

        r = local_admit(ctx, "watch", LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        if (fn) {
                r = work_put(&local->queue, &(struct work){ .kind = WORK_CONNECTED });
                if (r < 0)
                        return r;
                local_kick(local);
        }
        local->watch = fn;
        local->watch_data = data;
        return 0;
}

static const struct ub_mqtt mqtt = {
        .publish = mqtt_publish,
        .subscribe = mqtt_subscribe,
        .unsubscribe = mqtt_unsubscribe,
        .watch = mqtt_watch,
};

/* --------------------------------------------------------------------------------- orchestrator */

static int ask(void *ctx, const char *function, enum instance_request request, const char *activity,
               const char *json)
{
        struct local *local;
        int r;

        r = local_admit(ctx, function, LOCAL_LIVE, &local);
        if (r < 0)
                return r;
        r = local_check_text(local, function, "the activity", activity, UB_MAX_ID);
        if (r < 0)
                return r;
        if (request != INSTANCE_REQUEST_CURRENT_STATE_GET) {
                r = local_check_json(local, function, json);
                if (r < 0)
                        return r;
        }
        LOCAL_EMIT(local, orchestrator, request, activity, json);
        return 0;
}

static int orchestrator_desired_state(void *ctx, const char *activity, const char *json)
{
        return ask(ctx, "orchestrator desired_state", INSTANCE_REQUEST_DESIRED_STATE, activity,
                   json);
}

static int orchestrator_command(void *ctx, const char *activity, const char *json)
{
        return ask(ctx, "orchestrator command", INSTANCE_REQUEST_COMMAND, activity, json);
}

static int orchestrator_current_state_get(void *ctx, const char *activity)
{
        return ask(ctx, "orchestrator current_state_get", INSTANCE_REQUEST_CURRENT_STATE_GET,
                   activity, "");
}

static int orchestrator_owner_consent(void *ctx, const char *activity, const char *json)
{
        return ask(ctx, "orchestrator owner_consent", INSTANCE_REQUEST_OWNER_CONSENT, activity,
                   json);
}

static const struct ub_orchestrator orchestrator = {
        .desired_state = orchestrator_desired_state,
        .command = orchestrator_command,
        .current_state_get = orchestrator_current_state_get,
        .owner_consent = orchestrator_owner_consent,
};

/* --------------------------------------------------------------------------------------- lookup */

const void *local_service(struct local *local, const char *name)
{
        bool granted;
        const void *table;

        if (strcmp(name, UB_SERVICE_MQTT) == 0) {
                granted = local->grants & INSTANCE_GRANT_MQTT;
                table = &mqtt;
        } else if (strcmp(name, UB_SERVICE_ORCHESTRATOR) == 0) {
                granted = local->instance.role == INSTANCE_ROLE_CONNECTOR;
                table = &orchestrator;
        } else {
                return NULL; /* a plugin may ask for what only newer hosts have */
        }
        if (!granted) {
                local_fault(local, INSTANCE_FAULT_GRANT, "get: %s is not granted", name);
                return NULL;
        }
        return table;
}
