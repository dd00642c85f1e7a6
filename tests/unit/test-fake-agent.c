/* SPDX-License-Identifier: Apache-2.0
 *
 * test-fake-agent - fake.so behind the real ABI, each result word once, on an in-memory host
 *
 * The .so is loaded as a host loads it.  Results that end the process are tests of their own kind:
 * check runs each test in a child and looks at how it ended. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/util/time.h"
#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

#define COMPONENTS \
        "\"components\":[{\"id\":\"a\",\"version\":\"1\"},{\"id\":\"b\",\"version\":\"1\"}]"

/* a goes from 1 to 2, c is new, b goes. */
static const char DESIRED[] =
        "{\"domains\":[{\"id\":\"fake\",\"components\":[{\"id\":\"a\",\"version\":\"2\"},"
        "{\"id\":\"c\",\"version\":\"1\"}]}],"
        "\"baselines\":[{\"title\":\"base\",\"components\":[\"fake:c\"]}]}";

struct agent {
        struct fake_host *fake;
        const struct ub_plugin *plugin;
        void *self;
};

static const struct ub_plugin *load(void)
{
        const struct ub_plugin *(*entry)(void);
        const char *top = getenv("top_builddir");
        char path[512];
        void *handle;

        (void)snprintf(path, sizeof(path), "%s/plugins/fake/.libs/fake.so", top ? top : ".");
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        ck_assert_msg(handle != NULL, "%s", dlerror());
        *(void **)&entry = dlsym(handle, UB_PLUGIN_ENTRY);
        ck_assert_ptr_nonnull(entry);
        return entry();
}

static void agent_start(struct agent *a, const char *settings, uint32_t flags)
{
        ck_assert_int_eq(a->plugin->life->create(&a->fake->host, settings, &a->self), 0);
        ck_assert_int_eq(a->plugin->life->start(a->self, flags), 0);
}

static void agent_init(struct agent *a, const char *settings)
{
        a->fake = fake_host_new();
        a->plugin = load();
        agent_start(a, settings, 0);
}

static void agent_stop(struct agent *a)
{
        a->plugin->life->stop(a->self);
        fake_host_run_until(a->fake, &a->fake->is_stopped);
        a->plugin->life->destroy(a->self);
        ck_assert_uint_eq(a->fake->n_sources, 0);
}

static void agent_done(struct agent *a)
{
        agent_stop(a);
        fake_host_free(a->fake);
}

/* What a crash leaves: memory is gone (here: destroyed), the disk is as of the last sync. */
static void agent_lose_power(struct agent *a)
{
        fake_host_lose_power(a->fake);
        a->plugin->life->destroy(a->self);
}

/* Runs until a feedback with this status comes, and returns its text. */
static const char *expect(struct agent *a, const char *status)
{
        char wanted[80];
        const char *line;

        (void)snprintf(wanted, sizeof(wanted), "\"status\":\"%s\"", status);
        do
                line = fake_host_next(a->fake, "feedback A1 ");
        while (!strstr(line, wanted));
        return strchr(line, '{');
}

static void identify(struct agent *a)
{
        ck_assert_int_eq(a->plugin->agent->desired_state(a->self, "A1", DESIRED), 0);
        (void)expect(a, "IDENTIFIED");
}

static void command(struct agent *a, int32_t number, const char *word)
{
        ck_assert_int_eq(a->plugin->agent->command(a->self, "A1", "", number), 0);
        if (word)
                (void)expect(a, word);
}

/* The components as "a=1 b=1". */
static const char *installed(struct agent *a)
{
        static char text[256];
        const char *at;

        text[0] = '\0';
        ck_assert_int_eq(a->plugin->agent->current_state_get(a->self, "Q"), 0);
        at = fake_host_next(a->fake, "current_state Q ");
        while ((at = strstr(at, "\"id\":\"fake:")) != NULL) {
                char id[32];
                char version[32];

                ck_assert_int_eq(sscanf(at, "\"id\":\"fake:%31[^\"]\",\"version\":\"%31[^\"]\"", id,
                                        version), 2);
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s=%s",
                               *text ? " " : "", id, version);
                at++;
        }
        return text;
}

