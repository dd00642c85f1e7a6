/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sdk-actions - the components that an activity changes, and their feedback */
#include <errno.h>
#include <string.h>

#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/status.h>

static const char DESIRED[] =
        "{\"domains\":[{\"id\":\"fake\",\"components\":[{\"id\":\"same\",\"version\":\"1\"},"
        "{\"id\":\"newer\",\"version\":\"2\"},{\"id\":\"fresh\",\"version\":\"1\"},{\"id\":\"any\"}"
        "]}],"
        "\"baselines\":[{\"title\":\"b\",\"components\":[\"fake:newer\"]}]}";

static const struct ub_component INSTALLED[] = {
        { .id = "old", .version = "9" },
        { .id = "newer", .version = "1" },
        { .id = "same", .version = "1" },
        { .id = "any", .version = "3" },
};

struct fixture {
        struct fake_host *fake;
        struct ub_desired_state *desired;
        struct ub_actions *actions;
};

static void fixture_init(struct fixture *f)
{
        f->fake = fake_host_new();
        ck_assert_int_eq(ub_desired_state_parse(DESIRED, NULL, &f->desired), 0);
        ck_assert_int_eq(ub_actions_new(&f->fake->host, "A1", &f->actions), 0);
        ck_assert_int_eq(ub_actions_diff(f->actions, f->desired, INSTALLED,
                                         sizeof(INSTALLED) / sizeof(INSTALLED[0])), 0);
}

static void fixture_done(struct fixture *f)
{
        ub_actions_free(f->actions);
        ub_desired_state_free(f->desired);
        ck_assert_uint_eq(f->fake->n_sources, 0);
        fake_host_free(f->fake);
}

START_TEST(the_difference_is_install_update_and_remove)
{
        struct fixture f;

        fixture_init(&f);
        ck_assert_uint_eq(ub_actions_count(f.actions), 3);
        ck_assert_str_eq(ub_actions_get(f.actions, 0)->id, "newer");
        ck_assert_int_eq(ub_actions_get(f.actions, 0)->kind, UB_ACTION_UPDATE);
        ck_assert_str_eq(ub_actions_get(f.actions, 0)->version, "2");
        ck_assert_str_eq(ub_actions_get(f.actions, 0)->from, "1");
        ck_assert_str_eq(ub_actions_get(f.actions, 1)->id, "fresh");
        ck_assert_int_eq(ub_actions_get(f.actions, 1)->kind, UB_ACTION_INSTALL);
        ck_assert_str_eq(ub_actions_get(f.actions, 2)->id, "old");
        ck_assert_int_eq(ub_actions_get(f.actions, 2)->kind, UB_ACTION_REMOVE);
        ck_assert_str_eq(ub_actions_get(f.actions, 2)->status, UB_IDENTIFIED);
        ck_assert_ptr_null(ub_actions_find(f.actions, "same"));
        ck_assert_int_eq(ub_actions_add(f.actions, UB_ACTION_INSTALL, "fresh", "1", ""), -EEXIST);
        ck_assert_int_eq(ub_actions_set(f.actions, "same", UB_UPDATING, 0, NULL), -ENOENT);
        fixture_done(&f);
}
END_TEST

START_TEST(a_removal_has_words_of_its_own)
{
        struct fixture f;
        const struct ub_action *old;

        fixture_init(&f);
        old = ub_actions_find(f.actions, "old");
        ck_assert_int_eq(ub_actions_set_all(f.actions, UB_DOWNLOAD_SUCCESS, 100), 0);
        ck_assert_str_eq(old->status, UB_IDENTIFIED);
        ck_assert_str_eq(ub_actions_find(f.actions, "newer")->status, UB_DOWNLOAD_SUCCESS);
        ck_assert_int_eq(ub_actions_set_all(f.actions, UB_UPDATING, 30), 0);
        ck_assert_str_eq(old->status, UB_REMOVING);
        ck_assert_int_eq(old->progress, 30);
        ck_assert_int_eq(ub_actions_set_all(f.actions, UB_UPDATE_SUCCESS, 100), 0);
        ck_assert_int_eq(ub_actions_set_all(f.actions, UB_ACTIVATION_SUCCESS, 100), 0);
        ck_assert_str_eq(old->status, UB_REMOVAL_SUCCESS);
        fixture_done(&f);
}
END_TEST

