/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-agent - self-update.so behind the real ABI: the golden way, word for word, and
 * what a boot makes of it */
#include "tests/unit/self-update-rig.h"

#define M_UPDATING "Self-update agent is performing an OS image update."
#define M_IDENTIFIED "Self-update agent is about to perform an OS image update."
#define M_IDENTIFYING \
        "Self-update agent has received new desired state request and is evaluating it."
#define M_ACTIVATING "Self-update agent is performing an OS image activation."
#define M_ACTIVATED "Self-update agent has activated the new OS image."
#define M_CLEANED "Self-update agent has cleaned up after itself."
#define M_SAME "Current OS image is equal to the target one from desired state."
#define M_MISMATCH "Bundle version does not match version in desired state request."

static void expect_incomplete(struct rig *rig, const char *id, const char *status,
                              const char *text)
{
        expect_f1(rig, id, "v2.0", &(struct f1){ "CLEANUP_SUCCESS", M_CLEANED, status, 0, text });
        expect_f1(rig, id, "v2.0",
                  &(struct f1){ "INCOMPLETE", "Self-update incomplete.", status, 0, text });
}

static const char *primary(const struct rig *rig)
{
        const struct fake_slot *slot = &rig->rauc->slots[rig->rauc->primary];

        return slot->good && !slot->tried ? slot->name
                                          : rig->rauc->slots[!rig->rauc->primary].name;
}

/* --------------------------------------------------------------------------------- the good way */

START_TEST(G1_G2_the_current_state_is_reported)
{
        const char *line;
        struct rig rig;

        rig_prepare(&rig, ",'details':false");
        rig_start(&rig, 0);
        ck_assert_int_eq(rig.plugin->agent->current_state_get(rig.self, "g1"), 0);
        line = fake_host_next(rig.fake, "current_state g1");
        expect_in(line, "\"softwareNodes\":[{\"id\":\"self-update-agent\",");
        expect_in(line, "{\"id\":\"self-update:os-image\",\"version\":\"v1.0\",\"name\":\"Official "
                        "Leda device image\",\"type\":\"IMAGE\"}]");
        expect_in(line, "\"associations\":[{\"sourceId\":\"self-update-agent\",\"targetId\":"
                        "\"self-update:os-image\"}]");
        rig_done(&rig);
}
END_TEST

START_TEST(G3_an_update_word_for_word)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        expect_f0(&rig, "a1", "IDENTIFYING", M_IDENTIFYING);
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "IDENTIFIED", M_IDENTIFIED, "IDENTIFIED", 0, M_IDENTIFIED });
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_f1(&rig, "a1", "v2.0", &(struct f1){ "DOWNLOADING", M_UPDATING, "DOWNLOADING", 0,
                                                    "Downloading 0.0 MiB..." });
        expect_in(await(&rig, "DOWNLOAD_SUCCESS"),
                  "\"message\":\"" M_UPDATING "\",\"actions\":[{\"component\":{\"id\":"
                  "\"self-update:os-image\",\"version\":\"v2.0\"},\"status\":"
                  "\"DOWNLOAD_SUCCESS\",\"progress\":100,\"message\":\"Downloaded 0.0 MiB...\"}");
        order(&rig, "a1", UB_CMD_UPDATE);
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "UPDATING", M_UPDATING, "UPDATING", 0,
                                "Checking bundle version and version in desired state request." });
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "UPDATING", M_UPDATING, "UPDATING", 20, "RAUC install..." });
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "ACTIVATING", M_ACTIVATING, "UPDATING", 0, M_ACTIVATING });
        (void)fake_host_next(rig.fake, "reboot a1 ");
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "ACTIVATION_SUCCESS", M_ACTIVATED, "UPDATED", 0, M_ACTIVATED });
        ck_assert_str_eq(primary(&rig), "rootfs.1");
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_f1(&rig, "a1", "v2.0", &(struct f1){ "CLEANUP_SUCCESS", M_CLEANED, "UPDATE_SUCCESS",
                                                    0, M_ACTIVATED });
        expect_f1(&rig, "a1", "v2.0", &(struct f1){ "COMPLETE", "Self-update completed.",
                                                    "UPDATE_SUCCESS", 0, M_ACTIVATED });
        ck_assert(is_clean(&rig));
        ck_assert_int_eq(rig.plugin->agent->current_state_get(rig.self, "g3"), 0);
        expect_in(fake_host_next(rig.fake, "current_state g3"), "\"version\":\"v1.0\"");
        rig_done(&rig);
}
END_TEST

