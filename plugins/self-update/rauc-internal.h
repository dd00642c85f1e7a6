/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc-internal - what the files of the client share
 *
 *     rauc.c        the connection, its signals
 *     rauc-call.c   the calls
 *     rauc-probe.c  whether it streams
 *     rauc-read.c   reading replies and signals, which is also what is fuzzed
 *     rauc-other.c  the two other services that are asked on the same bus */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "plugins/self-update/rauc.h"

#define RAUC_NAME "de.pengutronix.rauc"
#define RAUC_PATH "/"
#define RAUC_INTERFACE "de.pengutronix.rauc.Installer"

enum { RAUC_TEXT_MAX = 512, RAUC_CALLS_MAX = 16 };

/* Keys of InstallBundle that this RAUC has refused. */
enum { RAUC_NO_TRANSACTION = 1 << 0, RAUC_NO_HASH = 1 << 1 };

enum rauc_call_kind { RAUC_SURVEY = 1, RAUC_INSPECT, RAUC_INSTALL, RAUC_MARK };

/* Does it read a remote bundle in parts? */
enum rauc_streams { RAUC_STREAMS_UNKNOWN = 0, RAUC_STREAMS_NO, RAUC_STREAMS_YES };

struct rauc_probe;
struct ub_nest;

/* A call that is under way.  A survey is three, one after the other, in one of these. */
struct call {
        struct rauc *rauc; /* NULL: free */
        uint64_t serial;
        sd_bus_slot *slot;
        struct survey *survey; /* that is being gathered */
        char *bundle;
        char *transaction;
        char *hash;
        char *cert; /* these four are for a remote bundle only */
        char *key;
        char *ca;
        char **headers; /* NULL: none */
        uint64_t limit_usec;
        struct rauc_probe *probe; /* under way; the call waits for what it finds out */
        bool by_info; /* Info in place of InspectBundle */
        rauc_unit_fn unit_done;
        void *unit_data;
};

/* A call that could not be made at all: told from the loop, as every outcome is. */
struct refusal {
        enum rauc_call_kind kind;
        uint64_t serial;
};

struct rauc {
        const struct ub_host *host;
        const struct rauc_events *events;
        void *data;
        char *address; /* "": the system's bus */
        bool autostart;

        sd_event *event;
        struct ub_nest *nest;
        sd_bus *bus; /* NULL: not connected */
        sd_bus_slot *matches[3];
        struct ub_source *reconnect;
        struct ub_source *refused; /* calls wait to be told that there is no bus */
        struct refusal refusals[RAUC_CALLS_MAX];
        unsigned n_refusals;

        struct call calls[RAUC_CALLS_MAX];

        /* What was found out about this RAUC.  Another owner of the name may be another version. */
        bool no_inspect; /* InspectBundle is unknown here */
        enum rauc_streams streams;
        unsigned refused_keys;

        uint64_t installation; /* serial of the one that runs; 0: none of ours */
        bool accepted;         /* from here on "Completed" is about it */
        char last_error[RAUC_TEXT_MAX]; /* a property, which comes before "Completed" */
};

/* rauc.c */
/* For a call that cannot be made: the outcome comes soon. */
void rauc_refuse(struct rauc *rauc, enum rauc_call_kind kind, uint64_t serial);
struct call *rauc_new_call(struct rauc *rauc, uint64_t serial);
void rauc_end_call(struct call *call);
/* Sends m for call; handler gets the reply.  Takes m's reference away in any case. */
int rauc_send(struct call *call, sd_bus_message *take_m, sd_bus_message_handler_t handler,
              uint64_t timeout_usec);
int rauc_new_method(struct rauc *rauc, const char *member, sd_bus_message **ret);
/* The result and the text of a reply that is an error; 0 when it is none. */
int rauc_read_error(const sd_bus_error *error, char text[RAUC_TEXT_MAX]);

/* rauc-probe.c.  -ENOMEM, or what the socket reports. */
int rauc_probe_new(sd_event *event, struct rauc_probe **ret);
/* Takes NULL and returns NULL. */
struct rauc_probe *rauc_probe_free(struct rauc_probe *probe);
/* What RAUC is to look at. */
const char *rauc_probe_url(const struct rauc_probe *probe);
/* UNKNOWN: nobody has asked, for example because RAUC goes through a proxy. */
enum rauc_streams rauc_probe_seen(const struct rauc_probe *probe);

/* rauc-read.c: 0, or what sd-bus says of a reply that is not what the interface promises.  Keys and
 * types that are not known are skipped. */
int rauc_read_slots(sd_bus_message *m, struct survey *survey);
int rauc_read_properties(sd_bus_message *m, struct survey *survey);
int rauc_read_bundle(sd_bus_message *m, struct bundle *bundle);
/* PropertiesChanged: percent -1 and last_error untouched when they are not among them. */
int rauc_read_changes(sd_bus_message *m, int *percent, char text[RAUC_TEXT_MAX],
                      char last_error[RAUC_TEXT_MAX]);
