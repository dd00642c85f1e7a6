/* SPDX-License-Identifier: Apache-2.0
 *
 * inside - the parts of the broker, and how they reach each other
 *
 *     northbound.c     messages of the backend come in: events; feedback and questions go out
 *     things.c         ... the same as a Ditto thing, through a connector to the cloud
 *     delivery.c       the end of an activity, until somebody has it
 *     agent-topics.c   a hosted agent's own topics, for who drives it by hand
 *     direct.c         ... and the activity that is driven so
 *     boot.c           a boot that an agent asks for outside of any activity
 *     hosted.c         one plugin: what it says comes in, what it is told goes out
 *     plugin-mqtt.c    the MQTT service of plugins
 *     facts.c          values for preconditions, from topics
 *     timers.c         the orchestrator's timers
 *     carry.c          effects, one after the other, held up while a record is on its way to the
 *                      disk
 *     current-state.c  the inventory of the whole device
 *     service.c        what ubctl asks and is told
 *     reload.c         a new configuration takes the place of the old one
 *     broker.c         life and death
 *
 * The orchestrator is stepped in one place, broker_give(), and never from inside itself: what
 * effects lead to at once is queued behind them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/broker/broker.h"
#include "host/broker/control.h"
#include "host/broker/supervisor.h"
#include "host/broker/uplink.h"
#include "host/log/log.h"
#include "host/mqtt/outbox.h"
#include "host/mqtt/subscriptions.h"
#include "host/mqtt/topics.h"
#include "host/orchestrator/orchestrator.h"

struct chronicle;
struct command;
struct delivery;
struct desired_state;
struct diag;
struct domain;
struct envelope;
struct inhibitor;
struct inventory;
struct journal;
struct reading;
struct reboot;
struct setup;
struct things;

enum { AGENT_TOPICS_IN = 3, STATUS_SIZE = 256, DIRECT_HELD_MAX = 16 };

/* ---------------------------------------------------------------------------------- one plugin */

struct plugin_publish;
struct plugin_subscription;

/* The agent of a domain, or a connector. */
/* An activity that came on the agent's own topics.  All zero: none. */
struct direct {
        char *activity;
        char *alias; /* the id that its commands have, when it is another; NULL */
        char *text;  /* what it wants, as the agent is told; NULL: the agent knows it of old */
        struct desired_state *desired; /* the same; NULL with text */
        enum status reached; /* final word of the last step */
        enum step step;      /* that the agent is at */
        enum step asked;     /* that the agent was asked for last */
        bool boots;          /* the agent has asked for a boot */
};

/* A command that waits for the end of a step. */
struct direct_held {
        char activity[PLACE_ID_MAX + 1];
        struct command *command;
};

/* Whether an agent that is down may come up. */
enum hosted_hope { HOSTED_HOPE_UNTOLD = 0,
                   HOSTED_HOPE,
                   HOSTED_HOPE_NONE };

struct hosted {
        struct broker *broker;
        struct setup *setup;                     /* a reference: it holds the registration */
        const struct registration *registration;
        struct supervisor *supervisor; /* NULL: the registration is faulty; its message says why */
        bool leaving;         /* not configured any more, on its way down */
        bool stopped_by_hand; /* stays down until it is started by hand */
        bool up;
        bool unsettled; /* up, but not for the orchestrator: it may yet start anew for its settings */
        enum hosted_hope hope; /* as the orchestrator has been told */

        char *domain; /* NULL: a connector, to which nothing below applies */
        bool remote;  /* the agent proper is another process, behind MQTT */
        uint64_t read_timeout_usec;
        bool busy;    /* takes part in the activity */
        char last[PLACE_ID_MAX + 1]; /* activity of the orchestrator that it was in last */
        struct direct direct;
        struct direct direct_before; /* until the agent has taken what is in `direct` */
        struct direct direct_past;   /* that ended last */
        struct direct_held direct_held[DIRECT_HELD_MAX];
        size_t n_direct_held;
        struct inventory *inventory; /* NULL: not known yet */
        char *inventory_text;
        struct uplink_route *topics[AGENT_TOPICS_IN];

