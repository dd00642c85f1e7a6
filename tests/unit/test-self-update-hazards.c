/* SPDX-License-Identifier: Apache-2.0
 *
 * test-self-update-hazards - self-update.so against a RAUC that misbehaves, and against its own
 * death at any moment
 *
 * What a real RAUC does only by accident is done here on purpose (fake-rauc.h). */
#include <errno.h>

#include "tests/unit/self-update-rig.h"

static const char *primary(const struct rig *rig)
{
        const struct fake_slot *slot = &rig->rauc->slots[rig->rauc->primary];

        return slot->good && !slot->tried ? slot->name
                                          : rig->rauc->slots[!rig->rauc->primary].name;
}

/* As far as UPDATE, which is ordered. */
static void order_update(struct rig *rig, const char *version, const char *bundle)
{
        desire(rig, "a1", version, bundle);
        (void)await(rig, "IDENTIFIED");
        order(rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(rig, "DOWNLOAD_SUCCESS");
        order(rig, "a1", UB_CMD_UPDATE);
}

/* ------------------------------------------------------------------------------------- hazards */

START_TEST(G14_the_reason_of_a_failed_installation_is_rauc_s)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "huge", "v2.0", "fail Installation error: No space left on device");
        order_update(&rig, "v2.0", "huge");
        expect_in(await(&rig, "UPDATE_FAILURE"),
                  "\"message\":\"Installation error: No space left on device\"");
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_in(await(&rig, "INCOMPLETE"), "No space left on device");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

START_TEST(G15_a_service_that_disappears_ends_the_step)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "slow", "v2.0", "die");
        order_update(&rig, "v2.0", "slow");
        expect_in(await(&rig, "UPDATE_FAILURE"), "RAUC service disappeared during installation.");
        ck_assert_int_eq(rig.plugin->agent->current_state_get(rig.self, "g1"), 0);
        expect_in(fake_host_next(rig.fake, "current_state g1"), "v1.0");
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        /* The next one is a new chance. */
        fake_rauc_up(rig.rauc);
        do_update(&rig, "a2", "v2.0", "v2");
        rig_done(&rig);
}
END_TEST

START_TEST(G16_another_client_s_rejected_request_does_not_end_ours)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        /* A rejected request makes Operation say "idle"; only the signal counts. */
        ck_assert_int_ge(sd_bus_emit_properties_changed(rig.rauc->bus, "/",
                                                        "de.pengutronix.rauc.Installer",
                                                        "Operation", NULL), 0);
        fake_host_settle(rig.fake, 20000);
        ck_assert_uint_eq(fake_host_count(rig.fake, "feedback a1 {\"status\":\"UPDATE_"), 0);
        fake_rauc_finish(rig.rauc);
        (void)await(&rig, "UPDATE_SUCCESS");
        rig_done(&rig);
}
END_TEST

START_TEST(G16_somebody_else_s_installation_is_waited_for)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        fake_rauc_foreign(rig.rauc, true);
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)fake_host_next(rig.fake, "log 5 waiting: RAUC is busy");
        fake_rauc_foreign(rig.rauc, false);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_uint_eq(rig.rauc->n_installs, 1);
        rig_done(&rig);
}
END_TEST

START_TEST(G16_it_is_not_waited_for_for_ever)
{
        char *p;
        struct rig rig;

        rig_prepare(&rig, "");
        p = strstr(rig.settings, "\"autostart\":false");
        ck_assert_ptr_nonnull(p);
        memmove(p + 18, p, strlen(p) + 1);
        memcpy(p, "\"busyTimeout\":0  ,", 18);
        rig_start(&rig, 0);
        (void)fake_host_next(rig.fake, "rauc Mark good");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        fake_rauc_foreign(rig.rauc, true);
        order(&rig, "a1", UB_CMD_UPDATE);
        expect_in(await(&rig, "UPDATE_FAILURE"), "RAUC is busy with another installation.");
        rig_done(&rig);
}
END_TEST

START_TEST(an_installation_without_progress_has_failed)
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
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        expect_in(await(&rig, "UPDATE_FAILURE"), "RAUC has not made any progress for 0 s.");
        rig_done(&rig);
}
END_TEST

