/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "host/plugin/breadcrumb.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

DEFINE_FREEP(struct breadcrumb, breadcrumb);

/* The runtime and the state folder of one device, and a plugin's file. */
static struct folder runtime;
static struct folder state;
static char plugin[PATH_MAX];

static void begin(void)
{
        runtime = folder_new();
        state = folder_new();
        folder_write(&state, "a.so", "ELF");
        folder_path(&state, "a.so", plugin);
}

static void end(void)
{
        folder_done(&runtime);
        folder_done(&state);
}

static struct breadcrumb *reopen(int expected_r)
{
        struct breadcrumb *crumbs = NULL;
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(breadcrumb_open(runtime.fd, state.fd, &diag, &crumbs), expected_r);
        return crumbs;
}

/* A daemon that calls `call` of agent `id` and, if it dies there, does so by a signal. */
static void run_daemon(const char *id, const char *call, bool dies)
{
        struct breadcrumb_mark mark;
        int status;
        pid_t pid;

        pid = check_fork();
        if (pid == 0) {
                struct breadcrumb *crumbs = NULL;

                if (breadcrumb_open(runtime.fd, state.fd, NULL, &crumbs) != 0)
                        _exit(1);
                breadcrumb_mark_init(&mark, id, plugin);
                breadcrumb_enter(crumbs, &mark, call);
                if (dies)
                        (void)raise(SIGKILL);
                breadcrumb_leave(crumbs);
                (void)breadcrumb_free(crumbs);
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(dies ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(daemon_that_ends_outside_of_a_call_leaves_no_crumb)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        const char *id;
        const char *call;

        begin();
        run_daemon("a", "command", false);
        crumbs = reopen(0);
        ck_assert(!breadcrumb_read(crumbs, &id, &call));
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 0);
        end();
}
END_TEST

START_TEST(daemon_that_dies_in_a_call_says_whose)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        const char *id = NULL;
        const char *call = NULL;

        begin();
        run_daemon("self-update", "desired_state", true);
        crumbs = reopen(0);
        ck_assert(breadcrumb_read(crumbs, &id, &call));
        ck_assert_str_eq(id, "self-update");
        ck_assert_str_eq(call, "desired_state");
        ck_assert_uint_eq(breadcrumb_count(crumbs, "self-update", plugin), 1);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "containers", plugin), 0);

        /* It is told once. */
        crumbs = breadcrumb_free(crumbs);
        crumbs = reopen(0);
        ck_assert(!breadcrumb_read(crumbs, &id, &call));
        ck_assert_uint_eq(breadcrumb_count(crumbs, "self-update", plugin), 1);
        end();
}
END_TEST

START_TEST(second_crash_bans_the_agent_for_good)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;

        begin();
        run_daemon("a", "load", true);
        run_daemon("b", "load", true);
        run_daemon("b", "load", false);
        crumbs = reopen(0);
        ck_assert(!breadcrumb_is_banned(crumbs, "a", plugin));
        crumbs = breadcrumb_free(crumbs);

        run_daemon("a", "command", true);
        for (int i = 0; i < 2; i++) {
                crumbs = reopen(0);
                ck_assert(breadcrumb_is_banned(crumbs, "a", plugin));
                ck_assert(!breadcrumb_is_banned(crumbs, "b", plugin));
                crumbs = breadcrumb_free(crumbs);
        }
        end();
}
END_TEST

START_TEST(other_plugin_file_starts_at_zero)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;

        begin();
        run_daemon("a", "command", true);
        run_daemon("a", "command", true);
        folder_write(&state, "a.so", "ELF, repaired"); /* another size */
        crumbs = reopen(0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 0);
        crumbs = breadcrumb_free(crumbs);

        run_daemon("a", "command", true);
        crumbs = reopen(0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 1);
        end();
}
END_TEST

START_TEST(touched_and_replaced_files_are_other_files)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        const struct timespec times[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        char old[PATH_MAX];

        begin();
        ck_assert_int_eq(utimensat(AT_FDCWD, plugin, times, 0), 0);
        run_daemon("a", "command", true);
        crumbs = reopen(0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 1);
        ck_assert_int_eq(utimensat(AT_FDCWD, plugin, NULL, 0), 0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 0);
        ck_assert_int_eq(utimensat(AT_FDCWD, plugin, times, 0), 0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 1);

        /* The same size and time, but another file. */
        folder_path(&state, "old.so", old);
        ck_assert_int_eq(rename(plugin, old), 0);
        folder_write(&state, "a.so", "ELF");
        ck_assert_int_eq(utimensat(AT_FDCWD, plugin, times, 0), 0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 0);
        end();
}
END_TEST

START_TEST(administrator_pardons)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;

        begin();
        run_daemon("a", "command", true);
        run_daemon("b", "command", true);
        run_daemon("a", "command", true);
        crumbs = reopen(0);
        ck_assert(breadcrumb_is_banned(crumbs, "a", plugin));
        ck_assert_int_eq(breadcrumb_clear(crumbs, "a"), 0);
        ck_assert_int_eq(breadcrumb_clear(crumbs, "a"), -ENOENT);
        ck_assert(!breadcrumb_is_banned(crumbs, "a", plugin));
        crumbs = breadcrumb_free(crumbs);
        crumbs = reopen(0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, "b", plugin), 1);
        end();
}
END_TEST

