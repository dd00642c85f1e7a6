/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection belongs to one configuration; what others want to hear outlives that.  So routes are
 * kept here, each with its number in the present connection, and are given to the next one.  Messages
 * are not: they may be meant for the old server alone.  Who waits for the acknowledgement of one is
 * told -ECANCELED, and knows best whether to say it again. */
#include "host/broker/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/settings.h"
#include "host/log/log.h"
#include "host/mqtt/connection.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/worker.h"

enum { LOOKUPS_MAX = 4 }; /* of host names: one connection at a time, and some that are given up */

struct uplink_route {
        struct uplink_route *next;
        char *filter;
        int qos;
        subscription_fn fn;
        void *data;
        uint64_t id; /* of the present connection; 0: none */
};

/* Somebody waits for an acknowledgement. */
struct uplink_wait {
        struct uplink_wait *next;
        uint64_t id;
        uplink_done_fn done;
        void *data;
};

struct uplink {
        sd_event *event; /* borrowed, like the log */
        struct log *log;
        struct worker *lookups; /* a host name may take half a minute: not the worker that writes */
        const struct uplink_events *events;
        void *data;
        struct connection *connection; /* NULL: none */
        struct uplink_route *routes;
        struct uplink_wait *waits;
        struct diag trouble;
};

/* --------------------------------------------------------------------- events of the connection */

static void on_connected(void *data)
{
        struct uplink *uplink = data;

        uplink->trouble = (struct diag)DIAG_INIT;
        log_info(uplink->log, NULL, "connected to the MQTT server");
        uplink->events->changed(uplink->data, true);
}

static void on_disconnected(void *data, const char *why, uint64_t retry_usec)
{
        struct uplink *uplink = data;

        /* An outage is one line, however many attempts it takes. */
        if (strcmp(uplink->trouble.text, why) != 0)
                log_warn(uplink->log, NULL,
                         "no connection to the MQTT server: %s; tries again in %.1f s", why,
                         (double)retry_usec / (double)USEC_PER_SEC);
        (void)diag_set(&uplink->trouble, 0, "%s", why);
        uplink->events->changed(uplink->data, false);
}

static void on_published(void *data, uint64_t id, int r)
{
        struct uplink *uplink = data;
        struct uplink_wait **p = &uplink->waits;
        struct uplink_wait *wait;

        while (*p && (*p)->id != id)
                p = &(*p)->next;
        wait = *p;
        if (!wait)
                return;
        *p = wait->next;
        wait->done(wait->data, r);
        free(wait);
}

static void on_trouble(void *data, const char *text)
{
        struct uplink *uplink = data;

        log_warn(uplink->log, NULL, "MQTT: %s", text);
}

static void on_oversized(void *data, const struct mqtt_message *message)
{
        struct uplink *uplink = data;

        log_warn(uplink->log, NULL, "MQTT: %.200s: a message of %zu bytes, the limit is %d",
                 message->topic, message->length, CONNECTION_PAYLOAD_MAX);
        uplink->events->oversized(uplink->data, message);
}

static const struct connection_events connection_events = {
        .connected = on_connected,
        .disconnected = on_disconnected,
        .published = on_published,
        .trouble = on_trouble,
        .oversized = on_oversized,
};

/* ----------------------------------------------------------------------------------- publishing */

int uplink_publish(struct uplink *uplink, const struct outbox_message *message, uplink_done_fn done,
                   void *data)
{
        CLEANUP_FREE struct uplink_wait *wait = NULL;
        uint64_t id;
        int r;

        if (!uplink->connection)
                return -ENOTCONN;
        if (done) {
                wait = malloc(sizeof(*wait));
                if (!wait)
                        return -ENOMEM;
        }
        r = connection_publish(uplink->connection, message, &id);
        if (r < 0 || !wait)
                return r;
        *wait = (struct uplink_wait){
                .next = uplink->waits,
                .id = id,
                .done = done,
                .data = data,
        };
        uplink->waits = TAKE_PTR(wait);
        return 0;
}

/* ---------------------------------------------------------------------------------- subscribing */

static int connect_route(struct uplink *uplink, struct uplink_route *route)
{
        return connection_subscribe(uplink->connection, route->filter, route->qos, route->fn,
                                    route->data, &route->id);
}

static struct uplink_route *route_free(struct uplink_route *route)
{
        if (route)
                free(route->filter);
        free(route);
        return NULL;
}

