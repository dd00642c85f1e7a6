/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending, waiting for the connector, and what comes from the cloud.
 *
 * What goes out is made when it leaves and not when it is said, because it names the thing, and which
 * one that is may be known only then.  So `waiting` keeps plain payloads.
 *
 * What comes in has two ways to an answer: the reply that the message itself asks for, and the
 * feedback of the activity.  A fault is told in the reply if one is wanted, otherwise in feedback. */
#include "config.h"

#include "host/broker/things.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"
#include "host/model/consent.h"
#include "host/model/desired_state.h"
#include "host/model/ditto.h"
#include "host/util/diag.h"

enum { WAITING_MAX = 8 }; /* activities whose last word waits for a connector */

/* Feedback or a question from before any connector had answered. */
struct waiting {
        struct waiting *next;
        enum topics_kind kind;
        char *activity;
        char *payload;
        enum outbox_rank rank;
};

struct things {
        struct broker *broker;
        struct uplink_route *response;
        struct uplink_route *commands;
        char thing[DITTO_THING_MAX + 1]; /* "": no connector has said it yet */
        bool announced;                  /* to this thing, through this connection */
        struct waiting *waiting;
        size_t n_waiting;
        char question[SD_ID128_UUID_STRING_MAX]; /* its correlation id; "": none is open */
};

static void make_uuid(char ret[static SD_ID128_UUID_STRING_MAX])
{
        sd_id128_t id = SD_ID128_NULL;

        (void)sd_id128_randomize(&id); /* fails where there is no random source at all: then zero */
        (void)sd_id128_to_uuid_string(id, ret);
}

/* -------------------------------------------------------------------------------------- sending */

static int send_text(struct things *things, const char *topic, const char *text,
                     enum outbox_rank rank)
{
        const struct outbox_message message = {
                .topic = topic,
                .payload = text,
                .length = strlen(text),
                .qos = TOPICS_THING_QOS,
                .rank = rank,
        };
        int r = uplink_publish(things->broker->uplink, &message, NULL, NULL);

        return r == -ENOTCONN ? 0 : r; /* that there is no MQTT is as configured */
}

static int send_report(struct things *things, enum topics_kind kind,
                       const struct ditto_report *report, enum outbox_rank rank)
{
        CLEANUP_FREE char *text = NULL;
        int r;

        if (kind == TOPICS_CURRENT_STATE) {
                r = ditto_write_state(report, things->broker->setup->settings->domain, &text);
        } else if (kind == TOPICS_OWNER_CONSENT) {
                make_uuid(things->question);
                r = ditto_write_consent(report, things->question, &text);
        } else {
                r = ditto_write_feedback(report, &text);
        }
        return r < 0 ? r : send_text(things, TOPICS_THING_EVENT, text, rank);
}

static int send_now(struct things *things, enum topics_kind kind, const char *activity,
                    const char *payload, enum outbox_rank rank)
{
        const struct ditto_report report = {
                .thing = things->thing,
                .activity = activity,
                .timestamp_ms = broker_now_ms(),
                .json = payload,
        };

        return send_report(things, kind, &report, rank);
}

/* ----------------------------------------------------------------------- until there is a thing */

static void waiting_free(struct waiting *w)
{
        if (!w)
                return;
        free(w->activity);
        free(w->payload);
        free(w);
}

static void drop(struct things *things, struct waiting **p)
{
        struct waiting *w = *p;

        *p = w->next;
        things->n_waiting--;
        waiting_free(w);
}

static void forget(struct things *things, enum topics_kind kind, const char *activity)
{
        struct waiting **p = &things->waiting;

        while (*p) {
                if ((*p)->kind == kind && strcmp((*p)->activity, activity) == 0)
                        drop(things, p);
                else
                        p = &(*p)->next;
        }
}

