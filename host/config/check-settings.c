/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/check-settings.h"

#include <errno.h>
#include <string.h>

#include "host/config/check.h"
#include "host/config/domain.h"
#include "host/config/registration.h"
#include "host/config/settings.h"
#include "host/config/settings-file.h"
#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"

#define HIDDEN "(hidden)"

/* The value as it may be shown.  An address that could not be read may have a password in it. */
static struct json *get_shown(const struct settings *settings, const struct setting *row)
{
        const char *target = (const char *)settings + row->offset;
        const char *text;

        if (row->type != &setting_text)
                return row->type->to_json(target);
        text = *(char *const *)(const void *)target;
        if ((row->secret && *text) ||
            (row->offset == offsetof(struct settings, connection.broker) && strchr(text, '@')))
                return json_new_string(HIDDEN);
        return json_new_string(text);
}

/* No connection: its rows have nothing to say. */
static bool is_off(const struct settings *settings, const struct setting *row)
{
        return settings->connection.none && strncmp(row->key, "connection.", 11) == 0;
}

/* ----------------------------------------------------------------------------------- for people */

static void print_origin(const struct settings *settings, const struct setting *row,
                         const struct setting_origin *origin, FILE *f)
{
        switch (origin->source) {
        case SETTING_SOURCE_DEFAULT:
                (void)fprintf(f, "default\n");
                break;
        case SETTING_SOURCE_FILE:
                (void)fprintf(f, "%s:%u\n", settings->path, origin->at.line);
                break;
        case SETTING_SOURCE_ENVIRONMENT:
                (void)fprintf(f, "variable %s\n", row->variable);
                break;
        case SETTING_SOURCE_OPTION:
                (void)fprintf(f, "option -%s\n", row->option);
                break;
        }
}

/* Takes the value, NULL standing for "out of memory". */
static int print_value(const char *key, struct json *take_value, FILE *f)
{
        CLEANUP_JSON struct json *value = take_value;
        CLEANUP_FREE char *text = NULL;
        int width;

        if (!value || json_print(value, JSON_LAYOUT_COMPACT, &text) < 0)
                return -ENOMEM;
        width = fprintf(f, "  %s = %s", key, text);
        (void)fprintf(f, "%*s  ", width < CHECK_COLUMN ? CHECK_COLUMN - width : 0, "");
        return 0;
}

static int print_rows(const struct settings *settings, FILE *f)
{
        const struct setting *rows;
        size_t n;
        size_t i;
        int r;

        rows = settings_rows(&n);
        for (i = 0; i < n; i++) {
                if (!rows[i].key || is_off(settings, &rows[i]) ||
                    rows[i].type == &settings_type_agents)
                        continue; /* agents are shown domain by domain */
                r = print_value(rows[i].key, get_shown(settings, &rows[i]), f);
                if (r < 0)
                        return r;
                print_origin(settings, &rows[i], &settings->origins[i], f);
        }
        if (settings->connection.none) {
                struct scan_position at = { .line = 0 };

                (void)settings_locate(settings, "/connection", &at);
                (void)print_value("connection", json_new_null(), f);
                (void)fprintf(f, "%s:%u\n", settings->path, at.line);
        }
        return 0;
}

/* Options and variables of a domain have its name in front. */
static void print_domain_origin(const struct check *check, const struct domain *domain, size_t i,
                                FILE *f)
{
        const struct setting_origin *origin = &domain->origins[i];
        struct setting row = domain_settings[i];
        struct diag option;
        struct diag variable;

        (void)diag_set(&option, 0, "%s-%s", domain->id, row.option);
        domain_variable(domain->id, &domain_settings[i], &variable);
        row.option = option.text;
        row.variable = variable.text;
        print_origin(check->settings, &row, origin, f);
}

static int print_domain(const struct check *check, const struct domain *domain, FILE *f)
{
        size_t i;
        int r;

        if (domain->registration)
                (void)fprintf(f, "domain %s: %s %s, topics %s/...\n", domain->id,
                              registration_role_to_string(domain->registration->role),
                              domain->registration->id, domain->prefix);
        else
                (void)fprintf(f, "domain %s: a remote agent, topics %s/...\n", domain->id,
                              domain->prefix);
        for (i = 0; i < DOMAIN_SETTINGS; i++) {
                const struct setting *row = &domain_settings[i];

                r = print_value(row->key, row->type->to_json((const char *)domain + row->offset),
                                f);
                if (r < 0)
                        return r;
                print_domain_origin(check, domain, i, f);
        }
        (void)fputc('\n', f);
        return 0;
}

int check_settings_print(const struct check *check, FILE *f)
{
        size_t i;
        int r;

        if (check->settings->path)
                (void)fprintf(f, "configuration %s\n", check->settings->path);
        else
                (void)fprintf(f, "no configuration file\n");
        r = print_rows(check->settings, f);
        (void)fputc('\n', f);
        for (i = 0; i < check->domains->n && r == 0; i++)
                r = print_domain(check, &check->domains->items[i], f);
        return r;
}

