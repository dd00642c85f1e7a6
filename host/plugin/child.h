/* SPDX-License-Identifier: Apache-2.0
 *
 * child - a program that runs for a plugin
 *
 * Watched through its pidfd by the loop; in a process group of its own, so that what it starts is
 * signalled with it.  A child that is let go of is killed and left to the reaper (reaper.h): nobody
 * waits for it. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

struct child;
struct spawn;

#define CHILD_KILL_USEC (5 * UINT64_C(1000000)) /* from SIGTERM to SIGKILL */

/* code, status: si_code and si_status of waitid(2).  The child is gone when this is called. */
typedef void (*child_fn)(void *data, int code, int status);

/* Starts a program.  timeout_usec: SIGTERM after that time, and SIGKILL CHILD_KILL_USEC later; 0:
 * never.  Failures: those of spawn_process() and sd-event. */
int child_new(sd_event *event, const struct spawn *spawn, uint64_t timeout_usec, child_fn fn,
              void *data, struct child **ret);

/* SIGKILL; fn is not called any more.  Takes NULL. */
struct child *child_free(struct child *child);
