/* SPDX-License-Identifier: Apache-2.0
 *
 * instance-ops - what stands behind the functions of instance.h
 *
 * Each implementation puts a `struct instance` first in its own struct.  instance.c has looked at
 * the arguments before it calls one of these: texts are set and within UB_MAX_*, and a request fits
 * the role.  Only local.c, process.c and instance.c include this. */
#pragma once

#include "host/plugin/instance.h"

/* A request that is answered with `answered`.  Borrowed until the function returns. */
struct instance_request_args {
        enum instance_call call; /* RELOAD, CURRENT_STATE_GET ... CONNECTOR_OWNER_CONSENT */
        int32_t command;         /* COMMAND only */
        const char *activity;    /* "" for RELOAD */
        const char *text; /* the JSON, for COMMAND the baseline; "" where the call has neither */
};

struct instance_ops {
        void (*free)(struct instance *instance);
        int (*start)(struct instance *instance, uint32_t flags);
        int (*stop)(struct instance *instance);
        int (*request)(struct instance *instance, const struct instance_request_args *args);
        int (*activity_end)(struct instance *instance, const char *activity);
        int (*state_synced)(struct instance *instance, uint64_t id, int result);
        int (*mqtt_published)(struct instance *instance, uint64_t id, int result);
        int (*mqtt_message)(struct instance *instance, uint64_t subscription, const char *topic,
                            const void *payload, size_t length, uint32_t flags);
        int (*mqtt_connected)(struct instance *instance, bool connected);
        void (*get_stats)(const struct instance *instance, struct instance_stats *ret);
};

struct instance {
        const struct instance_ops *ops;
        enum instance_role role;
};
