/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/model/salvage.h"

#include <string.h>
#include <strings.h>

#include "host/json/scan.h"

enum { HEAD_MAX = 4096 };

/* Everything here stops at `end`. */

static const char *skip_space(const char *p, const char *end)
{
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
                p++;
        return p;
}

/* Behind the string that begins here; NULL: there is none, or not all of it. */
static const char *skip_string(const char *p, const char *end)
{
        if (p == end || *p != '"')
                return NULL;
        for (p++; p < end && *p != '"'; p++)
                if (*p == '\\' && ++p == end)
                        return NULL;
        return p < end ? p + 1 : NULL;
}

/* Behind a value of any type, as far as brackets tell. */
static const char *skip_value(const char *p, const char *end)
{
        unsigned depth = 0;

        for (; p && p < end; p++) {
                if (*p == '"') {
                        p = skip_string(p, end);
                        if (!p)
                                return NULL;
                        p--;
                } else if (*p == '{' || *p == '[') {
                        depth++;
                } else if (depth == 0 && (*p == ',' || *p == '}')) {
                        return p;
                } else if ((*p == '}' || *p == ']') && depth > 0) {
                        depth--;
                }
        }
        return NULL;
}

static bool is_key(const char *quoted, size_t length, const char *key)
{
        return length == strlen(key) + 2 && strncasecmp(quoted + 1, key, length - 2) == 0;
}

/* A value; behind: what comes after it, NULL when its end is not to be seen. */
static struct salvage take(const char *value, const char *behind, const char *end)
{
        const char *last = behind ? behind : end;

        while (last > value && strchr(" \t\r\n", last[-1]) && last[-1])
                last--;
        return (struct salvage){
                .text = value,
                .length = (size_t)(last - value),
                .cut = !behind,
        };
}

struct salvage salvage_begin(const char *text, size_t length)
{
        return (struct salvage){
                .text = text,
                .length = length < HEAD_MAX ? length : HEAD_MAX,
                .cut = length > HEAD_MAX,
        };
}

bool salvage_member(const struct salvage *object, const char *key, struct salvage *ret)
{
        const char *end = object->text + object->length;
        const char *p = skip_space(object->text, end);

        while (p && p < end && (*p == '{' || *p == ',')) {
                const char *name = skip_space(p + 1, end);
                const char *after = skip_string(name, end);
                const char *value = after ? skip_space(after, end) : NULL;

                if (!value || value == end || *value != ':')
                        return false;
                value = skip_space(value + 1, end);
                p = skip_value(value, end);
                if (is_key(name, (size_t)(after - name), key)) {
                        bool string = value < end && *value == '"';

                        *ret = take(value, string ? skip_string(value, end) : p, end);
                        return true;
                }
        }
        return false;
}

void salvage_string(const struct salvage *object, const char *key, char *buf, size_t size)
{
        const struct scan_rules string = { .max_bytes = HEAD_MAX, .max_depth = 1 };
        struct salvage value;
        int n = -1;

        if (salvage_member(object, key, &value) && !value.cut && *value.text == '"' &&
            scan_text(value.text, value.length, &string, NULL, NULL) == 0)
                n = scan_copy(value.text, value.length, buf, size);
        if (n < 0 || (size_t)n >= size)
                buf[0] = '\0';
}
