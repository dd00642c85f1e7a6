/* SPDX-License-Identifier: Apache-2.0
 *
 * control - what this machine's programs can ask of the broker: the D-Bus interface
 * org.updatebroker1
 *
 * Object /org/updatebroker1, interface org.updatebroker1; every JSON text is one string.
 *
 *     Status()               -> s    )
 *     Agents()               -> s    ) documents, see below
 *     Inventory()            -> s    )
 *     History()              -> s    )
 *     Apply(s, a{sv})        -> s    an envelope or a bare desired state -> the activity's id; option
 *                                    "activityId" (s) names it, else the envelope does, else it is made up
 *     Cancel(s)              -> s    "": whichever runs -> the id of the activity that is cancelled
 *     Reload()                       reads the configuration again
 *     Enable(s), Disable(s)          starts or stops an agent, until the configuration says otherwise
 *     CheckConfig()          -> s    the report of check_print_json()
 *     Subscribe(), Unsubscribe()     signals go to those connections only that have asked for them
 *
 *     signal Feedback(ss)            activity, feedback payload
 *     signal CurrentState(ss)        activity or "", inventory payload
 *     signal AgentChanged(ss)        id, its element of the document Agents
 *
 * The same object is served in two places: always on the socket RUNTIME_DIR/control, with plain
 * connections from peer to peer, and on the system bus when there is one.  That the bus is away, or
 * another process owns the name, is logged and nothing worse; a bus that comes, or comes back, is
 * noticed.
 *
 * Root and the daemon's own user may do everything; members of the configured group may look
 * (Status, Agents, Inventory, History, CheckConfig, signals); everybody else is told that they may
 * not.
 *
 * Nobody can hold up the daemon: all I/O is asynchronous, connections are counted, messages and
 * what waits to be read by a slow client have limits, and a client beyond them is cut off.
 *
 *
 * Documents.  Members marked "?" may be left out; readers pass over those that they do not know.
 *
 *     Status      {"version":s,"domain":s,"upSec":n,
 *                  "connection":{"state":"connected"|"connecting"|"none","broker"?:s,"message"?:s},
 *                  "activity"?:{"activityId":s,"phase":s,"feedback"?:F},   F: the last one sent upward
 *                  "queued"?:s,                                            id of one that waits its turn
 *                  "ending"?:[s],              ids: they are over, and in the history when that is on disk
 *                  "agents":{"total":n,"running":n},
 *                  "problems":[s]}                                         of the configuration, for people
 *     Agents      {"agents":[{"id":s,"kind":"hosted"|"remote"|"connector","plugin":s,"state":s,
 *                  "message"?:s,"isolation"?:"process"|"none","busy":bool,"deaths"?:n,
 *                  "domain"?:s}]}
 *     Inventory   the payload of the current state, as it is published
 *     History     {"activities":[{"activityId":s,"status":S,"message"?:s,"startedMs"?:n,"endedMs"?:n}]},
 *                 the newest first; the one that runs is not among them; times since 1970
 *
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "host/model/place.h"
#include "host/util/cleanup.h"

struct control;
struct control_call;
struct desired_state;
struct diag;
struct log;

enum {
        CONTROL_TEXT_MAX = PLACE_JSON_MAX + PLACE_ENVELOPE_MAX, /* bytes of a desired state */
        CONTROL_CLIENTS_MAX = 64,                               /* connections to the socket */
        CONTROL_READERS_MAX = 32,     /* of these, from group members and strangers together */
        CONTROL_STRANGERS_MAX = 4,    /* of these, from those who will be refused */
        CONTROL_CALLS_MAX = 16,       /* unanswered Reload and CheckConfig, of all clients */
        CONTROL_SUBSCRIBERS_MAX = 32, /* on each of socket and bus */
        CONTROL_QUEUE_MAX = 256,      /* messages that a client has not read */
        CONTROL_QUEUE_BYTES_MAX =
                8 * 1024 * 1024, /* the same in bytes, counted from the first of them */
};

enum control_document {
        CONTROL_DOCUMENT_STATUS = 1,
        CONTROL_DOCUMENT_AGENTS,
        CONTROL_DOCUMENT_INVENTORY,
        CONTROL_DOCUMENT_HISTORY,
};

/* What the broker does for its clients.  Every function must be set.  None may call control_free(), and
 * all may send signals.  Failures are negative errno, and diag has the sentence that the client
 * gets; -ENOENT, -EBUSY and -EACCES have D-Bus errors of their own. */
struct control_ops {
        /* *ret is malloc()ed JSON. */
        int (*get)(void *data, enum control_document document, char **ret, struct diag *diag);
        /* Starts an activity, or queues it.  Takes desired, also on failure. */
        int (*apply)(void *data, const char *activity, struct desired_state *take_desired,
                     struct diag *diag);
        /* activity "": the one that runs.  Writes the id of what is cancelled.  -ENOENT: no such activity
         * runs or waits.  -EBUSY: it is too late for that. */
        int (*cancel)(void *data, const char *activity, char ret[static PLACE_ID_MAX + 1],
                      struct diag *diag);
        /* Starts an agent that rests or has died too often, or stops one.  -ENOENT: no such agent.  -EBUSY:
         * an activity needs it. */
        int (*set_running)(void *data, const char *agent, bool running, struct diag *diag);
        /* These take their time: the broker calls control_call_done() once, within the function or
         * later.  inventory may be NULL: then get() is asked. */
        void (*inventory)(void *data, struct control_call *take_call);
        void (*reload)(void *data, struct control_call *take_call);
        void (*check_config)(void *data, struct control_call *take_call);
};

struct control_config {
        const char *socket_path; /* RUNTIME_DIR/control; its folder exists */
        const char *group;       /* name or number; "": nobody else may look */
        bool system_bus;         /* also serve there */
};

/* Listens.  A socket that is left over from a daemon that died is replaced; one that is in use is
 * -EADDRINUSE.  A group that does not exist is a warning in the log.  event, log, ops and data are
 * borrowed and outlive the control; config is copied. */
int control_new(sd_event *event, struct log *log, const struct control_config *config,
                const struct control_ops *ops, void *data, struct diag *diag, struct control **ret);
/* Closes all connections and removes the socket.  Calls that are still open can be answered afterwards,
 * to no effect.  Takes NULL. */
struct control *control_free(struct control *control);
DEFINE_FREEP(struct control, control);

/* From the next call of a method on. */
void control_set_group(struct control *control, const char *group);

/* Send a signal to all subscribers. */
void control_feedback(struct control *control, const char *activity, const char *json);
void control_current_state(struct control *control, const char *activity, const char *json);
void control_agent_changed(struct control *control, const char *agent, const char *json);

/* Ends a call: r < 0 with the sentence that the client gets, else with the text that CheckConfig or Inventory
 * returns (Reload: ignored).  text is borrowed; NULL is "". */
void control_call_done(struct control_call *take_call, int r, const char *text);
