/* SPDX-License-Identifier: Apache-2.0
 *
 * local - settings of local instances that are not part of instance.h */
#pragma once

#include <stdint.h>

struct instance;

/* How long a plugin may take from stop() to stopped(); INSTANCE_STOP_USEC unless set.  The instance
 * is a local one. */
void local_set_stop_usec(struct instance *instance, uint64_t usec);
