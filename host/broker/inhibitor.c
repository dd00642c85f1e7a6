/* SPDX-License-Identifier: Apache-2.0 */
#include "host/broker/inhibitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/logind.h"
#include "host/log/log.h"

struct inhibitor {
        sd_event *event;
        struct log *log;
        bool wanted;
        sd_bus *bus; /* while the lock is being asked for */
        int fd;      /* the lock; -1: not held */
};

static void tell(struct inhibitor *inhibitor, bool absent, const char *why)
{
        if (absent) /* as in containers, and on small systems */
                log_debug(inhibitor->log, NULL, "shutdown is not inhibited: logind: %s", why);
        else
                log_warn(inhibitor->log, NULL,
                         "the device may be shut down in the middle of the update: logind: %s",
                         why);
}

static int on_lock(sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        struct inhibitor *inhibitor = data;
        int fd = -1;
        int r;

        (void)ret_error;
        if (error) {
                tell(inhibitor, logind_is_absent(error),
                     error->message ? error->message : error->name);
        } else {
                r = sd_bus_message_read(reply, "h", &fd);
                if (r >= 0)
                        inhibitor->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (r < 0 || inhibitor->fd < 0)
                        tell(inhibitor, false, strerror(r < 0 ? -r : errno));
        }
        inhibitor->bus = sd_bus_close_unref(inhibitor->bus);
        return 0;
}

void inhibitor_hold(struct inhibitor *inhibitor, const char *why)
{
        int r;

        if (inhibitor->wanted)
                return;
        inhibitor->wanted = true;
        r = logind_open(inhibitor->event, &inhibitor->bus);
        if (r >= 0)
                r = logind_call(inhibitor->bus, "Inhibit", on_lock, inhibitor, "ssss",
                                "shutdown:sleep", "update-broker", why, "block");
        if (r >= 0)
                return;
        inhibitor->bus = sd_bus_close_unref(inhibitor->bus);
        tell(inhibitor, r == -ENOENT || r == -ECONNREFUSED, strerror(-r));
}

void inhibitor_release(struct inhibitor *inhibitor)
{
        inhibitor->wanted = false;
        inhibitor->bus = sd_bus_close_unref(inhibitor->bus);
        cleanup_close(&inhibitor->fd);
        inhibitor->fd = -1;
}

int inhibitor_new(sd_event *event, struct log *log, struct inhibitor **ret)
{
        struct inhibitor *inhibitor = calloc(1, sizeof(*inhibitor));

        if (!inhibitor)
                return -ENOMEM;
        inhibitor->event = event;
        inhibitor->log = log;
        inhibitor->fd = -1;
        *ret = inhibitor;
        return 0;
}

struct inhibitor *inhibitor_free(struct inhibitor *inhibitor)
{
        if (!inhibitor)
                return NULL;
        inhibitor_release(inhibitor);
        free(inhibitor);
        return NULL;
}
