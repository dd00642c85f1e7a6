/* SPDX-License-Identifier: Apache-2.0
 *
 * scan - what a tree consists of, as lines of text, and whether it still does
 *
 * The manifest of a tree has a line per entry, sorted, with permissions, owner, size and digest:
 *
 *     - d 0755 0 0 - - etc
 *     71b2:67409a1c.1f40 f 0644 0 0 12 a948904f2f0f479b8f... etc/app.conf
 *     - l 0777 0 0 7 app.conf etc/link
 *     - c 0600 0 0 1:3 - dev/null
 *
 * in fields parted by one space, the path last; bytes that would part fields or lines are written
 * as \ooo.  A single file, or the tree itself, has the path ".".  The SHA-256 of all that without
 * the first fields stands for the tree.
 *
 * The first field is the stamp of a file: inode and time of its last change, which nobody but the
 * kernel sets; "-" for what is no file, or was too young for one.  Who is in a hurry takes a file
 * with the same stamp for the same.
 *
 * For the worker's thread.  Memory does not grow with the tree, but for the names of one folder per
 * level. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

#include "plugins/files/verify.h"

struct scan_sum {
        char digest[VERIFY_HEX_SIZE]; /* of the manifest */
        uint64_t entries;
        uint64_t bytes; /* of regular files */
};

/* Writes the manifest of dir_fd/name into `manifest_fd`, and syncs every file and folder on the
 * way.  A failure names the path.  -ECANCELED: *cancel, which may be NULL, became true. */
int scan_write(int dir_fd, const char *name, int manifest_fd, const atomic_bool *cancel,
               struct scan_sum *ret, struct ub_error *error);

struct scan_how {
        const atomic_bool *cancel; /* may be NULL */
        bool quick;                /* trust stamps, in place of reading every file */
};

/* Compares dir_fd/name with a manifest.  0: it is as it was.  1: it is not, and `drift` tells the
 * first differences: `etc/app.conf changed, etc/x missing, 3 more`. */
int scan_compare(int dir_fd, const char *name, int manifest_fd, const struct scan_how *how,
                 struct ub_error *drift, struct ub_error *error);
