/* SPDX-License-Identifier: Apache-2.0
 *
 * layout-1.0 - what a plugin built for ABI 1.0 relies on, for as long as major 1 lives
 *
 * Never changed once 1.0 is released; a later minor gets a file of its own beside this one.
 * Compiling it is the test, on 32 and on 64 bits.  Three things are stated of every member: its
 * name, its offset in terms of the size of a pointer, and its type, spelled out without the
 * header's own typedefs.  A struct may be larger than it was, never smaller.  The golden dump
 * (dump.tap) sees what is missing here, except for constants: those are known from this file alone,
 * so layout.tap asks that every UB_* name of the header stands in one of these files. */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#define P sizeof(void *)
#define IS(expression) _Static_assert(expression, #expression)

/* MEMBER(struct, member, bytes, pointers, type): lies `bytes` + `pointers` * P behind the start. */
#define MEMBER(tag, member, bytes, pointers, ...)                                                  \
        _Static_assert(offsetof(struct tag, member) == (bytes) + (pointers) * P,                   \
                       #tag "." #member " has moved");                                             \
        _Static_assert(_Generic(&((struct tag *)0)->member, __typeof__(__VA_ARGS__) *: 1,          \
                                default: 0),                                                       \
                       #tag "." #member " has another type")
/* SIZE(struct, bytes, pointers): all of it is asserted above; later minors may append. */
#define SIZE(tag, bytes, pointers)                                                                 \
        _Static_assert(sizeof(struct tag) >= (bytes) + (pointers) * P, #tag " has shrunk");        \
        _Static_assert(UB_ABI_MINOR > 0 || sizeof(struct tag) == (bytes) + (pointers) * P,         \
                       #tag " has members that this file does not assert");                        \
        _Static_assert(_Alignof(struct tag) <= 8, #tag " is aligned differently")

/* ------------------------------------------------------------------------------------ constants */
IS(UB_ABI_MAJOR == 1);
IS(UB_ABI_MINOR >= 0);
IS(UB_ABI_MINOR_WANTED == 0);
IS(UB_MAX_NAME == 32);
IS(UB_MAX_ID == 64);
IS(UB_MAX_KEY == 128);
IS(UB_MAX_LOG == 4096);
IS(UB_MAX_JSON == 1048576);
IS(UB_MAX_DEPTH == 64);
IS(UB_MAX_STATE_VALUE == 65536);
IS(UB_MAX_STATE == 1048576);
IS(UB_MAX_SOURCES == 256);
IS(UB_MAX_TOPIC == 1024);
IS(UB_MAX_VERSION == 64);
IS(UB_MAX_DESCRIPTION == 256);

IS(UB_LOG_ERR == 3);
IS(UB_LOG_WARNING == 4);
IS(UB_LOG_NOTICE == 5);
IS(UB_LOG_INFO == 6);
IS(UB_LOG_DEBUG == 7);

IS(UB_CMD_DOWNLOAD == 1);
IS(UB_CMD_UPDATE == 2);
IS(UB_CMD_ACTIVATE == 3);
IS(UB_CMD_ROLLBACK == 4);
IS(UB_CMD_CLEANUP == 5);
IS(UB_CMD_VERIFY == 6);

IS(UB_IO_IN == 1);
IS(UB_IO_OUT == 2);
IS(UB_IO_HUP == 4);
IS(UB_IO_ERR == 8);

IS(UB_START_RECOVERED == 1);
IS(UB_START_ISOLATED == 2);
IS(UB_START_REBOOTED == 4);

IS(UB_MQTT_RETAIN == 1);

IS(__builtin_strcmp(UB_SERVICE_MQTT, "ub.mqtt/1") == 0);
IS(__builtin_strcmp(UB_SERVICE_ORCHESTRATOR, "ub.orchestrator/1") == 0);
IS(__builtin_strcmp(UB_PLUGIN_ENTRY, "ub_plugin_v1") == 0);

_Static_assert(_Generic(UB_HAS((struct ub_life *)0, stop), int : 1, default : 0),
               "UB_HAS is a condition");

/* ---------------------------------------------------------------------------------- entry point */
_Static_assert(_Generic(&ub_plugin_v1, const struct ub_plugin *(*)(void) : 1, default : 0),
               "the entry point has another type");

/* -------------------------------------------------------------------------------------- records */
MEMBER(ub_log, size, 0, 0, uint32_t);
MEMBER(ub_log, level, 4, 0, int32_t);
MEMBER(ub_log, line, 8, 0, int32_t);
MEMBER(ub_log, reserved, 12, 0, uint32_t);
MEMBER(ub_log, file, 16, 0, const char *);
MEMBER(ub_log, func, 16, 1, const char *);
MEMBER(ub_log, text, 16, 2, const char *);
SIZE(ub_log, 16, 3);

MEMBER(ub_spawn, size, 0, 0, uint32_t);
MEMBER(ub_spawn, flags, 4, 0, uint32_t);
MEMBER(ub_spawn, timeout_usec, 8, 0, uint64_t);
MEMBER(ub_spawn, argv, 16, 0, const char *const *);
MEMBER(ub_spawn, envp, 16, 1, const char *const *);
MEMBER(ub_spawn, in_fd, 16, 2, int32_t);
MEMBER(ub_spawn, out_fd, 20, 2, int32_t);
MEMBER(ub_spawn, err_fd, 24, 2, int32_t);
MEMBER(ub_spawn, reserved, 28, 2, uint32_t);
SIZE(ub_spawn, 32, 2);

/* -------------------------------------------------------------------------------- host services */
MEMBER(ub_host, size, 0, 0, uint32_t);
MEMBER(ub_host, abi_major, 4, 0, uint16_t);
MEMBER(ub_host, abi_minor, 6, 0, uint16_t);
MEMBER(ub_host, ctx, 8, 0, void *);
MEMBER(ub_host, log, 8, 1, void (*)(void *, const struct ub_log *));
MEMBER(ub_host, wake, 8, 2, void (*)(void *));
MEMBER(ub_host, defer, 8, 3, int (*)(void *, void (*)(void *), void *, struct ub_source **));
MEMBER(ub_host, timer, 8, 4,
       int (*)(void *, uint64_t, void (*)(void *), void *, struct ub_source **));
MEMBER(ub_host, io, 8, 5,
       int (*)(void *, int, uint32_t, void (*)(void *, int, uint32_t), void *,
               struct ub_source **));
MEMBER(ub_host, io_events, 8, 6, int (*)(void *, struct ub_source *, uint32_t));
MEMBER(ub_host, spawn, 8, 7,
       int (*)(void *, const struct ub_spawn *, void (*)(void *, int32_t, int32_t), void *,
               struct ub_source **));
MEMBER(ub_host, source_drop, 8, 8, void (*)(void *, struct ub_source *));
MEMBER(ub_host, setting, 8, 9, int (*)(void *, const char *, char *, size_t));
MEMBER(ub_host, state_get, 8, 10, int (*)(void *, const char *, void *, size_t));
MEMBER(ub_host, state_put, 8, 11, int (*)(void *, const char *, const void *, size_t));
MEMBER(ub_host, state_sync, 8, 12, int (*)(void *, void (*)(void *, int), void *));
MEMBER(ub_host, current_state, 8, 13, int (*)(void *, const char *, const char *));
MEMBER(ub_host, feedback, 8, 14, int (*)(void *, const char *, const char *));
MEMBER(ub_host, reboot_request, 8, 15, int (*)(void *, const char *, const char *));
MEMBER(ub_host, stopped, 8, 16, void (*)(void *));
MEMBER(ub_host, get, 8, 17, const void *(*)(void *, const char *));
MEMBER(ub_host, id, 8, 18, const char *);
SIZE(ub_host, 8, 19);

/* --------------------------------------------------------------------------- tables of a plugin */
MEMBER(ub_life, size, 0, 0, uint32_t);
MEMBER(ub_life, reserved, 4, 0, uint32_t);
MEMBER(ub_life, create, 8, 0, int (*)(const struct ub_host *, const char *, void **));
MEMBER(ub_life, start, 8, 1, int (*)(void *, uint32_t));
MEMBER(ub_life, stop, 8, 2, void (*)(void *));
MEMBER(ub_life, destroy, 8, 3, void (*)(void *));
MEMBER(ub_life, woken, 8, 4, void (*)(void *));
MEMBER(ub_life, reload, 8, 5, int (*)(void *, const char *));
SIZE(ub_life, 8, 6);

MEMBER(ub_agent, size, 0, 0, uint32_t);
MEMBER(ub_agent, reserved, 4, 0, uint32_t);
MEMBER(ub_agent, current_state_get, 8, 0, int (*)(void *, const char *));
MEMBER(ub_agent, desired_state, 8, 1, int (*)(void *, const char *, const char *));
MEMBER(ub_agent, command, 8, 2, int (*)(void *, const char *, const char *, int32_t));
MEMBER(ub_agent, cancel, 8, 3, int (*)(void *, const char *));
MEMBER(ub_agent, feedback_get, 8, 4, int (*)(void *, const char *));
SIZE(ub_agent, 8, 5);

MEMBER(ub_connector, size, 0, 0, uint32_t);
MEMBER(ub_connector, reserved, 4, 0, uint32_t);
MEMBER(ub_connector, feedback, 8, 0, int (*)(void *, const char *, const char *));
MEMBER(ub_connector, current_state, 8, 1, int (*)(void *, const char *, const char *));
MEMBER(ub_connector, owner_consent, 8, 2, int (*)(void *, const char *, const char *));
SIZE(ub_connector, 8, 3);

MEMBER(ub_plugin, size, 0, 0, uint32_t);
MEMBER(ub_plugin, abi_major, 4, 0, uint16_t);
MEMBER(ub_plugin, abi_minor_wanted, 6, 0, uint16_t);
MEMBER(ub_plugin, abi_minor_needed, 8, 0, uint16_t);
MEMBER(ub_plugin, reserved, 10, 0, uint16_t);
MEMBER(ub_plugin, flags, 12, 0, uint32_t);
MEMBER(ub_plugin, name, 16, 0, const char *);
MEMBER(ub_plugin, version, 16, 1, const char *);
MEMBER(ub_plugin, description, 16, 2, const char *);
MEMBER(ub_plugin, settings_schema, 16, 3, const char *);
MEMBER(ub_plugin, life, 16, 4, const struct ub_life *);
MEMBER(ub_plugin, agent, 16, 5, const struct ub_agent *);
MEMBER(ub_plugin, connector, 16, 6, const struct ub_connector *);
SIZE(ub_plugin, 16, 7);

/* ----------------------------------------------------------------------------- further services */
MEMBER(ub_mqtt, publish, 0, 0,
       int (*)(void *, const char *, const void *, size_t, uint32_t, uint32_t,
               void (*)(void *, int), void *));
MEMBER(ub_mqtt, subscribe, 0, 1,
       int (*)(void *, const char *, uint32_t,
               void (*)(void *, const char *, const void *, size_t, uint32_t), void *, uint64_t *));
MEMBER(ub_mqtt, unsubscribe, 0, 2, void (*)(void *, uint64_t));
MEMBER(ub_mqtt, watch, 0, 3, int (*)(void *, void (*)(void *, uint32_t), void *));
IS(sizeof(struct ub_mqtt) == 4 * P); /* a service table never grows: a change gets a new name */

MEMBER(ub_orchestrator, desired_state, 0, 0, int (*)(void *, const char *, const char *));
MEMBER(ub_orchestrator, command, 0, 1, int (*)(void *, const char *, const char *));
MEMBER(ub_orchestrator, current_state_get, 0, 2, int (*)(void *, const char *));
MEMBER(ub_orchestrator, owner_consent, 0, 3, int (*)(void *, const char *, const char *));
IS(sizeof(struct ub_orchestrator) == 4 * P);
