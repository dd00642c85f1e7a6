/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc - a client of RAUC's D-Bus interface, de.pengutronix.rauc.Installer
 *
 * Everything is asynchronous, on an sd_event nested in the host's loop.  It knows the interface and
 * nothing of updates:
 *
 *   - The property "Operation" is never looked at.  A rejected request of anybody resets it while
 *     an installation goes on.  What counts is "Completed", the loss of the name, and the answer
 *     "already processing a different method".
 *   - "Completed" carries no name.  RAUC installs one bundle at a time and a bus keeps the order,
 *     so from the moment on that it has accepted ours the next one is ours.
 *   - When the service dies there is no "Completed"; the name disappears.
 *   - Which members there are is found out by trying: InspectBundle (1.9) or Info; what
 *     InstallBundle takes beside the bundle (1.10: transaction-id, 1.14: require-manifest-hash).
 *     A key that this RAUC does not know costs one more call, and is remembered.
 *   - A RAUC without streaming fetches all of a remote bundle to look at it.  So it is never asked
 *     for one before it has shown that it asks for parts (rauc-probe.c).
 *   - RAUC may hash a whole bundle inside its main loop, so every call has a time limit of its own.
 *
 * The connection is made again when it is lost; what was asked on the old one fails. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "plugins/self-update/slots.h"

struct ub_host;
struct rauc;

/* Called on the loop thread, never from inside a function below.  result: 0 or
 *   -EBUSY       it does something else
 *   -ENOTCONN    there is no such service, or no bus
 *   -ECONNRESET  it has disappeared meanwhile
 *   -ETIMEDOUT
 *   -ENOTSUP     this RAUC cannot look at a remote bundle
 *   -EKEYREJECTED  a bundle is not signed by anybody whom this device trusts
 *   -EIO         it says no; text says why.
 * text: for people, "" on success. */
struct rauc_events {
        void (*surveyed)(void *data, uint64_t serial, int result, const char *text,
                         const struct survey *survey);
        /* vague: this RAUC hides the reason. */
        void (*inspected)(void *data, uint64_t serial, int result, const char *text,
                          const struct bundle *bundle, bool vague);
        /* Accepted, or not. */
        void (*installing)(void *data, uint64_t serial, int result, const char *text);
        void (*progress)(void *data, uint64_t serial, int percent, const char *text);
        void (*installed)(void *data, uint64_t serial, int result, const char *text);
        void (*marked)(void *data, uint64_t serial, int result, const char *text);
        /* The name has come or gone. */
        void (*changed)(void *data, bool up);
};

/* How a remote bundle is reached; borrowed, "" for none.  RAUC sends the headers also to where a
 * redirect leads, and writes them to its log. */
struct rauc_access {
        const char *cert;
        const char *key;
        const char *ca;
        const char *const *headers; /* "Name: value" ..., NULL; NULL for none */
};

/* address: of the bus, "" for the system's.  autostart: a call may start the service.  host and
 * events outlive the client.  -ENOMEM, or what the loop reports.  That there is no bus yet is no
 * failure. */
int rauc_new(const struct ub_host *host, const char *address, bool autostart,
             const struct rauc_events *events, void *data, struct rauc **ret);
/* Nothing is called any more.  Takes NULL and returns NULL. */
struct rauc *rauc_free(struct rauc *rauc);

/* One look at everything: slots, what boots next, properties. */
void rauc_survey(struct rauc *rauc, uint64_t serial);
/* What is in a bundle, and is it signed by somebody who is trusted?  limit_usec: how long RAUC may
 * take; 0: as long as it takes to read a big one. */
void rauc_inspect(struct rauc *rauc, uint64_t serial, const char *bundle,
                  const struct rauc_access *access, uint64_t limit_usec);
/* transaction and hash: "" for none. */
void rauc_install(struct rauc *rauc, uint64_t serial, const char *bundle, const char *transaction,
                  const char *hash, const struct rauc_access *access);
/* Takes the end of an installation that runs for this one's. */
void rauc_attach(struct rauc *rauc, uint64_t serial);
void rauc_mark(struct rauc *rauc, uint64_t serial, const char *state, const char *slot);

/* Asks logind on the same bus to boot; 0: sent.  What becomes of it is logged. */
int rauc_reboot(struct rauc *rauc);
/* Asks systemd for the state of a unit: done(data, 0) active, -ESRCH and text not. */
typedef void (*rauc_unit_fn)(void *data, int result, const char *text);
int rauc_ask_unit(struct rauc *rauc, const char *unit, rauc_unit_fn done, void *data);