START_TEST(what_each_step_has_cost_is_logged)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_in(fake_host_next(rig.fake, "log 6 DOWNLOAD took "), " s: 0.0 MiB, ");
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)fake_host_next(rig.fake, "log 6 RAUC: ");
        expect_in(fake_host_next(rig.fake, "log 6 UPDATE took "), " s");
        (void)await(&rig, "UPDATE_SUCCESS");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)fake_host_next(rig.fake, "log 6 ACTIVATE took ");
        (void)await(&rig, "ACTIVATION_SUCCESS");
        rig_done(&rig);
}
END_TEST

START_TEST(the_unsafe_window_of_a_rauc_that_activates_is_closed_again)
{
        struct rig rig;

        rig_init(&rig, "");
        rig.rauc->activate_installed = true;
        do_update(&rig, "a1", "v2.0", "v2");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

START_TEST(rauc_1_8_has_neither_inspect_nor_transactions)
{
        struct rig rig;

        rig_init(&rig, "");
        rig.rauc->has_inspect = false;
        rig.rauc->has_transaction = false;
        rig.rauc->has_hash = false;
        do_update(&rig, "a1", "v2.0", "v2");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc InstallBundle without"), 1);
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Info"), 1);
        rig_done(&rig);
}
END_TEST

/* --------------------------------------------------------------------------------- after a boot */

static void update_all_the_way(struct rig *rig)
{
        do_update(rig, "a1", "v2.0", "v2");
        do_activate(rig, "a1");
        do_clean_up(rig, "a1");
        (void)await(rig, "COMPLETE");
}

START_TEST(G4_a_good_boot_is_confirmed_and_told)
{
        struct rig rig;

        rig_init(&rig, "");
        update_all_the_way(&rig);
        rig_boot(&rig, 1, 0);
        (void)fake_host_next(rig.fake, "rauc Mark good rootfs.1");
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "COMPLETED", "New OS image confirmed after reboot.",
                                "UPDATE_SUCCESS", 100, "New OS image confirmed after reboot." });
        expect_in(fake_host_next(rig.fake, "current_state  "), "\"version\":\"v2.0\"");
        ck_assert_str_eq(primary(&rig), "rootfs.1");
        rig_done(&rig);
}
END_TEST

START_TEST(G5_a_boot_that_fell_back_is_put_in_order_and_told)
{
        struct rig rig;
        int i;

        rig_init(&rig, ",'maxFailedBoots':2");
        for (i = 0; i < 2; i++) {
                update_all_the_way(&rig);
                rig_boot(&rig, 0, 0);
                expect_f1(&rig, "a1", "v2.0",
                          &(struct f1){ "INCOMPLETE", "Self-update incomplete.", "UPDATE_FAILURE",
                                        0, "Boot of new OS image failed, system is running v1.0 "
                                           "again." });
                (void)fake_host_next(rig.fake, "rauc Mark bad rootfs.1");
                ck_assert_str_eq(primary(&rig), "rootfs.0");
        }
        desire(&rig, "a2", "v2.0", "v2");
        (void)await(&rig, "IDENTIFYING");
        expect_f0(&rig, "a2", "IDENTIFICATION_FAILED", "Version v2.0 failed to boot 2 times.");
        rig_done(&rig);
}
END_TEST

