/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/connection.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "host/mqtt/link.h"
#include "host/mqtt/owed.h"
#include "host/util/address.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/topic.h"

enum { TIMER_ACCURACY_USEC = 10 * 1000 };

/* Filters that the server has been asked for and has not answered for.  Only to name the one that
 * it refuses, so a ring that forgets the oldest is enough. */
enum { ASKED_MAX = 64 };

struct asked {
        int mid;
        char *filter;
};

enum text { TEXT_CLIENT_ID, TEXT_USERNAME, TEXT_PASSWORD, TEXT_CA, TEXT_CERT, TEXT_KEY, TEXTS };

struct connection {
        sd_event *event;       /* borrowed, outlives the connection */
        struct worker *worker; /* likewise */
        struct connection_events events;
        void *data;
        char *texts[TEXTS]; /* the configuration's, owned */
        char client_id[20]; /* when the configuration has none */
        struct address address;
        struct link_config link_config; /* borrows from texts and address */
        uint64_t retry_min_usec;
        uint64_t retry_max_usec;
        uint64_t limits_usec[OWED_KINDS];

        struct link *link; /* NULL: waiting for the next attempt */
        bool up;
        uint64_t up_since_usec;
        unsigned n_failures;     /* in a row */
        sd_event_source *retry;  /* the next attempt */
        struct owed owed;         /* by the server, on this link */
        bool complained;          /* of missing acknowledgements */
        sd_event_source *patience; /* its end */
        sd_event_source *update; /* there is news for the server or of the outbox */
        struct outbox *outbox;
        struct subscriptions *subscriptions;
        struct asked asked[ASKED_MAX];
        size_t next_asked;
        bool *freed; /* while events are reported one by one: to be set by connection_free() */
};

DEFINE_FREEP(struct connection, connection);

int connection_init(void)
{
        return mosquitto_lib_init() == MOSQ_ERR_SUCCESS ? 0 : -ENOMEM;
}

void connection_done(void)
{
        (void)mosquitto_lib_cleanup();
}

static void report_trouble(struct connection *connection, const char *text)
{
        if (connection->events.trouble)
                connection->events.trouble(connection->data, text);
}

/* Whatever is to be done is done in the next round of the loop, all of it at once. */
static void request_update(struct connection *connection)
{
        /* Cannot fail with a source of ours. */
        (void)sd_event_source_set_enabled(connection->update, SD_EVENT_ONESHOT);
}

/* ------------------------------------------------------------------------------------- patience */

/* Up to here the server may owe answers of this kind.  One that keeps the link alive may just be
 * slow, and to send everything once more would not help it: so it has a keep-alive time longer. */
static uint64_t deadline(const struct connection *connection, enum owed_kind kind)
{
        uint64_t limit_usec = connection->limits_usec[kind];

        if (kind == OWED_PUBACK && connection->complained)
                limit_usec += connection->link_config.keep_alive_usec;
        return owed_deadline(&connection->owed, kind, limit_usec);
}

static void rearm_patience(struct connection *connection)
{
        uint64_t first_usec = UINT64_MAX;
        int kind;

        for (kind = 0; kind < OWED_KINDS; kind++)
                if (deadline(connection, (enum owed_kind)kind) < first_usec)
                        first_usec = deadline(connection, (enum owed_kind)kind);
        /* Cannot fail with a source of ours. */
        (void)sd_event_source_set_time(connection->patience, first_usec);
        (void)sd_event_source_set_enabled(connection->patience, first_usec == UINT64_MAX
                                                                        ? SD_EVENT_OFF
                                                                        : SD_EVENT_ONESHOT);
}

static void ask(struct connection *connection, enum owed_kind kind)
{
        owed_ask(&connection->owed, kind, time_now_usec());
        rearm_patience(connection);
}

static void answer(struct connection *connection, enum owed_kind kind)
{
        owed_answer(&connection->owed, kind, time_now_usec());
        if (kind == OWED_PUBACK)
                connection->complained = false;
        rearm_patience(connection);
}

