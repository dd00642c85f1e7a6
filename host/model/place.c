/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host/util/diag.h"

enum { PATH_MAX_BYTES = 256 };

/* Writes the path from the outside in; what does not fit is cut. */
static size_t write_path(const struct place *at, char *buf, size_t length)
{
        int n = 0;

        if (!at)
                return length;
        length = write_path(at->parent, buf, length);
        if (at->key)
                n = snprintf(buf + length, PATH_MAX_BYTES - length, "%s%s", length ? "." : "",
                             at->key);
        else
                n = snprintf(buf + length, PATH_MAX_BYTES - length, "[%zu]", at->index);
        length += (size_t)n;
        return length < PATH_MAX_BYTES ? length : PATH_MAX_BYTES - 1;
}

int place_fault(const struct place *at, struct diag *diag, int r, const char *format, ...)
{
        char path[PATH_MAX_BYTES] = "";
        char text[PATH_MAX_BYTES];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args); /* cut when too long */
        va_end(args);
        if (write_path(at, path, 0) == 0)
                return diag_set(diag, r, "%s", text);
        return diag_set(diag, r, "%s: %s", path, text);
}

const struct json *place_member(const struct json *object, const char *key)
{
        const struct json *found = NULL;
        const struct json *member;

        if (json_get_type(object) != JSON_TYPE_OBJECT)
                return NULL;
        JSON_FOREACH(member, object)
                if (strcasecmp(json_get_key(member), key) == 0)
                        found = member;
        return json_get_type(found) == JSON_TYPE_NULL ? NULL : found;
}

static int expected(const struct place *at, struct diag *diag, const char *what,
                    const struct json *json)
{
        return place_fault(at, diag, -EBADMSG, "expected %s, not %s", what,
                           json ? json_type_to_string(json_get_type(json)) : "nothing");
}

int place_check_object(const struct place *at, const struct json *json, struct diag *diag)
{
        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return expected(at, diag, "an object", json);
        return 0;
}

static int take_text(const struct place *at, const struct json *object, const char *key, size_t max,
                     bool required, struct diag *diag, char **ret)
{
        const struct place here = { .parent = at, .key = key };
        const struct json *member = place_member(object, key);
        const char *text = member ? json_get_string(member) : "";
        char *copy;

        if (!text || (required && !member))
                return expected(&here, diag, "a string", member);
        if (required && !*text)
                return place_fault(&here, diag, -EBADMSG, "must not be empty");
        if (strlen(text) > max)
                return place_fault(&here, diag, -E2BIG, "longer than %zu bytes", max);
        copy = strdup(text);
        if (!copy)
                return diag_set(diag, -ENOMEM, "out of memory");
        *ret = copy;
        return 0;
}

int place_take_text(const struct place *at, const struct json *object, const char *key, size_t max,
                    struct diag *diag, char **ret)
{
        return take_text(at, object, key, max, false, diag, ret);
}

int place_take_name(const struct place *at, const struct json *object, const char *key, size_t max,
                    struct diag *diag, char **ret)
{
        return take_text(at, object, key, max, true, diag, ret);
}

int place_take_array(const struct place *at, const struct json *object, const char *key, size_t max,
                     struct diag *diag, const struct json **ret, size_t *ret_count)
{
        const struct place here = { .parent = at, .key = key };
        const struct json *member = place_member(object, key);
        size_t count = json_count(member);

        if (member && json_get_type(member) != JSON_TYPE_ARRAY)
                return expected(&here, diag, "an array", member);
        if (count > max)
                return place_fault(&here, diag, -E2BIG, "more than %zu elements", max);
        *ret = member;
        *ret_count = count;
        return 0;
}

int place_take_elements(const struct place *at, const struct json *object,
                        const struct place_array *array, struct diag *diag, void **ret_array,
                        size_t *ret_count)
{
        const struct place here = { .parent = at, .key = array->key };
        struct place element = { .parent = &here };
        const struct json *json = NULL;
        const struct json *item;
        size_t count = 0;
        int r;

        r = place_take_array(at, object, array->key, array->max, diag, &json, &count);
        if (r < 0 || count == 0)
                return r;
        *ret_array = calloc(count, array->size);
        if (!*ret_array)
                return diag_set(diag, -ENOMEM, "out of memory");
        JSON_FOREACH(item, json) {
                if (json_get_type(item) != JSON_TYPE_NULL) {
                        r = array->read(&element, item, diag,
                                        (char *)*ret_array + (*ret_count)++ * array->size);
                        if (r < 0)
                                return r;
                }
                element.index++;
        }
        return 0;
}

static bool is_known(const char *key, const char *const *known)
{
        for (; *known; known++)
                if (strcasecmp(key, *known) == 0)
                        return true;
        return false;
}

int place_take_others(const struct json *object, const char *const *known, struct json **ret)
{
        CLEANUP_JSON struct json *others = NULL;
        const struct json *member;

        JSON_FOREACH(member, object) {
                if (is_known(json_get_key(member), known))
                        continue;
                if (!others)
                        others = json_new_object();
                if (!others || json_set(others, json_get_key(member), json_copy(member)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(others);
        return 0;
}

int place_put_text(struct json *object, const char *key, const char *text)
{
        return text && *text ? json_set(object, key, json_new_string(text)) : 0;
}

int place_put_array(struct json *object, const char *key, struct json *take_array)
{
        if (take_array && json_count(take_array) == 0) {
                (void)json_free(take_array);
                return 0;
        }
        return json_set(object, key, take_array);
}

int place_put_others(struct json *object, const struct json *others)
{
        const struct json *member;
        int r = 0;

        JSON_FOREACH(member, others) {
                r = json_set(object, json_get_key(member), json_copy(member));
                if (r < 0)
                        break;
        }
        return r;
}
