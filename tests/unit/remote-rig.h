/* SPDX-License-Identifier: Apache-2.0
 *
 * remote-rig - remote.so behind the real ABI, with the agent, the server and the host played
 *
 * Each test is a transcript, a line per event; single quotes stand for double ones:
 *
 *     host get ID | desired ID JSON | command ID WORD [BASELINE] | last ID    what the host asks
 *     agent feedback ID JSON | state ID JSON                     what the agent says; ID -: it has none
 *     agent raw TEXT                                                the bytes of a feedback
 *     server off | on                                               the connection goes and comes
 *     sent SUFFIX ID JSON          must come next: a message to the agent; ID *: any
 *     told ID JSON                 must come next: feedback to the host
 *     state ID JSON                must come next: an inventory to the host; ID -: unasked
 *     quiet                        nothing of these three is under way
 *     log TEXT                     some line of the log since the last `log' contains this
 *
 * The agents are those of the field, as they were recorded: Kanto's container update agent (CUA)
 * and Leda's self-update agent (SUA). */
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <update-broker/sdk/status.h>

#include "tests/fake/fake-host.h"
#include "tests/fake/fake-mqtt.h"
#include "tests/unit/unit.h"

enum { LINE_MAX_BYTES = 4096 };

/* No answer is waited for; but a slow machine must not make one late that comes. */
#define PATIENT "{\"readTimeout\":\"1m\",\"answerTimeout\":\"1m\"}"
#define HASTY "{\"readTimeout\":\"250ms\",\"answerTimeout\":\"250ms\"}"

struct rig {
        struct fake_host *fake;
        struct fake_mqtt *mqtt;
        const struct ub_plugin *plugin;
        void *self;
        const char *prefix;
        size_t logs_seen;
};

static const struct ub_plugin *load(void)
{
        const struct ub_plugin *(*entry)(void);
        const char *top = getenv("top_builddir");
        char path[512];
        void *handle;

        (void)snprintf(path, sizeof(path), "%s/plugins/remote/.libs/remote.so", top ? top : ".");
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        ck_assert_msg(handle != NULL, "%s", dlerror());
        *(void **)&entry = dlsym(handle, UB_PLUGIN_ENTRY);
        ck_assert_ptr_nonnull(entry);
        return entry();
}

static void rig_start(struct rig *rig, const char *settings, uint32_t flags)
{
        ck_assert_int_eq(rig->plugin->life->create(&rig->fake->host, settings, &rig->self), 0);
        ck_assert_int_eq(rig->plugin->life->start(rig->self, flags), 0);
}

static void rig_init(struct rig *rig, const char *domain, const char *prefix, const char *settings)
{
        char grant[64];

        *rig = (struct rig){ .prefix = prefix, .fake = fake_host_new(), .plugin = load() };
        (void)snprintf(grant, sizeof(grant), "%s/#", prefix);
        rig->fake->host.id = domain;
        rig->mqtt = fake_mqtt_new(rig->fake, grant);
        rig_start(rig, settings, 0);
}

static void rig_done(struct rig *rig)
{
        rig->plugin->life->stop(rig->self);
        fake_host_run_until(rig->fake, &rig->fake->is_stopped);
        rig->plugin->life->destroy(rig->self);
        fake_host_settle(rig->fake, 0);
        ck_assert_uint_eq(rig->fake->n_sources, 0);
        (void)fake_mqtt_free(rig->mqtt);
        (void)fake_host_free(rig->fake);
}

/* ---------------------------------------------------------------------------------- transcripts */

static bool is_remark(const char *line)
{
        return strncmp(line, "log ", 4) == 0 || strncmp(line, "subscribe", 9) == 0 ||
               strncmp(line, "unsubscribe", 11) == 0;
}

static const char *next(struct rig *rig)
{
        const char *line;

        do
                line = fake_host_next(rig->fake, "");
        while (is_remark(line));
        return line;
}

static bool ends_with(const char *text, const char *end)
{
        size_t length = strlen(text);
        size_t n = strlen(end);

        return length >= n && strcmp(text + length - n, end) == 0;
}