/* --------------------------------------------------------------------------------- the good way */

START_TEST(an_activity_goes_through_and_the_inventory_is_new)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS "}");
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        ck_assert_int_eq(a.plugin->agent->desired_state(a.self, "A1", DESIRED), 0);
        (void)expect(&a, "IDENTIFYING");
        ck_assert_str_eq(
                expect(&a, "IDENTIFIED"),
                "{\"status\":\"IDENTIFIED\",\"actions\":["
                "{\"component\":{\"id\":\"fake:a\",\"version\":\"2\"},\"status\":\"IDENTIFIED\"},"
                "{\"component\":{\"id\":\"fake:c\",\"version\":\"1\"},\"status\":\"IDENTIFIED\"},"
                "{\"component\":{\"id\":\"fake:b\",\"version\":\"1\"},\"status\":\"IDENTIFIED\"}"
                "]}");
        command(&a, UB_CMD_DOWNLOAD, "DOWNLOADING");
        (void)expect(&a, "DOWNLOAD_SUCCESS");
        command(&a, UB_CMD_UPDATE, "UPDATING");
        ck_assert_ptr_nonnull(strstr(expect(&a, "UPDATE_SUCCESS"), "\"REMOVAL_SUCCESS\""));
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        command(&a, UB_CMD_ACTIVATE, "ACTIVATING");
        (void)expect(&a, "ACTIVATION_SUCCESS");
        ck_assert_str_eq(installed(&a), "a=2 c=1");
        command(&a, UB_CMD_CLEANUP, "CLEANUP");
        (void)expect(&a, "CLEANUP_SUCCESS");

        /* Nothing is left to do. */
        ck_assert_int_eq(a.plugin->agent->desired_state(a.self, "A1", DESIRED), 0);
        (void)expect(&a, "COMPLETED");
        agent_done(&a);
}
END_TEST

START_TEST(steps_report_progress)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"DOWNLOAD\":{\"steps\":4,\"delayMs\":2}}}");
        identify(&a);
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_DOWNLOAD), 0);
        ck_assert_ptr_null(strstr(expect(&a, "DOWNLOADING"), "progress"));
        ck_assert_ptr_nonnull(strstr(expect(&a, "DOWNLOADING"), "\"progress\":25"));
        ck_assert_ptr_nonnull(strstr(expect(&a, "DOWNLOADING"), "\"progress\":50"));
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_UPDATE), -EBUSY);
        ck_assert_ptr_nonnull(strstr(expect(&a, "DOWNLOADING"), "\"progress\":75"));
        ck_assert_ptr_nonnull(strstr(expect(&a, "DOWNLOAD_SUCCESS"), "\"progress\":100"));
        agent_done(&a);
}
END_TEST

START_TEST(rollback_goes_back_to_the_beginning)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS "}");
        identify(&a);
        command(&a, UB_CMD_ACTIVATE, "ACTIVATION_SUCCESS");
        ck_assert_str_eq(installed(&a), "a=2 c=1");
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_ROLLBACK), 0);
        (void)expect(&a, "ROLLBACK");
        ck_assert_ptr_nonnull(strstr(expect(&a, "ROLLBACK_SUCCESS"), "\"UPDATE_FAILURE\""));
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        agent_done(&a);
}
END_TEST

START_TEST(a_baseline_is_activated_and_rolled_back_alone)
{
        struct agent a;
        const char *json;

        agent_init(&a, "{" COMPONENTS "}");
        identify(&a);
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "unknown", UB_CMD_ACTIVATE),
                         -ENOENT);
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "base", UB_CMD_ACTIVATE), 0);
        json = expect(&a, "ACTIVATION_SUCCESS");
        ck_assert_ptr_nonnull(strstr(json, "\"baseline\":\"base\""));
        ck_assert_ptr_null(strstr(json, "fake:a"));
        ck_assert_str_eq(installed(&a), "a=1 b=1 c=1");
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "base", UB_CMD_ROLLBACK), 0);
        (void)expect(&a, "ROLLBACK_SUCCESS");
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        agent_done(&a);
}
END_TEST

