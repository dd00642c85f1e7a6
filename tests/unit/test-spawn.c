/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/util/cleanup.h"
#include "host/util/file.h"
#include "host/util/spawn.h"
#include "tests/unit/unit.h"

static const char *const plain_env[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL };

/* Waits for the end of a child and returns how it ended, reaped. */
static siginfo_t wait_for(int pidfd)
{
        siginfo_t info = { 0 };

        ck_assert_int_eq(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), 0);
        return info;
}

/* Runs a shell script with standard output on a pipe; returns what it wrote and its exit status. */
static int run_script(struct spawn *s, const char *script, char *out, size_t size)
{
        const char *argv[] = { "sh", "-c", script, NULL };
        CLEANUP_CLOSE int pidfd = -1;
        size_t length = 0;
        siginfo_t info;
        int fds[2];
        pid_t pid;
        ssize_t n;

        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
        s->path = "/bin/sh";
        s->argv = argv;
        s->envp = plain_env;
        s->out_fd = fds[1];
        ck_assert_int_eq(spawn_process(s, &pid, &pidfd), 0);
        close(fds[1]);
        while ((n = read(fds[0], out + length, size - 1 - length)) > 0)
                length += (size_t)n;
        out[length] = '\0';
        close(fds[0]);
        info = wait_for(pidfd);
        ck_assert_int_eq(info.si_pid, pid);
        ck_assert_int_eq(info.si_code, CLD_EXITED);
        return info.si_status;
}

#define SPAWN_QUIET { .in_fd = -1, .out_fd = -1, .err_fd = -1 }

START_TEST(program_runs_and_its_end_is_seen_through_the_pidfd)
{
        struct spawn s = SPAWN_QUIET;
        char out[64];

        ck_assert_int_eq(run_script(&s, "echo hello; exit 3", out, sizeof(out)), 3);
        ck_assert_str_eq(out, "hello\n");
}
END_TEST

