/* SPDX-License-Identifier: Apache-2.0
 *
 * agent-topics - a hosted agent's own topics, for who drives it by hand
 *
 * `selfupdate/desiredstate`, `selfupdate/desiredstate/command` and `selfupdate/currentstate/get`,
 * as if the agent were a program of its own; it answers on `selfupdate/desiredstatefeedback` and
 * `selfupdate/currentstate`.  The activity that is driven so is kept in direct.c.
 *
 * The orchestrator comes first.  While it has the agent, requests are refused with a feedback that
 * says why; and it takes the agent over without asking, which whoever drove it by hand is told in
 * the same way.  An activity that came this way is not in the journal.
 *
 * An agent that asks for a boot gets it, as from the orchestrator, after `rebootAfter` and only with
 * `rebootEnabled`; but not before it has cleaned up, since whoever drives it still has to ask for
 * that.  An orchestrated activity that runs by then keeps the device up.  From there on the boot is in
 * the journal, and comes though the daemon is restarted.  Before that it is the agent which keeps the
 * wish, and says it again when it is asked where the activity stands. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/inside.h"
#include "host/broker/setup.h"
#include "host/broker/uplink.h"
#include "host/config/settings.h"
#include "host/model/command.h"
#include "host/model/desired_state.h"
#include "host/model/envelope.h"
#include "host/plugin/abi.h"
#include "host/plugin/instance.h"
#include "host/util/diag.h"

/* An agent is asked with some id even by who gives none, and answers without one then. */
#define NO_ACTIVITY "currentstate/get"

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

/* Agents never leave out the actions, and who listens here may count on them. */
void agent_topics_say(struct hosted *h, const char *activity, enum status status,
                      const char *message)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_FREE char *text = NULL;

        if (object && json_set(object, "status", json_new_string(status_to_string(status))) == 0 &&
            json_set(object, "message", json_new_string(message)) == 0 &&
            json_set(object, "actions", json_new_array()) == 0 &&
            json_print(object, JSON_LAYOUT_COMPACT, &text) == 0)
                publish(h, TOPICS_FEEDBACK, activity, text);
}

/* -------------------------------------------------------------------------- what the agent says */

void agent_topics_publish_feedback(struct hosted *h, const char *activity, const char *json)
{
        publish(h, TOPICS_FEEDBACK, activity, json);
}

void agent_topics_late_feedback(struct hosted *h, const char *activity, const char *json)
{
        if (is_served(h))
                publish(h, TOPICS_FEEDBACK, activity, json);
}

void agent_topics_current_state(struct hosted *h, const char *activity, const char *json)
{
        if (is_served(h) && uplink_is_up(h->broker->uplink))
                publish(h, TOPICS_CURRENT_STATE,
                        *activity && strcmp(activity, NO_ACTIVITY) != 0 ? activity : NULL, json);
}

/* -------------------------------------------------------------------------- what is asked of it */

static void refuse(struct hosted *h, const char *activity, const char *why)
{
        agent_topics_say(h, activity, STATUS_IDENTIFICATION_FAILED, why);
}

/* Reads the envelope, and refuses what cannot be done at present.  NULL: it is answered. */
static struct envelope *admit(struct hosted *h, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        char salvaged[PLACE_ID_MAX + 1];
        struct diag diag = DIAG_INIT;
        int r;

        r = envelope_read(message->payload, message->length, &diag, &envelope);
        if (r < 0) {
                refuse(h, envelope_salvage_activity(message->payload, message->length, salvaged),
                       r == -ENOMEM ? strerror(ENOMEM) : diag.text);
                return NULL;
        }
        if (h->busy)
                (void)diag_set(&diag, 0, "%s takes part in activity %s, which the broker drives",
                               h->domain, orchestrator_get_activity(h->broker->orchestrator));
        else if (!hosted_get_instance(h))
                (void)diag_set(&diag, 0, "the agent does not run");
        else if (!*envelope->activity)
                (void)diag_set(&diag, 0, "activityId: missing");
        else
                return TAKE_PTR(envelope);
        refuse(h, envelope->activity, diag.text);
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

static int begin(struct hosted *h, const struct envelope *envelope, struct diag *diag)
{
        struct direct newcomer = { .activity = strdup(envelope->activity) };
        int r = newcomer.activity ? 0 : -ENOMEM;

        if (r == 0)
                r = desired_state_read(envelope->payload, diag, &newcomer.desired);
        if (r == 0)
                r = write_own_part(h, newcomer.desired, diag, &newcomer.text);
        if (r == 0)
                r = direct_begin(h, &newcomer, diag);
        direct_forget(&newcomer);
        return r;
}

static void on_desired_state(void *data, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        struct diag diag = DIAG_INIT;
        struct hosted *h = data;
        int r;

        if (message->retained)
                return; /* nobody asks now, and an agent does not remember what it has had */
        envelope = admit(h, message);
        if (!envelope)
                return;
        r = begin(h, envelope, &diag);
        if (r < 0)
                refuse(h, envelope->activity, *diag.text ? diag.text : strerror(-r));
}

void agent_topics_oversized(struct hosted *h, const struct mqtt_message *message)
{
        char topic[TOPICS_SIZE];

        if (is_served(h) && topics_make(TOPICS_DESIRED_STATE, h->domain, topic) == 0 &&
            strcmp(topic, message->topic) == 0)
                on_desired_state(h, message);
}

static void on_command(void *data, const struct mqtt_message *message)
{
        CLEANUP(envelope_freep) struct envelope *envelope = NULL;
        CLEANUP(command_freep) struct command *command = NULL;
        struct diag diag = DIAG_INIT;
        struct hosted *h = data;
        int r;

        if (message->retained)
                return;
        envelope = admit(h, message);
        if (!envelope)
                return;
        r = command_read(envelope->payload, &diag, &command);
        if (r == 0)
                r = direct_command(h, envelope->activity, command, &diag);
        if (r == 0)
                TAKE_PTR(command);
        else
                refuse(h, envelope->activity, diag.text);
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
        if (instance && instance_current_state_get(instance, *activity ? activity : NO_ACTIVITY) == 0)
                return;
        if (h->inventory_text)
                agent_topics_current_state(h, activity, h->inventory_text);
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