static void expect_sent(struct rig *rig, const char *suffix, const char *id, const char *json)
{
        const char *line = next(rig);
        char begin[256];
        char end[LINE_MAX_BYTES];

        if (strcmp(id, "*") == 0)
                (void)snprintf(begin, sizeof(begin), "publish %s/%s {\"activityId\":\"",
                               rig->prefix, suffix);
        else
                (void)snprintf(begin, sizeof(begin),
                               "publish %s/%s {\"activityId\":\"%s\",\"timestamp\":", rig->prefix,
                               suffix, id);
        (void)snprintf(end, sizeof(end), ",\"payload\":%s}", json);
        ck_assert_msg(strncmp(line, begin, strlen(begin)) == 0 && ends_with(line, end),
                      "expected %s...%s, got %s", begin, end, line);
}

static void expect_line(struct rig *rig, const char *kind, const char *id, const char *json)
{
        char wanted[LINE_MAX_BYTES];

        (void)snprintf(wanted, sizeof(wanted), "%s %s %s", kind, strcmp(id, "-") == 0 ? "" : id,
                       json);
        ck_assert_str_eq(next(rig), wanted);
}

static void expect_log(struct rig *rig, const char *text)
{
        for (; rig->logs_seen < rig->fake->n_lines; rig->logs_seen++) {
                const char *line = rig->fake->lines[rig->logs_seen];

                if (strncmp(line, "log ", 4) == 0 && strstr(line, text)) {
                        rig->logs_seen++;
                        return;
                }
        }
        ck_abort_msg("no log line with \"%s\"", text);
}

static void expect_quiet(struct rig *rig)
{
        fake_host_settle(rig->fake, 0);
        for (; rig->fake->n_seen < rig->fake->n_lines; rig->fake->n_seen++)
                ck_assert_msg(is_remark(rig->fake->lines[rig->fake->n_seen]), "not quiet: %s",
                              rig->fake->lines[rig->fake->n_seen]);
}

static inline int32_t command_of(const char *word)
{
        int32_t c;

        for (c = UB_CMD_DOWNLOAD; c <= UB_CMD_VERIFY; c++)
                if (strcmp(word, ((const char *const[]){ "", "DOWNLOAD", "UPDATE", "ACTIVATE",
                                                         "ROLLBACK", "CLEANUP", "VERIFY" })[c]) ==
                    0)
                        return c;
        ck_abort_msg("no command %s", word);
}

static int host(struct rig *rig, const char *what, const char *id, const char *rest)
{
        const struct ub_agent *agent = rig->plugin->agent;
        char word[32];

        if (strcmp(what, "get") == 0)
                return agent->current_state_get(rig->self, id);
        if (strcmp(what, "desired") == 0)
                return agent->desired_state(rig->self, id, rest);
        if (strcmp(what, "last") == 0)
                return agent->feedback_get(rig->self, id);
        ck_assert_str_eq(what, "command");
        ck_assert_int_eq(sscanf(rest, "%31s", word), 1);
        rest += strlen(word);
        return agent->command(rig->self, id, *rest == ' ' ? rest + 1 : "", command_of(word));
}

static void say(struct rig *rig, const char *suffix, const char *text, unsigned flags)
{
        char topic[128];

        (void)snprintf(topic, sizeof(topic), "%s/%s", rig->prefix, suffix);
        fake_mqtt_say(rig->mqtt, topic, text, strlen(text), flags);
}

static void agent(struct rig *rig, const char *what, const char *id, const char *json)
{
        const char *suffix = strcmp(what, "state") == 0 ? "currentstate" : "desiredstatefeedback";
        unsigned flags = strcmp(what, "state") == 0 ? UB_MQTT_RETAIN : 0;
        char text[LINE_MAX_BYTES];

        if (strcmp(id, "-") == 0)
                (void)snprintf(text, sizeof(text), "{\"timestamp\":1,\"payload\":%s}", json);
        else
                (void)snprintf(text, sizeof(text),
                               "{\"activityId\":\"%s\",\"timestamp\":1,\"payload\":%s}", id, json);
        say(rig, suffix, text, flags);
}

