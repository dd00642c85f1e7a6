/* SPDX-License-Identifier: Apache-2.0
 *
 * reboot - has the device boot
 *
 *     a command is configured     it is run; that it ends with another status than 0 is a failure
 *     otherwise                   logind is asked.  Who holds an inhibitor lock of mode "block" on
 *                                 shutdown is named and waited for, root or not: until the locks
 *                                 change or for retry_usec, then it is asked again; after
 *                                 patience_usec it is given up
 *     there is no logind          sync(2) on the worker's thread, then reboot(2)
 *
 * Success has no answer: the device goes down.  That it does not within grace_usec is a failure
 * too.  Loop thread only. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/util/cleanup.h"
#include "host/util/time.h"

struct reboot;
struct worker;

#define REBOOT_RETRY_USEC (30 * USEC_PER_SEC)
#define REBOOT_PATIENCE_USEC (30 * USEC_PER_MINUTE)
#define REBOOT_GRACE_USEC (10 * USEC_PER_MINUTE) /* services have their time to stop */

struct reboot_config {
        sd_event *event;       /* borrowed, like the worker; they outlive the object */
        struct worker *worker;
        uint64_t retry_usec;
        uint64_t patience_usec;
        uint64_t grace_usec;
};

struct reboot_events {
        void (*log)(void *data, const char *text);
        void (*failed)(void *data, const char *text); /* and it is over */
};

/* config is copied; events and data are borrowed and outlive the object. */
int reboot_new(const struct reboot_config *config, const struct reboot_events *events, void *data,
               struct reboot **ret);
struct reboot *reboot_free(struct reboot *reboot);
DEFINE_FREEP(struct reboot, reboot);

/* Begins; while one is under way nothing happens.  command: NULL-terminated, its first word an
 * absolute path, borrowed for the call; NULL: logind.  What goes wrong is told by `failed`, from
 * the loop. */
void reboot_begin(struct reboot *reboot, char *const *command);
