/* SPDX-License-Identifier: Apache-2.0
 *
 * crew - supervisors of many fake agents, as conf.d describes them, and what they have said
 *
 *     CLEANUP(crew_done) struct crew crew = { 0 };
 *     crew_init(&crew);
 *     crew_write(&crew, "50-a.conf", "{\"agent\":\"a\",\"plugin\":\"fake\",\"enabled\":true}");
 *     crew_load(&crew);
 *     crew_start(&crew);
 *     crew_wait(&crew, all_run);
 *
 * The including file defines _GNU_SOURCE. */
#pragma once

#include <errno.h>
#include <systemd/sd-event.h>

#include "host/broker/supervisor.h"
#include "host/config/confd.h"
#include "host/json/pointer.h"
#include "host/json/scan.h"
#include "host/plugin/abi.h"
#include "host/util/time.h"
#include "host/util/worker.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

enum { CREW_MAX = 64, CREW_JOBS_MAX = 1024, CREW_PATIENCE_SEC = 60 };

struct crew;

struct member {
        struct crew *crew;
        struct supervisor *supervisor;
        char status[64];  /* of the last feedback */
        char logs[4096];  /* the first lines, each ended by a newline */
        unsigned n_changes;
        unsigned n_current_states;
        unsigned n_reboots;
        int answered;     /* result of the last request; 1: none yet */
};

struct crew {
        sd_event *event;
        struct worker *worker;
        struct folder state;
        struct folder conf;
        char plugin_dir[PATH_MAX];
        char agent_host[PATH_MAX];
        struct supervisor_room room;
        struct confd *confd;
        struct confd *old_confd;
        struct member members[CREW_MAX];
        size_t n;
};

static inline void crew_on_changed(void *data, struct supervisor *supervisor)
{
        struct member *m = data;

        ck_assert_ptr_eq(supervisor, m->supervisor);
        m->n_changes++;
}

static inline void crew_on_log(void *data, struct supervisor *supervisor, int level,
                               const char *text)
{
        struct member *m = data;
        size_t length = strlen(m->logs);

        (void)supervisor;
        (void)level;
        (void)snprintf(m->logs + length, sizeof(m->logs) - length, "%s\n", text);
}

static inline void crew_on_answered(void *data, struct supervisor *supervisor,
                                    enum instance_call call, const char *activity, int r)
{
        struct member *m = data;

        (void)supervisor;
        (void)call;
        (void)activity;
        m->answered = r;
}

static inline void crew_on_current_state(void *data, struct supervisor *supervisor,
                                         const char *activity, const char *json)
{
        struct member *m = data;

        (void)supervisor;
        (void)activity;
        (void)json;
        m->n_current_states++;
}

static inline void crew_on_feedback(void *data, struct supervisor *supervisor,
                                    const char *activity, const char *json)
{
        struct member *m = data;
        size_t offset;
        size_t length;

        (void)supervisor;
        (void)activity;
        ck_assert_int_eq(scan_locate(json, strlen(json), "/status", &offset, &length), 0);
        ck_assert_int_lt(scan_copy(json + offset, length, m->status, sizeof(m->status)),
                         (int)sizeof(m->status));
}

static inline void crew_on_reboot_request(void *data, struct supervisor *supervisor,
                                          const char *activity, const char *reason)
{
        struct member *m = data;

        (void)supervisor;
        (void)activity;
        (void)reason;
        m->n_reboots++;
}

static inline void crew_on_mqtt_publish(void *data, struct supervisor *supervisor, uint64_t id,
                                        const char *topic, const void *payload, size_t length,
                                        uint32_t qos, uint32_t flags)
{
        (void)data;
        (void)supervisor;
        (void)id;
        (void)payload;
        (void)length;
        (void)qos;
        (void)flags;
        ck_abort_msg("published %s", topic);
}

static inline void crew_on_mqtt_subscribe(void *data, struct supervisor *supervisor, uint64_t id,
                                          const char *filter, uint32_t qos)
{
        (void)data;
        (void)supervisor;
        (void)id;
        (void)qos;
        ck_abort_msg("subscribed %s", filter);
}

static inline void crew_on_mqtt_unsubscribe(void *data, struct supervisor *supervisor, uint64_t id)
{
        (void)data;
        (void)supervisor;
        (void)id;
        ck_abort_msg("unsubscribed");
}

static inline void crew_on_orchestrator(void *data, struct supervisor *supervisor,
                                        enum instance_request request, const char *activity,
                                        const char *json)
{
        (void)data;
        (void)supervisor;
        (void)request;
        (void)json;
        ck_abort_msg("asked the orchestrator for %s", activity);
}

static const struct supervisor_events crew_events = {
        .changed = crew_on_changed,
        .log = crew_on_log,
        .answered = crew_on_answered,
        .current_state = crew_on_current_state,
        .feedback = crew_on_feedback,
        .reboot_request = crew_on_reboot_request,
        .mqtt_publish = crew_on_mqtt_publish,
        .mqtt_subscribe = crew_on_mqtt_subscribe,
        .mqtt_unsubscribe = crew_on_mqtt_unsubscribe,
        .orchestrator = crew_on_orchestrator,
};