/* asks: what it does to get out of the slot, whom logind lets restart the device or not. */
static void leave_a_sick_boot(bool no_reboot, const char *asks)
{
        char path[PATH_MAX];
        struct rig rig;
        char more[PATH_MAX];

        rig_prepare(&rig, "");
        (void)snprintf(path, sizeof(path), "%s/health.d", rig.folder.path);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        put_file(&rig, "health.d/10-engine", "#!/bin/sh\n[ \"$UB_TRIAL\" = 0 ]\n");
        (void)snprintf(path, sizeof(path), "%s/health.d/10-engine", rig.folder.path);
        ck_assert_int_eq(chmod(path, 0755), 0);
        rig.settings[strlen(rig.settings) - 1] = '\0';
        (void)snprintf(more, sizeof(more), ",\"health\":{\"folder\":\"%s/health.d\",\"timeout\":"
                       "\"1s\",\"interval\":\"100ms\"}}", rig.folder.path);
        (void)strncat(rig.settings, more, sizeof(rig.settings) - strlen(rig.settings) - 1);
        rig_start(&rig, 0);
        rig.rauc->no_reboot = no_reboot;
        (void)fake_host_next(rig.fake, "rauc Mark good rootfs.0");
        update_all_the_way(&rig);
        rig_boot(&rig, 1, 0);
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "INCOMPLETE", "Self-update incomplete.", "UPDATE_FAILURE", 0,
                                "Health check failed: 10-engine: exit status 1" });
        (void)fake_host_next(rig.fake, "rauc Mark bad rootfs.1");
        (void)fake_host_next(rig.fake, asks);
        rig_boot(&rig, 0, 0);
        (void)fake_host_next(rig.fake, "rauc Mark bad rootfs.1");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        ck_assert_uint_eq(fake_host_count(rig.fake, "feedback a1 {\"status\":\"INCOMPLETE\""), 1);
        rig_done(&rig);
}

START_TEST(G6_a_sick_boot_is_left)
{
        leave_a_sick_boot(false, "logind Reboot");
}
END_TEST

START_TEST(an_agent_whom_logind_refuses_asks_the_host_for_the_boot)
{
        leave_a_sick_boot(true, "reboot  the running system is to be left");
}
END_TEST

START_TEST(VERIFY_is_answered_with_the_verdict)
{
        struct rig rig;

        rig_init(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        do_activate(&rig, "a1");
        rig_boot(&rig, 1, UB_START_REBOOTED);
        order(&rig, "a1", UB_CMD_VERIFY);
        (void)await(&rig, "VERIFY_SUCCESS");
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_in(await(&rig, "COMPLETE"), "UPDATE_SUCCESS");
        rig_done(&rig);
}
END_TEST

START_TEST(VERIFY_of_a_boot_that_fell_back_fails)
{
        struct rig rig;

        rig_init(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        do_activate(&rig, "a1");
        rig_boot(&rig, 0, UB_START_REBOOTED);
        order(&rig, "a1", UB_CMD_VERIFY);
        expect_in(await(&rig, "VERIFY_FAILURE"), "Boot of new OS image failed, system is running "
                                                 "v1.0 again.");
        order(&rig, "a1", UB_CMD_ROLLBACK);
        (void)await(&rig, "ROLLBACK_SUCCESS");
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "CLEANUP_SUCCESS");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- requests */

START_TEST(G7_the_same_version_is_nothing_to_do)
{
        struct rig rig;
        int i;

        rig_init(&rig, "");
        for (i = 0; i < 2; i++) {
                desire(&rig, "a1", "v1.0", "v2");
                expect_f0(&rig, "a1", "IDENTIFYING", M_IDENTIFYING);
                expect_f0(&rig, "a1", "IDENTIFIED", M_SAME);
                expect_f0(&rig, "a1", "COMPLETED", M_SAME);
        }
        rig_done(&rig);
}
END_TEST

START_TEST(G8_invalid_requests_are_answered)
{
        static const struct {
                const char *json;
                const char *reason;
        } cases[] = {
                { "{\"domains\":[{\"id\":\"other\",\"components\":[]}]}",
                  "mandatory domain with 'id'='self-update' is missing" },
                { "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"x\"}]}]}",
                  "mandatory component with 'id'='os-image' is missing" },
                { "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                  "\"version\":\"1\"}]}]}",
                  "mandatory config entry with bundle url is missing" },
                { "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                  "\"version\":\"\",\"config\":[{\"key\":\"image\",\"value\":\"x\"}]}]}]}",
                  "mandatory bundle version is empty" },
                { "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                  "\"version\":\"1\",\"config\":[{\"key\":\"image\",\"value\":\"\"}]}]}]}",
                  "mandatory bundle download url is empty" },
        };
        struct rig rig;
        size_t i;

        rig_init(&rig, "");
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_int_eq(rig.plugin->agent->desired_state(rig.self, "x", cases[i].json), 0);
                expect_f0(&rig, "x", "IDENTIFYING", M_IDENTIFYING);
                expect_f0(&rig, "x", "IDENTIFICATION_FAILED", cases[i].reason);
        }
        rig_done(&rig);
}
END_TEST

START_TEST(G9_a_scheme_that_is_not_allowed_fails_the_download)
{
        struct rig rig;

        rig_init(&rig, ",'httpsOnly':true");
        ck_assert_int_eq(rig.plugin->agent->desired_state(
                                 rig.self, "a1",
                                 "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":"
                                 "\"os-image\","
                                 "\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                                 "\"http://127.0.0.1/x\"}]}]}]}"),
                         0);
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "DOWNLOAD_FAILURE", "Download failed.", "DOWNLOAD_FAILURE", 0,
                                "Download failed: scheme http is not allowed" });
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_incomplete(&rig, "a1", "DOWNLOAD_FAILURE",
                          "Download failed: scheme http is not allowed");
        rig_done(&rig);
}
END_TEST

