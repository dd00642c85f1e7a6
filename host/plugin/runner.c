/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include "host/plugin/runner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/plugin/reaper.h"
#include "host/plugin/stderr-log.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/spawn.h"

struct runner {
        sd_event *event; /* borrowed */
        const struct runner_events *events;
        void *data;
        struct stderr_log *log;
        sd_event_source *source; /* of pidfd */
        pid_t pid;
        int pidfd; /* -1: reaped, or given to the reaper */
};

DEFINE_FREEP(struct runner, runner);

static const char *describe_exit(int status)
{
        switch (status) {
        case RUNNER_EXIT_FLOOD:
                return "says more than can be read";
        case RUNNER_EXIT_FRAMES:
                return "does not understand the daemon; was one of them upgraded?";
        case RUNNER_EXIT_SANDBOX:
                return "could not load its system call filter";
        case RUNNER_EXIT_RESOURCES:
                return "lacks memory or descriptors";
        default: /* of the plugin's own making */
                return NULL;
        }
}

static void describe_status(const siginfo_t *info, char *buf, size_t size)
{
        bool exited = info->si_code == CLD_EXITED;
        const char *text = exited ? describe_exit(info->si_status) : sigabbrev_np(info->si_status);

        if (exited && text)
                (void)snprintf(buf, size, "%s", text);
        else if (exited)
                (void)snprintf(buf, size, "exited with status %d", info->si_status);
        else if (text)
                (void)snprintf(buf, size, "killed by SIG%s", text);
        else
                (void)snprintf(buf, size, "killed by signal %d", info->si_status);
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        struct runner *runner = data;
        siginfo_t info = { 0 };
        char how[80];

        (void)source;
        (void)revents;

        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                return 0;
        /* What it has started goes with it, while its number still cannot be another's. */
        spawn_kill(runner->pid, runner->pidfd, true, SIGKILL);
        (void)waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);

        runner->source = sd_event_source_disable_unref(runner->source);
        (void)close(TAKE_FD(runner->pidfd));
        describe_status(&info, how, sizeof(how));
        runner->events->ended(runner->data, how);
        return 0;
}

static void on_line(void *data, const char *text)
{
        struct runner *runner = data;

        runner->events->line(runner->data, text);
}

static int spawn(struct runner *runner, const struct runner_config *config, int stderr_fd)
{
        const char *const argv[] = { "ub-agent-host", "--instance", config->id, NULL };
        const char *const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL };
        const struct spawn spawn = { .path = config->path,
                                     .argv = argv,
                                     .envp = envp,
                                     .in_fd = -1,
                                     .out_fd = stderr_fd,
                                     .err_fd = stderr_fd,
                                     .pass_fds = { config->channel_fd, config->filter_fd },
                                     .n_pass = config->filter_fd >= 0 ? 2 : 1,
                                     .new_group = true,
                                     .limits = *config->limits };

        return spawn_process(&spawn, &runner->pid, &runner->pidfd);
}

static int start(struct runner *runner, const struct runner_config *config, struct diag *diag)
{
        CLEANUP_CLOSE int in = -1;
        CLEANUP_CLOSE int out = -1;
        int fds[2];
        int r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return diag_set_errno(diag, -errno, "cannot make a pipe");
        in = fds[0];
        out = fds[1];
        /* Our end only: a program that finds its standard error "not ready" loses what it says. */
        if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
                return diag_set_errno(diag, -errno, "cannot make a pipe");
        r = stderr_log_new(runner->event, TAKE_FD(in), on_line, runner, &runner->log);
        if (r < 0)
                return diag_set_errno(diag, r, "cannot read its standard error");
        r = spawn(runner, config, out);
        if (r < 0)
                return diag_set_errno(diag, r, "cannot run %s", config->path);
        r = sd_event_add_io(runner->event, &runner->source, runner->pidfd, EPOLLIN, on_ended,
                            runner);
        if (r < 0)
                return diag_set_errno(diag, r, "cannot watch its process");
        return 0;
}

int runner_start(sd_event *event, const struct runner_config *config,
                 const struct runner_events *events, void *data, struct diag *diag,
                 struct runner **ret)
{
        CLEANUP(runner_freep) struct runner *runner = NULL;
        int r;

        assert(event && config && events && ret);

        runner = calloc(1, sizeof(*runner));
        if (!runner)
                return diag_set_errno(diag, -ENOMEM, "cannot be started");
        runner->event = event;
        runner->events = events;
        runner->data = data;
        runner->pidfd = -1;
        r = start(runner, config, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(runner);
        return 0;
}

struct runner *runner_free(struct runner *runner)
{
        if (!runner)
                return NULL;
        runner_kill(runner);
        (void)stderr_log_free(runner->log);
        free(runner);
        return NULL;
}

void runner_kill(struct runner *runner)
{
        runner->source = sd_event_source_disable_unref(runner->source);
        if (runner->pidfd < 0)
                return;
        spawn_kill(runner->pid, runner->pidfd, true, SIGKILL);
        reaper_take(runner->event, TAKE_FD(runner->pidfd));
}

void runner_drain(struct runner *runner)
{
        stderr_log_drain(runner->log);
}

pid_t runner_pid(const struct runner *runner)
{
        return runner->pidfd >= 0 ? runner->pid : 0;
}
