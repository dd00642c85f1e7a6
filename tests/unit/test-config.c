/* SPDX-License-Identifier: Apache-2.0
 *
 * test-config - every setting from each of its sources, and what is said of those that cannot be */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>

#include "tests/unit/load-settings.h"
#include "folder.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/model/status.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/time.h"
#include "unit.h"

/* Loads what is wrong usage, and gives what is said of it. */
static const char *get_usage(const struct given *given)
{
        static struct diag diag;
        const char *argv[WORDS_MAX + 2] = { "update-brokerd" };
        struct settings_sources sources = { .argv = (char *const *)argv };
        struct settings *settings = NULL;
        size_t n = 0;

        diag.text[0] = '\0';
        for (; given->options[n]; n++)
                argv[n + 1] = given->options[n];
        sources.argc = (int)n + 1;
        ck_assert_int_eq(settings_load_text(&sources, "f.json", "{}", 2, &diag, &settings),
                         -EINVAL);
        ck_assert_ptr_null(settings);
        return diag.text;
}

#define USAGE(...) get_usage(&(struct given){ .options = { __VA_ARGS__ } })

static const struct setting *get_row(const char *key)
{
        const struct setting *rows;
        size_t n;
        size_t i;

        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                if (rows[i].key && strcmp(rows[i].key, key) == 0)
                        return &rows[i];
        }
        ck_abort_msg("there is no row %s", key);
}

static void is_value(const struct settings *settings, const char *key, const char *expected,
                     enum setting_source source)
{
        const struct setting *row = get_row(key);
        CLEANUP_JSON struct json *json = row->type->to_json((const char *)settings + row->offset);
        CLEANUP_FREE char *text = NULL;
        size_t n;

        ck_assert_int_eq(json_print(json, JSON_LAYOUT_COMPACT, &text), 0);
        ck_assert_msg(strcmp(text, expected) == 0, "%s is %s, not %s", key, text, expected);
        ck_assert_msg(settings->origins[row - settings_rows(&n)].source == source,
                      "%s: from another source", key);
}

/* ------------------------------------------------------------------ every key from every source */

/* Values as JSON prints them, and the texts that mean them. */
static const struct sample {
        const char *key;
        const char *standard;
        const char *file;
        const char *variable; /* NULL: it has none */
        const char *option;   /* likewise */
} samples[] = {
        { "domain", "\"device\"", "\"vehicle\"", "a", "b" },
        { "thingsEnabled", "false", "true", "false", "true" },
        { "agentTopics", "true", "false", "true", "false" },
        { "agents", "null", "{\"x\":{\"readTimeout\":\"1m0s\",\"rebootRequired\":false}}", NULL,
          NULL },
        { "rebootEnabled", "true", "false", "true", "false" },
        { "rebootAfter", "\"30s\"", "\"1s\"", "2s", "3s" },
        { "rebootCommand", "[]", "[\"/bin/true\",\"x\"]", NULL, NULL },
        { "reportBeforeReboot", "false", "true", "false", "true" },
        { "reportFeedbackInterval", "\"1m0s\"", "\"1s\"", "2s", "3s" },
        { "currentStateDelay", "\"30s\"", "\"1s\"", "2s", "3s" },
        { "phaseTimeout", "\"10m0s\"", "\"1s\"", "2s", "3s" },
        { "phaseLimit", "\"24h0m0s\"", "\"1h0m0s\"", "2h0m0s", "3h0m0s" },
        { "preconditionTimeout", "\"24h0m0s\"", "\"1s\"", "2s", "3s" },
        { "facts", "{}", "{\"device.mode\":{\"topic\":\"a/b\",\"pointer\":\"/mode\"}}", NULL,
          NULL },
        { "ownerConsentCommands", "[]", "[\"UPDATE\"]", NULL, "DOWNLOAD,ACTIVATE" },
        { "ownerConsentTimeout", "\"30m0s\"", "\"1s\"", "2s", "3s" },
        { "historySize", "20", "1", "2", "3" },
        { "control.group", "\"\"", "\"a\"", "b", "c" },
        { "connection.broker", "\"tcp://localhost:1883\"", "\"tcp://a:1\"", "tcp://b:2",
          "tcp://c:3" },
        { "connection.protocol", "\"3.1.1\"", "\"5\"", "3.1.1", "5" },
        { "connection.clientId", "\"\"", "\"a\"", "b", "c" },
        { "connection.keepAlive", "\"20s\"", "\"1s\"", "2s", "3s" },
        { "connection.disconnectTimeout", "\"250ms\"", "\"1s\"", "2s", "3s" },
        { "connection.username", "\"\"", "\"a\"", "b", "c" },
        { "connection.password", "\"\"", "\"a\"", "b", "c" },
        { "connection.connectTimeout", "\"30s\"", "\"1s\"", "2s", "3s" },
        { "connection.acknowledgeTimeout", "\"15s\"", "\"1s\"", "2s", "3s" },
        { "connection.subscribeTimeout", "\"15s\"", "\"1s\"", "2s", "3s" },
        { "connection.unsubscribeTimeout", "\"5s\"", "\"1s\"", "2s", "3s" },
        { "connection.caCert", "\"\"", "\"/a\"", "/b", "/c" },
        { "connection.cert", "\"\"", "\"/a\"", "/b", "/c" },
        { "connection.key", "\"\"", "\"/a\"", "/b", "/c" },
        { "log.logFile", "\"\"", "\"/a\"", "/b", "/c" },
        { "log.logLevel", "\"INFO\"", "\"ERROR\"", "DEBUG", "TRACE" },
        { "log.logFileSize", "2", "1", "3", "4" },
        { "log.logFileCount", "5", "1", "2", "3" },
        { "log.logFileMaxAge", "28", "1", "2", "3" },
};