START_TEST(G12_a_bundle_of_another_version_is_rejected)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "v1", "v1.5", "ok");
        desire(&rig, "a1", "v2.0", "v1");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATING");
        expect_f1(&rig, "a1", "v2.0", &(struct f1){ "UPDATE_FAILURE", "Update rejected.",
                                                    "UPDATE_FAILURE", 0, M_MISMATCH });
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_incomplete(&rig, "a1", "UPDATE_FAILURE", M_MISMATCH);
        ck_assert_uint_eq(rig.rauc->n_installs, 0);
        ck_assert(is_clean(&rig));
        rig_done(&rig);
}
END_TEST

START_TEST(G12_with_verify_download_it_fails_early)
{
        struct rig rig;

        rig_init(&rig, ",'verify':'download'");
        put_bundle(&rig, "v1", "v1.5", "ok");
        desire(&rig, "a1", "v2.0", "v1");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_in(await(&rig, "DOWNLOAD_FAILURE"),
                  "\"status\":\"DOWNLOAD_FAILURE\",\"progress\":100,\"message\":\"" M_MISMATCH
                  "\"}");
        rig_done(&rig);
}
END_TEST

START_TEST(G13_an_untrusted_signer_is_named_by_any_rauc)
{
        struct rig rig;
        int i;

        for (i = 0; i < 2; i++) {
                rig_init(&rig, "");
                rig.rauc->has_inspect = i;
                rig.rauc->inspect_fails = true;
                put_bundle(&rig, "evil", "v2.0",
                           "fail signature verification failed: Verify error: self-signed "
                           "certificate");
                desire(&rig, "a1", "v2.0", "evil");
                (void)await(&rig, "IDENTIFIED");
                order(&rig, "a1", UB_CMD_DOWNLOAD);
                (void)await(&rig, "DOWNLOAD_SUCCESS");
                order(&rig, "a1", UB_CMD_UPDATE);
                expect_in(await(&rig, "UPDATE_FAILURE"),
                          "\"message\":\"Install failed.\"");
                expect_in(rig.fake->lines[rig.fake->n_seen - 1],
                          "signature verification failed: Verify error: self-signed certificate");
                ck_assert_uint_eq(rig.rauc->n_installs, i ? 0 : 1);
                rig_done(&rig);
        }
}
END_TEST

