/* SPDX-License-Identifier: Apache-2.0
 *
 * broker - the daemon: what happens comes in, the orchestrator decides, what it wants is carried
 * out
 *
 *     MQTT, plugins, timers, control, signals --> event --> orchestrator --> effects --> journal first,
 *                                                                    then agents, MQTT, timers, reboot
 *
 * What is on disk is always ahead of what has left, so a broker that is killed at any moment and
 * started again goes on with the activity; see host/orchestrator/orchestrator.h.
 *
 * Nothing here is needed for an update but the agents: without an MQTT server, without a system bus
 * and with a broken disk the broker says so and goes on as far as it can.
 *
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "host/plugin/trust.h"
#include "host/util/cleanup.h"

struct broker;
struct diag;
struct log;
struct schemas;
struct settings_sources;
struct setup;
struct worker;

struct broker_config {
        const struct settings_sources *sources; /* to read the configuration again */
        struct schemas *schemas;                /* used by the reader of configurations only */
        const char *boot_id;                    /* differs after each boot of the device */
        struct trust_rules trust;
};

/* Opens what it needs of the state and runtime folders, restores the last activity, and makes the
 * plugins; nothing runs yet.  event, worker, log and config are borrowed and outlive the broker; it
 * takes a reference of setup.  Failures are told in diag. */
int broker_new(sd_event *event, struct worker *worker, struct log *log,
               const struct broker_config *config, struct setup *setup, struct diag *diag,
               struct broker **ret);

/* Frees what is left, without saying good-bye.  Takes NULL. */
struct broker *broker_free(struct broker *broker);
DEFINE_FREEP(struct broker, broker);

/* Begins to work.  The service manager is told when every agent has been started or has failed
 * to. */
int broker_start(struct broker *broker, struct diag *diag);

/* Stops all plugins, sends what is to be sent, and then ends the loop with status 0. */
void broker_stop(struct broker *broker);

/* Reads the configuration again and puts it into force when no activity runs. */
void broker_reload(struct broker *broker);