static inline void crew_init(struct crew *crew)
{
        ck_assert_int_ge(sd_event_new(&crew->event), 0);
        ck_assert_int_eq(worker_new(crew->event, CREW_JOBS_MAX, &crew->worker), 0);
        crew->state = folder_new();
        crew->conf = folder_new();
        built_path("plugins/fake/.libs", crew->plugin_dir);
        built_path("ub-agent-host", crew->agent_host);
        crew->room = (struct supervisor_room){
                .event = crew->event,
                .worker = crew->worker,
                .state_fd = crew->state.fd,
                .plugin_dir = crew->plugin_dir,
                .agent_host = crew->agent_host,
                .trust = { .uid = getuid(), .sticky_passes = true },
        };
}

static inline void crew_done(struct crew *crew)
{
        size_t i;

        if (!crew->event)
                return; /* never begun: the test was not tried */
        for (i = 0; i < crew->n; i++)
                (void)supervisor_free(crew->members[i].supervisor);
        worker_drain(crew->worker);
        (void)worker_free(crew->worker);
        (void)confd_free(crew->confd);
        (void)confd_free(crew->old_confd);
        folder_done(&crew->state);
        folder_done(&crew->conf);
        (void)sd_event_unref(crew->event);
}

static inline void crew_write(struct crew *crew, const char *name, const char *text)
{
        folder_write(&crew->conf, name, text);
}

static inline struct confd *crew_read(struct crew *crew)
{
        const char *const dirs[] = { crew->conf.path };
        const struct confd_options options = { .dirs = dirs, .n_dirs = 1, .owner = getuid() };
        struct confd *confd = NULL;

        ck_assert_int_eq(confd_load(&options, &confd), 0);
        ck_assert_uint_eq(confd->problems.n_errors, 0);
        return confd;
}

/* A supervisor for each registration in conf.d; nothing runs yet. */
static inline void crew_load(struct crew *crew)
{
        size_t i;

        crew->confd = crew_read(crew);
        ck_assert_uint_le(crew->confd->n_registrations, CREW_MAX);
        for (i = 0; i < crew->confd->n_registrations; i++) {
                struct member *m = &crew->members[crew->n++];

                m->crew = crew;
                m->answered = 1;
                ck_assert_int_eq(supervisor_new(&crew->room, crew->confd->registrations[i],
                                                &crew_events, m, &m->supervisor),
                                 0);
        }
}

/* Reads conf.d again and gives each supervisor its new registration. */
static inline void crew_reload(struct crew *crew, bool restart)
{
        size_t i;

        crew->old_confd = crew->confd;
        crew->confd = crew_read(crew);
        ck_assert_uint_eq(crew->confd->n_registrations, crew->n);
        for (i = 0; i < crew->n; i++)
                supervisor_reload(crew->members[i].supervisor, crew->confd->registrations[i],
                                  restart);
        crew->old_confd = confd_free(crew->old_confd);
}

static inline void crew_start(struct crew *crew)
{
        size_t i;

        for (i = 0; i < crew->n; i++)
                supervisor_start(crew->members[i].supervisor, 0);
}

static inline enum supervisor_state member_state(const struct member *m)
{
        struct supervisor_status status;

        supervisor_get_status(m->supervisor, &status);
        return status.state;
}

typedef bool (*crew_condition_fn)(const struct crew *crew);

/* How each of them stands, and why. */
static inline void crew_describe(const struct crew *crew)
{
        struct supervisor_status status;
        size_t i;

        for (i = 0; i < crew->n; i++) {
                supervisor_get_status(crew->members[i].supervisor, &status);
                fprintf(stderr, "member %zu: %s, \"%s\", %u deaths, answered %d, last said %s\n%s", i,
                        supervisor_state_to_string(status.state), status.text, status.deaths,
                        crew->members[i].answered, crew->members[i].status, crew->members[i].logs);
        }
}

/* Runs the loop until the condition holds; the test fails when it does not come. */
static inline void crew_wait(struct crew *crew, crew_condition_fn condition)
{
        uint64_t deadline_usec = time_now_usec() + CREW_PATIENCE_SEC * USEC_PER_SEC;

        while (!condition(crew)) {
                uint64_t now_usec = time_now_usec();

                if (now_usec >= deadline_usec) {
                        crew_describe(crew);
                        ck_abort_msg("what was waited for did not come");
                }
                ck_assert_int_ge(sd_event_run(crew->event, deadline_usec - now_usec), 0);
        }
}

static inline bool crew_all_in(const struct crew *crew, enum supervisor_state state)
{
        size_t i;

        for (i = 0; i < crew->n; i++)
                if (member_state(&crew->members[i]) != state)
                        return false;
        return true;
}

static inline bool all_run(const struct crew *crew)
{
        return crew_all_in(crew, SUPERVISOR_STATE_RUNNING);
}

static inline bool all_stopped(const struct crew *crew)
{
        return crew_all_in(crew, SUPERVISOR_STATE_STOPPED);
}
