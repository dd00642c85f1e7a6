/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - see settings.h */
#define _GNU_SOURCE 1 /* asprintf */
#include "plugins/files/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/json.h>

#include "plugins/files/path.h"

#ifndef FILES_STATE_DIR
#define FILES_STATE_DIR "/var/lib/update-broker"
#endif

#define MIB (UINT64_C(1024) * 1024)
#define SECOND UINT64_C(1000000)
#define TIME_MAX_USEC (24 * 3600 * SECOND)

enum { TARGETS_MAX = 64, PROGRAMS_MAX = 64, ARGV_MAX = 32 };

#define BYTES "{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740991}"
#define COUNT "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000000}"
#define TEXT "{\"type\":\"string\",\"minLength\":1,\"maxLength\":4000}"
#define TIME "{\"type\":[\"string\",\"integer\"],\"minimum\":0,\"maximum\":86400000}"

#define COMMAND_SCHEMA                                                             \
        "{\"type\":\"object\",\"additionalProperties\":false,"                     \
        "\"required\":[\"argv\"],\"properties\":{\"argv\":{\"type\":\"array\"," \
        "\"minItems\":1,\"maxItems\":32,\"items\":{\"type\":\"string\"}},"           \
        "\"timeout\":" TIME "}}"

#define LIMITS_SCHEMA                                                             \
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"    \
        "\"archiveBytes\":" BYTES ",\"totalBytes\":" BYTES ",\"entries\":" COUNT  \
        ",\"depth\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64},"           \
        "\"pathBytes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":4000},"      \
        "\"ratio\":" COUNT ",\"keepFreeBytes\":" BYTES "}}"

#define DOWNLOAD_SCHEMA                                                           \
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"    \
        "\"timeout\":" TIME ",\"bytesPerSecond\":" BYTES ",\"attempts\":{"        \
        "\"type\":\"integer\",\"minimum\":1,\"maximum\":1000},"                   \
        "\"caFile\":" TEXT ",\"certFile\":" TEXT ",\"keyFile\":" TEXT "}}"

const char settings_schema[] =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"store\":" TEXT ",\"targets\":{\"type\":\"array\",\"maxItems\":64,"
        "\"items\":" TEXT "},\"adopt\":{\"type\":\"boolean\"},\"ca\":" TEXT ","
        "\"requireSignature\":{\"type\":\"boolean\"},"
        "\"commands\":{\"type\":\"object\",\"additionalProperties\":" COMMAND_SCHEMA "},"
        "\"limits\":" LIMITS_SCHEMA ","
        "\"specialFiles\":{\"enum\":[\"refuse\",\"allow\"]},"
        "\"setuid\":{\"enum\":[\"refuse\",\"strip\",\"keep\"]},"
        "\"download\":" DOWNLOAD_SCHEMA "}}";

/* --------------------------------------------------------------------------------------- values */

static int out_of_memory(struct ub_error *error)
{
        return ub_error_set(error, -ENOMEM, "out of memory");
}

/* 1: there, in memory of its own in *ret.  0: not; *ret is untouched. */
static int read_text(const struct ub_json *object, const char *key, struct ub_error *error,
                     char **ret)
{
        const char *text;
        char *copy;
        int r;

        r = ub_json_get_string(object, key, error, &text);
        if (r <= 0)
                return r;
        copy = strdup(text);
        if (!copy)
                return out_of_memory(error);
        free(*ret);
        *ret = copy;
        return 1;
}

static int read_absolute(const struct ub_json *object, const char *key, struct ub_error *error,
                         char **ret)
{
        int r = read_text(object, key, error, ret);

        if (r > 0 && **ret != '/')
                return ub_json_fault(ub_json_member(object, key), error, -EBADMSG,
                                     "expected an absolute path, got \"%s\"", *ret);
        return r;
}

static int read_count(const struct ub_json *object, const char *key, struct ub_error *error,
                      uint64_t *value)
{
        int64_t number;
        int r = ub_json_get_int(object, key, 0, UB_JSON_INT_MAX, error, &number);

        if (r > 0)
                *value = (uint64_t)number;
        return r;
}

