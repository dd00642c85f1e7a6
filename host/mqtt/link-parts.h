/* SPDX-License-Identifier: Apache-2.0
 *
 * link-parts - what a link knows of libmosquitto before and after it lives: how a client is set up,
 * and what its results mean
 *
 * No part of it waits, nor calls back. */
#pragma once

#include <mosquitto.h>
#include <stdbool.h>
#if LIBMOSQUITTO_VERSION_NUMBER < 2001000 /* mosquitto.h brings it along since */
#include <mqtt_protocol.h>
#endif

struct diag;
struct link_config;

/* --------------------------------------------------------------------------------- link-client.c */

/* A client of libmosquitto with the settings of a link, which is to hear its callbacks with `data`;
 * mosquitto_destroy() ends it.  -EINVAL: settings that can never work (diag); -ENOMEM. */
int link_client_new(const struct link_config *config, void *data, struct diag *diag,
                    struct mosquitto **ret);

/* --------------------------------------------------------------------------------- link-reason.c
 * For people who see why there is no connection, and do not know libmosquitto's numbers. */

/* What a call has come to. */
struct link_trouble {
        int rc;
        int error;    /* errno right after it */
        bool tls;     /* is spoken */
        bool reached; /* the server has answered before */
};
/* Lives as long as the program, or until the next call of the same thread. */
const char *link_explain_trouble(const struct link_trouble *trouble);

/* The server has said no. */
void link_explain_refusal(int rc, struct diag *ret);

/* An error in libmosquitto's log. */
void link_explain_log(const char *text, struct diag *ret);
