/* SPDX-License-Identifier: Apache-2.0
 *
 * state - the inside of the orchestrator, and the few ways in which its parts leave effects
 *
 * The parts: orchestrator.c takes events in; queue.c decides which activity runs; intake.c makes of
 * what an agent says an input for its units; drive.c moves units and phases on; gates.c holds them
 * up for facts and consent; resume.c takes up after a restart; verdict.c finds the words for the
 * end; report.c composes feedback; outgoing.c keeps that of the end until it has arrived; emit.c
 * lets effects out; record.c is the journal.
 *
 * Whatever must survive sets `dirty`.  Every function below that lets something leave the process
 * writes the record first if it is dirty: that is where "journal before effect" is kept, and the
 * only place. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/orchestrator/activity.h"
#include "host/orchestrator/facts.h"
#include "host/orchestrator/history.h"
#include "host/orchestrator/orchestrator.h"

struct agent {
        char *domain;
        bool reboot_required;
        bool up;
        char *fault; /* why it will not come up by itself; NULL: it may */
};

/* RUNNING is sent at once when the window is closed, and opens it; what changes inside it is sent
 * when it ends.  A window in which nothing changed closes. */
struct throttle {
        bool changed;
        uint64_t timer; /* serial; 0: the window is closed */
};

/* A terminal feedback that nobody has acknowledged yet. */
struct outgoing {
        char *activity;
        char *text;
        bool sent; /* by this run */
};

/* A desired state that waits for its turn. */
struct waiting {
        char *activity; /* NULL: none */
        struct desired_state *desired;
};

struct orchestrator {
        struct orchestrator_config config; /* agents: see below */
        char *boot_id;
        struct agent *agents;
        size_t n_agents;

        struct activity *activity; /* NULL: none runs */
        struct waiting waiting;
        struct outgoing *outgoing; /* the oldest first */
        size_t n_outgoing;
        struct history history;
        bool reboot_due; /* after the activity that ended last, or what was done by hand */
        bool started;
        bool stopping;

        struct facts facts;
        struct throttle throttle;
        uint64_t consent_timer; /* serials; 0: not armed */
        uint64_t precondition_timer;
        uint64_t reboot_timer;
        uint64_t serial; /* the last one given out */

        bool dirty;              /* the record on disk is not what this is */
        struct effects *effects; /* of the step that is being done */
};

/* ------------------------------------------------------------------------------- orchestrator.c */

/* NULL: no agent is configured for the domain. */
struct agent *orchestrator_find_agent(const struct orchestrator *o, const char *domain);
/* Gives the domains of the activity their agents, and notes which have one. */
void orchestrator_know_domains(struct orchestrator *o);

/* --------------------------------------------------------------------------------------- emit.c */

/* Records that memory ran out, which the step then reports. */
void orchestrator_fail(struct orchestrator *o);
/* Hands on a result: fails when it is -ENOMEM. */
void orchestrator_check(struct orchestrator *o, int r);

/* Writes the record if what is on disk is out of date. */
void orchestrator_flush(struct orchestrator *o);

/* To an agent; flushed.  EFFECT_DESIRED_STATE takes its text. */
void orchestrator_tell(struct orchestrator *o, enum effect_kind kind, const struct domain *d,
                       enum step step, const char *baseline, char *take_text);
/* Upward, or to the broker: flushed. */
void orchestrator_emit(struct orchestrator *o, const struct effect *effect);

void orchestrator_arm(struct orchestrator *o, enum timer_kind kind, unsigned slot, uint64_t usec,
                      uint64_t *serial);
void orchestrator_disarm(struct orchestrator *o, enum timer_kind kind, unsigned slot,
                         uint64_t *serial);

void orchestrator_log(struct orchestrator *o, int level, const char *domain, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));

/* -------------------------------------------------------------------------------------- queue.c */

/* A desired state has come: it runs, waits, or is answered.  Takes event->desired. */
void queue_desired_state(struct orchestrator *o, const struct event *event);
/* One that is none: answered and forgotten. */
void queue_invalid(struct orchestrator *o, const struct event *event);
void queue_cancel(struct orchestrator *o, const struct event *event);
/* Begins the one that waits, unless something runs or the device is about to go down. */
void queue_begin_waiting(struct orchestrator *o);
/* Ends the activity with these words, and goes on to what comes after it. */
void queue_finish(struct orchestrator *o, enum status status, const char *message);
void queue_waiting_done(struct waiting *waiting);

/* ------------------------------------------------------------------------------------- report.c */

