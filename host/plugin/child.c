/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/child.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "host/plugin/reaper.h"
#include "host/util/cleanup.h"
#include "host/util/spawn.h"

struct child {
        sd_event *event; /* borrowed, outlives us */
        pid_t pid;
        int pidfd;
        child_fn fn;
        void *data;
        bool terminated; /* SIGTERM was sent */
        sd_event_source *ended;
        sd_event_source *deadline; /* NULL: none */
};

DEFINE_FREEP(struct child, child);

/* The struct only; the process is no longer, or somebody else's. */
static void forget(struct child *child)
{
        sd_event_source_disable_unref(child->ended);
        sd_event_source_disable_unref(child->deadline);
        cleanup_close(&child->pidfd);
        free(child);
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct child *child = userdata;
        child_fn fn = child->fn;
        void *data = child->data;
        siginfo_t info = { .si_pid = 0 };

        (void)source;
        (void)revents;
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
                return 0;
        forget(child);
        fn(data, info.si_code, info.si_status);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct child *child = userdata;

        (void)usec;
        spawn_kill(child->pid, child->pidfd, true, child->terminated ? SIGKILL : SIGTERM);
        if (child->terminated)
                return 0;
        child->terminated = true;
        if (sd_event_source_set_time_relative(source, CHILD_KILL_USEC) < 0 ||
            sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) < 0)
                spawn_kill(child->pid, child->pidfd, true, SIGKILL); /* no grace without a clock */
        return 0;
}

static int watch(struct child *child, uint64_t timeout_usec)
{
        int r = 0;

        if (timeout_usec > 0)
                r = sd_event_add_time_relative(child->event, &child->deadline, CLOCK_BOOTTIME,
                                               timeout_usec, 1, on_deadline, child);
        if (r >= 0)
                r = sd_event_add_io(child->event, &child->ended, child->pidfd, EPOLLIN, on_ended,
                                    child);
        return r;
}

int child_new(sd_event *event, const struct spawn *spawn, uint64_t timeout_usec, child_fn fn,
              void *data, struct child **ret)
{
        CLEANUP(child_freep) struct child *child = NULL;
        int r;

        child = calloc(1, sizeof(*child));
        if (!child)
                return -ENOMEM;
        child->event = event;
        child->pidfd = -1;
        child->fn = fn;
        child->data = data;
        r = spawn_process(spawn, &child->pid, &child->pidfd);
        if (r < 0)
                return r;
        r = watch(child, timeout_usec);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(child);
        return 0;
}

struct child *child_free(struct child *child)
{
        if (!child)
                return NULL;
        if (child->pidfd >= 0) {
                spawn_kill(child->pid, child->pidfd, true, SIGKILL);
                /* epoll takes a descriptor once, and the reaper wants to watch this one. */
                child->ended = sd_event_source_disable_unref(child->ended);
                reaper_take(child->event, TAKE_FD(child->pidfd));
        }
        forget(child);
        return NULL;
}
