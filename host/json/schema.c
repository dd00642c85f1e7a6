/* SPDX-License-Identifier: Apache-2.0 */
#include "host/json/schema.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"
#include "host/util/nearest.h"

static const struct scan_rules schema_rules = {
        .max_bytes = 1024 * 1024,
        .max_depth = 64,
        .object = true,
};

/* The names that "type" knows; "integer" is a number without a fraction. */
static const struct type_name {
        const char *name;
        const char *article;
        enum json_type type;
} type_names[] = {
        { "null", "", JSON_TYPE_NULL },          { "boolean", "a ", JSON_TYPE_BOOL },
        { "number", "a ", JSON_TYPE_NUMBER },    { "integer", "an ", JSON_TYPE_NUMBER },
        { "string", "a ", JSON_TYPE_STRING },    { "array", "an ", JSON_TYPE_ARRAY },
        { "object", "an ", JSON_TYPE_OBJECT },
};

static const struct type_name *find_type(const struct json *name)
{
        const char *text = json_get_string(name);
        size_t i;

        for (i = 0; text && i < ARRAY_SIZE(type_names); i++) {
                if (strcmp(type_names[i].name, text) == 0)
                        return &type_names[i];
        }
        return NULL;
}

/* ---------------------------------------------------------------------------- the schema itself */

static int parse_node(const struct json *schema, struct pointer *at, struct diag *diag);

static int bad(const struct pointer *at, struct diag *diag, const char *expected)
{
        return diag_set(diag, -EBADMSG, "%s: expected %s", pointer_text(at), expected);
}

static int parse_type(const struct json *json, struct pointer *at, struct diag *diag)
{
        const struct json *name;

        if (json_get_type(json) != JSON_TYPE_ARRAY)
                return find_type(json) ? 0 : bad(at, diag, "the name of a type");
        JSON_FOREACH(name, json) {
                if (!find_type(name))
                        return bad(at, diag, "names of types");
        }
        return json_get_first(json) ? 0 : bad(at, diag, "names of types");
}

static int parse_properties(const struct json *json, struct pointer *at, struct diag *diag)
{
        const struct json *member;
        size_t mark = at->length;
        int r;

        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return bad(at, diag, "an object");
        JSON_FOREACH(member, json) {
                r = pointer_push_key(at, json_get_key(member));
                if (r == 0)
                        r = parse_node(member, at, diag);
                if (r < 0)
                        return r;
                pointer_cut(at, mark);
        }
        return 0;
}

static int parse_required(const struct json *json, struct pointer *at, struct diag *diag)
{
        const struct json *key;

        if (json_get_type(json) != JSON_TYPE_ARRAY)
                return bad(at, diag, "an array of keys");
        JSON_FOREACH(key, json) {
                if (!json_get_string(key))
                        return bad(at, diag, "an array of keys");
        }
        return 0;
}

static int parse_additional(const struct json *json, struct pointer *at, struct diag *diag)
{
        if (json_get_type(json) == JSON_TYPE_BOOL)
                return 0;
        return parse_node(json, at, diag);
}

static int parse_enum(const struct json *json, struct pointer *at, struct diag *diag)
{
        if (json_get_type(json) == JSON_TYPE_ARRAY && json_get_first(json))
                return 0;
        return bad(at, diag, "an array of values");
}

static int parse_bound(const struct json *json, struct pointer *at, struct diag *diag)
{
        return json_get_type(json) == JSON_TYPE_NUMBER ? 0 : bad(at, diag, "a number");
}

static int parse_count(const struct json *json, struct pointer *at, struct diag *diag)
{
        int64_t count;

        return json_get_integer(json, &count) == 0 && count >= 0 ? 0 : bad(at, diag, "a count");
}

static const struct {
        const char *keyword;
        int (*parse)(const struct json *json, struct pointer *at, struct diag *diag);
} keywords[] = {
        { "type", parse_type },         { "properties", parse_properties },
        { "required", parse_required }, { "additionalProperties", parse_additional },
        { "items", parse_node },        { "enum", parse_enum },
        { "minimum", parse_bound },     { "maximum", parse_bound },
        { "minLength", parse_count },   { "maxLength", parse_count },
        { "minItems", parse_count },    { "maxItems", parse_count },
};

