/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

enum { WORD_MAX = 64 }; /* nobody mistypes a longer one in a way worth guessing */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
        unsigned m = a < b ? a : b;

        return m < c ? m : c;
}

/* Optimal string alignment distance; upper and lower case count as the same letter. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
        unsigned row[3][WORD_MAX + 1];
        unsigned *before = row[0];
        unsigned *above = row[1];
        unsigned *here = row[2];
        unsigned *spare;
        size_t i;
        size_t j;

        for (j = 0; j <= m; j++)
                above[j] = (unsigned)j;
        for (i = 1; i <= n; i++) {
                int c = tolower((unsigned char)a[i - 1]);

                here[0] = (unsigned)i;
                for (j = 1; j <= m; j++) {
                        int d = tolower((unsigned char)b[j - 1]);

                        here[j] = least(above[j] + 1, here[j - 1] + 1, above[j - 1] + (c != d));
                        if (i > 1 && j > 1 && c == tolower((unsigned char)b[j - 2]) &&
                            d == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1 < here[j])
                                here[j] = before[j - 2] + 1;
                }
                spare = before;
                before = above;
                above = here;
                here = spare;
        }
        return above[m];
}

void nearest_offer(struct nearest *near, const char *candidate)
{
        size_t n = strlen(near->word);
        size_t m = strlen(candidate);
        unsigned limit = n / 3 > 1 ? (unsigned)(n / 3) : 1;
        unsigned d;

        if (n == 0 || m == 0 || n > WORD_MAX || m > WORD_MAX)
                return;
        d = distance(near->word, n, candidate, m);
        if (d <= limit && d < m && (!near->best || d < near->distance)) {
                near->best = candidate;
                near->distance = d;
        }
}
