/* SPDX-License-Identifier: Apache-2.0
 *
 * direct - an activity that somebody drives by hand, on an agent's own topics
 *
 * Each step is asked for; nothing goes on by itself.  But people do not wait for answers: who pastes
 * the five commands of a tutorial into a terminal means one after the other.  So while the agent is
 * at a step, commands wait here, and the end of the step releases them.  What interrupts (ROLLBACK,
 * CANCEL) goes through at once, and what waited is dropped; so are, after a failure, the steps that
 * came behind it.  An agent may be silent about a command that comes out of order, so only a step
 * whose turn it is, or that the agent has begun to talk about, is waited for.
 *
 *     direct          the activity that runs
 *     direct_before   the one that ran when it came: the agent may still refuse the newcomer, and
 *                     then it goes on as if nothing had been; else it is told its end (INCOMPLETE,
 *                     where Leda's agent says nothing), since each activity has one
 *     direct_past     the one that ended last: it can still be cleaned up, and its other commands
 *                     are not taken for those of the one that runs
 *
 * An agent outlives the daemon's memory of all this.  A command of an activity that is not known
 * makes it ask the agent where the activity stands, before it is refused. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/config/settings.h"
#include "host/model/command.h"
#include "host/model/desired_state.h"
#include "host/plugin/abi.h"
#include "host/plugin/instance.h"
#include "host/util/diag.h"

#define FORGOTTEN "the agent was started again and has forgotten it"

void direct_forget(struct direct *d)
{
        free(d->activity);
        free(d->alias);
        free(d->text);
        (void)desired_state_free(d->desired);
        *d = (struct direct){ .activity = NULL };
}

static void drop_held(struct hosted *h)
{
        size_t i;

        for (i = 0; i < h->n_direct_held; i++) {
                struct direct_held *held = &h->direct_held[i];

                hosted_log(h, LOG_LEVEL_INFO, held->activity, "%s is not done",
                           held->command->cancel ? "CANCEL" : step_to_string(held->command->step));
                (void)command_free(held->command);
        }
        h->n_direct_held = 0;
}

void direct_done(struct hosted *h)
{
        drop_held(h);
        direct_forget(&h->direct);
        direct_forget(&h->direct_before);
        direct_forget(&h->direct_past);
}

const char *direct_id(const struct direct *d)
{
        return d->alias ? d->alias : d->activity;
}

static bool is_called(const struct direct *d, const char *activity)
{
        return d->activity && (strcmp(d->activity, activity) == 0 ||
                               (d->alias && strcmp(d->alias, activity) == 0));
}

/* It is at something that cannot be given up. */
static bool is_firm(const struct direct *d)
{
        return d->step == STEP_UPDATE || d->step == STEP_ACTIVATE;
}

/* Found by what the agent still knows, after this daemon was started: not taken up here. */
static bool is_recalled(const struct direct *d)
{
        return d->activity && !d->text;
}

/* ------------------------------------------------------------------------------------ beginnings */

static void end(struct hosted *h)
{
        struct instance *instance = hosted_get_instance(h);

        if (instance) /* else it has forgotten the activity by itself */
                (void)instance_activity_end(instance, h->direct.activity);
        drop_held(h);
        direct_forget(&h->direct_past);
        h->direct_past = h->direct;
        h->direct = (struct direct){ .activity = NULL };
}

/* The one that ran before is over.  One that was cleaned up has had its end. */
static void end_before(struct hosted *h, const char *why)
{
        if (h->direct_before.activity && h->direct_before.reached != STATUS_CLEANUP_SUCCESS)
                agent_topics_say(h, direct_id(&h->direct_before), STATUS_INCOMPLETE, why);
        direct_forget(&h->direct_before);
}

/* The newcomer is over: what ran before it goes on.  The agent has last been spoken to of another
 * activity; when it is at work, the first word makes it talk of this one again. */
static void give_back(struct hosted *h)
{
        struct instance *instance = hosted_get_instance(h);
        struct direct *d = &h->direct;

        end(h);
        *d = h->direct_before;
        h->direct_before = (struct direct){ .activity = NULL };
        if (!d->activity || !instance || d->step == STEP_NONE)
                return;
        if (d->step == STEP_IDENTIFY)
                (void)instance_desired_state(instance, d->activity, d->text); /* or it dies */
        else
                (void)instance_feedback_get(instance, d->activity);
}

