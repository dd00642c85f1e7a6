/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching an accepted text.  Nothing is checked a second time here; `end` is respected all the
 * same, so that a caller's mistake yields a wrong answer and not a wild read. */
#include "config.h"

#include "host/json/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "host/json/pointer.h"
#include "host/json/scan-string.h"
#include "host/util/utf8.h"

static const char *after_space(const char *p, const char *end)
{
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
                p++;
        return p;
}

static const char *after_string(const char *p, const char *end)
{
        for (p++; p < end && *p != '"'; p++) {
                if (*p == '\\' && p + 1 < end)
                        p++;
        }
        return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *after_value(const char *p, const char *end)
{
        unsigned depth = 0;

        while (p < end) {
                if (*p == '"') {
                        p = after_string(p, end);
                } else if (*p == '{' || *p == '[') {
                        depth++;
                        p++;
                } else if (*p == '}' || *p == ']') {
                        if (depth == 0)
                                return p; /* of the container around a number or word */
                        depth--;
                        p++;
                } else if (depth == 0) {
                        do
                                p++;
                        while (p < end && !strchr(",]} \t\r\n", *p));
                        return p;
                } else {
                        p++;
                        continue;
                }
                if (depth == 0)
                        return p;
        }
        return end;
}

/* The next character of a reference token: "~1" is a slash and "~0" a tilde; 0 at its end. */
static uint32_t token_next(const char **p)
{
        uint32_t code = 0;

        if (**p == '\0' || **p == '/')
                return 0;
        if (**p == '~') {
                code = (*p)[1] == '1' ? '/' : '~';
                *p += 2;
                return code;
        }
        *p += utf8_decode(*p, strnlen(*p, UTF8_MAX), &code);
        return code;
}

static bool key_is(const char *key, const char *end, const char *token)
{
        const char *p = key + 1;
        uint32_t c;
        uint32_t d;

        do {
                c = scan_string_next(&p, end);
                d = token_next(&token);
        } while (c == d && c != 0);
        return c == d;
}

/* The value under `token` in the container at p, and its key; NULL when there is none. */
static const char *find_item(const char *p, const char *end, const char *token,
                             const char **ret_key)
{
        bool object = *p == '{';
        size_t index = 0;
        size_t i;

        if (!object && !pointer_to_index(token, &index))
                return NULL;
        p = after_space(p + 1, end);
        for (i = 0; p < end && *p != '}' && *p != ']'; i++) {
                const char *key = p;

                if (object) {
                        p = after_space(after_string(p, end), end);
                        p = after_space(p + (p < end), end); /* the colon */
                }
                if (object ? key_is(key, end, token) : i == index) {
                        *ret_key = key;
                        return p < end ? p : NULL;
                }
                p = after_space(after_value(p, end), end);
                if (p < end && *p == ',')
                        p = after_space(p + 1, end);
        }
        return NULL;
}

static int locate(const char *text, size_t length, const char *pointer, const char **ret_key,
                  const char **ret_value)
{
        const char *end = text + length;
        const char *p = after_space(text, end);
        const char *key = p;

        if (!pointer_is_valid(pointer))
                return -EINVAL;
        while (*pointer == '/') {
                pointer++;
                if (p >= end || (*p != '{' && *p != '['))
                        return -ENOENT;
                p = find_item(p, end, pointer, &key);
                if (!p)
                        return -ENOENT;
                pointer += strcspn(pointer, "/");
        }
        if (p >= end)
                return -ENOENT;
        *ret_key = key;
        *ret_value = p;
        return 0;
}

int scan_locate(const char *text, size_t length, const char *pointer, size_t *ret_offset,
                size_t *ret_length)
{
        const char *key;
        const char *value;
        int r;

        assert(text && pointer && ret_offset && ret_length);

        r = locate(text, length, pointer, &key, &value);
        if (r < 0)
                return r;
        *ret_offset = (size_t)(value - text);
        *ret_length = (size_t)(after_value(value, text + length) - value);
        return 0;
}

int scan_locate_key(const char *text, size_t length, const char *pointer, size_t *ret_offset,
                    size_t *ret_length)
{
        const char *key;
        const char *value;
        int r;

        assert(text && pointer && ret_offset && ret_length);

        r = locate(text, length, pointer, &key, &value);
        if (r < 0)
                return r;
        *ret_offset = (size_t)(key - text);
        *ret_length = (size_t)(after_value(key, text + length) - key);
        return 0;
}

int scan_copy(const char *value, size_t length, char *buf, size_t size)
{
        const char *end = value + length;
        const char *p = value + 1;
        size_t n = 0;
        uint32_t code;
        char bytes[UTF8_MAX];

        assert(value && length > 0 && length <= SCAN_BYTES_MAX && (buf || size == 0));

        if (*value != '"') {
                if (length < size) {
                        memcpy(buf, value, length);
                        buf[length] = '\0';
                }
                return (int)length;
        }

        /* Once to measure, once to write: nothing is written into a buffer that is too small. */
        while ((code = scan_string_next(&p, end)) != 0)
                n += utf8_encode(code, bytes);
        if (n >= size)
                return (int)n;
        p = value + 1;
        while ((code = scan_string_next(&p, end)) != 0) {
                size_t k = utf8_encode(code, bytes);

                memcpy(buf, bytes, k);
                buf += k;
        }
        *buf = '\0';
        return (int)n;
}
