/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - the desired state that asks for what is installed */
#pragma once

/* From the inventory of an agent (JSON that the host has checked; NULL: none) to the text for
 * ub_agent.desired_state that names each of its components in the version that it has.  A component
 * is a software node whose id is "ID:name".  The caller frees the result; NULL: out of memory. */
char *inventory_to_desired_state(const char *inventory, const char *id);
