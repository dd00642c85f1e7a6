/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriptions - who wants to see which messages, and what the server must be asked for
 *
 * Several subscribers may want overlapping filters.  A server that is asked for both `a/+` and
 * `a/b` may send a message on `a/b` twice, and in MQTT 3.1.1 nothing tells the copies apart; so the
 * server is asked only for filters that no other one covers (here `a/+`, with the highest QoS of
 * those below it), and each message is handed out here.  That makes it exactly one call for each
 * subscription that matches.  Filters that cross without one covering the other (`a/+` and `+/b`)
 * are both asked for: there the server decides whether a message comes once or twice.
 *
 * A message that the server sends as retained (it does so when it is asked for a filter) goes to
 * all subscriptions that match, also to those that have seen it: a later subscriber may bring it
 * again.
 *
 * Callbacks may subscribe and unsubscribe, also themselves: who unsubscribes is not called again,
 * who subscribes is not called for the message that is being handed out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subscriptions;

struct mqtt_message {
        const char *topic;
        const void *payload; /* followed by no NUL; not NULL */
        size_t length;
        int qos;
        bool retained; /* from the server's memory rather than sent just now */
};

/* The message is borrowed for the call. */
typedef void (*subscription_fn)(void *data, const struct mqtt_message *message);

/* A change that the server must hear of.  Negative: it cannot be told now.  Must not call back into
 * this module. */
typedef int (*subscription_change_fn)(void *data, const char *filter, int qos, bool subscribe);

int subscriptions_new(size_t max, struct subscriptions **ret);
/* Takes NULL.  Allowed from inside a callback: subscriptions_deliver() then touches it no more. */
struct subscriptions *subscriptions_free(struct subscriptions *subscriptions);

/* *ret_id is never 0.  -EINVAL: not a filter, or QoS not 0..2.  -E2BIG: too many.  -ENOMEM. */
int subscriptions_add(struct subscriptions *subscriptions, const char *filter, int qos,
                      subscription_fn fn, void *data, uint64_t *ret_id);
/* -ENOENT: no such id. */
int subscriptions_remove(struct subscriptions *subscriptions, uint64_t id);

/* Calls all that match.  Returns their number, or -ECANCELED when a callback has freed the whole.
 * */
int subscriptions_deliver(struct subscriptions *subscriptions, const struct mqtt_message *message);

/* Calls fn for each thing that the server does not know yet.  What is to be subscribed comes before
 * what is to be unsubscribed, so that nothing is missed between.  Stops at the first failure of fn
 * and returns it. Not from inside a callback of subscriptions_deliver().  Free when nothing has
 * changed, else it looks at each pair of subscriptions: collect changes. */
int subscriptions_tell(struct subscriptions *subscriptions, subscription_change_fn fn, void *data);
/* A new session: the server knows of nothing. */
void subscriptions_forget_server(struct subscriptions *subscriptions);
