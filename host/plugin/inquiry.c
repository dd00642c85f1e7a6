/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/inquiry.h"

#include <errno.h>
#include <string.h>

/* INQUIRY_MAX when there is none. */
static unsigned find(const struct inquiry *inquiry, const char *activity)
{
        unsigned n = inquiry->n_asked < INQUIRY_MAX ? inquiry->n_asked : INQUIRY_MAX;

        for (unsigned i = 0; i < n; i++)
                if (strcmp(inquiry->asked[i].activity, activity) == 0)
                        return i;
        return INQUIRY_MAX;
}

void inquiry_ask(struct inquiry *inquiry, const char *activity)
{
        unsigned i = find(inquiry, activity);

        if (activity[0] == '\0')
                return; /* the answer is like a change that comes by itself */
        if (i == INQUIRY_MAX) {
                i = inquiry->n_asked++ % INQUIRY_MAX;
                memcpy(inquiry->asked[i].activity, activity, strlen(activity) + 1);
                inquiry->asked[i].open = 0;
        }
        inquiry->asked[i].open++;
}

int inquiry_answer(struct inquiry *inquiry, const char *activity)
{
        unsigned i = find(inquiry, activity);

        if (activity[0] == '\0')
                return 0;
        if (i == INQUIRY_MAX)
                return -ENOENT;
        if (inquiry->asked[i].open == 0)
                return -ESTALE;
        inquiry->asked[i].open--;
        return 0;
}

bool inquiry_refuse(struct inquiry *inquiry, const char *activity)
{
        return inquiry_answer(inquiry, activity) == 0;
}
