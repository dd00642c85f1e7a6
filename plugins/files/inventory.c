/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - what is on disk, with digests, and what of it is no longer as it was installed
 *
 * Asked for often, so files that the kernel says nobody has changed are not read again.  IDENTIFY
 * reads them all. */
#include "plugins/files/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/log.h>

#include "plugins/files/scope.h"
#include "plugins/files/target.h"
#include "plugins/files/version.h"

/* A question on its way. */
struct query {
        char *activity;
        struct ub_inventory *inventory;
};

static struct query *query_free(struct query *query)
{
        if (!query)
                return NULL;
        (void)ub_inventory_free(query->inventory);
        free(query->activity);
        free(query);
        return NULL;
}

static void add_number(struct ub_inventory *inventory, const char *key, uint64_t number)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number); /* fits */
        ub_inventory_add_parameter(inventory, key, text);
}

static void add_state(const struct files *files, struct ub_inventory *inventory, const char *id,
                      const char *folder)
{
        struct ub_error drift = UB_ERROR_INIT;
        struct ub_error error = UB_ERROR_INIT;
        int r;

        r = identify_drift(files, id, folder, true, &drift, &error);
        ub_inventory_add_parameter(inventory, "state",
                                   r == 0 ? "intact" : r > 0 ? "changed" : "unknown");
        if (r != 0)
                ub_inventory_add_parameter(inventory, "drift", r > 0 ? drift.text : error.text);
}

static int add_component(const struct files *files, struct ub_inventory *inventory, const char *id)
{
        CLEANUP(version_done) struct version version = { .recipe = { .id = NULL } };
        CLEANUP_FREE char *folder = NULL;
        CLEANUP_FREE char *previous = NULL;
        CLEANUP_CLOSE int fd = -1;
        const char *target;
        bool known;
        int r;

        r = store_get_active(&files->store, id, &folder);
        if (r < 0 || !folder)
                return r;
        known = store_open_version(&files->store, id, folder, &fd) == 0 &&
                version_read(fd, NULL, &version) == 0;
        ub_inventory_add_component(inventory, id, known ? version.recipe.version : folder, NULL,
                                   UB_TYPE_DATA);
        if (known) {
                target = version.recipe.target;
                ub_inventory_add_parameter(inventory, "digest", version.sum.digest);
                if (version.recipe.sha256)
                        ub_inventory_add_parameter(inventory, "sourceDigest",
                                                   version.recipe.sha256);
                add_number(inventory, "entries", version.sum.entries);
                add_number(inventory, "bytes", version.sum.bytes);
                if (target)
                        ub_inventory_add_parameter(inventory, "target", target);
                if (target && !target_is_placed(&files->settings, &files->store, id, target))
                        ub_inventory_add_parameter(inventory, "targetState", "missing");
        }
        add_state(files, inventory, id, folder);
        if (store_get_previous(&files->store, id, &previous) == 0 && previous)
                ub_inventory_add_parameter(inventory, "previous", previous);
        return 0;
}

static int inventory_run(struct files *files, void *data, struct ub_error *error)
{
        CLEANUP(tree_names_done) struct tree_names ids = { .n = 0 };
        struct query *query = data;
        size_t i;
        int r;

        r = store_list_active(&files->store, &ids);
        for (i = 0; i < ids.n && r == 0; i++)
                r = add_component(files, query->inventory, ids.list[i]);
        return r < 0 ? ub_error_set(error, r, "inventory: %s", strerror(-r)) : 0;
}

/* Answers in any case: part of an inventory is better than none. */
static void on_inventory(struct files *files, void *data, int r, const char *message)
{
        struct query *query = data;

        if (r < 0)
                ub_warning(files->host, "%s", message);
        if (!files->stopping) {
                r = ub_inventory_send(query->inventory, files->host, query->activity);
                if (r < 0)
                        ub_warning(files->host, "inventory: %s", strerror(-r));
        }
        (void)query_free(query);
}

int inventory_get(struct files *files, const char *activity)
{
        struct query *query = calloc(1, sizeof(*query));
        int r;

        if (!query)
                return -ENOMEM;
        query->activity = strdup(activity);
        r = query->activity ? ub_inventory_new(ub_id(files->host), &query->inventory) : -ENOMEM;
        if (r == 0) {
                ub_inventory_add_agent(query->inventory, FILES_VERSION, "Files agent");
                r = task_post(files, inventory_run, on_inventory, query);
        }
        if (r < 0)
                (void)query_free(query);
        return r;
}
