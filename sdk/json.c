/* SPDX-License-Identifier: Apache-2.0
 *
 * json - reading JSON; see <update-broker/sdk/json.h>
 *
 * cJSON parses; its tree is kept for its strings.  Beside it stands a tree of `struct ub_json`, one
 * per value and all in one block, which knows what cJSON does not: the parent, for the path in an
 * error text, and the place in an array. */
#define UB_ABI_MINOR_WANTED 0
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/json.h>

enum { NUMBER_MAX = 32, SHOWN_MAX = 40 };

struct ub_json {
        const cJSON *item;
        const struct ub_json *parent;
        const struct ub_json *first;
        const struct ub_json *next;
        size_t index;
        size_t count;
        char number[NUMBER_MAX]; /* the text of a number */
};

struct tree {
        cJSON *json;
        char *name;
        size_t used; /* of values */
        struct ub_json values[]; /* the first is the root */
};

static const struct tree *tree_of(const struct ub_json *root)
{
        return (const struct tree *)((const char *)root - offsetof(struct tree, values));
}

/* --------------------------------------------------------------------------------------- errors */

/* Appends the path of a value, root first; what does not fit is lost. */
static void append_path(const struct ub_json *value, char *path, size_t size)
{
        size_t length;

        if (!value->parent) {
                (void)snprintf(path, size, "%s", tree_of(value)->name);
                return;
        }
        append_path(value->parent, path, size);
        length = strlen(path);
        if (value->item->string)
                (void)snprintf(path + length, size - length, ".%s", value->item->string);
        else
                (void)snprintf(path + length, size - length, "[%zu]", value->index);
}

int ub_json_fault(const struct ub_json *value, struct ub_error *error, int r, const char *format,
                  ...)
{
        char path[UB_ERROR_MAX / 2];
        char text[UB_ERROR_MAX];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        append_path(value, path, sizeof(path));
        return ub_error_set(error, r, "%s: %s", path, text);
}

static int wrong_type(const struct ub_json *value, struct ub_error *error, const char *expected)
{
        const char *text = ub_json_text(value);

        if (ub_json_type(value) == UB_JSON_STRING)
                return ub_json_fault(value, error, -EBADMSG, "expected %s, got \"%.*s%s\"",
                                     expected, SHOWN_MAX, text,
                                     strlen(text) > SHOWN_MAX ? "..." : "");
        if (!text)
                text = ub_json_type(value) == UB_JSON_ARRAY ? "an array" : "an object";
        return ub_json_fault(value, error, -EBADMSG, "expected %s, got %s", expected, text);
}

/* -------------------------------------------------------------------------------------- parsing */

/* "\u0000" would end a C string in its middle, and what follows would silently be lost. */
static bool has_escaped_nul(const char *text)
{
        const char *at;

        for (at = strstr(text, "\\u0000"); at; at = strstr(at + 1, "\\u0000")) {
                size_t start = (size_t)(at - text);
                size_t i = start;

                while (i > 0 && text[i - 1] == '\\')
                        i--;
                if ((start - i) % 2 == 0)
                        return true;
        }
        return false;
}

