/* SPDX-License-Identifier: Apache-2.0
 *
 * test-files-path - names and links of archives, before anything is made of them */
#include <errno.h>
#include <string.h>

#include "plugins/files/path.h"
#include "tests/unit/unit.h"

static const struct path_limits limits = { .bytes = 40, .depth = 4 };

START_TEST(a_path_is_made_clean_or_refused)
{
        static const struct {
                const char *raw;
                unsigned strip;
                int r;
                const char *clean;
        } cases[] = {
                { "a", 0, 1, "a" },
                { "a/b", 0, 1, "a/b" },
                { "./a//b/./c/", 0, 1, "a/b/c" },
                { "...", 0, 1, "..." },
                { "a/..b", 0, 1, "a/..b" },
                { ".", 0, 0, NULL },
                { "", 0, 0, NULL },
                { "top/", 1, 0, NULL },
                { "./top/a", 1, 1, "a" },
                { "a/b/c/d/e", 1, 1, "b/c/d/e" },
                { "/a", 0, -EINVAL, NULL },
                { "//", 0, -EINVAL, NULL },
                { "..", 0, -EINVAL, NULL },
                { "../a", 1, -EINVAL, NULL },
                { "a/..", 0, -EINVAL, NULL },
                { "a/../b", 0, -EINVAL, NULL },
                { "a/b/c/d/e", 0, -ENAMETOOLONG, NULL },
                { "a234567890123456789012345678901234567890x", 0, -ENAMETOOLONG, NULL },
        };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;
                char *clean = NULL;
                int r = path_clean(cases[i].raw, cases[i].strip, &limits, &error, &clean);

                ck_assert_msg(r == cases[i].r, "\"%s\": %d %s", cases[i].raw, r, error.text);
                ck_assert_msg((clean == NULL) == (cases[i].clean == NULL), "%s", cases[i].raw);
                if (clean)
                        ck_assert_str_eq(clean, cases[i].clean);
                ck_assert_msg(r >= 0 || *error.text, "%s: no cause", cases[i].raw);
                free(clean);
        }
}
END_TEST

START_TEST(a_link_stays_inside)
{
        static const struct {
                const char *path;
                const char *target;
                int r;
        } cases[] = {
                { "l", "a", 0 },
                { "l", "a/b", 0 },
                { "l", ".", 0 },
                { "d/l", "../a", 0 },
                { "d/l", "..", 0 },
                { "d/e/l", "../../a", 0 },
                { "l", "", -EINVAL },
                { "l", "..", -EINVAL },
                { "l", "/etc/passwd", -EINVAL },
                { "d/l", "../..", -EINVAL },
                { "d/l", "./../../a", -EINVAL },
                { "d/e/l", "../../../a", -EINVAL },
                { "l", "a/../b", -EINVAL }, /* a may be a link itself */
                { "d/l", "x/../../..", -EINVAL },
        };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                ck_assert_msg(path_check_link(cases[i].path, cases[i].target, NULL) == cases[i].r,
                              "%s -> %s", cases[i].path, cases[i].target);
}
END_TEST

START_TEST(ids_and_versions_become_names_of_folders)
{
        char name[PATH_NAME_MAX + 1];
        char text[200];

        ck_assert_int_eq(path_check_name("app-1.2_x"), 0);
        ck_assert_int_lt(path_check_name(""), 0);
        ck_assert_int_lt(path_check_name(".app"), 0);
        ck_assert_int_lt(path_check_name("a/b"), 0);
        ck_assert_int_lt(path_check_name("a b"), 0);
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        ck_assert_int_lt(path_check_name(text), 0);

        path_name_of_version("1.2.0+b4", name);
        ck_assert_str_eq(name, "1.2.0+b4");
        path_name_of_version("../x/y z", name);
        ck_assert_str_eq(name, "_._x_y_z");
        path_name_of_version("", name);
        ck_assert_str_eq(name, "_");
        path_name_of_version(text, name);
        ck_assert_uint_lt(strlen(name), PATH_NAME_MAX);
}
END_TEST

START_TEST(below_is_by_whole_names)
{
        ck_assert_str_eq(path_below("/opt/a/b", "/opt"), "a/b");
        ck_assert_str_eq(path_below("/opt/a/b", "/opt/a/"), "b");
        ck_assert_str_eq(path_below("/opt", "/"), "opt");
        ck_assert_ptr_null(path_below("/opt", "/opt"));
        ck_assert_ptr_null(path_below("/optional/a", "/opt"));
        ck_assert_ptr_null(path_below("/etc/a", "/opt"));
}
END_TEST

UNIT_MAIN("files-path", a_path_is_made_clean_or_refused, a_link_stays_inside,
          ids_and_versions_become_names_of_folders, below_is_by_whole_names)
