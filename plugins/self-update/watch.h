/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - bundles that appear in a folder, such as where USB sticks are mounted
 *
 * The folder and the folders in it are looked through every few seconds, since a mount tells
 * nobody.  A folder that hangs holds up nothing but the next look.  A file *.raucb that has not
 * changed between two looks is reported once per boot of the agent and per content (size and
 * time). */
#pragma once

struct ub_host;
struct watch;

typedef void (*watch_fn)(void *data, const char *path);

/* Everything is borrowed and outlives it.  -ENOMEM, or what the host's timer reports. */
int watch_new(const struct ub_host *host, const char *folder, watch_fn found, void *data,
              struct watch **ret);
struct watch *watch_free(struct watch *watch);
