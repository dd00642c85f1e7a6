/* SPDX-License-Identifier: Apache-2.0
 *
 * activity - one desired state on its way: its domains, baselines and units
 *
 * Data, and the questions that can be answered by looking at it.  What happens to it is drive.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/model/desired_state.h"
#include "host/model/status.h"
#include "host/orchestrator/actions.h"
#include "host/orchestrator/unit.h"

struct agent;

/* A unit without a baseline. */
#define ACTIVITY_NO_GROUP ((size_t)-1)

enum phase {
        PHASE_IDENTIFY = 0,
        PHASE_DOWNLOAD,
        PHASE_UPDATE,
        PHASE_ACTIVATE,
        PHASE_REBOOT,
        PHASE_VERIFY,
        PHASE_CLEANUP,
        PHASE_END, /* no unit is on its way to success; those that failed are cleaned up */
        PHASE_COUNT,
};

/* What stands between a phase and the one before it. */
enum gate { GATE_OPEN = 0,
            GATE_FACTS,
            GATE_CONSENT };

/* How far the question after a restart is: where does the agent stand? */
enum resume { RESUME_NO = 0,
              RESUME_ASK,
              RESUME_ASKED };

/* Why a unit or baseline did not make it. */
struct reason {
        char *text;   /* NULL: nobody said why */
        bool silence; /* the text is only about time */
};

struct unit {
        const char *title; /* borrowed; "": the whole domain */
        size_t group;      /* index of its baseline, or ACTIVITY_NO_GROUP */
        enum unit_state state;
        bool touched; /* has been told to ACTIVATE */
        struct reason reason;
};

/* The baseline with the same index in the desired state. */
struct group {
        bool failed;
        struct reason reason; /* of the baseline itself; the members have their own */
};

struct domain {
        const struct desired_domain *desired; /* borrowed from the activity */
        bool known;          /* there was an agent when it began */
        struct agent *agent; /* borrowed from the orchestrator; NULL: there is none at present */
        struct unit *units;
        size_t n_units;
        struct actions actions;

        enum step step;  /* what the agent is at, or is to be told; STEP_NONE: nothing */
        size_t unit;     /* whose step; STEP_IDENTIFY is everyone's */
        bool sent;       /* false: waits for the agent to come up */
        bool repeated;   /* sent a second time, after a restart */
        bool cancelled;  /* has been told to give up */
        bool held;       /* refused for what the agent is still at: sent again when that ends */
        unsigned holds;  /* so far */
        unsigned deaths; /* of the agent in this step */
        enum resume resume;
        bool reboot;      /* asked for a boot */
        uint64_t silence; /* serials of timers; 0: not armed */
        uint64_t limit;
};

struct activity {
        char *id;
        struct desired_state *desired;
        struct domain *domains;
        size_t n_domains;
        struct group *groups;
        size_t n_groups;

        enum phase phase; /* with a closed gate: the one that it leads to */
        enum gate gate;
        bool refused;     /* a domain said IDENTIFICATION_FAILED */
        bool identified; /* IDENTIFIED has been reported, and RUNNING may be */
        enum phase stuck; /* the phase that nobody got beyond; PHASE_COUNT: somebody did */

        /* Set when it ends early; every unit gives up. */
        bool abandoned;
        enum status verdict;
        char *verdict_text;
};

/* Takes desired in any case.  -ENOMEM.  The caller gives the domains their agents. */
int activity_new(const char *id, struct desired_state *take_desired, struct activity **ret);
struct activity *activity_free(struct activity *a);
DEFINE_FREEP(struct activity, activity);

struct domain *activity_find_domain(const struct activity *a, const char *id);

/* True when this unit's baseline has failed, or the whole activity is to end. */
bool activity_is_given_up(const struct activity *a, const struct unit *unit);
enum unit_tie activity_tie(const struct unit *unit);

/* The step that the phase asks of a unit in this state; STEP_NONE: it is through, or waits. */
enum step activity_due(const struct activity *a, const struct domain *d, const struct unit *unit);
/* True while a unit on its way to success has something to do before the phase can end. */
bool activity_is_behind(const struct activity *a, const struct domain *d, const struct unit *unit);

bool activity_any_forward(const struct activity *a);
bool activity_all_final(const struct activity *a);
bool domain_is_final(const struct domain *d);

/* Sets a reason unless there is one: the first is the cause.  text is copied; NULL: only the fact.
 * -ENOMEM. */
int reason_set(struct reason *reason, const char *text, bool silence);

const char *phase_to_string(enum phase phase); /* "DOWNLOAD" */
int phase_from_string(const char *text);       /* -1: no such phase */
/* The command that Kanto would be waiting for in this phase; STEP_NONE in the last. */
enum step phase_awaited(enum phase phase);
/* The command that begins the phase, for which an owner may be asked; STEP_NONE: no such command. */
enum step phase_step(enum phase phase);
