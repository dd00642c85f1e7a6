/* SPDX-License-Identifier: Apache-2.0
 *
 * dialog - does this feedback answer what was asked?
 *
 * An agent works on one activity at a time.  desired_state() and each command() ask it for one
 * step, and it answers each with exactly one final word, after any number of words of progress;
 * COMPLETED or INCOMPLETE may come at any time and end the activity.  This keeps the book on it,
 * per baseline, because commands may name one:
 *
 *     word                              while its step is awaited   otherwise
 *     progress, or unknown              fine                        fine
 *     final word of the step            the step is answered        -ESTALE
 *     final word of an earlier step     -ESTALE                     -ESTALE
 *     failure of a later step           the step is answered        -ESTALE
 *     success of a later step           taken as progress           -ESTALE
 *     end of the activity               everything is answered      fine, once
 *
 * COMPLETED and INCOMPLETE of an activity that was never seen are fine while none runs: they are
 * what became of one of an earlier life, such as the verdict after a boot.
 *
 * CLEANUP may be sent behind a ROLLBACK that is not answered: the agent then answers both, and where
 * ROLLBACK ends the activity, that end leaves CLEANUP's answer and its end open.
 *
 * A failure of a later step counts because agents in the field do that: an image found to be unfit
 * while downloading is reported as UPDATE_FAILURE.  What a word speaks about is asked of
 * host/model/status.h; what it means for the update is not decided here.
 *
 * Plain data, copied by assignment: a caller whose request is refused puts the old copy back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/model/status.h"
#include "host/plugin/abi.h"

enum { DIALOG_BASELINES_MAX = 32 };

struct dialog_wait {
        char baseline[UB_MAX_ID + 1]; /* "": all components */
        enum step step;   /* STEP_NONE: unknown to us, each final word will do */
        bool open; /* no final word yet */
        bool rollback_open; /* CLEANUP came behind a ROLLBACK that had no final word yet, */
        bool rollback_ends; /* ... or had not ended the activity */
};

/* All zero: no activity. */
struct dialog {
        char activity[UB_MAX_ID + 1]; /* that runs, or ran last */
        bool runs;
        bool ended;       /* COMPLETED, INCOMPLETE... came */
        bool asked;       /* feedback_get() waits for a repetition */
        unsigned answers; /* final words and ends so far */
        unsigned n_waits;
        struct dialog_wait waits[DIALOG_BASELINES_MAX];
};

/* desired_state(): this is the activity from here on. */
void dialog_begin(struct dialog *dialog, const char *activity);

/* command(): the agent is to do one step.  Of an activity that is not known (the instance is
 * younger than the activity) it makes the present one.  -E2BIG: more than DIALOG_BASELINES_MAX. */
int dialog_command(struct dialog *dialog, const char *activity, const char *baseline,
                   int32_t command);

/* feedback_get(): the agent is to repeat its last word, whichever it was. */
void dialog_ask(struct dialog *dialog, const char *activity);

/* The activity is over; of another one: nothing. */
void dialog_end(struct dialog *dialog, const char *activity);

bool dialog_runs(const struct dialog *dialog, const char *activity);

/* A feedback has come.  0: let it pass.  -ENOENT: no such activity.  -ESTALE: answered already. */
int dialog_answer(struct dialog *dialog, const char *activity, const char *baseline,
                  const char *status);
