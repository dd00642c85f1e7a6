/* SPDX-License-Identifier: Apache-2.0
 *
 * northbound - the topics between backend and broker; things.c has those of things mode
 *
 * What comes in is read liberally and answered in any case: a desired state that cannot be read
 * gets a feedback that says where the fault is, under the id of its activity as far as there is
 * one. */
#define _GNU_SOURCE 1 /* asprintf */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "host/broker/chronicle.h"
#include "host/broker/control.h"
#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/things.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"
#include "host/json/scan.h"
#include "host/model/command.h"
#include "host/model/consent.h"
#include "host/model/desired_state.h"
#include "host/model/envelope.h"
#include "host/model/feedback.h"
#include "host/plugin/abi.h"
#include "host/util/crc32.h"
#include "host/util/diag.h"

static const struct scan_rules payload_rules = {
        .max_bytes = PLACE_JSON_MAX,
        .max_depth = PLACE_JSON_DEPTH_MAX,
        .object = true,
};

/* ----------------------------------------------------------------------------------- publishing */

struct wait {
        uplink_done_fn done;
        void *data;
};

static int send(struct broker *b, enum topics_kind kind, const char *domain, const char *activity,
                const char *payload, enum outbox_rank rank, const struct wait *wait)
{
        struct outbox_message message = {
                .qos = topics_qos(kind),
                .retain = topics_is_retained(kind),
                .rank = rank,
        };
        CLEANUP_FREE char *text = NULL;
        char topic[TOPICS_SIZE];
        int r;

        r = topics_make(kind, domain, topic);
        if (r == 0)
                r = envelope_write(activity, broker_now_ms(), payload, &text);
        if (r < 0)
                return r;
        message.topic = topic;
        message.payload = text;
        message.length = strlen(text);
        return uplink_publish(b->uplink, &message, wait ? wait->done : NULL,
                              wait ? wait->data : NULL);
}

int northbound_publish(struct broker *b, enum topics_kind kind, const char *domain,
                       const char *activity, const char *payload, enum outbox_rank rank)
{
        int r = send(b, kind, domain, activity, payload, rank, NULL);

        return r == -ENOTCONN ? 0 : r; /* that there is no MQTT is as configured */
}

int northbound_publish_end(struct broker *b, const char *activity, const char *payload,
                           uplink_done_fn done, void *data)
{
        const struct wait wait = { .done = done, .data = data };

        if (b->things)
                return things_publish_end(b->things, activity, payload, done, data);
        return send(b, TOPICS_FEEDBACK, b->setup->settings->domain, activity, payload,
                    OUTBOX_TERMINAL, &wait);
}

static void publish(struct broker *b, enum topics_kind kind, const char *activity,
                    const char *payload, enum outbox_rank rank)
{
        const struct log_about about = { .activity = activity };
        int r;

        if (b->things)
                r = things_publish(b->things, kind, activity, payload, rank);
        else
                r = northbound_publish(b, kind, b->setup->settings->domain, activity, payload,
                                       rank);
        if (r == -E2BIG)
                log_error(b->log, &about, "a message to the backend is lost: %zu bytes are too many",
                          strlen(payload));
        else if (r < 0)
                log_error(b->log, &about, "a message to the backend is lost: %s", strerror(-r));
}

static enum status status_of(const char *json)
{
        char word[64];
        size_t offset;
        size_t length;

        if (scan_locate(json, strlen(json), "/status", &offset, &length) < 0 ||
            scan_copy(json + offset, length, word, sizeof(word)) >= (int)sizeof(word))
                return STATUS_UNKNOWN;
        return status_from_string(word);
}

/* Of a feedback of ours; "" when there is none.  The caller's to free; NULL: out of memory. */
static char *message_of(const char *json)
{
        size_t offset;
        size_t length;
        char *text;

        if (scan_locate(json, strlen(json), "/message", &offset, &length) < 0)
                return strdup("");
        text = malloc(length); /* with its quotes: more than enough */
        if (text)
                (void)scan_copy(json + offset, length, text, length);
        return text;
}

static void note_end(struct broker *b, const struct effect *effect, enum status status)
{
        CLEANUP_FREE char *message = message_of(effect->text);

        chronicle_end(b->chronicle, effect->activity, status_to_string(status),
                      message ? message : "", broker_now_ms());
}

/* Progress is replaced by the next one where it cannot be sent at once. */
static enum outbox_rank rank_of(enum status status)
{
        return status == STATUS_RUNNING ? OUTBOX_PROGRESS : OUTBOX_ORDINARY;
}

/* What connectors can take is less than what MQTT can; they are told at least how it stands. */
static void tell_connectors(struct broker *b, const struct effect *effect, enum status status)
{
        CLEANUP_FREE char *message = NULL;
        CLEANUP_FREE char *text = NULL;

        if (strlen(effect->text) > UB_MAX_JSON) {
                message = message_of(effect->text);
                if (!message || feedback_write(status, message, NULL, &text) < 0)
                        log_error(b->log, NULL, "out of memory: connectors are not told");
        }
        hosted_connectors_feedback(b, effect->activity, text ? text : effect->text);
}

