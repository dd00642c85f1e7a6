/* SPDX-License-Identifier: Apache-2.0
 *
 * version - what is known of an installed version, kept in the file "about" in its folder */
#pragma once

#include <stdint.h>

#include "plugins/files/recipe.h"
#include "plugins/files/scan.h"

struct version {
        struct recipe recipe; /* with the sha256 that the source really had */
        struct scan_sum sum;
};

/* Writes and syncs it. */
int version_write(int version_fd, const struct recipe *recipe, const struct scan_sum *sum);

/* -EBADMSG and a sentence: it is not readable. */
int version_read(int version_fd, struct ub_error *error, struct version *ret);
void version_done(struct version *version);
