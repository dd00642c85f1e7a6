/* SPDX-License-Identifier: Apache-2.0
 *
 * sim --seeds N --first S: lives N lives, from seed S on; each violation is reported with its seed
 * and then lived again aloud.  sim --trace S: one life aloud. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { REPORTED_MAX = 3 };

static unsigned long long number(const char *text)
{
        char *end;
        unsigned long long n;

        errno = 0;
        n = strtoull(text, &end, 10);
        if (errno || *end || end == text) {
                fprintf(stderr, "sim: not a number: %s\n", text);
                _Exit(2);
        }
        return n;
}

int main(int argc, char **argv)
{
        unsigned long long seeds = 10000;
        unsigned long long first = 1;
        unsigned long long i;
        unsigned long steps = 0;
        unsigned long effects = 0;
        unsigned violations = 0;
        int arg;

        for (arg = 1; arg + 1 < argc; arg += 2) {
                if (strcmp(argv[arg], "--seeds") == 0)
                        seeds = number(argv[arg + 1]);
                else if (strcmp(argv[arg], "--first") == 0)
                        first = number(argv[arg + 1]);
                else if (strcmp(argv[arg], "--trace") == 0)
                        return sim_live(number(argv[arg + 1]), true, &steps, &effects) ? 0 : 1;
        }
        for (i = 0; i < seeds; i++) {
                if (sim_live(first + i, false, &steps, &effects))
                        continue;
                if (violations++ < REPORTED_MAX)
                        (void)sim_live(first + i, true, &steps, &effects);
        }
        printf("%llu lives from seed %llu: %lu steps, %lu effects, %u violations\n", seeds, first,
               steps, effects, violations);
        return violations ? 1 : 0;
}
