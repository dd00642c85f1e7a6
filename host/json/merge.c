/* SPDX-License-Identifier: Apache-2.0 */
#include "host/json/merge.h"

#include <assert.h>
#include <errno.h>

#include "host/json/json.h"

static int merge_object(struct json *target, const struct json *patch);

/* One member of an object patch.  An object in the patch never goes in as it stands, even where the
 * target has nothing to merge with: its nulls must not survive. */
static int merge_member(struct json *target, const struct json *patch)
{
        const char *key = json_get_key(patch);
        struct json *inner;
        int r;

        if (json_get_type(patch) == JSON_TYPE_NULL) {
                json_remove(target, key);
                return 0;
        }
        if (json_get_type(patch) != JSON_TYPE_OBJECT)
                return json_set(target, key, json_copy(patch));

        inner = json_edit_member(target, key);
        if (json_get_type(inner) != JSON_TYPE_OBJECT) {
                r = json_set(target, key, json_new_object());
                if (r < 0)
                        return r;
                inner = json_edit_member(target, key);
        }
        return merge_object(inner, patch);
}

/* As deep as the patch, which the parser has limited. */
static int merge_object(struct json *target, const struct json *patch)
{
        const struct json *member;
        int r;

        JSON_FOREACH(member, patch) {
                r = merge_member(target, member);
                if (r < 0)
                        return r;
        }
        return 0;
}

int merge_patch(struct json **target, const struct json *patch)
{
        bool object = json_get_type(patch) == JSON_TYPE_OBJECT;
        struct json *root;

        assert(target && patch);

        if (!object || json_get_type(*target) != JSON_TYPE_OBJECT) {
                root = object ? json_new_object() : json_copy(patch);
                if (!root)
                        return -ENOMEM;
                json_free(*target);
                *target = root;
        }
        return object ? merge_object(*target, patch) : 0;
}
