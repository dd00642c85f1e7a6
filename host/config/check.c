/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/check-settings.h"
#include "host/config/confd.h"
#include "host/config/domain.h"
#include "host/config/settings.h"
#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"

enum { PROBLEM_LISTS = 3 };

/* In the order in which the sources are read. */
static void get_problems(const struct check *check,
                         const struct problems *ret[static PROBLEM_LISTS])
{
        ret[0] = &check->settings->problems;
        ret[1] = &check->domains->problems;
        ret[2] = &check->confd->problems;
}

static void count_problems(const struct check *check, size_t *ret_errors, size_t *ret_warnings)
{
        const struct problems *lists[PROBLEM_LISTS];
        size_t i;

        *ret_errors = 0;
        *ret_warnings = 0;
        get_problems(check, lists);
        for (i = 0; i < PROBLEM_LISTS; i++) {
                *ret_errors += lists[i]->n_errors;
                *ret_warnings += lists[i]->n - lists[i]->n_errors;
        }
}

bool check_passed(const struct check *check)
{
        size_t errors;
        size_t warnings;

        count_problems(check, &errors, &warnings);
        return errors == 0;
}

/* -------------------------------------------------------------------------------------- members */

/* Called for every member of an effective object that is not itself an object of members, arrays as
 * a whole: that is how merging treats them, so each has one origin. */
typedef int (*member_fn)(void *data, const char *pointer, const struct json *value);

static int walk(const struct json *json, struct pointer *at, member_fn fn, void *data)
{
        size_t mark = at->length;
        const struct json *member;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT || !json_get_first(json))
                return fn(data, pointer_text(at), json);
        JSON_FOREACH(member, json) {
                r = pointer_push_key(at, json_get_key(member));
                if (r == 0)
                        r = walk(member, at, fn, data);
                if (r < 0)
                        return r;
                pointer_cut(at, mark);
        }
        return 0;
}

static int for_each_member(const struct registration *reg, member_fn fn, void *data)
{
        CLEANUP_POINTER struct pointer at = POINTER_INIT;

        if (!json_get_first(reg->effective))
                return 0; /* no fragment could be read */
        return walk(reg->effective, &at, fn, data);
}

/* ----------------------------------------------------------------------------------- for people */

struct print {
        FILE *f;
        const struct registration *registration;
};

static int print_member(void *data, const char *pointer, const struct json *value)
{
        const struct print *print = data;
        CLEANUP_FREE char *path = pointer_to_path(pointer);
        CLEANUP_FREE char *text = NULL;
        struct confd_origin origin;
        int width;

        if (!path || json_print(value, JSON_LAYOUT_COMPACT, &text) < 0)
                return -ENOMEM;
        width = fprintf(print->f, "  %s = %s", path, text);
        if (confd_get_origin(print->registration, pointer, &origin) == 0)
                (void)fprintf(print->f, "%*s  %s:%u",
                              width < CHECK_COLUMN ? CHECK_COLUMN - width : 0, "",
                              origin.fragment->path, origin.at.line);
        (void)fputc('\n', print->f);
        return 0;
}

static int print_registration(const struct registration *reg, FILE *f)
{
        struct print print = { .f = f, .registration = reg };
        int r;

        (void)fprintf(f, "%s %s: %s\n", registration_role_to_string(reg->role), reg->id,
                      registration_state_to_string(reg->state));
        if (reg->message)
                (void)fprintf(f, "  (%s)\n", reg->message);
        r = for_each_member(reg, print_member, &print);
        (void)fputc('\n', f);
        return r;
}

static void print_problems(const struct problems *problems, FILE *f)
{
        size_t i;

        for (i = 0; i < problems->n; i++) {
                struct diag text;

                problem_format(&problems->items[i], &text);
                (void)fprintf(f, "%s: %s\n", problems->items[i].error ? "error" : "warning",
                              text.text);
        }
}

int check_print(const struct check *check, FILE *f)
{
        const struct problems *lists[PROBLEM_LISTS];
        const struct confd *confd = check->confd;
        size_t warnings;
        size_t errors;
        size_t i;
        int r;

        r = check_settings_print(check, f);
        for (i = 0; i < confd->n_registrations && r == 0; i++)
                r = print_registration(confd->registrations[i], f);
        if (r < 0)
                return r;
        get_problems(check, lists);
        for (i = 0; i < PROBLEM_LISTS; i++)
                print_problems(lists[i], f);
        count_problems(check, &errors, &warnings);
        (void)fprintf(f, "%zu registration%s, %zu error%s, %zu warning%s\n", confd->n_registrations,
                      confd->n_registrations == 1 ? "" : "s", errors, errors == 1 ? "" : "s",
                      warnings, warnings == 1 ? "" : "s");
        return 0;
}

