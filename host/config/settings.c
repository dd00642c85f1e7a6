/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/config/settings.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/config/domain.h"
#include "host/config/fragment.h"
#include "host/config/settings-file.h"
#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/model/prefix.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/nearest.h"
#include "host/util/utf8.h"

enum { DOMAIN_BYTES_MAX = 64 };

#define STANDARD_FILE ADMIN_DIR "/config.json"

struct settings *settings_free(struct settings *settings)
{
        const struct setting *rows;
        size_t n;
        size_t i;

        if (!settings)
                return NULL;
        rows = settings_rows(&n);
        for (i = 0; i < n; i++)
                rows[i].type->clear((char *)settings + rows[i].offset);
        free(settings->path);
        free(settings->text);
        arguments_done(&settings->arguments);
        problems_done(&settings->problems);
        free(settings);
        return NULL;
}

int settings_set(const struct setting *row, enum setting_source source, const char *text,
                 void *base, struct setting_origin *to, struct diag *diag)
{
        void *target = (char *)base + row->offset;
        int r;

        if (!row->secret && !utf8_is_line(text, strlen(text)))
                return diag_set(diag, -EINVAL, "expected text without control characters");

        /* Folders add up within one source, and replace those of a lower one. */
        if (row->type == &setting_folders && to->source != source)
                row->type->clear(target);
        r = row->type->from_text(row, text, target, diag);
        if (r == 0)
                *to = (struct setting_origin){ .source = source };
        return r;
}

const char *settings_getenv(const struct settings *settings, const char *name)
{
        size_t n = strlen(name);
        size_t i;

        for (i = 0; settings->environment && settings->environment[i]; i++) {
                const char *entry = settings->environment[i];

                if (strncmp(entry, name, n) == 0 && entry[n] == '=')
                        return entry + n + 1;
        }
        return NULL;
}

bool settings_locate(const struct settings *settings, const char *pointer,
                     struct scan_position *ret)
{
        size_t offset;
        size_t length;

        if (!settings->text ||
            scan_locate_key(settings->text, settings->text_length, pointer, &offset, &length) < 0)
                return false;
        *ret = scan_position(settings->text, settings->text_length, offset);
        return true;
}

/* ------------------------------------------------------------------------------------- defaults */

static int settings_new(const struct settings_sources *sources, struct settings **ret)
{
        CLEANUP(settings_freep) struct settings *settings = calloc(1, sizeof(*settings));
        const struct setting *rows;
        size_t n;
        size_t i;
        int r;

        if (!settings)
                return -ENOMEM;
        settings->environment = sources->environment;
        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                if (!rows[i].standard)
                        continue;
                r = settings_set(&rows[i], SETTING_SOURCE_DEFAULT, rows[i].standard, settings,
                                 &settings->origins[i], NULL);
                if (r == -ENOMEM)
                        return r;
                assert(r == 0); /* a default that its own row refuses */
        }
        *ret = TAKE_PTR(settings);
        return 0;
}

/* ----------------------------------------------------------------------------- the command line */

static int find_for_domain(const char *name, const struct setting **ret, char **ret_domain)
{
        size_t length = strlen(name);
        size_t i;

        for (i = 0; i < DOMAIN_SETTINGS; i++) {
                size_t n = strlen(domain_settings[i].option);
                char *domain;

                if (length < n + 2 || name[length - n - 1] != '-' ||
                    strcmp(name + length - n, domain_settings[i].option) != 0)
                        continue;
                domain = strndup(name, length - n - 1);
                if (!domain)
                        return -ENOMEM;
                *ret = &domain_settings[i];
                *ret_domain = domain;
                return 1;
        }
        return 0;
}

static int find_option(const char *name, const struct setting **ret, char **ret_domain,
                       const char **ret_nearest)
{
        struct nearest near = NEAREST_INIT(name);
        const struct setting *rows;
        size_t n;
        size_t i;

        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                if (!rows[i].option)
                        continue;
                if (strcmp(rows[i].option, name) == 0 ||
                    (rows[i].alias && strcmp(rows[i].alias, name) == 0)) {
                        *ret = &rows[i];
                        return 1;
                }
                nearest_offer(&near, rows[i].option);
        }
        *ret_nearest = near.best;
        return find_for_domain(name, ret, ret_domain);
}

