/* SPDX-License-Identifier: Apache-2.0
 *
 * logind - the little that the broker says to systemd-logind
 *
 * Everything is asynchronous: logind may be busy, and may not be there at all. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"

struct diag;

/* A connection to the system bus of its own, on the loop.  -ENOENT, -ECONNREFUSED: there is none. */
int logind_open(sd_event *event, sd_bus **ret);

/* An error that says that nobody is there to ask. */
bool logind_is_absent(const sd_bus_error *error);

/* Calls a method of the manager; types and what follows them as in sd_bus_message_append(3). */
int logind_call(sd_bus *bus, const char *method, sd_bus_message_handler_t callback, void *data,
                const char *types, ...);

/* Reads the answer to ListInhibitors.  Returns how many there are who block a shutdown, this process
 * not among them, and names them in diag: "PackageKit (pid 7): updating packages". */
int logind_read_blockers(sd_bus_message *reply, struct diag *diag);
