/* SPDX-License-Identifier: Apache-2.0
 *
 * step - does this feedback answer what was asked?
 *
 * An agent works on one activity at a time.  desired_state() and each command() ask it for one step,
 * and it answers each with exactly one final word, after any number of words of progress; COMPLETED or
 * INCOMPLETE may come at any time and end the activity.  This keeps the book on it, per baseline, because
 * commands may name one:
 *
 *     word                              while its step is awaited   otherwise
 *     progress, or unknown              fine                        fine
 *     final word of the step            the step is answered        -ESTALE
 *     final word of an earlier step     -ESTALE                     -ESTALE
 *     failure of a later step           the step is answered        -ESTALE
 *     success of a later step           taken as progress           -ESTALE
 *     end of the activity               everything is answered      fine, once
 *
 * A failure of a later step counts because agents in the field do that: an image found to be unfit while
 * downloading is reported as UPDATE_FAILURE.  Synonyms that such agents and the documents of Kanto use are
 * understood, too.  What the words mean for the update is not decided here.
 *
 * Plain data, copied by assignment: a caller whose request is refused puts the old copy back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/plugin/abi.h"

enum { STEP_BASELINES_MAX = 32 };

enum step_phase {
        STEP_IDENTIFY = 1,
        STEP_DOWNLOAD,
        STEP_UPDATE,
        STEP_ACTIVATE,
        STEP_VERIFY,
        STEP_ROLLBACK,
        STEP_CLEANUP,
        STEP_ANY, /* unknown to us: each final word will do */
};

struct step_wait {
        char baseline[UB_MAX_ID + 1]; /* "": all components */
        enum step_phase phase;
        bool open; /* no final word yet */
};

/* All zero: no activity. */
struct step {
        char activity[UB_MAX_ID + 1];
        bool runs;
        bool ended;       /* COMPLETED, INCOMPLETE... came */
        bool asked;       /* feedback_get() waits for a repetition */
        unsigned answers; /* final words and ends so far */
        unsigned n_waits;
        struct step_wait waits[STEP_BASELINES_MAX];
};

/* desired_state(): this is the activity from here on. */
void step_begin(struct step *step, const char *activity);

/* command(): the agent is to do one step.  Of an activity that is not known (the instance is younger than
 * the activity) it makes the present one.  -E2BIG: more than STEP_BASELINES_MAX. */
int step_command(struct step *step, const char *activity, const char *baseline, int32_t command);

/* feedback_get(): the agent is to repeat its last word, whichever it was. */
void step_ask(struct step *step, const char *activity);

/* The activity is over; of another one: nothing. */
void step_end(struct step *step, const char *activity);

bool step_runs(const struct step *step, const char *activity);

/* A feedback has come.  0: let it pass.  -ENOENT: no such activity.  -ESTALE: answered already. */
int step_answer(struct step *step, const char *activity, const char *baseline, const char *status);
