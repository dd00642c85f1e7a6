/* SPDX-License-Identifier: Apache-2.0
 *
 * settings - see settings.h
 *
 * One table row per setting, and one loop.  A row names the section that its key is in; the rows of
 * a section stand together.  A setting is added in four places: here, in its struct, in the schema,
 * and in the manual page and the registration, which lint holds against the schema.
 *
 * The host checks the schema when it reads the registration.  Checked here is what a schema cannot
 * say (units, paths, what goes together), and every size, for which nobody else is relied on. */
#include "plugins/self-update/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/json.h>

#include "plugins/self-update/policy.h"

#define MSEC UINT64_C(1000)
#define SECOND (1000 * MSEC)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define MIB (UINT64_C(1024) * 1024)

enum row_type { ROW_TEXT, ROW_BOOL, ROW_NUMBER, ROW_TIME, ROW_SIZE, ROW_LIST, ROW_WORD, ROW_THREE };

struct row {
        const char *section; /* NULL: the root */
        const char *key;
        enum row_type type;
        size_t offset;
        size_t size;              /* of a text */
        const char *const *words; /* of a word, in the order of its enum; ends with NULL */
};

static const char *const profile_words[] = { "leda", "kanto", NULL };
static const char *const mode_words[] = { "download", "stream", NULL };
static const char *const preflight_words[] = { "auto", "on", "off", NULL };
static const char *const verify_words[] = { "update", "download", NULL };
static const char *const read_back_words[] = { "auto", "require", "off", NULL };
static const char *const downgrade_words[] = { "allow", "deny", "semver", NULL };
static const char *const reboot_words[] = { "logind", "none", NULL };
/* The first one, by the profile, cannot be written down. */
static const char *const final_words[] = { "", "COMPLETE", "COMPLETED", NULL };

#define AT(m) offsetof(struct settings, m)
#define SIZE_OF(m) sizeof(((struct settings *)0)->m)
#define TEXT(s, k, m) { s, k, ROW_TEXT, AT(m), SIZE_OF(m), NULL }
#define BOOL(s, k, m) { s, k, ROW_BOOL, AT(m), 0, NULL }
#define NUMBER(s, k, m) { s, k, ROW_NUMBER, AT(m), 0, NULL }
#define TIME(s, k, m) { s, k, ROW_TIME, AT(m), 0, NULL }
#define SIZE(s, k, m) { s, k, ROW_SIZE, AT(m), 0, NULL }
#define LIST(s, k, m) { s, k, ROW_LIST, AT(m), 0, NULL }
#define WORD(s, k, m, w) { s, k, ROW_WORD, AT(m), 0, w }
#define THREE(s, k, m) { s, k, ROW_THREE, AT(m), 0, NULL }

