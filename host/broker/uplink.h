/* SPDX-License-Identifier: Apache-2.0
 *
 * uplink - the MQTT connection as the configuration wants it at present, or none
 *
 * host/mqtt/connection.h is one connection with one configuration.  Here is what outlives it: when
 * a new configuration brings another server, every subscription is made again there, and whoever
 * waits for an acknowledgement of the old one is told -ECANCELED.  Without a connection
 * ("connection": null) subscribing succeeds and nothing ever comes, publishing fails with
 * -ENOTCONN.
 *
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/mqtt/outbox.h"
#include "host/mqtt/subscriptions.h"
#include "host/util/cleanup.h"

struct diag;
struct log;
struct settings_connection;
struct uplink;
struct uplink_route;

/* r as connection_events.published. */
typedef void (*uplink_done_fn)(void *data, int r);

struct uplink_events {
        /* The connection is up, or down. */
        void (*changed)(void *data, bool up);
        /* A message that is too large to be handed out; it is in the log already. */
        void (*oversized)(void *data, const struct mqtt_message *message);
};

/* event and log are borrowed and outlive the uplink, events too. */
int uplink_new(sd_event *event, struct log *log, const struct uplink_events *events, void *data,
               struct uplink **ret);
/* Who waits for an acknowledgement is told -ECANCELED.  Takes NULL. */
struct uplink *uplink_free(struct uplink *uplink);
DEFINE_FREEP(struct uplink, uplink);

/* Connects, instead of what is there.  -EINVAL: diag says what can never work; the old one is
 * kept. */
int uplink_configure(struct uplink *uplink, const struct settings_connection *connection,
                     struct diag *diag);

bool uplink_is_configured(const struct uplink *uplink);
bool uplink_is_up(const struct uplink *uplink);
/* Why it is not up, for people; "". */
const char *uplink_get_trouble(const struct uplink *uplink);
/* Messages that are not acknowledged yet. */
size_t uplink_pending(const struct uplink *uplink);

/* Takes a copy.  done may be NULL; it is not called when this fails, and never before it returns.
 * -ENOTCONN: there is no connection at all.  Failures of connection_publish(). */
int uplink_publish(struct uplink *uplink, const struct outbox_message *message, uplink_done_fn done,
                   void *data);
/* Failures of connection_subscribe(). */
int uplink_subscribe(struct uplink *uplink, const char *filter, int qos, subscription_fn fn,
                     void *data, struct uplink_route **ret);
/* Takes NULL; returns NULL. */
struct uplink_route *uplink_unsubscribe(struct uplink *uplink, struct uplink_route *route);