START_TEST(many_instances_share_one_so)
{
        struct agent agents[20];
        char settings[128];
        char expected[32];
        size_t i;

        for (i = 0; i < 20; i++) {
                (void)snprintf(settings, sizeof(settings),
                               "{\"components\":[{\"id\":\"x\",\"version\":\"%zu\"}]}", i);
                agent_init(&agents[i], settings);
        }
        for (i = 0; i < 20; i++)
                identify(&agents[i]);
        for (i = 0; i < 20; i++) {
                (void)snprintf(expected, sizeof(expected), "x=%zu", i);
                ck_assert_str_eq(installed(&agents[i]), expected);
                agent_done(&agents[i]);
        }
}
END_TEST

/* --------------------------------------------------------------------------------- the bad ways */

START_TEST(fail_ends_with_the_word_of_failure_and_changes_nothing)
{
        static const struct {
                const char *phase;
                int32_t command;
                const char *word;
        } cases[] = {
                { "DOWNLOAD", UB_CMD_DOWNLOAD, "DOWNLOAD_FAILURE" },
                { "UPDATE", UB_CMD_UPDATE, "UPDATE_FAILURE" },
                { "ACTIVATE", UB_CMD_ACTIVATE, "ACTIVATION_FAILURE" },
                { "VERIFY", UB_CMD_VERIFY, "VERIFY_FAILURE" },
                { "ROLLBACK", UB_CMD_ROLLBACK, "ROLLBACK_FAILURE" },
                { "CLEANUP", UB_CMD_CLEANUP, "CLEANUP_FAILURE" },
        };
        char settings[256];
        struct agent a;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                (void)snprintf(settings, sizeof(settings),
                               "{" COMPONENTS ",\"phases\":{\"%s\":{\"result\":\"fail\","
                               "\"message\":\"disk full\"}}}", cases[i].phase);
                agent_init(&a, settings);
                identify(&a);
                ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", cases[i].command), 0);
                ck_assert_ptr_nonnull(
                        strstr(expect(&a, cases[i].word), "\"message\":\"disk full\""));
                ck_assert_str_eq(installed(&a), "a=1 b=1");
                agent_done(&a);
        }
        agent_init(&a, "{\"phases\":{\"IDENTIFY\":{\"result\":\"fail\"}}}");
        ck_assert_int_eq(a.plugin->agent->desired_state(a.self, "A1", DESIRED), 0);
        ck_assert_str_eq(expect(&a, "IDENTIFICATION_FAILED"),
                         "{\"status\":\"IDENTIFICATION_FAILED\",\"message\":\"fake failure\"}");
        agent_done(&a);
}
END_TEST

START_TEST(a_desired_state_that_is_wrong_fails_with_its_place)
{
        struct agent a;

        agent_init(&a, "{}");
        ck_assert_int_eq(
                a.plugin->agent->desired_state(
                        a.self, "A1", "{\"domains\":[{\"id\":\"fake\",\"components\":5}]}"),
                0);
        ck_assert_ptr_nonnull(strstr(expect(&a, "IDENTIFICATION_FAILED"),
                                     "desired state.domains[0].components: expected an array"));
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_DOWNLOAD), -ENOENT);
        agent_done(&a);
}
END_TEST

START_TEST(hang_never_answers_but_obeys_cancel)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"UPDATE\":{\"result\":\"hang\"}}}");
        identify(&a);
        command(&a, UB_CMD_UPDATE, "UPDATING");
        fake_host_settle(a.fake, 20 * 1000);
        ck_assert_uint_eq(fake_host_count(a.fake, "feedback A1 {\"status\":\"UPDATE_"), 0);
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "other"), -ENOENT);
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "A1"), 0);
        (void)expect(&a, "INCOMPLETE");
        agent_done(&a);
}
END_TEST

