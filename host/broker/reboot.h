/* SPDX-License-Identifier: Apache-2.0
 *
 * reboot - has the device boot
 *
 *     a command is configured     it is run; that it ends with another status than 0 is a failure
 *     otherwise                   logind is asked, and respects who inhibits: the question is
 *                                 repeated every REBOOT_RETRY_USEC, up to REBOOT_RETRIES times
 *     there is no logind          sync(2) on the worker's thread, then reboot(2)
 *
 * Success has no answer: the device goes down.  Loop thread only. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/util/cleanup.h"

struct reboot;
struct worker;

enum { REBOOT_RETRIES = 60 };
#define REBOOT_RETRY_USEC UINT64_C(30000000)

struct reboot_events {
        void (*log)(void *data, const char *text);
        void (*failed)(void *data, const char *text); /* and it is over */
};

/* event and worker are borrowed and outlive the object, events and data too. */
int reboot_new(sd_event *event, struct worker *worker, const struct reboot_events *events,
               void *data, struct reboot **ret);
struct reboot *reboot_free(struct reboot *reboot);
DEFINE_FREEP(struct reboot, reboot);

/* Begins; while one is under way nothing happens.  command: NULL-terminated, its first word an
 * absolute path, borrowed for the call; NULL: logind.  What goes wrong is told by `failed`, from
 * the loop. */
void reboot_begin(struct reboot *reboot, char *const *command);