/* Counts the values of a tree; -E2BIG when it is deeper than allowed. */
static int count_values(const cJSON *item, int depth, size_t *count)
{
        const cJSON *child;
        int r;

        (*count)++;
        if (!cJSON_IsArray(item) && !cJSON_IsObject(item))
                return 0;
        if (depth >= UB_MAX_DEPTH)
                return -E2BIG;
        for (child = item->child; child; child = child->next) {
                r = count_values(child, depth + 1, count);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_whole(double number)
{
        return number >= -(double)UB_JSON_INT_MAX && number <= (double)UB_JSON_INT_MAX &&
               (double)(int64_t)number == number;
}

/* Shortest text that reads back as the same number; whole numbers without exponent. */
static void format_number(char *text, double number)
{
        if (is_whole(number)) {
                (void)snprintf(text, NUMBER_MAX, "%lld", (long long)number);
                return;
        }
        (void)snprintf(text, NUMBER_MAX, "%.15g", number);
        if (strtod(text, NULL) != number)
                (void)snprintf(text, NUMBER_MAX, "%.17g", number);
}

static struct ub_json *mirror(struct tree *tree, const cJSON *item, const struct ub_json *parent)
{
        struct ub_json *value = &tree->values[tree->used++];
        struct ub_json *last = NULL;
        const cJSON *child;

        value->item = item;
        value->parent = parent;
        if (cJSON_IsNumber(item))
                format_number(value->number, item->valuedouble);
        for (child = item->child; child; child = child->next) {
                struct ub_json *v = mirror(tree, child, value);

                v->index = value->count++;
                if (last)
                        last->next = v;
                else
                        value->first = v;
                last = v;
        }
        return value;
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two members of one key: readers disagree on which one counts, so neither does. */
static int refuse_twins(const struct ub_json *object, struct ub_error *error)
{
        const struct ub_json *member;
        const char **keys;
        size_t n = 0;
        size_t i;
        int r = 0;

        keys = (const char **)calloc(object->count, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        for (member = object->first; member; member = member->next)
                keys[n++] = member->item->string;
        qsort(keys, n, sizeof(*keys), compare_keys);
        for (i = 1; i < n && r == 0; i++)
                if (strcmp(keys[i - 1], keys[i]) == 0)
                        r = ub_json_fault(object, error, -EBADMSG, "\"%s\" is there twice",
                                          keys[i]);
        free(keys);
        return r;
}

static int check_keys(const struct tree *tree, struct ub_error *error)
{
        size_t i;
        int r;

        for (i = 0; i < tree->used; i++) {
                if (!cJSON_IsObject(tree->values[i].item) || tree->values[i].count < 2)
                        continue;
                r = refuse_twins(&tree->values[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void tree_free(struct tree *tree)
{
        if (!tree)
                return;
        cJSON_Delete(tree->json);
        free(tree->name);
        free(tree);
}

/* Takes json, also when it fails. */
static int tree_new(cJSON *json, const char *name, struct ub_error *error, struct tree **ret)
{
        struct tree *tree;
        size_t count = 0;
        int r;

        r = count_values(json, 0, &count);
        if (r < 0) {
                cJSON_Delete(json);
                return ub_error_set(error, r, "%s: deeper than %d levels", name, UB_MAX_DEPTH);
        }
        tree = (struct tree *)calloc(1, sizeof(*tree) + count * sizeof(tree->values[0]));
        if (!tree) {
                cJSON_Delete(json);
                return ub_error_set(error, -ENOMEM, "%s: out of memory", name);
        }
        tree->json = json;
        tree->name = strdup(name);
        if (!tree->name) {
                tree_free(tree);
                return ub_error_set(error, -ENOMEM, "%s: out of memory", name);
        }
        (void)mirror(tree, json, NULL);
        *ret = tree;
        return 0;
}

int ub_json_parse(const char *text, const char *name, struct ub_error *error, struct ub_json **ret)
{
        size_t length = strlen(text);
        const char *end = text;
        struct tree *tree = NULL;
        cJSON *json;
        int r;

        if (length > UB_MAX_JSON)
                return ub_error_set(error, -E2BIG, "%s: longer than %d bytes", name, UB_MAX_JSON);
        if (has_escaped_nul(text))
                return ub_error_set(error, -EBADMSG, "%s: a string holds \\u0000", name);

        /* The NUL is counted: cJSON then checks that nothing stands between the value and it. */
        json = cJSON_ParseWithLengthOpts(text, length + 1, &end, 1);
        if (!json)
                return ub_error_set(error, -EBADMSG, "%s: not JSON at byte %zu", name,
                                    (size_t)(end - text) + 1);
        r = tree_new(json, name, error, &tree);
        if (r < 0)
                return r;
        r = check_keys(tree, error);
        if (r < 0) {
                tree_free(tree);
                return r;
        }
        *ret = tree->values;
        return 0;
}

struct ub_json *ub_json_free(struct ub_json *root)
{
        if (root)
                tree_free((struct tree *)tree_of(root));
        return NULL;
}

/* ------------------------------------------------------------------------------------- the tree */

int ub_json_type(const struct ub_json *value)
{
        switch (value->item->type & 0xff) {
        case cJSON_True:
        case cJSON_False:
                return UB_JSON_BOOL;
        case cJSON_Number:
                return UB_JSON_NUMBER;
        case cJSON_String:
                return UB_JSON_STRING;
        case cJSON_Array:
                return UB_JSON_ARRAY;
        case cJSON_Object:
                return UB_JSON_OBJECT;
        default:
                return UB_JSON_NULL;
        }
}

const struct ub_json *ub_json_first(const struct ub_json *value)
{
        return value->first;
}

const struct ub_json *ub_json_next(const struct ub_json *value)
{
        return value->next;
}

size_t ub_json_count(const struct ub_json *value)
{
        return value->count;
}

const char *ub_json_key(const struct ub_json *value)
{
        return value->item->string;
}

const char *ub_json_text(const struct ub_json *value)
{
        switch (ub_json_type(value)) {
        case UB_JSON_STRING:
                return value->item->valuestring;
        case UB_JSON_NUMBER:
                return value->number;
        case UB_JSON_BOOL:
                return cJSON_IsTrue(value->item) ? "true" : "false";
        case UB_JSON_NULL:
                return "null";
        default:
                return NULL;
        }
}

static const struct ub_json *find(const struct ub_json *object, const char *key,
                                  int (*compare)(const char *, const char *))
{
        const struct ub_json *member;

        if (!cJSON_IsObject(object->item))
                return NULL;
        for (member = object->first; member; member = member->next)
                if (compare(member->item->string, key) == 0)
                        return cJSON_IsNull(member->item) ? NULL : member;
        return NULL;
}

const struct ub_json *ub_json_member(const struct ub_json *object, const char *key)
{
        return find(object, key, strcmp);
}

const struct ub_json *ub_json_member_nocase(const struct ub_json *object, const char *key)
{
        return find(object, key, strcasecmp);
}

/* -------------------------------------------------------------------------------- typed members */

int ub_json_as_string(const struct ub_json *value, struct ub_error *error, const char **ret)
{
        if (ub_json_type(value) != UB_JSON_STRING)
                return wrong_type(value, error, "a string");
        *ret = value->item->valuestring;
        return 0;
}

int ub_json_as_object(const struct ub_json *value, struct ub_error *error)
{
        return ub_json_type(value) == UB_JSON_OBJECT ? 0 : wrong_type(value, error, "an object");
}

int ub_json_get_string(const struct ub_json *object, const char *key, struct ub_error *error,
                       const char **ret)
{
        const struct ub_json *value = ub_json_member(object, key);
        int r;

        if (!value)
                return 0;
        r = ub_json_as_string(value, error, ret);
        return r < 0 ? r : 1;
}

int ub_json_get_int(const struct ub_json *object, const char *key, int64_t min, int64_t max,
                    struct ub_error *error, int64_t *ret)
{
        const struct ub_json *value = ub_json_member(object, key);
        char expected[80];
        double number;

        if (!value)
                return 0;
        number = value->item->valuedouble;
        if (ub_json_type(value) != UB_JSON_NUMBER || !is_whole(number) ||
            (int64_t)number < min || (int64_t)number > max) {
                (void)snprintf(expected, sizeof(expected), "a whole number from %lld to %lld",
                               (long long)min, (long long)max);
                return wrong_type(value, error, expected);
        }
        *ret = (int64_t)number;
        return 1;
}

int ub_json_get_bool(const struct ub_json *object, const char *key, struct ub_error *error,
                     bool *ret)
{
        const struct ub_json *value = ub_json_member(object, key);

        if (!value)
                return 0;
        if (ub_json_type(value) != UB_JSON_BOOL)
                return wrong_type(value, error, "true or false");
        *ret = cJSON_IsTrue(value->item);
        return 1;
}

static int get_nested(const struct ub_json *object, const char *key, int type,
                      struct ub_error *error, const struct ub_json **ret)
{
        const struct ub_json *value = ub_json_member(object, key);

        if (!value)
                return 0;
        if (ub_json_type(value) != type)
                return wrong_type(value, error, type == UB_JSON_ARRAY ? "an array" : "an object");
        *ret = value;
        return 1;
}

int ub_json_get_array(const struct ub_json *object, const char *key, struct ub_error *error,
                      const struct ub_json **ret)
{
        return get_nested(object, key, UB_JSON_ARRAY, error, ret);
}

int ub_json_get_object(const struct ub_json *object, const char *key, struct ub_error *error,
                       const struct ub_json **ret)
{
        return get_nested(object, key, UB_JSON_OBJECT, error, ret);
}

int ub_json_need_string(const struct ub_json *object, const char *key, struct ub_error *error,
                        const char **ret)
{
        const char *text = NULL;
        int r;

        r = ub_json_as_object(object, error);
        if (r < 0)
                return r;
        r = ub_json_get_string(object, key, error, &text);
        if (r < 0)
                return r;
        if (r == 0 || !*text)
                return ub_json_fault(object, error, -EBADMSG, r == 0 ? "\"%s\" is missing"
                                                                     : "\"%s\" is empty", key);
        *ret = text;
        return 0;
}

int ub_json_only_keys(const struct ub_json *object, const char *const *keys, struct ub_error *error)
{
        const struct ub_json *member;
        size_t i;

        for (member = object->first; member; member = member->next) {
                for (i = 0; keys[i] && strcmp(keys[i], member->item->string) != 0; i++)
                        ;
                if (!keys[i])
                        return ub_json_fault(member, error, -EBADMSG, "there is no such setting");
        }
        return 0;
}
