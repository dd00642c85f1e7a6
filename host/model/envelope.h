/* SPDX-License-Identifier: Apache-2.0
 *
 * envelope - {"activityId":s,"timestamp":ms,"payload":any}, which is around every message
 *
 * Read liberally: `activity_id` is understood; a missing id is "", a missing timestamp 0; a
 * timestamp in seconds, as older agents send, becomes milliseconds.  Written in exactly the field's
 * form. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/json/json.h"
#include "host/model/place.h"

struct diag;

struct envelope {
        char *activity;
        int64_t timestamp_ms;
        const struct json *payload; /* inside root; NULL: absent or null */
        struct json *root;
};

/* 0; -ENODATA: nothing but white space, which some requests may be.  -EBADMSG, -E2BIG: diag names
 * path and fault.  -ENOMEM. */
int envelope_read(const char *text, size_t length, struct diag *diag, struct envelope **ret);
struct envelope *envelope_free(struct envelope *e);
DEFINE_FREEP(struct envelope, envelope);

/* For the answer to a message that envelope_read() refused: its activity id as far as one can be
 * made out, else "".  Returns buf. */
const char *envelope_salvage_activity(const char *text, size_t length, char buf[PLACE_ID_MAX + 1]);

/* activity: NULL leaves it out.  payload: a JSON text; NULL stands for null.  *ret is the caller's to free. */
int envelope_write(const char *activity, int64_t timestamp_ms, const char *payload, char **ret);
