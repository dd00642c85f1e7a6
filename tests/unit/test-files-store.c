/* SPDX-License-Identifier: Apache-2.0
 *
 * test-files-store - versions, what is active, targets and the record, in a real folder */
#define _GNU_SOURCE 1
#include <errno.h>
#include <string.h>

#include "plugins/files/record.h"
#include "plugins/files/scope.h"
#include "plugins/files/store.h"
#include "plugins/files/target.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

struct rig {
        struct folder folder;
        struct store store;
        struct settings settings;
};

static struct rig rig_new(bool adopt)
{
        struct rig rig = { .folder = folder_new() };
        char path[PATH_MAX];
        char json[3 * PATH_MAX];

        folder_path(&rig.folder, "store", path);
        ck_assert_int_eq(store_open(path, NULL, &rig.store), 0);
        ck_assert_int_eq(mkdirat(rig.folder.fd, "opt", 0755), 0);
        ck_assert_int_lt(snprintf(json, sizeof(json), "{\"targets\":[\"%s/opt\"],\"adopt\":%s}",
                                  rig.folder.path, adopt ? "true" : "false"),
                         (int)sizeof(json));
        ck_assert_int_eq(settings_parse(json, "files", NULL, &rig.settings), 0);
        return rig;
}

static void rig_done(struct rig *rig)
{
        settings_done(&rig->settings);
        store_done(&rig->store);
        folder_done(&rig->folder);
}

/* A version whose content is one file with this text; returns its folder. */
static char *install(struct rig *rig, const char *id, const char *version, const char *text)
{
        char *folder;
        int fd;

        ck_assert_int_eq(store_begin_version(&rig->store, id, &fd), 0);
        ck_assert_int_eq(tree_write_file(fd, STORE_CONTENT, text), 0);
        ck_assert_int_eq(store_publish_version(&rig->store, id, version, fd, &folder), 0);
        (void)close(fd);
        return folder;
}

/* What a user of a component reads; "" when there is nothing. */
static const char *active_text(const struct rig *rig, const char *id)
{
        static char text[64];
        char path[PATH_MAX];
        ssize_t n;
        int fd;

        ck_assert_int_lt(snprintf(path, sizeof(path), "%s/active/%s", rig->store.path, id),
                         (int)sizeof(path));
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
        text[n < 0 ? 0 : n] = '\0';
        if (fd >= 0)
                (void)close(fd);
        return text;
}

static bool keep_active(void *data, const char *id, const char *folder)
{
        struct rig *rig = data;
        CLEANUP_FREE char *active = NULL;

        ck_assert_int_eq(store_get_active(&rig->store, id, &active), 0);
        return active && strcmp(active, folder) == 0;
}

START_TEST(several_components_are_switched_at_once)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        CLEANUP_FREE char *a = install(&rig, "a", "1", "a1");
        CLEANUP_FREE char *b = install(&rig, "b", "1", "b1");
        CLEANUP_FREE char *a2 = install(&rig, "a", "2", "a2");
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        const struct store_link both[] = { { "a", a }, { "b", b } };
        const struct store_link change[] = { { "a", a2 }, { "b", NULL } };

        ck_assert_str_eq(active_text(&rig, "a"), "");
        ck_assert_int_eq(store_switch(&rig.store, both, 2, NULL), 0);
        ck_assert_str_eq(active_text(&rig, "a"), "a1");
        ck_assert_str_eq(active_text(&rig, "b"), "b1");
        ck_assert_int_eq(store_switch(&rig.store, change, 2, NULL), 0);
        ck_assert_str_eq(active_text(&rig, "a"), "a2");
        ck_assert_str_eq(active_text(&rig, "b"), "");
        ck_assert_int_eq(store_list_active(&rig.store, &ids), 0);
        ck_assert_uint_eq(ids.n, 1);
        ck_assert_str_eq(ids.list[0], "a");
}
END_TEST