/* The number and unit that *at begins with, as microseconds; moves *at behind them.  -EBADMSG. */
static int take_time(const char **at, uint64_t *sum)
{
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "ms", 1000 }, /* before "m" */
                { "s", SECOND },
                { "m", 60 * SECOND },
                { "h", 3600 * SECOND },
        };
        const char *begin = *at;
        uint64_t number = 0;
        size_t i;

        for (; **at >= '0' && **at <= '9' && number < TIME_MAX_USEC; ++*at)
                number = number * 10 + (uint64_t)(**at - '0');
        for (i = 0; *at > begin && i < sizeof(units) / sizeof(units[0]); i++) {
                size_t length = strlen(units[i].name);

                if (strncmp(*at, units[i].name, length) != 0)
                        continue;
                if (number > (TIME_MAX_USEC - *sum) / units[i].usec)
                        return -EBADMSG;
                *sum += number * units[i].usec;
                *at += length;
                return 0;
        }
        return -EBADMSG;
}

/* "500ms", "1m30s", or a number of milliseconds. */
static int read_time(const struct ub_json *object, const char *key, struct ub_error *error,
                     uint64_t *ret)
{
        const struct ub_json *value = ub_json_member(object, key);
        const char *text;
        uint64_t sum = 0;
        int64_t msec;
        int r;

        if (!value)
                return 0;
        if (ub_json_type(value) == UB_JSON_NUMBER) {
                r = ub_json_get_int(object, key, 0, TIME_MAX_USEC / 1000, error, &msec);
                if (r > 0)
                        *ret = (uint64_t)msec * 1000;
                return r;
        }
        text = ub_json_type(value) == UB_JSON_STRING ? ub_json_text(value) : "";
        do
                r = take_time(&text, &sum);
        while (r == 0 && *text);
        if (r < 0)
                return ub_json_fault(value, error, -EBADMSG,
                                     "expected a time of at most 24h like \"30s\"");
        *ret = sum;
        return 1;
}

/* The elements of an array as a list that ends with NULL. */
static int read_list(const struct ub_json *array, size_t max, struct ub_error *error, char ***ret)
{
        const struct ub_json *value;
        size_t n = ub_json_count(array);
        char **list;
        size_t i = 0;

        if (n > max)
                return ub_json_fault(array, error, -EBADMSG, "more than %zu elements", max);
        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return out_of_memory(error);
        *ret = list; /* from here on the owner's, also when this fails */
        for (value = ub_json_first(array); value; value = ub_json_next(value)) {
                const char *text;
                int r = ub_json_as_string(value, error, &text);

                if (r < 0)
                        return r;
                list[i] = strdup(text);
                if (!list[i++])
                        return out_of_memory(error);
        }
        return 0;
}