static const struct row rows[] = {
        WORD(NULL, "profile", profile, profile_words),
        TEXT(NULL, "component", component),
        TEXT(NULL, "imageNode", image_node),
        BOOL(NULL, "strictComponents", strict_components),
        WORD(NULL, "mode", mode, mode_words),
        BOOL(NULL, "allowFullDownload", full_download),
        WORD(NULL, "preflight", preflight, preflight_words),
        WORD(NULL, "verify", verify, verify_words),
        WORD(NULL, "readBack", read_back, read_back_words),
        BOOL(NULL, "httpsOnly", https_only),
        WORD(NULL, "finalStatus", final_status, final_words),
        BOOL(NULL, "rollbackFeedback", rollback_feedback),
        THREE(NULL, "rejectOutOfOrder", reject_out_of_order),
        BOOL(NULL, "reportAfterReboot", report_after_reboot),
        BOOL(NULL, "details", details),
        WORD(NULL, "downgrade", downgrade, downgrade_words),
        TEXT(NULL, "minimumVersion", minimum_version),
        NUMBER(NULL, "maxFailedBoots", max_failed_boots),
        BOOL(NULL, "confirmEveryBoot", confirm_every_boot),
        WORD(NULL, "reboot", reboot, reboot_words),
        TIME(NULL, "rebootAfter", reboot_after_usec),
        TEXT(NULL, "folder", folder),
        TEXT(NULL, "bootIdFile", boot_id_file),
        TEXT(NULL, "osRelease", os_release),
        SIZE("download", "maxBytes", download.max_bytes),
        SIZE("download", "keepFree", download.keep_free),
        SIZE("download", "bytesPerSecond", download.bytes_per_sec),
        NUMBER("download", "attempts", download.attempts),
        TIME("download", "retryMax", download.retry_max_usec),
        TIME("download", "totalTimeout", download.total_usec),
        TIME("download", "connectTimeout", download.connect_usec),
        TIME("download", "silenceTimeout", download.silence_usec),
        TIME("download", "progressInterval", download.progress_usec),
        TEXT("download", "caFile", download.ca_file),
        TEXT("download", "certFile", download.cert_file),
        TEXT("download", "keyFile", download.key_file),
        TEXT("download", "proxy", download.proxy),
        TEXT("download", "headersFile", download.headers_file),
        TEXT("rauc", "bus", rauc.bus),
        BOOL("rauc", "autostart", rauc.autostart),
        TIME("rauc", "busyTimeout", rauc.busy_usec),
        TIME("rauc", "silenceTimeout", rauc.silence_usec),
        TEXT("health", "folder", health.folder),
        TIME("health", "timeout", health.timeout_usec),
        TIME("health", "interval", health.interval_usec),
        TIME("health", "runTimeout", health.run_usec),
        LIST("health", "units", health.units),
        LIST("health", "writable", health.writable),
        TEXT("health", "url", health.url),
        BOOL("health", "mqtt", health.mqtt),
        LIST("request", "keys", request.keys),
        TIME("request", "maxLifetime", request.max_lifetime_usec),
        TEXT("clock", "notBefore", clock.not_before),
        TIME("clock", "wait", clock.wait_usec),
        TEXT("watch", "folder", watch.folder),
        TIME("watch", "interval", watch.interval_usec),
        BOOL("watch", "install", watch.install),
        BOOL("watch", "reboot", watch.reboot),
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* ---------------------------------------------------------------------------- numbers and units */

struct unit {
        const char *name;
        uint64_t factor;
};

/* The first that fits counts, so "ms" comes before "m". */
static const struct unit time_units[] = {
        { "ms", MSEC },        { "us", 1 },          { "h", 60 * MINUTE },
        { "d", DAY },          { "m", MINUTE },       { "s", SECOND }, { NULL, 0 },
};

static const struct unit size_units[] = {
        { "K", 1024 }, { "M", MIB }, { "G", 1024 * MIB }, { "", 1 }, { NULL, 0 },
};

/* "1m30s", "64M", "0": a sum of whole numbers, each with its unit. */
static int parse_units(const char *text, const struct unit *units, uint64_t *ret)
{
        uint64_t sum = 0;

        if (strcmp(text, "0") == 0) {
                *ret = 0;
                return 0;
        }
        do {
                const struct unit *u = units;
                uint64_t number = 0;
                const char *begin = text;

                for (; *text >= '0' && *text <= '9'; text++)
                        if (__builtin_mul_overflow(number, 10, &number) ||
                            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
                                return -EBADMSG;
                if (text == begin)
                        return -EBADMSG;
                while (u->name && strncmp(text, u->name, strlen(u->name)) != 0)
                        u++;
                if (!u->name || __builtin_mul_overflow(number, u->factor, &number) ||
                    __builtin_add_overflow(sum, number, &sum) || sum > INT64_MAX)
                        return -EBADMSG;
                text += strlen(u->name);
        } while (*text);
        *ret = sum;
        return 0;
}

/* A text with units, or a number of the smallest useful one (factor).  INT64_MAX is the limit: as
 * an effect's number an amount has a sign. */
static int read_amount(const struct ub_json *value, const struct unit *units, uint64_t factor,
                       const char *example, struct ub_error *error, uint64_t *ret)
{
        char *end;
        unsigned long long number;

        if (ub_json_type(value) == UB_JSON_NUMBER) {
                errno = 0;
                number = strtoull(ub_json_text(value), &end, 10);
                if (errno == 0 && *end == '\0' && *ub_json_text(value) != '-' &&
                    !__builtin_mul_overflow(number, factor, ret) && *ret <= INT64_MAX)
                        return 0;
        } else if (ub_json_type(value) == UB_JSON_STRING &&
                   parse_units(ub_json_text(value), units, ret) == 0) {
                return 0;
        }
        return ub_json_fault(value, error, -EBADMSG, "expected something like %s", example);
}

/* ----------------------------------------------------------------------------------------- rows */

static int read_text(const struct ub_json *value, size_t size, struct ub_error *error, char *to)
{
        const char *text;
        int r = ub_json_as_string(value, error, &text);

        if (r < 0)
                return r;
        if (strlen(text) >= size)
                return ub_json_fault(value, error, -EBADMSG, "longer than %zu bytes", size - 1);
        memcpy(to, text, strlen(text) + 1);
        return 0;
}

static int read_list(const struct ub_json *value, struct ub_error *error,
                     struct settings_list *to)
{
        const struct ub_json *at;
        int r = 0;

        if (ub_json_type(value) != UB_JSON_ARRAY)
                return ub_json_fault(value, error, -EBADMSG, "expected an array");
        if (ub_json_count(value) > SETTINGS_LIST_MAX)
                return ub_json_fault(value, error, -EBADMSG, "more than %d entries",
                                     SETTINGS_LIST_MAX);
        to->n = 0;
        for (at = ub_json_first(value); at && r >= 0; at = ub_json_next(at))
                r = read_text(at, sizeof(to->text[0]), error, to->text[to->n++]);
        return r;
}

static int read_word(const struct ub_json *value, const char *const *words,
                     struct ub_error *error, void *to)
{
        const char *text;
        int r = ub_json_as_string(value, error, &text);
        int i;

        if (r < 0)
                return r;
        for (i = 0; words[i]; i++)
                if (*words[i] && strcmp(words[i], text) == 0) {
                        memcpy(to, &i, sizeof(i)); /* an enum */
                        return 0;
                }
        return ub_json_fault(value, error, -EBADMSG, "there is no \"%s\"", text);
}

static int read_row(const struct row *row, const struct ub_json *object, struct ub_error *error,
                    struct settings *settings)
{
        const struct ub_json *value = ub_json_member(object, row->key);
        char *to = (char *)settings + row->offset;
        bool yes = false;
        int64_t number;
        int r;

        if (!value)
                return 0;
        switch (row->type) {
        case ROW_TEXT:
                return read_text(value, row->size, error, to);
        case ROW_BOOL:
                return ub_json_get_bool(object, row->key, error, (bool *)to);
        case ROW_NUMBER:
                r = ub_json_get_int(object, row->key, 0, UINT32_MAX, error, &number);
                if (r > 0)
                        *(uint64_t *)to = (uint64_t)number;
                return r;
        case ROW_TIME:
                return read_amount(value, time_units, MSEC, "\"30s\"", error, (uint64_t *)to);
        case ROW_SIZE:
                return read_amount(value, size_units, 1, "\"64M\"", error, (uint64_t *)to);
        case ROW_LIST:
                return read_list(value, error, (struct settings_list *)to);
        case ROW_WORD:
                return read_word(value, row->words, error, to);
        case ROW_THREE: /* that it is left out is a third answer */
                r = ub_json_get_bool(object, row->key, error, &yes);
                if (r > 0)
                        *(enum three *)to = yes ? THREE_YES : THREE_NO;
                return r;
        }
        return 0;
}

static bool same_section(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* A key that is misspelled would be a setting that is silently not made. */
static int check_keys(const struct ub_json *object, const char *section, struct ub_error *error)
{
        static const char *const sections[] = { "download", "rauc",  "health",
                                                "request",  "clock", "watch" };
        const char *keys[N_ROWS + sizeof(sections) / sizeof(sections[0]) + 1];
        size_t n = 0;
        size_t i;

        for (i = 0; i < N_ROWS; i++)
                if (same_section(rows[i].section, section))
                        keys[n++] = rows[i].key;
        for (i = 0; !section && i < sizeof(sections) / sizeof(sections[0]); i++)
                keys[n++] = sections[i];
        keys[n] = NULL;
        return ub_json_only_keys(object, keys, error);
}

static int read_rows(const struct ub_json *root, struct ub_error *error,
                     struct settings *settings)
{
        const struct ub_json *object = root;
        const char *section = NULL;
        size_t i;
        int r;

        r = ub_json_as_object(root, error);
        if (r >= 0)
                r = check_keys(root, NULL, error);
        for (i = 0; i < N_ROWS && r >= 0; i++) {
                if (!same_section(rows[i].section, section)) { /* the next object */
                        section = rows[i].section;
                        object = NULL;
                        r = ub_json_get_object(root, section, error, &object);
                        if (r > 0)
                                r = check_keys(object, section, error);
                }
                if (r >= 0 && object)
                        r = read_row(&rows[i], object, error, settings);
        }
        return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------------------------------- whole */

/* The manual page names each of them. */
static void set_defaults(struct settings *s)
{
        *s = (struct settings){
                .component = "os-image",
                .rollback_feedback = true,
                .report_after_reboot = true,
                .details = true,
                .max_failed_boots = 3,
                .confirm_every_boot = true,
                .reboot_after_usec = 30 * SECOND,
                .folder = "/var/lib/update-broker/self-update",
                .boot_id_file = "/proc/sys/kernel/random/boot_id",
                .os_release = "/etc/os-release",
        };
        s->download.keep_free = 16 * MIB;
        s->download.attempts = 10;
        s->download.retry_max_usec = 5 * MINUTE;
        s->download.connect_usec = 30 * SECOND;
        s->download.silence_usec = 60 * SECOND;
        s->download.progress_usec = 5 * SECOND;
        s->rauc.autostart = true;
        s->rauc.busy_usec = 5 * MINUTE;
        s->rauc.silence_usec = 30 * MINUTE;
        s->health.timeout_usec = 5 * MINUTE;
        s->health.interval_usec = 5 * SECOND;
        s->health.run_usec = 60 * SECOND;
        s->request.max_lifetime_usec = 30 * DAY;
        s->clock.wait_usec = 5 * MINUTE;
        s->watch.interval_usec = 3 * SECOND;
}

/* The agent's working directory is nobody's business, so a relative path has no meaning. */
static int check_paths(const struct settings *s, struct ub_error *error)
{
        const struct {
                const char *name;
                const char *path;
                bool needed;
        } paths[] = {
                { "folder", s->folder, true },
                { "bootIdFile", s->boot_id_file, true },
                { "osRelease", s->os_release, true },
                { "download.caFile", s->download.ca_file, false },
                { "download.certFile", s->download.cert_file, false },
                { "download.keyFile", s->download.key_file, false },
                { "download.headersFile", s->download.headers_file, false },
                { "health.folder", s->health.folder, false },
                { "watch.folder", s->watch.folder, false },
        };
        size_t i;

        for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
                if ((*paths[i].path || paths[i].needed) && *paths[i].path != '/')
                        return ub_error_set(error, -EBADMSG,
                                            "settings.%s: expected an absolute path, got \"%s\"",
                                            paths[i].name, paths[i].path);
        for (i = 0; i < s->request.keys.n; i++)
                if (*s->request.keys.text[i] != '/')
                        return ub_error_set(error, -EBADMSG,
                                            "settings.request.keys[%zu]: expected an absolute "
                                            "path, got \"%s\"", i, s->request.keys.text[i]);
        return 0;
}

/* What is wrong only beside something else. */
static int check_together(const struct settings *s, struct ub_error *error)
{
        if (s->watch.interval_usec < 10 * MSEC)
                return ub_error_set(error, -EBADMSG,
                                    "settings.watch.interval: at least 10 ms");
        if (s->watch.reboot && !s->watch.install)
                return ub_error_set(error, -EBADMSG,
                                    "settings.watch.reboot: nothing would be installed; set "
                                    "install too");
        if (s->watch.install && s->request.keys.n > 0)
                return ub_error_set(error, -EBADMSG,
                                    "settings.watch.install: a bundle in a folder comes without a "
                                    "signed request, and request.keys asks for one");
        if (s->downgrade == DOWNGRADE_SEMVER && *s->minimum_version &&
            !policy_is_semver(s->minimum_version))
                return ub_error_set(error, -EBADMSG,
                                    "settings.minimumVersion: \"%s\" is no semantic version",
                                    s->minimum_version);
        return 0;
}

int settings_parse(const char *json, struct ub_error *error, struct settings *ret)
{
        struct settings *settings = malloc(sizeof(*settings)); /* large, for a stack */
        struct ub_json *root;
        int r;

        if (!settings)
                return ub_error_set(error, -ENOMEM, "out of memory");
        set_defaults(settings);
        r = ub_json_parse(json, "settings", error, &root);
        if (r >= 0) {
                r = read_rows(root, error, settings);
                (void)ub_json_free(root);
        }
        if (r >= 0)
                r = check_paths(settings, error);
        if (r >= 0)
                r = check_together(settings, error);
        if (r >= 0)
                *ret = *settings;
        free(settings);
        return r;
}

bool settings_rejects_out_of_order(const struct settings *settings)
{
        if (settings->reject_out_of_order == THREE_BY_PROFILE)
                return settings->profile == PROFILE_KANTO;
        return settings->reject_out_of_order == THREE_YES;
}

const char *settings_final_status(const struct settings *settings)
{
        if (settings->final_status == FINAL_BY_PROFILE)
                return settings->profile == PROFILE_KANTO ? "COMPLETED" : "COMPLETE";
        return final_words[settings->final_status];
}
