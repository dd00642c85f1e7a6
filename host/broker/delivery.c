/* SPDX-License-Identifier: Apache-2.0
 *
 * delivery - the end of an activity, until somebody has it
 *
 * The orchestrator keeps a terminal feedback in its record until it is told that it has arrived.
 * What counts as arrived:
 *
 *     there is an MQTT server       its acknowledgement
 *     "connection": null            the history is on disk, where `ubctl history` finds it
 *
 * The outbox of a connection repeats what was in flight when the connection was lost.  Here is the
 * rest: that the configuration brings another connection, that the outbox had no room, that a
 * server refuses.  Then it is tried again with the next connection, and as soon as another one has
 * arrived. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/chronicle.h"
#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"

/* More than the record keeps and fewer than an outbox does: only for who is neither in the outbox
 * nor has a place in the record any more. */
enum { DELIVERIES_MAX = 256 };

struct delivery {
        struct delivery *next;
        struct broker *broker;
        char *activity;
        char *text;
        bool under_way;  /* the outbox has it */
        bool complained; /* that it has to wait */
        uint64_t round;  /* of delivery_retry() in which it has had its turn */
};

static void delivery_free(struct delivery *delivery)
{
        free(delivery->activity);
        free(delivery->text);
        free(delivery);
}

static void unlink_delivery(struct delivery *delivery)
{
        struct delivery **p = &delivery->broker->deliveries;

        while (*p != delivery)
                p = &(*p)->next;
        *p = delivery->next;
}

/* Frees it: somebody has it, or nobody ever will. */
static void settle(struct delivery *delivery)
{
        struct broker *b = delivery->broker;

        unlink_delivery(delivery);
        broker_give(b, &(struct event){
                               .kind = EVENT_DELIVERED, .activity = delivery->activity });
        delivery_free(delivery);
}

/* A fault of the message itself: no later attempt fares better. */
static bool is_lasting(int r)
{
        return r == -E2BIG || r == -EMSGSIZE || r == -EINVAL;
}

/* -EAGAIN is no fault: no connector to the cloud has answered yet. */
static void failed(struct delivery *delivery, int r)
{
        const struct log_about about = { .activity = delivery->activity };
        struct broker *b = delivery->broker;

        if (is_lasting(r)) {
                log_error(b->log, &about,
                          "the end of the activity cannot be sent: %s; `ubctl history` has it",
                          strerror(-r));
                settle(delivery);
        } else if (r != -EAGAIN && !delivery->complained) {
                log_warn(b->log, &about, "the end of the activity is kept for later: %s",
                         strerror(-r));
                delivery->complained = true;
        }
}

static void on_published(void *data, int r)
{
        struct delivery *delivery = data;
        struct broker *b = delivery->broker;

        delivery->under_way = false;
        if (r == -ECANCELED)
                return; /* another connection comes, or none: delivery_retry() follows */
        if (r < 0) {
                failed(delivery, r);
                return;
        }
        settle(delivery);
        delivery_retry(b); /* there is room for one more */
}

/* May free it. */
static void attempt(struct delivery *delivery)
{
        struct broker *b = delivery->broker;
        int r;

        if (delivery->under_way)
                return;
        if (!uplink_is_configured(b->uplink)) {
                if (chronicle_is_saved(b->chronicle))
                        settle(delivery);
                return;
        }
        r = northbound_publish_end(b, delivery->activity, delivery->text, on_published, delivery);
        if (r < 0)
                failed(delivery, r);
        else
                delivery->under_way = true;
}

/* To settle one may lead to anything, also to another round; so the search begins anew each time. */
void delivery_retry(struct broker *b)
{
        uint64_t round = ++b->n_delivery_rounds;
        struct delivery *delivery = b->deliveries;

        while (delivery) {
                if (delivery->under_way || delivery->round >= round) {
                        delivery = delivery->next;
                        continue;
                }
                delivery->round = round;
                attempt(delivery);
                delivery = b->deliveries;
        }
}

static void make_room(struct broker *b)
{
        struct delivery *delivery;
        size_t n = 0;

        for (delivery = b->deliveries; delivery; delivery = delivery->next)
                n++;
        for (delivery = b->deliveries; delivery && n >= DELIVERIES_MAX; delivery = delivery->next)
                if (!delivery->under_way) {
                        log_error(b->log, &(struct log_about){ .activity = delivery->activity },
                                  "the end of the activity is not sent, too many wait already; "
                                  "`ubctl history` has it");
                        settle(delivery);
                        return;
                }
}

void delivery_add(struct broker *b, const struct effect *effect)
{
        struct delivery *delivery = calloc(1, sizeof(*delivery));
        struct delivery **last = &b->deliveries;

        if (delivery) {
                delivery->broker = b;
                delivery->activity = strdup(effect->activity);
                delivery->text = strdup(effect->text);
        }
        if (!delivery || !delivery->activity || !delivery->text) {
                if (delivery)
                        delivery_free(delivery);
                log_error(b->log, &(struct log_about){ .activity = effect->activity },
                          "out of memory: the end of the activity is sent after the next start");
                return;
        }
        make_room(b);
        while (*last)
                last = &(*last)->next;
        *last = delivery;
        attempt(delivery);
}

void delivery_done(struct broker *b)
{
        while (b->deliveries) {
                struct delivery *delivery = b->deliveries;

                b->deliveries = delivery->next;
                delivery_free(delivery);
        }
}
