/* SPDX-License-Identifier: Apache-2.0
 *
 * agent-topics - a hosted agent's own topics, for who drives it by hand
 *
 * `selfupdate/desiredstate`, `selfupdate/desiredstate/command` and `selfupdate/currentstate/get`,
 * as if the agent were a program of its own; it answers on `selfupdate/desiredstatefeedback` and
 * `selfupdate/currentstate`.  Nothing goes on by itself here: each step is asked for.
 *
 * The orchestrator comes first.  While it has the agent, requests are refused with a feedback that
 * says why; and it takes the agent over without asking, which whoever drove it by hand is told in
 * the same way.  An activity that came this way is not in the journal.
 *
 * An agent that asks for a boot gets it, as from the orchestrator, after `rebootAfter` and only with
 * `rebootEnabled`; but not before it has cleaned up, since whoever drives it still has to ask for
 * that.  An orchestrated activity that runs by then keeps the device up.  Like the activity itself
 * the wish is not kept over a restart of the daemon: the agent has said that it needs a boot, and
 * whoever drives it by hand sees it come or not. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/reboot.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"
#include "host/model/command.h"
#include "host/model/desired_state.h"
#include "host/model/envelope.h"
#include "host/model/feedback.h"
#include "host/plugin/abi.h"
#include "host/plugin/instance.h"
#include "host/util/diag.h"

static bool is_served(const struct hosted *h)
{
        return h->domain && !h->remote && h->topics[0];
}

static void publish(struct hosted *h, enum topics_kind kind, const char *activity,
                    const char *payload)
{
        enum outbox_rank rank =
                kind == TOPICS_CURRENT_STATE ? OUTBOX_INVENTORY : OUTBOX_ORDINARY;
        int r = northbound_publish(h->broker, kind, h->domain, activity, payload, rank);

        if (r < 0)
                hosted_log(h, LOG_LEVEL_ERROR, activity, "a message on its own topics is lost: %s",
                           strerror(-r));
}

static void say(struct hosted *h, const char *activity, enum status status, const char *message)
{
        CLEANUP_FREE char *text = NULL;

        if (feedback_write(status, message, NULL, &text) == 0)
                publish(h, TOPICS_FEEDBACK, activity, text);
}

/* -------------------------------------------------------------------------- what the agent says */

/* Under which id who drives it by hand knows the activity. */
static const char *direct_id(const struct hosted *h)
{
        return h->direct_alias ? h->direct_alias : h->direct;
}

void agent_topics_forget(struct hosted *h)
{
        free(h->direct);
        free(h->direct_alias);
        h->direct = NULL;
        h->direct_alias = NULL;
        h->direct_firm = false;
        h->direct_desired = desired_state_free(h->direct_desired);
        h->direct_boots = false;
}

static void end_direct(struct hosted *h)
{
        struct instance *instance = hosted_get_instance(h);

        if (instance)
                (void)instance_activity_end(instance,
                                            h->direct); /* stopping: it has forgotten it */
        agent_topics_forget(h);
}

/* ----------------------------------------------------------------------------------------- boot */

static int on_boot(sd_event_source *source, uint64_t usec, void *data)
{
        struct broker *b = data;

        (void)source;
        (void)usec;
        b->direct_boot = sd_event_source_disable_unref(b->direct_boot);
        if (orchestrator_get_activity(b->orchestrator)) {
                log_warn(b->log, NULL, "the device does not boot: activity %s runs",
                         orchestrator_get_activity(b->orchestrator));
                return 0;
        }
        log_info(b->log, NULL, "the device boots: an agent that was driven by hand has asked for it");
        reboot_begin(b->reboot, b->setup->settings->reboot_command);
        return 0;
}

void agent_topics_reboot_request(struct hosted *h, const char *reason)
{
        bool enabled = h->broker->setup->settings->reboot_enabled;

        h->direct_boots = enabled;
        hosted_log(h, enabled ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, h->direct, "asks for a boot%s: %s",
                   enabled ? ", which comes when it has cleaned up" : ", but that is switched off",
                   reason);
}

static void boot_if_asked(struct hosted *h, enum status status)
{
        struct broker *b = h->broker;

        if (status == STATUS_ROLLBACK_SUCCESS)
                h->direct_boots = false; /* what the boot was for is undone */
        if (!h->direct_boots || b->direct_boot ||
            (status != STATUS_CLEANUP_SUCCESS && status_kind(status) != STATUS_KIND_END_GOOD))
                return;
        h->direct_boots = false;
        if (sd_event_add_time_relative(b->event, &b->direct_boot, CLOCK_BOOTTIME,
                                       b->setup->settings->reboot_after_usec, 0, on_boot, b) < 0)
                hosted_log(h, LOG_LEVEL_ERROR, h->direct, "the boot cannot be timed");
}

