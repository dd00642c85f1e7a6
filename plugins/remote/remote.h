/* SPDX-License-Identifier: Apache-2.0
 *
 * remote - an instance of the remote agent, as its files share it
 *
 *     remote.c     the tables of the plugin; topics, connection
 *     activity.c   desired state and commands to the agent, and waiting for what comes of them
 *     feedback.c   what it says of them
 *     inquiry.c    current states: questions, answers, the last one
 *     keep.c       what is kept in the durable state
 *     message.c    JSON of both
 *     word.c       what status words mean
 *     settings.c   prefix and times */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/plugin.h>

#include "plugins/remote/settings.h"
#include "plugins/remote/word.h"

enum { QUESTIONS_MAX = 32 };

/* The activity that the agent is in, or was in last. */
struct activity {
        char *id;      /* NULL: none was ever */
        bool runs;     /* the agent has not come to its end, as far as anybody knows */
        bool activated;
        enum step step; /* the last that the host asked for */
        bool open;      /* ... and the agent has not answered */
        char *baseline; /* ... of which it is; never NULL while there is an id */
        char *feedback; /* the last word that ended a step, as the host got it; NULL: none */
        char *before;   /* inventory when it began; NULL: not known */
        char *desired;  /* its text, while it may have to be sent again */

        /* How the present step is awaited; not kept. */
        bool asked;         /* the host has spoken of it in this life of ours */
        unsigned n_unacked; /* messages of it that the server has not acknowledged */
        bool alive;         /* the agent has reacted to it */
        bool heard; /* ... since the last time that something was sent or the connection came */
        bool interrupted;   /* an answer may have been lost */
        bool repeated;      /* it was sent a second time */
        bool quiesced;      /* the desired state was sent behind a ROLLBACK of the same id */
        bool probing;       /* ROLLBACK, CLEANUP: it is asked for its state instead ... */
        char probe_id[UB_MAX_ID + 1]; /* ... under this id */
        struct ub_source *timer;
};

/* A current_state_get() of the host that waits for the agent. */
struct question {
        struct remote *remote;
        char activity[UB_MAX_ID + 1]; /* "": this place is free */
        bool sent;
        struct ub_source *timer;
};

struct remote {
        const struct ub_host *host;
        struct settings settings;
        uint64_t feedback_id; /* subscriptions; 0: none */
        uint64_t state_id;
        bool connected;

        struct activity activity;
        struct question questions[QUESTIONS_MAX];
        char *inventory; /* the last that the agent reported; NULL: none yet */
};

/* remote.c: sends one message to the agent.  suffix: of the topic, "desiredstate".  done: NULL, or
 * told about the server's acknowledgement.  A negative errno when it cannot even be queued. */
int remote_send(struct remote *remote, const char *suffix, const char *activity,
                const char *payload, ub_done_fn done);
/* "initial-current-state-1723630818229", as Kanto's own agents and managers make them. */
#define INITIAL_STATE "initial-current-state"
void remote_make_id(const char *what, char *buf, size_t size);
/* "30 s" */
const char *remote_time_text(uint64_t usec, char buf[32]);

/* activity.c: ub_agent.desired_state, .command and .feedback_get. */
int activity_begin(struct remote *remote, const char *id, const char *json);
int activity_command(struct remote *remote, const char *id, const char *baseline, int32_t command);
int activity_feedback_get(struct remote *remote, const char *id);
/* A report of its current state came from the agent, under this id. */
void activity_hear_state(struct remote *remote, const char *id);
/* The agent has reported its state under this id; true: that was asked in
 * place of an answer to ROLLBACK or CLEANUP. */
bool activity_take_state(struct remote *remote, const char *id);
/* The connection came or went. */
void activity_connected(struct remote *remote);
/* May the agent be asked for its current state?  id: under which the host asks, or "". */
bool activity_allows_question(const struct remote *remote, const char *id);
/* recovered: the host goes on with the activity that is kept.  Otherwise it knows of none. */
void activity_start(struct remote *remote, bool recovered);
/* Ends all waiting. */
void activity_stop(struct remote *remote);
void activity_done(struct activity *activity, const struct ub_host *host);

/* activity.c, for feedback.c: is it this activity? */
bool activity_is_known(const struct activity *activity, const char *id);
/* The agent has reacted to what it was asked. */
void activity_hear(struct remote *remote);
/* Ends the step with a word that is told to the host.  idle: the agent is known to be in no activity
 * any more. */
void activity_end_step(struct remote *remote, const struct word *word, bool idle, char *take_json);
/* The same in our own words; format NULL: without a message. */
void activity_say(struct remote *remote, const char *status, bool idle, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* feedback.c: a message on the feedback topic. */
void feedback_take(struct remote *remote, const char *data, size_t length);

/* inquiry.c: ub_agent.current_state_get. */
int inquiry_ask(struct remote *remote, const char *activity);
/* A message on the current state topic.  retained: it tells of the past. */
void inquiry_take(struct remote *remote, const char *data, size_t length, bool retained);
/* The connection has come. */
void inquiry_connected(struct remote *remote);
void inquiry_stop(struct remote *remote);

/* keep.c: reads what an earlier run has kept. */
int keep_load(struct remote *remote);
/* Puts the activity into the durable state, and on disk soon. */
void keep_store(struct remote *remote);
