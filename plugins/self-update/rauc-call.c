/* SPDX-License-Identifier: Apache-2.0
 *
 * rauc-call - the calls to RAUC
 *
 * Each ends in exactly one event with the caller's serial number; that of InstallBundle, when it is
 * accepted, is followed by those of the signals (rauc.c). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/self-update/rauc-internal.h"

#define SECOND_USEC UINT64_C(1000000)
#define SHORT_USEC (30 * SECOND_USEC)
#define LONG_USEC (600 * SECOND_USEC) /* it may hash the whole bundle */

/* What RAUC's texts begin with, or hold, when the signer is the reason. */
#define SIGNATURE "signature verification failed"
#define SIGNER_NAMES "allowed-signer-cns"

/* Texts of a call are copies: it may be sent again, without a key or by another method, when the
 * caller's are gone. */
static int take_text(char **to, const char *text)
{
        *to = strdup(text ? text : "");
        return *to ? 0 : -ENOMEM;
}

/* The reply's result: what the peer says, or what reading it has come to. */
static int result_of(sd_bus_message *m, char text[RAUC_TEXT_MAX])
{
        text[0] = '\0';
        return rauc_read_error(sd_bus_message_get_error(m), text);
}

/* --------------------------------------------------------------------------------------- survey */

/* The place of the call is free before anybody is told, who may call again. */
static void end_survey(struct call *call, int r, const char *text)
{
        struct rauc *rauc = call->rauc;
        struct survey *survey = call->survey;
        uint64_t serial = call->serial;

        call->survey = NULL;
        rauc_end_call(call);
        rauc->events->surveyed(rauc->data, serial, r, text, survey);
        free(survey);
}

static int on_properties(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct call *call = data;
        char text[RAUC_TEXT_MAX];
        int r = result_of(m, text);

        (void)unused;
        if (r >= 0) {
                r = rauc_read_properties(m, call->survey);
                if (r < 0)
                        (void)snprintf(text, sizeof(text), "its properties cannot be read: %s",
                                       strerror(-r));
        }
        end_survey(call, r < 0 ? r : 0, text);
        return 0;
}

