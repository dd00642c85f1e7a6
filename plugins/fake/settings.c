/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - see settings.h */
#define UB_ABI_MINOR_WANTED 0
#include "plugins/fake/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/json.h>

#define PHASE_SCHEMA                                                                          \
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                \
        "\"result\":{\"enum\":[\"ok\",\"fail\",\"hang\",\"silent\",\"block\",\"twice\","      \
        "\"garbage\",\"crash\",\"abort\",\"exit\"]},"                                         \
        "\"delayMs\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":3600000},"               \
        "\"steps\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000},"                    \
        "\"message\":{\"type\":\"string\"}}}"

const char settings_schema[] =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"components\":{\"type\":\"array\",\"maxItems\":2048,\"items\":{\"type\":\"object\","
        "\"additionalProperties\":false,\"required\":[\"id\"],\"properties\":{"
        "\"id\":{\"type\":\"string\",\"minLength\":1},\"version\":{\"type\":\"string\"}}}},"
        "\"reboot\":{\"type\":\"boolean\"},"
        "\"phases\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"IDENTIFY\":" PHASE_SCHEMA ",\"DOWNLOAD\":" PHASE_SCHEMA ",\"UPDATE\":" PHASE_SCHEMA ","
        "\"ACTIVATE\":" PHASE_SCHEMA ",\"VERIFY\":" PHASE_SCHEMA ",\"ROLLBACK\":" PHASE_SCHEMA ","
        "\"CLEANUP\":" PHASE_SCHEMA "}}}}";

static const char *const phase_names[PHASE_COUNT + 1] = {
        [PHASE_IDENTIFY] = "IDENTIFY",
        [UB_CMD_DOWNLOAD] = "DOWNLOAD",
        [UB_CMD_UPDATE] = "UPDATE",
        [UB_CMD_ACTIVATE] = "ACTIVATE",
        [UB_CMD_ROLLBACK] = "ROLLBACK",
        [UB_CMD_CLEANUP] = "CLEANUP",
        [UB_CMD_VERIFY] = "VERIFY",
};

static const char *const result_names[] = {
        [RESULT_OK] = "ok",         [RESULT_FAIL] = "fail",   [RESULT_HANG] = "hang",
        [RESULT_SILENT] = "silent", [RESULT_BLOCK] = "block", [RESULT_TWICE] = "twice",
        [RESULT_GARBAGE] = "garbage", [RESULT_CRASH] = "crash", [RESULT_ABORT] = "abort",
        [RESULT_EXIT] = "exit",
};

static int read_result(const struct ub_json *object, struct ub_error *error, enum result *ret)
{
        const char *name = "ok";
        size_t i;
        int r;

        r = ub_json_get_string(object, "result", error, &name);
        if (r < 0)
                return r;
        for (i = 0; i < sizeof(result_names) / sizeof(result_names[0]); i++) {
                if (strcmp(name, result_names[i]) == 0) {
                        *ret = (enum result)i;
                        return 0;
                }
        }
        return ub_json_fault(ub_json_member(object, "result"), error, -EBADMSG,
                             "there is no result \"%s\"", name);
}

static int read_phase(const struct ub_json *object, struct ub_error *error, struct phase *phase)
{
        static const char *const keys[] = { "result", "delayMs", "steps", "message", NULL };
        const char *message = "";
        int64_t delay_ms = 0;
        int64_t steps = 1;
        int r;

        r = ub_json_only_keys(object, keys, error);
        if (r >= 0)
                r = read_result(object, error, &phase->result);
        if (phase->result == RESULT_BLOCK)
                delay_ms = 2000;
        if (r >= 0)
                r = ub_json_get_int(object, "delayMs", 0, PHASE_DELAY_MAX_MS, error, &delay_ms);
        if (r >= 0)
                r = ub_json_get_int(object, "steps", 1, PHASE_STEPS_MAX, error, &steps);
        if (r >= 0)
                r = ub_json_get_string(object, "message", error, &message);
        if (r < 0)
                return r;
        phase->delay_usec = (uint64_t)delay_ms * 1000;
        phase->steps = (int)steps;
        free(phase->message);
        phase->message = strdup(message);
        return phase->message ? 0 : -ENOMEM;
}

static int read_phases(const struct ub_json *root, struct ub_error *error,
                       struct settings *settings)
{
        const struct ub_json *phases;
        const struct ub_json *phase;
        int i;
        int r;

        for (i = 0; i < PHASE_COUNT; i++) {
                settings->phases[i] = (struct phase){ .steps = 1, .message = strdup("") };
                if (!settings->phases[i].message)
                        return -ENOMEM;
        }
        r = ub_json_get_object(root, "phases", error, &phases);
        if (r <= 0)
                return r;
        r = ub_json_only_keys(phases, phase_names, error);
        for (i = 0; i < PHASE_COUNT && r >= 0; i++) {
                r = ub_json_get_object(phases, phase_names[i], error, &phase);
                if (r > 0)
                        r = read_phase(phase, error, &settings->phases[i]);
        }
        return r;
}

static int read_settings(const struct ub_json *root, struct ub_error *error,
                         struct settings *settings)
{
        static const char *const keys[] = { "components", "phases", "reboot", NULL };
        int r;

        r = ub_json_as_object(root, error);
        if (r >= 0)
                r = ub_json_only_keys(root, keys, error);
        if (r >= 0)
                r = ub_json_get_bool(root, "reboot", error, &settings->reboot);
        if (r >= 0)
                r = inventory_read(root, error, &settings->components);
        if (r >= 0)
                r = read_phases(root, error, settings);
        return r;
}

int settings_parse(const char *json, struct ub_error *error, struct settings *ret)
{
        struct settings settings = { .reboot = false };
        struct ub_json *root;
        int r;

        r = ub_json_parse(json, "settings", error, &root);
        if (r < 0)
                return r;
        r = read_settings(root, error, &settings);
        (void)ub_json_free(root);
        if (r < 0) {
                settings_done(&settings);
                return r == -ENOMEM ? ub_error_set(error, r, "out of memory") : r;
        }
        *ret = settings;
        return 0;
}

void settings_done(struct settings *settings)
{
        int i;

        inventory_done(&settings->components);
        for (i = 0; i < PHASE_COUNT; i++) {
                free(settings->phases[i].message);
                settings->phases[i].message = NULL;
        }
}
