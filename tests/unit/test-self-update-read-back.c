/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-read-back - self-update.so reads a slot back that RAUC has written: a file
 * here, in which something may be wrong */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/self-update-rig.h"

#define DIFFERS "Slot rootfs.1 does not hold what was written to it: expected sha256 "
#define LEFT_OUT "Slot rootfs.1 cannot be compared with what was written to it: "

static void rig_init_slots(struct rig *rig, const char *more)
{
        rig_init(rig, more);
        rig->rauc->folder = rig->folder.path;
}

static void begin_update(struct rig *rig, const char *id)
{
        desire(rig, id, "v2.0", "v2");
        (void)await(rig, "IDENTIFIED");
        order(rig, id, UB_CMD_DOWNLOAD);
        (void)await(rig, "DOWNLOAD_SUCCESS");
        order(rig, id, UB_CMD_UPDATE);
}

static void flip_byte(const struct rig *rig)
{
        char path[PATH_MAX];
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/rootfs.1", rig->folder.path);
        f = fopen(path, "r+e");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_eq(fseek(f, FAKE_RAUC_IMAGE - 1, SEEK_SET), 0);
        ck_assert_int_eq(fputc('!', f), '!');
        ck_assert_int_eq(fclose(f), 0);
}

static void expect_refused(struct rig *rig)
{
        ck_assert_uint_eq(fake_host_count(rig->fake, "rauc Mark bad rootfs.1"), 1);
        ck_assert_uint_eq(fake_host_count(rig->fake, "rauc Mark active rootfs.1"), 0);
        ck_assert_int_eq(rig->rauc->primary, 0);
        ck_assert(!rig->rauc->slots[1].good);
}

/* ---------------------------------------------------------------------------------- comparisons */

START_TEST(what_was_written_is_read_back)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        ck_assert_uint_eq(
                fake_host_count(rig.fake, "log 6 Slot rootfs.1 holds what was written to it."), 1);
        expect_in(fake_host_next(rig.fake, "current_state "),
                  "{\"key\":\"readBack\",\"value\":\"Slot rootfs.1 holds what was written to "
                  "it.\"}");
        do_activate(&rig, "a1");
        ck_assert_int_eq(rig.rauc->primary, 1);
        rig_done(&rig);
}
END_TEST

START_TEST(a_bad_write_fails_the_update_and_not_the_download)
{
        const char *line;
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->rots = true;
        begin_update(&rig, "a1");
        line = await(&rig, "UPDATE_FAILURE");
        expect_in(line, "\"message\":\"Install failed.\"");
        expect_in(line, "\"progress\":99,\"message\":\"" DIFFERS);
        expect_in(line, "..., found ");
        expect_in(line, "/rootfs.1.\"");
        expect_refused(&rig);
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_in(await(&rig, "INCOMPLETE"), DIFFERS);
        rig.rauc->rots = false;
        do_update(&rig, "a2", "v2.0", "v2");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 6 the bundle is there already"), 1);
        rig_done(&rig);
}
END_TEST

START_TEST(a_slot_that_hangs_on_the_target_is_read_back_too)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->with_child = true;
        (void)snprintf(rig.rauc->slots[2].name, sizeof(rig.rauc->slots[2].name), "appfs.1");
        do_update(&rig, "a1", "v2.0", "v2");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 6 Slot rootfs.1 holds what was"), 1);
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 6 Slot appfs.1 holds what was"), 1);
        rig.rauc->child_rots = true;
        begin_update(&rig, "a2");
        expect_in(await(&rig, "UPDATE_FAILURE"), "Slot appfs.1 does not hold what was written");
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(where_rauc_has_activated_the_bad_slot_it_is_taken_back)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->rots = true;
        rig.rauc->activate_installed = true;
        begin_update(&rig, "a1");
        expect_in(await(&rig, "UPDATE_FAILURE"), DIFFERS);
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(what_changes_before_the_activation_is_not_activated)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        flip_byte(&rig);
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_FAILURE");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 3 " DIFFERS), 1);
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(another_life_compares_as_well)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        flip_byte(&rig);
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_FAILURE");
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(a_device_that_ends_too_early_is_told)
{
        char path[PATH_MAX];
        struct rig rig;

        rig_init_slots(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        (void)snprintf(path, sizeof(path), "%s/rootfs.1", rig.folder.path);
        ck_assert_int_eq(truncate(path, 8192), 0);
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_FAILURE");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 3 Slot rootfs.1 does not hold what was "
                                                    "written to it: "), 1);
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 3 " DIFFERS), 0);
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- left out */

START_TEST(what_cannot_be_compared_is_left_out_with_a_sentence)
{
        static const struct {
                const char *type;
                const char *file;
                const char *hook;
                bool old;
                const char *why;
        } cases[] = {
                { "ext4", "rootfs.tar.gz", "pre-install", false, "an archive was unpacked" },
                { "ext4", "rootfs.catar", "pre-install", false, "an archive was unpacked" },
                { "raw", "rootfs.img", "post-install", false, "a hook of the bundle may have" },
                { "raw", "rootfs.img", "install", false, "a hook of the bundle may have" },
                { "nand", "rootfs.img", "pre-install", false, "its type of slot does not hold" },
                { "boot-emmc", "u-boot.img", "pre-install", false, "its type of slot does not" },
                { "vfat", "boot.vfat", "pre-install", true, "a file system of this type may" },
        };
        char wanted[256];
        struct rig rig;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                rig_init_slots(&rig, "");
                rig.rauc->rots = true;
                rig.rauc->slot_type = cases[i].type;
                rig.rauc->image_file = cases[i].file;
                rig.rauc->image_hook = cases[i].hook;
                rig.rauc->has_inspect = !cases[i].old;
                do_update(&rig, "a1", "v2.0", "v2");
                do_activate(&rig, "a1");
                (void)snprintf(wanted, sizeof(wanted), "log 5 " LEFT_OUT "%s", cases[i].why);
                ck_assert_msg(fake_host_count(rig.fake, wanted) == 1, "%s: not once: %s",
                              cases[i].type, wanted);
                rig_done(&rig);
        }
}
END_TEST

