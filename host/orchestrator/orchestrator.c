/* SPDX-License-Identifier: Apache-2.0
 *
 * The door of the engine: every event comes in through orchestrator_step(), and one function per
 * kind of event decides whom it concerns.
 *
 * An event may be late: a timer that was disarmed, feedback for an activity that has ended, the
 * death of an agent that no domain uses.  Timers are told by their serial, everything else by the
 * id of the activity, and what matches nothing is dropped here, so that the parts behind it need
 * not ask.
 *
 * Agents outlive activities.  Which of them are up, and why one will not come up, is known from
 * here on; activities borrow them by domain, and a new configuration hands them out anew. */
#include "config.h"

#include "host/orchestrator/orchestrator.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/orchestrator/state.h"
#include "host/util/diag.h"

#define TEXT_TERMINATED "the update manager instance is terminated"

/* ----------------------------------------------------------------------- life and configuration */

struct agent *orchestrator_find_agent(const struct orchestrator *o, const char *domain)
{
        size_t i;

        for (i = 0; i < o->n_agents; i++)
                if (strcmp(o->agents[i].domain, domain) == 0)
                        return &o->agents[i];
        return NULL;
}

static void free_agents(struct agent *agents, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                free(agents[i].domain);
                free(agents[i].fault);
        }
        free(agents);
}

/* Looked up once: every event goes through all domains. */
static void find_agents(struct orchestrator *o)
{
        struct activity *a = o->activity;
        size_t i;

        for (i = 0; a && i < a->n_domains; i++)
                a->domains[i].agent = orchestrator_find_agent(o, a->domains[i].desired->id);
}

int orchestrator_set_config(struct orchestrator *o, const struct orchestrator_config *config)
{
        struct agent *agents = calloc(config->n_agents + 1, sizeof(*agents));
        CLEANUP_FREE char *boot_id = strdup(config->boot_id ? config->boot_id : "");
        size_t i;

        if (!agents || !boot_id) {
                free(agents);
                return -ENOMEM;
        }
        for (i = 0; i < config->n_agents; i++) {
                const struct agent *old = orchestrator_find_agent(o, config->agents[i].domain);

                agents[i] = (struct agent){
                        .domain = strdup(config->agents[i].domain),
                        .reboot_required = config->agents[i].reboot_required,
                        .up = old && old->up,
                        .fault = old && old->fault ? strdup(old->fault) : NULL,
                };
                if (!agents[i].domain || (old && old->fault && !agents[i].fault)) {
                        free_agents(agents, i + 1);
                        return -ENOMEM;
                }
        }
        free_agents(o->agents, o->n_agents);
        free(o->boot_id);
        o->agents = agents;
        o->n_agents = config->n_agents;
        o->boot_id = TAKE_PTR(boot_id);
        o->config = *config;
        o->config.agents = NULL; /* the caller's; ours are above */
        o->config.boot_id = NULL;
        find_agents(o);
        return 0;
}

