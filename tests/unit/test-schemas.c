/* SPDX-License-Identifier: Apache-2.0
 *
 * One child for each plugin, however often it is asked for. */
#define _GNU_SOURCE 1
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "host/plugin/probe.h"
#include "host/plugin/schemas.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/time.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

#define LONG_USEC (15 * USEC_PER_SEC)

static char agent_host[PATH_MAX];

static int get(struct schemas *schemas, const char *plugin, char **ret)
{
        const struct probe_config config = {
                .agent_host = agent_host,
                .plugin = plugin,
                .timeout_usec = LONG_USEC,
        };

        built_path("ub-agent-host", agent_host);
        return schemas_get(schemas, &config, NULL, ret);
}

/* A plugin's file takes the place of another. */
static void install(const struct folder *folder, const char *name)
{
        CLEANUP_FREE char *bytes = NULL;
        char path[PATH_MAX];
        size_t length;

        bad_plugin_path(name, path);
        ck_assert_int_ge(file_read_at(AT_FDCWD, path, 16 * 1024 * 1024, &bytes, &length), 0);
        ck_assert_int_ge(file_replace_at(folder->fd, "plugin.so", bytes, length), 0);
        ck_assert_int_eq(fchmodat(folder->fd, "plugin.so", 0755, 0), 0);
}

START_TEST(a_plugin_is_asked_once_and_again_when_its_file_is_another)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP(schemas_freep) struct schemas *schemas = NULL;
        CLEANUP_FREE char *path = NULL;
        unsigned i;

        ck_assert_int_eq(schemas_new(&schemas), 0);
        ck_assert_int_ge(asprintf(&path, "%s/plugin.so", folder.path), 0);
        install(&folder, "long-schema");
        for (i = 0; i < 3; i++) {
                CLEANUP_FREE char *schema = NULL;

                ck_assert_int_eq(get(schemas, path, &schema), 0);
                ck_assert_uint_gt(strlen(schema), 1000);
        }
        ck_assert_uint_eq(schemas_get_probes(schemas), 1);
        install(&folder, "good");
        for (i = 0; i < 3; i++) {
                CLEANUP_FREE char *schema = strdup("untouched");
                char *none = schema;

                ck_assert_int_eq(get(schemas, path, &none), 0);
                ck_assert_ptr_null(none); /* it has none, which is remembered as well */
        }
        ck_assert_uint_eq(schemas_get_probes(schemas), 2);
}
END_TEST

START_TEST(a_failure_is_remembered_for_a_round)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP(schemas_freep) struct schemas *schemas = NULL;
        CLEANUP_FREE char *path = NULL;
        char *schema = NULL;

        ck_assert_int_eq(schemas_new(&schemas), 0);
        ck_assert_int_ge(asprintf(&path, "%s/plugin.so", folder.path), 0);
        ck_assert_int_eq(get(schemas, path, &schema), -ENOENT);
        install(&folder, "no-entry");
        ck_assert_int_eq(get(schemas, path, &schema), -ENOENT);
        ck_assert_int_eq(get(schemas, path, &schema), -ENOENT);
        ck_assert_uint_eq(schemas_get_probes(schemas), 1);
        schemas_begin_round(schemas);
        ck_assert_int_eq(get(schemas, path, &schema), -ENOENT);
        ck_assert_uint_eq(schemas_get_probes(schemas), 2);
        install(&folder, "good");
        ck_assert_int_eq(get(schemas, path, &schema), 0);
        ck_assert_ptr_null(schema);
}
END_TEST

UNIT_MAIN("schemas", a_plugin_is_asked_once_and_again_when_its_file_is_another,
          a_failure_is_remembered_for_a_round)
