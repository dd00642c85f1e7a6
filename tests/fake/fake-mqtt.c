/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-mqtt - see fake-mqtt.h */
#include "tests/fake/fake-mqtt.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSCRIPTIONS_MAX = 8, RETAINED_MAX = 8, WAITING_MAX = 256 };

struct subscription {
        uint64_t id; /* 0: free */
        char *filter;
        void (*fn)(void *data, const char *topic, const void *payload, size_t length,
                   uint32_t flags);
        void *data;
};

/* Something that reaches the plugin from the loop. */
struct delivery {
        struct fake_mqtt *mqtt;
        struct delivery *next; /* in the queue of what waits for the connection */
        uint64_t subscription; /* of a message; 0: an acknowledgement, or the watch */
        char *topic;
        char *payload;
        size_t length;
        uint32_t flags;
        ub_done_fn done;
        void *data;
        int result;
};

struct fake_mqtt {
        struct fake_host *fake;
        char grant[64]; /* without the # */
        bool connected;
        int result;
        uint64_t last_id;
        struct subscription subscriptions[SUBSCRIPTIONS_MAX];
        struct { char *topic; char *payload; size_t length; } retained[RETAINED_MAX];
        struct delivery *waiting; /* acknowledgements */
        void (*watch)(void *data, uint32_t connected);
        void *watch_data;
};

static struct fake_mqtt *mqtt_of(void *ctx)
{
        const struct fake_host *fake = ctx;

        return fake->mqtt;
}

static bool is_granted(const struct fake_mqtt *mqtt, const char *topic)
{
        return strncmp(topic, mqtt->grant, strlen(mqtt->grant)) == 0;
}

/* ----------------------------------------------------------------------------------- deliveries */

static void delivery_free(struct delivery *d)
{
        free(d->topic);
        free(d->payload);
        free(d);
}

static void deliver(void *data)
{
        struct delivery *d = data;
        struct fake_mqtt *mqtt = d->mqtt;
        size_t i;

        if (mqtt->fake->is_stopped) { /* only destroy() follows a stopped() */
                delivery_free(d);
                return;
        }
        for (i = 0; d->subscription && i < SUBSCRIPTIONS_MAX; i++)
                if (mqtt->subscriptions[i].id == d->subscription)
                        mqtt->subscriptions[i].fn(mqtt->subscriptions[i].data, d->topic, d->payload,
                                                  d->length, d->flags);
        if (d->done)
                d->done(d->data, d->result);
        delivery_free(d);
}

static struct delivery *delivery_new(struct fake_mqtt *mqtt)
{
        struct delivery *d = calloc(1, sizeof(*d));

        ck_assert_ptr_nonnull(d);
        d->mqtt = mqtt;
        return d;
}

static void put(struct delivery *d)
{
        struct ub_host *host = &d->mqtt->fake->host;

        ck_assert_int_eq(host->defer(host->ctx, deliver, d, NULL), 0);
}

static void send_to(struct fake_mqtt *mqtt, const struct subscription *s, const char *topic,
                    const void *payload, size_t length, unsigned flags)
{
        struct delivery *d = delivery_new(mqtt);

        d->subscription = s->id;
        d->topic = strdup(topic);
        d->payload = malloc(length + 1);
        ck_assert(d->topic && d->payload);
        memcpy(d->payload, payload, length);
        d->payload[length] = '\0';
        d->length = length;
        d->flags = flags;
        put(d);
}

/* ------------------------------------------------------------------------------- for the plugin */

static int mqtt_publish(void *ctx, const char *topic, const void *payload, size_t length,
                        uint32_t qos, uint32_t flags, ub_done_fn done, void *data)
{
        struct fake_mqtt *mqtt = mqtt_of(ctx);
        struct delivery *d;

        if (!is_granted(mqtt, topic))
                return -EPERM;
        ck_assert_uint_eq(qos, 1);
        ck_assert_uint_eq(flags, 0);
        fake_host_add_line(mqtt->fake, "publish %s %.*s", topic, (int)length,
                           (const char *)payload);
        if (!done)
                return 0;
        d = delivery_new(mqtt);
        d->done = done;
        d->data = data;
        d->result = mqtt->result;
        if (mqtt->connected) {
                put(d);
        } else {
                d->next = mqtt->waiting;
                mqtt->waiting = d;
        }
        return 0;
}

static int mqtt_subscribe(void *ctx, const char *filter, uint32_t qos,
                          void (*fn)(void *data, const char *topic, const void *payload,
                                     size_t length, uint32_t flags),
                          void *data, uint64_t *ret_id)
{
        struct fake_mqtt *mqtt = mqtt_of(ctx);
        struct subscription *s = mqtt->subscriptions;
        size_t i;

        if (!is_granted(mqtt, filter))
                return -EPERM;
        ck_assert_uint_eq(qos, 1);
        while (s->id)
                ck_assert_msg(++s < mqtt->subscriptions + SUBSCRIPTIONS_MAX, "too many filters");
        *s = (struct subscription){ .id = ++mqtt->last_id, .fn = fn, .data = data };
        s->filter = strdup(filter);
        ck_assert_ptr_nonnull(s->filter);
        *ret_id = s->id;
        fake_host_add_line(mqtt->fake, "subscribe %s", filter);
        for (i = 0; i < RETAINED_MAX; i++)
                if (mqtt->retained[i].topic && strcmp(mqtt->retained[i].topic, filter) == 0)
                        send_to(mqtt, s, filter, mqtt->retained[i].payload,
                                mqtt->retained[i].length, UB_MQTT_RETAIN);
        return 0;
}

