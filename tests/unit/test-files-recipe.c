/* SPDX-License-Identifier: Apache-2.0
 *
 * test-files-recipe - what an administrator allows and what a desired state asks for */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/files/recipe.h"
#include "plugins/files/settings.h"
#include "tests/unit/unit.h"

#define DIGEST "0263829989B6FD954F72BAAF2FC64BC2E2F01D692D4DE72986EA808F6E99813F"

static struct settings settings;

static void allow(const char *json)
{
        struct ub_error error = UB_ERROR_INIT;

        ck_assert_msg(settings_parse(json, "files", &error, &settings) == 0, "%s", error.text);
}

START_TEST(settings_have_defaults)
{
        allow("{}");
        ck_assert_ptr_nonnull(strstr(settings.store, "/update-broker/files"));
        ck_assert_ptr_null(settings.targets);
        ck_assert_ptr_null(settings.ca);
        ck_assert(!settings.adopt && !settings.require_signature && !settings.special_files);
        ck_assert_int_eq(settings.setuid, SETUID_REFUSE);
        ck_assert_uint_eq(settings.limits.ratio, 200);
        settings_done(&settings);
}
END_TEST

START_TEST(settings_are_read)
{
        const char *rest;

        allow("{\"store\":\"/s\",\"targets\":[\"/opt\",\"/srv/\"],\"adopt\":true,\"ca\":\"/ca\","
              "\"commands\":{\"go\":{\"argv\":[\"/bin/go\",\"x\"],\"timeout\":\"1m30s\"},"
              "\"run\":{\"argv\":[\"/bin/run\"],\"timeout\":250}},"
              "\"limits\":{\"entries\":7,\"depth\":3},\"specialFiles\":\"allow\","
              "\"setuid\":\"keep\",\"download\":{\"attempts\":2,\"timeout\":\"1h\"}}");
        ck_assert_str_eq(settings.store, "/s");
        ck_assert_str_eq(settings_target_folder(&settings, "/srv/a/b", &rest), "/srv/");
        ck_assert_str_eq(rest, "a/b");
        ck_assert_ptr_null(settings_target_folder(&settings, "/etc/a", &rest));
        ck_assert(settings.adopt && settings.require_signature && settings.special_files);
        ck_assert_uint_eq(settings_program(&settings, "go")->timeout_usec, 90000000);
        ck_assert_uint_eq(settings_program(&settings, "run")->timeout_usec, 250000);
        ck_assert_str_eq(settings_program(&settings, "go")->argv[1], "x");
        ck_assert_ptr_null(settings_program(&settings, "stop"));
        ck_assert_uint_eq(settings.limits.entries, 7);
        ck_assert_uint_eq(settings.limits.depth, 3);
        ck_assert_int_eq(settings.setuid, SETUID_KEEP);
        ck_assert_uint_eq(settings.attempts, 2);
        settings_done(&settings);
}
END_TEST

START_TEST(settings_that_are_wrong_are_named)
{
        static const struct {
                const char *json;
                const char *says;
        } cases[] = {
                { "{\"tragets\":[]}", "tragets" },
                { "{\"store\":\"here\"}", "settings.store: expected an absolute path" },
                { "{\"targets\":[\"opt\"]}", "settings.targets: expected absolute paths" },
                { "{\"requireSignature\":true}", "\"ca\"" },
                { "{\"commands\":{\"x\":{}}}", "settings.commands.x" },
                { "{\"commands\":{\"x\":{\"argv\":[]}}}", "absolute path of a program" },
                { "{\"commands\":{\"x\":{\"argv\":[\"sh\"]}}}", "absolute path of a program" },
                { "{\"commands\":{\"x\":{\"argv\":[\"/x\"],\"timeout\":\"0s\"}}}", "above 0" },
                { "{\"commands\":{\"x\":{\"argv\":[\"/x\"],\"timeout\":\"1 hour\"}}}", "a time" },
                { "{\"download\":{\"timeout\":\"25h\"}}", "a time of at most 24h" },
                { "{\"limits\":{\"ratio\":0}}", "ratio" },
                { "{\"setuid\":\"maybe\"}", "settings.setuid" },
                { "{\"specialFiles\":1}", "settings.specialFiles" },
                { "[]", "settings" },
        };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;
                int r = settings_parse(cases[i].json, "files", &error, &settings);

                ck_assert_msg(r < 0 && strstr(error.text, cases[i].says), "%s: %d %s",
                              cases[i].json, r, error.text);
        }
}
END_TEST

static int read_recipe(const char *config, struct ub_error *error, struct recipe *ret)
{
        struct ub_desired_state *desired;
        char json[2048];
        int r;

        (void)snprintf(json, sizeof(json),
                       "{\"domains\":[{\"id\":\"files\",\"components\":[{\"id\":\"app\","
                       "\"version\":\"2\",\"config\":%s}]}]}",
                       config);
        ck_assert_int_eq(ub_desired_state_parse(json, error, &desired), 0);
        r = recipe_read(&desired->components[0], &settings, error, ret);
        (void)ub_desired_state_free(desired);
        return r;
}