void agent_topics_feedback(struct hosted *h, const char *json, enum status status)
{
        enum status_kind kind = status_kind(status);

        publish(h, TOPICS_FEEDBACK, direct_id(h), json);
        if (kind == STATUS_KIND_SUCCESS || kind == STATUS_KIND_FAILURE)
                h->direct_firm = false;
        boot_if_asked(h, status);
        if (kind == STATUS_KIND_END_GOOD || kind == STATUS_KIND_END_BAD ||
            status == STATUS_IDENTIFICATION_FAILED)
                end_direct(h);
}

void agent_topics_refused(struct hosted *h, const char *what, int r)
{
        struct diag text;

        (void)diag_set(&text, 0, "the agent refused %s: %s", what, strerror(-r));
        say(h, direct_id(h), STATUS_INCOMPLETE, text.text);
}

void agent_topics_late_feedback(struct hosted *h, const char *activity, const char *json)
{
        if (is_served(h))
                publish(h, TOPICS_FEEDBACK, activity, json);
}

void agent_topics_yield(struct hosted *h, const char *why)
{
        if (!h->direct)
                return;
        say(h, direct_id(h), STATUS_INCOMPLETE, why);
        end_direct(h);
}

void agent_topics_again(struct hosted *h)
{
        struct instance *instance = hosted_get_instance(h);

        if (h->direct && instance_feedback_get(instance, h->direct) < 0)
                agent_topics_yield(h, "the agent was started again and has forgotten it");
}

void agent_topics_current_state(struct hosted *h, const char *activity, const char *json)
{
        if (is_served(h) && uplink_is_up(h->broker->uplink))
                publish(h, TOPICS_CURRENT_STATE, activity, json);
}

/* -------------------------------------------------------------------------- what is asked of it */

/* Reads the envelope, and refuses what cannot be done at present.  NULL: it is answered. */
static struct envelope *admit(struct hosted *h, const struct mqtt_message *message,
                              struct instance **ret_instance)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        char salvaged[PLACE_ID_MAX + 1];
        struct diag diag = DIAG_INIT;
        int r;

        r = envelope_read(message->payload, message->length, &diag, &envelope);
        if (r < 0) {
                say(h, envelope_salvage_activity(message->payload, message->length, salvaged),
                    STATUS_IDENTIFICATION_FAILED, r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return NULL;
        }
        *ret_instance = hosted_get_instance(h);
        if (h->busy)
                (void)diag_set(&diag, 0, "%s takes part in activity %s, which the broker drives",
                               h->domain, orchestrator_get_activity(h->broker->orchestrator));
        else if (!*ret_instance)
                (void)diag_set(&diag, 0, "the agent does not run");
        else if (!*envelope->activity)
                (void)diag_set(&diag, 0, "activityId: missing");
        else
                return TAKE_PTR(envelope);
        say(h, envelope->activity, STATUS_IDENTIFICATION_FAILED, diag.text);
        return NULL;
}

static int write_own_part(const struct hosted *h, const struct desired_state *desired,
                          struct diag *diag, char **ret)
{
        size_t i;

        for (i = 0; i < desired->n_domains; i++)
                if (strcmp(desired->domains[i].id, h->domain) == 0)
                        return desired_state_write_domain(desired, &desired->domains[i], NULL, ret);
        return diag_set(diag, -ENOENT, "mandatory domain with 'id'='%s' is missing", h->domain);
}

static int begin_direct(struct hosted *h, struct instance *instance,
                        const struct envelope *envelope, struct diag *diag)
{
        CLEANUP(desired_state_freep) struct desired_state *desired = NULL;
        CLEANUP_FREE char *text = NULL;
        int r;

        if (h->direct_firm && strcmp(direct_id(h), envelope->activity) != 0)
                return diag_set(diag, -EBUSY, "Another update activity in progress - %s",
                                direct_id(h));
        r = desired_state_read(envelope->payload, diag, &desired);
        if (r == 0)
                r = write_own_part(h, desired, diag, &text);
        if (r < 0)
                return r;
        if (h->direct && strcmp(h->direct, envelope->activity) == 0)
                agent_topics_forget(h); /* the same again: the agent repeats its last word */
        agent_topics_yield(h, "superseded");
        h->direct = strdup(envelope->activity);
        h->direct_desired = TAKE_PTR(desired);
        r = h->direct ? instance_desired_state(instance, h->direct, text) : -ENOMEM;
        if (r < 0)
                agent_topics_forget(h);
        return r;
}

