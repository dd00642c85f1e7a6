/* SPDX-License-Identifier: Apache-2.0
 *
 * things - the broker as a feature of a Ditto thing, in place of the manager's own topics
 *
 * With "thingsEnabled" a connector to the cloud stands between backend and broker.  It says which
 * thing this device is; it is asked at every connection, and may say something else at any time.
 * Each connection and each thing has the feature announced, then its state; Kanto's manager says
 * nothing after a reconnection, and hears nothing either.
 *
 * As long as no connector has answered, feedback waits here, the latest word of each activity: of
 * an activity that a restart has interrupted, too, how it ended reaches the cloud.
 *
 * Loop thread only. */
#pragma once

#include "host/broker/uplink.h"
#include "host/mqtt/outbox.h"
#include "host/mqtt/topics.h"
#include "host/util/cleanup.h"

struct broker;
struct things;

/* broker is borrowed and outlives it. */
int things_new(struct broker *broker, struct things **ret);
/* Takes NULL.  What waits is forgotten. */
struct things *things_free(struct things *things);
DEFINE_FREEP(struct things, things);

/* The connection has come. */
void things_connected(struct things *things);
/* Takes what would be published on the manager's topic of this kind: feedback, the current state,
 * or a question to the owner. */
int things_publish(struct things *things, enum topics_kind kind, const char *activity,
                   const char *payload, enum outbox_rank rank);
/* The same for the end of an activity, which is not kept here: -EAGAIN: no connector has answered
 * yet, delivery_retry() follows when one has.  Otherwise as uplink_publish(). */
int things_publish_end(struct things *things, const char *activity, const char *payload,
                       uplink_done_fn done, void *data);
/* A message that is too large: if it was to be a desired state, its sender is told. */
void things_oversized(struct things *things, const struct mqtt_message *message);
/* The owner need not answer any more. */
void things_question_ends(struct things *things);