/* What must be known before the file is read is what neither it nor a variable can say. */
static bool is_early(const struct setting *row)
{
        return !row->key && !row->variable;
}

/* A broker that is named here outdoes "connection": null in the file. */
static void mind_connection(struct settings *settings, const struct setting *row)
{
        if (row->offset == offsetof(struct settings, connection.broker))
                settings->connection.none = false;
}

static int apply_options(struct settings *settings, bool early, struct diag *diag)
{
        const struct setting *rows;
        size_t n;
        size_t i;
        int r;

        rows = settings_rows(&n);
        for (i = 0; i < settings->arguments.n; i++) {
                const struct argument *argument = &settings->arguments.items[i];

                if (argument->domain || is_early(argument->setting) != early)
                        continue;
                r = settings_set(argument->setting, SETTING_SOURCE_OPTION, argument->value,
                                 settings, &settings->origins[argument->setting - rows], diag);
                if (r < 0)
                        return diag_prefix(diag, r, "option -%s", argument->name);
                mind_connection(settings, argument->setting);
        }
        return 0;
}

/* ------------------------------------------------------------------------------ the environment */

static int apply_variables(struct settings *settings)
{
        const struct setting *rows;
        size_t n;
        size_t i;
        int r;

        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                const char *value =
                        rows[i].variable ? settings_getenv(settings, rows[i].variable) : NULL;
                struct problem problem = { .error = settings->run.check_config };
                struct diag where = DIAG_INIT;
                struct diag text = DIAG_INIT;

                if (!value)
                        continue;
                r = settings_set(&rows[i], SETTING_SOURCE_ENVIRONMENT, value, settings,
                                 &settings->origins[i], &text);
                if (r == -EINVAL) {
                        (void)diag_set(&where, 0, "variable %s", rows[i].variable);
                        problem.file = where.text;
                        problem.text = text.text;
                        r = problems_add(&settings->problems, &problem, NULL);
                } else if (r == 0) {
                        mind_connection(settings, &rows[i]);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---------------------------------------------------------------------- values that go together */

/* Adds a problem with the value of a row, wherever that came from. */
static int complain(struct settings *settings, size_t offset, bool error, const char *text)
{
        struct problem problem = { .error = error, .text = (char *)text };
        const struct setting_origin *origin = settings->origins;
        const struct setting *row;
        struct diag pointer;
        struct diag where;
        char *dot;
        size_t n;

        for (row = settings_rows(&n); row->offset != offset; row++)
                origin++;
        (void)diag_set(&pointer, 0, "/%s", row->key);
        dot = strchr(pointer.text, '.');
        if (dot)
                *dot = '/';
        switch (origin->source) {
        case SETTING_SOURCE_DEFAULT:
                (void)diag_set(&where, 0, "%s", settings->path ? settings->path : "default");
                break;
        case SETTING_SOURCE_FILE:
                (void)diag_set(&where, 0, "%s", settings->path);
                problem.at = origin->at;
                break;
        case SETTING_SOURCE_ENVIRONMENT:
                (void)diag_set(&where, 0, "variable %s", row->variable);
                break;
        case SETTING_SOURCE_OPTION:
                (void)diag_set(&where, 0, "option -%s", row->option);
                break;
        }
        problem.file = where.text;
        return problems_add(&settings->problems, &problem, pointer.text);
}

#define COMPLAIN(settings, member, error, text) \
        complain(settings, offsetof(struct settings, member), error, text)

static int check_broker(struct settings *settings)
{
        struct settings_connection *connection = &settings->connection;
        struct diag text = DIAG_INIT;
        int r;

        r = address_parse(connection->broker, &text, &connection->url);
        if (r < 0)
                return COMPLAIN(settings, connection.broker, true, text.text);
        if (!connection->url.guessed)
                return 0;
        (void)diag_set(&text, 0, "no scheme; taken as tcp://%s:%u", connection->url.host,
                       connection->url.port);
        return COMPLAIN(settings, connection.broker, false, text.text);
}

static int check_tls(struct settings *settings)
{
        const struct settings_connection *connection = &settings->connection;
        bool cert = *connection->cert;
        bool key = *connection->key;

        if (!connection->url.tls && (cert || key || *connection->ca_cert))
                return COMPLAIN(
                        settings, connection.broker, false,
                        "not a TLS scheme, so the certificates that are configured have no effect");
        if (!connection->url.tls)
                return 0;
        if (!*connection->ca_cert)
                return COMPLAIN(settings, connection.ca_cert, true,
                                "is needed for TLS: who may vouch for the broker?");
        if (cert != key)
                return cert ? COMPLAIN(settings, connection.key, true, "is needed with \"cert\"") :
                              COMPLAIN(settings, connection.cert, true, "is needed with \"key\"");
        return 0;
}

static int check_connection(struct settings *settings)
{
        int r;

        if (settings->connection.none)
                return 0;
        r = check_broker(settings);
        if (r == 0)
                r = check_tls(settings);
        if (r == 0 && *settings->connection.password && !*settings->connection.username)
                r = COMPLAIN(settings, connection.password, false,
                             "MQTT 3.1.1 has no password without \"username\"");
        return r;
}

/* Kanto lets anything be a domain; what makes topics that cannot be published to is refused. */
static int check_domain(struct settings *settings)
{
        char prefix[PREFIX_SIZE];

        if (strlen(settings->domain) > DOMAIN_BYTES_MAX)
                return COMPLAIN(settings, domain, true, "longer than 64 bytes");
        if (strpbrk(settings->domain, "+#"))
                return COMPLAIN(settings, domain, true, "\"+\" and \"#\" cannot be in a topic");
        if (prefix_make(settings->domain, prefix) < 0)
                return COMPLAIN(settings, domain, true,
                                "a topic cannot begin with \"$\" or have control characters");
        return 0;
}

static int check_together(struct settings *settings)
{
        int r;

        r = check_domain(settings);
        if (r == 0)
                r = check_connection(settings);
        if (r == 0 && settings->phase_limit_usec &&
            settings->phase_limit_usec < settings->phase_timeout_usec)
                r = COMPLAIN(settings, phase_limit_usec, false,
                             "shorter than \"phaseTimeout\", which then has no effect");
        return r;
}

/* -------------------------------------------------------------------------------------- loading */

static int complain_of_file(struct settings *settings, const char *path, bool error,
                            const char *text)
{
        struct problem problem = { .error = error, .file = (char *)path, .text = (char *)text };

        return problems_add(&settings->problems, &problem, NULL);
}

/* Who can write here decides what this daemon does, and the file may hold a password. */
static int check_access(struct settings *settings, const struct stat *st)
{
        int r = 0;

        if (st->st_uid != 0 && st->st_uid != geteuid())
                r = complain_of_file(settings, settings->path, false, "belongs to somebody else");
        if (r == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)))
                r = complain_of_file(settings, settings->path, false, "others can write to it");
        if (r == 0 && (st->st_mode & S_IROTH) && *settings->connection.password)
                r = complain_of_file(settings, settings->path, false,
                                     "holds a password, and everybody can read it");
        return r;
}

