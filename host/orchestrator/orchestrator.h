/* SPDX-License-Identifier: Apache-2.0
 *
 * orchestrator - carries one desired state at a time through all domains, to exactly one end
 *
 * Pure: events go in, effects come out (effect.h).  It knows no clock, file, socket or process, and
 * the same events always give the same effects; so a simulator can run it through a million lives,
 * and a crash is nothing but a new orchestrator that is given the last record.
 *
 *
 * The life of an activity
 *
 *     IDENTIFY --> DOWNLOAD --> UPDATE --> ACTIVATE --> [REBOOT --> VERIFY] --> CLEANUP --> END
 *
 * The desired state is split by domain, and the components of a domain by baseline: these are the
 * units of progress, and what one of them does next is the table in unit.h.  A phase is a barrier.
 * It ends when no unit that is on its way to success is behind it; a unit that failed does not hold
 * it up, but is cleaned up or rolled back meanwhile.  Units of one baseline stand and fall
 * together: when one fails, the others finish the step that they are at, and are then rolled back.
 * Units without a baseline go on when others fail, and the activity ends INCOMPLETE.  It is over
 * when every unit is in a final state.
 *
 * Before a phase there may be a gate: preconditions of baselines before UPDATE and ACTIVATE, and
 * the owner's consent before each command that the configuration lists.  Neither counts as silence.
 *
 * An agent is asked one thing at a time.  One that is to go back may still be at something else, a
 * CANCEL or a step that took too long, and refuse with -EBUSY: it is asked again when it says that it
 * is through.  A domain that is one unit is addressed as a whole, with
 * baseline "", as Kanto does; a domain of several is addressed by their titles, one after the
 * other, and what is in no baseline by the title ORCHESTRATOR_REMAINING, which is added to its copy
 * of the desired state.
 *
 *
 * Time
 *
 * `phase_timeout` is how long a domain that is at work may be silent; any feedback begins it anew.
 * `phase_limit` is how long a step may take whatever the agent says.  An agent that is down while
 * something is to be sent has `phase_timeout` to come back.  Timers are relative and are not kept
 * across a crash: they begin anew.  An agent of which it is known that it will not come up is not
 * waited for at all: what is asked of it fails at once, for the reason why it is down.
 *
 *
 * Crash, restart, power loss
 *
 * A record of the whole state goes to the journal before anything leaves that depends on it, and a
 * terminal feedback stays in the record until EVENT_DELIVERED says that somebody has it.  orchestrator_restore() and EVENT_START
 * take up from there: the owner is asked again, a desired state that was not answered is sent
 * again, and a domain that had a command is asked with feedback_get how far it is:
 *
 *     the word that ends the step           is taken as the answer
 *     a word of progress, or older          the command is sent again; -EBUSY then means "at work"
 *     it does not know the activity         CLEANUP, ROLLBACK and VERIFY are sent again; otherwise the
 *                                           domain starts over with the desired state and catches up
 *
 * So an agent may see a command a second time, after a restart of its own.  A terminal feedback may
 * be seen twice, word for word the same, if power fails between sending it and writing down that it
 * has arrived.
 *
 *
 * Which activity runs
 *
 * One at a time.  A newer desired state supersedes one that has not begun UPDATE; otherwise it
 * waits, and of several only the newest does.  An id that has been seen is answered with what
 * became of it. CANCEL ends an activity early: what is not finished is undone, in CLEANUP it is too
 * late.
 *
 * Every desired state that is accepted gets exactly one terminal feedback: COMPLETED, INCOMPLETE,
 * INCOMPLETE_INCONSISTENT (something can neither be finished nor be undone), IDENTIFICATION_FAILED
 * or SUPERSEDED.  Where Kanto's update manager comes to the right end, the texts are its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/model/status.h"
#include "host/orchestrator/effect.h"
#include "host/util/cleanup.h"

struct desired_state;
struct diag;
struct feedback;
struct orchestrator;

/* Bytes of a feedback; one that would be longer leaves without its actions. */
enum { ORCHESTRATOR_FEEDBACK_MAX = 8 * 1024 * 1024 - 4096 };

/* The title of the unit that holds what no baseline names. */
#define ORCHESTRATOR_REMAINING ":remaining"

struct orchestrator_agent {
        const char *domain;
        /* Kanto's static setting: boot after an activity that changed this domain is COMPLETED.
         * Agents that ask for it themselves (EVENT_REBOOT_REQUEST) have the boot before that, and
         * are asked to verify. */
        bool reboot_required;
};

