/* SPDX-License-Identifier: Apache-2.0
 *
 * inhibitor - keeps the device from being shut down or suspended while it is being changed
 *
 * A lock of mode "block" on shutdown and sleep, from logind, so that `systemctl reboot` and the
 * power button say who is at work.  A system that has no logind has no lock; nothing waits for
 * either.  The lock is a descriptor: it ends with the daemon, whatever becomes of it.
 *
 * Loop thread only. */
#pragma once

#include <systemd/sd-event.h>

#include "host/util/cleanup.h"

struct inhibitor;
struct log;

/* event and log are borrowed and outlive the object. */
int inhibitor_new(sd_event *event, struct log *log, struct inhibitor **ret);
struct inhibitor *inhibitor_free(struct inhibitor *inhibitor);
DEFINE_FREEP(struct inhibitor, inhibitor);

/* Both may be repeated.  why: for people, copied by the call. */
void inhibitor_hold(struct inhibitor *inhibitor, const char *why);
void inhibitor_release(struct inhibitor *inhibitor);
