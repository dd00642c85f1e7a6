/* SPDX-License-Identifier: Apache-2.0
 *
 * facts - values for preconditions, from MQTT topics
 *
 * Each fact is the value at a JSON pointer in the messages of a topic.  A text counts without its
 * quotes, so that `MAINTENANCE` can be sent with or without; a message that has nothing at the
 * pointer makes the fact unknown, and so does an empty one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/json/scan.h"

enum { FACT_MESSAGE_MAX = 64 * 1024, FACT_DEPTH_MAX = 32 };

struct facts_route {
        struct facts_route *next;
        struct broker *broker;
        const struct settings_fact *fact; /* of the setup in force */
        struct uplink_route *route;
};

/* The value as text, the caller's to free; NULL: unknown. */
static char *find_value(const struct mqtt_message *message, const char *pointer)
{
        const struct scan_rules rules = { .max_bytes = FACT_MESSAGE_MAX,
                                          .max_depth = FACT_DEPTH_MAX };
        CLEANUP_JSON struct json *root = NULL;
        const struct json *value;
        char *text = NULL;

        if (message->length == 0 || message->length > FACT_MESSAGE_MAX)
                return NULL;
        if (json_parse(message->payload, message->length, &rules, NULL, NULL, &root) < 0)
                return *pointer ? NULL : strndup(message->payload, message->length);
        value = json_locate(root, pointer);
        if (!value || json_get_type(value) == JSON_TYPE_NULL)
                return NULL;
        if (json_get_string(value))
                return strdup(json_get_string(value));
        return json_print(value, JSON_LAYOUT_COMPACT, &text) < 0 ? NULL : text;
}

static void on_message(void *data, const struct mqtt_message *message)
{
        struct facts_route *route = data;
        CLEANUP_FREE char *value = find_value(message, route->fact->pointer);

        broker_give(route->broker, &(struct event){
                                           .kind = EVENT_FACT,
                                           .name = route->fact->name,
                                           .text = value,
                                   });
}

int facts_begin(struct broker *b)
{
        const struct settings_facts *facts = &b->setup->settings->facts;
        size_t i;
        int r = 0;

        for (i = 0; i < facts->n && r == 0; i++) {
                struct facts_route *route = calloc(1, sizeof(*route));

                if (!route)
                        return -ENOMEM;
                route->broker = b;
                route->fact = &facts->items[i];
                route->next = b->facts;
                b->facts = route;
                r = uplink_subscribe(b->uplink, route->fact->topic, 1, on_message, route,
                                     &route->route);
        }
        return r;
}

void facts_end(struct broker *b)
{
        while (b->facts) {
                struct facts_route *route = b->facts;

                b->facts = route->next;
                (void)uplink_unsubscribe(b->uplink, route->route);
                free(route);
        }
}