/* As deep as the schema, which the parser has limited. */
static int parse_node(const struct json *schema, struct pointer *at, struct diag *diag)
{
        size_t mark = at->length;
        size_t i;
        int r;

        if (json_get_type(schema) != JSON_TYPE_OBJECT)
                return bad(at, diag, "a schema, which is an object");
        for (i = 0; i < ARRAY_SIZE(keywords); i++) {
                const struct json *json = json_get_member(schema, keywords[i].keyword);

                if (!json)
                        continue;
                r = pointer_push_key(at, keywords[i].keyword);
                if (r == 0)
                        r = keywords[i].parse(json, at, diag);
                if (r < 0)
                        return r;
                pointer_cut(at, mark);
        }
        return 0;
}

int schema_parse(const char *text, size_t length, struct diag *diag, struct json **ret)
{
        CLEANUP_JSON struct json *schema = NULL;
        CLEANUP_POINTER struct pointer at = POINTER_INIT;
        size_t offset = 0;
        int r;

        r = json_parse(text, length, &schema_rules, &offset, diag, &schema);
        if (r < 0) {
                struct scan_position p = scan_position(text, length, offset);

                return diag_prefix(diag, r, "%u:%u", p.line, p.column);
        }
        r = parse_node(schema, &at, diag);
        if (r < 0)
                return r == -ENOMEM ? diag_set(diag, r, "out of memory") : r;
        *ret = TAKE_PTR(schema);
        return 0;
}

/* ------------------------------------------------------------------------------------- checking */

struct check {
        struct pointer at; /* of the value that is looked at */
        schema_fault_fn fn;
        void *data;
        int faults;
};

static int check_value(struct check *check, const struct json *schema, const struct json *value);

__attribute__((format(printf, 2, 3))) static void fault(struct check *check, const char *format,
                                                        ...)
{
        struct diag text;
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text.text, sizeof(text.text), format, args);
        va_end(args);
        check->fn(check->data, pointer_text(&check->at), text.text);
        check->faults++;
}

static bool type_fits(const struct type_name *type, const struct json *value)
{
        double number;

        if (json_get_type(value) != type->type)
                return false;
        if (strcmp(type->name, "integer") != 0)
                return true;
        return json_get_number(value, &number) == 0 && number == floor(number);
}

/* False: the value has another type, and no other keyword can say anything sensible about it. */
static bool check_type(struct check *check, const struct json *type, const struct json *value)
{
        const struct type_name *only = find_type(type);
        const struct json *name;

        if (!type)
                return true;
        if (only) {
                if (type_fits(only, value))
                        return true;
                fault(check, "expected %s%s", only->article, only->name);
                return false;
        }
        JSON_FOREACH(name, type) {
                if (type_fits(find_type(name), value))
                        return true;
        }
        fault(check, "has a type that is not allowed here");
        return false;
}

/* Lists what is allowed as long as that makes a line; a wrong word is met with the nearest one. */
static int check_enum(struct check *check, const struct json *values, const struct json *value)
{
        const char *word = json_get_string(value);
        struct nearest near = NEAREST_INIT(word);
        CLEANUP_FREE char *text = NULL;
        const struct json *one;

        if (!values)
                return 0;
        JSON_FOREACH(one, values) {
                if (json_equal(one, value))
                        return 0;
                if (word && json_get_string(one))
                        nearest_offer(&near, json_get_string(one));
        }
        if (near.best) {
                fault(check, "\"%s\" is not allowed here; did you mean \"%s\"?", word, near.best);
                return 0;
        }
        if (json_print(values, JSON_LAYOUT_COMPACT, &text) < 0)
                return -ENOMEM;
        fault(check, "expected one of %s", text);
        return 0;
}