/* The text of an option or a variable as the JSON that it becomes. */
static const char *to_json(const struct setting *row, const char *text, char *buf, size_t size)
{
        if (row->type == &setting_bool || row->type == &setting_number)
                (void)snprintf(buf, size, "%s", text);
        else if (row->type == &setting_steps)
                (void)snprintf(buf, size, "[\"DOWNLOAD\",\"ACTIVATE\"]");
        else
                (void)snprintf(buf, size, "\"%s\"", text);
        return buf;
}

static void put_in_file(const struct sample *sample, char *buf, size_t size)
{
        const char *dot = strchr(sample->key, '.');

        if (dot)
                (void)snprintf(buf, size, "{\"%.*s\":{\"%s\":%s}}", (int)(dot - sample->key),
                               sample->key, dot + 1, sample->file);
        else
                (void)snprintf(buf, size, "{\"%s\":%s}", sample->key, sample->file);
}

START_TEST(every_key_has_a_sample_here_and_a_default)
{
        const struct setting *rows;
        size_t keys = 0;
        size_t n;
        size_t i;
        LOAD(settings, .file = "{}");

        rows = settings_rows(&n);
        for (i = 0; i < n; i++)
                keys += rows[i].key != NULL;
        ck_assert_uint_eq(keys, ARRAY_SIZE(samples));
        for (i = 0; i < ARRAY_SIZE(samples); i++)
                is_value(settings, samples[i].key, samples[i].standard, SETTING_SOURCE_DEFAULT);
        ck_assert_str_eq(describe(&settings->problems), "");
        ck_assert(!settings->connection.none);
        ck_assert_str_eq(settings->connection.url.host, "localhost");
        ck_assert_uint_eq(settings->connection.url.port, 1883);
}
END_TEST

START_TEST(the_file_wins_over_the_default_of_every_key)
{
        char file[256];
        size_t i;

        for (i = 0; i < ARRAY_SIZE(samples); i++) {
                put_in_file(&samples[i], file, sizeof(file));
                LOAD(settings, .file = file);
                is_value(settings, samples[i].key, samples[i].file, SETTING_SOURCE_FILE);
        }
}
END_TEST

START_TEST(a_variable_wins_over_the_file_for_every_key_that_has_one)
{
        char variable[256];
        char value[256];
        char file[256];
        size_t i;

        for (i = 0; i < ARRAY_SIZE(samples); i++) {
                const struct setting *row = get_row(samples[i].key);

                ck_assert_msg(!row->variable == !samples[i].variable, "%s", row->key);
                if (!row->variable)
                        continue;
                put_in_file(&samples[i], file, sizeof(file));
                (void)snprintf(variable, sizeof(variable), "%s=%s", row->variable,
                               samples[i].variable);
                LOAD(settings, .file = file, .environment = { "X=y", variable });
                is_value(settings, row->key,
                         to_json(row, samples[i].variable, value, sizeof(value)),
                         SETTING_SOURCE_ENVIRONMENT);
        }
}
END_TEST

START_TEST(an_option_wins_over_all_others_for_every_key_that_has_one)
{
        char variable[256];
        char option[256];
        char value[256];
        char file[256];
        size_t i;

        for (i = 0; i < ARRAY_SIZE(samples); i++) {
                const struct setting *row = get_row(samples[i].key);

                ck_assert_msg(!row->option == !samples[i].option, "%s", row->key);
                if (!row->option)
                        continue;
                put_in_file(&samples[i], file, sizeof(file));
                (void)snprintf(variable, sizeof(variable), "%s=%s",
                               row->variable ? row->variable : "X",
                               samples[i].variable ? samples[i].variable : "");
                (void)snprintf(option, sizeof(option), "-%s=%s", row->option, samples[i].option);
                LOAD(settings, .file = file, .environment = { variable }, .options = { option });
                is_value(settings, row->key, to_json(row, samples[i].option, value, sizeof(value)),
                         SETTING_SOURCE_OPTION);
        }
}
END_TEST

