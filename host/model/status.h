/* SPDX-License-Identifier: Apache-2.0
 *
 * status - the words of feedback, all in one table
 *
 * The only place where a status word is spelled.  Everything else asks the table what a word means:
 * the step of an activity that it speaks about, and whether that step goes on, went well, or
 * failed.  So a word that an agent gets wrong in one of the ways seen in the field (COMPLETE,
 * UPDATED, the words of the older documentation) is a line here and nothing anywhere else.
 *
 * Input may be a synonym, output never is. */
#pragma once

#include <stdbool.h>

/* The steps of an activity in one domain, in the order in which they are done.  All but IDENTIFY
 * are also commands. */
enum step {
        STEP_NONE = 0,
        STEP_IDENTIFY, /* the desired state itself */
        STEP_DOWNLOAD,
        STEP_UPDATE,
        STEP_ACTIVATE,
        STEP_VERIFY,   /* after a reboot that the domain asked for */
        STEP_CLEANUP,
        STEP_ROLLBACK, /* in place of the next step */
        STEP_COUNT,
};

enum status {
        STATUS_UNKNOWN = 0,
        STATUS_IDENTIFYING,
        STATUS_IDENTIFIED,
        STATUS_IDENTIFICATION_FAILED,
        STATUS_DOWNLOADING,
        STATUS_DOWNLOAD_SUCCESS,
        STATUS_DOWNLOAD_FAILURE,
        STATUS_UPDATING,
        STATUS_UPDATE_SUCCESS,
        STATUS_UPDATE_FAILURE,
        STATUS_ACTIVATING,
        STATUS_ACTIVATION_SUCCESS,
        STATUS_ACTIVATION_FAILURE,
        STATUS_VERIFYING,
        STATUS_VERIFY_SUCCESS,
        STATUS_VERIFY_FAILURE,
        STATUS_CLEANUP,
        STATUS_CLEANUP_SUCCESS,
        STATUS_CLEANUP_FAILURE,
        STATUS_ROLLBACK,
        STATUS_ROLLBACK_SUCCESS,
        STATUS_ROLLBACK_FAILURE,
        STATUS_REMOVING, /* of actions only, like the two after it */
        STATUS_REMOVAL_SUCCESS,
        STATUS_REMOVAL_FAILURE,
        STATUS_RUNNING,
        STATUS_COMPLETED,
        STATUS_INCOMPLETE,
        STATUS_INCOMPLETE_INCONSISTENT,
        STATUS_SUPERSEDED,
        STATUS_COUNT,
};

/* What a word says about its step; of the words without a step, about the whole domain. */
enum status_kind {
        STATUS_KIND_NONE = 0, /* unknown word */
        STATUS_KIND_PROGRESS,
        STATUS_KIND_SUCCESS,
        STATUS_KIND_FAILURE,
        STATUS_KIND_END_GOOD, /* the domain is through: nothing more to do */
        STATUS_KIND_END_BAD,  /* the domain has given up */
};

/* The word that a text means, synonyms included; STATUS_UNKNOWN for any other and for NULL. */
enum status status_from_string(const char *text);

/* "DOWNLOAD_SUCCESS"; "" for STATUS_UNKNOWN. */
const char *status_to_string(enum status status);

enum step status_step(enum status status);
enum status_kind status_kind(enum status status);

/* True for the overall words that end an activity. */
bool status_is_terminal(enum status status);

/* The status of an action as it is reported upward: activation and verification are shown as a part
 * of the update, synonyms in their proper form, words that are not in the table as they came. */
const char *status_of_action(const char *text);

/* "DOWNLOAD", as in commands; "IDENTIFY"; "" for STEP_NONE. */
const char *step_to_string(enum step step);
/* STEP_NONE for anything that is not exactly such a word. */
enum step step_from_string(const char *text);
