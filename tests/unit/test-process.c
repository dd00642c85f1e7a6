/* SPDX-License-Identifier: Apache-2.0
 *
 * Isolated instances with the real ub-agent-host and a plugin that does one bad thing in one place
 * (tests/bad/saboteur.c). */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/plugin/abi.h"
#include "host/util/cleanup.h"
#include "host/util/time.h"
#include "tests/unit/isolated.h"
#include "tests/unit/unit.h"

enum { PATIENCE_USEC = 15 * 1000 * 1000 };

static sd_event *loop;

static void open_loop(void)
{
        ck_assert_int_ge(sd_event_default(&loop), 0);
}

/* Runs the loop until a condition holds. */
#define RUN_UNTIL(condition)                                                               \
        do {                                                                               \
                uint64_t end_usec = time_now_usec() + PATIENCE_USEC;                       \
                                                                                           \
                while (!(condition)) {                                                     \
                        ck_assert_msg(time_now_usec() < end_usec, "waited for " #condition); \
                        ck_assert_int_ge(sd_event_run(loop, 100 * 1000), 0);               \
                }                                                                          \
        } while (0)

/* All children are reaped; the loop does it. */
static void run_until_alone(void)
{
        RUN_UNTIL(waitpid(-1, NULL, WNOHANG | __WNOTHREAD) < 0 && errno == ECHILD);
}

static void start(struct isolated *i, const struct instance_config *config)
{
        if (!loop)
                open_loop();
        ck_assert_int_eq(isolated_new(i, loop, config), 0);
        ck_assert_int_eq(instance_start(i->instance, 0), 0);
        ck_assert(!i->started);
}

static void start_plain(struct isolated *i, const char *settings)
{
        struct instance_config config = isolated_config(settings);

        start(i, &config);
        RUN_UNTIL(i->started || i->died);
        ck_assert_msg(i->started && i->started_r == 0, "%s\n%s", i->text, i->logs);
}

static void end(struct isolated *i)
{
        struct instance_stats stats;
        siginfo_t info;

        if (i->instance)
                instance_get_stats(i->instance, &stats);
        i->instance = instance_free(i->instance);
        /* the reaper works from the loop */
        while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
                ck_assert_int_ge(sd_event_run(loop, 10 * 1000), 0);
        loop = sd_event_unref(loop);
}

START_TEST(plugin_lives_from_start_to_stop)
{
        struct instance_stats stats;
        struct isolated i;

        start_plain(&i, "{}");
        ck_assert_int_eq(instance_current_state_get(i.instance, "q1"), 0);
        RUN_UNTIL(i.n_answered == 1);
        ck_assert_int_eq(i.answered_call, INSTANCE_CALL_CURRENT_STATE_GET);
        ck_assert_int_eq(i.answered_r, 0);
        ck_assert_uint_eq(i.n_current_states, 1);
        ck_assert_int_eq(instance_desired_state(i.instance, "a1", "{\"domains\":[]}"), 0);
        RUN_UNTIL(i.n_answered == 2);
        ck_assert_uint_eq(i.n_feedbacks, 1);
        ck_assert_int_eq(instance_command(i.instance, "a1", "", 99), 0);
        RUN_UNTIL(i.n_answered == 3);
        ck_assert_int_eq(i.answered_r, -ENOTSUP);
        ck_assert_int_eq(instance_activity_end(i.instance, "a1"), 0);

        instance_get_stats(i.instance, &stats);
        ck_assert_int_gt(stats.pid, 0);
        ck_assert_uint_ge(stats.calls, 5); /* create, start and three requests */
        ck_assert_uint_ge(stats.call_usec, stats.call_usec_max);

        ck_assert_int_eq(instance_stop(i.instance), 0);
        ck_assert_int_eq(instance_stop(i.instance), -ESTALE);
        ck_assert_int_eq(instance_cancel(i.instance, "a1"), -ESTALE);
        RUN_UNTIL(i.stopped || i.died);
        ck_assert_msg(i.stopped, "%s", i.text);
        instance_get_stats(i.instance, &stats);
        ck_assert_int_eq(stats.pid, 0);
        ck_assert_ptr_nonnull(strstr(i.logs, "\nstop\ndestroy\n"));
        end(&i);
}
END_TEST

/* ------------------------------------------------------------------------------ ways to go down */

/* Brings an instance to the place where it does its bad thing. */
static void provoke(struct isolated *i, const char *slot)
{
        if (i->died || !i->started)
                return;
        if (strcmp(slot, "current_state_get") == 0)
                ck_assert_int_eq(instance_current_state_get(i->instance, "q1"), 0);
        if (strcmp(slot, "desired_state") == 0)
                ck_assert_int_eq(instance_desired_state(i->instance, "a1", "{}"), 0);
        if (strcmp(slot, "command") == 0)
                ck_assert_int_eq(instance_command(i->instance, "a1", "", UB_CMD_DOWNLOAD), 0);
        if (strcmp(slot, "cancel") == 0)
                ck_assert_int_eq(instance_cancel(i->instance, "a1"), 0);
        if (strcmp(slot, "feedback_get") == 0)
                ck_assert_int_eq(instance_feedback_get(i->instance, "a1"), 0);
        if (strcmp(slot, "reload") == 0)
                ck_assert_int_eq(instance_reload(i->instance, "{}"), 0);
        if (strcmp(slot, "feedback") == 0)
                ck_assert_int_eq(instance_connector_feedback(i->instance, "a1", "{}"), 0);
        if (strcmp(slot, "current_state") == 0)
                ck_assert_int_eq(instance_connector_current_state(i->instance, "a1", "{}"), 0);
        if (strcmp(slot, "stop") == 0 || strcmp(slot, "destroy") == 0)
                ck_assert_int_eq(instance_stop(i->instance), 0);
}

static bool is_of_connector(const char *slot)
{
        return strcmp(slot, "feedback") == 0 || strcmp(slot, "current_state") == 0;
}

static void expect_death(struct instance_config config, const char *slot, const char *way,
                         const char *text)
{
        struct isolated i;
        char settings[200];

        (void)snprintf(settings, sizeof(settings), "{\"slot\":\"%s\",\"way\":\"%s\"}", slot, way);
        config.settings = settings;
        if (is_of_connector(slot))
                config.role = INSTANCE_ROLE_CONNECTOR;
        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        provoke(&i, slot);
        RUN_UNTIL(i.died);
        ck_assert_msg(strcmp(i.text, text) == 0, "%s in %s: \"%s\" and not \"%s\"\n%s", way, slot,
                      i.text, text, i.logs);
        ck_assert(!i.stopped);
        i.instance = instance_free(i.instance);
        run_until_alone();
}

static const char *const slots[] = { "create",        "start",        "stop",
                                     "destroy",       "woken",        "reload",
                                     "desired_state", "command",      "cancel",
                                     "feedback",      "feedback_get", "current_state_get",
                                     "current_state", "callback" };

START_TEST(crash_in_any_slot_is_one_sentence)
{
        size_t i;

        open_loop();
        for (i = 0; i < ARRAY_SIZE(slots); i++)
                expect_death(isolated_config(NULL), slots[i], "segv", "killed by SIGSEGV");
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(exit_in_any_slot_is_one_sentence)
{
        size_t i;

        open_loop();
        for (i = 0; i < ARRAY_SIZE(slots); i++)
                expect_death(isolated_config(NULL), slots[i], "exit", "exited with status 3");
        loop = sd_event_unref(loop);
}
END_TEST

/* What happens outside of a request shows only while an activity runs: the test below. */
static bool hangs_unseen(const char *slot)
{
        return strcmp(slot, "woken") == 0 || strcmp(slot, "callback") == 0;
}

static unsigned count_dead(const struct isolated *all, size_t n)
{
        unsigned dead = 0;
        size_t i;

        for (i = 0; i < n; i++)
                dead += all[i].died;
        return dead;
}

/* All at once, so that they can be given time enough for a busy machine. */
START_TEST(hang_in_any_slot_ends_in_time)
{
        static struct isolated all[ARRAY_SIZE(slots)];
        unsigned n = 0;
        size_t i;

        open_loop();
        for (i = 0; i < ARRAY_SIZE(slots); i++) {
                char settings[200];
                struct instance_config config = isolated_config(settings);

                if (hangs_unseen(slots[i]))
                        continue;
                (void)snprintf(settings, sizeof(settings), "{\"slot\":\"%s\",\"way\":\"hang\"}",
                               slots[i]);
                config.role = is_of_connector(slots[i]) ? INSTANCE_ROLE_CONNECTOR
                                                        : INSTANCE_ROLE_AGENT;
                config.hang_usec = 2 * USEC_PER_SEC;
                config.stop_usec = 2 * USEC_PER_SEC;
                start(&all[i], &config);
                n++;
        }
        for (i = 0; i < ARRAY_SIZE(slots); i++) {
                if (hangs_unseen(slots[i]))
                        continue;
                RUN_UNTIL(all[i].started || all[i].died);
                provoke(&all[i], slots[i]);
        }
        RUN_UNTIL(count_dead(all, ARRAY_SIZE(all)) == n);
        for (i = 0; i < ARRAY_SIZE(slots); i++) {
                const char *slot = strcmp(slots[i], "create") == 0 ? "start" : slots[i];
                char text[100];

                if (hangs_unseen(slot))
                        continue;
                (void)snprintf(text, sizeof(text), "hangs in %s for 2 s", slot);
                if (strcmp(slot, "stop") == 0 || strcmp(slot, "destroy") == 0)
                        (void)snprintf(text, sizeof(text), "did not stop in 2 s");
                ck_assert_str_eq(all[i].text, text);
                all[i].instance = instance_free(all[i].instance);
        }
        run_until_alone();
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(hang_between_requests_shows_while_an_activity_runs)
{
        struct instance_config config = isolated_config("{\"slot\":\"callback\",\"way\":\"hang\"}");
        struct isolated i;

        config.hang_usec = USEC_PER_SEC;
        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        /* It goes to sleep in a callback a millisecond after the start; whether the request comes
         * before or after that is all the same. */
        ck_assert_int_eq(instance_desired_state(i.instance, "a1", "{}"), 0);
        RUN_UNTIL(i.died);
        ck_assert_msg(strcmp(i.text, "hangs in desired_state for 1 s") == 0 ||
                              strcmp(i.text, "hangs in a callback for 1 s") == 0,
                      "%s", i.text);
        end(&i);
}
END_TEST

START_TEST(stopped_twice_is_no_harm)
{
        struct isolated i;

        start_plain(&i, "{\"slot\":\"stop\",\"way\":\"double-stopped\"}");
        ck_assert_int_eq(instance_stop(i.instance), 0);
        RUN_UNTIL(i.stopped || i.died);
        ck_assert_msg(i.stopped, "%s", i.text);
        end(&i);
}
END_TEST

/* The answer is under way when the stop goes out. */
START_TEST(what_was_asked_before_a_stop_is_answered)
{
        struct isolated i;

        start_plain(&i, "{}");
        ck_assert_int_eq(instance_current_state_get(i.instance, "q1"), 0);
        ck_assert_int_eq(instance_reload(i.instance, "{}"), 0);
        ck_assert_int_eq(instance_stop(i.instance), 0);
        RUN_UNTIL(i.stopped || i.died);
        ck_assert_msg(i.stopped, "%s", i.text);
        ck_assert_uint_eq(i.n_answered, 2);
        end(&i);
}
END_TEST

START_TEST(last_words_on_standard_error_come_before_the_end)
{
        struct isolated i;

        start_plain(&i, "{\"slot\":\"command\",\"way\":\"abort\"}");
        provoke(&i, "command");
        RUN_UNTIL(i.died);
        ck_assert_str_eq(i.text, "killed by SIGABRT");
        ck_assert_str_eq(i.last_log, "saboteur: assertion failed");
        end(&i);
}
END_TEST

START_TEST(failed_create_is_a_failed_start)
{
        struct instance_config config = isolated_config("{\"way\":\"fail-create\"}");
        struct isolated i;

        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        ck_assert(i.started);
        ck_assert_int_eq(i.started_r, -ENODEV);
        ck_assert_ptr_nonnull(strstr(i.logs, "cannot be made"));
        ck_assert_int_eq(instance_current_state_get(i.instance, "q"), -ESTALE);
        end(&i);
}
END_TEST

START_TEST(missing_plugin_and_missing_program_are_failed_starts)
{
        struct instance_config config = isolated_config("{}");
        struct isolated i;

        config.plugin = "/nonexistent/none.so";
        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        ck_assert_msg(i.started && i.started_r < 0, "%s", i.text);
        ck_assert_ptr_nonnull(strstr(i.text, "/nonexistent/none.so"));
        i.instance = instance_free(i.instance);

        config = isolated_config("{}");
        config.agent_host = "/nonexistent/ub-agent-host";
        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        ck_assert_int_eq(i.started_r, -ENOENT);
        ck_assert_str_eq(i.text,
                         "cannot run /nonexistent/ub-agent-host: No such file or directory");
        end(&i);
}
END_TEST

/* ---------------------------------------------------------------------------------- the channel */

START_TEST(plugin_that_closes_the_channel_is_killed)
{
        expect_death(isolated_config(NULL), "command", "close-channel", "closed its channel");
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(plugin_that_writes_to_the_channel_is_killed)
{
        expect_death(isolated_config(NULL), "command", "write-garbage",
                     "broke the frame protocol: unknown type 4294967295 of a frame");
        expect_death(isolated_config(NULL), "command", "write-request",
                     "broke the frame protocol: stop: not for the daemon");
        expect_death(isolated_config(NULL), "command", "write-bad-json",
                     "broke the frame protocol: feedback: this string does not end");
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(flood_of_log_lines_loses_lines_and_nothing_else)
{
        struct isolated i;

        start_plain(&i, "{\"slot\":\"command\",\"way\":\"flood-log\"}");
        ck_assert_int_eq(instance_command(i.instance, "a1", "", UB_CMD_DOWNLOAD), 0);
        RUN_UNTIL(i.n_answered == 1 || i.died);
        ck_assert_msg(!i.died, "%s", i.text);
        ck_assert_uint_lt(i.n_logs, 20000);
        /* the next line that it logs tells of those that were lost */
        ck_assert_int_eq(instance_current_state_get(i.instance, "q"), 0);
        RUN_UNTIL(i.n_answered == 2);
        ck_assert_uint_eq(i.faults[INSTANCE_FAULT_FLOOD], 1);
        end(&i);
}
END_TEST

START_TEST(flood_that_must_not_be_lost_ends_it)
{
        expect_death(isolated_config(NULL), "command", "flood-state", "says more than can be read");
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(flood_on_standard_error_is_cut)
{
        struct isolated i;

        start_plain(&i, "{\"slot\":\"command\",\"way\":\"flood-stderr\"}");
        ck_assert_int_eq(instance_command(i.instance, "a1", "", UB_CMD_DOWNLOAD), 0);
        RUN_UNTIL(i.n_answered == 1);
        ck_assert_int_eq(instance_stop(i.instance), 0);
        RUN_UNTIL(i.stopped);
        ck_assert_uint_lt(i.n_logs, 100);
        ck_assert_ptr_nonnull(strstr(i.last_log, "lines of standard error left out)"));
        end(&i);
}
END_TEST

/* A neighbour must not notice any of it. */
START_TEST(neighbour_of_a_flooding_plugin_is_served)
{
        struct isolated bad;
        struct isolated good;
        int n;

        start_plain(&good, "{}");
        start_plain(&bad, "{\"slot\":\"command\",\"way\":\"flood-log\"}");
        ck_assert_int_eq(instance_command(bad.instance, "a1", "", UB_CMD_DOWNLOAD), 0);
        for (n = 1; n <= 50; n++) {
                uint64_t begin_usec = time_now_usec();

                ck_assert_int_eq(instance_current_state_get(good.instance, "q"), 0);
                RUN_UNTIL(good.n_answered == (unsigned)n);
                ck_assert_uint_lt(time_now_usec() - begin_usec, USEC_PER_SEC);
        }
        bad.instance = instance_free(bad.instance);
        end(&good);
}
END_TEST

/* ----------------------------------------------------------------------------------- the limits */

START_TEST(plugin_that_leaks_descriptors_meets_its_own_limit)
{
        struct instance_config config =
                isolated_config("{\"slot\":\"command\",\"way\":\"leak-fds\"}");
        struct isolated i;

        config.limits.open_files = 64;
        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        ck_assert_msg(i.started_r == 0 && !i.died, "%s", i.text);
        provoke(&i, "command");
        RUN_UNTIL(i.died);
        ck_assert_str_eq(i.text, "killed by SIGABRT");
        ck_assert_str_eq(i.last_log, "saboteur: Too many open files");
        end(&i);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER 1
#else
#define WITH_SANITIZER 0
#endif

START_TEST(plugin_that_eats_memory_meets_its_own_limit)
{
        struct instance_config config =
                isolated_config("{\"slot\":\"command\",\"way\":\"eat-memory\"}");
        struct isolated i;

        if (WITH_SANITIZER) {
                printf("# not tried: the address sanitizer itself needs terabytes\n");
                return;
        }
        config.limits.memory_bytes = UINT64_C(256) << 20;
        start(&i, &config);
        RUN_UNTIL(i.started || i.died);
        provoke(&i, "command");
        RUN_UNTIL(i.died);
        ck_assert_str_eq(i.last_log, "saboteur: Cannot allocate memory");
        end(&i);
}
END_TEST

static void probe(struct isolated *i, const struct instance_config *config)
{
        start(i, config);
        RUN_UNTIL(i->started || i->died);
        ck_assert_msg(i->started_r == 0 && !i->died, "%s\n%s", i->text, i->logs);
        provoke(i, "command");
        RUN_UNTIL(i->n_answered == 1 || i->died);
        ck_assert_msg(!i->died, "%s\n%s", i->text, i->logs);
}

START_TEST(filter_refuses_programs_that_were_not_granted)
{
        struct instance_config config = isolated_config("{\"slot\":\"command\",\"way\":\"probe\"}");
        struct isolated i;

        config.seccomp = true;
        probe(&i, &config);
        ck_assert_msg(strstr(i.logs, "probe: mount: EPERM\nprobe: execve: EPERM\n") != NULL, "%s",
                      i.logs);
        ck_assert_int_eq(instance_stop(i.instance), 0);
        RUN_UNTIL(i.stopped || i.died);
        ck_assert_msg(i.stopped, "%s", i.text);
        end(&i);
}
END_TEST

START_TEST(filter_lets_granted_programs_run)
{
        struct instance_config config = isolated_config("{\"slot\":\"command\",\"way\":\"probe\"}");
        struct isolated i;

        config.seccomp = true;
        config.grants = INSTANCE_GRANT_SPAWN;
        probe(&i, &config);
        ck_assert_msg(strstr(i.logs, "probe: mount: EPERM\nprobe: execve: works\n") != NULL, "%s",
                      i.logs);
        end(&i);
}
END_TEST

static bool access_as_effective_user(const char *path)
{
        return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
}

START_TEST(user_is_changed_when_we_are_root)
{
        struct instance_config config = isolated_config("{\"slot\":\"command\",\"way\":\"probe\"}");
        struct isolated i;
        bool open;

        config.limits.change_user = true;
        config.limits.uid = 65534;
        config.limits.gid = 65534;
        config.limits.no_new_privileges = true;
        if (geteuid() != 0) {
                printf("# not root: only that the change of the user is refused has been tried\n");
                start(&i, &config);
                RUN_UNTIL(i.started || i.died);
                ck_assert_int_eq(i.started_r, -EPERM);
                end(&i);
                return;
        }
        ck_assert_int_eq(seteuid(config.limits.uid), 0);
        open = access_as_effective_user(config.plugin) &&
               access_as_effective_user(config.agent_host);
        ck_assert_int_eq(seteuid(0), 0);
        if (!open) {
                printf("# not tried: the build folder is closed to other users\n");
                return;
        }
        probe(&i, &config);
        ck_assert_msg(strstr(i.logs, "probe: uid 65534 gid 65534\n") != NULL, "%s", i.logs);
        end(&i);
}
END_TEST

/* --------------------------------------------------------------------------------- free, always */

static unsigned count_fds(void)
{
        CLEANUP_CLOSEDIR DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        ck_assert_ptr_nonnull(dir);
        while (readdir(dir))
                n++;
        return n;
}

START_TEST(hundred_starts_and_kills_leave_nothing_behind)
{
        struct instance_config config = isolated_config("{}");
        unsigned before = 0;
        struct isolated i;
        int n;

        open_loop();
        for (n = 0; n < 100; n++) {
                uint64_t begin_usec;

                start(&i, &config);
                switch (n % 4) {
                case 0: /* killed before it says a word */
                        break;
                case 1:
                        RUN_UNTIL(i.started);
                        break;
                case 2:
                        RUN_UNTIL(i.started);
                        ck_assert_int_eq(instance_stop(i.instance), 0);
                        RUN_UNTIL(i.stopped);
                        break;
                case 3:
                        RUN_UNTIL(i.started);
                        ck_assert_int_eq(instance_stop(i.instance), 0);
                        break;
                }
                begin_usec = time_now_usec();
                i.instance = instance_free(i.instance);
                ck_assert_uint_lt(time_now_usec() - begin_usec, USEC_PER_SEC / 2);
                run_until_alone();
                if (n == 3)
                        before = count_fds();
        }
        ck_assert_uint_eq(count_fds(), before);
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(instance_may_be_freed_in_any_handler)
{
        static const char *const slot_names[] = { "create", "desired_state", "stop" };
        static const char *const ways[] = { "none", "abort", "flood-log", "flood-stderr",
                                            "flood-state" };
        size_t s;
        size_t w;
        unsigned after;

        open_loop();
        for (s = 0; s < ARRAY_SIZE(slot_names); s++)
                for (w = 0; w < ARRAY_SIZE(ways); w++)
                        for (after = 0; after < 3; after++) {
                                char settings[200];
                                struct instance_config config;
                                struct isolated i;

                                (void)snprintf(settings, sizeof(settings),
                                               "{\"slot\":\"%s\",\"way\":\"%s\"}", slot_names[s],
                                               ways[w]);
                                config = isolated_config(settings);
                                start(&i, &config);
                                i.free_on_event = after == 0;
                                RUN_UNTIL(i.started || i.died || !i.instance);
                                i.free_on_event = after == 1;
                                if (i.instance && !i.died && s == 1)
                                        provoke(&i, slot_names[s]);
                                if (i.instance && !i.died && s != 1)
                                        ck_assert_int_eq(instance_stop(i.instance), 0);
                                RUN_UNTIL(i.n_answered > 0 || i.stopped || i.died || !i.instance);
                                i.instance = instance_free(i.instance);
                                run_until_alone();
                        }
        loop = sd_event_unref(loop);
}
END_TEST

START_TEST(instance_that_never_started_is_freed)
{
        struct instance_config config = isolated_config("{}");
        struct isolated i;

        open_loop();
        ck_assert_int_eq(isolated_new(&i, loop, &config), 0);
        ck_assert_int_eq(instance_stop(i.instance), -ESTALE);
        end(&i);
}
END_TEST

START_TEST(stop_while_it_starts_is_remembered)
{
        struct instance_config config = isolated_config("{}");
        struct isolated i;

        start(&i, &config);
        ck_assert_int_eq(instance_stop(i.instance), 0);
        RUN_UNTIL(i.stopped || i.died);
        ck_assert_msg(i.started && i.stopped, "%s", i.text);
        end(&i);
}
END_TEST

START_TEST(loop_may_end_before_its_children)
{
        struct instance_config config = isolated_config("{}");
        struct isolated i;

        start(&i, &config);
        i.instance = instance_free(i.instance);
        loop = sd_event_unref(loop); /* valgrind and the leak checker watch this one */
}
END_TEST

UNIT_MAIN_TIMEOUT("process", 60, plugin_lives_from_start_to_stop, crash_in_any_slot_is_one_sentence,
                  exit_in_any_slot_is_one_sentence, hang_in_any_slot_ends_in_time,
                  hang_between_requests_shows_while_an_activity_runs, stopped_twice_is_no_harm,
                  what_was_asked_before_a_stop_is_answered,
                  last_words_on_standard_error_come_before_the_end, failed_create_is_a_failed_start,
                  missing_plugin_and_missing_program_are_failed_starts,
                  plugin_that_closes_the_channel_is_killed,
                  plugin_that_writes_to_the_channel_is_killed,
                  flood_of_log_lines_loses_lines_and_nothing_else,
                  flood_that_must_not_be_lost_ends_it, flood_on_standard_error_is_cut,
                  neighbour_of_a_flooding_plugin_is_served,
                  plugin_that_leaks_descriptors_meets_its_own_limit,
                  plugin_that_eats_memory_meets_its_own_limit,
                  filter_refuses_programs_that_were_not_granted, filter_lets_granted_programs_run,
                  user_is_changed_when_we_are_root, hundred_starts_and_kills_leave_nothing_behind,
                  instance_may_be_freed_in_any_handler, instance_that_never_started_is_freed,
                  stop_while_it_starts_is_remembered, loop_may_end_before_its_children)
