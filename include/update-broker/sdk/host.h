/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/host.h - the host's services without their pointers
 *
 * One function per slot of struct ub_host and of its services: ub_timer(host, ...) for
 * host->timer(host->ctx, ...).  A slot that this host does not have, and a service that it does not
 * have or has not granted, is -ENOTSUP, so that a plugin never tests a pointer.  Arguments and
 * results are those of <update-broker/plugin.h>. */
#ifndef UPDATE_BROKER_SDK_HOST_H
#define UPDATE_BROKER_SDK_HOST_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The id of the registration, which is the agent's domain; "" from a host that does not tell. */
static inline const char *ub_id(const struct ub_host *host)
{
        return UB_HAS(host, id) ? host->id : "";
}

/* -------------------------------------------------------------------------------------- sources */

static inline int ub_wake(const struct ub_host *host)
{
        if (!UB_HAS(host, wake))
                return -ENOTSUP;
        host->wake(host->ctx);
        return 0;
}

static inline int ub_defer(const struct ub_host *host, ub_fn fn, void *data, struct ub_source **ret)
{
        return UB_HAS(host, defer) ? host->defer(host->ctx, fn, data, ret) : -ENOTSUP;
}

static inline int ub_timer(const struct ub_host *host, uint64_t after_usec, ub_fn fn, void *data,
                           struct ub_source **ret)
{
        return UB_HAS(host, timer) ? host->timer(host->ctx, after_usec, fn, data, ret) : -ENOTSUP;
}

static inline int ub_io(const struct ub_host *host, int fd, uint32_t events, ub_io_fn fn,
                        void *data, struct ub_source **ret)
{
        return UB_HAS(host, io) ? host->io(host->ctx, fd, events, fn, data, ret) : -ENOTSUP;
}

static inline int ub_io_events(const struct ub_host *host, struct ub_source *io, uint32_t events)
{
        return UB_HAS(host, io_events) ? host->io_events(host->ctx, io, events) : -ENOTSUP;
}

static inline int ub_spawn(const struct ub_host *host, const struct ub_spawn *command,
                           ub_child_fn fn, void *data, struct ub_source **ret)
{
        return UB_HAS(host, spawn) ? host->spawn(host->ctx, command, fn, data, ret) : -ENOTSUP;
}

/* Drops *source, which may be NULL, and makes it NULL. */
static inline void ub_source_drop(const struct ub_host *host, struct ub_source **source)
{
        if (*source && UB_HAS(host, source_drop))
                host->source_drop(host->ctx, *source);
        *source = NULL;
}

/* --------------------------------------------------------------------------- settings and state */

static inline int ub_setting(const struct ub_host *host, const char *json_pointer, char *buf,
                             size_t size)
{
        return UB_HAS(host, setting) ? host->setting(host->ctx, json_pointer, buf, size) : -ENOTSUP;
}

static inline int ub_state_get(const struct ub_host *host, const char *key, void *buf, size_t size)
{
        return UB_HAS(host, state_get) ? host->state_get(host->ctx, key, buf, size) : -ENOTSUP;
}

static inline int ub_state_put(const struct ub_host *host, const char *key, const void *data,
                               size_t length)
{
        return UB_HAS(host, state_put) ? host->state_put(host->ctx, key, data, length) : -ENOTSUP;
}

static inline int ub_state_sync(const struct ub_host *host, ub_done_fn done, void *data)
{
        return UB_HAS(host, state_sync) ? host->state_sync(host->ctx, done, data) : -ENOTSUP;
}

/* A whole value of the durable state, in memory of its own that the caller frees, with a NUL behind
 * it.  ret_length may be NULL.  -ENOENT: no such key.  -ENOMEM. */
int ub_state_read(const struct ub_host *host, const char *key, char **ret, size_t *ret_length);

/* Stores a text without its NUL; NULL or "" deletes the key. */
int ub_state_write(const struct ub_host *host, const char *key, const char *text);

/* -------------------------------------------------------------------------------------- answers */

