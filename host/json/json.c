/* SPDX-License-Identifier: Apache-2.0 */
#include "host/json/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/json/pointer.h"
#include "host/util/diag.h"

/* `struct json` is cJSON by another name: a tree of ours is a tree of cJSON's.  The two casts stand
 * here and nowhere else. */
static cJSON *to_cjson(const struct json *json)
{
        return (cJSON *)json;
}

static struct json *from_cjson(cJSON *c)
{
        return (struct json *)c;
}

int json_parse(const char *text, size_t length, const struct scan_rules *rules,
               size_t *fault_offset, struct diag *diag, struct json **ret)
{
        cJSON *c;
        int r;

        assert(ret);

        r = scan_text(text, length, rules, fault_offset, diag);
        if (r < 0)
                return r;
        /* What the scanner accepts, cJSON accepts (tests/fuzz/fuzz-json.c), unless it is out of
         * memory. */
        c = cJSON_ParseWithLength(text, length);
        if (!c)
                return diag_set(diag, -ENOMEM, "out of memory");
        *ret = from_cjson(c);
        return 0;
}

struct json *json_free(struct json *json)
{
        cJSON_Delete(to_cjson(json));
        return NULL;
}

/* -------------------------------------------------------------------------------------- reading */

enum json_type json_get_type(const struct json *json)
{
        if (!json)
                return 0;
        switch (to_cjson(json)->type & 0xff) {
        case cJSON_NULL:
                return JSON_TYPE_NULL;
        case cJSON_False:
        case cJSON_True:
                return JSON_TYPE_BOOL;
        case cJSON_Number:
                return JSON_TYPE_NUMBER;
        case cJSON_String:
                return JSON_TYPE_STRING;
        case cJSON_Array:
                return JSON_TYPE_ARRAY;
        case cJSON_Object:
                return JSON_TYPE_OBJECT;
        default:
                return 0;
        }
}

const char *json_type_to_string(enum json_type type)
{
        switch (type) {
        case JSON_TYPE_NULL:
                return "null";
        case JSON_TYPE_BOOL:
                return "true or false";
        case JSON_TYPE_NUMBER:
                return "a number";
        case JSON_TYPE_STRING:
                return "a string";
        case JSON_TYPE_ARRAY:
                return "an array";
        case JSON_TYPE_OBJECT:
                return "an object";
        }
        return "nothing";
}

const char *json_get_string(const struct json *json)
{
        return cJSON_GetStringValue(to_cjson(json));
}

int json_get_bool(const struct json *json, bool *ret)
{
        if (json_get_type(json) != JSON_TYPE_BOOL)
                return -EINVAL;
        *ret = cJSON_IsTrue(to_cjson(json));
        return 0;
}

int json_get_number(const struct json *json, double *ret)
{
        if (json_get_type(json) != JSON_TYPE_NUMBER)
                return -EINVAL;
        *ret = to_cjson(json)->valuedouble;
        return 0;
}

int json_get_integer(const struct json *json, int64_t *ret)
{
        double value;

        if (json_get_number(json, &value) < 0 || value != floor(value))
                return -EINVAL;
        if (fabs(value) > (double)JSON_INTEGER_MAX)
                return -ERANGE;
        *ret = (int64_t)value;
        return 0;
}

const struct json *json_get_member(const struct json *object, const char *key)
{
        if (json_get_type(object) != JSON_TYPE_OBJECT)
                return NULL;
        return from_cjson(cJSON_GetObjectItemCaseSensitive(to_cjson(object), key));
}

const struct json *json_get_first(const struct json *container)
{
        return container ? from_cjson(to_cjson(container)->child) : NULL;
}

const struct json *json_get_next(const struct json *item)
{
        return from_cjson(to_cjson(item)->next);
}

size_t json_count(const struct json *container)
{
        const struct json *item;
        size_t n = 0;

        JSON_FOREACH(item, container)
                n++;
        return n;
}

const char *json_get_key(const struct json *member)
{
        return to_cjson(member)->string;
}

static const struct json *element_at(const struct json *array, size_t index)
{
        const struct json *item;

        JSON_FOREACH(item, array) {
                if (index-- == 0)
                        return item;
        }
        return NULL;
}