        struct plugin_subscription *subscriptions; /* of its MQTT service */
        struct plugin_publish *publishes;          /* for whose acknowledgement it waits */
};

/* ---------------------------------------------------------------------------- the broker proper */

/* Effects that are still to be carried out; items[begin..end) */
struct carry {
        struct effect *items;
        size_t begin;
        size_t end;
        size_t size;
        bool running; /* further up the stack */
        bool held;    /* until a record is on disk */
        bool failing; /* the last record could not be written */
        char *failed_activity; /* which has been told so */
};

struct broker {
        sd_event *event; /* borrowed, like the two after it */
        struct worker *worker;
        struct log *log;
        struct setup *setup;
        const struct broker_config *config;
        struct setup *first; /* a reference: the room below borrows from it */
        int state_fd;
        int runtime_fd;
        int agents_fd; /* in the state folder: what agents keep */
        struct breadcrumb *breadcrumb;
        struct supervisor_room room;

        struct orchestrator *orchestrator;
        struct journal *journal;
        struct chronicle *chronicle;
        struct carry carry;
        struct broker_timer **timers; /* by kind and slot; NULL: not armed */
        size_t n_timers;              /* places */
        struct reboot *reboot;
        sd_event_source *unwell_boot; /* due outside of any activity; NULL: none */
        struct inhibitor *inhibitor; /* of shutdown, while the device is being changed */

        struct hosted **hosted; /* agents in the order of their domains, then connectors */
        size_t n_hosted;
        size_t n_leaving; /* of these */

        struct uplink *uplink;
        struct uplink_route *northbound[4]; /* NULL: in things mode */
        struct things *things;              /* NULL: not in things mode */
        struct facts_route *facts;

        struct delivery *deliveries; /* the oldest first */
        uint64_t n_delivery_rounds;  /* so far */

        struct reading *readings;
        struct control_call *inventory_calls[CONTROL_CALLS_MAX]; /* wait for the readings */
        size_t n_inventory_calls;
        sd_event_source *inventory_limit; /* of their patience */
        sd_event_source *republish; /* currentStateDelay; NULL: nothing has changed */
        uint64_t n_readings;        /* so far */

        char *last_feedback; /* of the activity that runs; NULL: none yet */
        char status[STATUS_SIZE]; /* as the service manager knows it */
        uint64_t started_usec;
        bool started;
        bool ready;
        bool stopping;
        bool flushing; /* the plugins are down; messages are still on their way */
        bool broken;   /* out of memory in mid-step: only the journal knows the truth */
        sd_event_source *farewell; /* timer: who has not stopped by then is left behind */

        struct worker *reader;  /* of configurations; NULL: none has been read anew yet */
        struct reload *reload;  /* being read */
        struct setup *next;     /* waits until no activity runs */
        bool applying;
        struct control_call *reload_calls[CONTROL_CALLS_MAX]; /* to be answered */
        size_t n_reload_calls;

        struct control *control; /* NULL: not served */
};

/* broker.c */
void broker_give(struct broker *b, const struct event *event);
/* All is said: stops the plugins and ends the loop. */
void broker_wind_down(struct broker *b);
/* Something may have changed that others wait for: readiness, the end, a new configuration. */
void broker_look(struct broker *b);
int64_t broker_now_ms(void);
/* Tells the service manager, if there is one. */
void broker_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Calls fn with what a configuration means for the orchestrator. */
int broker_set_up_orchestrator(struct broker *b, const struct setup *setup,
                               int (*fn)(struct broker *b,
                                         const struct orchestrator_config *config));

/* carry.c */
void carry_add(struct broker *b, struct effects *effects);
void carry_on(struct broker *b);
void carry_on_written(void *data, int r);
/* The activity of the next terminal feedback that waits for a record; NULL: no more of them.  *at
 * begins with 0. */