START_TEST(missing_program_is_an_error_and_leaves_no_child)
{
        const char *argv[] = { "nothing", NULL };
        struct spawn s = SPAWN_QUIET;
        int pidfd = -7;
        pid_t pid = -7;

        s.path = "/nonexistent/nothing";
        s.argv = argv;
        ck_assert_int_eq(spawn_process(&s, &pid, &pidfd), -ENOENT);
        ck_assert_int_eq(pidfd, -7);
        ck_assert_int_eq(pid, -7);
        s.path = "/etc/passwd";
        ck_assert_int_eq(spawn_process(&s, &pid, &pidfd), -EACCES);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
        ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* Descriptors change places: 3 must become 4 and 4 must become 3. */
START_TEST(descriptors_arrive_in_order_even_when_they_lie_on_each_other)
{
        static const char *const texts[] = { "three\n", "four\n" };
        struct spawn s = SPAWN_QUIET;
        int from[2] = { 4, 3 };
        char out[128];
        int i;

        for (i = 0; i < 2; i++) {
                int fds[2];

                ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
                ck_assert_int_eq(file_write_fd(fds[1], texts[i], strlen(texts[i])), 0);
                close(fds[1]);
                /* out of the way first: the pipes may lie on 3 and 4 themselves */
                from[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
                close(fds[0]);
        }
        ck_assert_int_eq(dup3(from[0], 4, O_CLOEXEC), 4);
        ck_assert_int_eq(dup3(from[1], 3, O_CLOEXEC), 3);
        close(from[0]);
        close(from[1]);
        s.pass_fds[0] = 4;
        s.pass_fds[1] = 3;
        s.n_pass = 2;
        ck_assert_int_eq(run_script(&s, "cat <&3; cat <&4", out, sizeof(out)), 0);
        ck_assert_str_eq(out, "three\nfour\n");
}
END_TEST

START_TEST(nothing_else_is_inherited)
{
        struct spawn s = SPAWN_QUIET;
        char out[256];
        int leak[3];
        int i;

        for (i = 0; i < 3; i++) /* without O_CLOEXEC, as a careless library does */
                ck_assert_int_ge(leak[i] = open("/dev/null", O_RDONLY), 0);
        s.pass_fds[0] = leak[2];
        s.n_pass = 1;
        /* one more: ls opens the folder that it lists */
        ck_assert_int_eq(run_script(&s, "ls /proc/self/fd | tr '\\n' ' '", out, sizeof(out)), 0);
        ck_assert_str_eq(out, "0 1 2 3 4 ");
        ck_assert_int_eq(run_script(&s, "readlink /proc/self/fd/0", out, sizeof(out)), 0);
        ck_assert_str_eq(out, "/dev/null\n");
}
END_TEST

START_TEST(closed_standard_descriptors_of_ours_do_no_harm)
{
        struct spawn s = SPAWN_QUIET;
        char out[64];
        int r;
        int i;
        int saved[3];

        for (i = 0; i < 3; i++) {
                saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 50);
                close(i);
        }
        r = run_script(&s, "readlink /proc/self/fd/2", out, sizeof(out));
        for (i = 0; i < 3; i++) {
                dup2(saved[i], i);
                close(saved[i]);
        }
        ck_assert_int_eq(r, 0);
        ck_assert_str_eq(out, "/dev/null\n");
}
END_TEST

START_TEST(signals_start_fresh_in_the_child)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        struct spawn s = SPAWN_QUIET;
        unsigned long long blocked;
        unsigned long long ignored;
        sigset_t set;
        char out[256];

        sigfillset(&set);
        sigprocmask(SIG_SETMASK, &set, NULL);
        ck_assert_int_eq(sigaction(SIGPIPE, &ignore, NULL), 0);
        ck_assert_int_eq(run_script(&s, "grep -E '^Sig(Blk|Ign)' /proc/self/status", out,
                                    sizeof(out)),
                         0);
        ck_assert_int_eq(sscanf(out, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
        ck_assert_uint_eq(blocked, 0);
        ck_assert_uint_eq(ignored & (1u << (SIGPIPE - 1)), 0);
        /* and ours are as they were */
        sigemptyset(&set);
        sigprocmask(SIG_SETMASK, NULL, &set);
        ck_assert(sigismember(&set, SIGTERM));
}
END_TEST

START_TEST(limits_hold_in_the_child)
{
        struct spawn s = SPAWN_QUIET;
        char out[256];

        s.limits.open_files = 40;
        s.limits.memory_bytes = UINT64_C(512) << 20;
        s.limits.cpu_sec = 77;
        s.limits.no_core = true;
        s.limits.no_new_privileges = true;
        ck_assert_int_eq(run_script(&s, "ulimit -n; ulimit -v; ulimit -t; ulimit -c; "
                                        "grep -c 'NoNewPrivs.*1' /proc/self/status",
                                    out, sizeof(out)),
                         0);
        ck_assert_str_eq(out, "40\n524288\n77\n0\n1\n");
}
END_TEST

START_TEST(user_and_groups_change_when_we_are_root)
{
        struct spawn s = SPAWN_QUIET;
        const char *argv[] = { "true", NULL };
        char out[256];
        int pidfd;
        pid_t pid;

        s.limits.change_user = true;
        s.limits.uid = 65534;
        s.limits.gid = 65533;
        if (geteuid() != 0) {
                s.path = "/bin/true";
                s.argv = argv;
                ck_assert_int_eq(spawn_process(&s, &pid, &pidfd), -EPERM);
                return;
        }
        ck_assert_int_eq(run_script(&s, "grep -E '^(Uid|Gid|Groups)' /proc/self/status | tr -d ' '",
                                    out, sizeof(out)),
                         0);
        ck_assert_str_eq(out, "Uid:\t65534\t65534\t65534\t65534\n"
                              "Gid:\t65533\t65533\t65533\t65533\nGroups:\t\n");
}
END_TEST

START_TEST(group_is_killed_as_a_whole)
{
        const char *argv[] = { "sh", "-c", "cat <&3 & cat <&3", NULL };
        struct spawn s = SPAWN_QUIET;
        CLEANUP_CLOSE int pidfd = -1;
        struct pollfd p = { .events = POLLIN };
        char c;
        int hold[2];
        int watch[2];
        pid_t pid;

        /* Every process of the group holds the write end of `watch`; its end of file says that none
         * of them is left. */
        ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
        ck_assert_int_eq(pipe2(watch, O_CLOEXEC), 0);
        s.path = "/bin/sh";
        s.argv = argv;
        s.envp = plain_env;
        s.new_group = true;
        s.pass_fds[0] = hold[0];
        s.pass_fds[1] = watch[1];
        s.n_pass = 2;
        ck_assert_int_eq(spawn_process(&s, &pid, &pidfd), 0);
        ck_assert_int_eq(getpgid(pid), pid);
        close(watch[1]);
        spawn_kill(pid, pidfd, true, SIGKILL);
        p.fd = watch[0];
        ck_assert_int_eq(poll(&p, 1, 10000), 1);
        ck_assert_int_eq(read(watch[0], &c, 1), 0);
        ck_assert_int_eq(wait_for(pidfd).si_code, CLD_KILLED);
        spawn_kill(pid, pidfd, false, SIGKILL); /* gone already is fine */
}
END_TEST

/* A middle process makes a child by spawn and is killed; the child must go with it. */
START_TEST(child_dies_with_its_parent)
{
        struct pollfd p = { .events = POLLIN };
        int ready[2];
        int watch[2];
        pid_t middle;
        char c;

        ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
        ck_assert_int_eq(pipe2(watch, O_CLOEXEC), 0);
        middle = fork();
        if (middle == 0) {
                const char *argv[] = { "sh", "-c", "echo >&3; while :; do wait; read x <&4; done",
                                       NULL };
                struct spawn s = SPAWN_QUIET;
                int hold[2];
                int pidfd;
                pid_t pid;

                s.path = "/bin/sh";
                s.argv = argv;
                s.pass_fds[0] = watch[1];
                s.n_pass = 2;
                if (pipe2(hold, O_CLOEXEC) < 0)
                        _exit(1);
                s.pass_fds[1] = hold[0];
                if (spawn_process(&s, &pid, &pidfd) < 0)
                        _exit(1);
                (void)!write(ready[1], "r", 1);
                for (;;)
                        pause();
        }
        close(watch[1]);
        ck_assert_int_eq(read(ready[0], &c, 1), 1);
        ck_assert_int_eq(read(watch[0], &c, 1), 1); /* the child runs */
        ck_assert_int_eq(kill(middle, SIGKILL), 0);
        ck_assert_int_eq(waitpid(middle, NULL, 0), middle);
        p.fd = watch[0];
        ck_assert_int_eq(poll(&p, 1, 10000), 1);
        ck_assert_int_eq(read(watch[0], &c, 1), 0);
}
END_TEST

UNIT_MAIN("spawn", program_runs_and_its_end_is_seen_through_the_pidfd,
          missing_program_is_an_error_and_leaves_no_child,
          descriptors_arrive_in_order_even_when_they_lie_on_each_other, nothing_else_is_inherited,
          closed_standard_descriptors_of_ours_do_no_harm, signals_start_fresh_in_the_child,
          limits_hold_in_the_child, user_and_groups_change_when_we_are_root,
          group_is_killed_as_a_whole, child_dies_with_its_parent)
