/* SPDX-License-Identifier: Apache-2.0
 *
 * The agents of the simulator: each has its temper, does one step at a time, and knows what is
 * true. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/json/json.h"
#include "tests/sim/sim.h"

static const enum status words[STEP_COUNT][3] = {
        /* progress, success, failure */
        [STEP_IDENTIFY] = { STATUS_IDENTIFYING, STATUS_IDENTIFIED, STATUS_IDENTIFICATION_FAILED },
        [STEP_DOWNLOAD] = { STATUS_DOWNLOADING, STATUS_DOWNLOAD_SUCCESS, STATUS_DOWNLOAD_FAILURE },
        [STEP_UPDATE] = { STATUS_UPDATING, STATUS_UPDATE_SUCCESS, STATUS_UPDATE_FAILURE },
        [STEP_ACTIVATE] = { STATUS_ACTIVATING, STATUS_ACTIVATION_SUCCESS,
                            STATUS_ACTIVATION_FAILURE },
        [STEP_VERIFY] = { STATUS_VERIFYING, STATUS_VERIFY_SUCCESS, STATUS_VERIFY_FAILURE },
        [STEP_CLEANUP] = { STATUS_CLEANUP, STATUS_CLEANUP_SUCCESS, STATUS_CLEANUP_FAILURE },
        [STEP_ROLLBACK] = { STATUS_ROLLBACK, STATUS_ROLLBACK_SUCCESS, STATUS_ROLLBACK_FAILURE },
};

void agent_make(struct world *w, struct sim_agent *agent, size_t index, unsigned badness)
{
        struct sim_temper *t = &agent->temper;

        (void)snprintf(agent->domain, sizeof(agent->domain), "d%zu", index);
        t->fail = (unsigned)sim_random(w, 1 + badness);
        t->stall = (unsigned)sim_random(w, 1 + badness / 2);
        t->die = (unsigned)sim_random(w, 1 + badness / 2);
        t->late = (unsigned)sim_random(w, 1 + badness);
        t->twice = (unsigned)sim_random(w, 1 + 2 * badness);
        t->noise = (unsigned)sim_random(w, 1 + 2 * badness);
        t->refuse = (unsigned)sim_random(w, 1 + badness / 3);
        t->remote = sim_chance(w, 300);
        t->forgets = sim_chance(w, 300);
        t->can_get = sim_chance(w, 700);
        t->can_cancel = sim_chance(w, 500);
        t->can_verify = sim_chance(w, 600);
        t->queues = sim_chance(w, 500);
        t->wants_reboot = sim_chance(w, 300);
        /* Not by chance, which would change every life that a seed is kept for. */
        t->kanto = w->seed % 5 == 0;
        t->leaves_slowly = w->seed % 13 == 0;
}

static size_t index_of(const struct world *w, const struct sim_agent *agent)
{
        return (size_t)(agent - w->agents);
}

static uint64_t delay(struct world *w, const struct sim_agent *agent)
{
        if (sim_chance(w, agent->temper.late))
                return sim_random(w, 40 * SIM_SECOND);
        return sim_random(w, SIM_SECOND);
}

static bool knows(const struct sim_agent *agent, const char *activity)
{
        return agent->knows && strcmp(agent->activity, activity) == 0;
}

static struct sim_unit *find_unit(struct sim_agent *agent, const char *title)
{
        size_t i;

        for (i = 0; i < agent->n_units; i++)
                if (strcmp(agent->units[i].title, title) == 0)
                        return &agent->units[i];
        return NULL;
}

static void say(struct world *w, struct sim_agent *agent, uint64_t after, const char *activity,
                enum status status, const char *title, bool actions)
{
        struct sim_happening h = {
                .what = SIM_AGENT_SAY,
                .agent = index_of(w, agent),
                .life = agent->life,
                .status = status,
                .actions = actions,
        };

        (void)snprintf(h.activity, sizeof(h.activity), "%s", activity);
        (void)snprintf(h.title, sizeof(h.title), "%s", title);
        sim_schedule(w, after, &h);
}

static void refuse(struct world *w, struct sim_agent *agent, const char *activity,
                   enum effect_kind request, int result)
{
        struct sim_happening h = {
                .what = SIM_AGENT_REFUSE,
                .agent = index_of(w, agent),
                .life = agent->life,
                .request = request,
                .result = result,
        };

        (void)snprintf(h.activity, sizeof(h.activity), "%s", activity);
        sim_schedule(w, 1 + sim_random(w, 1000), &h);
}

