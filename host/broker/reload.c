/* SPDX-License-Identifier: Apache-2.0
 *
 * reload - a new configuration takes the place of the old one
 *
 * Read on a thread of its own, since plugins are asked for their schemas.  Put into force when no
 * activity runs, for nobody wants an agent replaced in the middle of one.  A plugin whose
 * registration is the same goes on undisturbed, and keeps the old configuration alive for as
 * long. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/broker/chronicle.h"
#include "host/broker/control.h"
#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/change.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/registration.h"
#include "host/config/settings.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "host/util/worker.h"

/* One reading.  It outlives the broker when that is freed meanwhile. */
struct reload {
        struct broker *broker; /* NULL: nobody wants it */
        const struct settings_sources *sources;
        struct schemas *schemas;
        struct setup *setup;
        struct diag diag;
        bool again; /* asked for once more while it is being read */
};

/* ---------------------------------------------------------------------------------- the plugins */

static struct hosted *find_same(const struct broker *b, const struct registration *registration,
                                const char *domain)
{
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct hosted *h = b->hosted[i];

                if (h && !h->leaving && h->supervisor &&
                    registration->state == REGISTRATION_STATE_ENABLED &&
                    strcmp(h->registration->id, registration->id) == 0 &&
                    (domain ? h->domain && strcmp(h->domain, domain) == 0 : !h->domain))
                        return h;
        }
        return NULL;
}

static enum change_action find_action(const struct change *changes, size_t n, const char *id)
{
        size_t i;

        for (i = 0; i < n; i++) {
                const struct registration *after = changes[i].after;

                if (after && strcmp(after->id, id) == 0)
                        return changes[i].action;
        }
        return CHANGE_ACTION_LEAVE; /* a remote agent: its registration follows from its id */
}

/* What one that is there already has to do about its new registration. */
static void renew(struct hosted *h, struct setup *setup, const struct registration *registration,
                  enum change_action action)
{
        struct setup *old = h->setup;

        if (action != CHANGE_ACTION_RELOAD && action != CHANGE_ACTION_RESTART)
                return;
        h->setup = setup_ref(setup);
        h->registration = registration;
        supervisor_reload(h->supervisor, registration, action == CHANGE_ACTION_RESTART);
        (void)setup_unref(old);
}

struct populate {
        struct broker *broker;
        struct setup *setup;
        struct change *changes;
        size_t n_changes;
        struct hosted **list;
        size_t n;
};

static int take_over(struct populate *p, const struct registration *registration,
                     const struct domain *domain)
{
        struct broker *b = p->broker;
        struct hosted *h = find_same(b, registration, domain ? domain->id : NULL);
        size_t i;
        int r;

        if (!h) {
                r = domain ? hosted_new_agent(b, p->setup, domain, &h)
                           : hosted_new_connector(b, p->setup, registration, &h);
                if (r == 0)
                        p->list[p->n++] = h;
                return r;
        }
        for (i = 0; b->hosted[i] != h; i++)
                ;
        b->hosted[i] = NULL;
        p->list[p->n++] = h;
        if (domain)
                h->read_timeout_usec = domain->read_timeout_usec;
        renew(h, p->setup, registration, find_action(p->changes, p->n_changes, registration->id));
        return 0;
}

static int take_over_all(struct populate *p)
{
        const struct setup *setup = p->setup;
        size_t i;
        int r = 0;

        for (i = 0; i < setup->domains->n && r == 0; i++) {
                const struct domain *domain = &setup->domains->items[i];
                const struct registration *registration = setup_get_registration(setup, domain);

                if (registration)
                        r = take_over(p, registration, domain);
                else
                        log_error(p->broker->log, NULL,
                                  "domain %s: not a name that an agent can have; it is not served",
                                  domain->id);
        }
        for (i = 0; i < setup->confd->n_registrations && r == 0; i++) {
                const struct registration *registration = setup->confd->registrations[i];

                if (registration->role == FRAGMENT_ROLE_CONNECTOR &&
                    registration->state == REGISTRATION_STATE_ENABLED)
                        r = take_over(p, registration, NULL);
        }
        return r;
}

