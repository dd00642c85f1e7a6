/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/plugin/trust.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

/* A plugin folder with one plugin, below the temporary folder. */
static struct folder folder;
static struct trust_rules rules;
static char plugins[PATH_MAX];
static char plugin[PATH_MAX];

static void begin(void)
{
        folder = folder_new();
        rules = trust_rules_default();
        rules.sticky_passes = true; /* the temporary folder is below /tmp */
        folder_path(&folder, "plugins", plugins);
        ck_assert_int_eq(mkdir(plugins, 0755), 0);
        ck_assert_int_eq(chmod(plugins, 0755), 0);
        folder_write(&folder, "plugins/rauc.so", "ELF");
        folder_path(&folder, "plugins/rauc.so", plugin);
}

static void end(void)
{
        folder_done(&folder);
}

/* Expects "PATH: SENTENCE", and that both ways of asking agree. */
static void expect_fault(int expected_r, const char *path, const char *sentence)
{
        char *untouched = plugin;
        char expected[2 * PATH_MAX];
        struct diag diag = DIAG_INIT;

        (void)snprintf(expected, sizeof(expected), "%s: %s", path, sentence);
        ck_assert_int_eq(trust_find(plugins, "rauc", &rules, &diag, &untouched), expected_r);
        ck_assert_str_eq(diag.text, expected);
        ck_assert_ptr_eq(untouched, plugin);
        ck_assert_int_eq(trust_check(plugin, &rules, NULL), expected_r);
}

static const char *owner(void)
{
        static char text[32];

        if (geteuid() == 0)
                return "root";
        (void)snprintf(text, sizeof(text), "uid %u", (unsigned)geteuid());
        return text;
}

/* The same with -EPERM, for a sentence in which %s stands for our name. */
static void expect_fault_of_owner(const char *path, const char *format)
{
        const char *place = strstr(format, "%s");
        char text[200];

        (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(place - format), format, owner(),
                       place + 2);
        expect_fault(-EPERM, path, text);
}

START_TEST(name_becomes_an_approved_path)
{
        CLEANUP_FREE char *path = NULL;
        struct diag diag = DIAG_INIT;

        begin();
        ck_assert_int_eq(trust_find(plugins, "rauc", &rules, &diag, &path), 0);
        ck_assert_str_eq(path, plugin);
        ck_assert_str_eq(diag.text, "");
        end();
}
END_TEST

START_TEST(path_is_not_a_name)
{
        static const char *const names[] = { "",   "../rauc", "/usr/lib/rauc", "rauc.so", "Rauc",
                                             "a b", "abcdefghijklmnopqrstuvwxyz-abcdef" };
        char expected[300];

        begin();
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct diag diag = DIAG_INIT;
                char *path = NULL;

                ck_assert_int_eq(trust_find(plugins, names[i], &rules, &diag, &path), -EINVAL);
                (void)snprintf(expected, sizeof(expected), "\"%s\" is not the name of a plugin: "
                               "expected 1 to 32 of the characters a-z 0-9 -", names[i]);
                ck_assert_str_eq(diag.text, expected);
        }
        end();
}
END_TEST

START_TEST(folder_is_an_absolute_path_of_plain_names)
{
        static const char *const folders[] = { "/usr/../etc", "/usr/./lib", "/usr//lib", "/usr/" };
        char *path = NULL;
        char expected[300];
        struct diag diag = DIAG_INIT;

        begin();
        ck_assert_int_eq(trust_find("plugins", "rauc", &rules, &diag, &path), -EINVAL);
        ck_assert_str_eq(diag.text, "plugins/rauc.so: not an absolute path");
        for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
                ck_assert_int_eq(trust_find(folders[i], "rauc", &rules, &diag, &path), -EINVAL);
                (void)snprintf(expected, sizeof(expected), "%s/rauc.so: has an element that is "
                               "empty, \".\" or \"..\"", folders[i]);
                ck_assert_str_eq(diag.text, expected);
        }
        end();
}
END_TEST

START_TEST(absent_file_is_named)
{
        begin();
        ck_assert_int_eq(unlink(plugin), 0);
        expect_fault(-ENOENT, plugin, "No such file or directory");
        ck_assert_int_eq(rmdir(plugins), 0);
        expect_fault(-ENOENT, plugins, "No such file or directory");
        ck_assert_int_eq(mkdir(plugins, 0755), 0);
        end();
}
END_TEST

START_TEST(file_that_others_can_write_is_refused)
{
        begin();
        ck_assert_int_eq(chmod(plugin, 0664), 0);
        expect_fault_of_owner(plugin, "is writable by its group (owner %s, mode 0664)");
        ck_assert_int_eq(chmod(plugin, 0646), 0);
        expect_fault_of_owner(plugin, "is writable by everybody (owner %s, mode 0646)");
        end();
}
END_TEST

START_TEST(folder_that_others_can_write_is_refused_wherever_it_is)
{
        begin();
        ck_assert_int_eq(chmod(plugins, 0775), 0);
        expect_fault_of_owner(plugins, "is writable by its group (owner %s, mode 0775)");
        ck_assert_int_eq(chmod(plugins, 0755), 0);
        ck_assert_int_eq(chmod(folder.path, 0757), 0);
        expect_fault_of_owner(folder.path, "is writable by everybody (owner %s, mode 0757)");
        end();
}
END_TEST

