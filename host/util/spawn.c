/* SPDX-License-Identifier: Apache-2.0
 *
 * Between fork and execve the child shares its parent's locks in whatever state they were in, so it
 * makes system calls and nothing else: no malloc, no stdio, no name service, and the raw calls for
 * credentials, because glibc's wrappers want to speak to threads that do not exist here.
 *
 * The order in the child matters:
 *   - descriptors before limits, or a low RLIMIT_NOFILE would forbid to move them;
 *   - limits before the user, while we may still raise them;
 *   - PR_SET_PDEATHSIG after the user, because the kernel clears it when credentials change;
 *   - the signal mask last, so that no signal meets half a child.
 *
 * A failure of any of these steps, and of execve itself, comes back as an errno through a pipe that
 * execve closes: an empty pipe means that the program runs.  The parent waits for that, some 100
 * microseconds. */
#define _GNU_SOURCE 1
#include "host/util/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/util/cleanup.h"

/* The 16-bit calls keep the short names on 32-bit machines. */
#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#define SETGROUPS SYS_setgroups32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#define SETGROUPS SYS_setgroups
#endif

/* --------------------------------------------------------------------------------- in the child */

static void reset_signals(void)
{
        const struct sigaction action = { .sa_handler = SIG_DFL };
        int sig;

        /* Not every number can be set: SIGKILL, SIGSTOP and the two that libc keeps for itself. */
        for (sig = 1; sig < NSIG; sig++)
                (void)sigaction(sig, &action, NULL);
}

/* Moves what is passed to 0, 1, 2, 3 ... and closes everything else.  *report survives,
 * close-on-exec, behind them.  The sources may already lie on each other's targets, so all of them
 * are copied out of the way first. */
static int arrange_fds(const struct spawn *s, int *report)
{
        int fds[3 + SPAWN_PASS_MAX] = { s->in_fd, s->out_fd, s->err_fd < 0 ? 2 : s->err_fd };
        int n = 3 + s->n_pass;
        int i;

        for (i = 3; i < n; i++)
                fds[i] = s->pass_fds[i - 3];

        *report = fcntl(*report, F_DUPFD_CLOEXEC, n);
        if (*report < 0)
                return -errno;
        for (i = 0; i < n; i++) {
                int fd = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, n + 1);

                /* Only our own standard error may turn out to be closed. */
                if (fd < 0 && fds[i] >= 0 && !(i == 2 && s->err_fd < 0 && errno == EBADF))
                        return -errno;
                fds[i] = fd;
        }
        for (i = 0; i < n; i++) {
                int fd = fds[i];

                /* The lower ones are taken by then, so open() may return the target itself. */
                if (fd < 0)
                        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                if (fd == i ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, i) < 0)
                        return -errno;
        }

        if (*report != n) {
                if (dup3(*report, n, O_CLOEXEC) < 0)
                        return -errno;
                *report = n;
        }
        if (syscall(SYS_close_range, (unsigned)n + 1, ~0U, 0) < 0)
                return -errno;
        return 0;
}

static int set_limit(__rlimit_resource_t resource, uint64_t value)
{
        const struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

        return value && setrlimit(resource, &limit) < 0 ? -errno : 0;
}