int reload_populate(struct broker *b, struct setup *setup)
{
        size_t n_max = b->n_hosted + setup->domains->n + setup->confd->n_registrations;
        struct populate p = { .broker = b, .setup = setup };
        size_t kept;
        size_t i;
        int r;

        p.list = calloc(n_max + 1, sizeof(struct hosted *));
        if (!p.list)
                return -ENOMEM;
        r = change_compute(b->setup->confd, setup->confd, &p.changes, &p.n_changes);
        if (r == 0)
                r = take_over_all(&p);
        /* Also after a failure everything must be in one list, to be freed from there. */
        kept = p.n;
        for (i = 0; i < b->n_hosted; i++)
                if (b->hosted[i])
                        p.list[p.n++] = b->hosted[i];
        free(p.changes);
        free(b->hosted);
        b->hosted = p.list;
        b->n_hosted = p.n;
        /* Only with the list whole again: who leaves is an event, which others look at it for. */
        for (i = kept; r == 0 && i < p.n; i++)
                if (!p.list[i]->leaving)
                        hosted_leave(p.list[i]);
        return r;
}

/* ----------------------------------------------------------------------------------- into force */

static int set_config(struct broker *b, const struct orchestrator_config *config)
{
        return orchestrator_set_config(b->orchestrator, config);
}

static void configure_log(struct broker *b, const struct settings_log *s)
{
        const struct log_options options = setup_log_options(s);
        struct diag diag = DIAG_INIT;

        if (log_configure(b->log, &options, &diag) < 0)
                log_error(b->log, NULL, "the log stays as it was: %s", diag.text);
}

/* What only a new process takes up is said, so that nobody waits for it. */
static enum setting_effect report_changes(struct broker *b, const struct setup *setup)
{
        const struct setting *rows[SETTINGS_ROWS_MAX];
        enum setting_effect effect = SETTING_EFFECT_LIVE;
        int n = settings_compare(b->setup->settings, setup->settings, rows, &effect);
        int i;

        for (i = 0; i < n; i++)
                log_info(b->log, NULL, "setting %s has changed%s",
                         rows[i]->key ? rows[i]->key : rows[i]->option,
                         rows[i]->effect == SETTING_EFFECT_RESTART ? ", which needs a restart"
                                                                   : "");
        return effect;
}

static void renew_topics(struct broker *b)
{
        size_t i;
        int r;

        northbound_end(b);
        facts_end(b);
        r = northbound_begin(b);
        if (r == 0)
                r = facts_begin(b);
        for (i = 0; i < b->n_hosted && r == 0; i++) {
                if (!b->hosted[i]->domain || b->hosted[i]->leaving)
                        continue;
                agent_topics_end(b->hosted[i]);
                r = agent_topics_begin(b->hosted[i]);
        }
        if (r < 0)
                log_error(b->log, NULL, "topics are missing: %s", strerror(-r));
}

static void start_new(struct broker *b)
{
        struct supervisor_status status;
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct hosted *h = b->hosted[i];

                hosted_tell_hope(h);
                if (h->leaving || !h->supervisor)
                        continue;
                hosted_unsettle(h);
                supervisor_get_status(h->supervisor, &status);
                if (status.state == SUPERVISOR_STATE_STOPPED && !h->stopped_by_hand)
                        supervisor_start(h->supervisor, 0);
        }
}

static void put_into_force(struct broker *b, struct setup *setup)
{
        enum setting_effect effect = report_changes(b, setup);
        struct setup *old = b->setup;
        struct diag diag = DIAG_INIT;
        int r;

        r = reload_populate(b, setup);
        if (r == 0)
                r = broker_set_up_orchestrator(b, setup, set_config);
        if (r < 0)
                log_error(b->log, NULL, "the new configuration is in force in part only: %s",
                          strerror(-r));
        b->setup = setup_ref(setup);
        configure_log(b, &setup->settings->log);
        chronicle_set_max(b->chronicle, setup->settings->history_size);
        if (effect >= SETTING_EFFECT_RECONNECT) {
                renew_topics(b);
                if (uplink_configure(b->uplink, &setup->settings->connection, &diag) < 0)
                        log_error(b->log, NULL, "the MQTT connection stays as it was: %s",
                                  diag.text);
                delivery_retry(b);
        }
        if (b->control)
                control_set_group(b->control, setup->settings->control_group);
        start_new(b);
        (void)setup_unref(old);
        log_info(b->log, NULL, "the new configuration is in force");
        current_state_read_initial(b);
}

void reload_apply(struct broker *b)
{
        struct setup *setup = b->next;

        if (b->applying || orchestrator_get_activity(b->orchestrator) || b->carry.running ||
            b->carry.begin < b->carry.end)
                return;
        b->applying = true;
        b->next = NULL;
        put_into_force(b, setup);
        (void)setup_unref(setup);
        b->applying = false;
}

/* -------------------------------------------------------------------------------------- reading */