START_TEST(cancel_between_and_during_steps_ends_with_incomplete)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"DOWNLOAD\":{\"delayMs\":3600000}}}");
        identify(&a);
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "A1"), 0);
        (void)expect(&a, "INCOMPLETE");
        identify(&a);
        command(&a, UB_CMD_DOWNLOAD, "DOWNLOADING");
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "A1"), 0);
        (void)expect(&a, "INCOMPLETE");
        ck_assert_uint_eq(fake_host_count(a.fake, "feedback A1 {\"status\":\"INCOMPLETE\""), 2);
        agent_done(&a);
}
END_TEST

/* Seen: another agent died as this one said UPDATE_SUCCESS; CANCEL came late, ROLLBACK at once. */
START_TEST(a_command_that_follows_a_late_cancel_is_not_refused)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS "}");
        identify(&a);
        command(&a, UB_CMD_UPDATE, "UPDATE_SUCCESS");
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "A1"), 0);
        command(&a, UB_CMD_ROLLBACK, "ROLLBACK_SUCCESS");
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        agent_done(&a);
}
END_TEST

START_TEST(silent_answers_nothing_until_the_next_phase)
{
        struct agent a;
        size_t lines;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"UPDATE\":{\"result\":\"silent\"}}}");
        identify(&a);
        lines = a.fake->n_lines;
        command(&a, UB_CMD_UPDATE, NULL);
        ck_assert_int_eq(a.plugin->agent->current_state_get(a.self, "Q"), 0);
        ck_assert_int_eq(a.plugin->agent->feedback_get(a.self, "A1"), 0);
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "A1"), 0);
        fake_host_settle(a.fake, 20 * 1000);
        ck_assert_uint_eq(a.fake->n_lines, lines);
        command(&a, UB_CMD_CLEANUP, "CLEANUP_SUCCESS");
        agent_done(&a);
}
END_TEST

START_TEST(garbage_is_refused_and_nothing_follows)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"DOWNLOAD\":{\"result\":\"garbage\"}}}");
        identify(&a);
        command(&a, UB_CMD_DOWNLOAD, NULL);
        (void)fake_host_next(a.fake, "refused");
        fake_host_settle(a.fake, 10 * 1000);
        ck_assert_uint_eq(fake_host_count(a.fake, "feedback A1 {\"status\":\"DOWNLOAD_"), 0);
        agent_done(&a);
}
END_TEST

START_TEST(twice_says_its_word_twice)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"DOWNLOAD\":{\"result\":\"twice\"}}}");
        identify(&a);
        command(&a, UB_CMD_DOWNLOAD, "DOWNLOAD_SUCCESS");
        fake_host_settle(a.fake, 0);
        ck_assert_uint_eq(fake_host_count(a.fake, "feedback A1 {\"status\":\"DOWNLOAD_SUCCESS\""),
                          2);
        agent_done(&a);
}
END_TEST

START_TEST(block_holds_the_loop_for_its_delay)
{
        uint64_t begin;
        struct agent a;

        agent_init(&a, "{" COMPONENTS
                       ",\"phases\":{\"DOWNLOAD\":{\"result\":\"block\",\"delayMs\":60}}}");
        identify(&a);
        begin = time_now_usec();
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_DOWNLOAD), 0);
        ck_assert_uint_ge(time_now_usec() - begin, 60 * USEC_PER_MSEC);
        (void)expect(&a, "DOWNLOAD_SUCCESS");
        agent_done(&a);
}
END_TEST

static void die_by(const char *result)
{
        char settings[256];
        struct agent a;

        (void)snprintf(settings, sizeof(settings),
                       "{" COMPONENTS ",\"phases\":{\"UPDATE\":{\"result\":\"%s\"}}}", result);
        agent_init(&a, settings);
        identify(&a);
        command(&a, UB_CMD_UPDATE, "UPDATING");
        (void)expect(&a, "UPDATE_SUCCESS");
        ck_abort_msg("\"%s\" did not end the process", result);
}

