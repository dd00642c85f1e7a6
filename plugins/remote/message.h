/* SPDX-License-Identifier: Apache-2.0
 *
 * message - what travels between a broker and an agent of Kanto, as JSON
 *
 *     {"activityId":s,"timestamp":ms,"payload":...}
 *
 * Written exactly so; read as agents in the field write it: keys in any case, no activityId, parts
 * that are null or of the wrong type.  What cannot be meant is left out, so that the rest
 * arrives. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/json.h>

struct message {
        struct ub_json *root;         /* owns the two below */
        const char *activity;         /* "": it does not say */
        const struct ub_json *payload; /* an object */
};

/* payload: JSON.  The caller frees *ret.  -ENOMEM, -E2BIG. */
int message_write(const char *activity, const char *payload, char **ret);

/* -EBADMSG: error says why it means nothing.  -E2BIG, -ENOMEM. */
int message_read(const void *data, size_t length, struct ub_error *error, struct message *ret);
void message_done(struct message *message);

/* The text of the first member of this name in a message that is no JSON; false when there is none
 * that could be a word or an id. */
bool message_salvage(const char *data, size_t length, const char *key, char *buf, size_t size);

/* The feedback of a payload in the form that the host takes, with this status and text in place of
 * its own.  message: NULL for none.  The caller frees *ret.  -ENOMEM, -E2BIG. */
int message_feedback(const struct ub_json *payload, const char *status, const char *message,
                     char **ret);
/* True when there are actions in it, and every one of them has come to this word. */
bool message_all_actions(const struct ub_json *payload, const char *status);
size_t message_count_actions(const struct ub_json *payload);

/* A payload as text again, without what is null.  The caller frees *ret.  -ENOMEM, -E2BIG. */
int message_copy(const struct ub_json *payload, char **ret);

/* Compares the versions of software that two inventories tell of.  0: the same.  1: not, and
 * difference names one.  -EBADMSG, -ENOMEM. */
int message_compare_inventories(const char *before, const char *after,
                                struct ub_error *difference);
