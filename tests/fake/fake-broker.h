/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-broker - a broker that is nothing but struct control_ops: it says what it was told to say
 *
 * Activities do not run: whoever holds the fake sends the signals. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/broker/control.h"

enum { FAKE_BROKER_CALLS_MAX = 32 };

struct fake_broker {
        struct control *control;
        char *documents[CONTROL_DOCUMENT_HISTORY + 1]; /* by enum control_document; NULL: "{}" */
        char *report; /* of CheckConfig; NULL: "{}" */
        char activity[PLACE_ID_MAX + 1]; /* the last that was applied; "": none */
        bool hold;    /* keep Reload and CheckConfig until fake_broker_release() */
        struct control_call *calls[FAKE_BROKER_CALLS_MAX];
        bool is_check[FAKE_BROKER_CALLS_MAX];
        size_t n_calls;
        bool tell;    /* print each call to stdout, one per line */
};

/* Their data is the fake.  Cancel knows the last activity only; "late" is -EBUSY.  Agents are
 * "containers" and "busy", which is -EBUSY. */
extern const struct control_ops fake_broker_ops;

void fake_broker_release(struct fake_broker *fake);
void fake_broker_done(struct fake_broker *fake);