START_TEST(crash_dereferences_null)
{
        die_by("crash");
}
END_TEST

START_TEST(abort_aborts)
{
        die_by("abort");
}
END_TEST

START_TEST(exit_ends_the_process_quietly)
{
        die_by("exit");
}
END_TEST

/* --------------------------------------------------------------------- crashes, boots, settings */

START_TEST(what_was_said_survives_the_loss_of_power)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS ",\"phases\":{\"CLEANUP\":{\"result\":\"hang\"}}}");
        identify(&a);
        command(&a, UB_CMD_UPDATE, "UPDATE_SUCCESS");
        agent_lose_power(&a);
        agent_start(&a, "{}", UB_START_RECOVERED);
        ck_assert_int_eq(a.plugin->agent->feedback_get(a.self, "other"), -ENOENT);
        ck_assert_int_eq(a.plugin->agent->feedback_get(a.self, "A1"), 0);
        ck_assert_ptr_nonnull(strstr(expect(&a, "UPDATE_SUCCESS"), "fake:c"));
        ck_assert_str_eq(installed(&a), "a=1 b=1");

        /* It goes on where it stood, and can still go back. */
        command(&a, UB_CMD_ACTIVATE, "ACTIVATION_SUCCESS");
        agent_lose_power(&a);
        agent_start(&a, "{}", UB_START_RECOVERED);
        ck_assert_str_eq(installed(&a), "a=2 c=1");
        command(&a, UB_CMD_ROLLBACK, "ROLLBACK_SUCCESS");
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        agent_done(&a);
}
END_TEST

START_TEST(a_word_waits_for_the_disk_and_fails_with_it)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS "}");
        identify(&a);
        a.fake->sync_result = -EIO;
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_UPDATE), 0);
        ck_assert_ptr_nonnull(strstr(expect(&a, "UPDATE_FAILURE"), "the durable state failed"));
        ck_assert_uint_eq(fake_host_count(a.fake, "feedback A1 {\"status\":\"UPDATE_SUCCESS\""), 0);
        agent_done(&a);
}
END_TEST

START_TEST(reboot_is_asked_for_and_verified)
{
        static const char settings[] = "{" COMPONENTS ",\"reboot\":true}";
        struct agent a;

        agent_init(&a, settings);
        identify(&a);
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_ACTIVATE), 0);
        (void)fake_host_next(a.fake, "reboot A1 ");
        (void)expect(&a, "ACTIVATION_SUCCESS");
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_VERIFY), 0);
        ck_assert_ptr_nonnull(strstr(expect(&a, "VERIFY_FAILURE"), "a: 1 runs, not 2"));

        agent_lose_power(&a);
        agent_start(&a, settings, UB_START_REBOOTED | UB_START_RECOVERED);
        ck_assert_str_eq(installed(&a), "a=2 c=1");
        command(&a, UB_CMD_VERIFY, "VERIFY_SUCCESS");
        command(&a, UB_CMD_CLEANUP, "CLEANUP_SUCCESS");
        agent_lose_power(&a);
        agent_start(&a, settings, 0);
        ck_assert_str_eq(installed(&a), "a=2 c=1");
        agent_done(&a);
}
END_TEST

START_TEST(commands_out_of_place_are_refused)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS "}");
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", UB_CMD_DOWNLOAD), -ENOENT);
        ck_assert_int_eq(a.plugin->agent->cancel(a.self, "A1"), -ENOENT);
        ck_assert_int_eq(a.plugin->agent->feedback_get(a.self, "A1"), -ENOENT);
        identify(&a);
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A1", "", 99), -ENOTSUP);
        ck_assert_int_eq(a.plugin->agent->command(a.self, "A2", "", UB_CMD_DOWNLOAD), -ENOENT);
        agent_done(&a);
}
END_TEST