int orchestrator_new(const struct orchestrator_config *config, struct orchestrator **ret)
{
        CLEANUP(orchestrator_freep)
        struct orchestrator *o = calloc(1, sizeof(*o));
        int r;

        if (!o)
                return -ENOMEM;
        r = orchestrator_set_config(o, config);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

void orchestrator_know_domains(struct orchestrator *o)
{
        struct activity *a = o->activity;
        size_t i;

        find_agents(o);
        for (i = 0; i < a->n_domains; i++)
                a->domains[i].known = a->domains[i].agent != NULL;
}

int orchestrator_restore(const struct orchestrator_config *config, const char *record,
                         size_t length, struct diag *diag, struct orchestrator **ret)
{
        CLEANUP(orchestrator_freep)
        struct orchestrator *o = NULL;
        int r;

        r = orchestrator_new(config, &o);
        if (r < 0)
                return diag_set(diag, r, "out of memory");
        r = record_read(o, record, length, diag);
        if (r < 0)
                return r;
        if (o->activity)
                orchestrator_know_domains(o);
        o->dirty = true; /* at least the boot id may be another */
        *ret = TAKE_PTR(o);
        return 0;
}

struct orchestrator *orchestrator_free(struct orchestrator *o)
{
        if (!o)
                return NULL;
        (void)activity_free(o->activity);
        queue_waiting_done(&o->waiting);
        outgoing_done(o);
        history_done(&o->history);
        facts_done(&o->facts);
        free_agents(o->agents, o->n_agents);
        free(o->boot_id);
        free(o);
        return NULL;
}

/* --------------------------------------------------------------------------------------- events */

static void on_start(struct orchestrator *o)
{
        if (o->started)
                return;
        o->started = true;
        outgoing_send(o);
        if (o->reboot_due)
                drive_wait_reboot(o);
        if (o->activity)
                resume(o);
        else
                queue_begin_waiting(o);
}

static struct domain *domain_of(const struct orchestrator *o, const char *id)
{
        struct domain *d = o->activity ? activity_find_domain(o->activity, id) : NULL;

        return d && d->known ? d : NULL;
}

static void set_fault(struct orchestrator *o, struct agent *agent, const char *fault)
{
        free(agent->fault);
        agent->fault = fault ? strdup(fault) : NULL;
        if (fault && !agent->fault)
                orchestrator_fail(o);
}

static void on_agent(struct orchestrator *o, const struct event *event)
{
        struct agent *agent = orchestrator_find_agent(o, event->domain);
        bool up = event->kind == EVENT_AGENT_STARTED;

        if (!agent)
                return;
        /* Started while it is up: it must have died in between. */
        if (agent->up) {
                agent->up = false;
                if (domain_of(o, event->domain))
                        intake_died(o, domain_of(o, event->domain), event->text);
        }
        agent->up = up;
        if (up)
                set_fault(o, agent, NULL);
        if (up && domain_of(o, event->domain))
                intake_started(o, domain_of(o, event->domain));
}

/* Whether an agent that is down is worth waiting for. */
static void on_agent_hope(struct orchestrator *o, const struct event *event)
{
        struct agent *agent = orchestrator_find_agent(o, event->domain);
        bool was_up = agent && agent->up;

        if (!agent)
                return;
        set_fault(o, agent, event->kind == EVENT_AGENT_FAILED ? event->text : NULL);
        if (event->kind == EVENT_AGENT_STARTING)
                return;
        agent->up = false;
        if (!o->started || !domain_of(o, event->domain))
                return;
        if (was_up)
                intake_died(o, domain_of(o, event->domain), event->text);
        else
                drive(o);
}

static void on_reboot_request(struct orchestrator *o, const struct event *event)
{
        struct domain *d = domain_of(o, event->domain);

        if (!d || strcmp(o->activity->id, event->activity) != 0)
                return;
        intake_reboot_request(o, d, event->text);
        /* It is said once, and nothing else may follow for a while. */
        orchestrator_flush(o);
}

static void on_domain_timer(struct orchestrator *o, const struct timer *timer)
{
        bool limit = timer->kind == TIMER_LIMIT;
        struct domain *d;
        uint64_t *serial;

        if (!o->activity || timer->slot >= o->activity->n_domains)
                return;
        d = &o->activity->domains[timer->slot];
        serial = limit ? &d->limit : &d->silence;
        if (*serial != timer->serial)
                return;
        *serial = 0;
        intake_timeout(o, d, limit);
}

static void on_reboot_timer(struct orchestrator *o)
{
        const char *reason = o->reboot_due ? "the update is complete"
                                           : "the update becomes active with the boot";

        if (!o->reboot_due && (!o->activity || o->activity->phase != PHASE_REBOOT))
                return;
        orchestrator_emit(o, &(struct effect){ .kind = EFFECT_REBOOT, .text = (char *)reason });
}

/* True, and the timer counts as expired, when it is the one that was armed last. */
static bool is_due(const struct timer *timer, uint64_t *serial)
{
        if (*serial == 0 || *serial != timer->serial)
                return false;
        *serial = 0;
        return true;
}

static void on_timer(struct orchestrator *o, const struct timer *timer)
{
        switch (timer->kind) {
        case TIMER_REPORT:
                if (is_due(timer, &o->throttle.timer))
                        report_timer(o);
                return;
        case TIMER_CONSENT:
                if (is_due(timer, &o->consent_timer))
                        gates_consent(o, false, false);
                return;
        case TIMER_PRECONDITION:
                if (is_due(timer, &o->precondition_timer))
                        gates_facts_timeout(o);
                return;
        case TIMER_REBOOT:
                if (is_due(timer, &o->reboot_timer))
                        on_reboot_timer(o);
                return;
        case TIMER_SILENCE:
        case TIMER_LIMIT:
                on_domain_timer(o, timer);
                return;
        }
}

static void on_consent(struct orchestrator *o, const struct event *event)
{
        const struct activity *a = o->activity;

        if (!a || a->gate != GATE_CONSENT || strcmp(a->id, event->activity) != 0)
                orchestrator_log(o, 6, NULL, "consent for activity %s, which does not wait for one",
                                 event->activity);
        else
                gates_consent(o, event->approved, true);
}

static void on_fact(struct orchestrator *o, const struct event *event)
{
        int r = facts_set(&o->facts, event->name, event->text);

        orchestrator_check(o, r);
        if (r == -E2BIG)
                orchestrator_log(o, 4, NULL, "too many facts, or too long a value: %s",
                                 event->name);
        if (r > 0)
                gates_facts(o);
}

/* What cannot be written down is not begun.  Once UPDATE has begun, going on is the lesser evil. */
static void on_journal_failed(struct orchestrator *o, const struct event *event)
{
        CLEANUP_FREE char *text = NULL;

        orchestrator_log(o, 3, NULL, "the journal cannot be written: %s", event->text);
        if (!o->activity || o->activity->phase >= PHASE_UPDATE)
                return;
        if (asprintf(&text, "the journal cannot be written: %s", event->text) < 0) {
                text = NULL; /* asprintf(3) leaves it undefined */
                orchestrator_fail(o);
                return;
        }
        drive_abandon(o, STATUS_INCOMPLETE, text);
        drive(o);
}

/* Of what was done without the orchestrator.  From here on it is like the boot behind an activity:
 * kept over a restart, and what comes meanwhile waits for it. */
static void on_reboot_due(struct orchestrator *o, const struct event *event)
{
        if (o->activity) {
                orchestrator_log(o, 4, event->domain, "the device does not boot: activity %s runs",
                                 o->activity->id);
                return;
        }
        if (o->reboot_due)
                return;
        o->reboot_due = true;
        o->dirty = true;
        drive_wait_reboot(o);
        orchestrator_flush(o);
}

static void on_reboot_failed(struct orchestrator *o, const struct event *event)
{
        char text[512];

        orchestrator_log(o, 3, NULL, "the device does not boot: %s", event->text);
        if (o->reboot_due) {
                o->reboot_due = false;
                o->dirty = true;
                queue_begin_waiting(o);
        } else if (o->activity && o->activity->phase == PHASE_REBOOT) {
                (void)snprintf(text, sizeof(text), "the device does not boot: %s", event->text);
                drive_reboot_failed(o, text);
        }
}

/* With end_on_stop, as Kanto does it; but what was begun is at least cleaned up. */
static void end_activity(struct orchestrator *o)
{
        struct activity *a = o->activity;
        CLEANUP_FREE char *text = NULL;
        size_t i;
        int r;

        r = verdict_waited(a->phase, TEXT_TERMINATED, &text);
        orchestrator_check(o, r);
        if (r < 0)
                return;
        for (i = 0; i < a->n_domains; i++) {
                const struct agent *agent = a->domains[i].agent;

                if (agent && agent->up && !domain_is_final(&a->domains[i]))
                        orchestrator_tell(o, EFFECT_COMMAND, &a->domains[i], STEP_CLEANUP, "",
                                          NULL);
        }
        queue_finish(o, STATUS_INCOMPLETE, text);
}

static void on_stop(struct orchestrator *o)
{
        o->stopping = true;
        if (o->activity && o->config.end_on_stop)
                end_activity(o);
        o->dirty |= o->activity != NULL;
        orchestrator_emit(o, &(struct effect){ .kind = EFFECT_STOPPED });
}

static void dispatch(struct orchestrator *o, const struct event *event)
{
        switch (event->kind) {
        case EVENT_START:
                on_start(o);
                return;
        case EVENT_DESIRED_STATE:
                queue_desired_state(o, event);
                return;
        case EVENT_INVALID:
                queue_invalid(o, event);
                return;
        case EVENT_CANCEL:
                queue_cancel(o, event);
                return;
        case EVENT_AGENT_STARTED:
        case EVENT_AGENT_DIED:
                on_agent(o, event);
                return;
        case EVENT_AGENT_FAILED:
        case EVENT_AGENT_STARTING:
                on_agent_hope(o, event);
                return;
        case EVENT_FEEDBACK:
                intake_feedback(o, event);
                return;
        case EVENT_REFUSED:
                intake_refused(o, event);
                return;
        case EVENT_REBOOT_REQUEST:
                on_reboot_request(o, event);
                return;
        case EVENT_TIMER:
                on_timer(o, &event->timer);
                return;
        case EVENT_CONSENT:
                on_consent(o, event);
                return;
        case EVENT_FACT:
                on_fact(o, event);
                return;
        case EVENT_JOURNAL_FAILED:
                on_journal_failed(o, event);
                return;
        case EVENT_REBOOT_DUE:
                on_reboot_due(o, event);
                return;
        case EVENT_REBOOT_FAILED:
                on_reboot_failed(o, event);
                return;
        case EVENT_DELIVERED:
                outgoing_delivered(o, event->activity);
                return;
        case EVENT_STOP:
                on_stop(o);
                return;
        }
}

int orchestrator_step(struct orchestrator *o, const struct event *event, struct effects *effects)
{
        assert(o && event && effects);

        if (o->stopping && event->kind != EVENT_DELIVERED) {
                /* All is said; what comes later finds the record. */
                (void)desired_state_free(event->desired);
                return 0;
        }
        o->effects = effects;
        dispatch(o, event);
        if (!o->activity)
                orchestrator_flush(o);
        o->effects = NULL;
        return effects->failed ? -ENOMEM : 0;
}

/* ------------------------------------------------------------------------------------ questions */

bool orchestrator_is_busy(const struct orchestrator *o, const char *domain)
{
        const struct domain *d = domain_of(o, domain);

        return d && !domain_is_final(d);
}

const char *orchestrator_get_activity(const struct orchestrator *o)
{
        return o->activity ? o->activity->id : NULL;
}

const char *orchestrator_get_waiting(const struct orchestrator *o)
{
        return o->waiting.activity;
}

bool orchestrator_knows(const struct orchestrator *o, const char *activity)
{
        return history_find(&o->history, activity) ||
               (o->activity && strcmp(o->activity->id, activity) == 0) ||
               (o->waiting.activity && strcmp(o->waiting.activity, activity) == 0);
}

bool orchestrator_can_cancel(const struct orchestrator *o)
{
        return o->activity && o->activity->phase < PHASE_CLEANUP;
}

bool orchestrator_is_changing(const struct orchestrator *o)
{
        const struct activity *a = o->activity;

        return a && a->gate == GATE_OPEN && a->phase >= PHASE_UPDATE && a->phase != PHASE_REBOOT;
}

const char *orchestrator_get_phase(const struct orchestrator *o)
{
        static const char *const waiting[] = {
                [PHASE_DOWNLOAD] = "waiting for consent to DOWNLOAD",
                [PHASE_UPDATE] = "waiting for consent to UPDATE",
                [PHASE_ACTIVATE] = "waiting for consent to ACTIVATE",
        };
        const struct activity *a = o->activity;

        if (!a)
                return "";
        if (a->gate == GATE_FACTS)
                return "waiting for preconditions";
        if (a->gate == GATE_CONSENT)
                return waiting[a->phase];
        return phase_to_string(a->phase);
}
