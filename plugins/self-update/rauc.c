/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc - see rauc.h: the connection and its signals */
#include "plugins/self-update/rauc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/nest.h>

#include "plugins/self-update/rauc-internal.h"

enum { RECONNECT_USEC = 2000000 };

#define NO_SERVICE "RAUC does not run, or there is no D-Bus"
#define SPAWN "org.freedesktop.DBus.Error.Spawn."
#define DISAPPEARED "RAUC service disappeared during installation."

static void connect_bus(struct rauc *rauc);

/* ---------------------------------------------------------------------------------------- calls */

/* NULL: there is no bus, or there are too many. */
struct call *rauc_new_call(struct rauc *rauc, uint64_t serial)
{
        size_t i;

        for (i = 0; i < RAUC_CALLS_MAX && rauc->bus; i++) {
                if (!rauc->calls[i].rauc) {
                        rauc->calls[i] = (struct call){ .rauc = rauc, .serial = serial };
                        return &rauc->calls[i];
                }
        }
        return NULL;
}

static void free_headers(char **headers)
{
        size_t i;

        for (i = 0; headers && headers[i]; i++)
                free(headers[i]);
        free(headers);
}

void rauc_end_call(struct call *call)
{
        (void)sd_bus_slot_unref(call->slot);
        free(call->survey);
        free(call->bundle);
        free(call->transaction);
        free(call->hash);
        free(call->cert);
        free(call->key);
        free(call->ca);
        free_headers(call->headers);
        (void)rauc_probe_free(call->probe);
        *call = (struct call){ .rauc = NULL };
}

int rauc_new_method(struct rauc *rauc, const char *member, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(rauc->bus, ret, RAUC_NAME, RAUC_PATH, RAUC_INTERFACE,
                                              member);
}

/* The nested loop has to look at once whether there is something to write: the host's sleeps until
 * one of its own descriptors is ready. */
int rauc_send(struct call *call, sd_bus_message *take_m, sd_bus_message_handler_t handler,
              uint64_t timeout_usec)
{
        struct rauc *rauc = call->rauc;
        int r;

        call->slot = sd_bus_slot_unref(call->slot);
        r = sd_bus_message_set_auto_start(take_m, rauc->autostart);
        if (r >= 0)
                r = sd_bus_call_async(rauc->bus, &call->slot, take_m, handler, call, timeout_usec);
        (void)sd_bus_message_unref(take_m);
        if (r >= 0)
                r = ub_nest_kick(rauc->nest);
        return r;
}

/* All that RAUC refuses has one and the same error name; only the text tells. */
int rauc_read_error(const sd_bus_error *error, char text[RAUC_TEXT_MAX])
{
        static const char *const away[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER, NULL,
        };
        size_t length;
        size_t i;

        if (!error || !sd_bus_error_is_set(error))
                return 0;
        (void)snprintf(text, RAUC_TEXT_MAX, "%s", error->message ? error->message : error->name);
        length = strlen(text);
        while (length > 0 && text[length - 1] == '\n')
                text[--length] = '\0';
        if (strcasestr(text, "already processing a different method"))
                return -EBUSY;
        for (i = 0; away[i]; i++)
                if (sd_bus_error_has_name(error, away[i]))
                        return -ENOTCONN;
        if (strncmp(error->name, SPAWN, strlen(SPAWN)) == 0)
                return -ENOTCONN; /* it was to be started, and cannot be */
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT) ||
            sd_bus_error_has_name(error, "org.freedesktop.DBus.Error.TimedOut"))
                return -ETIMEDOUT;
        /* sd-bus says NoReply for its own time limit, too. */
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
                return -ECONNRESET;
        return -EIO;
}

/* ------------------------------------------------------------------------- what cannot be asked */

static void tell_refusal(struct rauc *rauc, const struct refusal *refusal)
{
        static const struct bundle no_bundle;
        uint64_t serial = refusal->serial;
        void *data = rauc->data;

        switch (refusal->kind) {
        case RAUC_SURVEY:
                rauc->events->surveyed(data, serial, -ENOTCONN, NO_SERVICE, NULL);
                break;
        case RAUC_INSPECT:
                rauc->events->inspected(data, serial, -ENOTCONN, NO_SERVICE, &no_bundle, false);
                break;
        case RAUC_INSTALL:
                rauc->events->installing(data, serial, -ENOTCONN, NO_SERVICE);
                break;
        case RAUC_MARK:
                rauc->events->marked(data, serial, -ENOTCONN, NO_SERVICE);
                break;
        }
}

