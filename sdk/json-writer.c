/* SPDX-License-Identifier: Apache-2.0
 *
 * json-writer - writing JSON; see <update-broker/sdk/json.h>
 *
 * Whether a comma is due follows from the last byte, and whether a key is, from the level's
 * kind. */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/json.h>

#include "sdk/text.h"

static void append(struct ub_json_writer *w, const char *data, size_t length)
{
        if (w->fault < 0)
                return;
        if (length > UB_MAX_JSON - w->length) {
                w->fault = -E2BIG;
                return;
        }
        if (w->length + length >= w->size) {
                size_t size = 2 * (w->length + length) + 256;
                char *text = (char *)realloc(w->text, size);

                if (!text) {
                        w->fault = -ENOMEM;
                        return;
                }
                w->text = text;
                w->size = size;
        }
        memcpy(w->text + w->length, data, length);
        w->length += length;
}

static void append_text(struct ub_json_writer *w, const char *text)
{
        append(w, text, strlen(text));
}

/* One character of a string; returns its length in the source. */
static size_t append_character(struct ub_json_writer *w, const char *c)
{
        size_t length = ub_text_character(c);
        char escape[8];

        if (length == 0) {
                append_text(w, "\xef\xbf\xbd"); /* U+FFFD, the replacement character */
                return 1;
        }
        if (*c == '"' || *c == '\\')
                (void)snprintf(escape, sizeof(escape), "\\%c", *c);
        else if (*c == '\n')
                (void)snprintf(escape, sizeof(escape), "\\n");
        else if (*c == '\t')
                (void)snprintf(escape, sizeof(escape), "\\t");
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
                (void)snprintf(escape, sizeof(escape), "\\u%04x", *c);
        else {
                append(w, c, length);
                return length;
        }
        append_text(w, escape);
        return length;
}

/* How many characters follow that stand for themselves, in one byte each: mostly all. */
static size_t ordinary_span(const char *c)
{
        size_t n = 0;

        while ((unsigned char)c[n] >= 0x20 && (unsigned char)c[n] < 0x7f && c[n] != '"' &&
               c[n] != '\\')
                n++;
        return n;
}

static void append_string(struct ub_json_writer *w, const char *value)
{
        append(w, "\"", 1);
        while (*value && w->fault == 0) {
                size_t n = ordinary_span(value);

                append(w, value, n);
                value += n ? n : append_character(w, value);
        }
        append(w, "\"", 1);
}

/* Comma and key in front of a value. */
static void begin_value(struct ub_json_writer *w, const char *key)
{
        bool in_object = w->depth > 0 && !(w->arrays >> (w->depth - 1) & 1);

        if (w->fault < 0)
                return;
        if (in_object != (key != NULL) || (w->depth == 0 && w->length > 0)) {
                w->fault = -EINVAL;
                return;
        }
        if (w->depth > 0 && w->text[w->length - 1] != '{' && w->text[w->length - 1] != '[')
                append(w, ",", 1);
        if (key) {
                append_string(w, key);
                append(w, ":", 1);
        }
}

static void open_level(struct ub_json_writer *w, const char *key, bool array)
{
        begin_value(w, key);
        if (w->fault == 0 && w->depth >= UB_MAX_DEPTH)
                w->fault = -E2BIG;
        if (w->fault < 0)
                return;
        w->arrays &= ~(UINT64_C(1) << w->depth);
        w->arrays |= (uint64_t)array << w->depth;
        w->depth++;
        append(w, array ? "[" : "{", 1);
}

static void close_level(struct ub_json_writer *w, bool array)
{
        if (w->fault == 0 && (w->depth == 0 || (w->arrays >> (w->depth - 1) & 1) != array))
                w->fault = -EINVAL;
        if (w->fault < 0)
                return;
        w->depth--;
        append(w, array ? "]" : "}", 1);
}

void ub_json_open_object(struct ub_json_writer *w, const char *key)
{
        open_level(w, key, false);
}

void ub_json_close_object(struct ub_json_writer *w)
{
        close_level(w, false);
}

void ub_json_open_array(struct ub_json_writer *w, const char *key)
{
        open_level(w, key, true);
}

void ub_json_close_array(struct ub_json_writer *w)
{
        close_level(w, true);
}

void ub_json_put_string(struct ub_json_writer *w, const char *key, const char *value)
{
        if (!value)
                return;
        begin_value(w, key);
        append_string(w, value);
}

void ub_json_put_json(struct ub_json_writer *w, const char *key, const char *json)
{
        begin_value(w, key);
        append_text(w, json);
}

void ub_json_put_int(struct ub_json_writer *w, const char *key, int64_t value)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%lld", (long long)value);
        ub_json_put_json(w, key, text);
}

void ub_json_put_bool(struct ub_json_writer *w, const char *key, bool value)
{
        ub_json_put_json(w, key, value ? "true" : "false");
}

int ub_json_writer_finish(struct ub_json_writer *w, char **ret)
{
        int r = w->fault;

        if (r == 0 && (w->depth > 0 || w->length == 0))
                r = -EINVAL;
        if (r < 0) {
                ub_json_writer_discard(w);
                return r;
        }
        w->text[w->length] = '\0'; /* append() always leaves room for it */
        *ret = w->text;
        w->text = NULL;
        ub_json_writer_discard(w);
        return 0;
}

void ub_json_writer_discard(struct ub_json_writer *w)
{
        const struct ub_json_writer empty = UB_JSON_WRITER_INIT;

        free(w->text);
        *w = empty;
}