START_TEST(reboot_is_no_crash)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        const char *id;
        const char *call;

        begin();
        run_daemon("a", "command", true);
        ck_assert_int_eq(unlinkat(runtime.fd, "breadcrumb", 0), 0); /* as /run after a boot */
        crumbs = reopen(0);
        ck_assert(!breadcrumb_read(crumbs, &id, &call));
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 0);
        end();
}
END_TEST

START_TEST(page_that_is_none_says_nothing)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        const char *id;
        const char *call;

        begin();
        folder_write(&runtime, "breadcrumb", "short");
        crumbs = reopen(0);
        ck_assert(!breadcrumb_read(crumbs, &id, &call));
        end();
}
END_TEST

START_TEST(damaged_counts_are_set_aside)
{
        static const char *const texts[] = {
                "", "something else\n", "update-broker plugin crashes 1\na 1 2 3\n",
                "update-broker plugin crashes 1\na 1 2 3 4 5",
                "update-broker plugin crashes 1\na 0 2 3 4 5\n",
                "update-broker plugin crashes 1\na 1 2 3 4 5 6\n",
                "update-broker plugin crashes 1\na -1 2 3 4 5\n",
        };

        begin();
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
                struct diag diag = DIAG_INIT;

                folder_write(&state, "plugin-crashes", texts[i]);
                ck_assert_int_eq(breadcrumb_open(runtime.fd, state.fd, &diag, &crumbs), 1);
                ck_assert_str_eq(diag.text,
                                 "plugin-crashes: damaged, set aside as plugin-crashes.bad");
                ck_assert_int_eq(faccessat(state.fd, "plugin-crashes", F_OK, 0), -1);
                ck_assert_int_eq(faccessat(state.fd, "plugin-crashes.bad", F_OK, 0), 0);
        }
        end();
}
END_TEST

START_TEST(as_many_agents_as_fit_are_remembered_and_the_oldest_goes_first)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        struct breadcrumb_mark mark;
        char id[UB_MAX_ID + 1];

        begin();
        /* In this process: letting go of the page in a call is what a crash leaves. */
        for (int i = 0; i <= BREADCRUMB_AGENTS_MAX; i++) {
                (void)snprintf(id, sizeof(id), "agent-%058d", i);
                crumbs = breadcrumb_free(crumbs);
                crumbs = reopen(0);
                breadcrumb_mark_init(&mark, id, plugin);
                breadcrumb_enter(crumbs, &mark, "a call with a name that is too long for a page");
        }
        crumbs = breadcrumb_free(crumbs);
        crumbs = reopen(0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, id, plugin), 1);
        (void)snprintf(id, sizeof(id), "agent-%058d", 0);
        ck_assert_uint_eq(breadcrumb_count(crumbs, id, plugin), 0);
        (void)snprintf(id, sizeof(id), "agent-%058d", 1);
        ck_assert_uint_eq(breadcrumb_count(crumbs, id, plugin), 1);
        end();
}
END_TEST

START_TEST(count_that_cannot_be_stored_keeps_the_crumb)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        struct diag diag = DIAG_INIT;
        const char *id;
        const char *call;

        begin();
        run_daemon("a", "command", true);
        ck_assert_int_eq(mkdirat(state.fd, ".plugin-crashes.new", 0700), 0);
        ck_assert_int_eq(breadcrumb_open(runtime.fd, state.fd, &diag, &crumbs), -EISDIR);
        ck_assert_str_eq(diag.text, "plugin-crashes: Is a directory");
        ck_assert_int_eq(unlinkat(state.fd, ".plugin-crashes.new", AT_REMOVEDIR), 0);
        crumbs = reopen(0);
        ck_assert(breadcrumb_read(crumbs, &id, &call));
        ck_assert_uint_eq(breadcrumb_count(crumbs, "a", plugin), 1);
        end();
}
END_TEST

START_TEST(agent_host_has_no_crumbs)
{
        struct breadcrumb_mark mark;

        breadcrumb_mark_init(&mark, "a", "/nonexistent");
        breadcrumb_enter(NULL, &mark, "command");
        breadcrumb_leave(NULL);
        ck_assert_ptr_null(breadcrumb_free(NULL));
}
END_TEST

UNIT_MAIN("breadcrumb", daemon_that_ends_outside_of_a_call_leaves_no_crumb,
          daemon_that_dies_in_a_call_says_whose, second_crash_bans_the_agent_for_good,
          other_plugin_file_starts_at_zero, touched_and_replaced_files_are_other_files,
          administrator_pardons, reboot_is_no_crash, page_that_is_none_says_nothing,
          damaged_counts_are_set_aside,
          as_many_agents_as_fit_are_remembered_and_the_oldest_goes_first,
          count_that_cannot_be_stored_keeps_the_crumb, agent_host_has_no_crumbs)
