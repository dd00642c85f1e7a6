/* SPDX-License-Identifier: Apache-2.0 */
#include "host/orchestrator/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/util/cleanup.h"

void facts_done(struct facts *facts)
{
        size_t i;

        for (i = 0; i < facts->n; i++) {
                free(facts->items[i].name);
                free(facts->items[i].value);
        }
        free(facts->items);
        *facts = (struct facts){ .items = NULL };
}

static struct fact *find(const struct facts *facts, const char *name)
{
        size_t i;

        for (i = 0; i < facts->n; i++)
                if (strcmp(facts->items[i].name, name) == 0)
                        return &facts->items[i];
        return NULL;
}

static int add(struct facts *facts, const char *name, struct fact **ret)
{
        struct fact *items;
        char *copy;

        if (facts->n == FACTS_MAX)
                return -E2BIG;
        items = reallocarray(facts->items, facts->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        facts->items = items;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        items[facts->n] = (struct fact){ .name = copy };
        *ret = &items[facts->n++];
        return 0;
}

int facts_set(struct facts *facts, const char *name, const char *value)
{
        struct fact *fact = find(facts, name);
        CLEANUP_FREE char *copy = NULL;
        int r;

        if (value && strlen(value) > FACT_VALUE_MAX)
                return -E2BIG;
        if (fact ? (value && fact->value && strcmp(value, fact->value) == 0) || value == fact->value
                 : !value)
                return 0;
        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        r = fact ? 0 : add(facts, name, &fact);
        if (r < 0)
                return r;
        free(fact->value);
        fact->value = TAKE_PTR(copy);
        return 1;
}

const char *facts_lookup(void *facts, const char *name)
{
        const struct fact *fact = find(facts, name);

        return fact ? fact->value : NULL;
}
