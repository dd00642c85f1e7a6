/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/status.h - the words of the protocol: statuses of feedback, of actions, and
 * commands
 *
 * A feedback has one overall status, and one status per action (one action per component).  Words
 * ending in -ING, and UB_CLEANUP and UB_ROLLBACK, are progress: any number of them may come.  All
 * others end the step that they name and come exactly once. */
#ifndef UPDATE_BROKER_SDK_STATUS_H
#define UPDATE_BROKER_SDK_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* After desired_state. */
#define UB_IDENTIFYING "IDENTIFYING"
#define UB_IDENTIFIED "IDENTIFIED"                       /* also of an action: it will be changed */
#define UB_IDENTIFICATION_FAILED "IDENTIFICATION_FAILED"
#define UB_COMPLETED "COMPLETED"                         /* nothing differs, nothing follows */

/* Steps; the first three of each group are also statuses of actions. */
#define UB_DOWNLOADING "DOWNLOADING"
#define UB_DOWNLOAD_SUCCESS "DOWNLOAD_SUCCESS"
#define UB_DOWNLOAD_FAILURE "DOWNLOAD_FAILURE"

#define UB_UPDATING "UPDATING"
#define UB_UPDATE_SUCCESS "UPDATE_SUCCESS"
#define UB_UPDATE_FAILURE "UPDATE_FAILURE"

#define UB_ACTIVATING "ACTIVATING"
#define UB_ACTIVATION_SUCCESS "ACTIVATION_SUCCESS"
#define UB_ACTIVATION_FAILURE "ACTIVATION_FAILURE"

/* Overall only. */
#define UB_VERIFYING "VERIFYING"
#define UB_VERIFY_SUCCESS "VERIFY_SUCCESS"
#define UB_VERIFY_FAILURE "VERIFY_FAILURE"

#define UB_CLEANUP "CLEANUP"
#define UB_CLEANUP_SUCCESS "CLEANUP_SUCCESS"
#define UB_CLEANUP_FAILURE "CLEANUP_FAILURE"

#define UB_ROLLBACK "ROLLBACK"
#define UB_ROLLBACK_SUCCESS "ROLLBACK_SUCCESS"
#define UB_ROLLBACK_FAILURE "ROLLBACK_FAILURE"

#define UB_INCOMPLETE "INCOMPLETE" /* the activity was given up: the answer to cancel */

/* Actions that take a component away, in place of UPDATING ... */
#define UB_REMOVING "REMOVING"
#define UB_REMOVAL_SUCCESS "REMOVAL_SUCCESS"
#define UB_REMOVAL_FAILURE "REMOVAL_FAILURE"

/* Seen by connectors only: what the whole device reports. */
#define UB_RUNNING "RUNNING"
#define UB_INCOMPLETE_INCONSISTENT "INCOMPLETE_INCONSISTENT"
#define UB_SUPERSEDED "SUPERSEDED"

/* The three overall words of one command. */
struct ub_step_words {
        const char *command; /* "DOWNLOAD" */
        const char *progress;
        const char *success;
        const char *failure;
};

/* command: UB_CMD_*.  NULL: a command that this SDK does not know; answer -ENOTSUP. */
const struct ub_step_words *ub_step_words(int32_t command);

/* True for a word that reports progress; false for one that ends a step, and for an unknown one. */
bool ub_status_is_progress(const char *status);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_STATUS_H */