/* One line of a transcript. */
static void play_line(struct rig *rig, char *line)
{
        char *rest = line;
        const char *who = strsep(&rest, " ");
        const char *what;
        const char *id;

        if (strcmp(who, "quiet") == 0) {
                expect_quiet(rig);
        } else if (strcmp(who, "log") == 0) {
                fake_host_settle(rig->fake, 0);
                expect_log(rig, rest);
        } else if (strcmp(who, "server") == 0) {
                fake_host_settle(rig->fake, 0);
                fake_mqtt_connect(rig->mqtt, strcmp(rest, "on") == 0);
        } else if (strcmp(who, "told") == 0 || strcmp(who, "state") == 0) {
                id = strsep(&rest, " ");
                expect_line(rig, *who == 't' ? "feedback" : "current_state", id, rest);
        } else if (strncmp(line, "agent", 5) == 0 && strncmp(rest, "raw ", 4) == 0) {
                say(rig, "desiredstatefeedback", rest + 4, 0);
        } else {
                what = strsep(&rest, " ");
                id = strsep(&rest, " ");
                if (strcmp(who, "host") == 0)
                        ck_assert_int_eq(host(rig, what, id, rest), 0);
                else if (strcmp(who, "agent") == 0)
                        agent(rig, what, id, rest);
                else
                        expect_sent(rig, what, id, rest);
        }
}

static void play(struct rig *rig, const char *const *lines, size_t n)
{
        char copy[LINE_MAX_BYTES];
        size_t i;
        char *p;

        for (i = 0; i < n; i++) {
                (void)snprintf(copy, sizeof(copy), "%s", lines[i]);
                for (p = copy; *p; p++)
                        if (*p == '\'')
                                *p = '"';
                play_line(rig, copy);
        }
}

#define PLAY(rig, ...)                                                                     \
        play((rig), (const char *const[]){ __VA_ARGS__ },                                  \
             sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

#define GET "sent currentstate/get * null"
#define DC "{'domains':[{'id':'containers','components':[{'id':'hello','version':'2'}]}]}"
#define DS "{'domains':[{'id':'self-update','components':[{'id':'os-image','version':'v2'}]}]}"
#define AC(status) \
        "'actions':[{'component':{'id':'containers:hello','version':'2'},'status':'" status "'}]"
#define AS(status) \
        "'actions':[{'component':{'id':'self-update:os-image','version':'v2'},'status':'" status \
        "'}]"
#define SUA_STATE(version)                                                              \
        "{'softwareNodes':[{'id':'self-update-agent','version':'build-1'},"             \
        "{'id':'self-update:os-image','version':'" version "'}],'hardwareNodes':[]}"
#define COMMAND(id, word) \
        "host command " id " " word, "sent desiredstate/command " id " {'command':'" word "'}"
/* A step that goes well, in CUA's words. */
#define STEP(word, progress, success)                                               \
        COMMAND("A1", word), "agent feedback A1 {'status':'" progress "'," AC(progress) "}", \
                "told A1 {'status':'" progress "'," AC(progress) "}",               \
                "agent feedback A1 {'status':'" success "'," AC(success) "}",       \
                "told A1 {'status':'" success "'," AC(success) "}"
#define IDENTIFY                                                                    \
        "host desired A1 " DC, "sent desiredstate A1 " DC,                          \
                "agent feedback A1 {'status':'IDENTIFYING'}", "told A1 {'status':'IDENTIFYING'}", \
                "agent feedback A1 {'status':'IDENTIFIED'," AC("IDENTIFIED") "}",   \
                "told A1 {'status':'IDENTIFIED'," AC("IDENTIFIED") "}"
#define SUA_IDENTIFY                                                                \
        "host desired A1 " DS, "sent desiredstate A1 " DS,                          \
                "agent feedback A1 {'status':'IDENTIFIED'," AS("IDENTIFIED") "}",   \
                "told A1 {'status':'IDENTIFIED'," AS("IDENTIFIED") "}"

/* The id of the question that was sent last. */
static inline void last_id(const struct rig *rig, char buf[64])
{
        const char *line = rig->fake->lines[rig->fake->n_seen - 1];
        const char *id = strstr(line, "\"activityId\":\"");

        ck_assert_ptr_nonnull(id);
        ck_assert_int_eq(sscanf(id, "\"activityId\":\"%63[^\"]", buf), 1);
}

static void cua(struct rig *rig, const char *settings)
{
        rig_init(rig, "containers", "containersupdate", settings);
        PLAY(rig, GET);
}

static void sua(struct rig *rig, const char *settings)
{
        rig_init(rig, "self-update", "selfupdate", settings);
        PLAY(rig, GET, "agent state - " SUA_STATE("v1"), "state - " SUA_STATE("v1"));
}