/* Publishes an overall feedback of the running activity with all its actions. */
void report_status(struct orchestrator *o, enum status status, const char *message);
/* Says that there may be progress to report. */
void report_running(struct orchestrator *o, bool changed);
void report_timer(struct orchestrator *o);
void report_close(struct orchestrator *o);
/* A terminal feedback: into the record, out, and into the history.  with_actions: those of the
 * running activity. */
void report_terminal(struct orchestrator *o, const char *activity, enum status status,
                     const char *message, bool with_actions);
/* A terminal feedback once more. */
void report_again(struct orchestrator *o, const struct result *result);

/* ----------------------------------------------------------------------------------- outgoing.c */

/* A terminal feedback is to be kept until it is acknowledged.  text NULL: out of memory. */
void outgoing_add(struct orchestrator *o, const char *activity, const char *text);
/* The same, from a record.  -ENOMEM. */
int outgoing_put(struct orchestrator *o, const char *activity, const char *text);
/* Sends, behind the record that holds them, those that this run has not sent yet. */
void outgoing_send(struct orchestrator *o);
/* Somebody has it; an activity of which nothing is kept is ignored. */
void outgoing_delivered(struct orchestrator *o, const char *activity);
void outgoing_done(struct orchestrator *o);

/* ------------------------------------------------------------------------------------- intake.c */

void intake_feedback(struct orchestrator *o, const struct event *event);
/* Takes the word of a feedback.  True: it ended the step, or the domain. */
bool intake_take(struct orchestrator *o, struct domain *d, const struct feedback *f);
void intake_refused(struct orchestrator *o, const struct event *event);
void intake_died(struct orchestrator *o, struct domain *d, const char *text);
void intake_started(struct orchestrator *o, struct domain *d);
void intake_timeout(struct orchestrator *o, struct domain *d, bool limit);
/* The agent will not come up; its step ends at once. */
void intake_hopeless(struct orchestrator *o, struct domain *d, const char *fault);
void intake_reboot_request(struct orchestrator *o, struct domain *d, const char *reason);

/* -------------------------------------------------------------------------------------- drive.c */

/* Applies an input to one unit, with the reason if it is a bad one. */
void drive_unit(struct orchestrator *o, struct domain *d, struct unit *unit, enum unit_input input,
                const char *reason);
/* The agent has nothing more to do, as far as it and we know. */
void drive_end_step(struct orchestrator *o, struct domain *d);
/* Sends what is to be sent to a domain whose agent is up, and times it. */
void drive_send(struct orchestrator *o, struct domain *d);
/* (Re)starts the time that a domain may be silent. */
void drive_listen(struct orchestrator *o, struct domain *d);
/* Moves units and phases on as far as they go by themselves; ends the activity when it is over. */
void drive(struct orchestrator *o);
/* Has every unit give up.  text: the message of the end; NULL: composed then. */
void drive_abandon(struct orchestrator *o, enum status verdict, const char *text);
void drive_reboot_failed(struct orchestrator *o, const char *text);
/* Arms the timer of a boot that is due. */
void drive_wait_reboot(struct orchestrator *o);

/* -------------------------------------------------------------------------------------- gates.c */

/* Closes the gates in front of the present phase that are to be closed, and asks who can open them;
 * also once more after a restart. */
void gates_close(struct orchestrator *o);
/* The way is free, whatever held it up; takes back what was asked. */
void gates_open(struct orchestrator *o);
/* The owner's answer; in_time false: there was none. */
void gates_consent(struct orchestrator *o, bool approved, bool in_time);
/* A fact is another than before. */
void gates_facts(struct orchestrator *o);
void gates_facts_timeout(struct orchestrator *o);

/* ------------------------------------------------------------------------------------- resume.c */

/* Takes up the activity of a record. */
void resume(struct orchestrator *o);
/* The answer to feedback_get; feedback NULL: the agent does not know. */
void resume_answer(struct orchestrator *o, struct domain *d, const struct feedback *feedback);

/* ------------------------------------------------------------------------------------ verdict.c */

/* The word and the text with which the activity ends, now that all units are final.  *ret_text is
 * the caller's to free; "" for none.  -ENOMEM. */
int verdict(struct orchestrator *o, enum status *ret_status, char **ret_text);
/* "failed to wait for command 'UPDATE' signal: CAUSE", or the cause alone after the last
 * command. */
int verdict_waited(enum phase phase, const char *cause, char **ret_text);

/* ------------------------------------------------------------------------------------- record.c */

/* The whole state as one JSON text, the caller's to free.  -ENOMEM. */
int record_write(struct orchestrator *o, char **ret);
/* Fills an orchestrator without activity.  -EBADMSG with diag; -ENOMEM. */
int record_read(struct orchestrator *o, const char *text, size_t length, struct diag *diag);