START_TEST(the_same_version_again_gets_a_folder_of_its_own)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        CLEANUP_FREE char *first = install(&rig, "a", "1.0", "x");
        CLEANUP_FREE char *second = install(&rig, "a", "1.0", "y");
        CLEANUP_FREE char *odd = install(&rig, "a", "previous", "z");

        ck_assert_str_eq(first, "1.0");
        ck_assert_str_eq(second, "1.0~2");
        ck_assert_str_ne(odd, "previous");
}
END_TEST

START_TEST(a_sweep_leaves_what_is_kept_and_nothing_else)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        CLEANUP_FREE char *one = install(&rig, "a", "1", "a1");
        CLEANUP_FREE char *two = install(&rig, "a", "2", "a2");
        CLEANUP_FREE char *gone = install(&rig, "b", "1", "b1");
        CLEANUP(tree_names_done) struct tree_names names = { .n = 0 };
        const struct store_link first = { "a", one };
        const struct store_link second = { "a", two };
        int fd;

        ck_assert_int_eq(store_switch(&rig.store, &first, 1, NULL), 0);
        ck_assert_int_eq(store_switch(&rig.store, &second, 1, NULL), 0);
        ck_assert_int_eq(store_begin_version(&rig.store, "a", &fd), 0); /* never published */
        (void)close(fd);
        ck_assert_int_eq(store_sweep(&rig.store, keep_active, &rig, NULL), 0);
        ck_assert_int_eq(tree_list(rig.store.versions_fd, &names), 0);
        ck_assert_uint_eq(names.n, 1);
        tree_names_done(&names);
        ck_assert_int_eq(tree_list(rig.store.generations_fd, &names), 0);
        ck_assert_uint_eq(names.n, 1);
        ck_assert_int_eq(store_open_version(&rig.store, "a", one, &fd), -ENOENT);
        ck_assert_int_eq(store_open_version(&rig.store, "b", gone, &fd), -ENOENT);
        ck_assert_str_eq(active_text(&rig, "a"), "a2");
}
END_TEST

START_TEST(a_store_has_one_owner)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        struct ub_error error = UB_ERROR_INIT;
        struct store other;

        ck_assert_int_eq(store_open(rig.store.path, &error, &other), -EBUSY);
        ck_assert_ptr_nonnull(strstr(error.text, "another agent"));
        ck_assert_int_lt(store_open("/nowhere/at/all", &error, &other), 0);
        ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/at/all"));
}
END_TEST

/* ----------------------------------------------------------------------------------------- targets */

static void target_path(const struct rig *rig, const char *name, char path[static PATH_MAX])
{
        char inner[128];

        (void)snprintf(inner, sizeof(inner), "opt/%s", name);
        folder_path(&rig->folder, inner, path);
}

