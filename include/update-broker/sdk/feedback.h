/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/feedback.h - the text of a feedback
 *
 *     {"baseline":s,"status":S,"message":s,
 *      "actions":[{"component":{"id":"DOMAIN:ID","version":s},
 *                  "status":s,"progress":n,"message":s}]}
 *
 * Texts that are NULL or empty, a progress of 0 and an empty list of actions are left out.  An
 * agent that works through several components is better served by <update-broker/sdk/actions.h>. */
#ifndef UPDATE_BROKER_SDK_FEEDBACK_H
#define UPDATE_BROKER_SDK_FEEDBACK_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ub_host;

struct ub_feedback_action {
        const char *id; /* without the domain in front */
        const char *version;
        const char *status;
        const char *message;
        int progress; /* percent; kept within 0..100 */
};

struct ub_feedback {
        const char *baseline; /* as in ub_agent.command */
        const char *status;   /* a word of <update-broker/sdk/status.h> */
        const char *message;  /* the cause, for people; without the domain, which the host adds */
        const struct ub_feedback_action *actions;
        size_t n_actions;
};

/* domain: put in front of the ids.  0: the caller frees *ret.  -ENOMEM, -E2BIG. */
int ub_feedback_to_json(const struct ub_feedback *feedback, const char *domain, char **ret);

/* Sends it for an activity, with the host's id as domain.  What the host answers, or -ENOMEM,
 * -E2BIG. */
int ub_feedback_send(const struct ub_host *host, const char *activity,
                     const struct ub_feedback *feedback);

/* The commonest one: a status, and printf text when it is a failure. */
int ub_feedback_send_text(const struct ub_host *host, const char *activity, const char *baseline,
                          const char *status, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_FEEDBACK_H */
