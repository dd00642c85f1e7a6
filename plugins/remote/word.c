/* SPDX-License-Identifier: Apache-2.0
 *
 * word - see word.h */
#define UB_ABI_MINOR_WANTED 0
#include "plugins/remote/word.h"

#include <stddef.h>
#include <string.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/status.h>

static const struct word words[] = {
        { UB_IDENTIFYING, STEP_IDENTIFY, WORD_PROGRESS },
        { UB_IDENTIFIED, STEP_IDENTIFY, WORD_SUCCESS },
        { UB_IDENTIFICATION_FAILED, STEP_IDENTIFY, WORD_FAILURE },
        { UB_DOWNLOADING, STEP_DOWNLOAD, WORD_PROGRESS },
        { UB_DOWNLOAD_SUCCESS, STEP_DOWNLOAD, WORD_SUCCESS },
        { UB_DOWNLOAD_FAILURE, STEP_DOWNLOAD, WORD_FAILURE },
        { UB_UPDATING, STEP_UPDATE, WORD_PROGRESS },
        { UB_UPDATE_SUCCESS, STEP_UPDATE, WORD_SUCCESS },
        { UB_UPDATE_FAILURE, STEP_UPDATE, WORD_FAILURE },
        { UB_ACTIVATING, STEP_ACTIVATE, WORD_PROGRESS },
        { UB_ACTIVATION_SUCCESS, STEP_ACTIVATE, WORD_SUCCESS },
        { UB_ACTIVATION_FAILURE, STEP_ACTIVATE, WORD_FAILURE },
        { UB_ROLLBACK, STEP_ROLLBACK, WORD_PROGRESS },
        { UB_ROLLBACK_SUCCESS, STEP_ROLLBACK, WORD_SUCCESS },
        { UB_ROLLBACK_FAILURE, STEP_ROLLBACK, WORD_FAILURE },
        { UB_CLEANUP, STEP_CLEANUP, WORD_PROGRESS },
        { UB_CLEANUP_SUCCESS, STEP_CLEANUP, WORD_SUCCESS },
        { UB_CLEANUP_FAILURE, STEP_CLEANUP, WORD_FAILURE },
        { UB_COMPLETED, STEP_NONE, WORD_COMPLETED },
        { UB_INCOMPLETE, STEP_NONE, WORD_INCOMPLETE },
        { UB_INCOMPLETE_INCONSISTENT, STEP_NONE, WORD_INCOMPLETE },
        { UB_SUPERSEDED, STEP_NONE, WORD_INCOMPLETE },

        /* Leda's self-update agent */
        { "COMPLETE", STEP_NONE, WORD_COMPLETED },
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

static const struct {
        const char *command;
        const char *success;
        const char *failure;
} steps[STEP_COUNT] = {
        [STEP_NONE] = { "", "", "" },
        [STEP_IDENTIFY] = { "IDENTIFY", UB_IDENTIFIED, UB_IDENTIFICATION_FAILED },
        [STEP_DOWNLOAD] = { "DOWNLOAD", UB_DOWNLOAD_SUCCESS, UB_DOWNLOAD_FAILURE },
        [STEP_UPDATE] = { "UPDATE", UB_UPDATE_SUCCESS, UB_UPDATE_FAILURE },
        [STEP_ACTIVATE] = { "ACTIVATE", UB_ACTIVATION_SUCCESS, UB_ACTIVATION_FAILURE },
        [STEP_ROLLBACK] = { "ROLLBACK", UB_ROLLBACK_SUCCESS, UB_ROLLBACK_FAILURE },
        [STEP_CLEANUP] = { "CLEANUP", UB_CLEANUP_SUCCESS, UB_CLEANUP_FAILURE },
};

const struct word *word_find(const char *text)
{
        static const struct word unknown = { "", STEP_NONE, WORD_PROGRESS };
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(words[i].text, text) == 0)
                        return &words[i];
        return &unknown;
}

enum step step_of_command(int32_t command)
{
        const struct ub_step_words *known = ub_step_words(command);

        return known ? step_from_text(known->command) : STEP_NONE;
}

enum step step_from_text(const char *command)
{
        int i;

        for (i = STEP_IDENTIFY; i < STEP_COUNT; i++)
                if (strcmp(steps[i].command, command) == 0)
                        return (enum step)i;
        return STEP_NONE;
}

const char *step_command(enum step step)
{
        return steps[step].command;
}

const char *step_success(enum step step)
{
        return steps[step].success;
}

const char *step_failure(enum step step)
{
        return steps[step].failure;
}

bool step_is_forward(enum step step)
{
        return step >= STEP_IDENTIFY && step <= STEP_ACTIVATE;
}

bool baseline_is_all(const char *baseline)
{
        return *baseline == '\0' || strcmp(baseline, "*") == 0;
}