START_TEST(G18_rollback_in_each_state)
{
        int reach;
        struct rig rig;

        for (reach = 0; reach < 4; reach++) {
                rig_init(&rig, "");
                desire(&rig, "a1", "v2.0", "v2");
                (void)await(&rig, "IDENTIFIED");
                if (reach > 0) {
                        order(&rig, "a1", UB_CMD_DOWNLOAD);
                        (void)await(&rig, "DOWNLOAD_SUCCESS");
                }
                if (reach > 1) {
                        order(&rig, "a1", UB_CMD_UPDATE);
                        (void)await(&rig, "UPDATE_SUCCESS");
                }
                if (reach > 2)
                        do_activate(&rig, "a1");
                order(&rig, "a1", UB_CMD_ROLLBACK);
                expect_f1(&rig, "a1", "v2.0",
                          &(struct f1){ "ROLLBACK", "Self-update agent is rolling back.",
                                        "UPDATING", 0, "Self-update agent is rolling back." });
                expect_f1(&rig, "a1", "v2.0",
                          &(struct f1){ "ROLLBACK_SUCCESS", "Self-update agent has rolled back.",
                                        "UPDATE_FAILURE", 0, "Update rolled back on request." });
                expect_f1(&rig, "a1", "v2.0",
                          &(struct f1){ "INCOMPLETE", "Self-update incomplete.", "UPDATE_FAILURE",
                                        0, "Update rolled back on request." });
                ck_assert_str_eq(primary(&rig), "rootfs.0");
                ck_assert(is_clean(&rig));
                order(&rig, "a1", UB_CMD_CLEANUP);
                expect_incomplete(&rig, "a1", "UPDATE_FAILURE", "Update rolled back on request.");
                rig_done(&rig);
        }
}
END_TEST

START_TEST(G19_order_and_duplicates)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_f1(&rig, "a1", "v2.0", &(struct f1){ "DOWNLOADING", M_UPDATING, "DOWNLOADING", 0,
                                                    "Downloading 0.0 MiB..." });
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_f1(&rig, "a1", "v2.0", &(struct f1){ "DOWNLOAD_SUCCESS", M_UPDATING,
                                                    "DOWNLOAD_SUCCESS", 100,
                                                    "Downloaded 0.0 MiB..." });
        desire(&rig, "a1", "v2.0", "v2");
        expect_f1(&rig, "a1", "v2.0",
                  &(struct f1){ "IDENTIFIED", M_IDENTIFIED, "IDENTIFIED", 0, M_IDENTIFIED });
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        rig_done(&rig);
}
END_TEST

START_TEST(G19_in_profile_kanto_disorder_is_answered)
{
        struct rig rig;

        rig_init(&rig, ",'profile':'kanto'");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        expect_in(await(&rig, "ACTIVATION_FAILURE"),
                  "ACTIVATE is possible only after UPDATE_SUCCESS");
        rig_done(&rig);
}
END_TEST

START_TEST(G22_commands_under_another_id_are_meant_for_the_one_that_waits)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "random-uuid-as-string", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "1234567890", UB_CMD_DOWNLOAD);
        expect_in(await(&rig, "DOWNLOAD_SUCCESS"), "feedback 1234567890 ");
        rig_done(&rig);
}
END_TEST

START_TEST(G24_from_the_rescue_system_a_slot_is_repaired_and_nothing_marked_good)
{
        struct rig rig;

        rig_prepare(&rig, "");
        rig.rauc->with_rescue = true;
        rig.rauc->booted = 2;
        rig.rauc->slots[0].good = false;
        rig_start(&rig, 0);
        do_update(&rig, "a1", "v2.0", "v2");
        do_activate(&rig, "a1");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Mark good"), 0);
        rig_done(&rig);
}
END_TEST

/* ----------------------------------------------------------------------------- further settings */

/* A folder for sticks; more: as of rig_prepare(). */
static void prepare_sticks(struct rig *rig, const char *watch)
{
        char more[PATH_MAX];
        char path[PATH_MAX];

        rig_prepare(rig, "");
        (void)snprintf(path, sizeof(path), "%s/media", rig->folder.path);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/media/stick", rig->folder.path);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        rig->settings[strlen(rig->settings) - 1] = '\0';
        (void)snprintf(more, sizeof(more), ",\"watch\":{\"folder\":\"%s/media\",\"interval\":20%s}}",
                       rig->folder.path, watch);
        (void)strncat(rig->settings, more, sizeof(rig->settings) - strlen(rig->settings) - 1);
}

static void pull_out(const struct rig *rig)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/media/stick/new.raucb", rig->folder.path);
        ck_assert_int_eq(unlink(path), 0);
}

