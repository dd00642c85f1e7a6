/* SPDX-License-Identifier: Apache-2.0
 *
 * current-state - the inventory of the whole device
 *
 * A reading asks every agent, under one id, and publishes what is known when all have answered or
 * had their time.  An agent that does not answer is represented by what it said last.  One that is
 * still starting is asked as soon as it has; one that is down is not waited for.
 *
 * A remote agent that is at work is never asked: there are agents in the field that a question
 * makes forget what they are doing.  Hosted ones must bear it (plugin.h).
 *
 * What an agent says unasked is published with an empty id, after a delay in which further changes
 * are collected. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"
#include "host/model/inventory.h"
#include "host/plugin/abi.h"
#include "host/util/diag.h"
#include "host/util/time.h"

enum { READINGS_MAX = 16 };

/* Less than a client of D-Bus waits for any answer. */
#define INVENTORY_PATIENCE_USEC (10 * USEC_PER_SEC)

/* One agent that a reading waits for. */
struct pending {
        struct hosted *hosted;
        uint64_t deadline_usec;
        bool asked; /* else it is starting */
};

struct reading {
        struct reading *next;
        struct broker *broker;
        char *activity; /* under which it is published */
        char *wire;     /* under which agents are asked: the same, unless that is empty */
        struct pending *pending;
        size_t n_pending;
        sd_event_source *timer;
};

/* ----------------------------------------------------------------------------------- publishing */

int current_state_write(const struct broker *b, char **ret)
{
        struct inventory_source *sources = calloc(b->n_hosted + 1, sizeof(*sources));
        size_t n = 0;
        size_t i;
        int r;

        if (!sources)
                return -ENOMEM;
        for (i = 0; i < b->n_hosted; i++)
                if (b->hosted[i]->domain && !b->hosted[i]->leaving)
                        sources[n++] = (struct inventory_source){
                                .domain = b->hosted[i]->domain,
                                .inventory = b->hosted[i]->inventory,
                        };
        r = inventory_aggregate(b->setup->settings->domain, PACKAGE_VERSION, sources, n, ret);
        free(sources);
        return r;
}

static void publish(struct broker *b, const char *activity)
{
        CLEANUP_FREE char *text = NULL;

        b->republish = sd_event_source_disable_unref(b->republish);
        if (current_state_write(b, &text) < 0)
                log_error(b->log, NULL, "out of memory: the current state is not published");
        else
                northbound_current_state(b, activity, text);
}

static int on_republish(sd_event_source *source, uint64_t usec, void *data)
{
        (void)source;
        (void)usec;
        publish(data, "");
        return 0;
}

/* The window does not slide: an agent that never stops changing is seen all the same. */
static void republish(struct broker *b)
{
        uint64_t delay = b->setup->settings->current_state_delay_usec;

        if (b->republish || b->stopping)
                return;
        if (delay == 0 || sd_event_add_time_relative(b->event, &b->republish, CLOCK_BOOTTIME, delay,
                                                     0, on_republish, b) < 0)
                publish(b, "");
}

/* ------------------------------------------------------------------------------------- readings */

static void reading_free(struct reading *reading)
{
        if (!reading)
                return;
        (void)sd_event_source_disable_unref(reading->timer);
        free(reading->activity);
        free(reading->wire);
        free(reading->pending);
        free(reading);
}

/* -------------------------------------------------------------------------------------- clients */

static void answer(struct broker *b, struct control_call *take_call)
{
        CLEANUP_FREE char *text = NULL;
        int r = current_state_write(b, &text);

        control_call_done(take_call, r, r < 0 ? strerror(-r) : text);
}

static void answer_all(struct broker *b)
{
        b->inventory_limit = sd_event_source_disable_unref(b->inventory_limit);
        while (b->n_inventory_calls > 0)
                answer(b, b->inventory_calls[--b->n_inventory_calls]);
}

static int on_inventory_limit(sd_event_source *source, uint64_t usec, void *data)
{
        (void)source;
        (void)usec;
        answer_all(data); /* with what is known */
        return 0;
}

