/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - what the agent reports of the device
 *
 * Two nodes, as Leda's agent has them: the agent and, linked to it, the image that runs.  With
 * "details" the image carries parameters for people and for `ubctl slots`: the slots, which of them
 * boots next, what is on trial, and what became of the last one. */
#pragma once

struct machine;
struct ub_host;

/* What the host answers, or -ENOMEM, -E2BIG. */
int inventory_send(const struct machine *m, const struct ub_host *host, const char *activity);
