/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-mqtt - an MQTT server in the memory of a test, behind UB_SERVICE_MQTT of a fake host
 *
 * One client, the plugin.  The test plays everybody else: it says messages, and reads in the host's
 * transcript what the plugin did:
 *
 *     subscribe FILTER
 *     unsubscribe FILTER
 *     publish TOPIC PAYLOAD
 *
 * Like the real thing it keeps what is retained, and queues what the plugin publishes while the
 * connection is down.  A message that comes then is lost, as with a clean session.  Everything
 * reaches the plugin from the loop.  It lives as long as the fake host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/fake/fake-host.h"

struct fake_mqtt;

/* Grants the service, with these topics; connected.  grant: one filter that ends in "#". */
struct fake_mqtt *fake_mqtt_new(struct fake_host *fake, const char *grant);
struct fake_mqtt *fake_mqtt_free(struct fake_mqtt *mqtt);

/* Somebody publishes.  flags: UB_MQTT_RETAIN. */
void fake_mqtt_say(struct fake_mqtt *mqtt, const char *topic, const void *payload, size_t length,
                   unsigned flags);

void fake_mqtt_connect(struct fake_mqtt *mqtt, bool connected);

/* What acknowledgements of messages that the plugin publishes from now on say; 0 at first. */
void fake_mqtt_acknowledge(struct fake_mqtt *mqtt, int result);

/* The plugin is gone, or another one follows: its subscriptions are forgotten. */
void fake_mqtt_reuse(struct fake_mqtt *mqtt);