/* Copied by whoever takes it. */
struct orchestrator_config {
        const struct orchestrator_agent *agents;
        size_t n_agents;
        uint64_t phase_timeout_usec;
        uint64_t phase_limit_usec;        /* 0: none */
        uint64_t precondition_limit_usec; /* how long to wait for them; 0: not at all */
        uint64_t consent_timeout_usec;
        uint64_t report_interval_usec; /* of RUNNING; 0: none is sent */
        uint64_t reboot_after_usec;
        unsigned consent_steps; /* 1 << STEP_DOWNLOAD etc. */
        bool reboot_enabled;
        bool report_before_reboot;   /* COMPLETED goes out before the boot, unverified */
        bool ignore_unknown_domains; /* do not count them as failed */
        bool refuse_concurrent; /* answer a second desired state "Another update activity in progress" */
        bool end_on_stop;       /* end the activity at EVENT_STOP instead of resuming it later */
        const char *boot_id;         /* differs after each boot of the device */
};

enum event_kind {
        EVENT_START = 1,      /* first of all, also after orchestrator_restore() */
        EVENT_DESIRED_STATE,  /* activity (not empty), desired: taken in any case */
        EVENT_INVALID,        /* activity, text: a desired state that cannot be read, and why */
        EVENT_CANCEL,         /* activity */
        EVENT_AGENT_STARTED,  /* domain */
        EVENT_AGENT_DIED,     /* domain, text: it may come back */
        EVENT_AGENT_FAILED,   /* domain, text: it is down, and will not come up by itself */
        EVENT_AGENT_STARTING, /* domain: after EVENT_AGENT_FAILED; it may come up all the same */
        EVENT_FEEDBACK,       /* domain, activity, feedback */
        EVENT_REFUSED,        /* domain, activity, request, result, text: the agent did not take it */
        EVENT_REBOOT_REQUEST, /* domain, activity, text */
        EVENT_TIMER,          /* timer */
        EVENT_CONSENT,        /* activity, approved */
        EVENT_FACT,           /* name, text: its value; NULL: unknown from here on */
        EVENT_JOURNAL_FAILED, /* text: why a record could not be written */
        EVENT_REBOOT_DUE,     /* domain: it was driven by hand, and has asked for a boot */
        EVENT_REBOOT_FAILED,  /* text */
        EVENT_DELIVERED,      /* activity: somebody has its terminal feedback for certain */
        EVENT_STOP,           /* the daemon stops; EFFECT_STOPPED answers */
};

/* What EVENT_REFUSED is about; the kinds of effect that go to an agent and can be refused. */
struct event {
        enum event_kind kind;
        const char *domain; /* everything here is borrowed for the call, but for desired */
        const char *activity;
        const char *text;
        const char *name;
        struct desired_state *desired;
        const struct feedback *feedback;
        enum effect_kind request;
        int result; /* negative errno */
        struct timer timer;
        bool approved;
};

/* -ENOMEM. */
int orchestrator_new(const struct orchestrator_config *config, struct orchestrator **ret);
/* The same from a record.  -EBADMSG: not a record of ours, or damaged; diag says what.  -ENOMEM. */
int orchestrator_restore(const struct orchestrator_config *config, const char *record,
                         size_t length, struct diag *diag, struct orchestrator **ret);
struct orchestrator *orchestrator_free(struct orchestrator *o);
DEFINE_FREEP(struct orchestrator, orchestrator);

/* Takes a new configuration: agents that are in both keep what is known of them.  -ENOMEM: the old
 * one stays in force. */
int orchestrator_set_config(struct orchestrator *o, const struct orchestrator_config *config);

/* One step.  Effects are appended. -ENOMEM: the orchestrator is of no use any more; free it, and go
 * on from the last record as after a crash. */
int orchestrator_step(struct orchestrator *o, const struct event *event, struct effects *effects);

/* True while the domain takes part in an activity and is not through with it. */
bool orchestrator_is_busy(const struct orchestrator *o, const char *domain);
/* The id of the activity that runs; NULL: none. */
const char *orchestrator_get_activity(const struct orchestrator *o);
/* The id of the activity that waits for its turn; NULL: none. */
const char *orchestrator_get_waiting(const struct orchestrator *o);
/* Whether this id is answered rather than run: it runs, waits, or has been. */
bool orchestrator_knows(const struct orchestrator *o, const char *activity);
/* Whether EVENT_CANCEL can still do something about the activity that runs. */
bool orchestrator_can_cancel(const struct orchestrator *o);
/* Whether agents are at work on what the device consists of: from UPDATE on, but not while the
 * activity waits for a consent or for a boot. */
bool orchestrator_is_changing(const struct orchestrator *o);
/* "DOWNLOAD", "waiting for consent to UPDATE"; "" when nothing runs. */
const char *orchestrator_get_phase(const struct orchestrator *o);