static int set_open_files(uint64_t value)
{
        struct rlimit limit;

        if (value)
                return set_limit(RLIMIT_NOFILE, value);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        if (limit.rlim_cur <= SPAWN_OPEN_FILES)
                return 0;
        limit.rlim_cur = SPAWN_OPEN_FILES;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int set_limits(const struct spawn_limits *limits)
{
        const struct rlimit none = { 0, 0 };
        int r;

        r = set_limit(RLIMIT_AS, limits->memory_bytes);
        if (r == 0)
                r = set_open_files(limits->open_files);
        if (r == 0)
                r = set_limit(RLIMIT_NPROC, limits->processes);
        if (r == 0)
                r = set_limit(RLIMIT_CPU, limits->cpu_sec);
        if (r == 0 && limits->no_core && setrlimit(RLIMIT_CORE, &none) < 0)
                r = -errno;
        return r;
}

static int set_user(const struct spawn_limits *limits)
{
        if (limits->change_user) {
                gid_t gid = limits->gid;
                uid_t uid = limits->uid;

                if (syscall(SETGROUPS, 0, NULL) < 0 || syscall(SETRESGID, gid, gid, gid) < 0 ||
                    syscall(SETRESUID, uid, uid, uid) < 0)
                        return -errno;
        }
        if (limits->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

/* The parent may have died before the kernel learned that we want to follow it. */
static int follow_parent(pid_t parent)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return getppid() == parent ? 0 : -ESRCH;
}

static int become_program(const struct spawn *s, pid_t parent, int *report)
{
        static const char *const no_environment[] = { NULL };
        sigset_t none;
        int r;

        reset_signals();
        r = s->new_group && setpgid(0, 0) < 0 ? -errno : 0;
        if (r == 0)
                r = arrange_fds(s, report);
        if (r == 0)
                r = set_limits(&s->limits);
        if (r == 0)
                r = set_user(&s->limits);
        if (r == 0)
                r = follow_parent(parent);
        if (r < 0)
                return r;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)execve(s->path, (char *const *)s->argv,
                     (char *const *)(s->envp ? s->envp : no_environment));
        return -errno;
}

/* -------------------------------------------------------------------------------- in the parent */

/* 0: the program runs; else why it does not. */
static int read_report(int fd)
{
        int failure = 0;
        ssize_t n;

        do
                n = read(fd, &failure, sizeof(failure));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n == 0)
                return 0;
        /* A child that was killed while it wrote cannot be told from one that failed. */
        return n == sizeof(failure) && failure < 0 ? failure : -EIO;
}

static void reap(pid_t pid)
{
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* fd: one that was just made, and therefore the lowest that was free. */
static bool leaves_too_few(int fd)
{
        struct rlimit limit;
        rlim_t left = SPAWN_DESCRIPTORS_LEFT;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
                return false;
        if (left > limit.rlim_cur / 4)
                left = limit.rlim_cur / 4;
        return (rlim_t)fd + left >= limit.rlim_cur;
}

/* Above the standard descriptors even if ours are closed, or "inherited" would mean this pipe. */
static int make_report(int *ret_in, int *ret_out)
{
        CLEANUP_CLOSE int in = -1;
        CLEANUP_CLOSE int out = -1;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        in = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
        out = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
        (void)close(fds[0]);
        (void)close(fds[1]);
        if (in < 0 || out < 0 || leaves_too_few(out))
                return -EMFILE;
        *ret_in = TAKE_FD(in);
        *ret_out = TAKE_FD(out);
        return 0;
}

int spawn_process(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd)
{
        CLEANUP_CLOSE int report_in = -1;
        CLEANUP_CLOSE int report_out = -1;
        CLEANUP_CLOSE int pidfd = -1;
        pid_t parent = getpid();
        sigset_t all;
        sigset_t before;
        pid_t pid;
        int r;

        assert(spawn && spawn->path && spawn->path[0] == '/' && spawn->argv && spawn->argv[0]);
        assert(spawn->n_pass >= 0 && spawn->n_pass <= SPAWN_PASS_MAX && ret_pid && ret_pidfd);

        r = make_report(&report_in, &report_out);
        if (r < 0)
                return r;

        /* None of our handlers may run in the child. */
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = fork();
        if (pid == 0) {
                r = become_program(spawn, parent, &report_out);
                /* If even this fails the parent sees an exit status instead. */
                (void)!write(report_out, &r, sizeof(r));
                _exit(127);
        }
        r = pid < 0 ? -errno : 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r < 0)
                return r;

        /* Nobody but us reaps it, so the number cannot belong to somebody else yet. */
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
                r = -errno;
                (void)kill(pid, SIGKILL);
        } else {
                (void)close(TAKE_FD(report_out)); /* or we would wait for ourselves */
                r = read_report(report_in);
        }
        if (r < 0) {
                reap(pid);
                return r;
        }

        *ret_pid = pid;
        *ret_pidfd = TAKE_FD(pidfd);
        return 0;
}

void spawn_kill(pid_t pid, int pidfd, bool group, int sig)
{
        assert(pid > 0 && pidfd >= 0);

        /* The only failure that can come here says that it has ended. */
        if (group)
                (void)kill(-pid, sig);
        else
                (void)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}