START_TEST(G17_a_failure_that_leaves_the_new_slot_active_is_put_back)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "post", "v2.0", "post-fail Post-install handler error: 3");
        order_update(&rig, "v2.0", "post");
        expect_in(await(&rig, "UPDATE_FAILURE"), "Post-install handler error: 3");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

START_TEST(an_installation_that_wrote_nothing_is_no_success)
{
        struct rig rig;

        rig_init(&rig, "");
        (void)snprintf(rig.rauc->slots[1].version, 64, "v2.0");
        (void)snprintf(rig.rauc->slots[1].status, 16, "ok");
        (void)snprintf(rig.rauc->slots[1].installed, 32, "2025-01-01T00:00:00Z");
        put_bundle(&rig, "foreign", "v2.0", "foreign");
        order_update(&rig, "v2.0", "foreign");
        expect_in(await(&rig, "UPDATE_FAILURE"),
                  "RAUC has finished an installation, but not this one.");
        rig_done(&rig);
}
END_TEST

START_TEST(a_damaged_boot_environment_is_not_made_worse)
{
        struct rig rig;

        rig_init(&rig, "");
        rig.rauc->primary = -1;
        order_update(&rig, "v2.0", "v2");
        expect_in(await(&rig, "UPDATE_FAILURE"), "The boot environment is damaged: Failed getting "
                                                 "primary slot");
        ck_assert_uint_eq(rig.rauc->n_installs, 0);
        rig.rauc->primary = 0;
        rig_done(&rig);
}
END_TEST

START_TEST(what_a_killed_rauc_leaves_mounted_is_named)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "busy", "v2.0",
                   "fail Installation error: Failed updating slot rootfs.1: Opening output device "
                   "failed: Device or resource busy");
        order_update(&rig, "v2.0", "busy");
        expect_in(await(&rig, "UPDATE_FAILURE"), "Device or resource busy");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 4 is something still mounted"), 1);
        rig_done(&rig);
}
END_TEST

START_TEST(a_write_that_failed_or_was_cut_off_is_not_taken_for_its_version)
{
        static const char *const words[] = { "failed", "pending" };
        struct rig rig;
        size_t i;

        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                rig_init(&rig, "");
                (void)snprintf(rig.rauc->slots[1].version, 64, "v2.0");
                (void)snprintf(rig.rauc->slots[1].status, 16, "%s", words[i]);
                (void)snprintf(rig.rauc->slots[1].installed, 32, "2025-01-01T00:00:00Z");
                do_update(&rig, "a1", "v2.0", "v2");
                ck_assert_uint_eq(rig.rauc->n_installs, 1);
                rig_done(&rig);
        }
}
END_TEST

/* RAUC makes "active" the same mark as "good". */
START_TEST(a_boot_that_is_not_confirmed_is_never_marked_active)
{
        static const char *const results[] = { "ok", "post-fail Post-install handler error: 3" };
        struct rig rig;
        size_t i;

        for (i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
                rig_prepare(&rig, ",'health':{'writable':['/nowhere/at/all'],'timeout':'1h'}");
                rig.rauc->activate_installed = true;
                rig_start(&rig, 0);
                put_bundle(&rig, "b", "v2.0", results[i]);
                order_update(&rig, "v2.0", "b");
                (void)await(&rig, i == 0 ? "UPDATE_SUCCESS" : "UPDATE_FAILURE");
                ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Mark active rootfs.0"), 0);
                ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Mark good rootfs.0"), 0);
                rig_done(&rig);
        }
}
END_TEST

