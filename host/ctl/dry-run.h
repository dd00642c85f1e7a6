/* SPDX-License-Identifier: Apache-2.0
 *
 * dry-run - what a desired state would change */
#pragma once

struct ctl;

/* Prints it; returns the exit status.  text: a desired state, bare or in its envelope. */
int dry_run(const struct ctl *ctl, const char *text);
