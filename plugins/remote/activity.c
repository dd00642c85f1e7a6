/* SPDX-License-Identifier: Apache-2.0
 *
 * activity - desired state and commands to a remote agent, and waiting for what comes of them
 *
 * The host expects exactly one word that ends each step.  Agents in the field see it less strictly,
 * so the step that is awaited is kept here; what of the agent's words ends it is for feedback.c.
 *
 *
 * Is there anybody?
 *
 * A desired state or command is published with QoS 1.  From the server's acknowledgement on the
 * agent has answerTimeout to react, with any message on any of its two topics.  If it does not:
 *
 *     a desired state          is sent once more, behind a ROLLBACK: an agent that somebody left in
 *                              the middle of an activity takes no other before
 *     after an interruption    (the connection was gone, or this process, or the agent announces
 *                              itself anew; then only feedback counts) the request is sent once
 *                              more: the answer may have been lost.  If the agent then says that
 *                              the step is not possible now, but all its actions have come to the
 *                              step's good end, that is the answer
 *     a CLEANUP that was sent  an agent that was started anew has nothing to clean up and says
 *     once more                nothing; its current state will do for an answer
 *     ROLLBACK                 see below
 *     otherwise                the step has failed: "no answer from the agent for 30 s"
 *
 * After a restart of ours nobody is asked before the host asks; a word that comes earlier is kept
 * for its feedback_get().
 *
 * An agent that has reacted may take its time: how long a step lasts is the host's phaseTimeout.
 * While the connection is down nobody is late.
 *
 *
 * ROLLBACK without a word
 *
 * Leda's agent just becomes idle.  So when nothing is heard of a ROLLBACK (or, with
 * "silentRollback":  true, at once) the agent is asked for its current state, which an idle agent
 * reports.  What it reports decides: the versions from before the activity are ROLLBACK_SUCCESS,
 * others ROLLBACK_FAILURE, because that agent leaves installed what it has installed. */
#include "plugins/remote/remote.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/status.h>

#include "plugins/remote/message.h"

static void on_timer(void *data);

/* ----------------------------------------------------------------------------------- the record */

void activity_done(struct activity *a, const struct ub_host *host)
{
        ub_source_drop(host, &a->timer);
        free(a->id);
        free(a->baseline);
        free(a->feedback);
        free(a->before);
        free(a->desired);
        *a = (struct activity){ .n_unacked = a->n_unacked }; /* those acknowledgements still come */
}

void activity_start(struct remote *remote, bool recovered)
{
        struct activity *a = &remote->activity;

        if (!a->runs || recovered)
                return;
        ub_notice(remote->host, "activity %s was not brought to an end", a->id);
        a->runs = false;
        a->open = false;
}

void activity_stop(struct remote *remote)
{
        ub_source_drop(remote->host, &remote->activity.timer);
}

/* What is kept of its last word is what was told to the host. */
static bool is_completed(const char *feedback)
{
        struct ub_json *root = NULL;
        const char *status = "";
        bool completed;

        if (!feedback || ub_json_parse(feedback, "feedback", NULL, &root) < 0)
                return false;
        completed = ub_json_get_string(root, "status", NULL, &status) >= 0 &&
                    word_find(status)->kind == WORD_COMPLETED;
        (void)ub_json_free(root);
        return completed;
}

bool activity_is_known(const struct activity *a, const char *id)
{
        return a->id && strcmp(a->id, id) == 0;
}

/* Makes id the activity; what is known of another one is forgotten.  -ENOMEM: nothing has
 * changed. */
static int adopt(struct remote *remote, const char *id)
{
        struct activity *a = &remote->activity;
        char *copy = strdup(id);
        char *baseline = strdup("");
        /* What is begun anew has changed things already. */
        const char *known = activity_is_known(a, id) && a->before ? a->before : remote->inventory;
        char *before = known ? strdup(known) : NULL;

        if (!copy || !baseline || (known && !before)) {
                free(copy);
                free(baseline);
                free(before);
                return -ENOMEM;
        }
        activity_done(a, remote->host);
        a->id = copy;
        a->baseline = baseline;
        a->before = before;
        return 0;
}

/* Asks for a step from here on. */
static void open_step(struct activity *a, enum step step)
{
        a->asked = true;
        a->runs = true;
        a->step = step;
        a->open = true;
        a->alive = false;
        a->heard = false;
        a->interrupted = false;
        a->repeated = false;
        a->quiesced = false;
        a->probing = false;
}