void northbound_feedback(struct broker *b, const struct effect *effect)
{
        enum status status = status_of(effect->text);
        const char *running = orchestrator_get_activity(b->orchestrator);

        if (status == STATUS_IDENTIFYING)
                chronicle_begin(b->chronicle, effect->activity, broker_now_ms());
        if (effect->terminal)
                note_end(b, effect, status);
        free(b->last_feedback);
        b->last_feedback = NULL;
        if (running && strcmp(running, effect->activity) == 0)
                b->last_feedback = strdup(effect->text);
        if (effect->terminal)
                delivery_add(b, effect);
        else
                publish(b, TOPICS_FEEDBACK, effect->activity, effect->text, rank_of(status));
        tell_connectors(b, effect, status);
        if (b->control)
                control_feedback(b->control, effect->activity, effect->text);
}

void northbound_consent(struct broker *b, const struct effect *effect)
{
        CLEANUP_FREE char *text = NULL;

        if (consent_write(effect->step, &text) < 0) {
                log_error(b->log, NULL, "out of memory: the owner is not asked");
                return;
        }
        publish(b, TOPICS_OWNER_CONSENT, effect->activity, text, OUTBOX_ORDINARY);
        hosted_connectors_consent(b, effect->activity, text);
}

/* There is no message for it in the field; but a late answer is to be told so, where answers are
 * answered. */
void northbound_consent_ends(struct broker *b)
{
        if (b->things)
                things_question_ends(b->things);
}

/* Without a connection there is nobody to tell, and with the next one all agents are asked anew. */
void northbound_current_state(struct broker *b, const char *activity, const char *json)
{
        if (uplink_is_up(b->uplink))
                publish(b, TOPICS_CURRENT_STATE, activity, json, OUTBOX_INVENTORY);
        hosted_connectors_current_state(b, activity, json);
        if (b->control)
                control_current_state(b->control, activity, json);
}

/* -------------------------------------------------------------------------------- desired state */

static void refuse(struct broker *b, const char *activity, const char *why)
{
        const struct log_about about = { .activity = activity };

        log_warn(b->log, &about, "desired state refused: %s", why);
        broker_give(b, &(struct event){
                               .kind = EVENT_INVALID, .activity = activity, .text = why });
}

static void give_desired_state(struct broker *b, const char *activity, const struct json *payload)
{
        struct desired_state *desired = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = desired_state_read(payload, &diag, &desired);
        if (r < 0)
                refuse(b, activity, r == -ENOMEM ? strerror(ENOMEM) : diag.text);
        else
                broker_give(b, &(struct event){ .kind = EVENT_DESIRED_STATE,
                                                .activity = activity,
                                                .desired = desired });
}

/* For a message without one.  The server sends a retained message at every connection, so its id
 * has to be the same each time, also the first time, when nothing tells it from others.  Who sends
 * the same text once more on purpose wants it done once more. */
static void make_activity(const struct broker *b, const struct mqtt_message *message,
                          char ret[static SD_ID128_UUID_STRING_MAX])
{
        sd_id128_t id = SD_ID128_NULL;

        (void)snprintf(ret, SD_ID128_UUID_STRING_MAX, "unnamed-%08" PRIx32,
                       crc32_add(0, message->payload, message->length));
        if (!message->retained && orchestrator_knows(b->orchestrator, ret) &&
            sd_id128_randomize(&id) >= 0)
                (void)sd_id128_to_uuid_string(id, ret);
}

