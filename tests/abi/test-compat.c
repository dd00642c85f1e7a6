/* SPDX-License-Identifier: Apache-2.0
 *
 * compat - an agent of one time, driven by a host of another through a whole activity
 *
 * Built twice: test-frozen-agent is the host of the day with the agent of v1.0/, test-old-host is
 * the host compiled with the header of 1.0 and the fake agent of the day.  In both modes the words
 * that arrive must be those of a good activity, and the transcripts of the two modes must be equal.
 *
 * The build defines COMPAT_PLUGIN and COMPAT_AGENT_HOST, paths in the build folder, and
 * COMPAT_SETTINGS. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <update-broker/plugin.h>

#include "host/json/scan.h"
#include "host/plugin/instance.h"
#include "host/util/cleanup.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

#define ACTIVITY "act-1"
#define DESIRED                                                                          \
        "{\"domains\":[{\"id\":\"demo\",\"components\":[{\"id\":\"app\",\"version\":\"2\"}]}]," \
        "\"baselines\":[]}"

enum { TRANSCRIPT_MAX = 8192, WATCHDOG_SEC = 15 };

/* One run: what happens next hangs on what arrives, and all of it is written down. */
struct run {
        sd_event *event;
        struct instance *instance;
        char transcript[TRANSCRIPT_MAX];
        size_t length;
        char last_word[64];
        int next_command;
        bool stopped;
};

static void __attribute__((format(printf, 2, 3))) note(struct run *run, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(run->transcript + run->length, sizeof(run->transcript) - run->length, format,
                      args);
        va_end(args);
        ck_assert_int_lt(n, (int)(sizeof(run->transcript) - run->length));
        run->length += (size_t)n;
}

static void on_started(void *data, int r, const char *text)
{
        struct run *run = data;

        ck_assert_msg(r == 0, "start: %s", text);
        note(run, "started\n");
        ck_assert_int_eq(instance_current_state_get(run->instance, "get-1"), 0);
}

static void on_stopped(void *data)
{
        struct run *run = data;

        note(run, "stopped\n");
        run->stopped = true;
        ck_assert_int_ge(sd_event_exit(run->event, 0), 0);
}

static void on_died(void *data, const char *text)
{
        (void)data;
        ck_abort_msg("died: %s", text);
}

static void on_answered(void *data, enum instance_call call, const char *activity, int r)
{
        note(data, "answered %s %s %d\n", instance_call_to_string(call), activity, r);
}

static void on_misbehaved(void *data, enum instance_fault fault, const char *text)
{
        (void)data;
        ck_abort_msg("misbehaved: %s: %s", instance_fault_to_string(fault), text);
}

static void on_log(void *data, int level, const char *file, int line, const char *func,
                   const char *text)
{
        (void)data;
        (void)level;
        (void)file;
        (void)line;
        (void)func;
        printf("# log: %s\n", text);
}

static void on_current_state(void *data, const char *activity, const char *json)
{
        struct run *run = data;
        bool asked = strcmp(activity, "get-1") == 0;

        note(run, "current_state %s %s\n", activity, json);
        if (asked)
                ck_assert_int_eq(instance_desired_state(run->instance, ACTIVITY, DESIRED), 0);
}

/* After the word that ends a step comes the next command, after the last one the end. */
static void proceed(struct run *run, const char *word)
{
        static const struct {
                const char *word;
                int32_t command;
        } script[] = {
                { "IDENTIFIED", UB_CMD_DOWNLOAD },
                { "DOWNLOAD_SUCCESS", UB_CMD_UPDATE },
                { "UPDATE_SUCCESS", UB_CMD_ACTIVATE },
                { "ACTIVATION_SUCCESS", UB_CMD_CLEANUP },
                { "CLEANUP_SUCCESS", 0 },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(script); i++)
                if (strcmp(script[i].word, word) == 0 && run->next_command == (int)i) {
                        run->next_command++;
                        if (script[i].command)
                                ck_assert_int_eq(instance_command(run->instance, ACTIVITY, "",
                                                                  script[i].command), 0);
                        else
                                ck_assert_int_eq(instance_stop(run->instance), 0);
                        return;
                }
        ck_assert_msg(!strstr(word, "FAIL") && !strstr(word, "INCOMPLETE"), "feedback %s", word);
}

