/* SPDX-License-Identifier: Apache-2.0
 *
 * pending - done() callbacks of a plugin that wait for an answer, by number */
#pragma once

#include <stdint.h>

#include "host/plugin/abi.h"

enum { PENDING_MAX = 256 };

/* All zero: none. */
struct pending {
        unsigned n;
        struct {
                uint64_t id;
                ub_done_fn done;
                void *data;
        } waits[PENDING_MAX];
};

/* -E2BIG: PENDING_MAX wait already. */
int pending_add(struct pending *pending, uint64_t id, ub_done_fn done, void *data);
/* Takes it out.  -ENOENT. */
int pending_take(struct pending *pending, uint64_t id, ub_done_fn *ret_done, void **ret_data);