static void on_refused(void *data)
{
        struct rauc *rauc = data;
        unsigned n = rauc->n_refusals;
        struct refusal refusals[RAUC_CALLS_MAX];
        unsigned i;

        memcpy(refusals, rauc->refusals, sizeof(refusals)); /* who is told may ask again */
        rauc->n_refusals = 0;
        rauc->refused = NULL;
        for (i = 0; i < n; i++)
                tell_refusal(rauc, &refusals[i]);
}

void rauc_refuse(struct rauc *rauc, enum rauc_call_kind kind, uint64_t serial)
{
        int r = 0;

        if (rauc->n_refusals == RAUC_CALLS_MAX)
                return; /* the machine has no more than a handful under way */
        rauc->refusals[rauc->n_refusals++] = (struct refusal){ .kind = kind, .serial = serial };
        if (!rauc->refused)
                r = ub_defer(rauc->host, on_refused, rauc, &rauc->refused);
        if (r < 0)
                ub_err(rauc->host, "out of events: %s", strerror(-r));
}

/* -------------------------------------------------------------------------------------- signals */

/* An installation that RAUC has not accepted yet ends with the answer to its call instead. */
static void end_installation(struct rauc *rauc, int r, const char *text)
{
        uint64_t serial = rauc->installation;

        if (!serial || !rauc->accepted)
                return;
        rauc->installation = 0;
        rauc->accepted = false;
        rauc->events->installed(rauc->data, serial, r, text);
}

static int on_completed(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct rauc *rauc = data;
        char text[RAUC_TEXT_MAX];
        int result = 1;
        int r = sd_bus_message_read(m, "i", &result);

        (void)unused;
        if (r < 0)
                ub_warning(rauc->host, "RAUC's signal Completed cannot be read: %s", strerror(-r));
        (void)snprintf(text, sizeof(text), "%s", result == 0 ? "" : rauc->last_error);
        end_installation(rauc, r < 0 || result != 0 ? -EIO : 0, text);
        return 0;
}

static int on_changes(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct rauc *rauc = data;
        char text[RAUC_TEXT_MAX];
        int percent;
        int r = rauc_read_changes(m, &percent, text, rauc->last_error);

        (void)unused;
        if (r < 0 || percent < 0 || !rauc->installation || !rauc->accepted)
                return 0;
        ub_debug(rauc->host, "RAUC: %d %% %s", percent, text);
        rauc->events->progress(rauc->data, rauc->installation, percent, text);
        return 0;
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct rauc *rauc = data;
        const char *name;
        const char *before;
        const char *after;
        int r = sd_bus_message_read(m, "sss", &name, &before, &after);

        (void)unused;
        if (r < 0 || strcmp(name, RAUC_NAME) != 0)
                return 0;
        if (*before) /* also when another one takes its place: it knows nothing of ours */
                end_installation(rauc, -ECONNRESET, DISAPPEARED);
        rauc->no_inspect = false; /* another version may have been installed */
        rauc->streams = RAUC_STREAMS_UNKNOWN;
        rauc->refused_keys = 0;
        rauc->events->changed(rauc->data, *after != '\0');
        return 0;
}

/* ----------------------------------------------------------------------------------- connection */

static void forget_calls(struct rauc *rauc)
{
        size_t i;

        for (i = 0; i < RAUC_CALLS_MAX; i++)
                if (rauc->calls[i].rauc)
                        rauc_end_call(&rauc->calls[i]);
}

/* Matches first, so that nothing is heard while it closes. */
static void close_bus(struct rauc *rauc)
{
        size_t i;

        for (i = 0; i < sizeof(rauc->matches) / sizeof(rauc->matches[0]); i++)
                rauc->matches[i] = sd_bus_slot_unref(rauc->matches[i]);
        (void)sd_bus_detach_event(rauc->bus);
        rauc->bus = sd_bus_close_unref(rauc->bus);
}

static void on_reconnect(void *data)
{
        struct rauc *rauc = data;

        rauc->reconnect = NULL;
        connect_bus(rauc);
        if (rauc->bus)
                rauc->events->changed(rauc->data, true); /* somebody may be there */
}