START_TEST(options_and_variables_are_those_of_kanto)
{
        /* Section by section as Kanto's reference has them. */
        static const char *const kanto[][3] = {
                { "domain", "domain", "DOMAIN" },
                { "thingsEnabled", "things-enabled", "THINGS_ENABLED" },
                { "rebootEnabled", "reboot-enabled", "REBOOT_ENABLED" },
                { "rebootAfter", "reboot-after", "REBOOT_AFTER" },
                { "reportFeedbackInterval", "report-feedback-interval",
                  "REPORT_FEEDBACK_INTERVAL" },
                { "currentStateDelay", "current-state-delay", "CURRENT_STATE_DELAY" },
                { "phaseTimeout", "phase-timeout", "PHASE_TIMEOUT" },
                { "ownerConsentTimeout", "owner-consent-timeout", "OWNER_CONSENT_TIMEOUT" },
                { "connection.broker", "mqtt-conn-broker", "MQTT_CONN_BROKER" },
                { "connection.keepAlive", "mqtt-conn-keep-alive", "MQTT_CONN_KEEP_ALIVE" },
                { "connection.disconnectTimeout", "mqtt-conn-disconnect-timeout",
                  "MQTT_CONN_DISCONNECT_TIMEOUT" },
                { "connection.username", "mqtt-conn-username", "MQTT_CONN_USERNAME" },
                { "connection.password", "mqtt-conn-password", "MQTT_CONN_PASSWORD" },
                { "connection.connectTimeout", "mqtt-conn-connect-timeout",
                  "MQTT_CONN_CONNECT_TIMEOUT" },
                { "connection.acknowledgeTimeout", "mqtt-conn-ack-timeout",
                  "MQTT_CONN_ACK_TIMEOUT" },
                { "connection.subscribeTimeout", "mqtt-conn-sub-timeout", "MQTT_CONN_SUB_TIMEOUT" },
                { "connection.unsubscribeTimeout", "mqtt-conn-unsub-timeout",
                  "MQTT_CONN_UNSUB_TIMEOUT" },
                { "connection.caCert", "mqtt-conn-ca-cert", "MQTT_CONN_CA_CERT" },
                { "connection.cert", "mqtt-conn-cert", "MQTT_CONN_CERT" },
                { "connection.key", "mqtt-conn-key", "MQTT_CONN_KEY" },
                { "log.logFile", "log-file", "LOG_FILE" },
                { "log.logLevel", "log-level", "LOG_LEVEL" },
                { "log.logFileSize", "log-file-size", "LOG_FILE_SIZE" },
                { "log.logFileCount", "log-file-count", "LOG_FILE_COUNT" },
                { "log.logFileMaxAge", "log-file-max-age", "LOG_FILE_MAX_AGE" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(kanto); i++) {
                ck_assert_str_eq(get_row(kanto[i][0])->option, kanto[i][1]);
                ck_assert_str_eq(get_row(kanto[i][0])->variable, kanto[i][2]);
        }
        ck_assert_str_eq(get_row("ownerConsentCommands")->option, "owner-consent-commands");
}
END_TEST

/* ------------------------------------------------------------------------------------- the file */

START_TEST(the_file_may_be_liberal_where_kanto_is)
{
        LOAD(settings, .file = "{ // comments\n"
                               "  \"DOMAIN\": \"vehicle\", /* other letters */\n"
                               "  \"phaseTimeout\": \"\",\n"
                               "  \"reportFeedbackInterval\": \"\",\n"
                               "  \"currentStateDelay\": null,\n"
                               "  \"agents\": { \"a\": null, \"b\": { \"name\": \"b\" } },\n"
                               "  \"ownerConsentCommands\": [ \"download\", \"Update\" ],\n"
                               "  \"connection\": { \"keepAlive\": 500 }\n"
                               "}");

        ck_assert_str_eq(describe(&settings->problems),
                         "warning: f.json:2:3: DOMAIN: this key is written \"domain\"");
        ck_assert_str_eq(settings->domain, "vehicle");
        ck_assert_uint_eq(settings->phase_timeout_usec, 10 * USEC_PER_MINUTE);
        ck_assert_uint_eq(settings->report_feedback_interval_usec, 0);
        ck_assert_uint_eq(settings->current_state_delay_usec, 30 * USEC_PER_SEC);
        ck_assert_uint_eq(settings->owner_consent_steps, 1U << STEP_DOWNLOAD | 1U << STEP_UPDATE);
        ck_assert_uint_eq(settings->connection.keep_alive_usec, 500 * USEC_PER_MSEC);
        ck_assert_uint_eq(settings->agents.n, 2);
        ck_assert_uint_eq(settings->agents.items[1].read_timeout_usec, USEC_PER_MINUTE);
}
END_TEST

START_TEST(a_null_connection_is_none_unless_a_broker_is_named_elsewhere)
{
        LOAD(none, .file = "{ \"connection\": null }");
        LOAD(option, .file = "{ \"connection\": null }",
             .options = { "-mqtt-conn-broker", "tcp://x" });
        LOAD(variable, .file = "{ \"connection\": null }",
             .environment = { "MQTT_CONN_BROKER=tcp://x" });

        ck_assert(none->connection.none);
        ck_assert(!option->connection.none);
        ck_assert(!variable->connection.none);
        ck_assert_str_eq(option->connection.url.host, "x");
}
END_TEST

static const struct fault {
        const char *file;
        const char *check; /* what --check-config says, all of it */
        const char *start; /* what is said at start; NULL: the same */
} faults[] = {
        /* the file as a whole */
        { "", "error: f.json:1:1: expected an object", NULL },
        { "[]", "error: f.json:1:1: expected an object", NULL },
        { "{\n  \"domain\": \"x\",\n}", "error: f.json:2:16: a comma before \"}\"", NULL },
        { "{ /* \"domain\": 1 }", "error: f.json:1:3: this comment does not end", NULL },
        { "{ \"domain\": \"a\", \"domain\": \"b\" }",
          "error: f.json:1:18: the key \"domain\" stands here twice", NULL },
        /* keys */
        { "{ \"phaseTimeuot\": \"1s\" }",
          "error: f.json:1:3: phaseTimeuot: unknown key; did you mean \"phaseTimeout\"?",
          "warning: f.json:1:3: phaseTimeuot: unknown key; did you mean \"phaseTimeout\"?" },
        { "{ \"colour\": 1 }", "error: f.json:1:3: colour: unknown key",
          "warning: f.json:1:3: colour: unknown key" },
        { "{ \"logLevel\": \"INFO\" }",
          "error: f.json:1:3: logLevel: unknown key; \"logLevel\" belongs into \"log\"",
          "warning: f.json:1:3: logLevel: unknown key; \"logLevel\" belongs into \"log\"" },
        { "{ \"log.logLevel\": \"INFO\" }", "error: f.json:1:3: [\"log.logLevel\"]: unknown key",
          "warning: f.json:1:3: [\"log.logLevel\"]: unknown key" },
        { "{ \"log\": { \"level\": 1, \"logfile\": \"\" } }",
          "error: f.json:1:12: log.level: unknown key\n"
          "warning: f.json:1:24: log.logfile: this key is written \"logFile\"",
          "warning: f.json:1:12: log.level: unknown key\n"
          "warning: f.json:1:24: log.logfile: this key is written \"logFile\"" },
        { "{ \"domain\": \"a\", \"Domain\": \"b\" }",
          "warning: f.json:1:18: Domain: this key is written \"domain\"\n"
          "error: f.json:1:18: Domain: given twice, in other letters",
          NULL },
        /* types */
        { "{ \"domain\": 1 }", "error: f.json:1:3: domain: expected a string, not a number", NULL },
        { "{ \"thingsEnabled\": \"true\" }",
          "error: f.json:1:3: thingsEnabled: expected true or false, not a string", NULL },
        { "{ \"phaseTimeout\": true }",
          "error: f.json:1:3: phaseTimeout: expected a duration such as \"30s\", not true or false",
          NULL },
        { "{ \"historySize\": \"5\" }",
          "error: f.json:1:3: historySize: expected a whole number, not a string", NULL },
        { "{ \"log\": { \"logLevel\": 3 } }",
          "error: f.json:1:12: log.logLevel: expected a string, not a number", NULL },
        { "{ \"connection\": { \"protocol\": 5 } }",
          "error: f.json:1:19: connection.protocol: expected \"3.1.1\" or \"5\", not a number",
          NULL },
        { "{ \"connection\": [] }",
          "error: f.json:1:3: connection: expected an object, not an array", NULL },
        { "{ \"rebootCommand\": \"reboot\" }",
          "error: f.json:1:3: rebootCommand: expected an array, a program and its arguments, "
          "not a string",
          NULL },
        { "{ \"rebootCommand\": [ 1 ] }",
          "error: f.json:1:3: rebootCommand: expected an array of strings, not a number", NULL },
        { "{ \"ownerConsentCommands\": \"UPDATE\" }",
          "error: f.json:1:3: ownerConsentCommands: expected an array of commands, not a string",
          NULL },
        { "{ \"ownerConsentCommands\": [ 1 ] }",
          "error: f.json:1:3: ownerConsentCommands: expected an array of strings, not a number",
          NULL },
        { "{ \"agents\": [] }", "error: f.json:1:3: agents: expected an object, not an array",
          NULL },
        { "{ \"agents\": { \"a\": 1 } }",
          "error: f.json:1:15: agents.a: expected an object, not a number", NULL },
        { "{ \"facts\": 1 }", "error: f.json:1:3: facts: expected an object, not a number", NULL },
        /* values */
        { "{ \"phaseTimeout\": \"soon\" }",
          "error: f.json:1:3: phaseTimeout: expected a duration such as \"30s\" or \"1m30s\", "
          "not \"soon\"",
          "warning: f.json:1:3: phaseTimeout: expected a duration such as \"30s\" or \"1m30s\", "
          "not \"soon\"; taken as \"10m\"" },
        { "{ \"phaseTimeout\": \"0s\" }",
          "error: f.json:1:3: phaseTimeout: expected a duration from 1ms to 8760h0m0s",
          "warning: f.json:1:3: phaseTimeout: expected a duration from 1ms to 8760h0m0s; "
          "taken as \"10m\"" },
        { "{ \"phaseTimeout\": \"9999999999h\" }",
          "error: f.json:1:3: phaseTimeout: expected a duration from 1ms to 8760h0m0s",
          "warning: f.json:1:3: phaseTimeout: expected a duration from 1ms to 8760h0m0s; "
          "taken as \"10m\"" },
        { "{ \"rebootAfter\": -1 }",
          "error: f.json:1:3: rebootAfter: expected a whole number of milliseconds, or a duration "
          "such as \"30s\"",
          "warning: f.json:1:3: rebootAfter: expected a whole number of milliseconds, or a "
          "duration "
          "such as \"30s\"; taken as \"30s\"" },
        { "{ \"historySize\": 1001 }",
          "error: f.json:1:3: historySize: expected a whole number from 0 to 1000",
          "warning: f.json:1:3: historySize: expected a whole number from 0 to 1000; "
          "taken as \"20\"" },
        { "{ \"log\": { \"logFileSize\": 0.5 } }",
          "error: f.json:1:12: log.logFileSize: expected a whole number from 1 to 10000",
          "warning: f.json:1:12: log.logFileSize: expected a whole number from 1 to 10000; "
          "taken as \"2\"" },
        { "{ \"log\": { \"logLevel\": \"DEBG\" } }",
          "error: f.json:1:12: log.logLevel: unknown word \"DEBG\"; did you mean \"DEBUG\"?",
          "warning: f.json:1:12: log.logLevel: unknown word \"DEBG\"; did you mean \"DEBUG\"?; "
          "taken as \"INFO\"" },
        { "{ \"connection\": { \"protocol\": \"4\" } }",
          "error: f.json:1:19: connection.protocol: unknown word \"4\"; expected \"3.1.1\" or "
          "\"5\"",
          "warning: f.json:1:19: connection.protocol: unknown word \"4\"; expected \"3.1.1\" or "
          "\"5\"; taken as \"3.1.1\"" },
        { "{ \"domain\": \"a\\nb\" }",
          "error: f.json:1:3: domain: expected text without control characters",
          "warning: f.json:1:3: domain: expected text without control characters; "
          "taken as \"device\"" },
        { "{ \"rebootCommand\": [ \"reboot\" ] }",
          "error: f.json:1:3: rebootCommand: expected the full path of a program, not \"reboot\"",
          "warning: f.json:1:3: rebootCommand: expected the full path of a program, not "
          "\"reboot\"" },
        { "{ \"ownerConsentCommands\": [ \"UPDATE\", \"CLEANUP\" ] }",
          "error: f.json:1:3: ownerConsentCommands: unknown word \"CLEANUP\"; expected "
          "\"DOWNLOAD\", "
          "\"UPDATE\" or \"ACTIVATE\"",
          "warning: f.json:1:3: ownerConsentCommands: unknown word \"CLEANUP\"; expected "
          "\"DOWNLOAD\", \"UPDATE\" or \"ACTIVATE\"" },
        /* agents and facts */
        { "{ \"agents\": { \"a+\": {} } }",
          "error: f.json:1:15: agents[\"a+\"]: a domain is made of 1 to 64 letters, digits, \".\", "
          "\"_\" "
          "or \"-\"",
          NULL },
        { "{ \"agents\": { \"a\": { \"readTimout\": \"1s\" } } }",
          "error: f.json:1:22: agents.a.readTimout: unknown key; did you mean \"readTimeout\"?",
          "warning: f.json:1:22: agents.a.readTimout: unknown key; did you mean \"readTimeout\"?" },
        { "{ \"agents\": { \"a\": { \"rebootRequired\": 1 } } }",
          "error: f.json:1:22: agents.a.rebootRequired: expected true or false, not a number",
          NULL },
        { "{ \"facts\": { \"a\": { \"pointer\": \"/x\" } } }",
          "error: f.json:1:14: facts.a: \"topic\" is missing", NULL },
        { "{ \"facts\": { \"1x\": { \"topic\": \"t\" } } }",
          "error: f.json:1:14: facts.1x: a fact's name is a letter and up to 63 letters, digits, "
          "\".\", \"_\", \"-\" or \"/\"",
          NULL },
        { "{ \"facts\": { \"a\": { \"topic\": \"t/#\", \"pointer\": \"x\" } } }",
          "error: f.json:1:21: facts.a.topic: expected an MQTT topic without \"+\" and \"#\"\n"
          "error: f.json:1:37: facts.a.pointer: expected a JSON pointer, such as \"/mode\"",
          NULL },
        { "{ \"facts\": { \"a\": { \"topic\": \"t\", \"path\": \"\" } } }",
          "error: f.json:1:35: facts.a.path: unknown key; a fact has \"topic\" and \"pointer\"",
          "warning: f.json:1:35: facts.a.path: unknown key; a fact has \"topic\" and \"pointer\"" },
        /* together */
        { "{ \"domain\": \"a/#\" }",
          "error: f.json:1:3: domain: \"+\" and \"#\" cannot be in a topic", NULL },
        { "{ \"domain\": \"-$SYS\" }",
          "error: f.json:1:3: domain: a topic cannot begin with \"$\" or have control characters",
          NULL },
        { "{ \"connection\": { \"broker\": \"tpc://x\" } }",
          "error: f.json:1:19: connection.broker: unknown scheme \"tpc\"; did you mean \"tcp\"?",
          NULL },
        { "{ \"connection\": { \"broker\": \"ssl://x\" } }",
          "error: f.json: connection.caCert: is needed for TLS: who may vouch for the broker?",
          NULL },
        { "{ \"connection\": { \"broker\": \"ssl://x\", \"caCert\": \"/a\", \"cert\": \"/b\" } }",
          "error: f.json: connection.key: is needed with \"cert\"", NULL },
        { "{ \"connection\": { \"broker\": \"ssl://x\", \"caCert\": \"/a\", \"key\": \"/b\" } }",
          "error: f.json: connection.cert: is needed with \"key\"", NULL },
        { "{ \"connection\": { \"caCert\": \"/a\" } }",
          "warning: f.json: connection.broker: not a TLS scheme, so the certificates that are "
          "configured have no effect",
          NULL },
        { "{ \"connection\": { \"broker\": \"tcp://u:secret@x\" } }",
          "error: f.json:1:19: connection.broker: a user and a password belong into \"username\" "
          "and "
          "\"password\"",
          NULL },
        { "{ \"connection\": { \"password\": \"secret\" } }",
          "warning: f.json:1:19: connection.password: MQTT 3.1.1 has no password without "
          "\"username\"",
          NULL },
        { "{ \"phaseTimeout\": \"2h\", \"phaseLimit\": \"1h\" }",
          "warning: f.json:1:25: phaseLimit: shorter than \"phaseTimeout\", which then has no "
          "effect",
          NULL },
};

START_TEST(every_fault_is_named_with_its_place)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(faults); i++) {
                LOAD(settings, .file = faults[i].file, .options = { "-check-config" });
                ck_assert_str_eq(describe(&settings->problems), faults[i].check);
        }
}
END_TEST

