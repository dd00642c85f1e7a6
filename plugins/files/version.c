/* SPDX-License-Identifier: Apache-2.0
 *
 * version - see version.h */
#include "plugins/files/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/files/scope.h"
#include "plugins/files/tree.h"

#define ABOUT "about"

enum { ABOUT_BYTES_MAX = 64 * 1024 };

int version_write(int version_fd, const struct recipe *recipe, const struct scan_sum *sum)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        CLEANUP_FREE char *text = NULL;
        int r;

        ub_json_open_object(&w, NULL);
        recipe_write(recipe, &w);
        ub_json_put_string(&w, "digest", sum->digest);
        ub_json_put_int(&w, "entries", (int64_t)sum->entries);
        ub_json_put_int(&w, "bytes", (int64_t)sum->bytes);
        ub_json_close_object(&w);
        r = ub_json_writer_finish(&w, &text);
        return r < 0 ? r : tree_write_file(version_fd, ABOUT, text);
}

static int read_sum(const struct ub_json *object, struct ub_error *error, struct scan_sum *sum)
{
        const char *digest;
        int64_t number = 0;
        int r;

        r = ub_json_need_string(object, "digest", error, &digest);
        if (r < 0)
                return r;
        if (strlen(digest) + 1 != sizeof(sum->digest))
                return ub_error_set(error, -EBADMSG, "digest: not a SHA-256");
        memcpy(sum->digest, digest, sizeof(sum->digest));
        r = ub_json_get_int(object, "entries", 0, UB_JSON_INT_MAX, error, &number);
        if (r < 0)
                return r;
        sum->entries = (uint64_t)number;
        r = ub_json_get_int(object, "bytes", 0, UB_JSON_INT_MAX, error, &number);
        if (r < 0)
                return r;
        sum->bytes = (uint64_t)number;
        return 0;
}

int version_read(int version_fd, struct ub_error *error, struct version *ret)
{
        struct version version = { .sum = { .entries = 0 } };
        CLEANUP_FREE char *text = NULL;
        struct ub_json *root;
        int r;

        r = tree_read_file(version_fd, ABOUT, ABOUT_BYTES_MAX, &text, NULL);
        if (r < 0)
                return ub_error_set(error, r, "%s: %s", ABOUT, strerror(-r));
        r = ub_json_parse(text, ABOUT, error, &root);
        if (r < 0)
                return r;
        r = recipe_from_json(root, error, &version.recipe);
        if (r == 0) {
                r = read_sum(root, error, &version.sum);
                if (r < 0)
                        version_done(&version);
        }
        (void)ub_json_free(root);
        if (r == 0)
                *ret = version;
        return r;
}

void version_done(struct version *version)
{
        recipe_done(&version->recipe);
}