/* ---------------------------------------------------------------------------- words to the host */

void activity_end_step(struct remote *remote, const struct word *word, bool idle, char *take_json)
{
        struct activity *a = &remote->activity;
        int r;

        ub_source_drop(remote->host, &a->timer);
        free(a->desired);
        free(a->feedback);
        a->desired = NULL;
        a->feedback = take_json;
        a->open = false;
        a->probing = false;
        if (word->kind == WORD_SUCCESS && a->step == STEP_ACTIVATE)
                a->activated = true;
        if (word->kind == WORD_SUCCESS && a->step == STEP_ROLLBACK)
                a->activated = false;
        if (idle || word->kind == WORD_COMPLETED || word->kind == WORD_INCOMPLETE ||
            (a->step == STEP_IDENTIFY && word->kind == WORD_FAILURE) ||
            (a->step == STEP_CLEANUP && baseline_is_all(a->baseline)))
                a->runs = false;

        keep_store(remote);
        r = a->asked ? ub_feedback(remote->host, a->id, a->feedback) : 0;
        if (r < 0)
                ub_debug(remote->host, "%s is too late: %s", word->text, strerror(-r));
}

void activity_say(struct remote *remote, const char *status, bool idle, const char *format, ...)
{
        char message[UB_ERROR_MAX * 2] = "";
        const struct ub_feedback feedback = {
                .baseline = remote->activity.baseline,
                .status = status,
                .message = message,
        };
        va_list args;
        char *json;
        int r;

        if (format) {
                va_start(args, format);
                (void)vsnprintf(message, sizeof(message), format, args);
                va_end(args);
        }
        r = ub_feedback_to_json(&feedback, ub_id(remote->host), &json);
        if (r < 0) {
                ub_err(remote->host, "%s cannot be reported: %s", status, strerror(-r));
                return;
        }
        activity_end_step(remote, word_find(status), idle, json);
}

/* ------------------------------------------------------------------------ requests to the agent */

/* Waits for the agent to react, if it can. */
static void arm(struct remote *remote, uint64_t usec)
{
        struct activity *a = &remote->activity;
        int r;

        ub_source_drop(remote->host, &a->timer);
        if (!a->open || !a->asked || a->heard || a->n_unacked > 0 || !remote->connected ||
            usec == 0)
                return;
        r = ub_timer(remote->host, usec, on_timer, remote, &a->timer);
        if (r < 0)
                ub_warning(remote->host, "cannot watch over the agent: %s", strerror(-r));
}

/* Asks for the state of an agent that says nothing about ROLLBACK or CLEANUP. */
static void probe(struct remote *remote)
{
        struct activity *a = &remote->activity;
        int r;

        a->probing = true;
        remote_make_id("state-in-silence", a->probe_id, sizeof(a->probe_id));
        r = remote_send(remote, "currentstate/get", a->probe_id, "null", NULL);
        if (r < 0)
                ub_warning(remote->host, "cannot ask for the current state: %s", strerror(-r));
        arm(remote, remote->settings.read_usec);
}

static void on_acknowledged(void *data, int result)
{
        struct remote *remote = data;
        struct activity *a = &remote->activity;

        if (a->n_unacked > 0)
                a->n_unacked--;
        if (a->n_unacked > 0 || !a->open)
                return;
        if (result < 0)
                activity_say(remote, step_failure(a->step), false, "it cannot be sent to the agent: %s",
                             strerror(-result));
        else if (a->step == STEP_ROLLBACK &&
                 remote->settings.silent_rollback == SILENT_ROLLBACK_ALWAYS)
                probe(remote);
        else
                arm(remote, remote->settings.answer_usec);
}

static int send_command(struct remote *remote, enum step step, const char *baseline,
                        ub_done_fn done)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        char *payload;
        int r;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "command", step_command(step));
        ub_json_put_string(&w, "baseline", *baseline ? baseline : NULL);
        ub_json_close_object(&w);
        r = ub_json_writer_finish(&w, &payload);
        if (r < 0)
                return r;
        r = remote_send(remote, "desiredstate/command", remote->activity.id, payload, done);
        free(payload);
        return r;
}

