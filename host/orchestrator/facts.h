/* SPDX-License-Identifier: Apache-2.0
 *
 * facts - what is known of the device, for preconditions: names and values */
#pragma once

#include <stddef.h>

enum { FACTS_MAX = 1024,
       FACT_VALUE_MAX = 1024 };

struct fact {
        char *name;
        char *value; /* NULL: unknown */
};

struct facts {
        struct fact *items;
        size_t n;
};

void facts_done(struct facts *facts);
/* 1: changed.  0: known already.  -E2BIG: FACTS_MAX or FACT_VALUE_MAX.  -ENOMEM. */
int facts_set(struct facts *facts, const char *name, const char *value);
/* A precondition_lookup_fn over struct facts. */
const char *facts_lookup(void *facts, const char *name);
