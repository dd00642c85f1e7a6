/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - see inventory.h */
#include "plugins/fake/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void inventory_done(struct inventory *inventory)
{
        size_t i;

        for (i = 0; i < inventory->n; i++) {
                free((void *)inventory->list[i].id);
                free((void *)inventory->list[i].version);
        }
        free(inventory->list);
        inventory->list = NULL;
        inventory->n = 0;
}

static struct ub_component *find(const struct inventory *inventory, const char *id)
{
        size_t i;

        for (i = 0; i < inventory->n; i++)
                if (strcmp(inventory->list[i].id, id) == 0)
                        return &inventory->list[i];
        return NULL;
}

const char *inventory_version(const struct inventory *inventory, const char *id)
{
        const struct ub_component *component = find(inventory, id);

        return component ? component->version : NULL;
}

static void take_away(struct inventory *inventory, const char *id)
{
        struct ub_component *component = find(inventory, id);

        if (!component)
                return;
        free((void *)component->id);
        free((void *)component->version);
        inventory->n--;
        memmove(component, component + 1,
                (size_t)(inventory->list + inventory->n - component) * sizeof(*component));
}

static int append(struct inventory *inventory, const char *id, const char *version)
{
        struct ub_component component = { .id = strdup(id), .version = strdup(version) };
        struct ub_component *list = NULL;

        if (component.id && component.version)
                list = reallocarray(inventory->list, inventory->n + 1, sizeof(*list));
        if (!list) {
                free((void *)component.id);
                free((void *)component.version);
                return -ENOMEM;
        }
        list[inventory->n++] = component;
        inventory->list = list;
        return 0;
}

int inventory_set(struct inventory *inventory, const char *id, const char *version)
{
        struct ub_component *component = find(inventory, id);
        char *copy;

        if (!version) {
                take_away(inventory, id);
                return 0;
        }
        if (!component)
                return append(inventory, id, version);
        copy = strdup(version);
        if (!copy)
                return -ENOMEM;
        free((void *)component->version);
        component->version = copy;
        return 0;
}

int inventory_copy(const struct inventory *inventory, struct inventory *ret)
{
        struct inventory copy = { .n = 0 };
        size_t i;
        int r;

        for (i = 0; i < inventory->n; i++) {
                r = append(&copy, inventory->list[i].id, inventory->list[i].version);
                if (r < 0) {
                        inventory_done(&copy);
                        return r;
                }
        }
        *ret = copy;
        return 0;
}

/* -------------------------------------------------------------------------------------- as JSON */

static int read_component(const struct ub_json *element, struct ub_error *error,
                          struct inventory *inventory)
{
        static const char *const keys[] = { "id", "version", NULL };
        const char *version = "";
        const char *id;
        int r;

        r = ub_json_need_string(element, "id", error, &id);
        if (r < 0)
                return r;
        r = ub_json_get_string(element, "version", error, &version);
        if (r < 0)
                return r;
        if (find(inventory, id))
                return ub_json_fault(element, error, -EBADMSG, "component \"%s\" is there twice",
                                     id);
        r = ub_json_only_keys(element, keys, error);
        return r < 0 ? r : append(inventory, id, version);
}

int inventory_read(const struct ub_json *object, struct ub_error *error, struct inventory *ret)
{
        struct inventory inventory = { .n = 0 };
        const struct ub_json *components;
        const struct ub_json *element;
        int r;

        r = ub_json_get_array(object, "components", error, &components);
        if (r < 0)
                return r;
        for (element = r > 0 ? ub_json_first(components) : NULL; element;
             element = ub_json_next(element)) {
                r = read_component(element, error, &inventory);
                if (r < 0) {
                        inventory_done(&inventory);
                        return r;
                }
        }
        *ret = inventory;
        return 0;
}

int inventory_from_json(const char *json, struct inventory *ret)
{
        struct ub_json *tree;
        int r;

        r = ub_json_parse(json, "inventory", NULL, &tree);
        if (r < 0)
                return r;
        r = inventory_read(tree, NULL, ret);
        (void)ub_json_free(tree);
        return r;
}

int inventory_to_json(const struct inventory *inventory, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        size_t i;

        ub_json_open_object(&w, NULL);
        ub_json_open_array(&w, "components");
        for (i = 0; i < inventory->n; i++) {
                ub_json_open_object(&w, NULL);
                ub_json_put_string(&w, "id", inventory->list[i].id);
                ub_json_put_string(&w, "version", inventory->list[i].version);
                ub_json_close_object(&w);
        }
        ub_json_close_array(&w);
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}