static void forget_owed(struct connection *connection)
{
        connection->owed = (struct owed){ 0 };
        connection->complained = false;
        rearm_patience(connection);
}

/* -------------------------------------------------------------------------------- subscriptions */

static void forget_asked(struct connection *connection)
{
        for (size_t i = 0; i < ASKED_MAX; i++) {
                free(connection->asked[i].filter);
                connection->asked[i] = (struct asked){ .mid = 0 };
        }
}

static int tell_change(void *data, const char *filter, int qos, bool subscribe)
{
        struct connection *connection = data;
        struct asked *asked;
        int mid;
        int r;

        if (!subscribe) {
                r = link_unsubscribe(connection->link, filter);
                if (r == 0)
                        ask(connection, OWED_UNSUBACK);
                return r;
        }
        r = link_subscribe(connection->link, filter, qos, &mid);
        if (r < 0)
                return r;
        ask(connection, OWED_SUBACK);
        asked = &connection->asked[connection->next_asked++ % ASKED_MAX];
        free(asked->filter);
        asked->filter = strdup(filter); /* without memory the filter goes unnamed */
        asked->mid = mid;
        return 0;
}

static void on_refused(void *data, int mid)
{
        struct connection *connection = data;
        struct diag diag = DIAG_INIT;
        const char *filter = NULL;

        for (size_t i = 0; i < ASKED_MAX; i++)
                if (connection->asked[i].mid == mid)
                        filter = connection->asked[i].filter;
        (void)diag_set(&diag, 0, "the server refuses the subscription to %s",
                       filter ? filter : "one of the topics");
        report_trouble(connection, diag.text);
}

static void on_subscribed(void *data)
{
        answer(data, OWED_SUBACK);
}

static void on_unsubscribed(void *data)
{
        answer(data, OWED_UNSUBACK);
}

static void on_message(void *data, const struct mqtt_message *message)
{
        struct connection *connection = data;
        struct diag diag = DIAG_INIT;

        if (message->length <= CONNECTION_PAYLOAD_MAX) {
                /* The answer, how many were called, interests tests only. */
                (void)subscriptions_deliver(connection->subscriptions, message);
                return;
        }
        if (connection->events.oversized) {
                connection->events.oversized(connection->data, message);
                return;
        }
        (void)diag_set(&diag, 0, "%.200s: a message of %zu bytes is ignored, the limit is %d",
                       message->topic, message->length, CONNECTION_PAYLOAD_MAX);
        report_trouble(connection, diag.text);
}

/* --------------------------------------------------------------------------------------- outbox */

/* As much as the outbox lets be in flight; acknowledgements bring the rest. */
static void send_waiting(struct connection *connection)
{
        struct outbox_message message;
        uint64_t id;

        while (connection->up && outbox_next(connection->outbox, &id, &message)) {
                int mid;
                int r = link_publish(connection->link, &message, &mid);

                if (r == -ENOTCONN || r == -ENOMEM)
                        return; /* it waits for the next link, or the next occasion */
                if (r != 0) {
                        outbox_fail(connection->outbox, id, r < 0 ? r : 0);
                } else {
                        outbox_sent(connection->outbox, id, mid);
                        ask(connection, OWED_PUBACK);
                }
        }
}

static void on_answered(void *data, int mid, int r)
{
        struct connection *connection = data;

        outbox_answered(connection->outbox, mid, r);
        answer(connection, OWED_PUBACK);
        request_update(connection);
}

/* Whoever is told may free the connection: `freed` says so to the loop, which must not look at the
 * next one then. */
static void report_finished(struct connection *connection)
{
        bool freed = false;
        uint64_t id;
        int r;

        connection->freed = &freed;
        while (outbox_pop_finished(connection->outbox, &id, &r)) {
                if (connection->events.published)
                        connection->events.published(connection->data, id, r);
                if (freed)
                        return;
        }
        connection->freed = NULL;
}

