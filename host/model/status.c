/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/status.h"

#include <stddef.h>
#include <string.h>

#include "host/util/cleanup.h"

struct word {
        const char *text;
        enum step step;
        enum status_kind kind;
        enum status upward; /* what an action with this word is reported as; 0: the same */
};

#define PROGRESS STATUS_KIND_PROGRESS
#define SUCCESS STATUS_KIND_SUCCESS
#define FAILURE STATUS_KIND_FAILURE

static const struct word words[STATUS_COUNT] = {
        [STATUS_UNKNOWN] = { "", STEP_NONE, STATUS_KIND_NONE, 0 },
        [STATUS_IDENTIFYING] = { "IDENTIFYING", STEP_IDENTIFY, PROGRESS, 0 },
        [STATUS_IDENTIFIED] = { "IDENTIFIED", STEP_IDENTIFY, SUCCESS, 0 },
        [STATUS_IDENTIFICATION_FAILED] = { "IDENTIFICATION_FAILED", STEP_IDENTIFY, FAILURE, 0 },
        [STATUS_DOWNLOADING] = { "DOWNLOADING", STEP_DOWNLOAD, PROGRESS, 0 },
        [STATUS_DOWNLOAD_SUCCESS] = { "DOWNLOAD_SUCCESS", STEP_DOWNLOAD, SUCCESS, 0 },
        [STATUS_DOWNLOAD_FAILURE] = { "DOWNLOAD_FAILURE", STEP_DOWNLOAD, FAILURE, 0 },
        [STATUS_UPDATING] = { "UPDATING", STEP_UPDATE, PROGRESS, 0 },
        [STATUS_UPDATE_SUCCESS] = { "UPDATE_SUCCESS", STEP_UPDATE, SUCCESS, 0 },
        [STATUS_UPDATE_FAILURE] = { "UPDATE_FAILURE", STEP_UPDATE, FAILURE, 0 },
        [STATUS_ACTIVATING] = { "ACTIVATING", STEP_ACTIVATE, PROGRESS, STATUS_UPDATING },
        [STATUS_ACTIVATION_SUCCESS] = { "ACTIVATION_SUCCESS", STEP_ACTIVATE, SUCCESS,
                                        STATUS_UPDATE_SUCCESS },
        [STATUS_ACTIVATION_FAILURE] = { "ACTIVATION_FAILURE", STEP_ACTIVATE, FAILURE,
                                        STATUS_UPDATE_FAILURE },
        [STATUS_VERIFYING] = { "VERIFYING", STEP_VERIFY, PROGRESS, STATUS_UPDATING },
        [STATUS_VERIFY_SUCCESS] = { "VERIFY_SUCCESS", STEP_VERIFY, SUCCESS, STATUS_UPDATE_SUCCESS },
        [STATUS_VERIFY_FAILURE] = { "VERIFY_FAILURE", STEP_VERIFY, FAILURE, STATUS_UPDATE_FAILURE },
        [STATUS_CLEANUP] = { "CLEANUP", STEP_CLEANUP, PROGRESS, 0 },
        [STATUS_CLEANUP_SUCCESS] = { "CLEANUP_SUCCESS", STEP_CLEANUP, SUCCESS, 0 },
        [STATUS_CLEANUP_FAILURE] = { "CLEANUP_FAILURE", STEP_CLEANUP, FAILURE, 0 },
        [STATUS_ROLLBACK] = { "ROLLBACK", STEP_ROLLBACK, PROGRESS, 0 },
        [STATUS_ROLLBACK_SUCCESS] = { "ROLLBACK_SUCCESS", STEP_ROLLBACK, SUCCESS, 0 },
        [STATUS_ROLLBACK_FAILURE] = { "ROLLBACK_FAILURE", STEP_ROLLBACK, FAILURE, 0 },
        [STATUS_REMOVING] = { "REMOVING", STEP_NONE, PROGRESS, 0 },
        [STATUS_REMOVAL_SUCCESS] = { "REMOVAL_SUCCESS", STEP_NONE, PROGRESS, 0 },
        [STATUS_REMOVAL_FAILURE] = { "REMOVAL_FAILURE", STEP_NONE, PROGRESS, 0 },
        [STATUS_RUNNING] = { "RUNNING", STEP_NONE, PROGRESS, 0 },
        [STATUS_COMPLETED] = { "COMPLETED", STEP_NONE, STATUS_KIND_END_GOOD, 0 },
        [STATUS_INCOMPLETE] = { "INCOMPLETE", STEP_NONE, STATUS_KIND_END_BAD, 0 },
        [STATUS_INCOMPLETE_INCONSISTENT] = { "INCOMPLETE_INCONSISTENT", STEP_NONE,
                                             STATUS_KIND_END_BAD, 0 },
        [STATUS_SUPERSEDED] = { "SUPERSEDED", STEP_NONE, STATUS_KIND_END_BAD, 0 },
};