static int load_file(struct settings *settings)
{
        const char *path = *settings->run.config_file ? settings->run.config_file : STANDARD_FILE;
        CLEANUP_CLOSE int fd = -1;
        CLEANUP_FREE char *text = NULL;
        struct diag why;
        struct stat st;
        size_t length;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT && !*settings->run.config_file)
                return 0;
        r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
        if (r == 0)
                r = file_read_fd(fd, SETTINGS_BYTES_MAX, &text, &length);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                (void)diag_set_errno(&why, r, "cannot be read");
                return complain_of_file(settings, path, true, why.text);
        }
        r = settings_file_read(settings, path, text, length);
        return r < 0 ? r : check_access(settings, &st);
}

/* The text, when there is one, takes the place of the file. */
static int load(const struct settings_sources *sources, const char *path, const char *text,
                size_t length, struct diag *diag, struct settings **ret)
{
        CLEANUP(settings_freep) struct settings *settings = NULL;
        int r;

        r = settings_new(sources, &settings);
        if (r == 0)
                r = arguments_parse(sources->argc, sources->argv, find_option, diag,
                                    &settings->arguments);
        if (r == 0)
                r = apply_options(settings, true, diag);
        if (r == 0)
                r = text ? settings_file_read(settings, path, text, length) : load_file(settings);
        if (r == 0)
                r = apply_variables(settings);
        if (r == 0)
                r = apply_options(settings, false, diag);
        if (r == 0)
                r = check_together(settings);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(settings);
        return 0;
}