static int on_update(sd_event_source *source, void *data)
{
        struct connection *connection = data;

        (void)source;
        if (connection->up) {
                /* A failure is the link's: all is told to the next one.  Without memory, next time.
                 * */
                (void)subscriptions_tell(connection->subscriptions, tell_change, connection);
                send_waiting(connection);
        }
        report_finished(connection); /* last: it may free us */
        return 0;
}

int connection_publish(struct connection *connection, const struct outbox_message *message,
                       uint64_t *ret_id)
{
        int r;

        if (!topic_is_name(message->topic) || message->qos < 0 || message->qos > 2)
                return -EINVAL;
        if (message->length > CONNECTION_PUBLISH_MAX)
                return -E2BIG;
        r = outbox_put(connection->outbox, message, ret_id);
        request_update(connection); /* also for what was dropped for one that was refused */
        return r;
}

size_t connection_pending(const struct connection *connection)
{
        return outbox_count(connection->outbox);
}

int connection_subscribe(struct connection *connection, const char *filter, int qos,
                         subscription_fn fn, void *data, uint64_t *ret_id)
{
        int r;

        r = subscriptions_add(connection->subscriptions, filter, qos, fn, data, ret_id);
        if (r >= 0)
                request_update(connection);
        return r;
}

int connection_unsubscribe(struct connection *connection, uint64_t id)
{
        int r;

        r = subscriptions_remove(connection->subscriptions, id);
        if (r >= 0)
                request_update(connection);
        return r;
}

/* ----------------------------------------------------------------------------------- connecting */

/* min, twice that, ... max; and up to a half more. */
static uint64_t retry_after(const struct connection *connection)
{
        uint64_t usec = connection->retry_min_usec;
        uint32_t random = 0;

        for (unsigned i = 1; i < connection->n_failures && usec < connection->retry_max_usec; i++)
                usec *= 2;
        if (usec > connection->retry_max_usec)
                usec = connection->retry_max_usec;
        /* Early in boot there may be no randomness; then without. */
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
                random = 0;
        return usec + usec / 2 * (random >> 16) / (UINT32_MAX >> 16);
}

static int schedule_attempt(struct connection *connection, uint64_t after_usec)
{
        int r;

        r = sd_event_source_set_time(connection->retry, time_now_usec() + after_usec);
        return r < 0 ? r : sd_event_source_set_enabled(connection->retry, SD_EVENT_ONESHOT);
}

/* Its last act is the event, which may free the connection. */
static void attempt_failed(struct connection *connection, const char *why)
{
        uint64_t after_usec;

        connection->n_failures++;
        after_usec = retry_after(connection);
        (void)schedule_attempt(connection, after_usec); /* cannot fail with a source of ours */
        if (connection->events.disconnected)
                connection->events.disconnected(connection->data, why, after_usec);
}

static void on_up(void *data)
{
        struct connection *connection = data;

        connection->up = true;
        connection->up_since_usec = time_now_usec();
        subscriptions_forget_server(connection->subscriptions);
        request_update(connection);
        if (connection->events.connected)
                connection->events.connected(connection->data);
}

static void on_down(void *data, const char *why, bool reached)
{
        struct connection *connection = data;
        struct diag diag = DIAG_INIT;

        (void)diag_set(&diag, 0, "%s: %s", connection->address.host, why);
        connection->link = link_free(connection->link);
        if (connection->up &&
            time_now_usec() - connection->up_since_usec >= connection->retry_max_usec)
                connection->n_failures = 0;
        /* A clean session is over: the server has forgotten all that it owed, so all is asked for,
         * and sent, again. */
        connection->up = false;
        forget_asked(connection);
        forget_owed(connection);
        outbox_rewind(connection->outbox);

        if (!reached && connection->address.is_name && !connection->link_config.ipv4_only) {
                connection->link_config.ipv4_only = true;
                (void)schedule_attempt(connection, 0); /* cannot fail with a source of ours */
                return;
        }
        connection->link_config.ipv4_only = false;
        attempt_failed(connection, diag.text);
}

