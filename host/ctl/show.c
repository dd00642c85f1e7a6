/* SPDX-License-Identifier: Apache-2.0
 *
 * show - the commands that print a document: status, agents, inventory, history
 *
 * host/broker/control.h describes the documents; a member that is missing is shown as nothing. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/ctl/text.h"
#include "host/json/json.h"
#include "host/util/cleanup.h"

static const char *text_of(const struct json *object, const char *key)
{
        const char *text = json_get_string(json_get_member(object, key));

        return text ? text : "";
}

static int64_t number_of(const struct json *object, const char *key)
{
        int64_t number = 0;

        (void)json_get_integer(json_get_member(object, key), &number); /* else it stays 0 */
        return number;
}

static int print_json(const struct json *json)
{
        CLEANUP_FREE char *text = NULL;
        int r = json_print(json, JSON_LAYOUT_PRETTY, &text);

        if (r < 0)
                return ctl_fail("%s", strerror(-r));
        (void)puts(text);
        return CTL_EXIT_COMPLETED;
}

/* Gets a document and has it printed. */
static int show(const struct ctl *ctl, const char *method,
                int (*print)(const struct ctl *ctl, const struct json *document))
{
        CLEANUP_CLIENT sd_bus *bus = NULL;
        CLEANUP_JSON struct json *document = NULL;
        int r;

        r = client_connect(ctl, false, &bus);
        if (r >= 0)
                r = client_get(bus, method, &document);
        if (r < 0)
                return CTL_EXIT_FAILURE;
        if (ctl->json)
                return print_json(document);
        r = print(ctl, document);
        return r < 0 ? ctl_fail("%s", strerror(-r)) : CTL_EXIT_COMPLETED;
}

/* --------------------------------------------------------------------------------------- status */

/* "LABEL  WORD text" */
static int print_line(const struct ctl *ctl, const char *label, const char *word, const char *text)
{
        CLEANUP_FREE char *clean_word = text_clean(word);
        CLEANUP_FREE char *clean = text_clean(text);
        enum text_colour which;

        if (!clean_word || !clean)
                return -ENOMEM;
        which = text_colour_of(clean_word);
        (void)printf("%-11s %s%s%s%s%s\n", label, text_begin(which, ctl->colour), clean_word,
                     text_end(which, ctl->colour), *clean && *clean_word ? " " : "", clean);
        return 0;
}

static int print_actions(const struct ctl *ctl, const struct json *feedback)
{
        static const char *const headings[] = { "COMPONENT", "VERSION", "STATUS",
                                                "PROGRESS",  "MESSAGE", NULL };
        const struct json *actions = json_get_member(feedback, "actions");
        const struct json *action;
        CLEANUP(table_done) struct table table;
        char progress[32];

        table_init(&table, headings, 2);
        JSON_FOREACH(action, actions) {
                const struct json *component = json_get_member(action, "component");

                (void)snprintf(progress, sizeof(progress), "%" PRId64 " %%",
                               number_of(action, "progress"));
                table_add(&table, text_of(component, "id"));
                table_add(&table, text_of(component, "version"));
                table_add(&table, text_of(action, "status"));
                table_add(&table, json_get_member(action, "progress") ? progress : "");
                table_add(&table, text_of(action, "message"));
        }
        if (json_count(actions) == 0)
                return 0;
        (void)putchar('\n');
        return table_print(&table, ctl->colour, stdout);
}

static void format_span(int64_t sec, char *buf, size_t size)
{
        if (sec < 60)
                (void)snprintf(buf, size, "%" PRId64 " s", sec);
        else if (sec < 3600)
                (void)snprintf(buf, size, "%" PRId64 " min", sec / 60);
        else if (sec < 86400)
                (void)snprintf(buf, size, "%" PRId64 " h %" PRId64 " min", sec / 3600,
                               sec / 60 % 60);
        else
                (void)snprintf(buf, size, "%" PRId64 " d %" PRId64 " h", sec / 86400,
                               sec / 3600 % 24);
}

