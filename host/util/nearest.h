/* SPDX-License-Identifier: Apache-2.0
 *
 * nearest - the word that somebody probably meant
 *
 *     struct nearest near = NEAREST_INIT("plugni");
 *     nearest_offer(&near, "plugin");
 *     if (near.best)
 *             ... did you mean "plugin"? */
#pragma once

struct nearest {
        const char *word; /* borrowed */
        const char *best; /* borrowed from who offered it; NULL: nothing is near enough */
        unsigned distance; /* of best */
};

#define NEAREST_INIT(w) { .word = (w) }

/* Takes a candidate into account: how many letters must be put in, left out, changed or swapped
 * with their neighbour.  A third of the word's letters may differ, and one always. */
void nearest_offer(struct nearest *near, const char *candidate);