static int keep(struct things *things, enum topics_kind kind, const char *activity,
                const char *payload, enum outbox_rank rank)
{
        struct waiting *w = calloc(1, sizeof(*w));
        struct waiting **p = &things->waiting;

        if (!w)
                return -ENOMEM;
        w->kind = kind;
        w->rank = rank;
        w->activity = strdup(activity);
        w->payload = strdup(payload);
        if (!w->activity || !w->payload) {
                waiting_free(w);
                return -ENOMEM;
        }
        /* Of each activity only the last word counts; when there are too many, the oldest goes. */
        forget(things, kind, activity);
        if (things->n_waiting >= WAITING_MAX)
                drop(things, &things->waiting);
        while (*p)
                p = &(*p)->next;
        *p = w;
        things->n_waiting++;
        return 0;
}

static void send_waiting(struct things *things)
{
        while (things->waiting) {
                const struct waiting *w = things->waiting;
                const struct log_about about = { .activity = w->activity };
                int r = send_now(things, w->kind, w->activity, w->payload, w->rank);

                if (r < 0)
                        log_error(things->broker->log, &about, "a message to the cloud is lost: %s",
                                  strerror(-r));
                drop(things, &things->waiting);
        }
}

int things_publish(struct things *things, enum topics_kind kind, const char *activity,
                   const char *payload, enum outbox_rank rank)
{
        if (*things->thing && (things->announced || kind != TOPICS_CURRENT_STATE))
                return send_now(things, kind, activity, payload, rank);
        if (kind == TOPICS_CURRENT_STATE)
                return 0; /* with the announcement it goes out as it is then */
        return keep(things, kind, activity, payload, rank);
}

int things_publish_end(struct things *things, const char *activity, const char *payload,
                       uplink_done_fn done, void *data)
{
        const struct ditto_report report = {
                .thing = things->thing,
                .activity = activity,
                .timestamp_ms = broker_now_ms(),
                .json = payload,
        };
        struct outbox_message message = {
                .topic = TOPICS_THING_EVENT,
                .qos = TOPICS_THING_QOS,
                .rank = OUTBOX_TERMINAL,
        };
        CLEANUP_FREE char *text = NULL;
        int r;

        if (!*things->thing) {
                forget(things, TOPICS_FEEDBACK, activity); /* how it went, before it ended */
                return -EAGAIN;
        }
        r = ditto_write_feedback(&report, &text);
        if (r < 0)
                return r;
        message.payload = text;
        message.length = strlen(text);
        return uplink_publish(things->broker->uplink, &message, done, data);
}

void things_question_ends(struct things *things)
{
        struct waiting **p = &things->waiting;

        things->question[0] = '\0';
        while (*p) {
                if ((*p)->kind == TOPICS_OWNER_CONSENT)
                        drop(things, p);
                else
                        p = &(*p)->next;
        }
}

/* ------------------------------------------------------------------------------------ the thing */

static void announce(struct things *things)
{
        struct broker *b = things->broker;
        CLEANUP_FREE char *text = NULL;
        int r;

        r = ditto_write_feature(things->thing, b->setup->settings->domain, &text);
        if (r == 0)
                r = send_text(things, TOPICS_THING_EVENT, text, OUTBOX_ORDINARY);
        if (r < 0) {
                log_error(b->log, NULL, "the feature cannot be announced: %s", strerror(-r));
                return;
        }
        things->announced = true;
        send_waiting(things);
        delivery_retry(b);
        if (!b->readings && !b->stopping)
                current_state_publish_initial(b); /* else it follows when all have answered */
}

static void on_response(void *data, const struct mqtt_message *message)
{
        char thing[DITTO_THING_MAX + 1] = "";
        struct diag diag = DIAG_INIT;
        struct things *things = data;
        int r;

        r = ditto_read_device(message->payload, message->length, &diag, thing);
        if (r < 0) {
                log_warn(things->broker->log, NULL, "%s: %s", TOPICS_THING_RESPONSE, diag.text);
                return;
        }
        if (strcmp(thing, things->thing) != 0) {
                log_info(things->broker->log, NULL, "this device is the thing %s", thing);
                memcpy(things->thing, thing, sizeof(thing));
                things->announced = false;
        }
        /* Others ask the connector the same, and everybody hears what they are told. */
        if (!things->announced)
                announce(things);
}