START_TEST(at_start_an_unknown_key_or_an_impossible_value_is_a_warning)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(faults); i++) {
                LOAD(settings, .file = faults[i].file);
                ck_assert_str_eq(describe(&settings->problems),
                                 faults[i].start ? faults[i].start : faults[i].check);
        }
}
END_TEST

START_TEST(no_complaint_repeats_a_password)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(faults); i++) {
                LOAD(settings, .file = faults[i].file);
                ck_assert_ptr_null(strstr(describe(&settings->problems), "secret"));
        }
}
END_TEST

START_TEST(what_a_file_says_stands_beside_its_faults)
{
        LOAD(settings, .file = "{ \"historySize\": 9999, \"domain\": \"vehicle\", \"x\": 1, "
                               "\"rebootAfter\": \"7s\" }");

        ck_assert_uint_eq(settings->problems.n_errors, 0);
        ck_assert_uint_eq(settings->problems.n, 2);
        ck_assert_uint_eq(settings->history_size, 20);
        ck_assert_str_eq(settings->domain, "vehicle");
        ck_assert_uint_eq(settings->reboot_after_usec, 7 * USEC_PER_SEC);
}
END_TEST

/* ------------------------------------------------------------------------ variables and options */

START_TEST(a_variable_that_cannot_be_is_passed_over)
{
        LOAD(start, .environment = { "THINGS_ENABLED=maybe", "PHASE_TIMEOUT=x" });
        LOAD(check, .options = { "-check-config" }, .environment = { "LOG_FILE_COUNT=-1" });

        ck_assert(!start->things_enabled);
        ck_assert_str_eq(describe(&start->problems),
                         "warning: variable THINGS_ENABLED: expected true or false, not \"maybe\"\n"
                         "warning: variable PHASE_TIMEOUT: expected a duration such as \"30s\" or "
                         "\"1m30s\", not \"x\"");
        ck_assert_str_eq(describe(&check->problems),
                         "error: variable LOG_FILE_COUNT: expected a whole number from 0 to 10000");
}
END_TEST