/* --------------------------------------------------------------------------------- for machines */

/* Puts a value where its key says, making the sections on the way.  Takes the value. */
static int set_at(struct json *object, const char *key, struct json *take_value)
{
        const char *dot = strchr(key, '.');
        char section[32] = "";
        struct json *inner;
        int r;

        if (!dot)
                return json_set(object, key, take_value);
        memcpy(section, key, (size_t)(dot - key)); /* names of sections are short */
        inner = json_edit_member(object, section);
        if (!inner) {
                r = json_set(object, section, json_new_object());
                if (r < 0) {
                        json_free(take_value);
                        return r;
                }
                inner = json_edit_member(object, section);
        }
        return json_set(inner, dot + 1, take_value);
}

static int set_position(struct json *object, const struct settings *settings,
                        struct scan_position at)
{
        int r = json_set(object, "file", json_new_string(settings->path));

        if (r == 0)
                r = json_set(object, "line", json_new_integer(at.line));
        if (r == 0)
                r = json_set(object, "column", json_new_integer(at.column));
        return r;
}

static int origin_to_json(const struct settings *settings, const struct setting *row,
                          const struct setting_origin *origin, struct json **ret)
{
        static const char *const sources[] = { "default", "file", "environment", "option" };
        CLEANUP_JSON struct json *object = json_new_object();
        int r;

        if (!object)
                return -ENOMEM;
        r = json_set(object, "source", json_new_string(sources[origin->source]));
        if (r == 0 && origin->source == SETTING_SOURCE_FILE)
                r = set_position(object, settings, origin->at);
        if (r == 0 && origin->source == SETTING_SOURCE_ENVIRONMENT)
                r = json_set(object, "name", json_new_string(row->variable));
        if (r == 0 && origin->source == SETTING_SOURCE_OPTION)
                r = json_set(object, "name", json_new_string(row->option));
        if (r == 0)
                *ret = TAKE_PTR(object);
        return r;
}

static int set_row(const struct settings *settings, const struct setting *row,
                   const struct setting_origin *origin, struct json *effective,
                   struct json *origins)
{
        struct json *object = NULL;
        struct diag pointer;
        char *dot;
        int r;

        if (!row->key || is_off(settings, row))
                return 0;
        r = set_at(effective, row->key, get_shown(settings, row));
        if (r == 0)
                r = origin_to_json(settings, row, origin, &object);
        if (r < 0)
                return r;
        (void)diag_set(&pointer, 0, "/%s", row->key);
        dot = strchr(pointer.text, '.');
        if (dot)
                *dot = '/';
        return json_set(origins, pointer.text, object);
}

static int configuration_to_json(const struct settings *settings, struct json **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *effective = json_new_object();
        CLEANUP_JSON struct json *origins = json_new_object();
        const struct setting *rows;
        size_t n;
        size_t i;
        int r;

        r = object && effective && origins ? 0 : -ENOMEM;
        if (r == 0 && settings->path)
                r = json_set(object, "file", json_new_string(settings->path));
        rows = settings_rows(&n);
        for (i = 0; i < n && r == 0; i++)
                r = set_row(settings, &rows[i], &settings->origins[i], effective, origins);
        if (r == 0 && settings->connection.none)
                r = json_set(effective, "connection", json_new_null());
        if (r == 0)
                r = json_set(object, "effective", TAKE_PTR(effective));
        if (r == 0)
                r = json_set(object, "origins", TAKE_PTR(origins));
        if (r == 0)
                *ret = TAKE_PTR(object);
        return r;
}

static int domain_to_json(const struct domain *domain, struct json **ret)
{
        const char *agent = domain->registration ? domain->registration->id : "remote";
        CLEANUP_JSON struct json *object = json_new_object();
        size_t i;
        int r;

        if (!object)
                return -ENOMEM;
        r = json_set(object, "id", json_new_string(domain->id));
        if (r == 0)
                r = json_set(object, "agent", json_new_string(agent));
        if (r == 0)
                r = json_set(object, "prefix", json_new_string(domain->prefix));
        for (i = 0; i < DOMAIN_SETTINGS && r == 0; i++) {
                const struct setting *row = &domain_settings[i];

                r = json_set(object, row->key,
                             row->type->to_json((const char *)domain + row->offset));
        }
        if (r == 0)
                *ret = TAKE_PTR(object);
        return r;
}

int check_settings_to_json(const struct check *check, struct json *report)
{
        CLEANUP_JSON struct json *domains = json_new_array();
        struct json *object;
        size_t i;
        int r;

        r = domains ? configuration_to_json(check->settings, &object) : -ENOMEM;
        if (r == 0)
                r = json_set(report, "configuration", object);
        for (i = 0; i < check->domains->n && r == 0; i++) {
                r = domain_to_json(&check->domains->items[i], &object);
                if (r == 0)
                        r = json_append(domains, object);
        }
        return r < 0 ? r : json_set(report, "domains", TAKE_PTR(domains));
}
