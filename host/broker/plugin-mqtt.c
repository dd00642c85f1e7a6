/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin-mqtt - the MQTT service of plugins, over the daemon's connection
 *
 * What a plugin may publish and subscribe to has been checked before it gets here
 * (host/plugin/gate.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/uplink.h"
#include "host/plugin/abi.h"

struct plugin_subscription {
        struct plugin_subscription *next;
        struct hosted *hosted;
        uint64_t id; /* the plugin's */
        struct uplink_route *route;
};

/* Somebody in the plugin waits for an acknowledgement.  The plugin may die first, and its successor
 * counts its own ids: then nobody does, but the answer still comes here. */
struct plugin_publish {
        struct plugin_publish *next;
        struct hosted *hosted; /* NULL: nobody waits any more */
        uint64_t id;
};

/* --------------------------------------------------------------------------------- publishing */

static void answer(struct hosted *h, uint64_t id, int r)
{
        struct instance *instance = hosted_get_instance(h);

        if (id != 0 && instance)
                (void)instance_mqtt_published(instance, id, r); /* stopping: nobody waits */
}

static void on_published(void *data, int r)
{
        struct plugin_publish *publish = data;
        struct hosted *h = publish->hosted;
        struct plugin_publish **p;

        if (h) {
                for (p = &h->publishes; *p != publish; p = &(*p)->next)
                        ;
                *p = publish->next;
                answer(h, publish->id, r);
        }
        free(publish);
}

static int publish_and_wait(struct hosted *h, const struct outbox_message *message, uint64_t id)
{
        struct plugin_publish *publish = malloc(sizeof(*publish));
        int r;

        if (!publish)
                return -ENOMEM;
        r = uplink_publish(h->broker->uplink, message, on_published, publish);
        if (r < 0) {
                free(publish);
                return r;
        }
        *publish = (struct plugin_publish){ .next = h->publishes, .hosted = h, .id = id };
        h->publishes = publish;
        return 0;
}

void plugin_mqtt_publish(struct hosted *h, uint64_t id, const char *topic, const void *payload,
                         size_t length, uint32_t qos, uint32_t flags)
{
        const struct outbox_message message = {
                .topic = topic,
                .payload = payload,
                .length = length,
                .qos = (int)qos,
                .retain = (flags & UB_MQTT_RETAIN) != 0,
                .rank = OUTBOX_ORDINARY,
        };
        int r;

        r = id != 0 ? publish_and_wait(h, &message, id)
                    : uplink_publish(h->broker->uplink, &message, NULL, NULL);
        if (r == 0)
                return;
        if (id == 0)
                hosted_log(h, LOG_LEVEL_WARN, NULL, "MQTT message to %s: %s", topic, strerror(-r));
        answer(h, id, r);
}

/* --------------------------------------------------------------------------------- subscribing */

static void on_message(void *data, const struct mqtt_message *message)
{
        struct plugin_subscription *s = data;
        struct instance *instance = hosted_get_instance(s->hosted);
        int r;

        if (!instance)
                return;
        r = instance_mqtt_message(instance, s->id, message->topic, message->payload,
                                  message->length, message->retained ? UB_MQTT_RETAIN : 0);
        if (r < 0 && r != -ESTALE)
                hosted_log(s->hosted, LOG_LEVEL_WARN, NULL, "MQTT message on %s is lost: %s",
                           message->topic, strerror(-r));
}

static void subscription_free(struct plugin_subscription *s)
{
        (void)uplink_unsubscribe(s->hosted->broker->uplink, s->route);
        free(s);
}

void plugin_mqtt_subscribe(struct hosted *h, uint64_t id, const char *filter, uint32_t qos)
{
        struct plugin_subscription *s = calloc(1, sizeof(*s));
        int r = -ENOMEM;

        if (s) {
                s->hosted = h;
                s->id = id;
                r = uplink_subscribe(h->broker->uplink, filter, (int)qos, on_message, s, &s->route);
        }
        if (r < 0) {
                hosted_log(h, LOG_LEVEL_ERROR, NULL, "MQTT subscription to %s: %s", filter,
                           strerror(-r));
                free(s);
                return;
        }
        s->next = h->subscriptions;
        h->subscriptions = s;
}

void plugin_mqtt_unsubscribe(struct hosted *h, uint64_t id)
{
        struct plugin_subscription **p = &h->subscriptions;

        for (; *p; p = &(*p)->next) {
                struct plugin_subscription *s = *p;

                if (s->id != id)
                        continue;
                *p = s->next;
                subscription_free(s);
                return;
        }
}

void plugin_mqtt_drop(struct hosted *h)
{
        while (h->publishes) {
                struct plugin_publish *publish = h->publishes;

                h->publishes = publish->next;
                publish->hosted = NULL;
        }
        while (h->subscriptions) {
                struct plugin_subscription *s = h->subscriptions;

                h->subscriptions = s->next;
                subscription_free(s);
        }
}

void plugin_mqtt_connected(struct broker *b, bool up)
{
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct instance *instance =
                        b->hosted[i]->up ? hosted_get_instance(b->hosted[i]) : NULL;

                if (instance)
                        (void)instance_mqtt_connected(instance,
                                                      up); /* stopping: it does not care */
        }
}