START_TEST(an_empty_variable_counts)
{
        LOAD(settings, .file = "{ \"log\": { \"logFile\": \"/x\" }, \"phaseTimeout\": \"1s\" }",
             .environment = { "LOG_FILE=", "PHASE_TIMEOUT=", "CURRENT_STATE_DELAY=" });

        ck_assert_str_eq(settings->log.file, "");
        ck_assert_uint_eq(settings->phase_timeout_usec, 10 * USEC_PER_MINUTE);
        ck_assert_uint_eq(settings->current_state_delay_usec, 0);
}
END_TEST

START_TEST(options_are_written_with_one_dash_or_two_and_with_or_without_equals)
{
        LOAD(a, .options = { "-domain", "x", "--phase-timeout", "1s" });
        LOAD(b, .options = { "-domain=x", "--phase-timeout=1s", "-things-enabled" });
        LOAD(c, .options = { "-reboot-enabled=false", "-domain=", "-domain=a=b" });

        ck_assert_str_eq(a->domain, "x");
        ck_assert_uint_eq(a->phase_timeout_usec, USEC_PER_SEC);
        ck_assert_str_eq(b->domain, "x");
        ck_assert_uint_eq(b->phase_timeout_usec, USEC_PER_SEC);
        ck_assert(b->things_enabled);
        ck_assert(!c->reboot_enabled);
        ck_assert_str_eq(c->domain, "a=b");
}
END_TEST