/* Sends what the present step asks for. */
static int send_step(struct remote *remote)
{
        struct activity *a = &remote->activity;
        int r;

        ub_source_drop(remote->host, &a->timer);
        a->heard = false;
        a->n_unacked++;
        if (a->step == STEP_IDENTIFY)
                r = remote_send(remote, "desiredstate", a->id, a->desired, on_acknowledged);
        else
                r = send_command(remote, a->step, a->baseline, on_acknowledged);
        if (r < 0)
                a->n_unacked--;
        return r;
}

/* Gets an agent out of the activity that it may still be in.  again: the same one begins anew; then
 * a CLEANUP would be answered with the end of it. */
static void quiesce(struct remote *remote, bool again)
{
        struct activity *a = &remote->activity;
        int r = 0;

        if (again || !a->activated)
                r = send_command(remote, STEP_ROLLBACK, "", NULL);
        if (!again && r >= 0)
                r = send_command(remote, STEP_CLEANUP, "", NULL);
        if (r < 0)
                ub_warning(remote->host, "activity %s cannot be ended: %s", a->id, strerror(-r));
}

/* An agent that found everything installed may have stayed where only a CLEANUP gets it out.  The
 * one of its last activity: what it says about that is then known to be late. */
static void wake_up(struct remote *remote)
{
        struct activity *a = &remote->activity;
        int r;

        if (!a->id || a->runs || a->step != STEP_IDENTIFY || !is_completed(a->feedback))
                return;
        r = send_command(remote, STEP_CLEANUP, "", NULL);
        if (r < 0)
                ub_warning(remote->host, "activity %s cannot be cleaned up: %s", a->id,
                           strerror(-r));
}

static void repeat(struct remote *remote)
{
        struct activity *a = &remote->activity;
        int r;

        ub_notice(remote->host, "no answer from the agent to %s, asking again",
                  step_command(a->step));
        a->repeated = true;
        if (a->step == STEP_IDENTIFY) {
                quiesce(remote, true);
                a->quiesced = true;
        }
        r = send_step(remote);
        if (r < 0)
                activity_say(remote, step_failure(a->step), false, "it cannot be sent to the agent: %s",
                             strerror(-r));
}

/* What an agent reports of its state can answer for it. */
static bool is_probed(const struct remote *remote)
{
        const struct activity *a = &remote->activity;

        if (a->step == STEP_CLEANUP)
                return a->repeated && a->alive;
        return a->step == STEP_ROLLBACK && remote->settings.silent_rollback != SILENT_ROLLBACK_NEVER;
}

static void on_timer(void *data)
{
        struct remote *remote = data;
        struct activity *a = &remote->activity;
        char time[32];

        a->timer = NULL;
        if (!a->repeated && ((a->step == STEP_IDENTIFY && a->desired) ||
                             (a->interrupted && a->step != STEP_IDENTIFY)))
                repeat(remote);
        else if (a->probing && a->step == STEP_ROLLBACK)
                activity_say(remote, UB_ROLLBACK_FAILURE, false,
                             "the agent says nothing about the rollback, and does not report its state");
        else if (!a->probing && is_probed(remote))
                probe(remote);
        else if (!a->alive)
                activity_say(remote, step_failure(a->step), false, "no answer from the agent for %s",
                             remote_time_text(remote->settings.answer_usec, time));
}

/* ------------------------------------------------------------------------- requests of the host */

int activity_begin(struct remote *remote, const char *id, const char *json)
{
        struct activity *a = &remote->activity;
        bool again = a->runs && activity_is_known(a, id);
        char *desired = strdup(json);
        int r;

        if (!desired)
                return -ENOMEM;
        if (a->runs) {
                ub_notice(remote->host, "the agent may still be in activity %s, ending that",
                          a->id);
                quiesce(remote, again);
        }
        again = again || activity_is_known(a, id);
        wake_up(remote);
        r = adopt(remote, id);
        if (r < 0) {
                free(desired);
                return r;
        }
        a->desired = desired;
        open_step(a, STEP_IDENTIFY);
        a->quiesced = again;
        keep_store(remote);
        r = send_step(remote);
        if (r < 0) {
                a->runs = false;
                a->open = false;
                keep_store(remote);
        }
        return r;
}

/* What the agent has ended itself needs no CLEANUP, or only to be let go: it may or may not
 * answer. */
static int clean_up_nothing(struct remote *remote)
{
        int r = send_command(remote, STEP_CLEANUP, remote->activity.baseline, NULL);

        if (r < 0)
                return r;
        remote->activity.step = STEP_CLEANUP;
        activity_say(remote, UB_CLEANUP_SUCCESS, true, NULL);
        return 0;
}