const struct json *json_locate(const struct json *json, const char *pointer)
{
        CLEANUP_FREE char *key = NULL;

        if (!pointer_is_valid(pointer))
                return NULL;
        key = malloc(strlen(pointer) + 1);
        while (key && json && *pointer) {
                size_t index;

                pointer = pointer_next(pointer, key);
                if (json_get_type(json) != JSON_TYPE_ARRAY)
                        json = json_get_member(json, key);
                else
                        json = pointer_to_index(key, &index) ? element_at(json, index) : NULL;
        }
        return key ? json : NULL;
}

static bool objects_equal(const struct json *a, const struct json *b)
{
        const struct json *member;

        if (json_count(a) != json_count(b))
                return false;
        JSON_FOREACH(member, a) {
                const struct json *other = json_get_member(b, json_get_key(member));

                if (!other || !json_equal(member, other))
                        return false;
        }
        return true;
}

static bool arrays_equal(const struct json *a, const struct json *b)
{
        const struct json *x = json_get_first(a);
        const struct json *y = json_get_first(b);

        for (; x && y; x = json_get_next(x), y = json_get_next(y)) {
                if (!json_equal(x, y))
                        return false;
        }
        return !x && !y;
}

bool json_equal(const struct json *a, const struct json *b)
{
        if (json_get_type(a) != json_get_type(b))
                return false;
        if (!a)
                return true;
        switch (json_get_type(a)) {
        case JSON_TYPE_NULL:
                return true;
        case JSON_TYPE_BOOL:
                return cJSON_IsTrue(to_cjson(a)) == cJSON_IsTrue(to_cjson(b));
        case JSON_TYPE_NUMBER:
                return to_cjson(a)->valuedouble == to_cjson(b)->valuedouble;
        case JSON_TYPE_STRING:
                return strcmp(json_get_string(a), json_get_string(b)) == 0;
        case JSON_TYPE_ARRAY:
                return arrays_equal(a, b);
        case JSON_TYPE_OBJECT:
                return objects_equal(a, b);
        }
        return false;
}

/* ------------------------------------------------------------------------------------- building */

struct json *json_new_object(void)
{
        return from_cjson(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
        return from_cjson(cJSON_CreateArray());
}

struct json *json_new_null(void)
{
        return from_cjson(cJSON_CreateNull());
}

struct json *json_new_bool(bool value)
{
        return from_cjson(cJSON_CreateBool(value));
}

struct json *json_new_integer(int64_t value)
{
        assert(value <= JSON_INTEGER_MAX && value >= -JSON_INTEGER_MAX);
        return from_cjson(cJSON_CreateNumber((double)value));
}

struct json *json_new_string(const char *text)
{
        return from_cjson(cJSON_CreateString(text));
}

struct json *json_copy(const struct json *json)
{
        cJSON *copy = cJSON_Duplicate(to_cjson(json), 1);