START_TEST(an_activation_that_cannot_be_marked_fails)
{
        struct rig rig;

        rig_init(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        (void)snprintf(rig.rauc->mark_fails, sizeof(rig.rauc->mark_fails), "active");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        expect_in(await(&rig, "ACTIVATION_FAILURE"), "\"status\":\"UPDATE_FAILURE\"");
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_in(await(&rig, "INCOMPLETE"),
                  "Self-update agent failed to activate the new OS image.");
        rig_done(&rig);
}
END_TEST

START_TEST(without_rauc_the_reason_is_told_and_its_return_noticed)
{
        struct rig rig;

        rig_prepare(&rig, "");
        fake_rauc_down(rig.rauc);
        rig_start(&rig, 0);
        desire(&rig, "a1", "v2.0", "v2");
        expect_in(await(&rig, "IDENTIFICATION_FAILED"), "RAUC cannot be asked");
        fake_rauc_up(rig.rauc);
        (void)fake_host_next(rig.fake, "rauc Mark good rootfs.0");
        do_update(&rig, "a2", "v2.0", "v2");
        rig_done(&rig);
}
END_TEST

/* ----------------------------------------------------------------------------------- while busy */

START_TEST(G20_a_question_and_a_request_during_an_installation)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        ck_assert_int_eq(rig.plugin->agent->current_state_get(rig.self, "g2"), 0);
        (void)fake_host_next(rig.fake, "current_state g2");
        desire(&rig, "a2", "v3.0", "v2");
        expect_in(await(&rig, "IDENTIFICATION_FAILED"), "Another update activity in progress - a1");
        fake_rauc_finish(rig.rauc);
        expect_in(await(&rig, "UPDATE_SUCCESS"), "feedback a1 ");
        rig_done(&rig);
}
END_TEST

START_TEST(a_rollback_during_an_installation_waits_for_its_end)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        order(&rig, "a1", UB_CMD_ROLLBACK);
        (void)await(&rig, "ROLLBACK");
        fake_rauc_finish(rig.rauc);
        (void)await(&rig, "ROLLBACK_SUCCESS");
        ck_assert_uint_eq(fake_host_count(rig.fake, "feedback a1 {\"status\":\"ROLLBACK\""), 1);
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        ck_assert(!rig.rauc->slots[1].good);
        rig_done(&rig);
}
END_TEST

/* ------------------------------------------------------------------------------------- dying */

START_TEST(dying_while_rauc_installs_attaches_to_it_again)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        rig_crash(&rig, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        (void)await(&rig, "UPDATING");
        fake_rauc_finish(rig.rauc);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_uint_eq(rig.rauc->n_installs, 1);
        rig_done(&rig);
}
END_TEST