/* The same again while the agent is at it, as MQTT may deliver it and as people send it.  To begin
 * anew would take the step back that waits for its answer. */
static int repeat(const struct hosted *h, struct instance *instance)
{
        if (h->direct.step == STEP_IDENTIFY)
                return 0; /* the answer is on its way */
        return instance_feedback_get(instance, h->direct.activity);
}

/* Makes the newcomer the one that runs. */
static void take_over(struct hosted *h, struct direct *newcomer)
{
        struct direct *d = &h->direct;
        bool same = d->activity && strcmp(d->activity, newcomer->activity) == 0;

        drop_held(h);
        if (same) {
                newcomer->boots = d->boots;
                direct_forget(d);
        } else if (h->direct_before.activity) {
                agent_topics_say(h, direct_id(d), STATUS_INCOMPLETE, "superseded");
                direct_forget(d);
        } else {
                h->direct_before = *d;
        }
        direct_forget(&h->direct_past);
        *d = *newcomer;
        d->step = STEP_IDENTIFY;
        *newcomer = (struct direct){ .activity = NULL };
}

int direct_begin(struct hosted *h, struct direct *newcomer, struct diag *diag)
{
        struct instance *instance = hosted_get_instance(h);
        struct direct *d = &h->direct;
        bool repeated = d->text && d->step != STEP_NONE &&
                        strcmp(d->activity, newcomer->activity) == 0 &&
                        strcmp(d->text, newcomer->text) == 0;
        int r;

        if (repeated) {
                free(d->alias);
                d->alias = NULL;
                return repeat(h, instance);
        }
        if (is_firm(d))
                return diag_set(diag, -EBUSY, "Another update activity in progress - %s",
                                direct_id(d));
        r = instance_desired_state(instance, newcomer->activity, newcomer->text);
        if (r == 0)
                take_over(h, newcomer);
        return r;
}

/* --------------------------------------------------------------------------------------- commands */

/* Is this what comes next?  Then the agent will answer it, and what comes behind can wait. */
static bool is_next(const struct direct *d, enum step step)
{
        switch (step) {
        case STEP_DOWNLOAD:
                return d->reached == STATUS_IDENTIFIED;
        case STEP_UPDATE:
                return d->reached == STATUS_DOWNLOAD_SUCCESS;
        case STEP_ACTIVATE:
                return d->reached == STATUS_UPDATE_SUCCESS;
        case STEP_CLEANUP:
                return d->reached == STATUS_ACTIVATION_SUCCESS ||
                       status_kind(d->reached) == STATUS_KIND_FAILURE;
        case STEP_NONE:
        case STEP_IDENTIFY:
        case STEP_VERIFY:
        case STEP_ROLLBACK:
        case STEP_COUNT:
                break;
        }
        return false;
}

/* The tutorials name a baseline that their desired state does not have, and mean everything. */
static const char *find_baseline(const struct direct *d, const char *title)
{
        size_t i;

        for (i = 0; d->desired && i < d->desired->n_baselines; i++)
                if (strcmp(d->desired->baselines[i].title, title) == 0)
                        return title;
        return "";
}

/* What has ended may be cleaned up again, and answers that. */
static void revive(struct hosted *h)
{
        h->direct = h->direct_past;
        h->direct_past = (struct direct){ .activity = NULL };
        h->direct.reached = STATUS_UNKNOWN;
        h->direct.step = STEP_NONE;
        h->direct.boots = false;
}

/* Nothing runs.  0: something does now.  -EALREADY: the command comes too late, which is logged. */
static int wake(struct hosted *h, struct instance *instance, const char *activity,
                const struct command *command, struct diag *diag)
{
        struct direct *d = &h->direct;
        int r = 0;

        if (is_called(&h->direct_past, activity) && command->step == STEP_CLEANUP) {
                revive(h);
                return 0;
        }
        if (is_called(&h->direct_past, activity)) {
                hosted_log(h, LOG_LEVEL_INFO, activity, "it has ended: %s is not done",
                           step_to_string(command->step));
                return -EALREADY;
        }
        d->activity = strdup(activity);
        if (!d->activity)
                r = -ENOMEM;
        else if (command->step != STEP_CLEANUP) /* which any agent can answer */
                r = instance_feedback_get(instance, activity);
        if (r < 0) {
                direct_forget(d);
                return diag_set(diag, r, "%s", strerror(-r));
        }
        if (command->step != STEP_CLEANUP)
                d->step = STEP_IDENTIFY;
        return 0;
}

