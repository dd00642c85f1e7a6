/* SPDX-License-Identifier: Apache-2.0
 *
 * ditto - the update manager as a feature of a Ditto thing
 *
 *     {"topic":"NS/NAME/things/live/messages/apply","headers":{..},
 *      "path":"/features/UpdateManager/inbox/messages/apply","value":{..}}
 *
 * In things mode a connector carries such texts between the device and the cloud: there the device
 * is a thing, and what this host does is one feature of it, called UpdateManager.  Its state is
 * kept as the feature's properties; its feedback and its questions are messages from the feature's
 * outbox; desired states, requests and the owner's answers come into its inbox.
 *
 * Where Kanto's update manager ends correctly, what is written here is the same to the byte, but
 * for the texts of faults.  What makes it crash (an id without namespace, a header of the wrong
 * type, a consent without a body) is a fault with a name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/json/json.h"
#include "host/model/place.h"

struct diag;

enum {
        DITTO_THING_MAX = 256, /* bytes of a thing's id, as Ditto has it */
        DITTO_CORRELATION_MAX = 1024,
};

/* ------------------------------------------------------------------------------------ the thing */

/* Reads what a connector answers: {"deviceId":"NS:NAME","tenantId":..,"policyId":..}.  Writes the
 * id.  -EBADMSG, -E2BIG: diag says why it is none.  -ENOMEM. */
int ditto_read_device(const char *text, size_t length, struct diag *diag,
                      char ret[static DITTO_THING_MAX + 1]);

/* ------------------------------------------------------------------------------------- incoming */

enum ditto_subject {
        DITTO_APPLY = 1, /* a desired state */
        DITTO_REFRESH,   /* a request for the current state */
        DITTO_CONSENT,   /* the owner's answer */
};

struct ditto_message {
        enum ditto_subject subject; /* 0: none that there is */
        char *subject_name;         /* as it came */
        char *correlation;          /* "": none */
        bool wants_reply;
        const struct json *value; /* inside root; NULL: absent or null */
        struct json *root;
};

/* A message to this thing.  -ENOENT: it is for another thing, another feature, or no message to an
 * inbox at all: none of our business.  -EBADMSG, -E2BIG: diag names path and fault.  -ENOMEM. */
int ditto_read(const char *text, size_t length, const char *thing, struct diag *diag,
               struct ditto_message **ret);
/* What such a message is about, though it is too large to be read: a message without its payload,
 * the caller's to free, for ditto_read().  -ENOENT: its beginning does not say.  -ENOMEM. */
int ditto_salvage(const char *text, size_t length, char **ret);
struct ditto_message *ditto_free(struct ditto_message *m);
DEFINE_FREEP(struct ditto_message, ditto);

/* What the value of a message says; *ret_payload is inside it. */
struct ditto_value {
        char activity[PLACE_ID_MAX + 1]; /* "": it does not say */
        const struct json *payload;      /* never NULL, but for DITTO_REFRESH */
};
/* -EBADMSG: a part is missing or of the wrong type; the activity may be known all the same.
 * -E2BIG, -ENOMEM. */
int ditto_read_value(const struct ditto_message *m, struct diag *diag, struct ditto_value *ret);

/* ------------------------------------------------------------------------------------- outgoing
 * *ret is the caller's to free; -ENOMEM.  Texts that are called json are put in as they are. */

/* The feature is there, for this domain.  Its properties begin anew. */
int ditto_write_feature(const char *thing, const char *domain, char **ret);

struct ditto_report {
        const char *thing;
        const char *activity;
        int64_t timestamp_ms;
        const char *json;
};
/* The feature's properties; json: an inventory. */
int ditto_write_state(const struct ditto_report *report, const char *domain, char **ret);
int ditto_write_feedback(const struct ditto_report *report, char **ret);
/* A question to the owner, whose answer has to name the correlation id. */
int ditto_write_consent(const struct ditto_report *report, const char *correlation, char **ret);

/* The answer to a message.  fault: what was wrong with it; NULL: it was taken. */
int ditto_write_reply(const char *thing, const struct ditto_message *m, const char *fault,
                      char **ret);
/* The status that such an answer has, which is also part of its topic. */
int ditto_reply_status(const char *fault);