void current_state_await(struct broker *b, struct control_call *take_call)
{
        if (!b->readings || b->n_inventory_calls == CONTROL_CALLS_MAX ||
            (!b->inventory_limit &&
             sd_event_add_time_relative(b->event, &b->inventory_limit, CLOCK_BOOTTIME,
                                        INVENTORY_PATIENCE_USEC, 0, on_inventory_limit, b) < 0))
                answer(b, take_call);
        else
                b->inventory_calls[b->n_inventory_calls++] = take_call;
}

/* ------------------------------------------------------------------------------------- readings */

static void finish(struct reading *reading)
{
        struct broker *b = reading->broker;
        struct reading **p = &b->readings;

        while (*p != reading)
                p = &(*p)->next;
        *p = reading->next;
        publish(b, reading->activity);
        reading_free(reading);
        if (!b->readings)
                answer_all(b);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data);

/* Waits for the first of those that are left; finishes, and frees the reading, when there are
 * none. */
static void wait_on(struct reading *reading)
{
        uint64_t first_usec = UINT64_MAX;
        size_t i;

        for (i = 0; i < reading->n_pending; i++)
                if (reading->pending[i].deadline_usec < first_usec)
                        first_usec = reading->pending[i].deadline_usec;
        reading->timer = sd_event_source_disable_unref(reading->timer);
        if (reading->n_pending == 0 ||
            sd_event_add_time(reading->broker->event, &reading->timer, CLOCK_BOOTTIME, first_usec,
                              0, on_deadline, reading) < 0)
                finish(reading);
}

static void drop_pending(struct reading *reading, size_t i)
{
        reading->pending[i] = reading->pending[--reading->n_pending];
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
        struct reading *reading = data;
        size_t i = 0;

        (void)source;
        while (i < reading->n_pending) {
                const struct pending *pending = &reading->pending[i];

                if (pending->deadline_usec > usec) {
                        i++;
                        continue;
                }
                hosted_log(pending->hosted, LOG_LEVEL_WARN, reading->activity,
                           "did not report its state in time");
                drop_pending(reading, i);
        }
        wait_on(reading);
        return 0;
}

static bool is_starting(const struct hosted *h)
{
        struct supervisor_status status;

        supervisor_get_status(h->supervisor, &status);
        return status.state == SUPERVISOR_STATE_STARTING;
}

/* What it said last will do: it may not be asked, or cannot be. */
static bool is_to_be_asked(const struct hosted *h)
{
        if (!h->domain || !h->supervisor || h->leaving)
                return false;
        if (h->remote && (h->busy || h->direct.activity))
                return false;
        return h->up || is_starting(h);
}

static bool ask(const struct hosted *h, const char *wire)
{
        struct instance *instance = hosted_get_instance(h);

        return instance && instance_current_state_get(instance, wire) == 0;
}

static void ask_all(struct reading *reading)
{
        struct broker *b = reading->broker;
        uint64_t now_usec = time_now_usec();
        size_t i;

        for (i = 0; i < b->n_hosted; i++) {
                struct hosted *h = b->hosted[i];

                if (!is_to_be_asked(h) || (h->up && !ask(h, reading->wire)))
                        continue;
                reading->pending[reading->n_pending++] = (struct pending){
                        .hosted = h,
                        .deadline_usec = now_usec + h->read_timeout_usec,
                        .asked = h->up,
                };
        }
}

static struct reading *reading_new(struct broker *b, const char *activity)
{
        struct reading *reading = calloc(1, sizeof(*reading));
        char wire[UB_MAX_ID + 1];

        if (!reading)
                return NULL;
        (void)snprintf(wire, sizeof(wire), "current-state-%llu",
                       (unsigned long long)++b->n_readings);
        reading->broker = b;
        reading->activity = strdup(activity);
        reading->wire = strdup(*activity ? activity : wire);
        reading->pending = calloc(b->n_hosted + 1, sizeof(*reading->pending));
        if (reading->activity && reading->wire && reading->pending)
                return reading;
        reading_free(reading);
        return NULL;
}