START_TEST(a_baseline_narrows_the_list)
{
        struct fixture f;

        fixture_init(&f);
        ck_assert_int_eq(ub_actions_scope(f.actions, f.desired, "unknown"), -ENOENT);
        ck_assert_int_eq(ub_actions_scope(f.actions, f.desired, "b"), 0);
        ck_assert_int_eq(ub_actions_set_all(f.actions, UB_UPDATE_SUCCESS, 100), 0);
        ck_assert_str_eq(ub_actions_find(f.actions, "fresh")->status, UB_IDENTIFIED);
        ck_assert_int_eq(ub_actions_finish(f.actions, UB_UPDATE_SUCCESS, "done"), 0);
        ck_assert_str_eq(fake_host_next(f.fake, "feedback"),
                         "feedback A1 {\"baseline\":\"b\",\"status\":\"UPDATE_SUCCESS\","
                         "\"message\":\"done\",\"actions\":[{\"component\":{\"id\":\"fake:newer\","
                         "\"version\":\"2\"},\"status\":\"UPDATE_SUCCESS\",\"progress\":100}]}");
        ck_assert_int_eq(ub_actions_scope(f.actions, f.desired, ""), 0);
        ck_assert(ub_actions_find(f.actions, "fresh")->in_scope);
        fixture_done(&f);
}
END_TEST

START_TEST(progress_waits_for_the_interval_and_tells_what_is_true_then)
{
        struct fixture f;
        int i;

        fixture_init(&f);
        ub_actions_set_interval(f.actions, 50 * 1000);
        for (i = 1; i <= 50; i++) {
                ck_assert_int_eq(ub_actions_set_all(f.actions, UB_DOWNLOADING, i), 0);
                ck_assert_int_eq(ub_actions_progress(f.actions, UB_DOWNLOADING), 0);
        }
        ck_assert_uint_eq(fake_host_count(f.fake, "feedback"), 1);
        ck_assert_ptr_nonnull(strstr(fake_host_next(f.fake, "feedback"), "\"progress\":1}"));
        ck_assert_ptr_nonnull(strstr(fake_host_next(f.fake, "feedback"), "\"progress\":50}"));

        /* Another step's word does not wait for this one's interval. */
        ck_assert_int_eq(ub_actions_progress(f.actions, UB_UPDATING), 0);
        ck_assert_ptr_nonnull(strstr(f.fake->lines[2], "\"UPDATING\""));
        fixture_done(&f);
}
END_TEST

START_TEST(the_final_word_goes_out_at_once_and_alone)
{
        struct fixture f;

        fixture_init(&f);
        ub_actions_set_interval(f.actions, 20 * 1000);
        ck_assert_int_eq(ub_actions_progress(f.actions, UB_DOWNLOADING), 0);
        ck_assert_int_eq(ub_actions_progress(f.actions, UB_DOWNLOADING), 0);
        ck_assert_int_eq(ub_actions_finish(f.actions, UB_DOWNLOAD_SUCCESS, NULL), 0);
        ck_assert_uint_eq(fake_host_count(f.fake, "feedback"), 2);
        ck_assert_uint_eq(f.fake->n_sources, 0); /* nothing is left that could follow it */
        fixture_done(&f);
}
END_TEST

START_TEST(without_an_interval_every_report_goes_out)
{
        struct fixture f;
        int i;

        fixture_init(&f);
        ub_actions_set_interval(f.actions, 0);
        for (i = 0; i < 5; i++)
                ck_assert_int_eq(ub_actions_progress(f.actions, UB_DOWNLOADING), 0);
        ck_assert_uint_eq(fake_host_count(f.fake, "feedback"), 5);
        fixture_done(&f);
}
END_TEST

UNIT_MAIN("sdk-actions", the_difference_is_install_update_and_remove,
          a_removal_has_words_of_its_own, a_baseline_narrows_the_list,
          progress_waits_for_the_interval_and_tells_what_is_true_then,
          the_final_word_goes_out_at_once_and_alone, without_an_interval_every_report_goes_out)