static void mqtt_unsubscribe(void *ctx, uint64_t id)
{
        struct fake_mqtt *mqtt = mqtt_of(ctx);
        size_t i;

        for (i = 0; i < SUBSCRIPTIONS_MAX; i++) {
                struct subscription *s = &mqtt->subscriptions[i];

                if (id == 0 || s->id != id)
                        continue;
                fake_host_add_line(mqtt->fake, "unsubscribe %s", s->filter);
                free(s->filter);
                *s = (struct subscription){ .id = 0 };
                return;
        }
        ck_abort_msg("unsubscribe of what is not subscribed");
}

static void tell_watch(void *data)
{
        struct fake_mqtt *mqtt = data;

        if (mqtt->watch)
                mqtt->watch(mqtt->watch_data, mqtt->connected);
}

static void put_watch(struct fake_mqtt *mqtt)
{
        struct ub_host *host = &mqtt->fake->host;

        if (mqtt->watch)
                ck_assert_int_eq(host->defer(host->ctx, tell_watch, mqtt, NULL), 0);
}

static int mqtt_watch(void *ctx, void (*fn)(void *data, uint32_t connected), void *data)
{
        struct fake_mqtt *mqtt = mqtt_of(ctx);

        mqtt->watch = fn;
        mqtt->watch_data = data;
        put_watch(mqtt);
        return 0;
}

static const struct ub_mqtt table = {
        .publish = mqtt_publish,
        .subscribe = mqtt_subscribe,
        .unsubscribe = mqtt_unsubscribe,
        .watch = mqtt_watch,
};

/* --------------------------------------------------------------------------------- for the test */

struct fake_mqtt *fake_mqtt_new(struct fake_host *fake, const char *grant)
{
        struct fake_mqtt *mqtt = calloc(1, sizeof(*mqtt));
        size_t length = strlen(grant);

        ck_assert_ptr_nonnull(mqtt);
        ck_assert(length > 0 && length < sizeof(mqtt->grant) && grant[length - 1] == '#');
        memcpy(mqtt->grant, grant, length - 1);
        mqtt->fake = fake;
        mqtt->connected = true;
        fake->mqtt = mqtt;
        fake->mqtt_table = &table;
        return mqtt;
}

void fake_mqtt_reuse(struct fake_mqtt *mqtt)
{
        size_t i;

        for (i = 0; i < SUBSCRIPTIONS_MAX; i++) {
                free(mqtt->subscriptions[i].filter);
                mqtt->subscriptions[i] = (struct subscription){ .id = 0 };
        }
        while (mqtt->waiting) {
                struct delivery *d = mqtt->waiting;

                mqtt->waiting = d->next;
                delivery_free(d);
        }
        mqtt->watch = NULL;
}

struct fake_mqtt *fake_mqtt_free(struct fake_mqtt *mqtt)
{
        size_t i;

        if (!mqtt)
                return NULL;
        fake_mqtt_reuse(mqtt);
        for (i = 0; i < RETAINED_MAX; i++) {
                free(mqtt->retained[i].topic);
                free(mqtt->retained[i].payload);
        }
        mqtt->fake->mqtt = NULL;
        mqtt->fake->mqtt_table = NULL;
        free(mqtt);
        return NULL;
}

static void retain(struct fake_mqtt *mqtt, const char *topic, const void *payload, size_t length)
{
        size_t i = 0;

        while (mqtt->retained[i].topic && strcmp(mqtt->retained[i].topic, topic) != 0)
                ck_assert_uint_lt(++i, RETAINED_MAX);
        free(mqtt->retained[i].topic);
        free(mqtt->retained[i].payload);
        mqtt->retained[i].topic = strdup(topic);
        mqtt->retained[i].payload = malloc(length + 1);
        ck_assert(mqtt->retained[i].topic && mqtt->retained[i].payload);
        memcpy(mqtt->retained[i].payload, payload, length);
        mqtt->retained[i].length = length;
}

void fake_mqtt_say(struct fake_mqtt *mqtt, const char *topic, const void *payload, size_t length,
                   unsigned flags)
{
        size_t i;

        if (flags & UB_MQTT_RETAIN)
                retain(mqtt, topic, payload, length);
        for (i = 0; mqtt->connected && i < SUBSCRIPTIONS_MAX; i++)
                if (mqtt->subscriptions[i].id && strcmp(mqtt->subscriptions[i].filter, topic) == 0)
                        send_to(mqtt, &mqtt->subscriptions[i], topic, payload, length, 0);
}

void fake_mqtt_connect(struct fake_mqtt *mqtt, bool connected)
{
        mqtt->connected = connected;
        put_watch(mqtt);
        while (connected && mqtt->waiting) {
                struct delivery *d = mqtt->waiting;

                mqtt->waiting = d->next;
                put(d);
        }
}

void fake_mqtt_acknowledge(struct fake_mqtt *mqtt, int result)
{
        mqtt->result = result;
}