START_TEST(dying_while_rauc_finishes_finds_what_it_has_done)
{
        struct rig rig;

        rig_init(&rig, "");
        rig.rauc->activate_installed = true;
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        rig.plugin->life->destroy(rig.self);
        fake_host_lose_power(rig.fake);
        fake_rauc_finish(rig.rauc);
        fake_host_settle(rig.fake, 100000);
        ck_assert_str_eq(primary(&rig), "rootfs.1");
        rig_start(&rig, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        (void)await(&rig, "UPDATE_SUCCESS");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

START_TEST(a_power_failure_during_an_installation_leaves_a_device_that_boots)
{
        struct rig rig;

        rig_init(&rig, "");
        put_bundle(&rig, "slow", "v2.0", "hold");
        order_update(&rig, "v2.0", "slow");
        (void)fake_host_next(rig.fake, "rauc holds");
        rig.plugin->life->destroy(rig.self);
        fake_host_lose_power(rig.fake);
        fake_rauc_down(rig.rauc);
        fake_rauc_up(rig.rauc);
        put_file(&rig, "boot_id", "boot-9\n");
        fake_rauc_boot(rig.rauc, 0);
        rig_start(&rig, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        expect_in(await(&rig, "UPDATE_FAILURE"), "The device was restarted during the "
                                                 "installation.");
        (void)fake_host_next(rig.fake, "rauc Mark good rootfs.0");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig_done(&rig);
}
END_TEST

START_TEST(dying_after_each_word_goes_on_from_there)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_SUCCESS");
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_SUCCESS");
        rig_crash(&rig, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        (void)fake_host_next(rig.fake, "reboot a1 ");
        (void)await(&rig, "ACTIVATION_SUCCESS");
        rig_boot(&rig, 1, UB_START_REBOOTED);
        order(&rig, "a1", UB_CMD_VERIFY);
        (void)await(&rig, "VERIFY_SUCCESS");
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "COMPLETE");
        ck_assert_uint_eq(rig.rauc->n_installs, 1);
        rig_done(&rig);
}
END_TEST

/* To where the new slot is active, and nobody has heard of it. */
static void die_before_the_word(struct rig *rig)
{
        rig_init(rig, "");
        do_update(rig, "a1", "v2.0", "v2");
        order(rig, "a1", UB_CMD_ACTIVATE);
        (void)fake_host_next(rig->fake, "rauc Mark active rootfs.1");
        ck_assert_str_eq(primary(rig), "rootfs.1");
}

START_TEST(dying_before_the_word_an_activation_is_finished_when_asked)
{
        struct rig rig;

        die_before_the_word(&rig);
        rig_crash(&rig, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        (void)await(&rig, "ACTIVATING");
        (void)fake_host_next(rig.fake, "reboot a1 ");
        (void)await(&rig, "ACTIVATION_SUCCESS");
        ck_assert_str_eq(primary(&rig), "rootfs.1");
        rig_done(&rig);
}
END_TEST

START_TEST(dying_before_the_word_an_activation_is_taken_back_when_given_up)
{
        struct rig rig;

        die_before_the_word(&rig);
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "CLEANUP_SUCCESS");
        (void)await(&rig, "INCOMPLETE");
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        ck_assert(!rig.rauc->slots[1].good);
        rig_boot(&rig, 0, 0);
        fake_host_settle(rig.fake, 100000);
        ck_assert_uint_eq(fake_host_count(rig.fake, "Boot of new OS image failed"), 0);
        rig_done(&rig);
}
END_TEST

START_TEST(a_power_failure_before_the_word_has_the_new_slot_on_trial)
{
        struct rig rig;

        die_before_the_word(&rig);
        rig_boot(&rig, 1, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        order(&rig, "a1", UB_CMD_ACTIVATE); /* it still looks about */
        (void)await(&rig, "ACTIVATION_SUCCESS");
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Mark good rootfs.1"), 1);
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Mark active rootfs.1"), 1);
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "COMPLETE");
        rig_done(&rig);
}
END_TEST

START_TEST(who_asks_again_during_a_trial_does_not_begin_anew)
{
        size_t began;
        struct folder later = folder_new();
        char path[256];
        char more[512];
        struct rig rig;

        (void)snprintf(path, sizeof(path), "%.200s/later", later.path);
        (void)snprintf(more, sizeof(more),
                       ",'health':{'writable':['%s'],'interval':'10ms'},'confirmEveryBoot':false",
                       path);
        rig_prepare(&rig, more);
        rig_start(&rig, 0);
        do_update(&rig, "a1", "v2.0", "v2");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)fake_host_next(rig.fake, "rauc Mark active rootfs.1");
        rig_boot(&rig, 1, UB_START_RECOVERED);
        ck_assert_int_eq(rig.plugin->agent->feedback_get(rig.self, "a1"), 0);
        fake_host_settle(rig.fake, 50000); /* the trial goes on */
        began = fake_host_count(rig.fake, "feedback a1 {\"status\":\"ACTIVATING");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        fake_host_settle(rig.fake, 50000);
        ck_assert_uint_eq(fake_host_count(rig.fake, "feedback a1 {\"status\":\"ACTIVATING"),
                          began);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        (void)await(&rig, "ACTIVATION_SUCCESS");
        rig_done(&rig);
        folder_done(&later);
}
END_TEST

START_TEST(a_power_failure_before_the_word_and_a_sick_slot)
{
        struct rig rig;

        rig_prepare(&rig, ",'health':{'writable':['/nowhere/at/all'],'timeout':0},'reboot':'none'"
                          ",'confirmEveryBoot':false");
        rig_start(&rig, 0);
        do_update(&rig, "a1", "v2.0", "v2");
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)fake_host_next(rig.fake, "rauc Mark active rootfs.1");
        rig_boot(&rig, 1, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_FAILURE");
        order(&rig, "a1", UB_CMD_CLEANUP);
        expect_in(await(&rig, "CLEANUP_SUCCESS"), "Health check failed: /nowhere/at/all");
        (void)await(&rig, "INCOMPLETE");
        ck_assert(!rig.rauc->slots[1].good);
        rig_done(&rig);
}
END_TEST

START_TEST(what_was_downloaded_outlives_a_death_and_its_activity)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        rig_crash(&rig, UB_START_RECOVERED);
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        ck_assert(!is_clean(&rig));
        do_update(&rig, "a2", "v2.0", "v2");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 6 the bundle is there already"), 1);
        order(&rig, "a2", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        ck_assert(is_clean(&rig));
        rig_done(&rig);
}
END_TEST

START_TEST(what_was_downloaded_outlives_a_step_that_found_no_rauc)
{
        struct rig rig;

        rig_init(&rig, "");
        desire(&rig, "a1", "v2.0", "v2");
        (void)await(&rig, "IDENTIFIED");
        order(&rig, "a1", UB_CMD_DOWNLOAD);
        (void)await(&rig, "DOWNLOAD_SUCCESS");
        fake_rauc_down(rig.rauc);
        order(&rig, "a1", UB_CMD_UPDATE);
        (void)await(&rig, "UPDATE_FAILURE");
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        ck_assert(!is_clean(&rig));
        fake_rauc_up(rig.rauc);
        do_update(&rig, "a2", "v2.0", "v2");
        ck_assert_uint_eq(fake_host_count(rig.fake, "log 6 the bundle is there already"), 1);
        rig_done(&rig);
}
END_TEST

START_TEST(what_was_downloaded_outlives_an_activation_that_found_no_rauc)
{
        struct rig rig;

        rig_init(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        fake_rauc_down(rig.rauc);
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_FAILURE");
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        ck_assert(!is_clean(&rig));
        rig_done(&rig);
}
END_TEST

START_TEST(what_was_downloaded_outlives_a_rauc_that_died_at_the_mark_and_is_back)
{
        struct rig rig;

        rig_init(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        (void)snprintf(rig.rauc->mark_fails, sizeof(rig.rauc->mark_fails), "active");
        rig.rauc->dies_at_mark = true;
        order(&rig, "a1", UB_CMD_ACTIVATE);
        (void)await(&rig, "ACTIVATION_FAILURE");
        order(&rig, "a1", UB_CMD_CLEANUP);
        (void)await(&rig, "INCOMPLETE");
        ck_assert(!is_clean(&rig));
        rig_done(&rig);
}
END_TEST

START_TEST(what_cannot_be_kept_is_not_done)
{
        struct rig rig;

        rig_init(&rig, "");
        do_update(&rig, "a1", "v2.0", "v2");
        rig.fake->sync_result = -EIO;
        order(&rig, "a1", UB_CMD_ACTIVATE);
        fake_host_settle(rig.fake, 50000);
        ck_assert_uint_eq(fake_host_count(rig.fake, "rauc Mark active rootfs.1"), 0);
        ck_assert_str_eq(primary(&rig), "rootfs.0");
        rig.fake->sync_result = 0;
        rig_done(&rig);
}
END_TEST

UNIT_MAIN("self-update-hazards", G14_the_reason_of_a_failed_installation_is_rauc_s,
          G15_a_service_that_disappears_ends_the_step,
          G16_another_client_s_rejected_request_does_not_end_ours,
          G16_somebody_else_s_installation_is_waited_for, G16_it_is_not_waited_for_for_ever,
          an_installation_without_progress_has_failed,
          G17_a_failure_that_leaves_the_new_slot_active_is_put_back,
          an_installation_that_wrote_nothing_is_no_success,
          a_damaged_boot_environment_is_not_made_worse,
          what_a_killed_rauc_leaves_mounted_is_named,
          a_write_that_failed_or_was_cut_off_is_not_taken_for_its_version,
          a_boot_that_is_not_confirmed_is_never_marked_active,
          an_activation_that_cannot_be_marked_fails,
          without_rauc_the_reason_is_told_and_its_return_noticed,
          G20_a_question_and_a_request_during_an_installation,
          a_rollback_during_an_installation_waits_for_its_end,
          dying_while_rauc_installs_attaches_to_it_again,
          dying_while_rauc_finishes_finds_what_it_has_done,
          a_power_failure_during_an_installation_leaves_a_device_that_boots,
          dying_after_each_word_goes_on_from_there,
          dying_before_the_word_an_activation_is_finished_when_asked,
          dying_before_the_word_an_activation_is_taken_back_when_given_up,
          a_power_failure_before_the_word_has_the_new_slot_on_trial,
          who_asks_again_during_a_trial_does_not_begin_anew,
          a_power_failure_before_the_word_and_a_sick_slot,
          what_was_downloaded_outlives_a_death_and_its_activity,
          what_was_downloaded_outlives_a_step_that_found_no_rauc,
          what_was_downloaded_outlives_an_activation_that_found_no_rauc,
          what_was_downloaded_outlives_a_rauc_that_died_at_the_mark_and_is_back,
          what_cannot_be_kept_is_not_done)