static void free_list(char **list)
{
        size_t i;

        for (i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
}

/* ------------------------------------------------------------------------------------- sections */

static int read_targets(const struct ub_json *root, struct ub_error *error,
                        struct settings *settings)
{
        const struct ub_json *array;
        size_t i;
        int r;

        r = ub_json_get_array(root, "targets", error, &array);
        if (r <= 0)
                return r;
        r = read_list(array, TARGETS_MAX, error, &settings->targets);
        for (i = 0; r == 0 && settings->targets[i]; i++)
                if (settings->targets[i][0] != '/')
                        return ub_json_fault(array, error, -EBADMSG,
                                             "expected absolute paths, got \"%s\"",
                                             settings->targets[i]);
        return r;
}

static int read_program(const struct ub_json *object, struct ub_error *error,
                        struct program *program)
{
        static const char *const keys[] = { "argv", "timeout", NULL };
        const struct ub_json *argv;
        int r;

        program->timeout_usec = 30 * SECOND;
        program->name = strdup(ub_json_key(object));
        if (!program->name)
                return out_of_memory(error);
        r = ub_json_as_object(object, error);
        if (r >= 0)
                r = ub_json_only_keys(object, keys, error);
        if (r >= 0)
                r = read_time(object, "timeout", error, &program->timeout_usec);
        if (r >= 0)
                r = ub_json_get_array(object, "argv", error, &argv);
        if (r < 0)
                return r;
        if (r == 0)
                return ub_json_fault(object, error, -EBADMSG, "\"argv\" is missing");
        r = read_list(argv, ARGV_MAX, error, &program->argv);
        if (r == 0 && (!program->argv[0] || program->argv[0][0] != '/'))
                return ub_json_fault(argv, error, -EBADMSG,
                                     "expected the absolute path of a program first");
        if (r == 0 && program->timeout_usec == 0)
                return ub_json_fault(object, error, -EBADMSG, "\"timeout\" has to be above 0");
        return r;
}

static int read_programs(const struct ub_json *root, struct ub_error *error,
                         struct settings *settings)
{
        const struct ub_json *object;
        const struct ub_json *value;
        int r;

        r = ub_json_get_object(root, "commands", error, &object);
        if (r <= 0)
                return r;
        if (ub_json_count(object) > PROGRAMS_MAX)
                return ub_json_fault(object, error, -EBADMSG, "more than %d commands",
                                     PROGRAMS_MAX);
        settings->programs = calloc(ub_json_count(object) + 1, sizeof(*settings->programs));
        if (!settings->programs)
                return out_of_memory(error);
        for (value = ub_json_first(object); value && r >= 0; value = ub_json_next(value))
                r = read_program(value, error, &settings->programs[settings->n_programs++]);
        return r;
}

static int read_limits(const struct ub_json *root, struct ub_error *error, struct limits *limits)
{
        static const char *const keys[] = { "archiveBytes", "totalBytes", "entries", "depth",
                                            "pathBytes", "ratio", "keepFreeBytes", NULL };
        const struct ub_json *object;
        int64_t depth = limits->depth;
        int64_t path_bytes = (int64_t)limits->path_bytes;
        int r;

        r = ub_json_get_object(root, "limits", error, &object);
        if (r <= 0)
                return r;
        r = ub_json_only_keys(object, keys, error);
        if (r >= 0)
                r = read_count(object, "archiveBytes", error, &limits->archive_bytes);
        if (r >= 0)
                r = read_count(object, "totalBytes", error, &limits->total_bytes);
        if (r >= 0)
                r = read_count(object, "entries", error, &limits->entries);
        if (r >= 0)
                r = read_count(object, "ratio", error, &limits->ratio);
        if (r > 0 && limits->ratio == 0)
                r = ub_json_fault(object, error, -EBADMSG, "\"ratio\" has to be above 0");
        if (r >= 0)
                r = read_count(object, "keepFreeBytes", error, &limits->keep_free_bytes);
        if (r >= 0)
                r = ub_json_get_int(object, "depth", 1, 64, error, &depth);
        if (r >= 0)
                r = ub_json_get_int(object, "pathBytes", 1, 4000, error, &path_bytes);
        if (r < 0)
                return r;
        limits->depth = (unsigned)depth;
        limits->path_bytes = (size_t)path_bytes;
        return 0;
}

static int read_download(const struct ub_json *root, struct ub_error *error,
                         struct settings *settings)
{
        static const char *const keys[] = { "timeout", "attempts", "bytesPerSecond", "caFile",
                                            "certFile", "keyFile", NULL };
        const struct ub_json *object;
        int64_t attempts = 0;
        int r;

        r = ub_json_get_object(root, "download", error, &object);
        if (r <= 0)
                return r;
        r = ub_json_only_keys(object, keys, error);
        if (r >= 0)
                r = read_time(object, "timeout", error, &settings->download_timeout_usec);
        if (r >= 0)
                r = read_count(object, "bytesPerSecond", error, &settings->bytes_per_sec);
        if (r >= 0)
                r = ub_json_get_int(object, "attempts", 1, 1000, error, &attempts);
        if (r >= 0)
                r = read_absolute(object, "caFile", error, &settings->tls_ca);
        if (r >= 0)
                r = read_absolute(object, "certFile", error, &settings->tls_cert);
        if (r >= 0)
                r = read_absolute(object, "keyFile", error, &settings->tls_key);
        settings->attempts = (uint32_t)attempts;
        return r;
}

/* One of some words: its index.  Not there: 0, the first is the default. */
static int read_word(const struct ub_json *root, const char *key, const char *const *words,
                     struct ub_error *error)
{
        const char *text;
        int i;
        int r;

        r = ub_json_get_string(root, key, error, &text);
        if (r <= 0)
                return r;
        for (i = 0; words[i]; i++)
                if (strcmp(text, words[i]) == 0)
                        return i;
        return ub_json_fault(ub_json_member(root, key), error, -EBADMSG,
                             "there is no choice \"%s\"", text);
}

static int read_policies(const struct ub_json *root, struct ub_error *error,
                         struct settings *settings)
{
        static const char *const special[] = { "refuse", "allow", NULL };
        static const char *const bits[] = { "refuse", "strip", "keep", NULL };
        int r;

        r = read_word(root, "specialFiles", special, error);
        if (r < 0)
                return r;
        settings->special_files = r == 1;
        r = read_word(root, "setuid", bits, error);
        if (r < 0)
                return r;
        settings->setuid = (enum setuid_policy)r;

        r = read_absolute(root, "ca", error, &settings->ca);
        if (r < 0)
                return r;
        settings->require_signature = settings->ca != NULL;
        r = ub_json_get_bool(root, "requireSignature", error, &settings->require_signature);
        if (r >= 0 && settings->require_signature && !settings->ca)
                return ub_json_fault(ub_json_member(root, "requireSignature"), error, -EBADMSG,
                                     "signatures are checked against \"ca\", which is missing");
        return r;
}

/* ------------------------------------------------------------------------------------- settings */

static int set_defaults(const char *id, struct settings *settings)
{
        *settings = (struct settings){
                .limits = {
                        .archive_bytes = 2048 * MIB,
                        .total_bytes = 4096 * MIB,
                        .entries = 100000,
                        .ratio = 200,
                        .keep_free_bytes = 64 * MIB,
                        .depth = 32,
                        .path_bytes = 1024,
                },
                .download_timeout_usec = 0,
        };
        if (asprintf(&settings->store, "%s/%s", FILES_STATE_DIR, id) < 0) {
                settings->store = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int read_settings(const struct ub_json *root, struct ub_error *error,
                         struct settings *settings)
{
        static const char *const keys[] = { "store", "targets", "adopt", "ca", "requireSignature",
                                            "commands", "limits", "specialFiles", "setuid",
                                            "download", NULL };
        int r;

        r = ub_json_as_object(root, error);
        if (r >= 0)
                r = ub_json_only_keys(root, keys, error);
        if (r >= 0)
                r = read_absolute(root, "store", error, &settings->store);
        if (r >= 0)
                r = read_targets(root, error, settings);
        if (r >= 0)
                r = ub_json_get_bool(root, "adopt", error, &settings->adopt);
        if (r >= 0)
                r = read_programs(root, error, settings);
        if (r >= 0)
                r = read_limits(root, error, &settings->limits);
        if (r >= 0)
                r = read_policies(root, error, settings);
        if (r >= 0)
                r = read_download(root, error, settings);
        return r;
}

int settings_parse(const char *json, const char *id, struct ub_error *error, struct settings *ret)
{
        struct settings settings;
        struct ub_json *root;
        int r;

        r = ub_json_parse(json, "settings", error, &root);
        if (r < 0)
                return r;
        r = set_defaults(id, &settings);
        if (r >= 0)
                r = read_settings(root, error, &settings);
        (void)ub_json_free(root);
        if (r < 0) {
                settings_done(&settings);
                return r == -ENOMEM ? out_of_memory(error) : r;
        }
        *ret = settings;
        return 0;
}

void settings_done(struct settings *settings)
{
        size_t i;

        free(settings->store);
        free_list(settings->targets);
        free(settings->ca);
        for (i = 0; i < settings->n_programs; i++) {
                free(settings->programs[i].name);
                free_list(settings->programs[i].argv);
        }
        free(settings->programs);
        free(settings->tls_ca);
        free(settings->tls_cert);
        free(settings->tls_key);
        *settings = (struct settings){ .store = NULL };
}

const struct program *settings_program(const struct settings *settings, const char *name)
{
        size_t i;

        for (i = 0; i < settings->n_programs; i++)
                if (strcmp(settings->programs[i].name, name) == 0)
                        return &settings->programs[i];
        return NULL;
}

const char *settings_target_folder(const struct settings *settings, const char *path,
                                   const char **ret_rest)
{
        size_t i;

        for (i = 0; settings->targets && settings->targets[i]; i++) {
                const char *rest = path_below(path, settings->targets[i]);

                if (rest) {
                        *ret_rest = rest;
                        return settings->targets[i];
                }
        }
        return NULL;
}