int activity_command(struct remote *remote, const char *id, const char *baseline, int32_t command)
{
        struct activity *a = &remote->activity;
        enum step step = step_of_command(command);
        bool over = activity_is_known(a, id) && !a->runs;
        bool interrupted = a->interrupted;
        bool again;
        char *copy;
        int r = 0;

        if (step == STEP_NONE)
                return -ENOTSUP;
        if (!activity_is_known(a, id))
                r = adopt(remote, id);
        copy = r >= 0 ? strdup(baseline) : NULL;
        if (!copy)
                return -ENOMEM;
        again = a->open && a->step == step && strcmp(a->baseline, baseline) == 0;
        free(a->baseline);
        a->baseline = copy;
        a->asked = true;
        if (over && step == STEP_CLEANUP)
                return clean_up_nothing(remote);

        open_step(a, step);
        if (again) {
                /* It was sent before; after a crash of ours nobody knows what became of it. */
                a->repeated = true;
                a->alive = interrupted;
        }
        keep_store(remote);
        r = send_step(remote);
        if (r < 0)
                a->open = false;
        return r;
}

int activity_feedback_get(struct remote *remote, const char *id)
{
        struct activity *a = &remote->activity;

        if (!activity_is_known(a, id) || !a->feedback)
                return -ENOENT;
        a->asked = true;
        return ub_feedback(remote->host, id, a->feedback);
}

bool activity_allows_question(const struct remote *remote, const char *id)
{
        const struct activity *a = &remote->activity;

        return !a->runs || (a->step == STEP_CLEANUP && activity_is_known(a, id));
}

/* --------------------------------------------------------------------------------- signs of life */

void activity_hear(struct remote *remote)
{
        struct activity *a = &remote->activity;

        if (!a->open || a->probing)
                return;
        a->alive = true;
        /* It may still be at the step before: what counts is the silence after that. */
        if (a->step == STEP_ROLLBACK && remote->settings.silent_rollback != SILENT_ROLLBACK_NEVER) {
                arm(remote, remote->settings.answer_usec);
                return;
        }
        a->heard = true;
        ub_source_drop(remote->host, &a->timer);
}

void activity_hear_state(struct remote *remote, const char *id)
{
        struct activity *a = &remote->activity;
        bool announced = strncmp(id, INITIAL_STATE "-", strlen(INITIAL_STATE) + 1) == 0;

        if (!a->open || a->probing)
                return;
        if (!announced && !a->interrupted) {
                activity_hear(remote);
                return;
        }
        /* It has lost its own connection, or was started again.  That it is there says nothing
         * about the answer. */
        a->alive = true;
        a->interrupted = true;
        if (!a->timer && !a->repeated) {
                a->heard = false;
                arm(remote, remote->settings.answer_usec);
        }
}

/* --------------------------------------------------------------------------------- other events */

bool activity_take_state(struct remote *remote, const char *id)
{
        struct ub_error difference = UB_ERROR_INIT;
        struct activity *a = &remote->activity;
        int r;

        if (!a->open || !a->probing || strcmp(a->probe_id, id) != 0)
                return false;
        if (a->step == STEP_CLEANUP) {
                ub_notice(remote->host, "the agent is there and says nothing about the cleanup: "
                                        "it knows nothing of the activity any more");
                activity_say(remote, UB_CLEANUP_SUCCESS, true, NULL);
                return true;
        }
        if (!a->before) {
                ub_notice(remote->host, "the agent is idle again; what it had before is not known");
                activity_say(remote, UB_ROLLBACK_SUCCESS, true, NULL);
                return true;
        }
        r = message_compare_inventories(a->before, remote->inventory, &difference);
        if (r == 0)
                activity_say(remote, UB_ROLLBACK_SUCCESS, true, NULL);
        else
                activity_say(remote, UB_ROLLBACK_FAILURE, true, "after the rollback %s", difference.text);
        return true;
}

void activity_connected(struct remote *remote)
{
        struct activity *a = &remote->activity;

        if (!a->open)
                return;
        if (!remote->connected) {
                a->interrupted = true;
                ub_source_drop(remote->host, &a->timer);
                return;
        }
        a->heard = false;
        a->probing = false;
        arm(remote, remote->settings.answer_usec);
}
