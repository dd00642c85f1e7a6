/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-merge - JSON Merge Patch
 *
 * Input: target and patch, separated by a NUL byte.  The result is that of the RFC's own pseudo
 * code, written down here once more in its functional form; applying the patch again changes
 * nothing; no null of the patch is left; and each value that is no object stands as the patch has
 * it or else as the target has it, which is what conf.d finds the origin of a value by. */
#include <stdint.h>
#include <string.h>

#include "host/json/json.h"
#include "host/json/merge.h"
#include "host/json/pointer.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

static const struct scan_rules rules = { .max_bytes = 64 * 1024, .max_depth = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 7396, section 2, without changing anything in place. */
static struct json *expected(const struct json *target, const struct json *patch)
{
        const struct json *item;
        struct json *result;

        if (json_get_type(patch) != JSON_TYPE_OBJECT)
                return json_copy(patch);
        if (json_get_type(target) != JSON_TYPE_OBJECT)
                target = NULL;
        result = json_new_object();
        JSON_FOREACH(item, target) {
                if (!json_get_member(patch, json_get_key(item)))
                        CHECK(json_set(result, json_get_key(item), json_copy(item)) == 0);
        }
        JSON_FOREACH(item, patch) {
                const struct json *old = json_get_member(target, json_get_key(item));

                if (json_get_type(item) != JSON_TYPE_NULL)
                        CHECK(json_set(result, json_get_key(item), expected(old, item)) == 0);
        }
        return result;
}

static void check_origins(const struct json *result, const struct json *target,
                          const struct json *patch, struct pointer *at)
{
        size_t mark = at->length;
        const struct json *origin;
        const struct json *item;

        if (json_get_type(result) != JSON_TYPE_OBJECT) {
                origin = json_locate(patch, pointer_text(at));
                if (!origin)
                        origin = json_locate(target, pointer_text(at));
                CHECK(json_equal(result, origin));
                return;
        }
        JSON_FOREACH(item, result) {
                CHECK(pointer_push_key(at, json_get_key(item)) == 0);
                check_origins(item, target, patch, at);
                pointer_cut(at, mark);
        }
}

static void check_nulls(const struct json *result, const struct json *patch)
{
        const struct json *item;

        if (json_get_type(patch) != JSON_TYPE_OBJECT)
                return;
        JSON_FOREACH(item, patch) {
                const struct json *member = json_get_member(result, json_get_key(item));

                CHECK((json_get_type(item) == JSON_TYPE_NULL) == !member);
                if (member)
                        check_nulls(member, item);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP_POINTER struct pointer at = POINTER_INIT;
        CLEANUP_JSON struct json *target = NULL;
        CLEANUP_JSON struct json *patch = NULL;
        CLEANUP_JSON struct json *result = NULL;
        CLEANUP_JSON struct json *wanted = NULL;
        const char *text = (const char *)data;
        const char *nul = size ? memchr(text, '\0', size) : NULL;
        size_t n = nul ? (size_t)(nul - text) : 0;

        if (!nul || json_parse(text, n, &rules, NULL, NULL, &target) < 0 ||
            json_parse(nul + 1, size - n - 1, &rules, NULL, NULL, &patch) < 0)
                return 0;
        result = json_copy(target);
        CHECK(result && merge_patch(&result, patch) == 0);
        wanted = expected(target, patch);
        CHECK(json_equal(result, wanted));
        check_nulls(result, patch);
        check_origins(result, target, patch, &at);
        CHECK(merge_patch(&result, patch) == 0);
        CHECK(json_equal(result, wanted));
        return 0;
}
