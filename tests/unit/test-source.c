/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/plugin/child.h"
#include "host/plugin/source.h"
#include "host/util/spawn.h"
#include "host/util/time.h"
#include "tests/unit/unit.h"

static sd_event *event;
static struct source_table *table;
static unsigned inside; /* between enter() and leave() */
static unsigned entered;
static bool free_in_leave;

static void enter(void *data, const char *what)
{
        (void)data;
        ck_assert_str_ne(what, "");
        ck_assert_uint_eq(inside++, 0);
        entered++;
}

static void leave(void *data)
{
        (void)data;
        ck_assert_uint_eq(--inside, 0);
        if (free_in_leave)
                table = source_table_free(table);
}

static void begin(void)
{
        const struct source_owner owner = { .enter = enter, .leave = leave };

        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(source_table_new(event, &owner, &table), 0);
}

static void end(void)
{
        table = source_table_free(table);
        event = sd_event_unref(event);
}

static void turn(void)
{
        ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
}

/* Everything that is due has run. */
static void settle(void)
{
        while (sd_event_run(event, 0) > 0)
                ;
}

static void count(void *data)
{
        ck_assert_uint_eq(inside, 1);
        ++*(unsigned *)data;
}

START_TEST(a_deferred_call_runs_once_and_later)
{
        unsigned n = 0;

        begin();
        ck_assert_int_eq(source_defer(table, count, &n, NULL), 0);
        ck_assert_uint_eq(n, 0);
        ck_assert_uint_eq(source_count(table), 1);
        settle();
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(entered, 1);
        ck_assert_uint_eq(source_count(table), 0);
        end();
}
END_TEST

START_TEST(a_timer_is_not_early)
{
        uint64_t began = time_now_usec();
        unsigned n = 0;

        begin();
        ck_assert_int_eq(source_timer(table, 20 * USEC_PER_MSEC, count, &n, NULL), 0);
        while (n == 0)
                turn();
        ck_assert_uint_ge(time_now_usec() - began, 20 * USEC_PER_MSEC);
        end();
}
END_TEST

static struct ub_source *self;
static unsigned n_again;

static void again(void *data)
{
        struct ub_source *old = self;

        /* Its own handle is dead already, and the new one is another. */
        ck_assert_int_eq(source_drop(table, old), -ENOENT);
        if (++n_again < 3) {
                ck_assert_int_eq(source_timer(table, 0, again, data, &self), 0);
                ck_assert_ptr_ne(self, old);
        }
}

START_TEST(a_timer_may_be_armed_again_from_inside)
{
        begin();
        ck_assert_int_eq(source_timer(table, 0, again, NULL, &self), 0);
        while (n_again < 3)
                turn();
        settle();
        ck_assert_uint_eq(n_again, 3);
        ck_assert_uint_eq(source_count(table), 0);
        end();
}
END_TEST

START_TEST(a_dropped_source_does_not_run_although_it_is_due)
{
        struct ub_source *sources[2];
        unsigned n = 0;

        begin();
        ck_assert_int_eq(source_defer(table, count, &n, &sources[0]), 0);
        ck_assert_int_eq(source_timer(table, 0, count, &n, &sources[1]), 0);
        ck_assert_int_eq(source_drop(table, sources[0]), 0);
        ck_assert_int_eq(source_drop(table, sources[1]), 0);
        ck_assert_int_eq(source_drop(table, sources[1]), -ENOENT);
        settle();
        ck_assert_uint_eq(n, 0);
        end();
}
END_TEST

static struct ub_source *pair[2];
static unsigned n_pair;

static void drop_both(void *data)
{
        (void)data;
        n_pair++;
        /* One of them is this one, and gone. */
        (void)source_drop(table, pair[0]);
        (void)source_drop(table, pair[1]);
}

START_TEST(one_callback_may_drop_another_that_is_due)
{
        begin();
        ck_assert_int_eq(source_defer(table, drop_both, NULL, &pair[0]), 0);
        ck_assert_int_eq(source_defer(table, drop_both, NULL, &pair[1]), 0);
        settle();
        ck_assert_uint_eq(n_pair, 1);
        ck_assert_uint_eq(source_count(table), 0);
        end();
}
END_TEST

START_TEST(handles_of_another_table_are_unknown)
{
        const struct source_owner owner = { .enter = enter, .leave = leave };
        struct source_table *other;
        struct ub_source *source;
        unsigned n = 0;

        begin();
        ck_assert_int_eq(source_table_new(event, &owner, &other), 0);
        ck_assert_int_eq(source_defer(table, count, &n, NULL), 0);
        ck_assert_int_eq(source_defer(other, count, &n, &source), 0);
        ck_assert_int_eq(source_drop(table, source), -ENOENT);
        ck_assert_int_eq(source_drop(table, NULL), -ENOENT);
        for (uintptr_t number = 1; number < 100000; number++)
                ck_assert_int_eq(source_drop(table, (struct ub_source *)number), -ENOENT);
        settle();
        ck_assert_uint_eq(n, 2);
        source_table_free(other);
        end();
}
END_TEST