static void report_problems(struct broker *b, const struct problems *problems)
{
        struct diag text;
        size_t i;

        for (i = 0; i < problems->n; i++) {
                problem_format(&problems->items[i], &text);
                log_write(b->log, problems->items[i].error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, NULL,
                          NULL, "%s", text.text);
        }
}

/* The first of them stands for all: `ubctl check-config` has the others. */
static bool quote_error(const struct problems *problems, struct diag *diag)
{
        size_t i;

        for (i = 0; i < problems->n; i++) {
                if (!problems->items[i].error)
                        continue;
                problem_format(&problems->items[i], diag);
                return true;
        }
        return false;
}

/* A fault in conf.d concerns its registration; one in config.json everything. */
static int judge(struct broker *b, struct reload *reload)
{
        const struct setup *setup = reload->setup;

        report_problems(b, &setup->settings->problems);
        report_problems(b, &setup->domains->problems);
        report_problems(b, &setup->confd->problems);
        if (!quote_error(&setup->settings->problems, &reload->diag) &&
            !quote_error(&setup->domains->problems, &reload->diag))
                return 0;
        return -EINVAL;
}

static void reload_free(struct reload *reload)
{
        (void)setup_unref(reload->setup);
        free(reload);
}

static int read_setup(void *data) /* the reader's thread */
{
        struct reload *reload = data;

        return setup_load(reload->sources, reload->schemas, &reload->diag, &reload->setup);
}

static void answer_calls(struct broker *b, int r, const char *text)
{
        size_t i;

        for (i = 0; i < b->n_reload_calls; i++)
                control_call_done(b->reload_calls[i], r, r < 0 ? text : "");
        b->n_reload_calls = 0;
}

static void end_reading(struct broker *b, int r, const char *text)
{
        const char *why = *text ? text : strerror(-r);

        if (r < 0)
                log_error(b->log, NULL, "the old configuration stays in force: %s", why);
        answer_calls(b, r, why);
        broker_notify("READY=1");
}

static int begin_reading(struct broker *b);

static void on_read(void *data, int r)
{
        struct reload *reload = data;
        struct broker *b = reload->broker;
        bool again = reload->again;

        if (!b) {
                reload_free(reload);
                return;
        }
        b->reload = NULL;
        if (again) {
                /* Who asked in the meantime may have changed a file that had been read by then. */
                reload_free(reload);
                r = begin_reading(b);
                if (r < 0)
                        end_reading(b, r, "");
                return;
        }
        if (r == 0)
                r = judge(b, reload);
        if (r == 0) {
                (void)setup_unref(b->next);
                b->next = TAKE_PTR(reload->setup);
                if (orchestrator_get_activity(b->orchestrator))
                        log_info(b->log, NULL,
                                 "the new configuration waits for the activity to end");
        }
        end_reading(b, r, reload->diag.text);
        reload_free(reload);
        broker_look(b);
}

static uint64_t now_monotonic_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

int reload_get_reader(struct broker *b, struct worker **ret)
{
        int r = 0;

        if (!b->reader)
                r = worker_new(b->event, CONTROL_CALLS_MAX + 1, &b->reader);
        *ret = b->reader;
        return r;
}

static int begin_reading(struct broker *b)
{
        struct worker *reader;
        struct reload *reload;
        int r;

        r = reload_get_reader(b, &reader);
        if (r < 0)
                return r;
        reload = calloc(1, sizeof(*reload));
        if (!reload)
                return -ENOMEM;
        reload->broker = b;
        reload->sources = b->config->sources;
        reload->schemas = b->config->schemas;
        r = worker_submit(reader, read_setup, on_read, reload);
        if (r < 0) {
                free(reload);
                return r;
        }
        b->reload = reload;
        return 0;
}

void reload_begin(struct broker *b, struct control_call *take_call)
{
        int r;

        if (take_call && b->n_reload_calls == ARRAY_SIZE(b->reload_calls)) {
                control_call_done(take_call, -EBUSY, "too many requests to reload");
                return;
        }
        if (take_call)
                b->reload_calls[b->n_reload_calls++] = take_call;
        if (b->reload) {
                b->reload->again = true;
                return;
        }
        broker_notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_monotonic_usec());
        r = begin_reading(b);
        if (r < 0)
                end_reading(b, r, "");
}

void reload_done(struct broker *b)
{
        answer_calls(b, -ECANCELED, "the daemon ends");
        if (b->reload)
                b->reload->broker = NULL;
        b->reload = NULL;
        (void)worker_free(b->reader);
        b->reader = NULL;
        b->next = setup_unref(b->next);
}
