/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/step.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "host/util/cleanup.h"

enum word_kind { WORD_SUCCESS, WORD_FAILURE, WORD_END };

struct word {
        const char *text;
        enum step_phase phase; /* 0 for WORD_END */
        enum word_kind kind;
};

/* Every word that is not progress. */
static const struct word words[] = {
        { "IDENTIFIED", STEP_IDENTIFY, WORD_SUCCESS },
        { "IDENTIFICATION_FAILED", STEP_IDENTIFY, WORD_FAILURE },
        { "DOWNLOAD_SUCCESS", STEP_DOWNLOAD, WORD_SUCCESS },
        { "DOWNLOAD_FAILURE", STEP_DOWNLOAD, WORD_FAILURE },
        { "UPDATE_SUCCESS", STEP_UPDATE, WORD_SUCCESS },
        { "UPDATE_FAILURE", STEP_UPDATE, WORD_FAILURE },
        { "ACTIVATION_SUCCESS", STEP_ACTIVATE, WORD_SUCCESS },
        { "ACTIVATION_FAILURE", STEP_ACTIVATE, WORD_FAILURE },
        { "VERIFY_SUCCESS", STEP_VERIFY, WORD_SUCCESS },
        { "VERIFY_FAILURE", STEP_VERIFY, WORD_FAILURE },
        { "ROLLBACK_SUCCESS", STEP_ROLLBACK, WORD_SUCCESS },
        { "ROLLBACK_FAILURE", STEP_ROLLBACK, WORD_FAILURE },
        { "CLEANUP_SUCCESS", STEP_CLEANUP, WORD_SUCCESS },
        { "CLEANUP_FAILURE", STEP_CLEANUP, WORD_FAILURE },
        { "COMPLETED", 0, WORD_END },
        { "INCOMPLETE", 0, WORD_END },
        { "INCOMPLETE_INCONSISTENT", 0, WORD_END },
        { "SUPERSEDED", 0, WORD_END },

        /* Leda's self-update agent */
        { "COMPLETE", 0, WORD_END },
        { "UPDATED", STEP_UPDATE, WORD_SUCCESS },

        /* Kanto's desired-state-feedback-specification.md, which its code does not follow */
        { "DOWNLOADED_SUCCESS", STEP_DOWNLOAD, WORD_SUCCESS },
        { "DOWNLOADED_COMPLETED", STEP_DOWNLOAD, WORD_SUCCESS },
        { "DOWNLOADED_FAILURE", STEP_DOWNLOAD, WORD_FAILURE },
        { "DOWNLOADED_FAILED", STEP_DOWNLOAD, WORD_FAILURE },
        { "UPDATE_COMPLETED", STEP_UPDATE, WORD_SUCCESS },
        { "UPDATE_FAILED", STEP_UPDATE, WORD_FAILURE },
        { "ACTIVATION_COMPLETED", STEP_ACTIVATE, WORD_SUCCESS },
        { "ACTIVATION_FAILED", STEP_ACTIVATE, WORD_FAILURE },
};

static const struct word *find_word(const char *status)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(words[i].text, status) == 0)
                        return &words[i];
        return NULL;
}

static void copy_id(char *to, const char *id)
{
        size_t length = strlen(id);

        assert(length <= UB_MAX_ID);
        memcpy(to, id, length + 1);
}

static bool is_all(const char *baseline)
{
        return baseline[0] == '\0' || strcmp(baseline, "*") == 0;
}

static int await(struct step *step, const char *baseline, enum step_phase phase)
{
        struct step_wait *wait = NULL;

        if (strcmp(baseline, "*") == 0)
                baseline = "";
        for (unsigned i = 0; i < step->n_waits && !wait; i++)
                if (strcmp(step->waits[i].baseline, baseline) == 0)
                        wait = &step->waits[i];
        if (!wait) {
                if (step->n_waits == STEP_BASELINES_MAX)
                        return -E2BIG;
                wait = &step->waits[step->n_waits++];
                copy_id(wait->baseline, baseline);
        }
        wait->phase = phase;
        wait->open = true;
        return 0;
}

void step_begin(struct step *step, const char *activity)
{
        *step = (struct step){ .runs = true, .answers = step->answers };
        copy_id(step->activity, activity);
        (void)await(step, "", STEP_IDENTIFY); /* an empty list has room */
}

int step_command(struct step *step, const char *activity, const char *baseline, int32_t command)
{
        static const enum step_phase phases[] = {
                [UB_CMD_DOWNLOAD] = STEP_DOWNLOAD, [UB_CMD_UPDATE] = STEP_UPDATE,
                [UB_CMD_ACTIVATE] = STEP_ACTIVATE, [UB_CMD_ROLLBACK] = STEP_ROLLBACK,
                [UB_CMD_CLEANUP] = STEP_CLEANUP,   [UB_CMD_VERIFY] = STEP_VERIFY,
        };
        bool known = command >= UB_CMD_DOWNLOAD && (size_t)command < ARRAY_SIZE(phases);

        if (!step_runs(step, activity)) {
                *step = (struct step){ .runs = true, .answers = step->answers };
                copy_id(step->activity, activity);
        }
        /* An agent may be told to clean up or to roll back what it has ended. */
        step->ended = false;
        return await(step, baseline, known ? phases[command] : STEP_ANY);
}

void step_ask(struct step *step, const char *activity)
{
        if (!step_runs(step, activity)) {
                *step = (struct step){ .runs = true, .answers = step->answers };
                copy_id(step->activity, activity);
                (void)await(step, "", STEP_ANY); /* an empty list has room */
        }
        step->asked = true;
}

void step_end(struct step *step, const char *activity)
{
        if (step_runs(step, activity))
                *step = (struct step){ .answers = step->answers };
}

bool step_runs(const struct step *step, const char *activity)
{
        return step->runs && strcmp(step->activity, activity) == 0;
}

static bool concerns(const struct step_wait *wait, const char *baseline)
{
        return is_all(baseline) || is_all(wait->baseline) || strcmp(wait->baseline, baseline) == 0;
}

static void end_all(struct step *step)
{
        for (unsigned i = 0; i < step->n_waits; i++)
                step->waits[i].open = false;
        step->ended = true;
        step->answers++;
}

/* Closes the waits that the word answers.  False: it answers none, and is too late for all. */
static bool close_waits(struct step *step, const char *baseline, const struct word *word)
{
        bool early = false;
        bool closed = false;

        for (unsigned i = 0; i < step->n_waits; i++) {
                struct step_wait *wait = &step->waits[i];

                if (!wait->open || !concerns(wait, baseline))
                        continue;
                if (wait->phase == STEP_ANY || word->phase == wait->phase ||
                    (word->phase > wait->phase && word->kind == WORD_FAILURE)) {
                        wait->open = false;
                        closed = true;
                } else if (word->phase > wait->phase) {
                        early = true;
                }
        }
        if (closed)
                step->answers++;
        return closed || early;
}

int step_answer(struct step *step, const char *activity, const char *baseline, const char *status)
{
        const struct word *word = find_word(status);
        bool asked = step->asked;

        if (!step_runs(step, activity))
                return -ENOENT;

        /* Whatever comes first after feedback_get() is taken for the repetition, or counts anyway. */
        step->asked = false;
        if (step->ended)
                return asked ? 0 : -ESTALE;
        if (!word)
                return 0;
        if (word->kind == WORD_END)
                end_all(step);
        else if (!close_waits(step, baseline, word))
                return asked ? 0 : -ESTALE;
        return 0;
}