START_TEST(rauc_1_8_finds_damage_where_there_is_no_doubt)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->has_inspect = false;
        rig.rauc->has_transaction = false;
        rig.rauc->rots = true;
        begin_update(&rig, "a1");
        expect_in(await(&rig, "UPDATE_FAILURE"), DIFFERS);
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(what_a_former_life_was_told_of_the_images_is_asked_again)
{
        struct rig rig;

        rig_init_slots(&rig, ",'verify':'download'");
        rig.rauc->rots = true;
        rig.rauc->slot_type = "ext4";
        rig.rauc->image_file = "rootfs.tar.xz";
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc InspectBundle"), 2);
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 5 " LEFT_OUT "an archive was"), 1);
        rig_done(&rig);
}
END_TEST

START_TEST(a_device_that_cannot_be_opened_fails_no_update)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->hides = true;
        do_update(&rig, "a1", "v2.0", "v2");
        do_activate(&rig, "a1");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 5 " LEFT_OUT), 1);
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- settings */

START_TEST(where_it_is_required_what_cannot_be_compared_fails)
{
        struct rig rig;

        rig_init_slots(&rig, ",'readBack':'require'");
        rig.rauc->hides = true;
        begin_update(&rig, "a1");
        expect_in(await(&rig, "UPDATE_FAILURE"), "cannot be opened: No such file or directory.");
        expect_refused(&rig);
        rig_done(&rig);

        rig_init(&rig, ",'readBack':'require'");
        begin_update(&rig, "a1");
        expect_in(await(&rig, "UPDATE_FAILURE"), LEFT_OUT "RAUC has kept no digest of it.");
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(where_it_is_off_nothing_is_read)
{
        struct rig rig;

        rig_init_slots(&rig, ",'readBack':'off'");
        rig.rauc->rots = true;
        do_update(&rig, "a1", "v2.0", "v2");
        do_activate(&rig, "a1");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 3 "), 0);
        rig_done(&rig);
}
END_TEST

/* -------------------------------------------------------------------------- a device that hangs */

START_TEST(a_rollback_does_not_wait_for_a_device_that_hangs)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->hangs = true;
        begin_update(&rig, "a1");
        while (!strstr(await(&rig, "UPDATING"), "\"progress\":99"))
                ;
        fake_host_settle(rig.fake, 50000);
        order(&rig, "a1", UB_CMD_ROLLBACK);
        (void)await(&rig, "ROLLBACK");
        (void)await(&rig, "ROLLBACK_SUCCESS");
        expect_refused(&rig);
        rig_done(&rig);
}
END_TEST

START_TEST(nor_does_the_end_of_the_agent)
{
        struct rig rig;

        rig_init_slots(&rig, "");
        rig.rauc->hangs = true;
        begin_update(&rig, "a1");
        while (!strstr(await(&rig, "UPDATING"), "\"progress\":99"))
                ;
        fake_host_settle(rig.fake, 50000);
        rig_done(&rig);
}
END_TEST

START_TEST(a_device_that_is_silent_for_too_long_fails_the_update)
{
        char *p;
        struct rig rig;

        rig_prepare(&rig, "");
        p = strstr(rig.settings, "\"autostart\":false");
        ck_assert_ptr_nonnull(p);
        memmove(p + 25, p, strlen(p) + 1);
        memcpy(p, "\"silenceTimeout\":\"300ms\",", 25);
        rig_start(&rig, 0);
        (void)fake_host_next(rig.fake, "rauc Mark good");
        rig.rauc->folder = rig.folder.path;
        rig.rauc->hangs = true;
        begin_update(&rig, "a1");
        expect_in(await(&rig, "UPDATE_FAILURE"), "The slot cannot be read back: nothing has come");
        rig_done(&rig);
}
END_TEST

UNIT_MAIN("self-update-read-back", what_was_written_is_read_back,
          a_bad_write_fails_the_update_and_not_the_download,
          a_slot_that_hangs_on_the_target_is_read_back_too,
          where_rauc_has_activated_the_bad_slot_it_is_taken_back,
          what_changes_before_the_activation_is_not_activated, another_life_compares_as_well,
          a_device_that_ends_too_early_is_told,
          what_cannot_be_compared_is_left_out_with_a_sentence,
          rauc_1_8_finds_damage_where_there_is_no_doubt,
          what_a_former_life_was_told_of_the_images_is_asked_again,
          a_device_that_cannot_be_opened_fails_no_update,
          where_it_is_required_what_cannot_be_compared_fails, where_it_is_off_nothing_is_read,
          a_rollback_does_not_wait_for_a_device_that_hangs, nor_does_the_end_of_the_agent,
          a_device_that_is_silent_for_too_long_fails_the_update)
