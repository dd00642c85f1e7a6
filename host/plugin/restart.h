/* SPDX-License-Identifier: Apache-2.0
 *
 * restart - when a plugin that died may run again (rule R39)
 *
 * The first restart comes after RESTART_DELAY_MIN_USEC, each further one after twice the time of
 * the one before, up to RESTART_DELAY_MAX_USEC; a run that lasts longer than that begins anew.
 * Five deaths within ten minutes, and the plugin stays down until a person, or a new configuration,
 * starts it:  what crashes that often only wears the disk and fills the log.
 *
 * Pure: the caller brings the time (microseconds of any clock that does not step). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/util/time.h"

#define RESTART_DELAY_MIN_USEC (1 * USEC_PER_SEC)
#define RESTART_DELAY_MAX_USEC (5 * USEC_PER_MINUTE)
#define RESTART_WINDOW_USEC (10 * USEC_PER_MINUTE)
enum { RESTART_DEATHS_MAX = 5 };

/* All zero: a plugin that has not died yet. */
struct restart {
        uint64_t death_usec[RESTART_DEATHS_MAX]; /* a ring: the times of the last deaths */
        unsigned deaths;                         /* in all */
        uint64_t delay_usec;                     /* the last delay given; 0: none yet */
};

/* The plugin, started at started_usec, died at now_usec.  true: start it again after
 * *ret_delay_usec; false: it has died too often and stays down. */
bool restart_on_death(struct restart *restart, uint64_t started_usec, uint64_t now_usec,
                      uint64_t *ret_delay_usec);
