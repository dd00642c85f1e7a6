/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/pending.h"

#include <errno.h>

int pending_add(struct pending *pending, uint64_t id, ub_done_fn done, void *data)
{
        if (pending->n == PENDING_MAX)
                return -E2BIG;
        pending->waits[pending->n].id = id;
        pending->waits[pending->n].done = done;
        pending->waits[pending->n].data = data;
        pending->n++;
        return 0;
}

int pending_take(struct pending *pending, uint64_t id, ub_done_fn *ret_done, void **ret_data)
{
        for (unsigned i = 0; i < pending->n; i++) {
                if (pending->waits[i].id != id)
                        continue;
                *ret_done = pending->waits[i].done;
                *ret_data = pending->waits[i].data;
                pending->waits[i] = pending->waits[--pending->n];
                return 0;
        }
        return -ENOENT;
}