START_TEST(every_key_of_a_component_is_read_and_kept)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        struct ub_error error = UB_ERROR_INIT;
        struct recipe recipe;
        struct recipe kept;
        struct ub_json *json;
        char *text;
        int r;

        allow("{\"targets\":[\"/opt\"],\"ca\":\"/ca\",\"commands\":{\"go\":{\"argv\":[\"/go\"]}}}");
        r = read_recipe("{\"source\":\"https://u:p@x/a.tgz?q\",\"sha256\":\"" DIGEST "\","
                        "\"signature\":\"file:///s\",\"format\":\"auto\",\"strip\":\"2\","
                        "\"mode\":\"0640\",\"owner\":\"0:0\",\"activate\":\"go\","
                        "\"target\":\"/opt/a\"}",
                        &error, &recipe);
        ck_assert_msg(r == 0, "%s", error.text);
        ck_assert_int_eq(recipe.sha256[6], '9');
        ck_assert_int_eq(recipe.sha256[10], 'b'); /* in small letters */
        ck_assert_uint_eq(recipe.strip, 2);
        ck_assert_uint_eq(recipe.mode, 0640);
        ck_assert(recipe_wants_archive(&recipe));

        ub_json_open_object(&w, NULL);
        recipe_write(&recipe, &w);
        ub_json_close_object(&w);
        ck_assert_int_eq(ub_json_writer_finish(&w, &text), 0);
        ck_assert_ptr_null(strstr(text, "u:p"));
        ck_assert_int_eq(ub_json_parse(text, "about", &error, &json), 0);
        ck_assert_int_eq(recipe_from_json(json, &error, &kept), 0);
        ck_assert_ptr_null(recipe_differs(&recipe, &kept));
        kept.strip = 1;
        ck_assert_str_eq(recipe_differs(&recipe, &kept), "strip");
        kept.sha256[0] = 'f';
        ck_assert_str_eq(recipe_differs(&recipe, &kept), "sha256");
        (void)ub_json_free(json);
        free(text);
        recipe_done(&kept);
        recipe_done(&recipe);
        settings_done(&settings);
}
END_TEST

START_TEST(what_a_component_may_not_say_is_named)
{
        static const struct {
                const char *config;
                const char *says;
        } cases[] = {
                { "{\"sorce\":\"x\"}", "app: there is no key \"sorce\"" },
                { "{\"source\":\"ftp://x\"}", "app: source: expected an http" },
                { "{\"source\":\"\"}", "app: source: " },
                { "{\"sha256\":\"12\"}", "app: sha256: expected 64" },
                { "{\"strip\":\"65\"}", "app: strip: " },
                { "{\"strip\":\" 1\"}", "app: strip: " },
                { "{\"mode\":\"0800\"}", "app: mode: " },
                { "{\"mode\":\"4755\"}", "app: mode: " },
                { "{\"format\":\"tar\"}", "app: format: " },
                { "{\"activate\":\"rm\"}", "app: activate: there is no command \"rm\"" },
                { "{\"target\":\"opt/a\"}", "app: target: expected an absolute path" },
                { "{\"target\":\"/opt/../etc\"}", "app: target: " },
                { "{\"target\":\"/opt//a\"}", "app: target: " },
                { "{\"target\":\"/opt\"}", "below none of" },
                { "{\"target\":\"/etc/a\"}", "below none of" },
                { "{\"signature\":\"file:///s\"}", "app: signature: " },
                { "[{\"key\":\"strip\",\"value\":\"1\"},{\"key\":\"strip\",\"value\":\"2\"}]",
                  "app: strip: given twice" },
        };
        size_t i;

        allow("{\"targets\":[\"/opt\"]}");
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;
                struct recipe recipe;
                int r = read_recipe(cases[i].config, &error, &recipe);

                ck_assert_msg(r < 0 && strstr(error.text, cases[i].says), "%s: %d %s",
                              cases[i].config, r, error.text);
        }
        settings_done(&settings);
}
END_TEST

START_TEST(an_owner_is_looked_up)
{
        struct recipe recipe = { .id = (char *)"app", .owner = (char *)"root:0" };
        struct ub_error error = UB_ERROR_INIT;
        uid_t uid;
        gid_t gid;

        ck_assert_int_eq(recipe_find_owner(&recipe, &uid, &gid, &error), 0);
        ck_assert(uid == 0 && gid == 0);
        recipe.owner = (char *)":12";
        ck_assert_int_eq(recipe_find_owner(&recipe, &uid, &gid, &error), 0);
        ck_assert(uid == (uid_t)-1 && gid == 12);
        recipe.owner = NULL;
        ck_assert_int_eq(recipe_find_owner(&recipe, &uid, &gid, &error), 0);
        ck_assert(uid == (uid_t)-1 && gid == (gid_t)-1);
        recipe.owner = (char *)"nobody-of-this-name";
        ck_assert_int_eq(recipe_find_owner(&recipe, &uid, &gid, &error), -EBADMSG);
        ck_assert_str_eq(error.text, "app: owner: there is no user nobody-of-this-name");
}
END_TEST

UNIT_MAIN("files-recipe", settings_have_defaults, settings_are_read,
          settings_that_are_wrong_are_named, every_key_of_a_component_is_read_and_kept,
          what_a_component_may_not_say_is_named, an_owner_is_looked_up)
