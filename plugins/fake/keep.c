/* SPDX-License-Identifier: Apache-2.0
 *
 * keep - the fake agent's durable state
 *
 *     inventory, previous, next   {"components":[{"id","version"}]}
 *     activity                    its id
 *     desired                     the text of its desired state
 *     feedback                    the last word
 *
 * That is enough to go on after a crash: the actions follow from `desired` and `previous`.  All
 * keys are put before one state_sync, so they are of one moment. */
#include "plugins/fake/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

/* 1: read.  0: there is none; *ret is untouched. */
static int load_inventory(struct fake *fake, const char *key, struct inventory *ret)
{
        struct inventory inventory;
        char *json;
        int r;

        r = ub_state_read(fake->host, key, &json, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = inventory_from_json(json, &inventory);
        free(json);
        if (r < 0)
                return r;
        inventory_done(ret);
        *ret = inventory;
        return 1;
}

static int load_text(struct fake *fake, const char *key, char **ret)
{
        int r = ub_state_read(fake->host, key, ret, NULL);

        return r == -ENOENT ? 0 : r;
}

/* The desired state and what it changes, as it was identified. */
static int load_activity(struct fake *fake)
{
        int r;

        r = load_text(fake, "activity", &fake->activity);
        if (r < 0 || !fake->activity)
                return r;
        r = load_text(fake, "feedback", &fake->feedback);
        if (r >= 0)
                r = load_text(fake, "desired", &fake->desired_json);
        if (r >= 0 && fake->desired_json)
                r = ub_desired_state_parse(fake->desired_json, NULL, &fake->desired);
        if (r < 0 || !fake->desired)
                return r;
        r = ub_actions_new(fake->host, fake->activity, &fake->actions);
        if (r < 0)
                return r;
        ub_actions_set_interval(fake->actions, 0);
        return ub_actions_diff(fake->actions, fake->desired, fake->previous.list, fake->previous.n);
}

int keep_load(struct fake *fake)
{
        int r;

        r = load_inventory(fake, "inventory", &fake->inventory);
        if (r == 0)
                r = inventory_copy(&fake->settings.components, &fake->inventory);
        if (r >= 0)
                r = load_inventory(fake, "previous", &fake->previous);
        if (r >= 0)
                r = load_inventory(fake, "next", &fake->next);
        fake->has_next = r > 0;
        return r < 0 ? r : load_activity(fake);
}

static int store_inventory(struct fake *fake, const char *key, const struct inventory *inventory)
{
        char *json;
        int r;

        r = inventory_to_json(inventory, &json);
        if (r < 0)
                return r;
        r = ub_state_write(fake->host, key, json);
        free(json);
        return r;
}

int keep_store(struct fake *fake)
{
        int r;

        r = store_inventory(fake, "inventory", &fake->inventory);
        if (r >= 0)
                r = store_inventory(fake, "previous", &fake->previous);
        if (r >= 0)
                r = fake->has_next ? store_inventory(fake, "next", &fake->next)
                                   : ub_state_write(fake->host, "next", NULL);
        if (r >= 0)
                r = ub_state_write(fake->host, "activity", fake->activity);
        if (r >= 0)
                r = ub_state_write(fake->host, "desired", fake->desired_json);
        if (r < 0)
                return r;
        r = ub_state_write(fake->host, "feedback", fake->feedback);
        /* A word about very many components is not worth failing for: the host can start over. */
        if (r == -E2BIG)
                r = ub_state_write(fake->host, "feedback", NULL);
        return r;
}