START_TEST(a_bundle_on_a_stick_is_installed_without_being_asked)
{
        struct rig rig;

        prepare_sticks(&rig, ",\"install\":true,\"reboot\":true");
        put_bundle(&rig, "media/stick/new", "v2.0", "ok");
        put_bundle(&rig, "media/old", "v1.0", "ok");
        rig_start(&rig, 0);
        (void)fake_host_next(rig.fake, "rauc Mark active rootfs.1");
        (void)fake_host_next(rig.fake, "logind Reboot");
        ck_assert_uint_eq(fake_host_count(rig.fake, "feedback "), 0);
        ck_assert_uint_eq(rig.rauc->n_installs, 1);
        rig_boot(&rig, 1, 0);
        (void)fake_host_next(rig.fake, "rauc Mark good rootfs.1");
        rig_done(&rig);
}
END_TEST

START_TEST(a_stick_is_told_of_each_time_that_it_is_put_in)
{
        struct rig rig;

        prepare_sticks(&rig, "");
        rig_start(&rig, 0);
        put_bundle(&rig, "media/stick/new", "v2.0", "ok");
        expect_in(fake_host_next(rig.fake, "log 5 /"), "/new.raucb holds version v2.0");
        pull_out(&rig);
        put_bundle(&rig, "media/stick/other", "v3.0", "ok"); /* seen when the first is away */
        expect_in(fake_host_next(rig.fake, "log 5 /"), "/other.raucb holds version v3.0");
        put_bundle(&rig, "media/stick/new", "v2.0", "ok");
        expect_in(fake_host_next(rig.fake, "log 5 /"), "/new.raucb holds version v2.0");
        rig_done(&rig);
}
END_TEST

START_TEST(a_stick_does_not_take_the_place_of_what_the_host_has_asked_for)
{
        struct rig rig;

        prepare_sticks(&rig, ",\"install\":true");
        rig_start(&rig, 0);
        (void)fake_host_next(rig.fake, "rauc Mark good rootfs.0");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        put_bundle(&rig, "media/stick/new", "v3.0", "ok");
        (void)fake_host_next(rig.fake, "log 6 ");
        while (!strstr(rig.fake->lines[rig.fake->n_seen - 1], "/new.raucb is looked at later"))
                (void)fake_host_next(rig.fake, "log 6 ");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_str_eq(rig.rauc->slots[1].version, "v2.0");
        order(&rig, "a1", UB_CMD_ROLLBACK);
        (void)await(&rig, "INCOMPLETE");
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        /* ... and its turn comes. */
        (void)fake_host_next(rig.fake, "rauc Mark active rootfs.1");
        ck_assert_str_eq(rig.rauc->slots[1].version, "v3.0");
        rig_done(&rig);
}
END_TEST

START_TEST(a_local_update_does_not_swallow_what_the_host_is_told)
{
        struct rig rig;

        prepare_sticks(&rig, ",\"install\":true");
        put_bundle(&rig, "media/stick/new", "v3.0", "hold");
        rig_start(&rig, 0);
        (void)fake_host_next(rig.fake, "rauc InstallBundle");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFYING");
        expect_in(await(&rig, "IDENTIFICATION_FAILED"), "Another update activity in progress");
        order(&rig, "a0", UB_CMD_CLEANUP);
        (void)await(&rig, "CLEANUP_SUCCESS");
        order(&rig, "a0", UB_CMD_DOWNLOAD);
        expect_in(await(&rig, "DOWNLOAD_FAILURE"), "A local update is in progress.");
        fake_rauc_finish(rig.rauc);
        (void)fake_host_next(rig.fake, "rauc Mark active rootfs.1");
        rig_done(&rig);
}
END_TEST

START_TEST(a_local_update_that_was_cut_off_goes_on_by_itself)
{
        struct rig rig;

        prepare_sticks(&rig, ",\"install\":true");
        put_bundle(&rig, "media/stick/new", "v3.0", "hold");
        rig_start(&rig, 0);
        (void)fake_host_next(rig.fake, "rauc InstallBundle");
        rig_crash(&rig, 0);
        fake_rauc_finish(rig.rauc);
        (void)fake_host_next(rig.fake, "rauc Mark active rootfs.1");
        ck_assert_uint_eq(fake_host_count(rig.fake, "feedback "), 0);
        rig_done(&rig);
}
END_TEST