static const struct link_events link_events = {
        .up = on_up,
        .message = on_message,
        .answered = on_answered,
        .refused = on_refused,
        .subscribed = on_subscribed,
        .unsubscribed = on_unsubscribed,
        .down = on_down,
};

/* The first time it is only said; after that the link is of no use.  What is still leaving on a slow
 * line cannot be acknowledged yet, and if the line is dead, the keep-alive notices. */
static void acknowledgements_missing(struct connection *connection)
{
        struct diag diag = DIAG_INIT;

        if (connection->complained &&
            !(connection->link_config.keep_alive_usec && link_is_sending(connection->link))) {
                on_down(connection, "the server does not acknowledge what is sent", true);
                return;
        }
        if (connection->complained) {
                connection->owed.kinds[OWED_PUBACK].since_usec = time_now_usec();
                rearm_patience(connection);
                return;
        }
        connection->complained = true;
        rearm_patience(connection);
        (void)diag_set(&diag, 0, "the server does not acknowledge what is sent; %zu messages wait",
                       outbox_count(connection->outbox));
        report_trouble(connection, diag.text);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *data)
{
        struct connection *connection = data;
        uint64_t now_usec = time_now_usec();

        (void)source;
        (void)usec;
        /* One at a time: each may end the link, or, last, the connection. */
        if (deadline(connection, OWED_SUBACK) <= now_usec) {
                on_down(connection, "the server does not confirm subscriptions", true);
        } else if (deadline(connection, OWED_PUBACK) <= now_usec) {
                acknowledgements_missing(connection);
        } else if (deadline(connection, OWED_UNSUBACK) <= now_usec) {
                connection->owed.kinds[OWED_UNSUBACK].n = 0; /* a topic too many does no harm */
                rearm_patience(connection);
                report_trouble(connection, "the server does not confirm the end of subscriptions");
        } else {
                rearm_patience(connection);
        }
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *data)
{
        struct connection *connection = data;
        struct diag diag = DIAG_INIT;
        int r;

        (void)source;
        (void)usec;
        r = link_new(connection->event, connection->worker, &connection->link_config, &link_events,
                     connection, &diag, &connection->link);
        if (r < 0)
                attempt_failed(connection, diag.text[0] != '\0' ? diag.text : strerror(-r));
        return 0;
}

int connection_start(struct connection *connection)
{
        assert(!connection->link);
        return schedule_attempt(connection, 0);
}

bool connection_is_up(const struct connection *connection)
{
        return connection->up;
}

/* --------------------------------------------------------------------------------- construction */

static int copy_texts(struct connection *connection, const struct connection_config *config)
{
        const char *const from[TEXTS] = {
                [TEXT_CLIENT_ID] = config->client_id, [TEXT_USERNAME] = config->username,
                [TEXT_PASSWORD] = config->password,   [TEXT_CA] = config->ca_file,
                [TEXT_CERT] = config->cert_file,      [TEXT_KEY] = config->key_file,
        };
        uint64_t number;

        for (size_t i = 0; i < TEXTS; i++) {
                if (!from[i] || from[i][0] == '\0')
                        continue; /* an empty setting is none */
                connection->texts[i] = strdup(from[i]);
                if (!connection->texts[i])
                        return -ENOMEM;
        }
        /* Every server takes 23 letters and digits.  Early in boot the time must do. */
        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
                number = time_now_usec();
        (void)snprintf(connection->client_id, sizeof(connection->client_id), "ub%016" PRIx64,
                       number);
        return 0;
}

static int configure(struct connection *connection, const struct connection_config *config,
                     struct diag *diag)
{
        int r;