/* Begins a step, with whatever this agent's temper makes of it. */
static void work(struct world *w, struct sim_agent *agent, enum step step, const char *title)
{
        struct sim_happening h = {
                .what = SIM_AGENT_WORK,
                .agent = index_of(w, agent),
                .life = agent->life,
                .step = step,
        };
        uint64_t after = delay(w, agent);

        agent->working = step;
        (void)snprintf(agent->working_title, sizeof(agent->working_title), "%s", title);
        (void)snprintf(h.title, sizeof(h.title), "%s", title);
        (void)snprintf(h.activity, sizeof(h.activity), "%s", agent->activity);
        if (sim_chance(w, 300))
                say(w, agent, sim_random(w, after + 1), agent->activity, words[step][0], title,
                    true);
        if (sim_chance(w, agent->temper.noise))
                say(w, agent, sim_random(w, after + 1),
                    sim_chance(w, 500) ? "other" : agent->activity, STATUS_UNKNOWN, title,
                    sim_chance(w, 500));
        if (sim_chance(w, agent->temper.die)) {
                h.what = SIM_AGENT_DIE;
                sim_schedule(w, sim_random(w, after + 1), &h);
                return;
        }
        if (sim_chance(w, agent->temper.stall))
                return;
        sim_schedule(w, after, &h);
}

/* ------------------------------------------------------------------------------------- requests */

/* The units of a desired state: its baselines, if there are several; as the orchestrator addresses
 * them. */
static void take_units(struct sim_agent *agent, const char *text)
{
        const struct scan_rules rules = { .max_bytes = 1 << 20, .max_depth = 64, .object = true };
        CLEANUP_JSON struct json *root = NULL;
        struct sim_unit old[SIM_UNITS_MAX];
        size_t n_old = agent->n_units;
        const struct json *baselines;
        const struct json *item;
        size_t i;

        memcpy(old, agent->units, sizeof(old));
        memset(agent->units, 0, sizeof(agent->units));
        agent->n_units = 0;
        if (json_parse(text, strlen(text), &rules, NULL, NULL, &root) < 0)
                return;
        baselines = json_get_member(root, "baselines");
        if (json_count(baselines) > 1)
                JSON_FOREACH(item, baselines) {
                        struct sim_unit *unit = &agent->units[agent->n_units++];

                        (void)snprintf(unit->title, sizeof(unit->title), "%s",
                                       json_get_string(json_get_member(item, "title")));
                }
        else
                agent->n_units = 1; /* with the title "" */
        /* The same desired state again: what is active stays so. */
        for (i = 0; i < agent->n_units; i++) {
                size_t k;

                for (k = 0; k < n_old; k++)
                        if (strcmp(old[k].title, agent->units[i].title) == 0)
                                agent->units[i].active = old[k].active;
        }
}

void agent_desired_state(struct world *w, struct sim_agent *agent, const char *activity,
                         const char *text)
{
        if (sim_chance(w, agent->temper.refuse)) {
                refuse(w, agent, activity, EFFECT_DESIRED_STATE, -EINVAL);
                return;
        }
        if (agent->working != STEP_NONE && !agent->temper.queues && knows(agent, activity)) {
                refuse(w, agent, activity, EFFECT_DESIRED_STATE, -EBUSY);
                return;
        }
        if (strcmp(agent->activity, activity) != 0)
                agent->n_units = 0;
        agent->life++; /* whatever it was at is given up */
        (void)snprintf(agent->activity, sizeof(agent->activity), "%s", activity);
        agent->knows = true;
        agent->next = STEP_NONE;
        agent->leaving = false;
        agent->asked_reboot = false;
        take_units(agent, text);
        work(w, agent, STEP_IDENTIFY, "");
}

void agent_command(struct world *w, struct sim_agent *agent, const struct effect *effect)
{
        struct sim_unit *unit = find_unit(agent, effect->baseline);

        if (!knows(agent, effect->activity)) {
                refuse(w, agent, effect->activity, EFFECT_COMMAND, -ENOENT);
                return;
        }
        if (unit)
                check_command(w, agent, unit, effect->step);
        if (!unit && *effect->baseline) {
                sim_violate(w, "a command for a unit that is not there", "%s %s %s", agent->domain,
                            step_to_string(effect->step), effect->baseline);
                return;
        }
        if (unit && effect->step == STEP_ROLLBACK)
                unit->went_back = true;
        if (unit)
                unit->put_off &= effect->step != STEP_ROLLBACK;
        if (agent->working == effect->step && strcmp(agent->working_title, effect->baseline) == 0)
                return; /* it is at it */
        if (sim_chance(w, agent->temper.refuse)) {
                refuse(w, agent, effect->activity, EFFECT_COMMAND, -EIO);
        } else if (effect->step == STEP_VERIFY && !agent->temper.can_verify) {
                refuse(w, agent, effect->activity, EFFECT_COMMAND, -ENOTSUP);
        } else if (agent->leaving || (agent->working != STEP_NONE && !agent->temper.queues)) {
                if (unit)
                        unit->put_off = effect->step == STEP_ROLLBACK;
                refuse(w, agent, effect->activity, EFFECT_COMMAND, -EBUSY);
        } else if (agent->working != STEP_NONE) {
                agent->next = effect->step;
                (void)snprintf(agent->next_title, sizeof(agent->next_title), "%s",
                               effect->baseline);
        } else {
                work(w, agent, effect->step, effect->baseline);
        }
}