static int print_status(const struct ctl *ctl, const struct json *status)
{
        const struct json *connection = json_get_member(status, "connection");
        const struct json *agents = json_get_member(status, "agents");
        const struct json *activity = json_get_member(status, "activity");
        const struct json *feedback = json_get_member(activity, "feedback");
        const struct json *problem;
        const struct json *ending;
        char span[64];
        char line[1280];
        int r;

        format_span(number_of(status, "upSec"), span, sizeof(span));
        (void)snprintf(line, sizeof(line), "%.100s, domain %.100s, up %s",
                       text_of(status, "version"), text_of(status, "domain"), span);
        r = print_line(ctl, "broker", "", line);
        (void)snprintf(line, sizeof(line), "%.500s%s%.500s", text_of(connection, "broker"),
                       *text_of(connection, "message") ? ": " : "", text_of(connection, "message"));
        if (r >= 0)
                r = print_line(ctl, "connection", text_of(connection, "state"), line);
        (void)snprintf(line, sizeof(line), "%" PRId64 " of %" PRId64 " running",
                       number_of(agents, "running"), number_of(agents, "total"));
        if (r >= 0)
                r = print_line(ctl, "agents", "", line);
        (void)snprintf(line, sizeof(line), "%.100s%s%.500s", text_of(activity, "activityId"),
                       activity ? ": " : "none", text_of(activity, "phase"));
        if (r >= 0)
                r = print_line(ctl, "activity", text_of(feedback, "status"), line);
        if (r >= 0 && *text_of(status, "queued"))
                r = print_line(ctl, "queued", "", text_of(status, "queued"));
        JSON_FOREACH(ending, json_get_member(status, "ending"))
                if (r >= 0)
                        r = print_line(ctl, "ending", "", json_get_string(ending));
        JSON_FOREACH(problem, json_get_member(status, "problems"))
                if (r >= 0)
                        r = print_line(ctl, "problem", "", json_get_string(problem));
        return r < 0 ? r : print_actions(ctl, feedback);
}

int ctl_status(const struct ctl *ctl)
{
        return show(ctl, "Status", print_status);
}

/* --------------------------------------------------------------------------------------- agents */

static int print_agents(const struct ctl *ctl, const struct json *document)
{
        static const char *const headings[] = { "ID",   "KIND",   "PLUGIN",  "ISOLATION", "STATE",
                                                "BUSY", "DEATHS", "MESSAGE", NULL };
        const struct json *agent;
        CLEANUP(table_done) struct table table;
        char deaths[32];

        table_init(&table, headings, 4);
        JSON_FOREACH(agent, json_get_member(document, "agents")) {
                bool busy = false;

                (void)json_get_bool(json_get_member(agent, "busy"), &busy); /* else it is not */
                (void)snprintf(deaths, sizeof(deaths), "%" PRId64, number_of(agent, "deaths"));
                table_add(&table, text_of(agent, "id"));
                table_add(&table, text_of(agent, "kind"));
                table_add(&table, text_of(agent, "plugin"));
                table_add(&table, text_of(agent, "isolation"));
                table_add(&table, text_of(agent, "state"));
                table_add(&table, busy ? "yes" : "");
                table_add(&table, number_of(agent, "deaths") ? deaths : "");
                table_add(&table, text_of(agent, "message"));
        }
        return table_print(&table, ctl->colour, stdout);
}

int ctl_agents(const struct ctl *ctl)
{
        return show(ctl, "Agents", print_agents);
}

/* ------------------------------------------------------------------------------------ inventory */

static void add_nodes(struct table *table, const struct json *nodes, const char *kind)
{
        const struct json *node;

        JSON_FOREACH(node, nodes) {
                const char *type = text_of(node, "type");

                table_add(table, text_of(node, "id"));
                table_add(table, text_of(node, "version"));
                table_add(table, *type ? type : kind);
                table_add(table, text_of(node, "name"));
        }
}

static int print_inventory(const struct ctl *ctl, const struct json *inventory)
{
        static const char *const headings[] = { "ID", "VERSION", "TYPE", "NAME", NULL };
        CLEANUP(table_done) struct table table;

        table_init(&table, headings, -1);
        add_nodes(&table, json_get_member(inventory, "hardwareNodes"), "HARDWARE");
        add_nodes(&table, json_get_member(inventory, "softwareNodes"), "SOFTWARE");
        return table_print(&table, ctl->colour, stdout);
}

int ctl_inventory(const struct ctl *ctl)
{
        return show(ctl, "Inventory", print_inventory);
}

/* -------------------------------------------------------------------------------------- history */

static void format_time(int64_t ms, char *buf, size_t size)
{
        time_t sec = (time_t)(ms / 1000);
        struct tm tm;

        if (ms <= 0 || !localtime_r(&sec, &tm) ||
            strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                buf[0] = '\0';
}

static int print_history(const struct ctl *ctl, const struct json *document)
{
        static const char *const headings[] = { "ENDED",  "TOOK",    "ACTIVITY",
                                                "STATUS", "MESSAGE", NULL };
        const struct json *activity;
        CLEANUP(table_done) struct table table;

        table_init(&table, headings, 3);
        JSON_FOREACH(activity, json_get_member(document, "activities")) {
                int64_t started = number_of(activity, "startedMs");
                int64_t ended = number_of(activity, "endedMs");
                char when[64];
                char took[64] = "";

                format_time(ended, when, sizeof(when));
                if (started > 0 && ended >= started)
                        format_span((ended - started) / 1000, took, sizeof(took));
                table_add(&table, when);
                table_add(&table, took);
                table_add(&table, text_of(activity, "activityId"));
                table_add(&table, text_of(activity, "status"));
                table_add(&table, text_of(activity, "message"));
        }
        return table_print(&table, ctl->colour, stdout);
}

int ctl_history(const struct ctl *ctl)
{
        return show(ctl, "History", print_history);
}