const char *carry_find_ending(const struct broker *b, size_t *at);
void carry_done(struct broker *b);

/* timers.c */
void timers_arm(struct broker *b, const struct timer *timer, uint64_t usec);
void timers_disarm(struct broker *b, const struct timer *timer);
void timers_done(struct broker *b);

/* hosted.c */
int hosted_new_agent(struct broker *b, struct setup *setup, const struct domain *domain,
                     struct hosted **ret);
int hosted_new_connector(struct broker *b, struct setup *setup,
                         const struct registration *registration, struct hosted **ret);
struct hosted *hosted_free(struct hosted *h);
/* It is not configured any more: winds down, and is freed by broker_look(). */
void hosted_leave(struct hosted *h);
/* Its plugin runs, or is on its way up or down. */
bool hosted_is_there(const struct hosted *h);
struct hosted *hosted_find_domain(const struct broker *b, const char *domain);
/* Those that are configured, connectors included, and how many of them run. */
void hosted_count(const struct broker *b, size_t *ret_total, size_t *ret_up);
struct instance *hosted_get_instance(const struct hosted *h);
/* Tells the orchestrator whether an agent that is down is worth waiting for, if that is news. */
void hosted_tell_hope(struct hosted *h);
/* After a reload, while no activity runs: work for an agent that may start anew, because it cannot
 * take new settings while it runs, waits until that is settled; else it would die of it. */