START_TEST(a_clock_that_is_not_set_is_waited_for_and_then_refused)
{
        struct rig rig;

        rig_init(&rig, ",'clock':{'notBefore':'2199-01-01','wait':0}");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a1", UB_CMD_UPDATE);
        expect_in(await(&rig, "UPDATE_FAILURE"), "The clock is not set: it says ");
        ck_assert_uint_eq(rig.rauc->n_installs, 0);
        rig_done(&rig);
}
END_TEST

/* A server's certificate cannot be checked then, and "not yet valid" would tell nobody why. */
START_TEST(before_https_and_before_an_early_check_the_clock_has_to_be_set)
{
        static const char desired[] =
                "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                "\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                "\"https://127.0.0.1:9/v2\"}]}]}]}";
        struct rig rig;

        rig_init(&rig, ",'clock':{'notBefore':'2199-01-01','wait':'2s'}");
        ck_assert_int_eq(rig.plugin->agent->desired_state(rig.self, "a1", desired), 0);
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)fake_host_next(rig.fake, "log 5 waiting: The clock is not set: it says ");
        (void)await(&rig, "DOWNLOADING");
        expect_in(await(&rig, "DOWNLOAD_FAILURE"), "Download failed: The clock is not set");
        rig_done(&rig);

        rig_init(&rig, ",'verify':'download','clock':{'notBefore':'2199-01-01','wait':0}");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_in(await(&rig, "DOWNLOAD_FAILURE"), "The clock is not set");
        rig_done(&rig);
}
END_TEST

/* What a header holds may be a secret, so a fault is told by its line. */
START_TEST(a_file_of_headers_with_a_fault_is_told_by_its_line)
{
        static const char desired[] =
                "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                "\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                "\"http://127.0.0.1:9/v2\"}]}]}]}";
        const char *line;
        char more[PATH_MAX];
        struct rig rig;

        rig_prepare(&rig, "");
        put_file(&rig, "headers", "# for the server\nX-One: 1\nBearer secret\n");
        rig.settings[strlen(rig.settings) - 1] = '\0';
        (void)snprintf(more, sizeof(more), ",\"download\":{\"headersFile\":\"%s/headers\"}}",
                       rig.folder.path);
        (void)strncat(rig.settings, more, sizeof(rig.settings) - strlen(rig.settings) - 1);
        rig_start(&rig, 0);
        ck_assert_int_eq(rig.plugin->agent->desired_state(rig.self, "a1", desired), 0);
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        line = await(&rig, "DOWNLOAD_FAILURE");
        expect_in(line, "/headers:3: expected \\\"Name: value\\\"");
        ck_assert_ptr_null(strstr(line, "secret"));
        rig_done(&rig);
}
END_TEST

START_TEST(streaming_that_this_rauc_cannot_do_is_said)
{
        static const char desired[] =
                "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                "\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                "\"http://127.0.0.1:9/x\"}]}]}]}";
        struct rig rig;

        rig_init(&rig, ",'mode':'stream'");
        rig.rauc->has_inspect = false;
        ck_assert_int_eq(rig.plugin->agent->desired_state(rig.self, "a1", desired), 0);
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        expect_in(await(&rig, "DOWNLOAD_FAILURE"),
                  "Download failed: this RAUC cannot look at a remote bundle");
        rig_done(&rig);
}
END_TEST

/* Nobody listens there, but the fake RAUC finds it. */
static void desire_remote(struct rig *rig, const char *bundle)
{
        char json[2 * PATH_MAX];

        (void)snprintf(json, sizeof(json),
                       "{\"domains\":[{\"id\":\"self-update\",\"components\":[{\"id\":\"os-image\","
                       "\"version\":\"v2.0\",\"config\":[{\"key\":\"image\",\"value\":"
                       "\"http://127.0.0.1:9%s/%s.raucb\"}]}]}]}", rig->folder.path, bundle);
        ck_assert_int_eq(rig->plugin->agent->desired_state(rig->self, "a1", json), 0);
        (void)await(rig, "IDENTIFIED");
        order(rig, "a1", UB_CMD_DOWNLOAD);
}