static void on_desired_state(void *data, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        struct instance *instance = NULL;
        struct diag diag = DIAG_INIT;
        struct hosted *h = data;
        int r;

        if (message->retained)
                return; /* nobody asks now, and an agent does not remember what it has had */
        envelope = admit(h, message, &instance);
        if (!envelope)
                return;
        r = begin_direct(h, instance, envelope, &diag);
        if (r < 0)
                say(h, envelope->activity, STATUS_IDENTIFICATION_FAILED,
                    *diag.text ? diag.text : strerror(-r));
}

void agent_topics_oversized(struct hosted *h, const struct mqtt_message *message)
{
        char topic[TOPICS_SIZE];

        if (is_served(h) && topics_make(TOPICS_DESIRED_STATE, h->domain, topic) == 0 &&
            strcmp(topic, message->topic) == 0)
                on_desired_state(h, message);
}

/* The tutorials name a baseline that their desired state does not have, and mean everything. */
static const char *find_baseline(const struct hosted *h, const char *title)
{
        size_t i;

        for (i = 0; i < h->direct_desired->n_baselines; i++)
                if (strcmp(h->direct_desired->baselines[i].title, title) == 0)
                        return title;
        return "";
}

/* The tutorials also send their commands under another id than the desired state.  One activity
 * runs at a time, so it is meant, and goes on under that id. */
static int adopt_id(struct hosted *h, const char *activity, struct diag *diag)
{
        char *alias;

        if (!h->direct)
                return diag_set(diag, -ENOENT,
                                "activity %s is not known; send its desired state first", activity);
        if (strcmp(direct_id(h), activity) == 0)
                return 0;
        alias = strdup(activity);
        if (!alias)
                return -ENOMEM;
        free(h->direct_alias);
        h->direct_alias = alias;
        return 0;
}

static int do_command(struct hosted *h, struct instance *instance, const struct command *command)
{
        if (command->cancel)
                return instance_cancel(instance, h->direct);
        h->direct_firm = command->step == STEP_UPDATE || command->step == STEP_ACTIVATE;
        return instance_command(instance, h->direct, find_baseline(h, command->baseline),
                                hosted_command_of_step(command->step));
}

static void on_command(void *data, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        CLEANUP(command_freep) struct command *command = NULL;
        struct instance *instance = NULL;
        struct diag diag = DIAG_INIT;
        struct hosted *h = data;
        int r;

        if (message->retained)
                return;
        envelope = admit(h, message, &instance);
        if (!envelope)
                return;
        r = command_read(envelope->payload, &diag, &command);
        if (r == 0)
                r = adopt_id(h, envelope->activity, &diag);
        if (r == 0) {
                r = do_command(h, instance, command);
                if (r < 0)
                        (void)diag_set(&diag, r, "%s", strerror(-r));
        }
        if (r < 0)
                say(h, envelope->activity, STATUS_INCOMPLETE,
                    r == -ENOMEM ? strerror(ENOMEM) : diag.text);
}

static void on_current_state_get(void *data, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        struct hosted *h = data;
        struct instance *instance = hosted_get_instance(h);
        const char *activity = "";
        int r;

        if (message->retained)
                return;
        r = envelope_read(message->payload, message->length, NULL, &envelope);
        if (r == 0)
                activity = envelope->activity;
        /* One that does not run is represented by what it said last. */
        if (instance && instance_current_state_get(instance, *activity ? activity : "get") == 0)
                return;
        if (h->inventory_text)
                publish(h, TOPICS_CURRENT_STATE, activity, h->inventory_text);
}

/* ----------------------------------------------------------------------------------------- life */

int agent_topics_begin(struct hosted *h)
{
        static const struct {
                enum topics_kind kind;
                subscription_fn fn;
        } topics[AGENT_TOPICS_IN] = {
                { TOPICS_DESIRED_STATE, on_desired_state },
                { TOPICS_COMMAND, on_command },
                { TOPICS_CURRENT_STATE_GET, on_current_state_get },
        };
        char topic[TOPICS_SIZE];
        size_t i;
        int r = 0;

        if (h->remote || !h->supervisor || !h->broker->setup->settings->agent_topics)
                return 0;
        for (i = 0; i < AGENT_TOPICS_IN && r == 0; i++) {
                r = topics_make(topics[i].kind, h->domain, topic);
                if (r == 0)
                        r = uplink_subscribe(h->broker->uplink, topic, topics_qos(topics[i].kind),
                                             topics[i].fn, h, &h->topics[i]);
        }
        return r;
}

void agent_topics_end(struct hosted *h)
{
        size_t i;

        for (i = 0; i < AGENT_TOPICS_IN; i++)
                h->topics[i] = uplink_unsubscribe(h->broker->uplink, h->topics[i]);
}
