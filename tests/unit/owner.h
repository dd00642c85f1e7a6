/* SPDX-License-Identifier: Apache-2.0
 *
 * owner - what a test puts above a local instance: it writes down every event as a line
 *
 *     begin("bad/blocks", ...);  instance_start(owner.instance, 0);  wait_for("started");
 *     expect("started 0");  ...  end();
 *
 * One line per event, in order, e.g. `feedback a1 {"status":"IDENTIFIED"}`; the fault "took too
 * long" is only kept when a test asks for it, because a loaded machine makes every call slow. */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/plugin/instance.h"
#include "host/plugin/local.h"
#include "host/util/cleanup.h"
#include "tests/unit/unit.h"

enum { OWNER_LINES_MAX = 8192, OWNER_LINE_MAX = 512 }; /* a flood is 5000 lines */

static struct {
        sd_event *event;
        struct instance *instance;
        char lines[OWNER_LINES_MAX][OWNER_LINE_MAX];
        unsigned n_lines;
        unsigned n_seen;      /* how many expect() has passed */
        unsigned dispatching; /* in sd_event_run() */
        bool keep_slow;
        const char *free_at; /* instance_free() at the line that begins so */
        bool auto_sync;      /* answer state_sync at once */
        uint64_t last_sync;
        uint64_t last_publish;
        uint64_t last_subscription;
} owner;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
        va_list ap;
        char *line;

        ck_assert_uint_lt(owner.n_lines, OWNER_LINES_MAX);
        ck_assert_msg(owner.dispatching, "an event that does not come from the loop");
        line = owner.lines[owner.n_lines++];
        va_start(ap, format);
        (void)vsnprintf(line, OWNER_LINE_MAX, format, ap);
        va_end(ap);
        if (owner.free_at && strncmp(line, owner.free_at, strlen(owner.free_at)) == 0) {
                owner.free_at = NULL;
                owner.instance = instance_free(owner.instance);
        }
}

static void on_started(void *data, int r, const char *text)
{
        (void)data;
        note("started %d%s%s", r, text[0] ? " " : "", text);
}

static void on_stopped(void *data)
{
        (void)data;
        note("stopped");
}

static void on_died(void *data, const char *text)
{
        (void)data;
        note("died %s", text);
}

static void on_answered(void *data, enum instance_call call, const char *activity, int r)
{
        (void)data;
        note("answered %s %s %d", instance_call_to_string(call), activity, r);
}

static void on_misbehaved(void *data, enum instance_fault fault, const char *text)
{
        (void)data;
        if (fault != INSTANCE_FAULT_SLOW || owner.keep_slow)
                note("misbehaved %s: %s", instance_fault_to_string(fault), text);
}

static void on_log(void *data, int level, const char *file, int line, const char *func,
                   const char *text)
{
        (void)data;
        (void)file;
        (void)line;
        (void)func;
        note("log %d %s", level, text);
}

static void on_current_state(void *data, const char *activity, const char *json)
{
        (void)data;
        note("current_state %s %s", activity, json);
}

static void on_feedback(void *data, const char *activity, const char *json)
{
        (void)data;
        note("feedback %s %s", activity, json);
}

static void on_reboot_request(void *data, const char *activity, const char *reason)
{
        (void)data;
        note("reboot_request %s %s", activity, reason);
}

static void on_state_put(void *data, const char *key, const void *value, size_t length)
{
        (void)data;
        note("state_put %s %.*s", key, (int)length, length ? (const char *)value : "");
}

static void on_state_sync(void *data, uint64_t id)
{
        (void)data;
        owner.last_sync = id;
        note("state_sync");
        if (owner.auto_sync)
                ck_assert_int_eq(instance_state_synced(owner.instance, id, 0), 0);
}

static void on_mqtt_publish(void *data, uint64_t id, const char *topic, const void *payload,
                            size_t length, uint32_t qos, uint32_t flags)
{
        (void)data;
        owner.last_publish = id;
        note("mqtt_publish %s %.*s %" PRIu32 " %" PRIu32, topic, (int)length, (const char *)payload,
             qos, flags);
}

static void on_mqtt_subscribe(void *data, uint64_t id, const char *filter, uint32_t qos)
{
        (void)data;
        owner.last_subscription = id;
        note("mqtt_subscribe %s %" PRIu32, filter, qos);
}

static void on_mqtt_unsubscribe(void *data, uint64_t id)
{
        (void)data;
        note("mqtt_unsubscribe %s", id == owner.last_subscription ? "it" : "another");
}

static void on_orchestrator(void *data, enum instance_request request, const char *activity,
                            const char *json)
{
        (void)data;
        note("orchestrator %d %s %s", (int)request, activity, json);
}

static const struct instance_events owner_events = INSTANCE_EVENTS(on);

/* One turn of the loop. */
static void turn(void)
{
        owner.dispatching++;
        ck_assert_int_ge(sd_event_run(owner.event, UINT64_MAX), 0);
        owner.dispatching--;
}

/* Turns as long as something is due. */
static inline void settle(void)
{
        owner.dispatching++;
        while (sd_event_run(owner.event, 0) > 0)
                ;
        owner.dispatching--;
}

/* Runs the loop until a line that begins so has been written since the last expect(). */
static void wait_for(const char *begin)
{
        unsigned i = owner.n_seen;

        for (;;) {
                for (; i < owner.n_lines; i++)
                        if (strncmp(owner.lines[i], begin, strlen(begin)) == 0)
                                return;
                turn();
        }
}

/* The next line, whole. */
static void expect(const char *line)
{
        ck_assert_msg(owner.n_seen < owner.n_lines, "nothing instead of: %s", line);
        ck_assert_str_eq(owner.lines[owner.n_seen], line);
        owner.n_seen++;
}

static inline void expect_no_more(void)
{
        ck_assert_msg(owner.n_seen == owner.n_lines, "unexpected: %s", owner.lines[owner.n_seen]);
}

/* plugin: "bad/blocks" for tests/bad/.libs/blocks.so */
static void owner_begin(const char *plugin, const struct instance_config *model)
{
        struct instance_config config = *model;
        const char *slash = strchr(plugin, '/');
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/tests/%.*s/.libs/%s.so", getenv("top_builddir"),
                       (int)(slash - plugin), plugin, slash + 1);
        config.id = config.id ? config.id : "guest";
        config.role = config.role ? config.role : INSTANCE_ROLE_AGENT;
        config.settings = config.settings ? config.settings : "{}";
        config.plugin = path;
        ck_assert_int_ge(sd_event_new(&owner.event), 0);
        ck_assert_int_eq(instance_new_local(&config, owner.event, &owner_events, NULL,
                                            &owner.instance),
                         0);
        expect_no_more();
}

static void owner_end(void)
{
        owner.instance = instance_free(owner.instance);
        owner.event = sd_event_unref(owner.event);
}
