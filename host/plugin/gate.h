/* SPDX-License-Identifier: Apache-2.0
 *
 * gate - may a plugin's process say this?
 *
 * The local instance in ub-agent-host holds a plugin to the rules of plugin.h and answers a breach
 * with an error and a count.  But a plugin can write to the channel itself.  So the daemon looks at
 * every frame once more, and what comes through that ub-agent-host would never have sent is not a
 * mistake of the plugin's author: the process is not what it seems, and is killed.
 *
 * Looked at here is what a frame shows by itself: its direction, ranges, JSON, the role, the
 * grants.  What depends on the course of things (is this activity running?) is process.c's. */
#pragma once

#include "host/plugin/frame.h"
#include "host/plugin/instance.h"

struct gate {
        enum instance_role role;
        unsigned grants;            /* INSTANCE_GRANT_* */
        const char *const *topics; /* borrowed; filters, ended by NULL; NULL: none */
};

/* 0, or -EBADMSG and what is wrong with it. */
int gate_check(const struct gate *gate, const struct frame *frame, struct diag *diag);
