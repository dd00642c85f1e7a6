/* SPDX-License-Identifier: Apache-2.0
 *
 * topics - how the topics of the update manager and of its agents are spelled
 *
 * The one place in the host that knows.  A domain has a prefix (host/model/prefix.h) and each kind of
 * message a suffix:
 *
 *     vehicle      vehicleupdate/desiredstate
 *     self-update  selfupdate/desiredstatefeedback
 *
 * The rule of prefixes is not reversible, so an incoming topic is looked up among the domains that
 * there are.
 *
 * In things mode the manager's own topics give way to those of a connector to the cloud, which
 * carries Ditto messages (host/model/ditto.h) the way Hono has them:
 *
 *     edge/thing/request        which thing is this device?
 *     edge/thing/response       that is what it is
 *     command///req/ID/SUBJECT  a message to the thing
 *     command///res/ID/STATUS   the answer
 *     e                         whatever the thing has to say
 *
 * Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/model/prefix.h"

enum topics_kind {
        TOPICS_DESIRED_STATE,
        TOPICS_COMMAND,
        TOPICS_CURRENT_STATE_GET,
        TOPICS_FEEDBACK,
        TOPICS_CURRENT_STATE,
        TOPICS_OWNER_CONSENT,          /* the manager's only */
        TOPICS_OWNER_CONSENT_FEEDBACK, /* the manager's only */
};

enum {
        TOPICS_KINDS = TOPICS_OWNER_CONSENT_FEEDBACK + 1,
        TOPICS_SIZE = PREFIX_SIZE + 32, /* with any suffix */
};

/* "vehicleupdate/desiredstate".  Failures of prefix_make(). */
int topics_make(enum topics_kind kind, const char *domain, char ret[static TOPICS_SIZE]);

/* With which QoS messages of this kind are published and subscribed to, and whether they are
 * retained. */
int topics_qos(enum topics_kind kind);
bool topics_is_retained(enum topics_kind kind);

/* Finds what a topic means.  *ret_domain: which of the domains.  -ENOENT: none of them, or no kind.
 * */
int topics_parse(const char *topic, const char *const *domains, size_t n_domains,
                 enum topics_kind *ret_kind, size_t *ret_domain);

/* ---------------------------------------------------------------------------------- things mode */

#define TOPICS_THING_REQUEST "edge/thing/request"
#define TOPICS_THING_RESPONSE "edge/thing/response"
#define TOPICS_THING_EVENT "e"
/* Covers `command///req/ID/SUBJECT` and `command//THING/req/ID/SUBJECT`, as Kanto documents it. */
#define TOPICS_THING_COMMANDS "command//+/req/#"

/* All of them. */
enum { TOPICS_THING_QOS = 1 };

/* What a command's topic says.  Longer parts than these are refused. */
enum { TOPICS_THING_MAX = 256, TOPICS_REQUEST_MAX = 256 };
struct topics_thing_command {
        char thing[TOPICS_THING_MAX + 1];     /* "": the thing that the connector is there for */
        char request[TOPICS_REQUEST_MAX + 1]; /* "": there is none, or it has several levels */
};
enum { TOPICS_THING_REPLY_SIZE = TOPICS_THING_MAX + TOPICS_REQUEST_MAX + 32 };

/* -ENOENT: no topic of a command.  -E2BIG. */
int topics_parse_thing_command(const char *topic, struct topics_thing_command *ret);
/* Where the answer to it goes; status: as of HTTP, 100..999. */
void topics_make_thing_reply(const struct topics_thing_command *command, int status,
                             char ret[static TOPICS_THING_REPLY_SIZE]);