START_TEST(there_is_room_again_after_a_drop)
{
        struct ub_source *first = NULL;
        unsigned n = 0;

        begin();
        for (unsigned i = 0; i < UB_MAX_SOURCES; i++)
                ck_assert_int_eq(source_timer(table, UINT64_MAX, count, &n, i ? NULL : &first), 0);
        ck_assert_int_eq(source_defer(table, count, &n, NULL), -E2BIG);
        ck_assert_int_eq(source_drop(table, first), 0);
        ck_assert_int_eq(source_defer(table, count, &n, NULL), 0);
        /* The place is taken again, but by another: the old handle stays dead. */
        ck_assert_int_eq(source_drop(table, first), -ENOENT);
        settle();
        ck_assert_uint_eq(n, 1);
        end();
}
END_TEST

static struct {
        int fd;
        uint32_t events;
        unsigned n;
} seen;

static void on_io(void *data, int fd, uint32_t events)
{
        (void)data;
        ck_assert_uint_eq(inside, 1);
        seen.fd = fd;
        seen.events = events;
        seen.n++;
}

START_TEST(io_is_level_triggered_and_names_the_plugins_fd)
{
        struct ub_source *source;
        int fds[2];
        char c;

        begin();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(source_io(table, fds[0], UB_IO_IN, on_io, NULL, &source), 0);
        settle();
        ck_assert_uint_eq(seen.n, 0);
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        turn();
        turn();
        ck_assert_uint_ge(seen.n, 1);
        ck_assert_int_eq(seen.fd, fds[0]);
        ck_assert_uint_eq(seen.events, UB_IO_IN);

        ck_assert_int_eq(source_io_events(table, source, UB_IO_OUT), 0);
        seen.events = 0;
        while (!seen.events)
                turn();
        ck_assert_uint_eq(seen.events, UB_IO_OUT);

        ck_assert_int_eq(read(fds[0], &c, 1), 1);
        ck_assert_int_eq(source_io_events(table, source, 0), 0);
        settle();
        (void)close(fds[1]);
        seen.events = 0;
        while (!seen.events)
                turn();
        ck_assert_uint_eq(seen.events, UB_IO_HUP);
        ck_assert_int_eq(source_drop(table, source), 0);
        (void)close(fds[0]);
        end();
}
END_TEST

START_TEST(one_fd_may_be_watched_twice)
{
        int fds[2];

        begin();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(source_io(table, fds[0], UB_IO_IN, on_io, NULL, NULL), 0);
        ck_assert_int_eq(source_io(table, fds[0], UB_IO_OUT, on_io, NULL, NULL), 0);
        turn();
        while (seen.n == 0)
                turn();
        ck_assert_uint_eq(seen.events, UB_IO_OUT);
        (void)close(fds[0]);
        (void)close(fds[1]);
        end();
}
END_TEST

START_TEST(a_file_and_a_closed_fd_cannot_be_watched)
{
        FILE *file = tmpfile();

        begin();
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(source_io(table, fileno(file), UB_IO_IN, on_io, NULL, NULL), -EPERM);
        ck_assert_int_eq(source_io(table, 1000000, UB_IO_IN, on_io, NULL, NULL), -EBADF);
        ck_assert_uint_eq(source_count(table), 0);
        (void)fclose(file);
        end();
}
END_TEST

START_TEST(leave_may_free_the_table)
{
        int fds[2];

        begin();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(source_io(table, fds[0], UB_IO_OUT, on_io, NULL, NULL), 0);
        free_in_leave = true;
        while (table)
                turn();
        settle();
        ck_assert_uint_eq(seen.n, 1);
        (void)close(fds[0]);
        (void)close(fds[1]);
        end();
}
END_TEST

START_TEST(a_muted_table_calls_nothing_and_keeps_its_handles)
{
        struct ub_source *source;
        unsigned n = 0;
        int fds[2];

        begin();
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ck_assert_int_eq(source_io(table, fds[0], UB_IO_OUT, on_io, NULL, &source), 0);
        ck_assert_int_eq(source_defer(table, count, &n, NULL), 0);
        source_table_mute(table);
        settle();
        ck_assert_uint_eq(n + seen.n, 0);
        ck_assert_int_eq(source_drop(table, source), 0);
        (void)close(fds[0]);
        (void)close(fds[1]);
        end();
}
END_TEST

/* ---------------------------------------------------------------------------------------- spawn */

static struct {
        int code;
        int status;
        unsigned n;
} ended;

static void on_end(void *data, int32_t code, int32_t status)
{
        (void)data;
        ck_assert_uint_eq(inside, 1);
        ended.code = code;
        ended.status = status;
        ended.n++;
}