/* Gives up: what is not active is undone. */
void agent_cancel(struct world *w, struct sim_agent *agent, const char *activity)
{
        if (!agent->temper.can_cancel || !knows(agent, activity)) {
                refuse(w, agent, activity, EFFECT_CANCEL, -ENOTSUP);
                return;
        }
        if (sim_chance(w, 300))
                return; /* the step ends as it would have */
        agent->life++;
        agent->working = STEP_NONE;
        agent->next = STEP_NONE;
        agent->last = STATUS_INCOMPLETE;
        agent->leaving = agent->temper.leaves_slowly;
        say(w, agent, delay(w, agent), activity, STATUS_INCOMPLETE, "", false);
}

void agent_feedback_get(struct world *w, struct sim_agent *agent, const char *activity)
{
        struct sim_happening h = {
                .what = SIM_AGENT_SAY,
                .agent = index_of(w, agent),
                .life = agent->life,
                .status = STATUS_RUNNING,
                .yes = true,
        };

        if (!agent->temper.can_get || !knows(agent, activity)) {
                refuse(w, agent, activity, EFFECT_FEEDBACK_GET,
                       agent->temper.can_get ? -ENOENT : -ENOTSUP);
                return;
        }
        if (sim_chance(w, agent->temper.stall))
                return;
        if (agent->asked_reboot) {
                (void)snprintf(h.activity, sizeof(h.activity), "%s", activity);
                sim_schedule(w, 1, &h);
        }
        say(w, agent, 2 + delay(w, agent), activity,
            agent->last == STATUS_UNKNOWN ? STATUS_IDENTIFYING : agent->last, agent->last_title,
            true);
}

void agent_forgive(struct sim_agent *agent)
{
        size_t i;

        for (i = 0; i < agent->n_units; i++)
                agent->units[i].put_off = false;
}

void agent_left(struct sim_agent *agent)
{
        size_t i;

        agent->leaving = false;
        for (i = 0; i < agent->n_units; i++)
                agent->units[i].put_off &= agent->units[i].active;
}

void agent_activity_end(struct sim_agent *agent, const char *activity)
{
        (void)agent;
        (void)activity; /* it cleans up by itself what it was not asked to */
}

/* --------------------------------------------------------------------------------- its own time */

/* The word with which a step ends, and what is true from then on. */
static enum status outcome(struct world *w, struct sim_agent *agent, struct sim_unit *unit,
                           enum step step)
{
        bool fails = sim_chance(w, agent->temper.fail);

        switch (step) {
        case STEP_DOWNLOAD:
        case STEP_UPDATE:
                break;
        case STEP_ACTIVATE:
                unit->active = !fails || sim_chance(w, 300);
                break;
        case STEP_VERIFY:
                fails |= agent->fell_back;
                break;
        case STEP_ROLLBACK:
                if (!fails)
                        unit->active = false;
                unit->done = STEP_IDENTIFY;
                return words[step][fails ? 2 : 1];
        case STEP_CLEANUP:
                unit->done = STEP_CLEANUP;
                return words[step][fails ? 2 : 1];
        case STEP_NONE:
        case STEP_IDENTIFY:
        case STEP_COUNT:
                break;
        }
        if (!fails && unit->done < step)
                unit->done = step;
        return words[step][fails ? 2 : 1];
}

static void identify(struct world *w, struct sim_agent *agent)
{
        uint64_t dice = sim_random(w, 1000);
        size_t i;

        if (dice < agent->temper.fail) {
                agent->last = sim_chance(w, 700) ? STATUS_IDENTIFICATION_FAILED : STATUS_INCOMPLETE;
                say(w, agent, 0, agent->activity, agent->last, "", false);
                return;
        }
        for (i = 0; i < agent->n_units; i++) {
                agent->units[i].done = STEP_IDENTIFY;
                agent->units[i].nothing = dice > 900 && !agent->units[i].active;
        }
        agent->last = dice > 950 ? STATUS_COMPLETED : STATUS_IDENTIFIED;
        say(w, agent, 0, agent->activity, agent->last, "", dice <= 900);
}

