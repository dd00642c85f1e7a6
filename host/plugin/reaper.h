/* SPDX-License-Identifier: Apache-2.0
 *
 * reaper - waits for a child that nobody waits for any more
 *
 * An instance that is freed must not block until its process is gone, and must not leave a zombie
 * either.  It kills the process and hands the rest over to its event loop. */
#pragma once

#include <systemd/sd-event.h>

/* Takes the pidfd of a child that has been killed, and reaps the child when it is gone.  If there
 * is no memory for that the child stays a zombie until the daemon ends: a zombie costs less than a
 * wait. */
void reaper_take(sd_event *event, int take_pidfd);
