/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/child.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "host/util/cleanup.h"
#include "host/util/spawn.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* in Linux since 5.4, in glibc since 2.36 */
#endif

struct child {
        pid_t pid;
        int pidfd;
        child_fn fn; /* NULL: nobody wants to know */
        void *data;
        bool terminated;           /* SIGTERM was sent */
        sd_event_source *ended;    /* owns this struct: it is freed with the source */
        sd_event_source *deadline; /* NULL: none */
};

/* Destroy callback of `ended`: also runs when the loop itself goes away. */
static void free_memory(void *userdata)
{
        struct child *child = userdata;

        cleanup_close(&child->pidfd);
        free(child);
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct child *child = userdata;
        child_fn fn = child->fn;
        void *data = child->data;
        siginfo_t info = { .si_pid = 0 };

        (void)revents;
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
                return 0;

        child->deadline = sd_event_source_disable_unref(child->deadline);
        if (!fn) {
                (void)sd_event_source_set_floating(source, false); /* gives up the last reference */
                return 0;
        }
        sd_event_source_disable_unref(source);
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

/* A child that cannot be watched is not kept; this waits for it, which SIGKILL makes short. */
static void undo(struct child *child)
{
        siginfo_t info;

        spawn_kill(child->pid, child->pidfd, true, SIGKILL);
        while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) < 0 && errno == EINTR)
                ;
}

static int watch(struct child *child, sd_event *event, uint64_t timeout_usec)
{
        int r;

        if (timeout_usec > 0) {
                r = sd_event_add_time_relative(event, &child->deadline, CLOCK_BOOTTIME, timeout_usec, 1,
                                               on_deadline, child);
                if (r < 0)
                        return r;
        }
        r = sd_event_add_io(event, &child->ended, child->pidfd, EPOLLIN, on_ended, child);
        if (r < 0)
                child->deadline = sd_event_source_disable_unref(child->deadline);
        return r;
}

int child_new(sd_event *event, const struct spawn *spawn, uint64_t timeout_usec, child_fn fn, void *data,
              struct child **ret)
{
        CLEANUP_FREE struct child *child = NULL;
        int r;

        child = calloc(1, sizeof(*child));
        if (!child)
                return -ENOMEM;
        child->fn = fn;
        child->data = data;
        r = spawn_process(spawn, &child->pid, &child->pidfd);
        if (r < 0)
                return r;
        r = watch(child, event, timeout_usec);
        if (r < 0) {
                undo(child);
                cleanup_close(&child->pidfd);
                return r;
        }
        (void)sd_event_source_set_destroy_callback(child->ended, free_memory); /* cannot fail here */

        *ret = TAKE_PTR(child);
        return 0;
}

struct child *child_free(struct child *child)
{
        if (!child)
                return NULL;
        spawn_kill(child->pid, child->pidfd, true, SIGKILL);
        child->fn = NULL;
        child->deadline = sd_event_source_disable_unref(child->deadline);
        /* From here on the loop holds the only reference, until on_ended() has reaped the child. */
        (void)sd_event_source_set_floating(child->ended, true);
        sd_event_source_unref(child->ended);
        return NULL;
}