/* One of the six keywords that bound a number, which is the value, a length or a count. */
static void check_bound(struct check *check, const struct json *schema, const char *least,
                        const char *most, const char *unit, double number)
{
        double bound;

        if (json_get_number(json_get_member(schema, least), &bound) == 0 && number < bound)
                fault(check, "must be at least %.15g%s", bound, unit);
        if (json_get_number(json_get_member(schema, most), &bound) == 0 && number > bound)
                fault(check, "must be at most %.15g%s", bound, unit);
}

/* Lengths count characters, not bytes: all that are no continuation byte of UTF-8. */
static double characters(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return (double)n;
}

static void check_unknown(struct check *check, const struct json *properties, const char *key)
{
        struct nearest near = NEAREST_INIT(key);
        const struct json *property;

        JSON_FOREACH(property, properties)
                nearest_offer(&near, json_get_key(property));
        if (near.best)
                fault(check, "unknown key; did you mean \"%s\"?", near.best);
        else
                fault(check, "unknown key");
}

static int check_member(struct check *check, const struct json *schema, const struct json *member)
{
        const struct json *properties = json_get_member(schema, "properties");
        const struct json *additional = json_get_member(schema, "additionalProperties");
        const struct json *property = json_get_member(properties, json_get_key(member));
        bool allowed = true;

        if (property)
                return check_value(check, property, member);
        if (json_get_type(additional) == JSON_TYPE_OBJECT)
                return check_value(check, additional, member);
        if (json_get_bool(additional, &allowed) == 0 && !allowed)
                check_unknown(check, properties, json_get_key(member));
        return 0;
}

static int check_object(struct check *check, const struct json *schema, const struct json *object)
{
        const struct json *required = json_get_member(schema, "required");
        size_t mark = check->at.length;
        const struct json *item;
        int r;

        JSON_FOREACH(item, required) {
                if (!json_get_member(object, json_get_string(item)))
                        fault(check, "\"%s\" is missing", json_get_string(item));
        }
        JSON_FOREACH(item, object) {
                r = pointer_push_key(&check->at, json_get_key(item));
                if (r == 0)
                        r = check_member(check, schema, item);
                if (r < 0)
                        return r;
                pointer_cut(&check->at, mark);
        }
        return 0;
}

static int check_array(struct check *check, const struct json *schema, const struct json *array)
{
        const struct json *items = json_get_member(schema, "items");
        size_t mark = check->at.length;
        const struct json *item;
        size_t i = 0;
        int r;

        check_bound(check, schema, "minItems", "maxItems", " elements", (double)json_count(array));
        if (!items)
                return 0;
        JSON_FOREACH(item, array) {
                r = pointer_push_index(&check->at, i++);
                if (r == 0)
                        r = check_value(check, items, item);
                if (r < 0)
                        return r;
                pointer_cut(&check->at, mark);
        }
        return 0;
}

/* As deep as the schema. */
static int check_value(struct check *check, const struct json *schema, const struct json *value)
{
        double number;
        int r;

        if (!check_type(check, json_get_member(schema, "type"), value))
                return 0;
        r = check_enum(check, json_get_member(schema, "enum"), value);
        if (r < 0)
                return r;
        switch (json_get_type(value)) {
        case JSON_TYPE_NUMBER:
                if (json_get_number(value, &number) == 0)
                        check_bound(check, schema, "minimum", "maximum", "", number);
                return 0;
        case JSON_TYPE_STRING:
                check_bound(check, schema, "minLength", "maxLength", " characters",
                            characters(json_get_string(value)));
                return 0;
        case JSON_TYPE_OBJECT:
                return check_object(check, schema, value);
        case JSON_TYPE_ARRAY:
                return check_array(check, schema, value);
        case JSON_TYPE_NULL:
        case JSON_TYPE_BOOL:
                return 0;
        }
        return 0;
}

int schema_check(const struct json *schema, const struct json *value, schema_fault_fn fn,
                 void *data)
{
        struct check check = { .fn = fn, .data = data };
        int r;

        assert(schema && value && fn);

        r = check_value(&check, schema, value);
        pointer_done(&check.at);
        return r < 0 ? r : check.faults;
}
