/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* RTLD_DEFAULT, memmem */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/plugin/loader.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

DEFINE_FREEP(struct plugin, plugin);

/* The sentence follows the path and ": ". */
static const struct {
        const char *name;
        int r;
        const char *sentence;
} refused[] = {
        { "no-entry", -ENOENT, "not a plugin: it does not export ub_plugin_v1()" },
        { "entry-is-data", -ENOENT, "not a plugin: ub_plugin_v1 is not a function" },
        { "wrong-major", -EPROTO, "ub_plugin_v1() describes ABI major 2, expected 1" },
        { "newer-minor", -EPROTO, "needs a host with ABI 1.7, this one has 1.0" },
        { "minor-needed-above-wanted", -EINVAL,
          "abi_minor_needed is 1 but abi_minor_wanted only 0" },
        { "size-huge", -EINVAL, "plugin.size is 5000, the limit is 4096" },
        { "agent-size-huge", -EINVAL, "agent.size is 4294967295, the limit is 4096" },
        { "null-name", -EINVAL, "name is NULL" },
        { "bad-name", -EINVAL, "name is not 1 to 32 of the characters a-z 0-9 -" },
        { "long-name", -EINVAL, "name is not 1 to 32 of the characters a-z 0-9 -" },
        { "null-version", -EINVAL, "version is NULL" },
        { "version-not-utf8", -EINVAL, "version is not UTF-8" },
        { "two-line-description", -EINVAL, "description contains a control character" },
        { "null-life", -EINVAL, "life is NULL, but required" },
        { "missing-create", -EINVAL, "life.create is NULL, but required" },
        { "missing-command", -EINVAL, "agent.command is NULL, but required" },
        { "no-role", -EINVAL, "no role: agent and connector are both NULL" },
        { "unknown-flags", -EINVAL, "unknown flags 0x80000001" },
        { "null-descriptor", -EINVAL, "ub_plugin_v1() returned NULL" },
        { "undefined-symbol", -ENOEXEC, "undefined symbol: ub_no_such_function" },
};

static void expect_refusal(const char *name, int expected_r, const char *sentence)
{
        struct plugin *plugin = (struct plugin *)refused;
        char expected[2 * PATH_MAX];
        struct diag diag = DIAG_INIT;
        char path[PATH_MAX];
        int r;

        bad_plugin_path(name, path);
        r = plugin_load(path, &diag, &plugin);
        (void)snprintf(expected, sizeof(expected), "%s: %s", path, sentence);
        ck_assert_str_eq(diag.text, expected);
        ck_assert_int_eq(r, expected_r);
        ck_assert_ptr_eq(plugin, refused); /* untouched */
}

START_TEST(each_bad_plugin_is_refused_with_a_sentence)
{
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
                expect_refusal(refused[i].name, refused[i].r, refused[i].sentence);
}
END_TEST

/* On its own, because the numbers depend on the size of a pointer. */
START_TEST(struct_that_is_too_short_is_refused_with_both_sizes)
{
        const size_t plugin_size = sizeof(void *) == 8 ? 72 : 44;
        const size_t life_size = sizeof(void *) == 8 ? 56 : 32;
        char text[100];

        (void)snprintf(text, sizeof(text), "plugin.size is 0, ABI 1.0 has %zu bytes", plugin_size);
        expect_refusal("size-zero", -EINVAL, text);
        (void)snprintf(text, sizeof(text), "plugin.size is %zu, ABI 1.0 has %zu bytes",
                       plugin_size - 1, plugin_size);
        expect_refusal("size-short", -EINVAL, text);
        (void)snprintf(text, sizeof(text), "life.size is 0, ABI 1.0 has %zu bytes", life_size);
        expect_refusal("life-size-zero", -EINVAL, text);
}
END_TEST

START_TEST(entry_of_a_dependency_does_not_count)
{
        char dependency[PATH_MAX];
        char text[PATH_MAX + 100];

        bad_plugin_path("libbad-dependency", dependency);
        (void)snprintf(text, sizeof(text),
                       "not a plugin: ub_plugin_v1() comes from a library that it links, %s",
                       dependency);
        expect_refusal("entry-in-dependency", -ENOENT, text);
}
END_TEST

START_TEST(what_is_not_a_shared_object_is_refused)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        char expected[PATH_MAX + 100];
        struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;
        char path[PATH_MAX];

        folder_write(&folder, "text.so", "this is no ELF file, but as long as the header of one\n"
                                         "would be: sixty-four bytes and a few more\n");
        folder_path(&folder, "text.so", path);
        ck_assert_int_eq(plugin_load(path, &diag, &plugin), -ENOEXEC);
        (void)snprintf(expected, sizeof(expected), "%s: invalid ELF header", path);
        ck_assert_str_eq(diag.text, expected);

        folder_path(&folder, "absent.so", path);
        ck_assert_int_eq(plugin_load(path, &diag, &plugin), -ENOEXEC);
        (void)snprintf(expected, sizeof(expected),
                       "%s: cannot open shared object file: No such file or directory", path);
        ck_assert_str_eq(diag.text, expected);
}
END_TEST

