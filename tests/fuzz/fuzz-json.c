/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-json - a JSON text through scanner, tree, printer and search
 *
 * Input: the text.  What the scanner accepts, cJSON accepts too; what is printed reads back as the
 * same value and prints the same again; and every value of the tree is found in the text, with its
 * key, by its pointer. */
#include <stdint.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/pointer.h"
#include "host/util/diag.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

static const struct scan_rules rules = { .max_bytes = 256 * 1024, .max_depth = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copied-out value, to be freed. */
static char *copy_out(const char *value, size_t length)
{
        int n = scan_copy(value, length, NULL, 0);
        char *text = malloc((size_t)n + 1);

        CHECK(text && scan_copy(value, length, text, (size_t)n) == n);
        CHECK(scan_copy(value, length, text, (size_t)n + 1) == n && strlen(text) == (size_t)n);
        return text;
}

static void check_key(const char *text, size_t length, const char *pointer, const char *expected)
{
        CLEANUP_FREE char *key = NULL;
        size_t offset;
        size_t n;

        CHECK(scan_locate_key(text, length, pointer, &offset, &n) == 0);
        key = copy_out(text + offset, n);
        CHECK(strcmp(key, expected) == 0);
}

static void check_found(const char *text, size_t length, struct pointer *at,
                        const struct json *json)
{
        CLEANUP_JSON struct json *piece = NULL;
        size_t mark = at->length;
        const struct json *item;
        size_t offset;
        size_t index = 0;
        size_t n;

        CHECK(scan_locate(text, length, pointer_text(at), &offset, &n) == 0);
        CHECK(offset + n <= length);
        CHECK(json_parse(text + offset, n, &rules, NULL, NULL, &piece) == 0);
        CHECK(json_equal(piece, json));
        if (json_get_string(json)) {
                CLEANUP_FREE char *copy = copy_out(text + offset, n);

                CHECK(strcmp(copy, json_get_string(json)) == 0);
        }
        JSON_FOREACH(item, json) {
                bool member = json_get_key(item) != NULL;

                CHECK((member ? pointer_push_key(at, json_get_key(item)) :
                                pointer_push_index(at, index++)) == 0);
                if (member)
                        check_key(text, length, pointer_text(at), json_get_key(item));
                check_found(text, length, at, item);
                pointer_cut(at, mark);
        }
}

static void check_print(const struct json *json, enum json_layout layout)
{
        CLEANUP_JSON struct json *back = NULL;
        CLEANUP_FREE char *first = NULL;
        CLEANUP_FREE char *second = NULL;
        const struct scan_rules wide = { .max_bytes = SCAN_BYTES_MAX, .max_depth = 32 };

        CHECK(json_print(json, layout, &first) == 0);
        CHECK(json_parse(first, strlen(first), &wide, NULL, NULL, &back) == 0);
        CHECK(json_equal(json, back));
        CHECK(json_print(back, layout, &second) == 0);
        CHECK(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP_POINTER struct pointer at = POINTER_INIT;
        CLEANUP_JSON struct json *json = NULL;
        const char *text = (const char *)data;
        struct diag diag = DIAG_INIT;
        size_t offset = SIZE_MAX;
        int r;

        r = scan_text(text, size, &rules, &offset, &diag);
        if (r < 0) {
                CHECK(offset <= size && diag.text[0]);
                (void)scan_position(text, size, offset);
                return 0;
        }
        CHECK(json_parse(text, size, &rules, NULL, NULL, &json) == 0);
        check_print(json, JSON_LAYOUT_COMPACT);
        check_print(json, JSON_LAYOUT_PRETTY);
        if (size <= 4096) /* finding each value costs a walk from the beginning */
                check_found(text, size, &at, json);
        return 0;
}