int uplink_subscribe(struct uplink *uplink, const char *filter, int qos, subscription_fn fn,
                     void *data, struct uplink_route **ret)
{
        struct uplink_route *route = calloc(1, sizeof(*route));
        int r = 0;

        if (!route)
                return -ENOMEM;
        route->filter = strdup(filter);
        route->qos = qos;
        route->fn = fn;
        route->data = data;
        if (!route->filter)
                r = -ENOMEM;
        else if (uplink->connection)
                r = connect_route(uplink, route);
        if (r < 0) {
                (void)route_free(route);
                return r;
        }
        route->next = uplink->routes;
        uplink->routes = route;
        *ret = route;
        return 0;
}

struct uplink_route *uplink_unsubscribe(struct uplink *uplink, struct uplink_route *route)
{
        struct uplink_route **p = &uplink->routes;

        if (!route)
                return NULL;
        while (*p != route)
                p = &(*p)->next;
        *p = route->next;
        if (uplink->connection && route->id)
                (void)connection_unsubscribe(uplink->connection,
                                             route->id); /* there or not: gone */
        return route_free(route);
}

/* ----------------------------------------------------------------------------------- the object */

static const char *or_null(const char *text)
{
        return text && *text ? text : NULL;
}

static int connect_new(struct uplink *uplink, const struct settings_connection *c,
                       struct diag *diag, struct connection **ret)
{
        const struct connection_config config = {
                .url = c->broker,
                .client_id = or_null(c->client_id),
                .username = or_null(c->username),
                .password = or_null(c->password),
                .ca_file = or_null(c->ca_cert),
                .cert_file = or_null(c->cert),
                .key_file = or_null(c->key),
                .mqtt5 = c->protocol == SETTINGS_PROTOCOL_5,
                .keep_alive_usec = c->keep_alive_usec,
                .connect_timeout_usec = c->connect_timeout_usec,
                .acknowledge_timeout_usec = c->acknowledge_timeout_usec,
                .subscribe_timeout_usec = c->subscribe_timeout_usec,
                .unsubscribe_timeout_usec = c->unsubscribe_timeout_usec,
        };

        return connection_new(uplink->event, uplink->lookups, &config, &connection_events, uplink,
                              diag, ret);
}

static void cancel_waits(struct uplink *uplink)
{
        while (uplink->waits) {
                struct uplink_wait *wait = uplink->waits;

                uplink->waits = wait->next;
                wait->done(wait->data, -ECANCELED);
                free(wait);
        }
}

static void disconnect(struct uplink *uplink)
{
        struct uplink_route *route;

        uplink->connection = connection_free(uplink->connection);
        for (route = uplink->routes; route; route = route->next)
                route->id = 0;
        cancel_waits(uplink);
}

int uplink_configure(struct uplink *uplink, const struct settings_connection *c, struct diag *diag)
{
        struct connection *connection = NULL;
        struct uplink_route *route;
        bool was_up = uplink_is_up(uplink);
        int r;

        if (!c->none) {
                r = connect_new(uplink, c, diag, &connection);
                if (r < 0)
                        return r;
        }
        disconnect(uplink);
        uplink->trouble = (struct diag)DIAG_INIT;
        uplink->connection = connection;
        if (was_up)
                uplink->events->changed(uplink->data, false);
        if (!connection)
                return 0;
        for (route = uplink->routes; route; route = route->next) {
                r = connect_route(uplink, route);
                if (r < 0)
                        log_error(uplink->log, NULL, "subscription to %s: %s", route->filter,
                                  strerror(-r));
        }
        return connection_start(connection);
}

bool uplink_is_configured(const struct uplink *uplink)
{
        return uplink->connection != NULL;
}

bool uplink_is_up(const struct uplink *uplink)
{
        return uplink->connection && connection_is_up(uplink->connection);
}

const char *uplink_get_trouble(const struct uplink *uplink)
{
        return uplink->trouble.text;
}

size_t uplink_pending(const struct uplink *uplink)
{
        return uplink->connection ? connection_pending(uplink->connection) : 0;
}

int uplink_new(sd_event *event, struct log *log, const struct uplink_events *events, void *data,
               struct uplink **ret)
{
        CLEANUP(uplink_freep) struct uplink *uplink = calloc(1, sizeof(*uplink));
        int r;

        if (!uplink)
                return -ENOMEM;
        uplink->event = event;
        uplink->log = log;
        uplink->events = events;
        uplink->data = data;
        r = worker_new(event, LOOKUPS_MAX, &uplink->lookups);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(uplink);
        return 0;
}

struct uplink *uplink_free(struct uplink *uplink)
{
        if (!uplink)
                return NULL;
        uplink->connection = connection_free(uplink->connection);
        cancel_waits(uplink);
        while (uplink->routes)
                (void)uplink_unsubscribe(uplink, uplink->routes);
        (void)worker_free(uplink->lookups);
        free(uplink);
        return NULL;
}
