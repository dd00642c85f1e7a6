/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict - see verdict.h */
#include "plugins/self-update/verdict.h"

#include <stdbool.h>
#include <string.h>

#include "plugins/self-update/record.h"
#include "plugins/self-update/slots.h"

static enum verdict judge_booted(const struct pending *pending, const struct slot *booted)
{
        if (strcmp(booted->name, pending->to) == 0)
                return VERDICT_TRIAL;
        if (strcmp(booted->name, pending->from) == 0)
                return VERDICT_FELL_BACK;
        return VERDICT_RESCUE;
}

enum verdict verdict_find(const struct pending *pending, const char *boot,
                          const struct survey *survey)
{
        const struct slot *booted = survey_booted(survey);
        bool same = *boot && strcmp(boot, pending->boot) == 0;
        enum verdict verdict;

        if (!booted || survey_booted_twice(survey))
                return VERDICT_UNKNOWN;
        switch (pending->trial) {
        case TRIAL_OUTSTANDING:
                if (same)
                        return VERDICT_WAIT;
                break;
        case TRIAL_SICK:
                verdict = judge_booted(pending, booted);
                if (same && verdict == VERDICT_TRIAL)
                        return VERDICT_LEAVE;
                break;
        case TRIAL_RUNNING:
                break;
        case TRIAL_NONE:
        case TRIAL_GOOD:
        case TRIAL_FELL_BACK:
        case TRIAL_RESCUE:
        case TRIAL_COUNT:
                return survey_is_rescue(survey) ? VERDICT_RESCUE : VERDICT_ORDINARY;
        }
        /* A rescue system may be where an update was started from, to repair a slot. */
        verdict = judge_booted(pending, booted);
        return verdict == VERDICT_FELL_BACK && survey_is_rescue(survey) ? VERDICT_RESCUE : verdict;
}
