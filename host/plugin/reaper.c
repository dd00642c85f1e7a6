/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/reaper.h"

#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/util/cleanup.h"

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        siginfo_t info = { 0 };

        (void)revents;
        (void)data;

        /* A failure would say that it is not there to be reaped, and come back for ever. */
        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid != 0)
                (void)sd_event_source_set_floating(source, false); /* the last reference to it */
        return 0;
}

void reaper_take(sd_event *event, int take_pidfd)
{
        CLEANUP_CLOSE int pidfd = take_pidfd;
        sd_event_source *source;

        if (sd_event_add_io(event, &source, pidfd, EPOLLIN, on_ended, NULL) < 0)
                return;
        (void)sd_event_source_set_description(source, "reaper"); /* for debugging only */
        /* Both cannot fail for a source that exists: it belongs to the loop, and the pidfd to
         * it. */
        (void)sd_event_source_set_io_fd_own(source, true);
        (void)TAKE_FD(pidfd);
        (void)sd_event_source_set_floating(source, true);
        (void)sd_event_source_unref(source);
}
