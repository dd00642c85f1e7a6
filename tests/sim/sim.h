/* SPDX-License-Identifier: Apache-2.0
 *
 * sim - random lives of the orchestrator, each from a seed
 *
 * A world has a clock, a queue of what is to happen, agents with their own truth about what is
 * installed, and a broker that may crash at any effect and be born again from the last record.
 * Everything random comes from the seed, so a life can be lived again exactly.
 *
 * Files: world.c is the clock, the broker and everything around it; agent.c the agents; check.c the
 * invariants. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/orchestrator/orchestrator.h"

enum {
        SIM_AGENTS_MAX = 4,
        SIM_UNITS_MAX = 8,
        SIM_ACTIVITIES_MAX = 6,
        SIM_CRASHES_MAX = 8,
        SIM_STEPS_MAX = 20000,
};

#define SIM_SECOND UINT64_C(1000000)

/* What is true of the components of one unit, whatever the orchestrator believes. */
struct sim_unit {
        char title[32]; /* "": the whole domain */
        enum step
                done; /* the last step that went well in this activity; STEP_NONE: no desired state */
        bool active;    /* the new software runs, or would after a boot */
        bool nothing;   /* it ran already */
        bool went_back; /* has been told to ROLLBACK */
        bool put_off;   /* ROLLBACK was refused only because the agent is at something else */
};

/* What an agent is like; chances in thousandths. */
struct sim_temper {
        unsigned fail;
        unsigned stall;
        unsigned die;
        unsigned late;
        unsigned twice;
        unsigned noise;
        unsigned refuse;
        bool remote;  /* lives on when the broker dies */
        bool forgets; /* knows nothing of the activity after a restart */
        bool can_get; /* has feedback_get */
        bool can_cancel;
        bool can_verify;
        bool queues; /* takes a command while it works; otherwise -EBUSY */
        bool wants_reboot;
        bool kanto; /* ends with COMPLETED or INCOMPLETE after CLEANUP, or instead of its answer */
        bool leaves_slowly; /* takes nothing between a CANCEL and its INCOMPLETE */
};

struct sim_agent {
        char domain[16];
        struct sim_temper temper;
        bool up;
        uint64_t life; /* grows with each start: what an earlier life had in hand is void */
        char activity[16];
        bool knows; /* ... of the activity; truth outlives memory */
        struct sim_unit units[SIM_UNITS_MAX];
        size_t n_units;
        enum step working; /* STEP_NONE: idle */
        char working_title[32];
        bool leaving;   /* has been told to CANCEL, and is at it */
        enum step next; /* queued behind it */
        char next_title[32];
        enum status last; /* the last word it said */
        char last_title[32];
        bool asked_reboot;
        bool fell_back; /* the boot did not bring up the new software */
};

enum sim_what {
        SIM_AGENT_START = 1,
        SIM_AGENT_WORK, /* the step ends */
        SIM_AGENT_SAY,  /* status for activity, maybe noise */
        SIM_AGENT_REFUSE,
        SIM_AGENT_DIE,
        SIM_BACKEND_DESIRED,
        SIM_BACKEND_CANCEL,
        SIM_OWNER,
        SIM_FACT,
        SIM_BROKER_START,
        SIM_REBOOT_FAILED,
        SIM_DELIVERED, /* the server has acknowledged a terminal feedback */
};

struct sim_happening {
        uint64_t at;
        uint64_t order; /* of those at the same time */
        enum sim_what what;
        size_t agent;
        uint64_t life;
        char activity[16];
        char title[32];
        enum step step;
        enum status status;
        enum effect_kind request;
        int result;
        bool yes;
        bool actions;
};

struct sim_timer {
        struct timer timer;
        uint64_t at;
};

/* One desired state that was given to the broker. */
struct sim_activity {
        char id[16];
        bool offered;
        bool accepted;
        bool started;   /* an agent has heard of it */
        unsigned asked; /* how often its id was given: repeats are answered again */
        char *terminal; /* the text of the first one */
        unsigned terminals;
        enum status status;
        bool acknowledged; /* the broker has heard that the server has it */
        bool delivered;    /* ... and has lived to write it down */
};

struct world {
        uint64_t seed;
        uint64_t random;
        bool server_away; /* nothing is ever acknowledged */
        uint64_t now;
        uint64_t order;
        struct sim_happening *happenings;
        size_t n_happenings;
        size_t happenings_size;
        struct sim_timer timers[64];
        size_t n_timers;

        struct orchestrator *broker; /* NULL: dead */
        struct orchestrator_config config;
        struct orchestrator_agent config_agents[SIM_AGENTS_MAX];
        char boot_id[16];
        unsigned boots;
        char *record;
        unsigned crash; /* chance at each effect, in ten-thousandths */
        unsigned crashes;
        bool crashed_ever;

        struct sim_agent agents[SIM_AGENTS_MAX];
        size_t n_agents;
        struct sim_activity activities[SIM_ACTIVITIES_MAX];
        size_t n_activities;
        unsigned owner_denies;
        unsigned owner_sleeps;

        bool trace;
        const char *violation; /* the first one; NULL: none */
        char violation_more[256];
        unsigned long steps;
        unsigned long effects;
};

/* Random numbers: below n; true p times in a thousand; a time between two. */
uint64_t sim_random(struct world *w, uint64_t n);
bool sim_chance(struct world *w, unsigned per_mille);

void sim_trace(const struct world *w, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void sim_violate(struct world *w, const char *what, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts something into the future. */
void sim_schedule(struct world *w, uint64_t after, const struct sim_happening *happening);

/* Lives one life.  True: no violation. */
bool sim_live(uint64_t seed, bool trace, unsigned long *steps, unsigned long *effects);

/* -------------------------------------------------------------------------------------- agent.c */

void agent_make(struct world *w, struct sim_agent *agent, size_t index, unsigned badness);
/* What the broker sends. */
void agent_desired_state(struct world *w, struct sim_agent *agent, const char *activity,
                         const char *text);
void agent_command(struct world *w, struct sim_agent *agent, const struct effect *effect);
void agent_cancel(struct world *w, struct sim_agent *agent, const char *activity);
void agent_feedback_get(struct world *w, struct sim_agent *agent, const char *activity);
void agent_activity_end(struct sim_agent *agent, const char *activity);
/* Its INCOMPLETE is out: what is not active is undone. */
void agent_left(struct sim_agent *agent);
/* The broker has a reason not to wait any longer until it can ROLLBACK. */
void agent_forgive(struct sim_agent *agent);
/* What it does in its own time. */
void agent_work(struct world *w, struct sim_agent *agent, const struct sim_happening *h);
void agent_start(struct sim_agent *agent);
void agent_die(struct sim_agent *agent);
void agent_boot(struct world *w, struct sim_agent *agent);

/* -------------------------------------------------------------------------------------- check.c */

void check_effect(struct world *w, const struct effect *effect);
void check_command(struct world *w, const struct sim_agent *agent, const struct sim_unit *unit,
                   enum step step);
/* Compares with the truth what the effects of a step say about activities that end in it. */
void check_before_step(struct world *w, const struct effects *effects);
void check_record(struct world *w, const char *record);
/* Nothing that was said and not acknowledged may be missing in the record. */
void check_outgoing(struct world *w);
void check_end(struct world *w);
struct sim_activity *check_find(struct world *w, const char *id);