START_TEST(a_target_is_made_and_removed_with_the_folders_above_it)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        char path[PATH_MAX];

        target_path(&rig, "deep/er/a", path);
        ck_assert(!target_is_placed(&rig.settings, &rig.store, "a", path));
        ck_assert_int_eq(target_check(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert_int_eq(target_place(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert_int_eq(target_place(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert(target_is_placed(&rig.settings, &rig.store, "a", path));
        ck_assert_int_eq(target_remove(&rig.settings, &rig.store, "b", path, NULL), 0);
        ck_assert_msg(target_is_placed(&rig.settings, &rig.store, "a", path), "not b's");
        ck_assert_int_eq(target_remove(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert_int_eq(target_remove(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert_int_lt(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), 0);
}
END_TEST

START_TEST(a_link_on_the_way_to_a_target_is_not_followed)
{
        CLEANUP(rig_done) struct rig rig = rig_new(true);
        struct ub_error error = UB_ERROR_INIT;
        char path[PATH_MAX];

        ck_assert_int_eq(symlinkat("..", rig.folder.fd, "opt/out"), 0);
        target_path(&rig, "out/a", path);
        ck_assert_int_lt(target_place(&rig.settings, &rig.store, "a", path, &error), 0);
        ck_assert_ptr_nonnull(strstr(error.text, "a link or a file"));
        ck_assert_int_lt(faccessat(rig.folder.fd, "a", F_OK, AT_SYMLINK_NOFOLLOW), 0);
}
END_TEST

START_TEST(what_is_there_is_refused_or_put_aside_and_brought_back)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        struct ub_error error = UB_ERROR_INIT;
        CLEANUP_FREE char *text = NULL;
        char path[PATH_MAX];

        target_path(&rig, "a", path);
        folder_write(&rig.folder, "opt/a", "mine");
        ck_assert_int_eq(target_check(&rig.settings, &rig.store, "a", path, &error), -EEXIST);
        ck_assert_int_eq(target_place(&rig.settings, &rig.store, "a", path, &error), -EEXIST);
        ck_assert_ptr_nonnull(strstr(error.text, "\"adopt\""));

        rig.settings.adopt = true;
        ck_assert_int_eq(target_check(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert_int_eq(target_place(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert(target_is_placed(&rig.settings, &rig.store, "a", path));
        ck_assert_int_eq(tree_read_file(rig.folder.fd, "opt/.a.adopted", 99, &text, NULL), 0);
        ck_assert_str_eq(text, "mine");
        free(TAKE_PTR(text));
        ck_assert_int_eq(target_remove(&rig.settings, &rig.store, "a", path, NULL), 0);
        ck_assert_int_eq(tree_read_file(rig.folder.fd, "opt/a", 99, &text, NULL), 0);
        ck_assert_str_eq(text, "mine");
        ck_assert_int_lt(faccessat(rig.folder.fd, "opt/.a.adopted", F_OK, 0), 0);
}
END_TEST

/* ------------------------------------------------------------------------------------------ record */

START_TEST(a_record_comes_back_as_it_was)
{
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        struct record record = {
                .activity = strdup("A1"),
                .desired = strdup("{\"domains\":[{\"id\":\"files\"}]}"),
                .feedback = strdup("{\"status\":\"IDENTIFIED\"}"),
        };
        struct record got;

        ck_assert_int_eq(record_load(&rig.store, NULL, &got), 0);
        ck_assert_ptr_null(got.activity);
        ck_assert_int_eq(plan_add(&record.plan, 1, "a", "2", "", NULL), 0);
        ck_assert_int_eq(plan_add(&record.plan, 3, "b", "", "1", "1~2"), 0);
        record.plan.list[0].next = strdup("2");
        record.plan.list[1].touched = true;
        ck_assert_int_eq(record_save(&rig.store, &record, NULL), 0);
        ck_assert_int_eq(record_load(&rig.store, NULL, &got), 0);
        ck_assert_str_eq(got.desired, record.desired);
        ck_assert_str_eq(got.feedback, record.feedback);
        ck_assert_uint_eq(got.plan.n, 2);
        ck_assert_ptr_null(got.plan.list[0].before);
        ck_assert_str_eq(got.plan.list[0].next, "2");
        ck_assert_str_eq(plan_find(&got.plan, "b")->before, "1~2");
        ck_assert(plan_find(&got.plan, "b")->touched);
        ck_assert_ptr_null(plan_find(&got.plan, "c"));
        record_done(&got);
        record_done(&record);
}
END_TEST

START_TEST(a_record_that_is_damaged_is_said_to_be)
{
        static const char *const texts[] = { "", "{", "{}", "{\"activity\":1}",
                                             "{\"activity\":\"A\",\"desired\":\"x\",\"plan\":[{}]}" };
        CLEANUP(rig_done) struct rig rig = rig_new(false);
        struct record got;
        size_t i;

        for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;

                folder_write(&rig.folder, "store/activity", texts[i]);
                ck_assert_msg(record_load(&rig.store, &error, &got) < 0, "%s", texts[i]);
                ck_assert_msg(*error.text, "%s", texts[i]);
        }
}
END_TEST

UNIT_MAIN("files-store", several_components_are_switched_at_once,
          the_same_version_again_gets_a_folder_of_its_own,
          a_sweep_leaves_what_is_kept_and_nothing_else, a_store_has_one_owner,
          a_target_is_made_and_removed_with_the_folders_above_it,
          a_link_on_the_way_to_a_target_is_not_followed,
          what_is_there_is_refused_or_put_aside_and_brought_back, a_record_comes_back_as_it_was,
          a_record_that_is_damaged_is_said_to_be)