START_TEST(wrong_usage_is_refused_with_a_reason)
{
        ck_assert_str_eq(USAGE("-phase-timeuot", "1s"),
                         "unknown option -phase-timeuot; did you mean -phase-timeout?");
        ck_assert_str_eq(USAGE("--colour"), "unknown option -colour");
        ck_assert_str_eq(USAGE("-phase-timeout"), "option -phase-timeout needs a value");
        ck_assert_str_eq(
                USAGE("-phase-timeout", "x"),
                "option -phase-timeout: expected a duration such as \"30s\" or \"1m30s\", not "
                "\"x\"");
        ck_assert_str_eq(USAGE("-things-enabled", "false"),
                         "\"false\" is not an option, and this program takes nothing else");
        ck_assert_str_eq(USAGE("-things-enabled=no"),
                         "option -things-enabled: expected true or false, not \"no\"");
        ck_assert_str_eq(USAGE("--"),
                         "\"--\" is not an option, and this program takes nothing else");
        ck_assert_str_eq(USAGE("-"), "\"-\" is not an option, and this program takes nothing else");
        ck_assert_str_eq(USAGE("---json"),
                         "\"---json\" is not an option, and this program takes nothing else");
        ck_assert_str_eq(USAGE("-=x"),
                         "\"-=x\" is not an option, and this program takes nothing else");
        ck_assert_str_eq(
                USAGE("-owner-consent-commands", "update,all"),
                "option -owner-consent-commands: unknown word \"all\"; expected \"DOWNLOAD\", "
                "\"UPDATE\" or \"ACTIVATE\"");
        ck_assert_str_eq(USAGE("-conf-dir", "a:b:c:d:e:f:g:h:i"),
                         "option -conf-dir: more than 8 folders");
        ck_assert_str_eq(USAGE("-conf-dir="), "option -conf-dir: expected a folder");
        ck_assert_str_eq(USAGE("-read-timeout", "1s"),
                         "unknown option -read-timeout; did you mean -phase-timeout?");
}
END_TEST

