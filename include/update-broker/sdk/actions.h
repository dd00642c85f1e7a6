/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/actions.h - the components that one activity changes, and how far each of them
 * is
 *
 *     r = ub_actions_new(host, activity, &actions);
 *     r = ub_actions_diff(actions, desired, installed, n_installed);
 *     if (ub_actions_count(actions) == 0)
 *             r = ub_actions_finish(actions, UB_COMPLETED, NULL);
 *     ...
 *     ub_actions_set(actions, "hello-world", UB_DOWNLOADING, 40, NULL);
 *     r = ub_actions_progress(actions, UB_DOWNLOADING);
 *     ...
 *     ub_actions_set_all(actions, UB_DOWNLOAD_SUCCESS, 100);
 *     r = ub_actions_finish(actions, UB_DOWNLOAD_SUCCESS, NULL);
 *
 * A list knows its activity and host and sends the feedback itself.  Progress may be reported as
 * often as it comes: it goes out once per interval with what is true then, while the word that ends
 * a step goes out at once and takes the place of progress that waits.
 *
 * When a command names a baseline, ub_actions_scope() narrows the list to its components: set_all
 * and the feedback are then about these. */
#ifndef UPDATE_BROKER_SDK_ACTIONS_H
#define UPDATE_BROKER_SDK_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/desired-state.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ub_host;
struct ub_actions;

enum { UB_ACTION_INSTALL = 1, UB_ACTION_UPDATE, UB_ACTION_REMOVE };

#define UB_ACTIONS_INTERVAL_USEC UINT64_C(500000)

/* One component.  The texts belong to the list; change them through ub_actions_set(). */
struct ub_action {
        const char *id;      /* without the domain in front */
        const char *version; /* wanted; "" when it is removed */
        const char *from;    /* installed; "" when it is not */
        const char *status;
        const char *message;
        int32_t kind;     /* UB_ACTION_* */
        int32_t progress; /* percent */
        bool in_scope;
};

/* host is borrowed and outlives the list.  -ENOMEM. */
int ub_actions_new(const struct ub_host *host, const char *activity, struct ub_actions **ret);

/* Progress that waits is dropped.  Takes NULL and returns NULL. */
struct ub_actions *ub_actions_free(struct ub_actions *actions);

/* The shortest time between two reports of progress of one step; 0 sends each.
 * UB_ACTIONS_INTERVAL_USEC unless set. */
void ub_actions_set_interval(struct ub_actions *actions, uint64_t usec);

/* Adds a component with the status IDENTIFIED.  -EEXIST: it is there already.  -ENOMEM. */
int ub_actions_add(struct ub_actions *actions, int32_t kind, const char *id, const char *version,
                   const char *from);

/* Adds what has to happen so that `installed` becomes what is desired: in the order of the desired
 * state what is missing and what has another version, then in the order of `installed` what is not
 * desired.  A component that is desired without a version is content with any. */
int ub_actions_diff(struct ub_actions *actions, const struct ub_desired_state *desired,
                    const struct ub_component *installed, size_t n_installed);

size_t ub_actions_count(const struct ub_actions *actions);
const struct ub_action *ub_actions_get(const struct ub_actions *actions, size_t i); /* i < count */
const struct ub_action *ub_actions_find(const struct ub_actions *actions,
                                        const char *id); /* or NULL */

/* Narrows the list to one baseline; "" widens it again.  The baseline is named in the feedback.
 * -ENOENT: the desired state has no such baseline.  -ENOMEM. */
int ub_actions_scope(struct ub_actions *actions, const struct ub_desired_state *desired,
                     const char *baseline);

/* Sets one component.  status NULL leaves it; message NULL or "" clears it.  -ENOENT, -ENOMEM. */
int ub_actions_set(struct ub_actions *actions, const char *id, const char *status, int progress,
                   const char *message);

/* Sets the status of all components in scope, and clears their messages.  A component that is
 * removed takes no part in DOWNLOAD and ACTIVATE, and has REMOVING, REMOVAL_SUCCESS and
 * REMOVAL_FAILURE in place of the words of UPDATE.  status: a word of an action; it is copied.
 * -ENOMEM. */
int ub_actions_set_all(struct ub_actions *actions, const char *status, int progress);

/* Reports progress, within the interval later; status is copied.  What the host answers if it is
 * sent. */
int ub_actions_progress(struct ub_actions *actions, const char *status);

/* Ends a step, at once.  message may be NULL.  What the host answers. */
int ub_actions_finish(struct ub_actions *actions, const char *status, const char *message);

/* The feedback as text, for keeping it in the durable state.  The caller frees *ret. */
int ub_actions_to_json(const struct ub_actions *actions, const char *status, const char *message,
                       char **ret);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_ACTIONS_H */