/* Runs a shell script; the script's standard output is out_fd. */
static void run(const char *script, int out_fd, uint64_t timeout_usec, struct ub_source **ret)
{
        const char *const argv[] = { "/bin/sh", "-c", script, NULL };
        const char *const envp[] = { "PATH=/usr/bin:/bin", NULL };
        const struct spawn spawn = {
                .path = argv[0],
                .argv = argv,
                .envp = envp,
                .in_fd = -1,
                .out_fd = out_fd,
                .err_fd = -1,
                .new_group = true,
        };

        ck_assert_int_eq(source_spawn(table, &spawn, timeout_usec, on_end, NULL, ret), 0);
}

/* A pipe that is at its end when the last process that can write to it is gone. */
static void open_pipe(int *fds)
{
        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
}

/* Waits for one byte; 0 at the end of the pipe. */
static char read_byte(int fd)
{
        char c = 0;

        ck_assert_int_ge(read(fd, &c, 1), 0);
        return c;
}

START_TEST(the_end_of_a_program_is_told_with_its_status)
{
        struct ub_source *source;

        begin();
        run("exit 7", -1, 0, &source);
        while (ended.n == 0)
                turn();
        ck_assert_int_eq(ended.code, CLD_EXITED);
        ck_assert_int_eq(ended.status, 7);
        ck_assert_int_eq(source_drop(table, source), -ENOENT);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* reaped */
        end();
}
END_TEST

START_TEST(a_program_that_cannot_be_run_takes_no_place)
{
        const char *const argv[] = { "/does/not/exist", NULL };
        const struct spawn spawn = {
                .path = argv[0],
                .argv = argv,
                .in_fd = -1,
                .out_fd = -1,
                .err_fd = -1,
                .new_group = true,
        };

        begin();
        ck_assert_int_eq(source_spawn(table, &spawn, 0, on_end, NULL, NULL), -ENOENT);
        ck_assert_uint_eq(source_count(table), 0);
        end();
}
END_TEST

START_TEST(a_program_that_takes_too_long_is_terminated)
{
        begin();
        run("exec sleep 1000", -1, 10 * USEC_PER_MSEC, NULL);
        while (ended.n == 0)
                turn();
        ck_assert_int_eq(ended.code, CLD_KILLED);
        ck_assert_int_eq(ended.status, SIGTERM);
        end();
}
END_TEST

START_TEST(a_program_that_ignores_sigterm_is_killed)
{
        uint64_t began = time_now_usec();
        int fds[2];

        begin();
        open_pipe(fds);
        run("trap '' TERM; echo x; while :; do sleep 1000; done", fds[1], 200 * USEC_PER_MSEC,
            NULL);
        (void)close(fds[1]);
        ck_assert_int_eq(read_byte(fds[0]), 'x');
        while (ended.n == 0)
                turn();
        ck_assert_int_eq(ended.code, CLD_KILLED);
        ck_assert_int_eq(ended.status, SIGKILL);
        ck_assert_uint_ge(time_now_usec() - began, CHILD_KILL_USEC);
        (void)close(fds[0]);
        end();
}
END_TEST

START_TEST(a_dropped_program_is_killed_with_its_children_and_reaped)
{
        struct ub_source *source;
        siginfo_t info;
        int fds[2];

        begin();
        open_pipe(fds);
        run("sleep 1000 & echo x; wait", fds[1], 0, &source);
        (void)close(fds[1]);
        ck_assert_int_eq(read_byte(fds[0]), 'x');
        ck_assert_int_eq(source_drop(table, source), 0);
        ck_assert_uint_eq(source_count(table), 0);
        while (read_byte(fds[0]) != 0)
                ; /* the newline; then the end, when both processes are gone */
        while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
                turn();
        ck_assert_uint_eq(ended.n, 0);
        (void)close(fds[0]);
        end();
}
END_TEST

START_TEST(a_program_dies_with_the_table)
{
        int fds[2];

        begin();
        open_pipe(fds);
        run("exec sleep 1000", fds[1], 0, NULL);
        (void)close(fds[1]);
        end();
        ck_assert_int_eq(read_byte(fds[0]), 0);
        (void)close(fds[0]);
}
END_TEST

UNIT_MAIN("source", a_deferred_call_runs_once_and_later, a_timer_is_not_early,
          a_timer_may_be_armed_again_from_inside,
          a_dropped_source_does_not_run_although_it_is_due,
          one_callback_may_drop_another_that_is_due, handles_of_another_table_are_unknown,
          there_is_room_again_after_a_drop, io_is_level_triggered_and_names_the_plugins_fd,
          one_fd_may_be_watched_twice, a_file_and_a_closed_fd_cannot_be_watched,
          leave_may_free_the_table, a_muted_table_calls_nothing_and_keeps_its_handles,
          the_end_of_a_program_is_told_with_its_status,
          a_program_that_cannot_be_run_takes_no_place, a_program_that_takes_too_long_is_terminated,
          a_program_that_ignores_sigterm_is_killed,
          a_dropped_program_is_killed_with_its_children_and_reaped, a_program_dies_with_the_table)