START_TEST(folders_of_registrations_replace_the_standard_ones_and_add_up)
{
        LOAD(standard, .file = "{}");
        LOAD(settings, .options = { "--conf-dir", "a", "--conf-dir=b:c" });

        ck_assert_uint_eq(words_count(standard->run.conf_dirs), 3);
        ck_assert_uint_eq(words_count(settings->run.conf_dirs), 3);
        ck_assert_str_eq(settings->run.conf_dirs[0], "a");
        ck_assert_str_eq(settings->run.conf_dirs[2], "c");
}
END_TEST

START_TEST(a_file_is_read_by_either_name_of_its_option)
{
        static const char *const names[] = { "--cfg-file", "-config-file" };
        CLEANUP(folder_done) struct folder folder = folder_new();
        char path[PATH_MAX];
        size_t i;

        folder_write(&folder, "c.json", "{ \"domain\": \"vehicle\" }");
        folder_path(&folder, "c.json", path);
        for (i = 0; i < ARRAY_SIZE(names); i++) {
                const char *argv[] = { "update-brokerd", names[i], path };
                const struct settings_sources sources = { .argc = 3, .argv = (char *const *)argv };
                CLEANUP(settings_freep) struct settings *settings = NULL;

                ck_assert_int_eq(settings_load(&sources, NULL, &settings), 0);
                ck_assert_str_eq(settings->domain, "vehicle");
                ck_assert_str_eq(settings->path, path);
                ck_assert_str_eq(describe(&settings->problems), "");
        }
}
END_TEST

START_TEST(a_file_that_others_can_write_or_that_shows_a_password_is_pointed_out)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP(settings_freep) struct settings *settings = NULL;
        char path[PATH_MAX];
        const char *argv[] = { "update-brokerd", "-config-file", path };
        const struct settings_sources sources = { .argc = 3, .argv = (char *const *)argv };

        folder_write(&folder, "c.json",
                     "{ \"connection\": { \"username\": \"u\", \"password\": \"secret\" } }");
        folder_path(&folder, "c.json", path);
        ck_assert_int_eq(chmod(path, 0666), 0);
        ck_assert_int_eq(settings_load(&sources, NULL, &settings), 0);
        ck_assert_ptr_nonnull(strstr(describe(&settings->problems), ": others can write to it"));
        ck_assert_ptr_nonnull(strstr(describe(&settings->problems),
                                     ": holds a password, and everybody can read it"));
        ck_assert_uint_eq(settings->problems.n_errors, 0);
}
END_TEST

