/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/dialog.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "host/util/cleanup.h"

/* What comes after what, so that a failure of a later step is told from a leftover of an earlier
 * one: ROLLBACK takes the place of a step, and only CLEANUP comes after it. */
static const int order[STEP_COUNT] = {
        [STEP_IDENTIFY] = 1, [STEP_DOWNLOAD] = 2, [STEP_UPDATE] = 3,  [STEP_ACTIVATE] = 4,
        [STEP_VERIFY] = 5,   [STEP_ROLLBACK] = 6, [STEP_CLEANUP] = 7,
};

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

static int await(struct dialog *dialog, const char *baseline, enum step step)
{
        struct dialog_wait *wait = NULL;

        if (strcmp(baseline, "*") == 0)
                baseline = "";
        for (unsigned i = 0; i < dialog->n_waits && !wait; i++)
                if (strcmp(dialog->waits[i].baseline, baseline) == 0)
                        wait = &dialog->waits[i];
        if (!wait) {
                if (dialog->n_waits == DIALOG_BASELINES_MAX)
                        return -E2BIG;
                wait = &dialog->waits[dialog->n_waits++];
                copy_id(wait->baseline, baseline);
        }
        if (step != STEP_CLEANUP) {
                wait->rollback_open = false;
                wait->rollback_ends = false;
        } else if (wait->step == STEP_ROLLBACK) {
                wait->rollback_open = wait->open;
                wait->rollback_ends = !dialog->ended;
        }
        wait->step = step;
        wait->open = true;
        return 0;
}

void dialog_begin(struct dialog *dialog, const char *activity)
{
        *dialog = (struct dialog){ .runs = true, .answers = dialog->answers };
        copy_id(dialog->activity, activity);
        (void)await(dialog, "", STEP_IDENTIFY); /* an empty list has room */
}

int dialog_command(struct dialog *dialog, const char *activity, const char *baseline,
                   int32_t command)
{
        static const enum step steps[] = {
                [UB_CMD_DOWNLOAD] = STEP_DOWNLOAD, [UB_CMD_UPDATE] = STEP_UPDATE,
                [UB_CMD_ACTIVATE] = STEP_ACTIVATE, [UB_CMD_ROLLBACK] = STEP_ROLLBACK,
                [UB_CMD_CLEANUP] = STEP_CLEANUP,   [UB_CMD_VERIFY] = STEP_VERIFY,
        };
        bool known = command >= UB_CMD_DOWNLOAD && (size_t)command < ARRAY_SIZE(steps);
        int r;

        if (!dialog_runs(dialog, activity)) {
                *dialog = (struct dialog){ .runs = true, .answers = dialog->answers };
                copy_id(dialog->activity, activity);
        }
        r = await(dialog, baseline, known ? steps[command] : STEP_NONE);
        /* An agent may be told to clean up or to roll back what it has ended. */
        dialog->ended = false;
        return r;
}

void dialog_ask(struct dialog *dialog, const char *activity)
{
        if (!dialog_runs(dialog, activity)) {
                *dialog = (struct dialog){ .runs = true, .answers = dialog->answers };
                copy_id(dialog->activity, activity);
                (void)await(dialog, "", STEP_NONE); /* an empty list has room */
        }
        dialog->asked = true;
}

void dialog_end(struct dialog *dialog, const char *activity)
{
        if (!dialog_runs(dialog, activity))
                return;
        *dialog = (struct dialog){ .answers = dialog->answers };
        copy_id(dialog->activity, activity);
}

bool dialog_runs(const struct dialog *dialog, const char *activity)
{
        return dialog->runs && strcmp(dialog->activity, activity) == 0;
}

static bool concerns(const struct dialog_wait *wait, const char *baseline)
{
        return is_all(baseline) || is_all(wait->baseline) || strcmp(wait->baseline, baseline) == 0;
}

/* Is it the end that ROLLBACK brings, while the CLEANUP behind it is still to be answered? */
static bool is_end_of_rollback(struct dialog *dialog)
{
        bool found = false;

        for (unsigned i = 0; i < dialog->n_waits; i++) {
                struct dialog_wait *wait = &dialog->waits[i];

                found |= wait->open && wait->rollback_ends;
                wait->rollback_open = false;
                wait->rollback_ends = false;
        }
        return found;
}

static void end_all(struct dialog *dialog)
{
        for (unsigned i = 0; i < dialog->n_waits; i++)
                dialog->waits[i].open = false;
        dialog->ended = true;
        dialog->answers++;
}

/* Closes the waits that the word answers.  False: it answers none, and is too late for all. */
static bool close_waits(struct dialog *dialog, const char *baseline, enum status word)
{
        enum step step = status_step(word);
        bool early = false;
        bool closed = false;

        for (unsigned i = 0; i < dialog->n_waits; i++) {
                struct dialog_wait *wait = &dialog->waits[i];

                if (!wait->open || !concerns(wait, baseline))
                        continue;
                if (wait->rollback_open && step == STEP_ROLLBACK) {
                        wait->rollback_open = false;
                        closed = true;
                } else if (wait->step == STEP_NONE || step == wait->step ||
                           (order[step] > order[wait->step] &&
                            status_kind(word) == STATUS_KIND_FAILURE)) {
                        wait->open = false;
                        closed = true;
                } else if (order[step] > order[wait->step]) {
                        early = true;
                }
        }
        if (closed)
                dialog->answers++;
        return closed || early;
}

/* The end of an activity of an earlier life. */
static bool is_late(const struct dialog *dialog, const char *activity, enum status word)
{
        enum status_kind kind = status_kind(word);

        return !dialog->runs && strcmp(dialog->activity, activity) != 0 &&
               (kind == STATUS_KIND_END_GOOD || kind == STATUS_KIND_END_BAD);
}

int dialog_answer(struct dialog *dialog, const char *activity, const char *baseline,
                  const char *status)
{
        enum status word = status_from_string(status);
        bool asked = dialog->asked;

        if (!dialog_runs(dialog, activity))
                return is_late(dialog, activity, word) ? 0 : -ENOENT;

        /* Whatever comes first after feedback_get() is taken for the repetition, or counts
         * anyway. */
        dialog->asked = false;
        if (dialog->ended)
                return asked ? 0 : -ESTALE;
        switch (status_kind(word)) {
        case STATUS_KIND_NONE:
        case STATUS_KIND_PROGRESS:
                return 0;
        case STATUS_KIND_END_GOOD:
        case STATUS_KIND_END_BAD:
                if (is_end_of_rollback(dialog))
                        dialog->answers++;
                else
                        end_all(dialog);
                return 0;
        case STATUS_KIND_SUCCESS:
        case STATUS_KIND_FAILURE:
                return close_waits(dialog, baseline, word) || asked ? 0 : -ESTALE;
        }
        return 0;
}