static void reconnect_later(struct rauc *rauc)
{
        int r;

        if (rauc->reconnect)
                return;
        r = ub_timer(rauc->host, RECONNECT_USEC, on_reconnect, rauc, &rauc->reconnect);
        if (r < 0)
                ub_err(rauc->host, "D-Bus is not tried again: %s", strerror(-r));
}

/* sd-bus answers the calls that are under way itself, with an error, before it says this. */
static int on_disconnected(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct rauc *rauc = data;

        (void)m;
        (void)unused;
        ub_warning(rauc->host, "the connection to D-Bus is lost");
        end_installation(rauc, -ECONNRESET,
                         "The connection to D-Bus was lost during installation.");
        rauc->events->changed(rauc->data, false);
        reconnect_later(rauc);
        return 0;
}

static int add_matches(struct rauc *rauc)
{
        int r;

        r = sd_bus_match_signal_async(rauc->bus, &rauc->matches[0], RAUC_NAME, RAUC_PATH,
                                      RAUC_INTERFACE, "Completed", on_completed, NULL, rauc);
        if (r >= 0)
                r = sd_bus_match_signal_async(rauc->bus, &rauc->matches[1], RAUC_NAME, RAUC_PATH,
                                              "org.freedesktop.DBus.Properties",
                                              "PropertiesChanged", on_changes, NULL, rauc);
        /* arg0, or every client that leaves the bus would be heard. */
        if (r >= 0)
                r = sd_bus_add_match_async(rauc->bus, &rauc->matches[2],
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "interface='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',arg0='" RAUC_NAME "'",
                                           on_owner, NULL, rauc);
        if (r >= 0)
                r = sd_bus_match_signal_async(rauc->bus, NULL, "org.freedesktop.DBus.Local",
                                              "/org/freedesktop/DBus/Local",
                                              "org.freedesktop.DBus.Local", "Disconnected",
                                              on_disconnected, NULL, rauc);
        return r;
}

static int open_bus(struct rauc *rauc)
{
        int r;

        if (!*rauc->address)
                return sd_bus_open_system(&rauc->bus);
        r = sd_bus_new(&rauc->bus);
        if (r >= 0)
                r = sd_bus_set_address(rauc->bus, rauc->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(rauc->bus, true);
        return r < 0 ? r : sd_bus_start(rauc->bus);
}

/* Never fails: early in a boot there may be no bus, and later there is. */
static void connect_bus(struct rauc *rauc)
{
        int r;

        if (rauc->bus) {
                forget_calls(rauc);
                close_bus(rauc);
        }
        r = open_bus(rauc);
        if (r >= 0)
                r = sd_bus_attach_event(rauc->bus, rauc->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = add_matches(rauc);
        if (r >= 0) {
                (void)ub_nest_kick(rauc->nest);
                return;
        }
        ub_debug(rauc->host, "no D-Bus: %s", strerror(-r));
        if (rauc->bus)
                close_bus(rauc);
        reconnect_later(rauc);
}

int rauc_new(const struct ub_host *host, const char *address, bool autostart,
             const struct rauc_events *events, void *data, struct rauc **ret)
{
        struct rauc *rauc = calloc(1, sizeof(*rauc));
        int r;

        if (!rauc)
                return -ENOMEM;
        *rauc = (struct rauc){ .host = host, .events = events, .data = data,
                               .autostart = autostart };
        rauc->address = strdup(address);
        r = rauc->address ? sd_event_new(&rauc->event) : -ENOMEM;
        if (r >= 0)
                r = ub_nest_sd_event(host, rauc->event, &rauc->nest);
        if (r < 0) {
                (void)rauc_free(rauc);
                return r;
        }
        connect_bus(rauc);
        *ret = rauc;
        return 0;
}

struct rauc *rauc_free(struct rauc *rauc)
{
        if (!rauc)
                return NULL;
        ub_source_drop(rauc->host, &rauc->reconnect);
        ub_source_drop(rauc->host, &rauc->refused);
        forget_calls(rauc);
        close_bus(rauc);
        (void)ub_nest_free(rauc->nest);
        (void)sd_event_unref(rauc->event);
        free(rauc->address);
        free(rauc);
        return NULL;
}
