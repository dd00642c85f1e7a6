/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock, the broker, and everything around it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model/desired_state.h"
#include "host/model/feedback.h"
#include "host/util/diag.h"
#include "tests/sim/sim.h"

/* --------------------------------------------------------------------------------------- chance */

/* splitmix64: small, and the same everywhere. */
static uint64_t next_random(struct world *w)
{
        uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

uint64_t sim_random(struct world *w, uint64_t n)
{
        return n ? next_random(w) % n : 0;
}

bool sim_chance(struct world *w, unsigned per_mille)
{
        return sim_random(w, 1000) < per_mille;
}

void sim_trace(const struct world *w, const char *format, ...)
{
        va_list args;

        if (!w->trace)
                return;
        printf("%10.3f ", (double)w->now / 1e6);
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        putchar('\n');
}

void sim_violate(struct world *w, const char *what, const char *format, ...)
{
        va_list args;

        if (w->violation)
                return;
        w->violation = what;
        va_start(args, format);
        (void)vsnprintf(w->violation_more, sizeof(w->violation_more), format, args);
        va_end(args);
        sim_trace(w, "VIOLATION: %s: %s", what, w->violation_more);
}

/* --------------------------------------------------------------------------------------- future */

void sim_schedule(struct world *w, uint64_t after, const struct sim_happening *happening)
{
        if (w->n_happenings == w->happenings_size) {
                w->happenings_size = w->happenings_size ? 2 * w->happenings_size : 64;
                w->happenings = reallocarray(w->happenings, w->happenings_size,
                                             sizeof(*w->happenings));
                if (!w->happenings)
                        abort();
        }
        w->happenings[w->n_happenings] = *happening;
        w->happenings[w->n_happenings].at = w->now + after;
        w->happenings[w->n_happenings++].order = ++w->order;
}

static bool take_next(struct world *w, struct sim_happening *ret)
{
        size_t best = 0;
        size_t i;

        if (w->n_happenings == 0)
                return false;
        for (i = 1; i < w->n_happenings; i++) {
                const struct sim_happening *a = &w->happenings[i];
                const struct sim_happening *b = &w->happenings[best];

                if (a->at < b->at || (a->at == b->at && a->order < b->order))
                        best = i;
        }
        *ret = w->happenings[best];
        w->happenings[best] = w->happenings[--w->n_happenings];
        return true;
}

static struct sim_timer *next_timer(struct world *w)
{
        struct sim_timer *best = NULL;
        size_t i;

        for (i = 0; i < w->n_timers; i++)
                if (!best || w->timers[i].at < best->at)
                        best = &w->timers[i];
        return best;
}

static void drop_timer(struct world *w, const struct timer *timer)
{
        size_t i;

        for (i = 0; i < w->n_timers; i++)
                if (w->timers[i].timer.kind == timer->kind &&
                    w->timers[i].timer.slot == timer->slot) {
                        w->timers[i] = w->timers[--w->n_timers];
                        return;
                }
}

static void arm_timer(struct world *w, const struct timer *timer, uint64_t usec)
{
        drop_timer(w, timer);
        if (w->n_timers == sizeof(w->timers) / sizeof(w->timers[0])) {
                sim_violate(w, "too many timers", "%zu", w->n_timers);
                return;
        }
        w->timers[w->n_timers++] = (struct sim_timer){ .timer = *timer, .at = w->now + usec };
}

/* --------------------------------------------------------------------------------------- broker */

static void give(struct world *w, struct event *event);

/* The broker is gone, with its timers and those agents that live in its processes. */
static void crash(struct world *w, const char *why)
{
        size_t i;

        sim_trace(w, "--- %s", why);
        w->crashed_ever = true;
        w->broker = orchestrator_free(w->broker);
        w->n_timers = 0;
        for (i = 0; i < w->n_agents; i++) {
                agent_forgive(&w->agents[i]);
                if (!w->agents[i].temper.remote)
                        agent_die(&w->agents[i]);
        }
        sim_schedule(w, sim_random(w, 5 * SIM_SECOND),
                     &(struct sim_happening){ .what = SIM_BROKER_START });
}

static void boot(struct world *w)
{
        size_t i;

        (void)snprintf(w->boot_id, sizeof(w->boot_id), "boot%u", ++w->boots);
        crash(w, "the device boots");
        for (i = 0; i < w->n_agents; i++)
                agent_boot(w, &w->agents[i]);
}

static void start_broker(struct world *w)
{
        struct diag diag = DIAG_INIT;
        int r;
        size_t i;

        sim_trace(w, "--- the broker starts");
        check_outgoing(w);
        if (w->record)
                r = orchestrator_restore(&w->config, w->record, strlen(w->record), &diag,
                                         &w->broker);
        else
                r = orchestrator_new(&w->config, &w->broker);
        if (r < 0) {
                sim_violate(w, "the record does not load", "%s", diag.text);
                return;
        }
        for (i = 0; i < w->n_agents; i++)
                sim_schedule(w, sim_random(w, 2 * SIM_SECOND),
                             &(struct sim_happening){ .what = SIM_AGENT_START, .agent = i });
        give(w, &(struct event){ .kind = EVENT_START });
}

static void ask_owner(struct world *w, const struct effect *effect)
{
        struct sim_happening h = { .what = SIM_OWNER, .yes = !sim_chance(w, w->owner_denies) };

        (void)snprintf(h.activity, sizeof(h.activity), "%s",
                       sim_chance(w, 50) ? "other" : effect->activity);
        if (!sim_chance(w, w->owner_sleeps))
                sim_schedule(w, sim_random(w, 20 * SIM_SECOND), &h);
}

static void show(const struct world *w, const struct effect *e)
{
        if (!w->trace || e->kind == EFFECT_JOURNAL)
                return;
        if (e->kind == EFFECT_TIMER_ARM || e->kind == EFFECT_TIMER_DISARM) {
                sim_trace(w, "    %s %s %u: %.3f", effect_kind_to_string(e->kind),
                          timer_kind_to_string(e->timer.kind), e->timer.slot,
                          (double)e->usec / 1e6);
                return;
        }
        sim_trace(w, "    %s %s %s %s %s %s", effect_kind_to_string(e->kind),
                  e->domain ? e->domain : "", e->activity ? e->activity : "",
                  step_to_string(e->step), e->baseline ? e->baseline : "", e->text ? e->text : "");
}

static struct sim_agent *agent_named(struct world *w, const char *domain)
{
        size_t i;

        for (i = 0; i < w->n_agents; i++)
                if (strcmp(w->agents[i].domain, domain) == 0)
                        return &w->agents[i];
        return NULL;
}

static void to_agent(struct world *w, const struct effect *e)
{
        struct sim_agent *agent = agent_named(w, e->domain);

        if (!agent || (!agent->up && e->kind != EFFECT_ACTIVITY_END)) {
                sim_violate(w, "to an agent that is not there", "%s", e->domain);
                return;
        }
        if (e->kind == EFFECT_DESIRED_STATE)
                agent_desired_state(w, agent, e->activity, e->text);
        else if (e->kind == EFFECT_COMMAND)
                agent_command(w, agent, e);
        else if (e->kind == EFFECT_CANCEL)
                agent_cancel(w, agent, e->activity);
        else if (e->kind == EFFECT_FEEDBACK_GET)
                agent_feedback_get(w, agent, e->activity);
        else
                agent_activity_end(agent, e->activity);
}

static void reboot(struct world *w)
{
        if (sim_chance(w, 100))
                sim_schedule(w, 1, &(struct sim_happening){ .what = SIM_REBOOT_FAILED });
        else
                boot(w);
}

/* The server has the end of an activity, and says so a little later. */
static void acknowledge(struct world *w, const char *activity)
{
        struct sim_happening h = { .what = SIM_DELIVERED };

        (void)snprintf(h.activity, sizeof(h.activity), "%s", activity);
        if (!w->server_away)
                sim_schedule(w, sim_random(w, 3 * SIM_SECOND), &h);
}

static void carry_out(struct world *w, const struct effect *e)
{
        check_effect(w, e);
        show(w, e);
        switch (e->kind) {
        case EFFECT_JOURNAL:
                free(w->record);
                w->record = strdup(e->text);
                return;
        case EFFECT_DESIRED_STATE:
        case EFFECT_COMMAND:
        case EFFECT_CANCEL:
        case EFFECT_FEEDBACK_GET:
        case EFFECT_ACTIVITY_END:
                to_agent(w, e);
                return;
        case EFFECT_CONSENT:
                ask_owner(w, e);
                return;
        case EFFECT_TIMER_ARM:
                arm_timer(w, &e->timer, e->usec);
                return;
        case EFFECT_TIMER_DISARM:
                drop_timer(w, &e->timer);
                return;
        case EFFECT_REBOOT:
                reboot(w);
                return;
        case EFFECT_FEEDBACK:
                if (e->terminal)
                        acknowledge(w, e->activity);
                return;
        case EFFECT_CONSENT_END:
        case EFFECT_INVENTORY:
        case EFFECT_STOPPED:
        case EFFECT_LOG:
                return;
        }
}

/* One step, and its effects as far as the broker lives to carry them out. */
static void give(struct world *w, struct event *event)
{
        struct effects effects = EFFECTS_INIT;
        size_t i;
        int r;

        r = orchestrator_step(w->broker, event, &effects);
        if (r < 0)
                sim_violate(w, "a step failed", "%s", strerror(-r));
        w->steps++;
        w->effects += effects.n;
        check_before_step(w, &effects);
        for (i = 0; i < effects.n && w->broker; i++) {
                if (w->crashes < SIM_CRASHES_MAX && sim_random(w, 10000) < w->crash) {
                        w->crashes++;
                        crash(w, "the broker dies");
                        break;
                }
                carry_out(w, &effects.items[i]);
        }
        effects_done(&effects);
}

/* -------------------------------------------------------------------------------------- backend */

/* Text is built as the backend would, so that the reader is a part of the simulation. */
static void write_desired_state(struct world *w, char *buf, size_t size)
{
        size_t n_domains = 1 + sim_random(w, w->n_agents + sim_chance(w, 100));
        size_t n_baselines = sim_chance(w, 600) ? 1 + sim_random(w, 3) : 0;
        unsigned char owner[SIM_AGENTS_MAX + 1][4] = { { 0 } };
        size_t components[SIM_AGENTS_MAX + 1];
        size_t n;
        size_t i;
        size_t k;
        size_t b;

        n = (size_t)snprintf(buf, size, "{\"domains\":[");
        for (i = 0; i < n_domains; i++) {
                components[i] = sim_random(w, 4);
                n += (size_t)snprintf(buf + n, size - n, "%s{\"id\":\"d%zu\",\"components\":[",
                                      i ? "," : "", i);
                for (k = 0; k < components[i]; k++) {
                        owner[i][k] = (unsigned char)sim_random(w, n_baselines + 1);
                        n += (size_t)snprintf(buf + n, size - n,
                                              "%s{\"id\":\"c%zu\",\"version\":\"1\"}",
                                              k ? "," : "", k);
                }
                n += (size_t)snprintf(buf + n, size - n, "]}");
        }
        n += (size_t)snprintf(buf + n, size - n, "],\"baselines\":[");
        for (b = 1; b <= n_baselines; b++) {
                const char *comma = "";

                n += (size_t)snprintf(buf + n, size - n, "%s{\"title\":\"b%zu\",%s\"components\":[",
                                      b > 1 ? "," : "", b,
                                      sim_chance(w, 200) ? "\"preconditions\":\"a=1,b=1\"," : "");
                for (i = 0; i < n_domains; i++)
                        for (k = 0; k < components[i]; k++)
                                if (owner[i][k] == b) {
                                        n += (size_t)snprintf(buf + n, size - n,
                                                              "%s\"d%zu:c%zu\"", comma, i, k);
                                        comma = ",";
                                }
                n += (size_t)snprintf(buf + n, size - n, "]}");
        }
        (void)snprintf(buf + n, size - n, "]}");
}

static void offer(struct world *w, const struct sim_happening *h)
{
        const struct scan_rules rules = { .max_bytes = 1 << 20, .max_depth = 64, .object = true };
        struct sim_activity *a = check_find(w, h->activity);
        CLEANUP_JSON struct json *root = NULL;
        struct diag diag = DIAG_INIT;
        struct event event = { .kind = EVENT_DESIRED_STATE, .activity = h->activity };
        char text[4096];
        int r;

        write_desired_state(w, text, sizeof(text));
        r = json_parse(text, strlen(text), &rules, NULL, &diag, &root);
        if (r == 0)
                r = desired_state_read(root, &diag, &event.desired);
        if (r < 0) {
                sim_violate(w, "a desired state that cannot be read", "%s", diag.text);
                return;
        }
        sim_trace(w, "> desired state %s %s", h->activity, text);
        a->asked++;
        a->accepted = true;
        give(w, &event);
        /* It counts only when it is in the record: until then the sender has no answer, and sends
         * it again. */
        if (!w->broker && !a->terminal && (!w->record || !strstr(w->record, h->activity)))
                sim_schedule(w, 10 * SIM_SECOND, h);
}

/* ----------------------------------------------------------------------------------- happenings */

static void tell_fact(struct world *w)
{
        static const char *const values[] = { "0", "1", "1", NULL };
        const char *name = sim_chance(w, 500) ? "a" : "b";
        const char *value = values[sim_random(w, 4)];

        sim_trace(w, "> fact %s %s", name, value ? value : "(unknown)");
        give(w, &(struct event){ .kind = EVENT_FACT, .name = name, .text = value });
}

static void agent_says(struct world *w, struct sim_agent *agent, const struct sim_happening *h)
{
        struct action action = {
                .id = (char *)"x:c0",
                .version = (char *)"",
                .message = (char *)"",
                .status = (char *)status_to_string(h->status),
        };
        struct feedback f = {
                .status = h->status,
                .baseline = (char *)h->title,
                .message = (char *)"",
                .actions = &action,
                .n_actions = h->actions,
        };
        struct event event = {
                .domain = agent->domain,
                .activity = h->activity,
                .text = "new software",
                .feedback = &f,
        };

        if (h->yes) {
                sim_trace(w, "> %s %s asks for a boot", agent->domain, h->activity);
                event.kind = EVENT_REBOOT_REQUEST;
                give(w, &event);
                return;
        }
        sim_trace(w, "> %s %s says %s %s", agent->domain, h->activity, status_to_string(h->status),
                  h->title);
        event.kind = EVENT_FEEDBACK;
        give(w, &event);
}

static void agent_happens(struct world *w, const struct sim_happening *h)
{
        struct sim_agent *agent = &w->agents[h->agent];
        struct event event = {
                .domain = agent->domain,
                .activity = h->activity,
                .request = h->request,
                .result = h->result,
                .text = "SIGSEGV",
        };

        if (h->what == SIM_AGENT_START) {
                if (!w->broker)
                        return;
                sim_trace(w, "> %s starts", agent->domain);
                if (!agent->up)
                        agent_start(agent);
                give(w, &(struct event){ .kind = EVENT_AGENT_STARTED, .domain = agent->domain });
                return;
        }
        if (h->life != agent->life || !agent->up)
                return;
        if (h->what == SIM_AGENT_WORK) {
                agent_work(w, agent, h);
                return;
        }
        if (h->what == SIM_AGENT_DIE) {
                sim_trace(w, "> %s dies", agent->domain);
                agent_die(agent);
                if (!w->broker)
                        return;
                /* One that stays down may be known to, or not. */
                event.kind = w->seed % 2 ? EVENT_AGENT_FAILED : EVENT_AGENT_DIED;
                if (!sim_chance(w, 50)) {
                        sim_schedule(w, sim_random(w, 15 * SIM_SECOND),
                                     &(struct sim_happening){ .what = SIM_AGENT_START,
                                                              .agent = h->agent });
                        event.kind = EVENT_AGENT_DIED;
                }
                give(w, &event);
                return;
        }
        if (h->what == SIM_AGENT_SAY && status_kind(h->status) == STATUS_KIND_END_BAD)
                agent_left(agent);
        if (!w->broker)
                return; /* said to nobody */
        if (h->what == SIM_AGENT_SAY) {
                agent_says(w, agent, h);
                return;
        }
        sim_trace(w, "> %s refuses %s: %s", agent->domain, effect_kind_to_string(h->request),
                  strerror(-h->result));
        event.kind = EVENT_REFUSED;
        give(w, &event);
}

/* To a broker that has died meanwhile nobody says it; the next one sends the feedback again. */
static void deliver(struct world *w, const struct sim_happening *h)
{
        if (!w->broker)
                return;
        sim_trace(w, "> the server has the end of %s", h->activity);
        check_find(w, h->activity)->acknowledged = true;
        give(w, &(struct event){ .kind = EVENT_DELIVERED, .activity = h->activity });
        if (w->broker)
                check_find(w, h->activity)->delivered = true;
}

static void happen(struct world *w, const struct sim_happening *h)
{
        switch (h->what) {
        case SIM_AGENT_START:
        case SIM_AGENT_WORK:
        case SIM_AGENT_SAY:
        case SIM_AGENT_REFUSE:
        case SIM_AGENT_DIE:
                agent_happens(w, h);
                return;
        case SIM_BROKER_START:
                if (!w->broker)
                        start_broker(w);
                return;
        case SIM_DELIVERED:
                deliver(w, h);
                return;
        case SIM_BACKEND_DESIRED:
        case SIM_BACKEND_CANCEL:
        case SIM_OWNER:
        case SIM_FACT:
        case SIM_REBOOT_FAILED:
                break;
        }
        if (!w->broker) { /* the message waits at the server */
                sim_schedule(w, SIM_SECOND, h);
                return;
        }
        if (h->what == SIM_BACKEND_DESIRED) {
                offer(w, h);
        } else if (h->what == SIM_FACT) {
                tell_fact(w);
        } else if (h->what == SIM_BACKEND_CANCEL) {
                sim_trace(w, "> CANCEL %s", h->activity);
                give(w, &(struct event){ .kind = EVENT_CANCEL, .activity = h->activity });
        } else if (h->what == SIM_REBOOT_FAILED) {
                sim_trace(w, "> the boot fails");
                give(w, &(struct event){ .kind = EVENT_REBOOT_FAILED, .text = "inhibited" });
        } else {
                sim_trace(w, "> owner %s %s", h->activity, h->yes ? "APPROVED" : "DENIED");
                give(w, &(struct event){
                                .kind = EVENT_CONSENT,
                                .activity = h->activity,
                                .approved = h->yes,
                        });
        }
}

/* ----------------------------------------------------------------------------------------- life */

static void make_config(struct world *w)
{
        struct orchestrator_config *c = &w->config;
        unsigned badness =
                (unsigned)sim_random(w, 4) * 60; /* a quarter of all lives has no faults */
        size_t i;

        w->n_agents = 1 + sim_random(w, SIM_AGENTS_MAX - 1);
        for (i = 0; i < w->n_agents; i++) {
                agent_make(w, &w->agents[i], i, badness);
                w->config_agents[i] = (struct orchestrator_agent){
                        .domain = w->agents[i].domain,
                        .reboot_required = sim_chance(w, 100),
                };
        }
        *c = (struct orchestrator_config){
                .agents = w->config_agents,
                .n_agents = w->n_agents,
                .phase_timeout_usec = 10 * SIM_SECOND,
                .phase_limit_usec = sim_chance(w, 500) ? 30 * SIM_SECOND : 0,
                .precondition_limit_usec = sim_random(w, 100) * SIM_SECOND,
                .consent_timeout_usec = 30 * SIM_SECOND,
                .report_interval_usec = sim_random(w, 3) * SIM_SECOND,
                .reboot_after_usec = sim_random(w, 5) * SIM_SECOND,
                .consent_steps = sim_chance(w, 300) ? (unsigned)sim_random(w, 32) : 0,
                .reboot_enabled = sim_chance(w, 800),
                .report_before_reboot = sim_chance(w, 200),
                .ignore_unknown_domains = sim_chance(w, 200),
                .refuse_concurrent = sim_chance(w, 200),
                .boot_id = w->boot_id,
        };
        (void)snprintf(w->boot_id, sizeof(w->boot_id), "boot0");
        w->crash = sim_chance(w, 500) ? (unsigned)sim_random(w, 300) : 0;
        w->owner_denies = (unsigned)sim_random(w, 300);
        w->owner_sleeps = (unsigned)sim_random(w, 200);
}

static void make_future(struct world *w)
{
        struct sim_happening h = { .what = SIM_BACKEND_DESIRED };
        size_t n = 1 + sim_random(w, SIM_ACTIVITIES_MAX - 1);
        size_t i;

        for (i = 0; i < n; i++) {
                struct sim_activity *a = &w->activities[w->n_activities++];

                (void)snprintf(a->id, sizeof(a->id), "A%u", (unsigned)i);
                (void)snprintf(h.activity, sizeof(h.activity), "%s", a->id);
                h.what = SIM_BACKEND_DESIRED;
                sim_schedule(w, sim_random(w, 100 * SIM_SECOND), &h);
                if (sim_chance(w, 150))
                        sim_schedule(w, sim_random(w, 200 * SIM_SECOND), &h); /* the same again */
                h.what = SIM_BACKEND_CANCEL;
                if (sim_chance(w, 150))
                        sim_schedule(w, sim_random(w, 120 * SIM_SECOND), &h);
        }
        for (i = 0; i < 8; i++) {
                h.what = SIM_FACT;
                sim_schedule(w, sim_random(w, 150 * SIM_SECOND), &h);
        }
}

static void forgive_all(struct world *w)
{
        size_t i;

        for (i = 0; i < w->n_agents; i++)
                agent_forgive(&w->agents[i]);
}

/* The next thing in time, timer or happening; a clock that jumps makes timers fire early, all at
 * once. */
static bool live_on(struct world *w)
{
        struct sim_timer *timer = next_timer(w);
        struct sim_happening h;
        struct sim_timer due;

        if (w->broker && timer && sim_chance(w, 2)) {
                sim_trace(w, "--- the clock jumps");
                w->now += 60 * SIM_SECOND;
        }
        if (!take_next(w, &h)) {
                if (!timer)
                        return false;
                h.at = UINT64_MAX;
        }
        if (timer && timer->at <= h.at) {
                if (h.at != UINT64_MAX)
                        w->happenings[w->n_happenings++] = h;
                due = *timer;
                drop_timer(w, &due.timer);
                w->now = due.at > w->now ? due.at : w->now;
                sim_trace(w, "> timer %s %u", timer_kind_to_string(due.timer.kind), due.timer.slot);
                if (due.timer.kind == TIMER_SILENCE || due.timer.kind == TIMER_LIMIT)
                        forgive_all(w);
                give(w, &(struct event){ .kind = EVENT_TIMER, .timer = due.timer });
        } else {
                w->now = h.at > w->now ? h.at : w->now;
                happen(w, &h);
        }
        return true;
}

bool sim_live(uint64_t seed, bool trace, unsigned long *steps, unsigned long *effects)
{
        struct world w = { .seed = seed, .random = seed, .server_away = seed % 7 == 0, .trace = trace };
        bool fine;
        size_t i;

        make_config(&w);
        make_future(&w);
        start_broker(&w);
        while (!w.violation && live_on(&w))
                if (w.steps > SIM_STEPS_MAX)
                        sim_violate(&w, "it goes on for ever", "%lu steps", w.steps);
        check_end(&w);
        fine = !w.violation;
        if (!fine && !trace)
                printf("seed %llu: %s: %s\n", (unsigned long long)seed, w.violation,
                       w.violation_more);
        *steps += w.steps;
        *effects += w.effects;
        w.broker = orchestrator_free(w.broker);
        for (i = 0; i < w.n_activities; i++)
                free(w.activities[i].terminal);
        free(w.happenings);
        free(w.record);
        return fine;
}
