/* SPDX-License-Identifier: Apache-2.0
 *
 * client - a connection to the daemon's control socket (host/broker/control.h has the interface)
 *
 * Failures have been said on stderr when a function returns. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define CLIENT_NAME "org.updatebroker1"
#define CLIENT_PATH "/org/updatebroker1"
#define CLIENT_INTERFACE "org.updatebroker1"

struct ctl;
struct json;

/* quiet: that nobody listens is not said.  -ENOENT, -ECONNREFUSED: nobody listens. */
int client_connect(const struct ctl *ctl, bool quiet, sd_bus **ret);
void client_done(sd_bus **bus);
#define CLEANUP_CLIENT CLEANUP(client_done)

/* Calls a method with one string, or with none (argument NULL).  ret NULL: it answers nothing; else
 * *ret is the caller's to free. */
int client_call(sd_bus *bus, const char *method, const char *argument, char **ret);

/* Calls a method that answers JSON. */
int client_get(sd_bus *bus, const char *method, struct json **ret);

/* Says what is wrong with a call, and returns the exit status that goes with it. */
int client_explain(const sd_bus_error *error, int r);

/* The daemon has ended, or has closed the connection. */
bool client_is_lost(int r);

/* JSON that comes from the daemon. */
int client_parse(const char *text, struct json **ret);