void current_state_read(struct broker *b, const char *activity)
{
        struct reading *reading = NULL;
        struct reading *other;
        unsigned n = 0;

        for (other = b->readings; other; other = other->next)
                n++;
        if (n < READINGS_MAX)
                reading = reading_new(b, activity);
        if (!reading) {
                publish(b, activity); /* what is known has to do */
                return;
        }
        reading->next = b->readings;
        b->readings = reading;
        ask_all(reading);
        wait_on(reading);
}

static void make_initial_id(char ret[static UB_MAX_ID + 1])
{
        (void)snprintf(ret, UB_MAX_ID + 1, "initial-current-state-%lld",
                       (long long)broker_now_ms());
}

void current_state_read_initial(struct broker *b)
{
        char activity[UB_MAX_ID + 1];

        make_initial_id(activity);
        current_state_read(b, activity);
}

void current_state_publish_initial(struct broker *b)
{
        char activity[UB_MAX_ID + 1];

        make_initial_id(activity);
        publish(b, activity);
}

/* --------------------------------------------------------------------------------------- agents */

void current_state_agent_up(struct hosted *h)
{
        struct reading *reading;
        bool asked = false;
        char wire[UB_MAX_ID + 1];
        size_t i;

        for (reading = h->broker->readings; reading; reading = reading->next)
                for (i = 0; i < reading->n_pending; i++)
                        if (reading->pending[i].hosted == h && !reading->pending[i].asked)
                                asked |= reading->pending[i].asked = ask(h, reading->wire);
        if (asked || (h->remote && h->busy))
                return;
        /* It comes late, or anew: what it says now is news to everybody. */
        make_initial_id(wire);
        (void)ask(h, wire); /* if not, it says so unasked or stays as it was */
}

/* Whoever waits for it does so no longer.  Finishing frees a reading, so the search begins anew. */
static bool forget_one(struct hosted *h, const char *wire)
{
        struct reading *reading;
        size_t i;

        for (reading = h->broker->readings; reading; reading = reading->next) {
                if (wire && strcmp(reading->wire, wire) != 0)
                        continue;
                for (i = 0; i < reading->n_pending; i++) {
                        if (reading->pending[i].hosted != h)
                                continue;
                        drop_pending(reading, i);
                        wait_on(reading);
                        return true;
                }
        }
        return false;
}

void current_state_agent_down(struct hosted *h)
{
        while (forget_one(h, NULL))
                ;
}

/* 1: it is another than before.  0.  Negative errno: it cannot be read. */
static int take_inventory(struct hosted *h, const char *json)
{
        const struct scan_rules rules = {
                .max_bytes = UB_MAX_JSON,
                .max_depth = UB_MAX_DEPTH,
                .object = true,
        };
        struct inventory *inventory = NULL;
        CLEANUP_JSON struct json *root = NULL;
        struct diag diag = DIAG_INIT;
        char *text;
        int r;

        if (h->inventory_text && strcmp(h->inventory_text, json) == 0)
                return 0;
        r = json_parse(json, strlen(json), &rules, NULL, &diag, &root);
        if (r == 0)
                r = inventory_read(root, &diag, &inventory);
        if (r < 0) {
                hosted_log(h, LOG_LEVEL_WARN, NULL, "current state that cannot be read: %s",
                           r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return r;
        }
        text = strdup(json);
        if (!text) {
                (void)inventory_free(inventory);
                return -ENOMEM;
        }
        (void)inventory_free(h->inventory);
        free(h->inventory_text);
        h->inventory = inventory;
        h->inventory_text = text;
        return 1;
}

void current_state_reported(struct hosted *h, const char *activity, const char *json)
{
        int r = json ? take_inventory(h, json) : 0;
        bool awaited = false;

        while (*activity && forget_one(h, activity))
                awaited = true;
        if (json)
                agent_topics_current_state(h, awaited ? "" : activity, json);
        if (json && !awaited && (r > 0 || (r == 0 && !*activity)))
                republish(h->broker);
}

void current_state_done(struct broker *b)
{
        b->republish = sd_event_source_disable_unref(b->republish);
        while (b->readings) {
                struct reading *reading = b->readings;

                b->readings = reading->next;
                reading_free(reading);
        }
        answer_all(b);
}
