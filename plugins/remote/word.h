/* SPDX-License-Identifier: Apache-2.0
 *
 * word - what a status word of an agent says: about which step, and is that the end of it
 *
 * The words of Kanto's code, those of its documents where they differ, and those of Leda's
 * self-update agent.  A word is passed on as the agent wrote it; this only tells whether to pass it
 * on at all. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* In the order of an activity. */
enum step {
        STEP_NONE = 0,
        STEP_IDENTIFY,
        STEP_DOWNLOAD,
        STEP_UPDATE,
        STEP_ACTIVATE,
        STEP_ROLLBACK,
        STEP_CLEANUP,
        STEP_COUNT,
};

enum word_kind {
        WORD_PROGRESS = 1, /* and words that nobody knows */
        WORD_SUCCESS,
        WORD_FAILURE,
        WORD_COMPLETED,  /* the activity is over, and all is as desired */
        WORD_INCOMPLETE, /* it is over, and is not */
};

struct word {
        const char *text;
        enum step step; /* STEP_NONE: about none in particular */
        enum word_kind kind;
};

/* Never NULL: an unknown word is progress about no step. */
const struct word *word_find(const char *text);

/* STEP_NONE: the update agent API has no such command. */
enum step step_of_command(int32_t command);

/* On the way to what is desired. */
bool step_is_forward(enum step step);
const char *step_command(enum step step); /* "DOWNLOAD"; "IDENTIFY", which is none */
const char *step_success(enum step step); /* "DOWNLOAD_SUCCESS" */
const char *step_failure(enum step step);
enum step step_from_text(const char *command); /* STEP_NONE: there is none of this name */

/* The title that means all components: "", and "*" with some agents. */
bool baseline_is_all(const char *baseline);