/* The tutorials send their commands under another id than the desired state.  One activity runs at
 * a time, so it is meant, and goes on under that id; unless the id is that of one that has ended. */
static int find(struct hosted *h, const char *activity, struct diag *diag)
{
        struct direct *d = &h->direct;
        char *alias;

        if (strcmp(direct_id(d), activity) == 0)
                return 0;
        if (h->direct_past.activity && strcmp(h->direct_past.activity, activity) == 0)
                return diag_set(diag, -ESTALE, "activity %s has ended", activity);
        alias = strdup(activity);
        if (!alias)
                return diag_set(diag, -ENOMEM, "out of memory");
        free(d->alias);
        d->alias = alias;
        return 0;
}

static int carry_out(struct hosted *h, struct instance *instance, const char *activity,
                     const struct command *command, struct diag *diag)
{
        struct direct *d = &h->direct;
        enum step step = d->step;
        int r = find(h, activity, diag);

        if (r < 0)
                return r;
        d->asked = command->step;
        if (is_next(d, command->step))
                d->step = command->step;
        if (command->cancel)
                r = instance_cancel(instance, d->activity);
        else
                r = instance_command(instance, d->activity, find_baseline(d, command->baseline),
                                     hosted_command_of_step(command->step));
        if (r < 0)
                d->step = step;
        return r < 0 ? diag_set(diag, r, "%s", strerror(-r)) : 0;
}

static bool interrupts(const struct command *command)
{
        return command->cancel || command->step == STEP_ROLLBACK;
}

static int hold(struct hosted *h, const char *activity, struct command *command, struct diag *diag)
{
        struct direct_held *held = &h->direct_held[h->n_direct_held];

        if (h->n_direct_held == DIRECT_HELD_MAX)
                return diag_set(diag, -ENOBUFS, "too many commands wait for the step at hand");
        memcpy(held->activity, activity, strlen(activity) + 1);
        held->command = command;
        h->n_direct_held++;
        return 0;
}

int direct_command(struct hosted *h, const char *activity, struct command *command,
                   struct diag *diag)
{
        struct instance *instance = hosted_get_instance(h);
        bool waits;
        int r = 0;

        if (!h->direct.activity)
                r = wake(h, instance, activity, command, diag);
        waits = h->direct.step != STEP_NONE && (!interrupts(command) || is_recalled(&h->direct));
        if (r == 0 && waits)
                return hold(h, activity, command, diag);
        if (r == 0 && interrupts(command))
                drop_held(h);
        if (r == 0)
                r = carry_out(h, instance, activity, command, diag);
        if (r == 0 || r == -EALREADY)
                (void)command_free(command);
        return r == -EALREADY ? 0 : r;
}

static void release(struct hosted *h, struct instance *instance, const struct direct_held *held)
{
        enum status reached = h->direct.reached;
        struct diag diag = DIAG_INIT;

        if (status_kind(reached) == STATUS_KIND_FAILURE && held->command->step != STEP_CLEANUP &&
            !interrupts(held->command))
                hosted_log(h, LOG_LEVEL_INFO, held->activity, "%s is not done after %s",
                           step_to_string(held->command->step), status_to_string(reached));
        else if (carry_out(h, instance, held->activity, held->command, &diag) < 0)
                agent_topics_say(h, held->activity, STATUS_IDENTIFICATION_FAILED, diag.text);
}

/* The agent may have ended a step: what waited for that is done now. */
static void release_held(struct hosted *h)
{
        struct instance *instance = hosted_get_instance(h);

        while (instance && h->n_direct_held > 0 && h->direct.step == STEP_NONE) {
                struct direct_held held = h->direct_held[0];

                h->n_direct_held--;
                memmove(h->direct_held, h->direct_held + 1,
                        h->n_direct_held * sizeof(h->direct_held[0]));
                release(h, instance, &held);
                (void)command_free(held.command);
        }
}

/* ------------------------------------------------------------------------------------------- boot */

void direct_reboot_request(struct hosted *h, const char *reason)
{
        bool enabled = h->broker->setup->settings->reboot_enabled;

        h->direct.boots = enabled;
        hosted_log(h, enabled ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, h->direct.activity,
                   "asks for a boot%s: %s",
                   enabled ? ", which comes when it has cleaned up" : ", but that is switched off",
                   reason);
}