/* All at once: each would be a call of its own, and between two of them RAUC may change. */
static void ask_properties(struct call *call)
{
        sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(call->rauc->bus, &m, RAUC_NAME, RAUC_PATH,
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", RAUC_INTERFACE);
        if (r >= 0)
                r = rauc_send(call, sd_bus_message_ref(m), on_properties, SHORT_USEC);
        m = sd_bus_message_unref(m);
        if (r < 0)
                end_survey(call, r, strerror(-r));
}

/* That there is no primary slot is a fact about the device, not a failure of the survey. */
static int on_primary(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct call *call = data;
        struct survey *survey = call->survey;
        char text[RAUC_TEXT_MAX];
        const char *name;
        int r = result_of(m, text);

        (void)unused;
        if (r == -EIO) {
                (void)snprintf(survey->primary_error, sizeof(survey->primary_error), "%.*s",
                               (int)sizeof(survey->primary_error) - 1, text);
                r = 0;
        } else if (r >= 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        (void)snprintf(survey->primary, sizeof(survey->primary), "%s", name);
        }
        if (r < 0)
                end_survey(call, r, *text ? text : strerror(-r));
        else
                ask_properties(call);
        return 0;
}

static int on_slots(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct call *call = data;
        sd_bus_message *next = NULL;
        char text[RAUC_TEXT_MAX];
        int r = result_of(m, text);

        (void)unused;
        if (r >= 0)
                r = rauc_read_slots(m, call->survey);
        if (r >= 0)
                r = rauc_new_method(call->rauc, "GetPrimary", &next);
        if (r >= 0)
                r = rauc_send(call, next, on_primary, SHORT_USEC);
        if (r < 0)
                end_survey(call, r, *text ? text : strerror(-r));
        return 0;
}

void rauc_survey(struct rauc *rauc, uint64_t serial)
{
        struct call *call = rauc_new_call(rauc, serial);
        sd_bus_message *m = NULL;
        int r = call ? 0 : -ENOTCONN;

        if (call) {
                call->survey = calloc(1, sizeof(*call->survey));
                r = call->survey ? rauc_new_method(rauc, "GetSlotStatus", &m) : -ENOMEM;
        }
        if (r >= 0)
                r = rauc_send(call, m, on_slots, SHORT_USEC);
        if (r < 0) {
                if (call)
                        rauc_end_call(call);
                rauc_refuse(rauc, RAUC_SURVEY, serial);
        }
}

/* -------------------------------------------------------------------------------------- inspect */

/* What is empty is not said: an older RAUC refuses a key that it does not know. */
static int append_option(sd_bus_message *m, const char *key, const char *value)
{
        if (!value || !*value)
                return 0;
        return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static bool is_remote(const struct call *call)
{
        return strncasecmp(call->bundle, "http", 4) == 0;
}

static int append_headers(sd_bus_message *m, char **headers)
{
        int r;

        if (!headers)
                return 0;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "http-headers");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, headers);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_access(sd_bus_message *m, const struct call *call)
{
        int r;

        if (!is_remote(call))
                return 0;
        r = append_option(m, "tls-cert", call->cert);
        if (r >= 0)
                r = append_option(m, "tls-key", call->key);
        if (r >= 0)
                r = append_option(m, "tls-ca", call->ca);
        return r < 0 ? r : append_headers(m, call->headers);
}

static int send_inspect(struct call *call);

static void end_inspect(struct call *call, int r, const char *text, const struct bundle *bundle)
{
        struct rauc *rauc = call->rauc;
        uint64_t serial = call->serial;
        bool vague = call->by_info && r == -EIO;

        rauc_end_call(call);
        rauc->events->inspected(rauc->data, serial, r, text, bundle, vague);
}

static int on_info(sd_bus_message *m, struct bundle *bundle)
{
        const char *compatible;
        const char *version;
        int r = sd_bus_message_read(m, "ss", &compatible, &version);

        if (r < 0)
                return r;
        (void)snprintf(bundle->compatible, sizeof(bundle->compatible), "%s", compatible);
        (void)snprintf(bundle->version, sizeof(bundle->version), "%s", version);
        return 0;
}

static bool is_unknown_method(sd_bus_message *m)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);

        return error && sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_METHOD);
}

/* The two things that RAUC can have against a signer. */
static bool is_about_signer(const char *text)
{
        return strncmp(text, SIGNATURE, strlen(SIGNATURE)) == 0 || strstr(text, SIGNER_NAMES);
}

/* Info in place of InspectBundle, or for a remote bundle, which Info would fetch, a refusal. */
static void go_without_inspect(struct call *call)
{
        const struct bundle bundle = { .plain = false };
        int r;

        if (is_remote(call)) {
                end_inspect(call, -ENOTSUP,
                            "this RAUC cannot look at a remote bundle; streaming takes RAUC 1.9",
                            &bundle);
                return;
        }
        ub_notice(call->rauc->host, "this RAUC has no InspectBundle (it came with 1.9): why a "
                                    "bundle is refused is known only when it is installed");
        call->rauc->no_inspect = true;
        r = send_inspect(call);
        if (r < 0)
                end_inspect(call, r, strerror(-r), &bundle);
}

static int on_inspected(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct bundle bundle = { .plain = false };
        struct call *call = data;
        char text[RAUC_TEXT_MAX];
        int r;

        (void)unused;
        if (!call->by_info && is_unknown_method(m)) {
                go_without_inspect(call);
                return 0;
        }
        r = result_of(m, text);
        if (r >= 0) {
                r = call->by_info ? on_info(m, &bundle) : rauc_read_bundle(m, &bundle);
                if (r < 0)
                        (void)snprintf(text, sizeof(text), "RAUC's answer cannot be read: %s",
                                       strerror(-r));
        }
        if (r == -EIO && is_about_signer(text))
                r = -EKEYREJECTED;
        /* Info hides "busy" too, in 1.8; the caller looks at the slots before, which tells. */
        end_inspect(call, r < 0 ? r : 0, text, &bundle);
        return 0;
}