static void on_desired_state(void *data, const struct mqtt_message *message)
{
        char made[SD_ID128_UUID_STRING_MAX];
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        char salvaged[PLACE_ID_MAX + 1];
        struct diag diag = DIAG_INIT;
        struct broker *b = data;
        int r;

        if (message->length == 0 && message->retained)
                return;
        r = envelope_read(message->payload, message->length, &diag, &envelope);
        if (r < 0) {
                refuse(b, envelope_salvage_activity(message->payload, message->length, salvaged),
                       r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return;
        }
        make_activity(b, message, made);
        give_desired_state(b, *envelope->activity ? envelope->activity : made, envelope->payload);
}

/* envelope_read() finds nothing but the size. */
void northbound_oversized(struct broker *b, const struct mqtt_message *message)
{
        char topic[TOPICS_SIZE];

        if (b->things)
                things_oversized(b->things, message);
        else if (b->northbound[0] &&
                 topics_make(TOPICS_DESIRED_STATE, b->setup->settings->domain, topic) == 0 &&
                 strcmp(topic, message->topic) == 0)
                on_desired_state(b, message);
}

void northbound_take_desired_state(struct broker *b, const char *activity, const char *json)
{
        CLEANUP_JSON struct json *root = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = json_parse(json, strlen(json), &payload_rules, NULL, &diag, &root);
        if (r < 0)
                refuse(b, activity, r == -ENOMEM ? strerror(ENOMEM) : diag.text);
        else
                give_desired_state(b, activity, root);
}

/* ------------------------------------------------------------------------- commands and consent */

static void give_command(struct broker *b, const char *activity, const struct json *payload)
{
        CLEANUP(command_freep) struct command *command = NULL;
        const struct log_about about = { .activity = activity };
        struct diag diag = DIAG_INIT;
        int r;

        r = command_read(payload, &diag, &command);
        if (r < 0)
                log_warn(b->log, &about, "command refused: %s", diag.text);
        else if (!command->cancel)
                log_warn(b->log, &about, "command %s is for agents; the broker takes CANCEL only",
                         step_to_string(command->step));
        else
                broker_give(b, &(struct event){ .kind = EVENT_CANCEL, .activity = activity });
}

static void give_consent(struct broker *b, const char *activity, const struct json *payload)
{
        const struct log_about about = { .activity = activity };
        struct diag diag = DIAG_INIT;
        bool approved;
        int r;

        r = consent_read(payload, &diag, &approved);
        if (r < 0)
                log_warn(b->log, &about, "owner consent that cannot be read: %s", diag.text);
        else
                broker_give(b, &(struct event){ .kind = EVENT_CONSENT,
                                                .activity = activity,
                                                .approved = approved });
}

typedef void (*give_fn)(struct broker *b, const char *activity, const struct json *payload);

static void take_message(struct broker *b, const struct mqtt_message *message, const char *what,
                         give_fn give)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        struct diag diag = DIAG_INIT;

        if (envelope_read(message->payload, message->length, &diag, &envelope) < 0)
                log_warn(b->log, NULL, "%s that cannot be read: %s", what, diag.text);
        else
                give(b, envelope->activity, envelope->payload);
}

static void on_command(void *data, const struct mqtt_message *message)
{
        take_message(data, message, "command", give_command);
}

static void on_consent(void *data, const struct mqtt_message *message)
{
        take_message(data, message, "owner consent", give_consent);
}

static void take_text(struct broker *b, const char *activity, const char *json, const char *what,
                      give_fn give)
{
        const struct log_about about = { .activity = activity };
        CLEANUP_JSON struct json *root = NULL;
        struct diag diag = DIAG_INIT;

        if (json_parse(json, strlen(json), &payload_rules, NULL, &diag, &root) < 0)
                log_warn(b->log, &about, "%s that cannot be read: %s", what, diag.text);
        else
                give(b, activity, root);
}

void northbound_take_command(struct broker *b, const char *activity, const char *json)
{
        take_text(b, activity, json, "command", give_command);
}

void northbound_take_consent(struct broker *b, const char *activity, const char *json)
{
        take_text(b, activity, json, "owner consent", give_consent);
}

/* -------------------------------------------------------------------------------- current state */

/* An empty message asks as well as any other. */
static void on_current_state_get(void *data, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        struct diag diag = DIAG_INIT;
        struct broker *b = data;
        int r;

        if (message->retained)
                return; /* nobody asks now */
        r = envelope_read(message->payload, message->length, &diag, &envelope);
        if (r < 0 && r != -ENODATA)
                log_warn(b->log, NULL, "request for the current state that cannot be read: %s",
                         diag.text);
        else
                current_state_read(b, envelope ? envelope->activity : "");
}

/* ------------------------------------------------------------------------------------ life */

void northbound_connected(struct broker *b)
{
        if (b->things)
                things_connected(b->things);
        if (!b->readings)
                current_state_read_initial(b);
}

int northbound_begin(struct broker *b)
{
        static const struct {
                enum topics_kind kind;
                subscription_fn fn;
        } topics[] = {
                { TOPICS_DESIRED_STATE, on_desired_state },
                { TOPICS_COMMAND, on_command },
                { TOPICS_CURRENT_STATE_GET, on_current_state_get },
                { TOPICS_OWNER_CONSENT_FEEDBACK, on_consent },
        };
        char topic[TOPICS_SIZE];
        size_t i;
        int r = 0;

        if (b->setup->settings->things_enabled)
                return things_new(b, &b->things);
        for (i = 0; i < ARRAY_SIZE(topics) && r == 0; i++) {
                r = topics_make(topics[i].kind, b->setup->settings->domain, topic);
                if (r == 0)
                        r = uplink_subscribe(b->uplink, topic, topics_qos(topics[i].kind),
                                             topics[i].fn, b, &b->northbound[i]);
        }
        return r;
}

void northbound_end(struct broker *b)
{
        size_t i;

        b->things = things_free(b->things);
        for (i = 0; i < ARRAY_SIZE(b->northbound); i++)
                b->northbound[i] = uplink_unsubscribe(b->uplink, b->northbound[i]);
}