void things_connected(struct things *things)
{
        int r;

        things->announced = false;
        r = send_text(things, TOPICS_THING_REQUEST, "", OUTBOX_ORDINARY);
        if (r < 0)
                log_error(things->broker->log, NULL, "which thing this is cannot be asked: %s",
                          strerror(-r));
}

/* -------------------------------------------------------------------------------- what is wanted */

struct request {
        struct things *things;
        const struct topics_thing_command *command;
        const struct ditto_message *message;
};

/* fault: NULL when it is taken.  True: whoever asked wants to hear it. */
static bool reply(const struct request *request, const char *fault)
{
        struct things *things = request->things;
        char topic[TOPICS_THING_REPLY_SIZE];
        CLEANUP_FREE char *text = NULL;
        int r;

        if (fault)
                log_warn(things->broker->log, NULL, "message \"%s\" of the cloud refused: %s",
                         request->message->subject_name, fault);
        if (!request->message->wants_reply)
                return false;
        topics_make_thing_reply(request->command, ditto_reply_status(fault), topic);
        r = ditto_write_reply(things->thing, request->message, fault, &text);
        if (r == 0)
                r = send_text(things, topic, text, OUTBOX_ORDINARY);
        if (r < 0)
                log_error(things->broker->log, NULL, "an answer to the cloud is lost: %s",
                          strerror(-r));
        return true;
}

/* Whoever wants no answer to a desired state learns from its feedback what is wrong with it. */
static void refuse_desired_state(const struct request *request, const char *activity,
                                 const char *fault)
{
        if (!reply(request, fault))
                broker_give(request->things->broker,
                            &(struct event){
                                    .kind = EVENT_INVALID, .activity = activity, .text = fault });
}