/* url: of our own server, which needs no access; NULL: the bundle. */
static int ask_inspect(struct call *call, const char *url, sd_bus_message_handler_t handler)
{
        sd_bus_message *m = NULL;
        int r;

        r = rauc_new_method(call->rauc, call->by_info ? "Info" : "InspectBundle", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", url ? url : call->bundle);
        if (r >= 0 && !call->by_info) {
                r = sd_bus_message_open_container(m, 'a', "{sv}");
                if (r >= 0 && !url)
                        r = append_access(m, call);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        if (r >= 0)
                r = rauc_send(call, sd_bus_message_ref(m), handler, call->limit_usec);
        (void)sd_bus_message_unref(m);
        return r;
}

/* RAUC has been to our own server, or to none. */
static int on_probed(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        const struct bundle bundle = { .plain = false };
        struct call *call = data;
        char text[RAUC_TEXT_MAX];
        int r = result_of(m, text);

        (void)unused;
        if (is_unknown_method(m)) {
                go_without_inspect(call);
                return 0;
        }
        call->rauc->streams = rauc_probe_seen(call->probe);
        call->probe = rauc_probe_free(call->probe);
        if (call->rauc->streams == RAUC_STREAMS_NO) {
                end_inspect(call, -ENOTSUP,
                            "this RAUC is built without streaming, and would fetch a remote "
                            "bundle as a whole to look at it", &bundle);
                return 0;
        }
        if (r >= 0 || r == -EIO) { /* as expected of an address where nothing is */
                r = ask_inspect(call, NULL, on_inspected);
                (void)snprintf(text, sizeof(text), "%s", strerror(r < 0 ? -r : 0));
        }
        if (r < 0)
                end_inspect(call, r, text, &bundle);
        return 0;
}

/* For the first remote bundle there is a question before the question: rauc-probe.c. */
static int send_inspect(struct call *call)
{
        struct rauc *rauc = call->rauc;
        int r;

        call->by_info = rauc->no_inspect && !is_remote(call);
        if (!is_remote(call) || rauc->streams == RAUC_STREAMS_YES)
                return ask_inspect(call, NULL, on_inspected);
        r = rauc_probe_new(rauc->event, &call->probe);
        return r < 0 ? r : ask_inspect(call, rauc_probe_url(call->probe), on_probed);
}

static int take_headers(char ***to, const char *const *headers)
{
        size_t n = 0;
        size_t i;

        while (headers && headers[n])
                n++;
        if (n == 0)
                return 0;
        *to = calloc(n + 1, sizeof(**to));
        for (i = 0; *to && i < n; i++) {
                (*to)[i] = strdup(headers[i]);
                if (!(*to)[i])
                        return -ENOMEM;
        }
        return *to ? 0 : -ENOMEM;
}

static int take_source(struct call *call, const char *bundle, const struct rauc_access *access)
{
        int r = take_text(&call->bundle, bundle);

        if (r >= 0)
                r = take_text(&call->cert, access ? access->cert : "");
        if (r >= 0)
                r = take_text(&call->key, access ? access->key : "");
        if (r >= 0)
                r = take_text(&call->ca, access ? access->ca : "");
        return r < 0 ? r : take_headers(&call->headers, access ? access->headers : NULL);
}

void rauc_inspect(struct rauc *rauc, uint64_t serial, const char *bundle,
                  const struct rauc_access *access, uint64_t limit_usec)
{
        struct call *call = rauc_new_call(rauc, serial);
        int r = call ? take_source(call, bundle, access) : -ENOTCONN;

        if (r >= 0) {
                call->limit_usec = limit_usec ? limit_usec : LONG_USEC;
                r = send_inspect(call);
        }
        if (r < 0) {
                if (call)
                        rauc_end_call(call);
                rauc_refuse(rauc, RAUC_INSPECT, serial);
        }
}

/* -------------------------------------------------------------------------------------- install */

static int send_install(struct call *call);

static void end_install(struct call *call, int r, const char *text)
{
        struct rauc *rauc = call->rauc;
        uint64_t serial = call->serial;

        rauc_end_call(call);
        if (r < 0)
                rauc->installation = 0;
        else
                rauc->accepted = true;
        rauc->events->installing(rauc->data, serial, r, text);
}

/* A key that this RAUC does not take?  Then without it. */
static bool drop_key(struct rauc *rauc, const char *text)
{
        static const struct {
                const char *key;
                unsigned flag;
        } keys[] = {
                { "transaction-id", RAUC_NO_TRANSACTION },
                { "require-manifest-hash", RAUC_NO_HASH },
        };
        size_t i;

        for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                if (!strstr(text, keys[i].key) || rauc->refused_keys & keys[i].flag)
                        continue;
                rauc->refused_keys |= keys[i].flag;
                ub_info(rauc->host, "this RAUC has no %s: goes on without", keys[i].key);
                return true;
        }
        return false;
}

static int on_installing(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct call *call = data;
        char text[RAUC_TEXT_MAX];
        int r = result_of(m, text);

        (void)unused;
        /* RAUC looks at the keys before anything else, so nothing has been done yet. */
        if (r == -EIO && drop_key(call->rauc, text)) {
                call->slot = sd_bus_slot_unref(call->slot);
                r = send_install(call);
                if (r >= 0)
                        return 0;
        }
        end_install(call, r, text);
        return 0;
}

static int send_install(struct call *call)
{
        unsigned refused = call->rauc->refused_keys;
        sd_bus_message *m = NULL;
        int r;

        r = rauc_new_method(call->rauc, "InstallBundle", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", call->bundle);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && !(refused & RAUC_NO_TRANSACTION))
                r = append_option(m, "transaction-id", call->transaction);
        if (r >= 0 && !(refused & RAUC_NO_HASH))
                r = append_option(m, "require-manifest-hash", call->hash);
        if (r >= 0)
                r = append_access(m, call);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = rauc_send(call, sd_bus_message_ref(m), on_installing, SHORT_USEC);
        (void)sd_bus_message_unref(m);
        return r;
}

void rauc_install(struct rauc *rauc, uint64_t serial, const char *bundle, const char *transaction,
                  const char *hash, const struct rauc_access *access)
{
        struct call *call = rauc_new_call(rauc, serial);
        int r = call ? take_source(call, bundle, access) : -ENOTCONN;

        if (r >= 0)
                r = take_text(&call->transaction, transaction);
        if (r >= 0)
                r = take_text(&call->hash, hash);
        /* What RAUC said of another installation is not to be taken for what it says of this
         * one. */
        rauc->installation = serial;
        rauc->accepted = false;
        rauc->last_error[0] = '\0';
        if (r >= 0)
                r = send_install(call);
        if (r < 0) {
                rauc->installation = 0;
                if (call)
                        rauc_end_call(call);
                rauc_refuse(rauc, RAUC_INSTALL, serial);
        }
}

void rauc_attach(struct rauc *rauc, uint64_t serial)
{
        rauc->installation = serial;
        rauc->accepted = true;
        rauc->last_error[0] = '\0';
}

/* ----------------------------------------------------------------------------------------- mark */

static int on_marked(sd_bus_message *m, void *data, sd_bus_error *unused)
{
        struct call *call = data;
        struct rauc *rauc = call->rauc;
        uint64_t serial = call->serial;
        char text[RAUC_TEXT_MAX];
        int r = result_of(m, text);

        (void)unused;
        rauc_end_call(call);
        rauc->events->marked(rauc->data, serial, r, text);
        return 0;
}

void rauc_mark(struct rauc *rauc, uint64_t serial, const char *state, const char *slot)
{
        struct call *call = rauc_new_call(rauc, serial);
        sd_bus_message *m = NULL;
        int r = call ? rauc_new_method(rauc, "Mark", &m) : -ENOTCONN;

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", state, slot);
        if (r >= 0)
                r = rauc_send(call, sd_bus_message_ref(m), on_marked, SHORT_USEC);
        (void)sd_bus_message_unref(m);
        if (r < 0) {
                if (call)
                        rauc_end_call(call);
                rauc_refuse(rauc, RAUC_MARK, serial);
        }
}