        /* The copy is a root, and a root has no key; cJSON would drag it along. */
        if (copy && copy->string) {
                if (!(copy->type & cJSON_StringIsConst))
                        cJSON_free(copy->string);
                copy->string = NULL;
        }
        return from_cjson(copy);
}

int json_set(struct json *object, const char *key, struct json *take_value)
{
        CLEANUP_JSON struct json *value = take_value;

        assert(json_get_type(object) == JSON_TYPE_OBJECT && key);

        if (!value)
                return -ENOMEM;
        if (json_get_member(object, key)) {
                if (!cJSON_ReplaceItemInObjectCaseSensitive(to_cjson(object), key, to_cjson(value)))
                        return -ENOMEM;
        } else if (!cJSON_AddItemToObject(to_cjson(object), key, to_cjson(value))) {
                return -ENOMEM;
        }
        (void)TAKE_PTR(value); /* the object's */
        return 0;
}

int json_append(struct json *array, struct json *take_value)
{
        assert(json_get_type(array) == JSON_TYPE_ARRAY);

        /* Fails only for NULL, there is nothing to give back. */
        return cJSON_AddItemToArray(to_cjson(array), to_cjson(take_value)) ? 0 : -ENOMEM;
}

void json_remove(struct json *object, const char *key)
{
        cJSON_DeleteItemFromObjectCaseSensitive(to_cjson(object), key);
}

struct json *json_edit_member(struct json *object, const char *key)
{
        return (struct json *)json_get_member(object, key);
}

/* -------------------------------------------------------------------------------------- writing */

/* The text so far.  A stream in memory costs several times as much for the small pieces of which
 * JSON consists. */
struct printer {
        char *text;
        size_t length;
        size_t size;
        enum json_layout layout;
        bool failed; /* out of memory: nothing more is added */
};

static void put(struct printer *p, const char *bytes, size_t n)
{
        char *text;
        size_t size;

        if (n > p->size - p->length && !p->failed) {
                size = 2 * (p->length + n) + 256;
                text = realloc(p->text, size);
                p->failed = !text;
                if (text) {
                        p->text = text;
                        p->size = size;
                }
        }
        if (p->failed)
                return;
        memcpy(p->text + p->length, bytes, n);
        p->length += n;
}

static void put_char(struct printer *p, char c)
{
        put(p, &c, 1);
}

static void put_text(struct printer *p, const char *text)
{
        put(p, text, strlen(text));
}

static void print_value(struct printer *p, const struct json *json, int level);

/* The shortest form that reads back as the same number.  The program never leaves the C locale, so
 * the decimal point is one. */
static void print_number(struct printer *p, double value)
{
        char text[32];
        int digits;

        if (value == floor(value) && fabs(value) <= (double)JSON_INTEGER_MAX) {
                if (value == 0 && signbit(value))
                        put_char(p, '-');
                (void)snprintf(text, sizeof(text), "%lld", (long long)value);
                put_text(p, text); /* far quicker than "%.0f" */
                return;
        }
        for (digits = 15; digits <= 17; digits++) {
                (void)snprintf(text, sizeof(text), "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        put_text(p, text);
}

static bool is_plain(char c)
{
        return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static void print_escaped(struct printer *p, char c)
{
        static const char escaped[] = "\"\\\b\f\n\r\t";
        static const char letters[] = "\"\\bfnrt";
        const char *e = strchr(escaped, c);
        char text[8];

        if (e)
                (void)snprintf(text, sizeof(text), "\\%c", letters[e - escaped]);
        else
                (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned char)c);
        put_text(p, text);
}

static void print_string(struct printer *p, const char *text)
{
        put_char(p, '"');
        while (*text) {
                size_t n = 0;

                while (is_plain(text[n]))
                        n++;
                put(p, text, n);
                text += n;
                if (*text)
                        print_escaped(p, *text++);
        }
        put_char(p, '"');
}

static void break_line(struct printer *p, int level)
{
        if (p->layout != JSON_LAYOUT_PRETTY)
                return;
        put_char(p, '\n');
        while (level-- > 0)
                put_text(p, "  ");
}

static void print_container(struct printer *p, const struct json *json, int level)
{
        bool object = json_get_type(json) == JSON_TYPE_OBJECT;
        const struct json *item;

        put_char(p, object ? '{' : '[');
        JSON_FOREACH(item, json) {
                if (item != json_get_first(json))
                        put_char(p, ',');
                break_line(p, level + 1);
                if (object) {
                        print_string(p, json_get_key(item));
                        put_text(p, p->layout == JSON_LAYOUT_PRETTY ? ": " : ":");
                }
                print_value(p, item, level + 1);
        }
        if (json_get_first(json))
                break_line(p, level);
        put_char(p, object ? '}' : ']');
}

static void print_value(struct printer *p, const struct json *json, int level)
{
        switch (json_get_type(json)) {
        case JSON_TYPE_NULL:
                put_text(p, "null");
                return;
        case JSON_TYPE_BOOL:
                put_text(p, cJSON_IsTrue(to_cjson(json)) ? "true" : "false");
                return;
        case JSON_TYPE_NUMBER:
                print_number(p, to_cjson(json)->valuedouble);
                return;
        case JSON_TYPE_STRING:
                print_string(p, json_get_string(json));
                return;
        case JSON_TYPE_ARRAY:
        case JSON_TYPE_OBJECT:
                print_container(p, json, level);
                return;
        }
}

int json_print(const struct json *json, enum json_layout layout, char **ret)
{
        struct printer p = { .layout = layout };
        char *text;

        assert(json && ret);

        print_value(&p, json, 0);
        put(&p, "", 1); /* the NUL */
        text = p.failed ? NULL : realloc(p.text, p.length); /* some texts are kept for long */
        if (!text) {
                free(p.text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}