static void take_desired_state(const struct request *request, const struct ditto_value *value)
{
        char made[SD_ID128_UUID_STRING_MAX];
        struct desired_state *desired = NULL;
        struct diag diag = DIAG_INIT;
        const char *activity = value->activity;
        int r;

        r = desired_state_read(value->payload, &diag, &desired);
        if (r < 0) {
                refuse_desired_state(request, activity,
                                     r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return;
        }
        if (!*activity) {
                make_uuid(made);
                activity = made;
        }
        (void)reply(request, NULL);
        broker_give(request->things->broker, &(struct event){ .kind = EVENT_DESIRED_STATE,
                                                              .activity = activity,
                                                              .desired = desired });
}

static void take_consent(const struct request *request, const struct ditto_value *value)
{
        struct things *things = request->things;
        struct diag diag = DIAG_INIT;
        bool approved;
        int r;

        if (!*things->question) {
                (void)reply(request, "owner consent handler not available");
                return;
        }
        if (strcmp(request->message->correlation, things->question) != 0) {
                (void)reply(request, "correlation id mismatch");
                return;
        }
        r = consent_read(value->payload, &diag, &approved);
        (void)reply(request, r < 0 ? diag.text : NULL);
        if (r == 0)
                broker_give(things->broker, &(struct event){ .kind = EVENT_CONSENT,
                                                             .activity = value->activity,
                                                             .approved = approved });
}

static void take(const struct request *request)
{
        struct diag diag = DIAG_INIT;
        struct ditto_value value;
        int r;

        if (!request->message->subject) {
                (void)reply(request, "there is no such message; expected apply, refresh or consent");
                return;
        }
        r = ditto_read_value(request->message, &diag, &value);
        if (r < 0 && request->message->subject == DITTO_APPLY) {
                refuse_desired_state(request, value.activity,
                                     r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return;
        }
        if (r < 0) {
                (void)reply(request, r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return;
        }
        switch (request->message->subject) {
        case DITTO_APPLY:
                take_desired_state(request, &value);
                break;
        case DITTO_REFRESH:
                (void)reply(request, NULL);
                current_state_read(request->things->broker, value.activity);
                break;
        case DITTO_CONSENT:
                take_consent(request, &value);
                break;
        }
}

/* Whoever waits for the answer to a desired state gets one, and whoever follows its feedback learns of
 * it as well: what becomes of it cannot be asked for later. */
static void refuse_oversized(const struct request *whole, const struct mqtt_message *message,
                             const char *fault)
{
        struct things *things = whole->things;
        CLEANUP(ditto_freep)
        struct ditto_message *ditto = NULL;
        struct request request = *whole;
        struct ditto_value value;
        CLEANUP_FREE char *text = NULL;
        struct diag diag = DIAG_INIT;
        int r;

        r = ditto_salvage(message->payload, message->length, &text);
        if (r == 0)
                r = ditto_read(text, strlen(text), things->thing, &diag, &ditto);
        if (r < 0) {
                log_warn(things->broker->log, NULL, "%s: a message that cannot be read: %s",
                         message->topic, fault);
                return;
        }
        request.message = ditto;
        (void)reply(&request, fault);
        if (ditto->subject != DITTO_APPLY)
                return;
        (void)ditto_read_value(ditto, NULL, &value); /* its payload is missing, of course */
        broker_give(things->broker, &(struct event){ .kind = EVENT_INVALID,
                                                     .activity = value.activity,
                                                     .text = fault });
}

static void on_command(void *data, const struct mqtt_message *message)
{
        CLEANUP(ditto_freep) struct ditto_message *ditto = NULL;
        struct topics_thing_command command;
        struct diag diag = DIAG_INIT;
        struct things *things = data;
        int r;

        if (message->retained)
                return; /* whoever sent it does not wait any more */
        if (!*things->thing) {
                log_warn(things->broker->log, NULL,
                         "%s: ignored, for no connector has said yet which thing this is",
                         message->topic);
                return;
        }
        r = topics_parse_thing_command(message->topic, &command);
        if (r == 0 && *command.thing && strcmp(command.thing, things->thing) != 0)
                return; /* another thing's */
        if (r == 0)
                r = ditto_read(message->payload, message->length, things->thing, &diag, &ditto);
        else
                (void)diag_set_errno(&diag, r, "%s", "topic");
        if (r == -ENOENT)
                log_debug(things->broker->log, NULL, "%s: ignored: %s", message->topic, diag.text);
        else if (r == -E2BIG)
                refuse_oversized(&(struct request){ .things = things, .command = &command }, message,
                                 diag.text);
        else if (r < 0)
                log_warn(things->broker->log, NULL, "%s: a message that cannot be read: %s",
                         message->topic, diag.text);
        else
                take(&(struct request){
                        .things = things, .command = &command, .message = ditto });
}

void things_oversized(struct things *things, const struct mqtt_message *message)
{
        struct topics_thing_command command;

        if (topics_parse_thing_command(message->topic, &command) == 0)
                on_command(things, message);
}

/* ----------------------------------------------------------------------------------------- life */

int things_new(struct broker *broker, struct things **ret)
{
        CLEANUP(things_freep) struct things *things = calloc(1, sizeof(*things));
        int r;

        if (!things)
                return -ENOMEM;
        things->broker = broker;
        r = uplink_subscribe(broker->uplink, TOPICS_THING_RESPONSE, TOPICS_THING_QOS, on_response,
                             things, &things->response);
        if (r == 0)
                r = uplink_subscribe(broker->uplink, TOPICS_THING_COMMANDS, TOPICS_THING_QOS,
                                     on_command, things, &things->commands);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(things);
        return 0;
}

struct things *things_free(struct things *things)
{
        if (!things)
                return NULL;
        (void)uplink_unsubscribe(things->broker->uplink, things->response);
        (void)uplink_unsubscribe(things->broker->uplink, things->commands);
        while (things->waiting)
                drop(things, &things->waiting);
        free(things);
        return NULL;
}