static inline int ub_current_state(const struct ub_host *host, const char *activity,
                                   const char *json)
{
        return UB_HAS(host, current_state) ? host->current_state(host->ctx, activity, json)
                                           : -ENOTSUP;
}

static inline int ub_feedback(const struct ub_host *host, const char *activity, const char *json)
{
        return UB_HAS(host, feedback) ? host->feedback(host->ctx, activity, json) : -ENOTSUP;
}

static inline int ub_reboot_request(const struct ub_host *host, const char *activity,
                                    const char *reason)
{
        return UB_HAS(host, reboot_request) ? host->reboot_request(host->ctx, activity, reason)
                                            : -ENOTSUP;
}

static inline int ub_stopped(const struct ub_host *host)
{
        if (!UB_HAS(host, stopped))
                return -ENOTSUP;
        host->stopped(host->ctx);
        return 0;
}

/* ------------------------------------------------------------------------------------- services */

/* The table of a service, or NULL. */
static inline const void *ub_service(const struct ub_host *host, const char *service)
{
        return UB_HAS(host, get) ? host->get(host->ctx, service) : NULL;
}

static inline const struct ub_mqtt *ub_mqtt(const struct ub_host *host)
{
        return (const struct ub_mqtt *)ub_service(host, UB_SERVICE_MQTT);
}

static inline int ub_mqtt_publish(const struct ub_host *host, const char *topic,
                                  const void *payload, size_t length, uint32_t qos, uint32_t flags,
                                  ub_done_fn done, void *data)
{
        const struct ub_mqtt *mqtt = ub_mqtt(host);

        return mqtt ? mqtt->publish(host->ctx, topic, payload, length, qos, flags, done, data)
                    : -ENOTSUP;
}

static inline int ub_mqtt_subscribe(const struct ub_host *host, const char *filter, uint32_t qos,
                                    void (*fn)(void *data, const char *topic, const void *payload,
                                               size_t length, uint32_t flags),
                                    void *data, uint64_t *ret_id)
{
        const struct ub_mqtt *mqtt = ub_mqtt(host);

        return mqtt ? mqtt->subscribe(host->ctx, filter, qos, fn, data, ret_id) : -ENOTSUP;
}

static inline int ub_mqtt_unsubscribe(const struct ub_host *host, uint64_t id)
{
        const struct ub_mqtt *mqtt = ub_mqtt(host);

        if (!mqtt)
                return -ENOTSUP;
        mqtt->unsubscribe(host->ctx, id);
        return 0;
}

static inline int ub_mqtt_watch(const struct ub_host *host,
                                void (*fn)(void *data, uint32_t connected), void *data)
{
        const struct ub_mqtt *mqtt = ub_mqtt(host);

        return mqtt ? mqtt->watch(host->ctx, fn, data) : -ENOTSUP;
}

static inline const struct ub_orchestrator *ub_orchestrator(const struct ub_host *host)
{
        return (const struct ub_orchestrator *)ub_service(host, UB_SERVICE_ORCHESTRATOR);
}

static inline int ub_orchestrator_desired_state(const struct ub_host *host, const char *activity,
                                                const char *json)
{
        const struct ub_orchestrator *o = ub_orchestrator(host);

        return o ? o->desired_state(host->ctx, activity, json) : -ENOTSUP;
}

static inline int ub_orchestrator_command(const struct ub_host *host, const char *activity,
                                          const char *json)
{
        const struct ub_orchestrator *o = ub_orchestrator(host);

        return o ? o->command(host->ctx, activity, json) : -ENOTSUP;
}

static inline int ub_orchestrator_current_state_get(const struct ub_host *host,
                                                    const char *activity)
{
        const struct ub_orchestrator *o = ub_orchestrator(host);

        return o ? o->current_state_get(host->ctx, activity) : -ENOTSUP;
}

static inline int ub_orchestrator_owner_consent(const struct ub_host *host, const char *activity,
                                                const char *json)
{
        const struct ub_orchestrator *o = ub_orchestrator(host);

        return o ? o->owner_consent(host->ctx, activity, json) : -ENOTSUP;
}

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_HOST_H */
