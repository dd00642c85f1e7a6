/* SPDX-License-Identifier: Apache-2.0
 *
 * service - what ubctl asks and is told: the broker's side of control.h */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/broker/chronicle.h"
#include "host/broker/control.h"
#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/registration.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/json/scan.h"
#include "host/model/desired_state.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/worker.h"

#define SOCKET_NAME "control"

/* ------------------------------------------------------------------------------------ documents */

static struct json *text(const char *value)
{
        return json_new_string(value);
}

static const char *kind_of(const struct hosted *h)
{
        if (!h->domain)
                return "connector";
        return h->remote ? "remote" : "hosted";
}

static struct json *agent_write(const struct hosted *h)
{
        const struct registration *registration = h->registration;
        struct supervisor_status status = { .text = "" };
        CLEANUP_JSON struct json *object = json_new_object();
        const char *state = registration_state_to_string(registration->state);
        const char *message = registration->message;
        int r;

        if (h->supervisor) {
                supervisor_get_status(h->supervisor, &status);
                state = supervisor_state_to_string(status.state);
                message = status.text;
        }
        r = json_set(object, "id", text(registration->id));
        if (r == 0)
                r = json_set(object, "kind", text(kind_of(h)));
        if (r == 0 && h->domain)
                r = json_set(object, "domain", text(h->domain));
        if (r == 0)
                r = json_set(object, "plugin",
                             text(registration->plugin ? registration->plugin : ""));
        if (r == 0)
                r = json_set(object, "state", text(state));
        if (r == 0 && message && *message)
                r = json_set(object, "message", text(message));
        if (r == 0 && h->supervisor)
                r = json_set(object, "isolation", text(status.isolated ? "process" : "none"));
        if (r == 0)
                r = json_set(object, "busy", json_new_bool(h->busy || h->direct.activity));
        if (r == 0)
                r = json_set(object, "deaths", json_new_integer(status.deaths));
        return r < 0 ? NULL : TAKE_PTR(object);
}

static struct json *agents_write(const struct broker *b)
{
        CLEANUP_JSON struct json *root = json_new_object();
        struct json *list = json_new_array();
        size_t i;
        int r = 0;

        for (i = 0; i < b->n_hosted && r == 0; i++)
                if (!b->hosted[i]->leaving)
                        r = json_append(list, agent_write(b->hosted[i]));
        if (r < 0)
                list = json_free(list);
        return json_set(root, "agents", list) < 0 ? NULL : TAKE_PTR(root);
}

static struct json *connection_write(const struct broker *b)
{
        CLEANUP_JSON struct json *object = json_new_object();
        const char *trouble = uplink_get_trouble(b->uplink);
        const char *state = "none";
        int r;

        if (uplink_is_configured(b->uplink))
                state = uplink_is_up(b->uplink) ? "connected" : "connecting";
        r = json_set(object, "state", text(state));
        if (r == 0 && uplink_is_configured(b->uplink))
                r = json_set(object, "broker", text(b->setup->settings->connection.broker));
        if (r == 0 && *trouble)
                r = json_set(object, "message", text(trouble));
        return r < 0 ? NULL : TAKE_PTR(object);
}

static struct json *activity_write(const struct broker *b, const char *activity)
{
        const struct scan_rules rules = { .max_bytes = PLACE_JSON_MAX,
                                          .max_depth = PLACE_JSON_DEPTH_MAX };
        CLEANUP_JSON struct json *object = json_new_object();
        struct json *feedback = NULL;
        int r;

        r = json_set(object, "activityId", text(activity));
        if (r == 0)
                r = json_set(object, "phase", text(orchestrator_get_phase(b->orchestrator)));
        if (r == 0 && b->last_feedback &&
            json_parse(b->last_feedback, strlen(b->last_feedback), &rules, NULL, NULL, &feedback) ==
                    0)
                r = json_set(object, "feedback", feedback);
        return r < 0 ? NULL : TAKE_PTR(object);
}

static struct json *counts_write(const struct broker *b)
{
        CLEANUP_JSON struct json *object = json_new_object();
        size_t total;
        size_t up;