START_TEST(a_streamed_bundle_is_looked_at_from_afar_and_never_fetched)
{
        struct rig rig;

        rig_init(&rig, ",'mode':'stream'");
        desire_remote(&rig, "v2");
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert(is_clean(&rig));
        rig_done(&rig);
}
END_TEST

START_TEST(streaming_that_fails_falls_back_to_a_download_where_allowed)
{
        struct rig rig;
        int allowed;

        for (allowed = 0; allowed < 2; allowed++) {
                rig_init(&rig, allowed ? ",'mode':'stream','allowFullDownload':true,"
                                         "'download':{'attempts':1}"
                                       : ",'mode':'stream'");
                put_bundle(&rig, "flaky", "v2.0", "fail the network is gone");
                desire_remote(&rig, "flaky");
                (void)await(&rig, "DOWNLOAD_SUCCESS");
                order(&rig, "a1", UB_CMD_UPDATE);
                if (allowed)
                        expect_in(await(&rig, "RUNNING"),
                                  "\"message\":\"the network is gone\"");
                expect_in(await(&rig, "UPDATE_FAILURE"),
                          allowed ? "Download failed: " : "the network is gone");
                ck_assert_str_eq(primary(&rig), "rootfs.0");
                rig_done(&rig);
        }
}
END_TEST

START_TEST(a_version_that_waits_for_its_boot_is_not_installed_again)
{
        struct rig rig;

        rig_init(&rig, "");
        update_all_the_way(&rig);
        desire(&rig, "a2", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a2", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        order(&rig, "a2", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        do_activate(&rig, "a2");
        do_clean_up(&rig, "a2");
        ck_assert_uint_eq(rig.rauc->n_installs, 1);
        /* And the running version, wanted again, takes the waiting one back. */
        desire(&rig, "a3", "v1.0", "v2");
        (void)await(&rig, "COMPLETED");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

UNIT_MAIN("self-update-agent", a_bundle_on_a_stick_is_installed_without_being_asked,
          a_stick_is_told_of_each_time_that_it_is_put_in,
          a_stick_does_not_take_the_place_of_what_the_host_has_asked_for,
          a_local_update_does_not_swallow_what_the_host_is_told,
          a_local_update_that_was_cut_off_goes_on_by_itself,
          a_clock_that_is_not_set_is_waited_for_and_then_refused,
          before_https_and_before_an_early_check_the_clock_has_to_be_set,
          a_file_of_headers_with_a_fault_is_told_by_its_line,
          streaming_that_this_rauc_cannot_do_is_said,
          a_streamed_bundle_is_looked_at_from_afar_and_never_fetched,
          streaming_that_fails_falls_back_to_a_download_where_allowed,
          a_version_that_waits_for_its_boot_is_not_installed_again,
          G1_G2_the_current_state_is_reported, G3_an_update_word_for_word,
          what_each_step_has_cost_is_logged,
          the_unsafe_window_of_a_rauc_that_activates_is_closed_again,
          rauc_1_8_has_neither_inspect_nor_transactions, G4_a_good_boot_is_confirmed_and_told,
          G5_a_boot_that_fell_back_is_put_in_order_and_told, G6_a_sick_boot_is_left,
          an_agent_whom_logind_refuses_asks_the_host_for_the_boot,
          VERIFY_is_answered_with_the_verdict, VERIFY_of_a_boot_that_fell_back_fails,
          G7_the_same_version_is_nothing_to_do, G8_invalid_requests_are_answered,
          G9_a_scheme_that_is_not_allowed_fails_the_download,
          G12_a_bundle_of_another_version_is_rejected, G12_with_verify_download_it_fails_early,
          G13_an_untrusted_signer_is_named_by_any_rauc, G18_rollback_in_each_state,
          G19_order_and_duplicates, G19_in_profile_kanto_disorder_is_answered,
          G22_commands_under_another_id_are_meant_for_the_one_that_waits,
          G24_from_the_rescue_system_a_slot_is_repaired_and_nothing_marked_good)