static void boot_if_asked(struct hosted *h, enum status status)
{
        if (status == STATUS_ROLLBACK_SUCCESS)
                h->direct.boots = false; /* what the boot was for is undone */
        if (!h->direct.boots ||
            (status != STATUS_CLEANUP_SUCCESS && status_kind(status) != STATUS_KIND_END_GOOD))
                return;
        h->direct.boots = false;
        broker_give(h->broker, &(struct event){ .kind = EVENT_REBOOT_DUE, .domain = h->domain });
}

/* -------------------------------------------------------------------------- what the agent says */

/* What the agent is at, by its own words. */
static void follow(struct direct *d, enum status status)
{
        switch (status_kind(status)) {
        case STATUS_KIND_PROGRESS:
                if (status_step(status) != STEP_NONE)
                        d->step = status_step(status);
                break;
        case STATUS_KIND_FAILURE:
                if (d->step == STEP_NONE)
                        break; /* of a command that came out of order: nothing is lost */
                d->reached = status;
                d->step = STEP_NONE;
                break;
        case STATUS_KIND_SUCCESS:
                d->reached = status;
                d->step = STEP_NONE;
                break;
        case STATUS_KIND_NONE:
        case STATUS_KIND_END_GOOD:
        case STATUS_KIND_END_BAD:
                break;
        }
}

void direct_feedback(struct hosted *h, const char *json, enum status status)
{
        bool goes_on;

        /* Whatever else it says of the newcomer: it has taken it. */
        if (status != STATUS_IDENTIFYING && status != STATUS_IDENTIFICATION_FAILED)
                end_before(h, "superseded");
        if (status == STATUS_IDENTIFYING)
                h->direct.boots = false; /* it begins anew, under the same id */
        agent_topics_publish_feedback(h, direct_id(&h->direct), json);
        follow(&h->direct, status);
        boot_if_asked(h, status);
        /* The end that ROLLBACK makes by itself is not that of the CLEANUP behind it. */
        goes_on = status_step(h->direct.reached) == STEP_ROLLBACK && h->direct.asked == STEP_CLEANUP;
        if (status_is_terminal(status) && goes_on)
                h->direct.reached = STATUS_UNKNOWN;
        else if (status_is_terminal(status))
                give_back(h);
        release_held(h);
}

/* A plugin's refusal counts as the failure of the step that it was asked for. */
static enum status failure_of(enum step step)
{
        int status;

        for (status = 1; status < STATUS_COUNT; status++)
                if (status_step((enum status)status) == step &&
                    status_kind((enum status)status) == STATUS_KIND_FAILURE)
                        return (enum status)status;
        return STATUS_INCOMPLETE;
}

void direct_refused(struct hosted *h, enum instance_call call, int r)
{
        enum status status = STATUS_INCOMPLETE;
        struct diag text;
        bool unknown;

        if (call == INSTANCE_CALL_FEEDBACK_GET) {
                unknown = is_recalled(&h->direct);
                (void)diag_set(&text, 0, FORGOTTEN);
                if (unknown)
                        (void)diag_set(&text, 0,
                                       "activity %s is not known; send its desired state first",
                                       h->direct.activity);
                agent_topics_say(h, direct_id(&h->direct), STATUS_INCOMPLETE, text.text);
                give_back(h);
                if (unknown)
                        direct_forget(&h->direct_past);
                return;
        }
        if (call == INSTANCE_CALL_DESIRED_STATE)
                status = STATUS_IDENTIFICATION_FAILED;
        else if (call == INSTANCE_CALL_COMMAND)
                status = failure_of(h->direct.asked);
        (void)diag_set(&text, 0, "the agent refused %s: %s", instance_call_to_string(call),
                       strerror(-r));
        agent_topics_say(h, direct_id(&h->direct), status, text.text);
        follow(&h->direct, status);
        if (status == STATUS_IDENTIFICATION_FAILED)
                give_back(h);
        release_held(h);
}

void direct_yield(struct hosted *h, const char *why)
{
        end_before(h, why);
        if (!h->direct.activity)
                return;
        agent_topics_say(h, direct_id(&h->direct), STATUS_INCOMPLETE, why);
        end(h);
}

void direct_again(struct hosted *h)
{
        struct instance *instance = hosted_get_instance(h);

        if (h->direct.activity && instance_feedback_get(instance, h->direct.activity) < 0)
                direct_yield(h, FORGOTTEN);
}