/* Copies a plugin, with one name in it replaced by another of the same length. */
static void copy_renamed(const char *from, const char *to, const char *name, const char *other)
{
        CLEANUP_FREE char *bytes = NULL;
        CLEANUP_CLOSE int fd = -1;
        size_t length;
        char *place;

        ck_assert_int_eq(file_read_at(AT_FDCWD, from, 1024 * 1024, &bytes, &length), 0);
        place = memmem(bytes, length, name, strlen(name) + 1);
        ck_assert_ptr_nonnull(place);
        memcpy(place, other, strlen(name));
        fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(file_write_fd(fd, bytes, length), 0);
}

START_TEST(plugin_is_named_when_a_library_that_it_needs_is_missing)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        char expected[PATH_MAX + 100];
        struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;
        char from[PATH_MAX];
        char path[PATH_MAX];

        bad_plugin_path("entry-in-dependency", from);
        folder_path(&folder, "needy.so", path);
        copy_renamed(from, path, "libbad-dependency.so", "libbad-dependencX.so");
        ck_assert_int_eq(plugin_load(path, &diag, &plugin), -ENOEXEC);
        (void)snprintf(expected, sizeof(expected),
                       "%s: libbad-dependencX.so: cannot open shared object file: No such file or "
                       "directory", path);
        ck_assert_str_eq(diag.text, expected);
}
END_TEST

START_TEST(bare_name_is_not_searched_for)
{
        struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(plugin_load("libc.so.6", &diag, &plugin), -EINVAL);
        ck_assert_str_eq(diag.text, "libc.so.6: not an absolute path");
}
END_TEST

START_TEST(good_plugin_is_copied)
{
        CLEANUP(plugin_freep) struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;
        char path[PATH_MAX];

        bad_plugin_path("good", path);
        ck_assert_int_eq(plugin_load(path, &diag, &plugin), 0);
        ck_assert_str_eq(diag.text, "");
        ck_assert_uint_eq(plugin->abi_major, 1);
        ck_assert_uint_eq(plugin->abi_minor_wanted, 0);
        ck_assert_uint_eq(plugin->abi_minor_needed, 0);
        ck_assert_uint_eq(plugin->roles, PLUGIN_ROLE_AGENT);
        ck_assert_str_eq(plugin->name, "bad");
        ck_assert_str_eq(plugin->version, "1.0");
        ck_assert_str_eq(plugin->description, "breaks one rule");
        ck_assert_ptr_null(plugin->settings_schema);
        ck_assert_uint_eq(plugin->life.size, sizeof(plugin->life));
        ck_assert_ptr_nonnull(plugin->life.create);
        ck_assert_ptr_null(plugin->life.reload);
        ck_assert_ptr_nonnull(plugin->agent.command);
        ck_assert_uint_eq(plugin->connector.size, 0);
}
END_TEST

START_TEST(plugin_of_a_later_minor_is_cut_to_what_this_host_knows)
{
        CLEANUP(plugin_freep) struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;
        char path[PATH_MAX];

        bad_plugin_path("later-minor", path);
        ck_assert_int_eq(plugin_load(path, &diag, &plugin), 0);
        ck_assert_uint_eq(plugin->abi_minor_wanted, 9);
        ck_assert_uint_eq(plugin->agent.size, sizeof(plugin->agent));
        ck_assert_ptr_nonnull(plugin->agent.command);
}
END_TEST

START_TEST(two_loads_give_two_copies)
{
        CLEANUP(plugin_freep) struct plugin *a = NULL;
        CLEANUP(plugin_freep) struct plugin *b = NULL;
        struct diag diag = DIAG_INIT;
        char path[PATH_MAX];

        bad_plugin_path("good", path);
        ck_assert_int_eq(plugin_load(path, &diag, &a), 0);
        ck_assert_int_eq(plugin_load(path, &diag, &b), 0);
        ck_assert_ptr_ne(a, b);
}
END_TEST

/* Loads one of the plugins with a JSON library of their own; what its create() says. */
static int whose_library(const char *name)
{
        CLEANUP(plugin_freep) struct plugin *plugin = NULL;
        struct diag diag = DIAG_INIT;
        char path[PATH_MAX];
        void *self = NULL;

        bad_plugin_path(name, path);
        ck_assert_int_eq(plugin_load(path, &diag, &plugin), 0);
        return plugin->life.create(NULL, "{}", &self);
}

START_TEST(library_inside_a_plugin_does_not_become_the_hosts)
{
        /* This program links libcjson, as the daemon does; else nothing would be shown here. */
        ck_assert_ptr_nonnull(dlsym(RTLD_DEFAULT, "cJSON_Parse"));

        ck_assert_int_eq(whose_library("lookalike-mapped"), 0);
        /* Without the SDK's map it does, RTLD_LOCAL or not: the map is what helps. */
        ck_assert_int_eq(whose_library("lookalike-exposed"), -EXDEV);
}
END_TEST

UNIT_MAIN("loader", each_bad_plugin_is_refused_with_a_sentence,
          struct_that_is_too_short_is_refused_with_both_sizes, entry_of_a_dependency_does_not_count,
          what_is_not_a_shared_object_is_refused,
          plugin_is_named_when_a_library_that_it_needs_is_missing, bare_name_is_not_searched_for,
          good_plugin_is_copied, plugin_of_a_later_minor_is_cut_to_what_this_host_knows,
          two_loads_give_two_copies, library_inside_a_plugin_does_not_become_the_hosts)