void hosted_unsettle(struct hosted *h);
/* Carries out one of the effects that go to an agent. */
void hosted_tell(struct broker *b, const struct effect *effect);
void hosted_log(const struct hosted *h, enum log_level level, const char *activity,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The number in the plugin ABI; 0: it is no command. */
int32_t hosted_command_of_step(enum step step);
/* Everything that goes up to connectors. */
void hosted_connectors_feedback(struct broker *b, const char *activity, const char *json);
void hosted_connectors_current_state(struct broker *b, const char *activity, const char *json);
/* Asks connectors for the owner's consent. */
void hosted_connectors_consent(struct broker *b, const char *activity, const char *json);

/* plugin-mqtt.c */
void plugin_mqtt_publish(struct hosted *h, uint64_t id, const char *topic, const void *payload,
                         size_t length, uint32_t qos, uint32_t flags);
void plugin_mqtt_subscribe(struct hosted *h, uint64_t id, const char *filter, uint32_t qos);
void plugin_mqtt_unsubscribe(struct hosted *h, uint64_t id);
/* Its plugin is gone. */
void plugin_mqtt_drop(struct hosted *h);
void plugin_mqtt_connected(struct broker *b, bool up);

/* agent-topics.c */
int agent_topics_begin(struct hosted *h);
void agent_topics_end(struct hosted *h);
/* A feedback of the broker's own. */
void agent_topics_say(struct hosted *h, const char *activity, enum status status,
                      const char *message);
void agent_topics_publish_feedback(struct hosted *h, const char *activity, const char *json);
/* What became of an activity that was before this life of the daemon. */
void agent_topics_late_feedback(struct hosted *h, const char *activity, const char *json);
/* activity: of who asked on these topics; "": nobody did. */
void agent_topics_current_state(struct hosted *h, const char *activity, const char *json);
void agent_topics_oversized(struct hosted *h, const struct mqtt_message *message);

/* boot.c */
/* The agent asks for a boot outside of any activity: it comes when none runs. */
void boot_unwell(struct hosted *h, const char *reason);

/* direct.c */
/* The id that who drives it by hand knows it by. */
const char *direct_id(const struct direct *d);
/* The agent runs.  newcomer: its activity, text and desired; all zero afterwards if it was taken.
 * -EBUSY and diag: not now. */
int direct_begin(struct hosted *h, struct direct *newcomer, struct diag *diag);
/* The agent runs.  Takes the command on success. */
int direct_command(struct hosted *h, const char *activity, struct command *command,
                   struct diag *diag);
/* What the agent says of the activity; status: what it means. */
void direct_feedback(struct hosted *h, const char *json, enum status status);
/* The agent refused a request that is about the activity. */
void direct_refused(struct hosted *h, enum instance_call call, int r);
/* The agent asks for a boot: it comes when the activity has been cleaned up. */
void direct_reboot_request(struct hosted *h, const char *reason);
/* The agent runs again: the activity goes on, if the agent remembers. */
void direct_again(struct hosted *h);
/* An orchestrated activity takes the agent over, or it died: who drove it by hand is told. */
void direct_yield(struct hosted *h, const char *why);
void direct_forget(struct direct *d);
/* Frees everything. */
void direct_done(struct hosted *h);

/* northbound.c */
int northbound_begin(struct broker *b);
void northbound_end(struct broker *b);
void northbound_feedback(struct broker *b, const struct effect *effect);
void northbound_consent(struct broker *b, const struct effect *effect);
void northbound_consent_ends(struct broker *b);
/* The connection has come. */
void northbound_connected(struct broker *b);
void northbound_current_state(struct broker *b, const char *activity, const char *json);
/* Publishes an envelope; domain: whose topic it is.  That there is no MQTT is no failure. */
int northbound_publish(struct broker *b, enum topics_kind kind, const char *domain,
                       const char *activity, const char *payload, enum outbox_rank rank);
/* A message that is too large: if it was to be a desired state, its sender is told. */
void northbound_oversized(struct broker *b, const struct mqtt_message *message);
/* Publishes the end of an activity; what became of it is told as by uplink_publish(), whose failures
 * these are. */
int northbound_publish_end(struct broker *b, const char *activity, const char *payload,
                           uplink_done_fn done, void *data);
/* What came from somebody else than MQTT, unchecked. */
void northbound_take_desired_state(struct broker *b, const char *activity, const char *json);
void northbound_take_command(struct broker *b, const char *activity, const char *json);
void northbound_take_consent(struct broker *b, const char *activity, const char *json);

/* delivery.c */
/* Takes over a terminal feedback: EVENT_DELIVERED follows when somebody has it. */
void delivery_add(struct broker *b, const struct effect *effect);
/* What had to wait may go now: there is a connection, another configuration, or the history is on
 * disk. */
void delivery_retry(struct broker *b);
/* After the uplink is gone. */
void delivery_done(struct broker *b);

/* current-state.c */
/* Asks all agents and publishes what they say under this id; "": that of nobody. */
void current_state_read(struct broker *b, const char *activity);
/* The same with an id of our own, at the start and with every new connection. */
void current_state_read_initial(struct broker *b);
/* The same without asking them: what is known. */
void current_state_publish_initial(struct broker *b);
void current_state_agent_up(struct hosted *h);
void current_state_agent_down(struct hosted *h);
/* An agent has reported, or (json NULL) will not answer this request. */
void current_state_reported(struct hosted *h, const char *activity, const char *json);
/* The aggregated inventory as it is known at present; *ret is the caller's to free. */
int current_state_write(const struct broker *b, char **ret);
/* Answers with the aggregated inventory, once the readings that are under way have ended: so who has
 * just seen an activity end sees what it changed. */
void current_state_await(struct broker *b, struct control_call *take_call);
void current_state_done(struct broker *b);

/* service.c */
/* Serves org.updatebroker1; that this cannot be done is logged. */
void service_begin(struct broker *b);
void service_end(struct broker *b);
void service_agent_changed(struct hosted *h);

/* facts.c */
int facts_begin(struct broker *b);
void facts_end(struct broker *b);

/* reload.c */
void reload_begin(struct broker *b, struct control_call *take_call);
/* Puts a configuration that waits into force, if the time has come. */
void reload_apply(struct broker *b);
void reload_done(struct broker *b);
/* The thread for what reads a configuration. */
int reload_get_reader(struct broker *b, struct worker **ret);
/* Makes the plugins those of a configuration; nothing is started that was not there before. */
int reload_populate(struct broker *b, struct setup *setup);