START_TEST(sticky_folder_is_a_fault_unless_the_caller_says_otherwise)
{
        begin();
        ck_assert_int_eq(chmod(plugins, 01777), 0);
        ck_assert_int_eq(trust_check(plugin, &rules, NULL), 0);

        /* Without the exception the first such folder is reported, which may be /tmp itself. */
        rules.sticky_passes = false;
        ck_assert_int_eq(trust_check(plugin, &rules, NULL), -EPERM);
        ck_assert(!trust_rules_default().sticky_passes);

        /* The exception is for folders: a sticky file is as writable as any. */
        rules.sticky_passes = true;
        ck_assert_int_eq(chmod(plugins, 0755), 0);
        ck_assert_int_eq(chmod(plugin, 01666), 0);
        expect_fault_of_owner(plugin, "is writable by everybody (owner %s, mode 1666)");
        end();
}
END_TEST

START_TEST(file_of_a_stranger_is_refused)
{
        char text[200];
        char who[32];

        begin();
        /* Root gives the file away; anybody else says that the trusted user is another. */
        if (geteuid() == 0)
                ck_assert_int_eq(chown(plugin, 4711, 4711), 0);
        else
                rules.uid = 4711;
        if (geteuid() == 0) {
                expect_fault(-EPERM, plugin, "is owned by uid 4711 (mode 0644), expected root");
                rules.uid = 4712;
                expect_fault(-EPERM, plugin,
                             "is owned by uid 4711 (mode 0644), expected root or uid 4712");
                rules.uid = 4711;
                ck_assert_int_eq(trust_check(plugin, &rules, NULL), 0);
        } else {
                (void)snprintf(who, sizeof(who), "uid %u", (unsigned)geteuid());
                (void)snprintf(text, sizeof(text),
                               "is owned by %s (mode 0700), expected root or uid 4711", who);
                expect_fault(-EPERM, folder.path, text);
        }
        end();
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
        char other[PATH_MAX];

        begin();
        folder_path(&folder, "other", other);
        ck_assert_int_eq(rename(plugin, other), 0);
        ck_assert_int_eq(symlink(other, plugin), 0);
        expect_fault(-EPERM, plugin, "is a symbolic link, expected a regular file");

        ck_assert_int_eq(unlink(plugin), 0);
        ck_assert_int_eq(rename(other, plugin), 0);
        ck_assert_int_eq(rename(plugins, other), 0);
        ck_assert_int_eq(symlink(other, plugins), 0);
        expect_fault(-EPERM, plugins, "is a symbolic link, expected a folder");
        end();
}
END_TEST

START_TEST(neither_folder_nor_fifo_is_a_plugin)
{
        begin();
        ck_assert_int_eq(unlink(plugin), 0);
        ck_assert_int_eq(mkdir(plugin, 0755), 0);
        expect_fault(-EPERM, plugin, "is not a regular file");
        ck_assert_int_eq(rmdir(plugin), 0);
        ck_assert_int_eq(mkfifo(plugin, 0600), 0);
        expect_fault(-EPERM, plugin, "is not a regular file"); /* and nobody waits for a writer */
        end();
}
END_TEST

START_TEST(what_daemons_trust_is_root_and_themselves)
{
        ck_assert_uint_eq(trust_rules_default().uid, geteuid());
}
END_TEST

struct lines {
        char text[8192];
        int good;
        int bad;
};

static void add_line(void *data, bool ok, const char *line)
{
        struct lines *lines = data;
        size_t length = strlen(lines->text);

        (void)snprintf(lines->text + length, sizeof(lines->text) - length, "%s\n", line);
        if (ok)
                lines->good++;
        else
                lines->bad++;
}

START_TEST(report_has_a_line_per_element_and_goes_on_after_a_fault)
{
        struct lines lines = { .text = "" };
        char expected[4 * PATH_MAX];
        int depth = 1;

        begin();
        for (const char *p = plugin; *p; p++)
                depth += *p == '/';
        ck_assert_int_eq(trust_report(plugin, &rules, add_line, &lines), 0);
        ck_assert_int_eq(lines.good, depth);
        ck_assert_int_eq(lines.bad, 0);
        (void)snprintf(expected, sizeof(expected), "%s: %s, mode 0755\n%s: %s, mode 0644\n",
                       plugins, owner(), plugin, owner());
        ck_assert_ptr_nonnull(strstr(lines.text, expected));

        ck_assert_int_eq(chmod(plugins, 0775), 0);
        ck_assert_int_eq(chmod(plugin, 0666), 0);
        memset(&lines, 0, sizeof(lines));
        ck_assert_int_eq(trust_report(plugin, &rules, add_line, &lines), -EPERM);
        ck_assert_int_eq(lines.good, depth - 2);
        ck_assert_int_eq(lines.bad, 2);

        memset(&lines, 0, sizeof(lines));
        ck_assert_int_eq(trust_report("x.so", &rules, add_line, &lines), -EINVAL);
        ck_assert_str_eq(lines.text, "x.so: not an absolute path\n");
        end();
}
END_TEST

UNIT_MAIN("trust", name_becomes_an_approved_path, path_is_not_a_name,
          folder_is_an_absolute_path_of_plain_names, absent_file_is_named,
          file_that_others_can_write_is_refused,
          folder_that_others_can_write_is_refused_wherever_it_is,
          sticky_folder_is_a_fault_unless_the_caller_says_otherwise, file_of_a_stranger_is_refused,
          symbolic_links_are_not_followed, neither_folder_nor_fifo_is_a_plugin,
          what_daemons_trust_is_root_and_themselves,
          report_has_a_line_per_element_and_goes_on_after_a_fault)