/* --------------------------------------------------------------------------------- for machines */

/* Sets a member unless text is NULL or empty. */
static int set_text(struct json *object, const char *key, const char *text)
{
        return text && *text ? json_set(object, key, json_new_string(text)) : 0;
}

static int set_position(struct json *object, const char *file, struct scan_position at)
{
        int r = set_text(object, "file", file);

        if (r == 0 && at.line)
                r = json_set(object, "line", json_new_integer(at.line));
        if (r == 0 && at.line)
                r = json_set(object, "column", json_new_integer(at.column));
        return r;
}

struct origins {
        struct json *object;
        const struct registration *registration;
};

static int add_origin(void *data, const char *pointer, const struct json *value)
{
        const struct origins *origins = data;
        CLEANUP_JSON struct json *object = NULL;
        struct confd_origin origin;
        int r;

        (void)value;
        if (confd_get_origin(origins->registration, pointer, &origin) < 0)
                return 0;
        object = json_new_object();
        if (!object)
                return -ENOMEM;
        r = set_position(object, origin.fragment->path, origin.at);
        return r < 0 ? r : json_set(origins->object, pointer, TAKE_PTR(object));
}

static int registration_to_json(const struct registration *reg, struct json **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *origins = json_new_object();
        struct origins context = { .object = origins, .registration = reg };
        int r;

        if (!object || !origins)
                return -ENOMEM;
        r = set_text(object, "id", reg->id);
        if (r == 0)
                r = set_text(object, "role", registration_role_to_string(reg->role));
        if (r == 0)
                r = set_text(object, "state", registration_state_to_string(reg->state));
        if (r == 0)
                r = set_text(object, "message", reg->message);
        if (r == 0)
                r = json_set(object, "effective", json_copy(reg->effective));
        if (r == 0)
                r = for_each_member(reg, add_origin, &context);
        if (r == 0)
                r = json_set(object, "origins", TAKE_PTR(origins));
        if (r == 0)
                *ret = TAKE_PTR(object);
        return r;
}

static int problem_to_json(const struct problem *problem, struct json **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();
        int r;

        if (!object)
                return -ENOMEM;
        r = set_text(object, "level", problem->error ? "error" : "warning");
        if (r == 0)
                r = set_text(object, "id", problem->id);
        if (r == 0)
                r = set_position(object, problem->file, problem->at);
        if (r == 0)
                r = set_text(object, "path", problem->path);
        if (r == 0)
                r = set_text(object, "text", problem->text);
        if (r == 0)
                *ret = TAKE_PTR(object);
        return r;
}

static int registrations_to_json(const struct confd *confd, struct json **ret)
{
        CLEANUP_JSON struct json *array = json_new_array();
        size_t i;
        int r = array ? 0 : -ENOMEM;

        for (i = 0; i < confd->n_registrations && r == 0; i++) {
                struct json *object;

                r = registration_to_json(confd->registrations[i], &object);
                if (r == 0)
                        r = json_append(array, object);
        }
        if (r == 0)
                *ret = TAKE_PTR(array);
        return r;
}

static int problems_to_json(const struct check *check, struct json **ret)
{
        CLEANUP_JSON struct json *array = json_new_array();
        const struct problems *lists[PROBLEM_LISTS];
        int r = array ? 0 : -ENOMEM;
        size_t i;
        size_t j;

        get_problems(check, lists);
        for (i = 0; i < PROBLEM_LISTS; i++) {
                for (j = 0; j < lists[i]->n && r == 0; j++) {
                        struct json *object;

                        r = problem_to_json(&lists[i]->items[j], &object);
                        if (r == 0)
                                r = json_append(array, object);
                }
        }
        if (r == 0)
                *ret = TAKE_PTR(array);
        return r;
}

int check_print_json(const struct check *check, FILE *f)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_FREE char *text = NULL;
        struct json *array;
        int r;

        if (!object)
                return -ENOMEM;
        r = check_settings_to_json(check, object);
        if (r == 0)
                r = registrations_to_json(check->confd, &array);
        if (r == 0)
                r = json_set(object, "registrations", array);
        if (r == 0)
                r = problems_to_json(check, &array);
        if (r == 0)
                r = json_set(object, "problems", array);
        if (r == 0)
                r = json_print(object, JSON_LAYOUT_PRETTY, &text);
        if (r == 0)
                (void)fprintf(f, "%s\n", text);
        return r;
}