START_TEST(a_file_that_is_no_file_is_an_error)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        const char *argv[] = { "update-brokerd", "-config-file", folder.path };
        const struct settings_sources sources = { .argc = 3, .argv = (char *const *)argv };
        CLEANUP(settings_freep) struct settings *settings = NULL;

        ck_assert_int_eq(settings_load(&sources, NULL, &settings), 0);
        ck_assert_ptr_nonnull(
                strstr(describe(&settings->problems), ": cannot be read: Is a directory"));
        ck_assert_uint_eq(settings->problems.n_errors, 1);
}
END_TEST

/* -------------------------------------------------------------------------------- reading again */

START_TEST(a_comparison_says_what_changed_and_what_that_asks_for)
{
        const struct setting *changed[SETTINGS_ROWS_MAX];
        enum setting_effect effect;
        LOAD(a, .file = "{ \"phaseTimeout\": \"60s\", \"agents\": { \"a\": {} } }");
        LOAD(same, .file = "{ \"agents\": { \"a\": { \"readTimeout\": 60000 } }, \"phaseTimeout\": "
                           "60000 }");
        LOAD(live, .file = "{ \"agents\": { \"a\": {} }, \"log\": { \"logLevel\": \"DEBUG\" } }");
        LOAD(reconnect, .file = "{ \"phaseTimeout\": \"60s\", \"agents\": { \"a\": {} }, "
                                "\"connection\": { \"password\": \"p\" } }");
        LOAD(none, .file = "{ \"phaseTimeout\": \"60s\", \"agents\": { \"a\": {} }, "
                           "\"connection\": null }");

        ck_assert_int_eq(settings_compare(a, same, changed, &effect), 0);
        ck_assert_int_eq(effect, SETTING_EFFECT_LIVE);
        ck_assert_int_eq(settings_compare(a, live, changed, &effect), 2);
        ck_assert_str_eq(changed[0]->key, "phaseTimeout");
        ck_assert_str_eq(changed[1]->key, "log.logLevel");
        ck_assert_int_eq(effect, SETTING_EFFECT_LIVE);
        ck_assert_int_eq(settings_compare(a, reconnect, changed, &effect), 1);
        ck_assert_str_eq(changed[0]->key, "connection.password");
        ck_assert_int_eq(effect, SETTING_EFFECT_RECONNECT);
        ck_assert_int_gt(settings_compare(a, none, changed, &effect), 0);
        ck_assert_int_eq(effect, SETTING_EFFECT_RECONNECT);
        ck_assert_int_eq(settings_compare(none, none, changed, &effect), 0);
}
END_TEST

START_TEST(the_help_names_every_option)
{
        CLEANUP_FREE char *text = NULL;
        const struct setting *rows;
        size_t size;
        size_t n;
        size_t i;
        FILE *f = open_memstream(&text, &size);

        settings_print_help(f);
        ck_assert_int_eq(fclose(f), 0);
        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                char option[64];

                (void)snprintf(option, sizeof(option), "\n  --%s",
                               rows[i].option ? rows[i].option : "");
                ck_assert_ptr_nonnull(strstr(text, option));
        }
        ck_assert_ptr_nonnull(strstr(text, "--DOMAIN-read-timeout DURATION"));
}
END_TEST

UNIT_MAIN("config",
          every_key_has_a_sample_here_and_a_default,
          the_file_wins_over_the_default_of_every_key,
          a_variable_wins_over_the_file_for_every_key_that_has_one,
          an_option_wins_over_all_others_for_every_key_that_has_one,
          options_and_variables_are_those_of_kanto,
          the_file_may_be_liberal_where_kanto_is,
          a_null_connection_is_none_unless_a_broker_is_named_elsewhere,
          every_fault_is_named_with_its_place,
          at_start_an_unknown_key_or_an_impossible_value_is_a_warning,
          no_complaint_repeats_a_password,
          what_a_file_says_stands_beside_its_faults,
          a_variable_that_cannot_be_is_passed_over,
          an_empty_variable_counts,
          options_are_written_with_one_dash_or_two_and_with_or_without_equals,
          wrong_usage_is_refused_with_a_reason,
          folders_of_registrations_replace_the_standard_ones_and_add_up,
          a_file_is_read_by_either_name_of_its_option,
          a_file_that_others_can_write_or_that_shows_a_password_is_pointed_out,
          a_file_that_is_no_file_is_an_error,
          a_comparison_says_what_changed_and_what_that_asks_for,
          the_help_names_every_option)