/* Seen in the field or in Kanto's and Leda's documents; understood, never sent. */
static const struct {
        const char *text;
        enum status status;
} synonyms[] = {
        { "COMPLETE", STATUS_COMPLETED },
        { "UPDATED", STATUS_UPDATE_SUCCESS },
        { "DOWNLOADED_COMPLETED", STATUS_DOWNLOAD_SUCCESS },
        { "DOWNLOADED_SUCCESS", STATUS_DOWNLOAD_SUCCESS },
        { "DOWNLOADED_FAILED", STATUS_DOWNLOAD_FAILURE },
        { "DOWNLOADED_FAILURE", STATUS_DOWNLOAD_FAILURE },
        { "UPDATE_COMPLETED", STATUS_UPDATE_SUCCESS },
        { "UPDATE_FAILED", STATUS_UPDATE_FAILURE },
        { "ACTIVATION_COMPLETED", STATUS_ACTIVATION_SUCCESS },
        { "ACTIVATION_FAILED", STATUS_ACTIVATION_FAILURE },
};

static const char *const steps[STEP_COUNT] = {
        [STEP_NONE] = "",
        [STEP_IDENTIFY] = "IDENTIFY",
        [STEP_DOWNLOAD] = "DOWNLOAD",
        [STEP_UPDATE] = "UPDATE",
        [STEP_ACTIVATE] = "ACTIVATE",
        [STEP_VERIFY] = "VERIFY",
        [STEP_CLEANUP] = "CLEANUP",
        [STEP_ROLLBACK] = "ROLLBACK",
};

enum status status_from_string(const char *text)
{
        size_t i;

        if (!text)
                return STATUS_UNKNOWN;
        for (i = 1; i < ARRAY_SIZE(words); i++)
                if (strcmp(text, words[i].text) == 0)
                        return (enum status)i;
        for (i = 0; i < ARRAY_SIZE(synonyms); i++)
                if (strcmp(text, synonyms[i].text) == 0)
                        return synonyms[i].status;
        return STATUS_UNKNOWN;
}

const char *status_to_string(enum status status)
{
        return words[status].text;
}

enum step status_step(enum status status)
{
        return words[status].step;
}

enum status_kind status_kind(enum status status)
{
        return words[status].kind;
}

bool status_is_terminal(enum status status)
{
        return words[status].kind == STATUS_KIND_END_GOOD ||
               words[status].kind == STATUS_KIND_END_BAD ||
               status == STATUS_IDENTIFICATION_FAILED;
}

const char *status_of_action(const char *text)
{
        enum status status = status_from_string(text);

        if (status == STATUS_UNKNOWN)
                return text ? text : "";
        return words[words[status].upward ? words[status].upward : status].text;
}

const char *step_to_string(enum step step)
{
        return steps[step];
}

enum step step_from_string(const char *text)
{
        size_t i;

        for (i = 1; text && i < ARRAY_SIZE(steps); i++)
                if (strcmp(text, steps[i]) == 0)
                        return (enum step)i;
        return STEP_NONE;
}
