/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - see settings.h */
#include "plugins/remote/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/json.h>

enum { MSEC = 1000, SECOND = 1000 * MSEC };

#define READ_DEFAULT_USEC (60 * (uint64_t)SECOND)
#define ANSWER_DEFAULT_USEC (30 * (uint64_t)SECOND)
#define TIME_MAX_USEC (24 * 3600 * (uint64_t)SECOND)

#define TIME_SCHEMA "{\"type\":[\"string\",\"integer\"],\"minimum\":0,\"maximum\":86400000}"

const char settings_schema[] =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"prefix\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":900},"
        "\"readTimeout\":" TIME_SCHEMA ",\"answerTimeout\":" TIME_SCHEMA ","
        "\"silentRollback\":{\"enum\":[true,false,\"auto\"]}}}";

/* ---------------------------------------------------------------------------------------- times */

/* Microseconds of a unit at *text, which is moved behind it; 0: there is none. */
static uint64_t take_unit(const char **text)
{
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "ms", MSEC }, { "us", 1 }, { "h", 3600 * (uint64_t)SECOND },
                { "m", 60 * (uint64_t)SECOND }, { "s", SECOND },
        };
        size_t i;

        for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strncmp(*text, units[i].name, strlen(units[i].name)) == 0) {
                        *text += strlen(units[i].name);
                        return units[i].usec;
                }
        }
        return 0;
}

/* "1m30s", "1.5s" or "0".  -EBADMSG. */
static int parse_time(const char *text, uint64_t *ret)
{
        uint64_t sum = 0;

        if (strcmp(text, "0") == 0) {
                *ret = 0;
                return 0;
        }
        do {
                uint64_t number = 0;
                uint64_t scale = 1;
                const char *begin = text;

                for (; *text >= '0' && *text <= '9' && number < TIME_MAX_USEC; text++)
                        number = number * 10 + (uint64_t)(*text - '0');
                if (text > begin && *text == '.')
                        for (text++; *text >= '0' && *text <= '9' && scale < SECOND; text++) {
                                number = number * 10 + (uint64_t)(*text - '0');
                                scale *= 10;
                        }
                if (text == begin || number > TIME_MAX_USEC * scale)
                        return -EBADMSG;
                number *= take_unit(&text);
                if (number == 0 && (text[-1] < 'a' || text[-1] > 'z'))
                        return -EBADMSG; /* no unit */
                sum += number / scale;
                if (sum > TIME_MAX_USEC)
                        return -EBADMSG;
        } while (*text);
        *ret = sum;
        return 0;
}

/* 1: there.  0: not; *ret is untouched. */
static int read_time(const struct ub_json *root, const char *key, struct ub_error *error,
                     uint64_t *ret)
{
        const struct ub_json *value = ub_json_member(root, key);
        int64_t msec = 0;
        int r;

        if (!value)
                return 0;
        if (ub_json_type(value) == UB_JSON_NUMBER) {
                r = ub_json_get_int(root, key, 0, TIME_MAX_USEC / MSEC, error, &msec);
                if (r < 0)
                        return r;
                *ret = (uint64_t)msec * MSEC;
                return 1;
        }
        if (ub_json_type(value) != UB_JSON_STRING || parse_time(ub_json_text(value), ret) < 0)
                return ub_json_fault(value, error, -EBADMSG,
                                     "expected a time of at most 24h like \"30s\"");
        return 1;
}

/* --------------------------------------------------------------------------------------- prefix */

/* Kanto's rule: no dashes, and "update" at the end. */
static char *prefix_of_domain(const char *domain)
{
        static const char end[] = "update";
        size_t length = 0;
        char *prefix = malloc(strlen(domain) + sizeof(end));

        if (!prefix)
                return NULL;
        for (; *domain; domain++)
                if (*domain != '-')
                        prefix[length++] = *domain;
        if (length < strlen(end) || memcmp(prefix + length - strlen(end), end, strlen(end)) != 0) {
                memcpy(prefix + length, end, strlen(end));
                length += strlen(end);
        }
        prefix[length] = '\0';
        return prefix;
}

static int read_prefix(const struct ub_json *root, const char *domain, struct ub_error *error,
                       char **ret)
{
        const char *given = NULL;
        char *prefix;
        int r;

        r = ub_json_get_string(root, "prefix", error, &given);
        if (r < 0)
                return r;
        prefix = given ? strdup(given) : prefix_of_domain(domain);
        if (!prefix)
                return -ENOMEM;
        if (!*prefix || strlen(prefix) > PREFIX_MAX || strpbrk(prefix, "+#")) {
                free(prefix);
                return ub_error_set(error, -EBADMSG,
                                    "settings.prefix: topics cannot begin with \"%s\"",
                                    given ? given : domain);
        }
        *ret = prefix;
        return 0;
}

/* ---------------------------------------------------------------------------------------- whole */

static int read_silent_rollback(const struct ub_json *root, struct ub_error *error,
                                enum silent_rollback *ret)
{
        const struct ub_json *value = ub_json_member(root, "silentRollback");

        if (!value)
                return 0;
        if (ub_json_type(value) == UB_JSON_BOOL)
                *ret = strcmp(ub_json_text(value), "true") == 0 ? SILENT_ROLLBACK_ALWAYS
                                                                : SILENT_ROLLBACK_NEVER;
        else if (ub_json_type(value) != UB_JSON_STRING ||
                 strcmp(ub_json_text(value), "auto") != 0)
                return ub_json_fault(value, error, -EBADMSG,
                                     "expected true, false or \"auto\"");
        return 0;
}

static int read_settings(const struct ub_json *root, const char *domain, struct ub_error *error,
                         struct settings *settings)
{
        static const char *const keys[] = { "prefix", "readTimeout", "answerTimeout",
                                            "silentRollback", NULL };
        int r;

        r = ub_json_as_object(root, error);
        if (r >= 0)
                r = ub_json_only_keys(root, keys, error);
        if (r >= 0)
                r = read_time(root, "readTimeout", error, &settings->read_usec);
        if (settings->read_usec > settings->answer_usec)
                settings->answer_usec = settings->read_usec;
        if (r >= 0)
                r = read_time(root, "answerTimeout", error, &settings->answer_usec);
        if (r >= 0)
                r = read_silent_rollback(root, error, &settings->silent_rollback);
        if (r >= 0)
                r = read_prefix(root, domain, error, &settings->prefix);
        return r;
}

int settings_parse(const char *json, const char *domain, struct ub_error *error,
                   struct settings *ret)
{
        struct settings settings = {
                .read_usec = READ_DEFAULT_USEC,
                .answer_usec = ANSWER_DEFAULT_USEC,
        };
        struct ub_json *root;
        int r;

        r = ub_json_parse(json, "settings", error, &root);
        if (r < 0)
                return r;
        r = read_settings(root, domain, error, &settings);
        (void)ub_json_free(root);
        if (r < 0)
                return r == -ENOMEM ? ub_error_set(error, r, "out of memory") : r;
        *ret = settings;
        return 0;
}

void settings_done(struct settings *settings)
{
        free(settings->prefix);
        settings->prefix = NULL;
}