        r = address_parse(config->url, diag, &connection->address);
        if (r < 0)
                return r;
        r = copy_texts(connection, config);
        if (r < 0)
                return r;
        if (connection->address.tls && !connection->texts[TEXT_CA])
                return diag_set(diag, -EINVAL,
                                "%s: TLS needs the certificate of the authority to trust (caCert)",
                                config->url);
        if (connection->address.is_name && !connection->worker)
                return -EINVAL;
        connection->retry_min_usec = config->retry_min_usec ? config->retry_min_usec : USEC_PER_SEC;
        connection->retry_max_usec =
                config->retry_max_usec ? config->retry_max_usec : USEC_PER_MINUTE;
        connection->limits_usec[OWED_PUBACK] =
                config->acknowledge_timeout_usec ? config->acknowledge_timeout_usec
                                                 : 15 * USEC_PER_SEC;
        connection->limits_usec[OWED_SUBACK] =
                config->subscribe_timeout_usec ? config->subscribe_timeout_usec : 15 * USEC_PER_SEC;
        connection->limits_usec[OWED_UNSUBACK] = config->unsubscribe_timeout_usec
                                                         ? config->unsubscribe_timeout_usec
                                                         : 5 * USEC_PER_SEC;
        connection->link_config = (struct link_config){
                .address = &connection->address,
                .mqtt5 = config->mqtt5,
                .client_id = connection->texts[TEXT_CLIENT_ID] ? connection->texts[TEXT_CLIENT_ID]
                                                               : connection->client_id,
                .username = connection->texts[TEXT_USERNAME],
                .password = connection->texts[TEXT_PASSWORD],
                .ca_file = connection->texts[TEXT_CA],
                .cert_file = connection->texts[TEXT_CERT],
                .key_file = connection->texts[TEXT_KEY],
                .keep_alive_usec = config->keep_alive_usec,
                .connect_timeout_usec = config->connect_timeout_usec ? config->connect_timeout_usec
                                                                     : 30 * USEC_PER_SEC,
        };
        return 0;
}

static int make_sources(struct connection *connection)
{
        int r;

        r = sd_event_add_time(connection->event, &connection->retry, CLOCK_BOOTTIME, 0,
                              TIMER_ACCURACY_USEC, on_retry, connection);
        if (r >= 0)
                r = sd_event_source_set_enabled(connection->retry, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(connection->event, &connection->patience, CLOCK_BOOTTIME, 0,
                                      TIMER_ACCURACY_USEC, on_patience, connection);
        if (r >= 0)
                r = sd_event_source_set_enabled(connection->patience, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(connection->event, &connection->update, on_update,
                                       connection);
        if (r >= 0)
                r = sd_event_source_set_enabled(connection->update, SD_EVENT_OFF);
        return r;
}

int connection_new(sd_event *event, struct worker *worker, const struct connection_config *config,
                   const struct connection_events *events, void *data, struct diag *diag,
                   struct connection **ret)
{
        CLEANUP(connection_freep) struct connection *connection = calloc(1, sizeof(*connection));
        int r;

        if (!connection)
                return -ENOMEM;
        connection->event = event;
        connection->worker = worker;
        connection->events = *events;
        connection->data = data;
        r = configure(connection, config, diag);
        if (r >= 0)
                r = outbox_new(config->max_queued ? config->max_queued : 1000,
                               config->max_queued_bytes ? config->max_queued_bytes
                                                        : 16 * 1024 * 1024,
                               &connection->outbox);
        if (r >= 0)
                r = subscriptions_new(CONNECTION_SUBSCRIPTIONS_MAX, &connection->subscriptions);
        if (r >= 0)
                r = make_sources(connection);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(connection);
        return 0;
}

struct connection *connection_free(struct connection *connection)
{
        if (!connection)
                return NULL;
        if (connection->freed)
                *connection->freed = true;
        link_free(connection->link);
        (void)sd_event_source_disable_unref(connection->retry);
        (void)sd_event_source_disable_unref(connection->patience);
        (void)sd_event_source_disable_unref(connection->update);
        forget_asked(connection);
        subscriptions_free(connection->subscriptions);
        outbox_free(connection->outbox);
        for (size_t i = 0; i < TEXTS; i++)
                free(connection->texts[i]);
        free(connection);
        return NULL;
}