static void on_feedback(void *data, const char *activity, const char *json)
{
        struct run *run = data;
        char word[64];
        size_t offset;
        size_t length;

        ck_assert_str_eq(activity, ACTIVITY);
        ck_assert_int_eq(scan_locate(json, strlen(json), "/status", &offset, &length), 0);
        ck_assert_int_lt(scan_copy(json + offset, length, word, sizeof(word)), (int)sizeof(word));
        /* How often a step says that it goes on is a matter of time; that it does is not. */
        if (strcmp(word, run->last_word) == 0)
                return;
        memcpy(run->last_word, word, sizeof(word));
        note(run, "feedback %s\n", word);
        proceed(run, word);
}

static void on_reboot_request(void *data, const char *activity, const char *reason)
{
        (void)data;
        ck_abort_msg("reboot_request %s: %s", activity, reason);
}

static void on_state_put(void *data, const char *key, const void *value, size_t length)
{
        (void)value;
        note(data, "state_put %s %s\n", key, length ? "set" : "deleted");
}

static void on_state_sync(void *data, uint64_t id)
{
        struct run *run = data;

        note(run, "state_sync\n");
        ck_assert_int_eq(instance_state_synced(run->instance, id, 0), 0);
}

static void on_mqtt_publish(void *data, uint64_t id, const char *topic, const void *payload,
                            size_t length, uint32_t qos, uint32_t flags)
{
        (void)data;
        (void)id;
        (void)payload;
        (void)length;
        (void)qos;
        (void)flags;
        ck_abort_msg("publish %s", topic);
}

static void on_mqtt_subscribe(void *data, uint64_t id, const char *filter, uint32_t qos)
{
        (void)data;
        (void)id;
        (void)qos;
        ck_abort_msg("subscribe %s", filter);
}

static void on_mqtt_unsubscribe(void *data, uint64_t id)
{
        (void)data;
        ck_abort_msg("unsubscribe %u", (unsigned)id);
}

static void on_orchestrator(void *data, enum instance_request request, const char *activity,
                            const char *json)
{
        (void)data;
        (void)activity;
        (void)json;
        ck_abort_msg("orchestrator request %d", (int)request);
}

static const struct instance_events events = INSTANCE_EVENTS(on);

static int on_watchdog(sd_event_source *source, uint64_t usec, void *data)
{
        struct run *run = data;

        (void)source;
        (void)usec;
        ck_abort_msg("no end in %d s; so far:\n%s", WATCHDOG_SEC, run->transcript);
}

/* Makes the instance and runs it to its end; agent_host NULL: in this process. */
static void run_activity(struct run *run, const char *agent_host)
{
        char plugin[PATH_MAX];
        struct instance_config config = {
                .id = "demo",
                .role = INSTANCE_ROLE_AGENT,
                .plugin = plugin,
                .settings = COMPAT_SETTINGS,
                .agent_host = agent_host,
        };

        built_path(COMPAT_PLUGIN, plugin);
        memset(run, 0, sizeof(*run));
        ck_assert_int_ge(sd_event_new(&run->event), 0);
        ck_assert_int_ge(sd_event_add_time_relative(run->event, NULL, CLOCK_MONOTONIC,
                                                    WATCHDOG_SEC * 1000000ULL, 0, on_watchdog, run),
                         0);
        ck_assert_int_eq(agent_host ? instance_new_process(&config, run->event, &events, run,
                                                           &run->instance)
                                    : instance_new_local(&config, run->event, &events, run,
                                                         &run->instance),
                         0);
        ck_assert_int_eq(instance_start(run->instance, 0), 0);
        ck_assert_int_eq(sd_event_loop(run->event), 0);
        ck_assert(run->stopped);
        run->instance = instance_free(run->instance);
        run->event = sd_event_unref(run->event);
        ck_assert_ptr_nonnull(strstr(run->transcript, "feedback CLEANUP_SUCCESS\n"));
        ck_assert_ptr_nonnull(strstr(run->transcript, "current_state get-1 {"));
}

START_TEST(activity_runs_in_this_process)
{
        static struct run run;

        run_activity(&run, NULL);
}
END_TEST

START_TEST(activity_runs_in_a_process_of_its_own_with_the_same_transcript)
{
        static struct run local;
        static struct run process;
        char agent_host[PATH_MAX];

        built_path(COMPAT_AGENT_HOST, agent_host);
        run_activity(&local, NULL);
        run_activity(&process, agent_host);
        ck_assert_str_eq(local.transcript, process.transcript);
}
END_TEST

UNIT_MAIN("compat", activity_runs_in_this_process,
          activity_runs_in_a_process_of_its_own_with_the_same_transcript)
