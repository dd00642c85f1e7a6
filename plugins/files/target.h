/* SPDX-License-Identifier: Apache-2.0
 *
 * target - the place where a component is looked for, a link to its active version
 *
 *     /opt/app -> /var/lib/update-broker/files/active/app
 *
 * The link never changes while the component stays: what it leads to does, with the store's switch.
 * Links are made below the folders that the settings name, and only there, and no link inside of
 * these is followed.  What somebody else has put at a target stays untouched and is a fault, unless
 * the settings say "adopt": then it is put aside, in one step, as ".NAME.adopted", and comes back
 * when the component goes.
 *
 * For the worker's thread.  Errors name the target. */
#pragma once

#include <stdbool.h>
#include <update-broker/sdk/error.h>

#include "plugins/files/settings.h"
#include "plugins/files/store.h"

/* Could the link be made?  Changes nothing. */
int target_check(const struct settings *settings, const struct store *store, const char *id,
                 const char *target, struct ub_error *error);

/* Is the link where it should be? */
bool target_is_placed(const struct settings *settings, const struct store *store, const char *id,
                      const char *target);

/* Makes the link unless it is there.  -EEXIST: something else is. */
int target_place(const struct settings *settings, const struct store *store, const char *id,
                 const char *target, struct ub_error *error);

/* Removes the link if it is ours, and brings back what was put aside for it. */
int target_remove(const struct settings *settings, const struct store *store, const char *id,
                  const char *target, struct ub_error *error);