int settings_load(const struct settings_sources *sources, struct diag *diag, struct settings **ret)
{
        assert(sources && ret);

        return load(sources, NULL, NULL, 0, diag, ret);
}

int settings_load_text(const struct settings_sources *sources, const char *path, const char *text,
                       size_t length, struct diag *diag, struct settings **ret)
{
        assert(sources && path && text && ret);

        return load(sources, path, text, length, diag, ret);
}

/* ------------------------------------------------------------------------------------ comparing */

/* NULL: the value does not count, or there is no memory; *ret_r tells. */
static struct json *get_value(const struct settings *settings, const struct setting *row,
                              int *ret_r)
{
        struct json *json;

        *ret_r = 0;
        if (settings->connection.none && row->key && strncmp(row->key, "connection.", 11) == 0)
                return NULL;
        json = row->type->to_json((const char *)settings + row->offset);
        if (!json)
                *ret_r = -ENOMEM;
        return json;
}

int settings_compare(const struct settings *before, const struct settings *after,
                     const struct setting **ret, enum setting_effect *ret_effect)
{
        enum setting_effect effect = SETTING_EFFECT_LIVE;
        const struct setting *rows;
        int changed = 0;
        size_t n;
        size_t i;

        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                CLEANUP_JSON struct json *x = NULL;
                CLEANUP_JSON struct json *y = NULL;
                int r[2];

                x = get_value(before, &rows[i], &r[0]);
                y = get_value(after, &rows[i], &r[1]);
                if (r[0] < 0 || r[1] < 0)
                        return -ENOMEM;
                if ((!x && !y) || (x && y && json_equal(x, y)))
                        continue;
                ret[changed++] = &rows[i];
                if (rows[i].effect > effect)
                        effect = rows[i].effect;
        }
        *ret_effect = effect;
        return changed;
}

/* ----------------------------------------------------------------------------------------- help */

void settings_print_help(FILE *f)
{
        const struct setting *rows;
        size_t n;
        size_t i;

        (void)fputs(
                "Usage: update-brokerd [OPTION]...\n"
                "Drives the update agents of this device.  One dash or two are the same; a value\n"
                "stands behind a blank or \"=\", that of a switch only behind \"=\".\n\n",
                f);
        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                if (!rows[i].option)
                        continue;
                (void)fprintf(f, "  --%s%s%s\n      %s", rows[i].option,
                              rows[i].type->name ? " " : "",
                              rows[i].type->name ? rows[i].type->name : "", rows[i].help);
                if (rows[i].standard && *rows[i].standard)
                        (void)fprintf(f, " [%s]", rows[i].standard);
                (void)fputc('\n', f);
        }
        for (i = 0; i < DOMAIN_SETTINGS; i++)
                (void)fprintf(f, "  --DOMAIN-%s%s%s\n      %s [%s]\n", domain_settings[i].option,
                              domain_settings[i].type->name ? " " : "",
                              domain_settings[i].type->name ? domain_settings[i].type->name : "",
                              domain_settings[i].help, domain_settings[i].standard);
        (void)fputs("\nThe configuration file is " STANDARD_FILE " when it is there.\n", f);
}