START_TEST(a_typo_in_the_settings_is_named)
{
        static const char *const cases[][2] = {
                { "{\"component\":[]}", "log 3 settings.component: there is no such setting" },
                { "{\"phases\":{\"DOWNLAOD\":{}}}",
                  "log 3 settings.phases.DOWNLAOD: there is no such setting" },
                { "{\"phases\":{\"UPDATE\":{\"result\":\"okay\"}}}",
                  "log 3 settings.phases.UPDATE.result: there is no result \"okay\"" },
                { "{\"phases\":{\"UPDATE\":{\"steps\":0}}}",
                  "log 3 settings.phases.UPDATE.steps: expected a whole number from 1 to 1000, got "
                  "0" },
                { "{\"components\":[{\"version\":\"1\"}]}",
                  "log 3 settings.components[0]: \"id\" is missing" },
        };
        struct fake_host *fake = fake_host_new();
        const struct ub_plugin *plugin = load();
        void *self = NULL;
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_int_lt(plugin->life->create(&fake->host, cases[i][0], &self), 0);
                ck_assert_ptr_null(self);
                ck_assert_str_eq(fake_host_next(fake, "log"), cases[i][1]);
        }
        fake_host_free(fake);
}
END_TEST

START_TEST(reload_takes_new_phases_or_keeps_the_old_ones)
{
        struct agent a;

        agent_init(&a, "{" COMPONENTS "}");
        ck_assert_int_lt(a.plugin->life->reload(a.self, "{\"phases\":5}"), 0);
        ck_assert_int_eq(a.plugin->life->reload(
                                 a.self, "{\"phases\":{\"UPDATE\":{\"result\":\"fail\"}}}"), 0);
        ck_assert_str_eq(installed(&a), "a=1 b=1");
        identify(&a);
        command(&a, UB_CMD_UPDATE, "UPDATE_FAILURE");
        agent_done(&a);
}
END_TEST

/* ----------------------------------------------------------------------------------------- main */

/* Ends of the process, each as the word promises. */
static TCase *deaths(void)
{
        TCase *tcase = tcase_create("deaths");

        tcase_add_exit_test(tcase, exit_ends_the_process_quietly, 0);
        tcase_add_test_raise_signal(tcase, abort_aborts, SIGABRT);
#ifdef __SANITIZE_ADDRESS__
        tcase_add_exit_test(tcase, crash_dereferences_null, 1); /* the sanitizer's own end */
#else
        tcase_add_test_raise_signal(tcase, crash_dereferences_null, SIGSEGV);
#endif
        return tcase;
}

int main(void)
{
        const TTest *const tests[] = {
                an_activity_goes_through_and_the_inventory_is_new,
                steps_report_progress,
                rollback_goes_back_to_the_beginning,
                a_baseline_is_activated_and_rolled_back_alone,
                many_instances_share_one_so,
                fail_ends_with_the_word_of_failure_and_changes_nothing,
                a_desired_state_that_is_wrong_fails_with_its_place,
                hang_never_answers_but_obeys_cancel,
                cancel_between_and_during_steps_ends_with_incomplete,
                a_command_that_follows_a_late_cancel_is_not_refused,
                silent_answers_nothing_until_the_next_phase,
                garbage_is_refused_and_nothing_follows,
                twice_says_its_word_twice,
                block_holds_the_loop_for_its_delay,
                what_was_said_survives_the_loss_of_power,
                a_word_waits_for_the_disk_and_fails_with_it,
                reboot_is_asked_for_and_verified,
                commands_out_of_place_are_refused,
                a_typo_in_the_settings_is_named,
                reload_takes_new_phases_or_keeps_the_old_ones,
        };
        Suite *suite = suite_create("fake-agent");
        SRunner *runner;
        size_t i;
        int failed;

        for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
                TCase *tcase = tcase_create(tests[i]->name);

                tcase_set_timeout(tcase, 20);
                tcase_add_test(tcase, tests[i]);
                suite_add_tcase(suite, tcase);
        }
        runner = srunner_create(suite);
        /* Without children of its own check would die of these. */
        if (srunner_fork_status(runner) == CK_FORK)
                suite_add_tcase(suite, deaths());
        srunner_set_tap(runner, "-");
        srunner_run_all(runner, CK_SILENT);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
