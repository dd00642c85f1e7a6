/* SPDX-License-Identifier: Apache-2.0
 *
 * a plugin of a minor that nobody has yet, with a longer table: nothing is wrong with that */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

static const struct later_agent {
        struct ub_agent agent;
        int (*later)(void *self);
} later_agent;

#define BAD_MINOR 9
#define BAD_AGENT &later_agent.agent
#include "tests/bad/bad.h"

static int later(void *self)
{
        (void)self;
        return 0;
}

static const struct later_agent later_agent = {
        .agent = {
                .size = sizeof(struct later_agent),
                .current_state_get = bad_current_state_get,
                .desired_state = bad_desired_state,
                .command = bad_command,
        },
        .later = later,
};
