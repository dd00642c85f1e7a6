/* SPDX-License-Identifier: Apache-2.0
 *
 * watch - bundles that appear in a folder, such as where USB sticks are mounted
 *
 * The folder and the folders in it are looked through every few seconds, since a mount tells
 * nobody.  A folder that hangs holds up nothing but the next look.  A file *.raucb that has not
 * changed between two looks is reported once per start of the agent and per content (size and
 * time), and again when it has been away, as with a stick that is put in once more. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ub_host;
struct watch;

struct watch_folder {
        const char *path;
        uint64_t interval_usec; /* between two looks; above 0 */
};

/* false: not now; it is reported again after the next look. */
typedef bool (*watch_fn)(void *data, const char *path);

/* Everything is borrowed and outlives it.  -ENOMEM, or what the host's timer reports. */
int watch_new(const struct ub_host *host, const struct watch_folder *folder, watch_fn found,
              void *data, struct watch **ret);
struct watch *watch_free(struct watch *watch);

/* Nothing could be found out about this one: it is reported again, after a while. */
void watch_again(struct watch *watch, const char *path);