        hosted_count(b, &total, &up);
        if (json_set(object, "total", json_new_integer((int64_t)total)) < 0 ||
            json_set(object, "running", json_new_integer((int64_t)up)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static int problems_append(struct json *list, const struct problems *problems)
{
        struct diag line;
        size_t i;
        int r = 0;

        for (i = 0; i < problems->n && r == 0; i++) {
                problem_format(&problems->items[i], &line);
                r = json_append(list, text(line.text));
        }
        return r;
}

static struct json *problems_write(const struct broker *b)
{
        CLEANUP_JSON struct json *list = json_new_array();

        if (problems_append(list, &b->setup->settings->problems) < 0 ||
            problems_append(list, &b->setup->domains->problems) < 0 ||
            problems_append(list, &b->setup->confd->problems) < 0)
                return NULL;
        return TAKE_PTR(list);
}

/* Who asks for an activity that was accepted finds it at every moment: running, queued, here or in
 * the history. */
static int put_ending(struct json *root, const struct broker *b)
{
        struct json *list = NULL;
        const char *activity;
        size_t at = 0;
        int r = 0;

        while (r == 0 && (activity = carry_find_ending(b, &at)) != NULL) {
                list = list ? list : json_new_array();
                r = json_append(list, text(activity));
        }
        if (r < 0)
                (void)json_free(list);
        return r < 0 || !list ? r : json_set(root, "ending", list);
}

static struct json *status_write(const struct broker *b)
{
        const char *activity = orchestrator_get_activity(b->orchestrator);
        const char *queued = orchestrator_get_waiting(b->orchestrator);
        uint64_t up_usec = time_now_usec() - b->started_usec;
        CLEANUP_JSON struct json *root = json_new_object();
        int r;

        r = json_set(root, "version", text(PACKAGE_VERSION));
        if (r == 0)
                r = json_set(root, "domain", text(b->setup->settings->domain));
        if (r == 0)
                r = json_set(root, "upSec", json_new_integer((int64_t)(up_usec / USEC_PER_SEC)));
        if (r == 0)
                r = json_set(root, "connection", connection_write(b));
        if (r == 0 && activity)
                r = json_set(root, "activity", activity_write(b, activity));
        if (r == 0 && queued)
                r = json_set(root, "queued", text(queued));
        if (r == 0)
                r = put_ending(root, b);
        if (r == 0)
                r = json_set(root, "agents", counts_write(b));
        if (r == 0)
                r = json_set(root, "problems", problems_write(b));
        return r < 0 ? NULL : TAKE_PTR(root);
}

static struct json *history_write(const struct broker *b)
{
        CLEANUP_JSON struct json *root = json_new_object();

        return json_set(root, "activities", chronicle_list(b->chronicle)) < 0 ? NULL
                                                                              : TAKE_PTR(root);
}

static int on_get(void *data, enum control_document document, char **ret, struct diag *diag)
{
        CLEANUP_JSON struct json *root = NULL;
        struct broker *b = data;
        int r;

        switch (document) {
        case CONTROL_DOCUMENT_STATUS:
                root = status_write(b);
                break;
        case CONTROL_DOCUMENT_AGENTS:
                root = agents_write(b);
                break;
        case CONTROL_DOCUMENT_HISTORY:
                root = history_write(b);
                break;
        case CONTROL_DOCUMENT_INVENTORY:
                r = current_state_write(b, ret);
                return r < 0 ? diag_set(diag, r, "%s", strerror(-r)) : 0;
        }
        r = root ? json_print(root, JSON_LAYOUT_COMPACT, ret) : -ENOMEM;
        return r < 0 ? diag_set(diag, r, "%s", strerror(-r)) : 0;
}

/* ------------------------------------------------------------------------------------- requests */

static int on_apply(void *data, const char *activity, struct desired_state *take_desired,
                    struct diag *diag)
{
        struct broker *b = data;

        if (b->stopping) {
                (void)desired_state_free(take_desired);
                return diag_set(diag, -EBUSY, "the daemon is about to end");
        }
        broker_give(b, &(struct event){ .kind = EVENT_DESIRED_STATE,
                                        .activity = activity,
                                        .desired = take_desired });
        return 0;
}

static int on_cancel(void *data, const char *activity, char ret[static PLACE_ID_MAX + 1],
                     struct diag *diag)
{
        struct broker *b = data;
        const char *running = orchestrator_get_activity(b->orchestrator);
        const char *waiting = orchestrator_get_waiting(b->orchestrator);
        bool is_waiting = waiting && strcmp(waiting, activity) == 0;

        if (!*activity && running)
                activity = running;
        if (!is_waiting && (!running || strcmp(running, activity) != 0))
                return *activity ? diag_set(diag, -ENOENT, "activity %s does not run", activity)
                                 : diag_set(diag, -ENOENT, "no activity runs");
        if (!is_waiting && !orchestrator_can_cancel(b->orchestrator))
                return diag_set(diag, -EBUSY, "activity %s is all but over", activity);
        (void)snprintf(ret, PLACE_ID_MAX + 1, "%s", activity);
        broker_give(b, &(struct event){ .kind = EVENT_CANCEL, .activity = ret });
        return 0;
}

static int on_set_running(void *data, const char *agent, bool running, struct diag *diag)
{
        struct broker *b = data;
        struct hosted *h = NULL;
        size_t i;

        for (i = 0; i < b->n_hosted; i++)
                if (!b->hosted[i]->leaving && strcmp(b->hosted[i]->registration->id, agent) == 0)
                        h = b->hosted[i];
        if (!h)
                return diag_set(diag, -ENOENT, "there is no agent %s", agent);
        if (!h->supervisor)
                return diag_set(diag, -EINVAL, "%s", h->registration->message);
        if (!running && h->busy)
                return diag_set(diag, -EBUSY, "agent %s takes part in activity %s", agent,
                                orchestrator_get_activity(b->orchestrator));
        h->stopped_by_hand = !running;
        if (running)
                supervisor_start(h->supervisor, 0);
        else
                supervisor_stop(h->supervisor);
        return 0;
}

static void on_inventory(void *data, struct control_call *take_call)
{
        current_state_await(data, take_call);
}

static void on_reload(void *data, struct control_call *take_call)
{
        reload_begin(data, take_call);
}

/* --------------------------------------------------------------------------------- check-config */

struct check_job {
        const struct settings_sources *sources;
        struct schemas *schemas;
        struct control_call *call;
        struct diag diag;
        char *report;
};

static int write_report(const struct setup *setup, char **ret)
{
        const struct check check = setup_get_check(setup);
        size_t length;
        FILE *f = open_memstream(ret, &length);
        int r;

        if (!f)
                return -errno;
        r = check_print_json(&check, f);
        return fclose(f) != 0 && r == 0 ? -EIO : r;
}

static int run_check(void *data) /* the reader's thread */
{
        struct check_job *job = data;
        struct setup *setup = NULL;
        int r;

        r = setup_load(job->sources, job->schemas, &job->diag, &setup);
        if (r == 0)
                r = write_report(setup, &job->report);
        (void)setup_unref(setup); /* nobody else has a reference */
        return r;
}

static void on_checked(void *data, int r)
{
        struct check_job *job = data;

        if (r < 0 && !*job->diag.text)
                (void)diag_set(&job->diag, r, "%s", strerror(-r));
        control_call_done(job->call, r, r < 0 ? job->diag.text : job->report);
        free(job->report);
        free(job);
}

static void on_check_config(void *data, struct control_call *take_call)
{
        struct check_job *job = calloc(1, sizeof(*job));
        struct worker *reader = NULL;
        struct broker *b = data;
        int r = -ENOMEM;

        if (job) {
                job->sources = b->config->sources;
                job->schemas = b->config->schemas;
                job->call = take_call;
                r = reload_get_reader(b, &reader);
        }
        if (r == 0)
                r = worker_submit(reader, run_check, on_checked, job);
        if (r == 0)
                return;
        free(job);
        control_call_done(take_call, r, strerror(-r));
}

/* ----------------------------------------------------------------------------------------- life */

static const struct control_ops control_ops = {
        .get = on_get,
        .apply = on_apply,
        .cancel = on_cancel,
        .set_running = on_set_running,
        .inventory = on_inventory,
        .reload = on_reload,
        .check_config = on_check_config,
};

void service_begin(struct broker *b)
{
        const struct settings *settings = b->setup->settings;
        char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
        const struct control_config config = {
                .socket_path = path,
                .group = settings->control_group,
                .system_bus = true,
        };
        struct diag diag = DIAG_INIT;
        int r = -ENAMETOOLONG;

        if ((size_t)snprintf(path, sizeof(path), "%s/" SOCKET_NAME, settings->run.runtime_dir) <
            sizeof(path))
                r = control_new(b->event, b->log, &config, &control_ops, b, &diag, &b->control);
        if (r < 0)
                log_error(b->log, NULL, "ubctl cannot be served: %s",
                          *diag.text ? diag.text : strerror(-r));
}

void service_end(struct broker *b)
{
        b->control = control_free(b->control);
}

void service_agent_changed(struct hosted *h)
{
        CLEANUP_JSON struct json *object = NULL;
        CLEANUP_FREE char *document = NULL;

        if (!h->broker->control || h->leaving)
                return;
        object = agent_write(h);
        if (object && json_print(object, JSON_LAYOUT_COMPACT, &document) == 0)
                control_agent_changed(h->broker->control, h->registration->id, document);
}
