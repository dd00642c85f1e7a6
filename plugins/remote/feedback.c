/* SPDX-License-Identifier: Apache-2.0
 *
 * feedback - what the agent says, and how much of it the host hears
 *
 * The host waits for one word; an agent says many, some twice, some late, and some of another activity.
 * Passed on is only this: progress of the step that is awaited, the word that ends it, the failure of a
 * later one, and the end of the whole activity.
 *
 *     zero bytes                        nothing (Leda's agent, after UPDATE)
 *     not JSON                          lost, with a log line; but a word of failure that can be
 *                                       read in it ends the step (Leda's does not escape what RAUC
 *                                       says)
 *     no activityId                     means the activity that runs
 *     another activityId                nothing: a late word, or a command that waited in the
 *                                       server
 *     a second word for a step          nothing: QoS 1 may deliver twice
 *     COMPLETED after CLEANUP_SUCCESS   nothing: the step has its answer, the activity is over
 *     COMPLETED without IDENTIFIED      ends it; Leda's agent then takes nothing but CLEANUP, so
 *                                       gets one in front of the next desired state
 *     CLEANUP of what is over           is sent, and answered here: such agents ignore it */
#include "plugins/remote/remote.h"

#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/remote/message.h"

enum verdict { IGNORE,
               PASS,
               ANSWER };

static enum verdict judge_of_step(const struct activity *a, const struct word *word)
{
        bool later = step_is_forward(a->step) && step_is_forward(word->step) && word->step > a->step;

        if (word->kind == WORD_PROGRESS)
                return word->step == STEP_NONE || word->step == a->step ||
                                       (step_is_forward(word->step) && step_is_forward(a->step))
                               ? PASS
                               : IGNORE;
        if (word->step == a->step || (later && word->kind == WORD_FAILURE))
                return ANSWER;
        return later ? PASS : IGNORE;
}

static enum verdict judge(const struct activity *a, const struct word *word, const char *baseline)
{
        if (!a->runs)
                return IGNORE;
        if (word->kind == WORD_COMPLETED || word->kind == WORD_INCOMPLETE)
                return a->open && a->quiesced ? IGNORE : ANSWER;
        if (!a->open || (!baseline_is_all(baseline) && !baseline_is_all(a->baseline) &&
                         strcmp(baseline, a->baseline) != 0))
                return IGNORE;
        return judge_of_step(a, word);
}

static const char *text_of(const struct ub_json *payload, const char *key)
{
        const struct ub_json *value = ub_json_member_nocase(payload, key);

        return value && ub_json_type(value) == UB_JSON_STRING ? ub_json_text(value) : "";
}

static void take_payload(struct remote *remote, const struct ub_json *payload)
{
        struct activity *a = &remote->activity;
        const char *status = text_of(payload, "status");
        const char *message = text_of(payload, "message");
        const struct word *word = word_find(status);
        enum verdict verdict = judge(a, word, text_of(payload, "baseline"));
        bool nothing;
        char *json;
        int r;

        if (!*status || verdict == IGNORE) {
                ub_debug(remote->host, "feedback of the agent ignored: \"%s\"", status);
                return;
        }
        if (a->step == STEP_ROLLBACK && word->step == STEP_ROLLBACK) {
                a->heard = true; /* not one of those that say nothing */
                ub_source_drop(remote->host, &a->timer);
        }
        if (word->step == STEP_IDENTIFY)
                a->quiesced = false;
        if (a->repeated && word->kind == WORD_FAILURE && word->step == a->step &&
            message_all_actions(payload, step_success(a->step))) {
                ub_notice(remote->host, "%s: \"%s\", but all is done: the first answer was lost",
                          status, message);
                status = step_success(a->step);
                word = word_find(status);
                message = "";
        }
        r = message_feedback(payload, status, *message ? message : NULL, &json);
        if (r < 0) {
                ub_err(remote->host, "%s of the agent is lost: %s", status, strerror(-r));
                return;
        }
        if (verdict == ANSWER) {
                nothing = a->open && a->step == STEP_IDENTIFY && word->kind == WORD_SUCCESS &&
                          message_count_actions(payload) == 0;
                activity_end_step(remote, word, nothing, json);
                return;
        }
        r = a->asked ? ub_feedback(remote->host, a->id, json) : 0;
        if (r < 0)
                ub_debug(remote->host, "%s is too late: %s", status, strerror(-r));
        free(json);
}

/* A word of failure, and any word of the steps that go back (Leda's agent repeats in them what went
 * wrong before), can be believed even if what is around it is broken. */
static bool is_worth_salvaging(const struct activity *a, const struct word *word)
{
        if (judge(a, word, "") != ANSWER)
                return false;
        return word->kind == WORD_FAILURE || word->kind == WORD_INCOMPLETE || !step_is_forward(a->step);
}

static void salvage(struct remote *remote, const char *data, size_t length, const char *why)
{
        struct activity *a = &remote->activity;
        char id[UB_MAX_ID + 1];
        char status[64];
        const struct word *word;

        if (message_salvage(data, length, "status", status, sizeof(status)) &&
            (!message_salvage(data, length, "activityId", id, sizeof(id)) || activity_is_known(a, id))) {
                word = word_find(status);
                if (is_worth_salvaging(a, word)) {
                        ub_warning(remote->host, "%s of the agent in a message that is no JSON: %s",
                                   status, why);
                        if (word->kind == WORD_FAILURE || word->kind == WORD_INCOMPLETE)
                                activity_say(remote, status, false,
                                             "the agent says why, but not in valid JSON: %s", why);
                        else
                                activity_say(remote, status, false, NULL);
                        return;
                }
        }
        ub_warning(remote->host, "a feedback of the agent is lost: %s", why);
}

void feedback_take(struct remote *remote, const char *data, size_t length)
{
        struct ub_error error = UB_ERROR_INIT;
        struct activity *a = &remote->activity;
        struct message message;
        int r;

        activity_hear(remote);
        if (length == 0)
                return;
        r = message_read(data, length, &error, &message);
        if (r < 0) {
                salvage(remote, data, length, error.text);
                return;
        }
        if (!*message.activity || activity_is_known(a, message.activity))
                take_payload(remote, message.payload);
        else
                ub_debug(remote->host, "feedback of the agent for activity %s ignored",
                         message.activity);
        message_done(&message);
}
