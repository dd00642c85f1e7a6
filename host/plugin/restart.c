/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/restart.h"

#include <assert.h>

bool restart_on_death(struct restart *restart, uint64_t started_usec, uint64_t now_usec,
                      uint64_t *ret_delay_usec)
{
        /* The slot that this death overwrites holds the oldest of the last RESTART_DEATHS_MAX: when
         * the next-oldest, which then is the fifth with this one, lies in the window, that was too
         * many. */
        unsigned slot = restart->deaths % RESTART_DEATHS_MAX;
        unsigned oldest = (slot + 1) % RESTART_DEATHS_MAX;

        assert(now_usec >= started_usec);

        restart->death_usec[slot] = now_usec;
        restart->deaths++;
        if (restart->deaths >= RESTART_DEATHS_MAX &&
            now_usec - restart->death_usec[oldest] < RESTART_WINDOW_USEC)
                return false;

        if (restart->delay_usec == 0 || now_usec - started_usec > RESTART_DELAY_MAX_USEC)
                restart->delay_usec = RESTART_DELAY_MIN_USEC;
        else if (restart->delay_usec < RESTART_DELAY_MAX_USEC / 2)
                restart->delay_usec *= 2;
        else
                restart->delay_usec = RESTART_DELAY_MAX_USEC;
        *ret_delay_usec = restart->delay_usec;
        return true;
}