static void end_activity(struct world *w, struct sim_agent *agent, bool good)
{
        size_t i;

        for (i = 0; i < agent->n_units; i++)
                if (agent->units[i].done != STEP_CLEANUP && !agent->units[i].went_back)
                        agent->units[i].active |= good;
        agent->last = good ? STATUS_COMPLETED : STATUS_INCOMPLETE;
        say(w, agent, 0, agent->activity, agent->last, "", false);
}

/* The answer to CLEANUP.  Kanto's agents say behind the last one how the activity ended for them; some
 * say only that it has. */
static void say_cleaned_up(struct world *w, struct sim_agent *agent, const char *title)
{
        bool ends = agent->temper.kanto;
        bool active = true;
        size_t i;

        for (i = 0; i < agent->n_units; i++) {
                ends &= agent->units[i].done == STEP_CLEANUP;
                active &= agent->units[i].active;
        }
        if (!ends || !sim_chance(w, 300))
                say(w, agent, 1, agent->activity, agent->last, title, true);
        if (!ends)
                return;
        agent->last = active || sim_chance(w, 300) ? STATUS_COMPLETED : STATUS_INCOMPLETE;
        say(w, agent, 2, agent->activity, agent->last, "", false);
}

/* As the ABI has it: before the final feedback of ACTIVATE. */
static void ask_reboot(struct world *w, struct sim_agent *agent)
{
        struct sim_happening h = {
                .what = SIM_AGENT_SAY,
                .agent = index_of(w, agent),
                .life = agent->life,
                .status = STATUS_RUNNING,
                .yes = true, /* stands for the request */
        };

        (void)snprintf(h.activity, sizeof(h.activity), "%s", agent->activity);
        agent->asked_reboot = true;
        sim_schedule(w, 0, &h);
}

void agent_work(struct world *w, struct sim_agent *agent, const struct sim_happening *h)
{
        struct sim_unit *unit = find_unit(agent, h->title);
        enum step next = agent->next;

        agent->working = STEP_NONE;
        agent->next = STEP_NONE;
        if (h->step == STEP_IDENTIFY) {
                identify(w, agent);
        } else if (!unit) { /* a CLEANUP of everything */
                agent->last = STATUS_CLEANUP_SUCCESS;
                say(w, agent, 0, agent->activity, agent->last, "", false);
        } else if (h->step <= STEP_ACTIVATE && sim_chance(w, agent->temper.fail / 8)) {
                end_activity(w, agent, sim_chance(w, 400));
        } else {
                agent->last = outcome(w, agent, unit, h->step);
                if (h->step == STEP_ACTIVATE && unit->active && agent->temper.wants_reboot)
                        ask_reboot(w, agent);
                if (h->step == STEP_CLEANUP)
                        say_cleaned_up(w, agent, h->title);
                else
                        say(w, agent, 1, agent->activity, agent->last, h->title, true);
                if (sim_chance(w, agent->temper.twice))
                        say(w, agent, 2 + delay(w, agent), agent->activity, agent->last, h->title,
                            true);
        }
        (void)snprintf(agent->last_title, sizeof(agent->last_title), "%s", h->title);
        if (next != STEP_NONE)
                work(w, agent, next, agent->next_title);
}

void agent_start(struct sim_agent *agent)
{
        agent->up = true;
        agent->life++;
        agent->working = STEP_NONE;
        agent->next = STEP_NONE;
}

/* In the middle of a step anything may be half done; what was active may be so or not. */
void agent_die(struct sim_agent *agent)
{
        struct sim_unit *unit = find_unit(agent, agent->working_title);

        if (agent->working == STEP_ACTIVATE && unit && (agent->life & 1))
                unit->active = true;
        agent->up = false;
        agent->life++;
        agent->working = STEP_NONE;
        agent->next = STEP_NONE;
        agent->leaving = false;
        agent_forgive(agent);
        if (agent->temper.forgets)
                agent->knows = false;
}

/* The device comes up: with the new software, or, if the boot loader had to fall back, without. */
void agent_boot(struct world *w, struct sim_agent *agent)
{
        size_t i;

        agent_die(agent);
        agent->fell_back = agent->asked_reboot && agent->temper.can_verify &&
                           sim_chance(w, agent->temper.fail);
        for (i = 0; agent->fell_back && i < agent->n_units; i++)
                agent->units[i].active = false;
        agent->asked_reboot = false;
}
