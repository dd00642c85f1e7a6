/* SPDX-License-Identifier: Apache-2.0 */
#include "host/json/pointer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/util/utf8.h"

void pointer_done(struct pointer *pointer)
{
        free(pointer->text);
        pointer->text = NULL;
}

const char *pointer_text(const struct pointer *pointer)
{
        return pointer->text ? pointer->text : "";
}

static int reserve(struct pointer *pointer, size_t more)
{
        size_t size = pointer->length + more + 1;
        char *text;

        if (size <= pointer->size)
                return 0;
        size = size * 2;
        text = realloc(pointer->text, size);
        if (!text)
                return -ENOMEM;
        pointer->text = text;
        pointer->size = size;
        return 0;
}

int pointer_push_key(struct pointer *pointer, const char *key)
{
        char *p;
        int r;

        /* Each character may double. */
        r = reserve(pointer, 2 * strlen(key) + 1);
        if (r < 0)
                return r;
        p = pointer->text + pointer->length;
        *p++ = '/';
        for (; *key; key++) {
                if (*key == '~' || *key == '/') {
                        *p++ = '~';
                        *p++ = *key == '~' ? '0' : '1';
                } else {
                        *p++ = *key;
                }
        }
        *p = '\0';
        pointer->length = (size_t)(p - pointer->text);
        return 0;
}

int pointer_push_index(struct pointer *pointer, size_t index)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%zu", index);
        return pointer_push_key(pointer, text);
}

void pointer_cut(struct pointer *pointer, size_t length)
{
        assert(length <= pointer->length);
        pointer->length = length;
        if (pointer->text)
                pointer->text[length] = '\0';
}

bool pointer_is_valid(const char *text)
{
        const char *p;

        if (text[0] != '\0' && text[0] != '/')
                return false;
        for (p = strchr(text, '~'); p; p = strchr(p + 1, '~')) {
                if (p[1] != '0' && p[1] != '1')
                        return false;
        }
        return utf8_is_valid(text, strlen(text));
}

const char *pointer_next(const char *text, char *ret_token)
{
        assert(*text == '/');

        for (text++; *text && *text != '/'; text++) {
                if (*text == '~')
                        *ret_token++ = *++text == '1' ? '/' : '~';
                else
                        *ret_token++ = *text;
        }
        *ret_token = '\0';
        return text;
}

bool pointer_to_index(const char *token, size_t *ret)
{
        size_t n = strcspn(token, "/");

        /* Nine digits: more elements than any text of ours can hold. */
        if (n == 0 || n > 9 || strspn(token, "0123456789") < n || (n > 1 && token[0] == '0'))
                return false;
        *ret = (size_t)strtoul(token, NULL, 10);
        return true;
}

static bool is_plain(const char *key)
{
        static const char plain[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

        return *key && key[strspn(key, plain)] == '\0';
}

char *pointer_to_path(const char *text)
{
        CLEANUP_FREE char *token = NULL;
        CLEANUP_FREE char *path = NULL;
        size_t length = 0;
        bool first = true;
        FILE *f;

        if (!pointer_is_valid(text))
                return NULL;
        token = malloc(strlen(text) + 1);
        f = token ? open_memstream(&path, &length) : NULL;
        if (!f)
                return NULL;
        for (; *text; first = false) {
                size_t index;

                text = pointer_next(text, token);
                if (pointer_to_index(token, &index))
                        (void)fprintf(f, "[%zu]", index);
                else if (is_plain(token))
                        (void)fprintf(f, "%s%s", first ? "" : ".", token);
                else
                        (void)fprintf(f, "[\"%s\"]", token);
        }
        return fclose(f) == 0 ? TAKE_PTR(path) : NULL;
}
