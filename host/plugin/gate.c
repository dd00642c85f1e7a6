/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/gate.h"

#include <errno.h>
#include <string.h>

#include "host/json/scan.h"
#include "host/util/topic.h"
#include "host/util/diag.h"

static int check_json(const char *json, struct diag *diag)
{
        const struct scan_rules rules = { .max_bytes = UB_MAX_JSON,
                                          .max_depth = UB_MAX_DEPTH,
                                          .object = true };

        /* Short of memory it is not known to be good, and must not go on. */
        return scan_text(json, strlen(json), &rules, NULL, diag) < 0 ? -EBADMSG : 0;
}

static int check_role(const struct gate *gate, enum instance_role role, struct diag *diag)
{
        return gate->role == role ? 0 : diag_set(diag, -EBADMSG, "not of its role");
}

static int check_range(uint64_t value, uint64_t min, uint64_t max, struct diag *diag)
{
        return value >= min && value <= max ? 0 : diag_set(diag, -EBADMSG, "out of range");
}

static int check_mqtt(const struct gate *gate, const struct frame *frame, struct diag *diag)
{
        const char *topic = frame->text[0];

        if (!(gate->grants & INSTANCE_GRANT_MQTT))
                return diag_set(diag, -EBADMSG, "not granted");
        if (frame->type == FRAME_MQTT_UNSUBSCRIBE)
                return 0;
        if (frame->number[1] > 2)
                return diag_set(diag, -EBADMSG, "qos out of range");
        if (frame->type == FRAME_MQTT_PUBLISH && frame->number[2] & ~(uint64_t)UB_MQTT_RETAIN)
                return diag_set(diag, -EBADMSG, "unknown flag");
        if (frame->type == FRAME_MQTT_PUBLISH ? !topic_is_name(topic) : !topic_is_filter(topic))
                return diag_set(diag, -EBADMSG, "not a topic");
        if (!topic_is_granted(gate->topics, topic))
                return diag_set(diag, -EBADMSG, "topic %s is not granted", topic);
        return 0;
}

static int check_orchestrator(const struct gate *gate, const struct frame *frame, struct diag *diag)
{
        const char *json = frame->text[1];
        int r;

        r = check_role(gate, INSTANCE_ROLE_CONNECTOR, diag);
        if (r == 0)
                r = check_range(frame->number[0], INSTANCE_REQUEST_DESIRED_STATE,
                                INSTANCE_REQUEST_OWNER_CONSENT, diag);
        if (r < 0)
                return r;
        if (frame->number[0] == INSTANCE_REQUEST_CURRENT_STATE_GET)
                return *json ? diag_set(diag, -EBADMSG, "text where none belongs") : 0;
        return check_json(json, diag);
}

static int check(const struct gate *gate, const struct frame *frame, struct diag *diag)
{
        int r;

        switch (frame->type) {
        case FRAME_STARTED:
        case FRAME_STOPPED:
        case FRAME_DIED:
        case FRAME_STATS:
        case FRAME_STATE_SYNC:
                return 0;
        case FRAME_ANSWERED:
                return check_range(frame->number[0], INSTANCE_CALL_RELOAD,
                                   INSTANCE_CALL_CONNECTOR_OWNER_CONSENT, diag);
        case FRAME_MISBEHAVED:
                return check_range(frame->number[0], 1, INSTANCE_FAULT_COUNT - 1, diag);
        case FRAME_LOG:
                return check_range(frame->number[0], UB_LOG_ERR, UB_LOG_DEBUG, diag);
        case FRAME_CURRENT_STATE:
        case FRAME_FEEDBACK:
                r = check_role(gate, INSTANCE_ROLE_AGENT, diag);
                return r < 0 ? r : check_json(frame->text[1], diag);
        case FRAME_REBOOT_REQUEST:
                return check_role(gate, INSTANCE_ROLE_AGENT, diag);
        case FRAME_STATE_PUT:
                return *frame->text[0] ? 0 : diag_set(diag, -EBADMSG, "no key");
        case FRAME_MQTT_PUBLISH:
        case FRAME_MQTT_SUBSCRIBE:
        case FRAME_MQTT_UNSUBSCRIBE:
                return check_mqtt(gate, frame, diag);
        case FRAME_ORCHESTRATOR:
                return check_orchestrator(gate, frame, diag);
        case FRAME_HELLO:
        case FRAME_TOPIC:
        case FRAME_STATE:
        case FRAME_CONFIG:
        case FRAME_START:
        case FRAME_REQUEST:
        case FRAME_ACTIVITY_END:
        case FRAME_STATE_SYNCED:
        case FRAME_MQTT_PUBLISHED:
        case FRAME_MQTT_MESSAGE:
        case FRAME_MQTT_CONNECTED:
        case FRAME_PING:
        case FRAME_STOP:
        case FRAME_TYPE_COUNT:
                break;
        }
        return diag_set(diag, -EBADMSG, "not for the daemon");
}

int gate_check(const struct gate *gate, const struct frame *frame, struct diag *diag)
{
        int r = check(gate, frame, diag);

        return r < 0 ? diag_prefix(diag, r, "%s", frame_type_to_string(frame->type)) : 0;
}
