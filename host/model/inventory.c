/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "host/model/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/model/place.h"
#include "host/util/diag.h"

static void free_nodes(struct inventory_node *nodes, size_t n)
{
        size_t i;
        size_t k;

        for (i = 0; i < n; i++) {
                for (k = 0; k < nodes[i].n_parameters; k++) {
                        free(nodes[i].parameters[k].key);
                        free(nodes[i].parameters[k].value);
                }
                free(nodes[i].parameters);
                free(nodes[i].id);
                free(nodes[i].version);
                free(nodes[i].name);
                free(nodes[i].type);
        }
        free(nodes);
}

struct inventory *inventory_free(struct inventory *i)
{
        size_t k;

        if (!i)
                return NULL;
        free_nodes(i->hardware, i->n_hardware);
        free_nodes(i->software, i->n_software);
        for (k = 0; k < i->n_associations; k++) {
                free(i->associations[k].source);
                free(i->associations[k].target);
        }
        free(i->associations);
        free(i);
        return NULL;
}

/* -------------------------------------------------------------------------------------- reading */

static int read_parameter(const struct place *at, const struct json *json, struct diag *diag,
                          void *element)
{
        struct inventory_parameter *p = element;
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_text(at, json, "key", PLACE_NAME_MAX, diag, &p->key);
        if (r == 0)
                r = place_take_text(at, json, "value", PLACE_TEXT_MAX, diag, &p->value);
        return r;
}

static int read_node(const struct place *at, const struct json *json, struct diag *diag,
                     void *element)
{
        static const struct place_array parameters = {
                .key = "parameters",
                .max = INVENTORY_PARAMETERS_MAX,
                .size = sizeof(struct inventory_parameter),
                .read = read_parameter,
        };
        const struct place flag_at = { .parent = at, .key = "addressable" };
        const struct json *flag = place_member(json, "addressable");
        struct inventory_node *n = element;
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_text(at, json, "id", PLACE_ID_MAX + 1 + PLACE_NAME_MAX, diag,
                                    &n->id);
        if (r == 0)
                r = place_take_text(at, json, "version", PLACE_NAME_MAX, diag, &n->version);
        if (r == 0)
                r = place_take_text(at, json, "name", PLACE_NAME_MAX, diag, &n->name);
        if (r == 0)
                r = place_take_text(at, json, "type", PLACE_NAME_MAX, diag, &n->type);
        if (r == 0 && flag && json_get_bool(flag, &n->addressable) < 0)
                r = place_fault(&flag_at, diag, -EBADMSG, "expected a boolean, not %s",
                                json_type_to_string(json_get_type(flag)));
        if (r == 0)
                r = place_take_elements(at, json, &parameters, diag, (void **)&n->parameters,
                                        &n->n_parameters);
        return r;
}

static int read_association(const struct place *at, const struct json *json, struct diag *diag,
                            void *element)
{
        struct inventory_association *a = element;
        int r;

        r = place_check_object(at, json, diag);
        if (r == 0)
                r = place_take_text(at, json, "sourceId", PLACE_ID_MAX + 1 + PLACE_NAME_MAX, diag,
                                    &a->source);
        if (r == 0)
                r = place_take_text(at, json, "targetId", PLACE_ID_MAX + 1 + PLACE_NAME_MAX, diag,
                                    &a->target);
        return r;
}

int inventory_read(const struct json *payload, struct diag *diag, struct inventory **ret)
{
        static const struct place_array hardware = {
                .key = "hardwareNodes",
                .max = INVENTORY_NODES_MAX,
                .size = sizeof(struct inventory_node),
                .read = read_node,
        };
        static const struct place_array software = {
                .key = "softwareNodes",
                .max = INVENTORY_NODES_MAX,
                .size = sizeof(struct inventory_node),
                .read = read_node,
        };
        static const struct place_array associations = {
                .key = "associations",
                .max = INVENTORY_NODES_MAX,
                .size = sizeof(struct inventory_association),
                .read = read_association,
        };
        const struct place at = { .key = "payload" };
        CLEANUP(inventory_freep)
        struct inventory *i = calloc(1, sizeof(*i));
        int r;

        if (!i)
                return diag_set(diag, -ENOMEM, "out of memory");
        r = payload ? place_check_object(&at, payload, diag) : 0;
        if (r == 0)
                r = place_take_elements(NULL, payload, &hardware, diag, (void **)&i->hardware,
                                        &i->n_hardware);
        if (r == 0)
                r = place_take_elements(NULL, payload, &software, diag, (void **)&i->software,
                                        &i->n_software);
        if (r == 0)
                r = place_take_elements(NULL, payload, &associations, diag,
                                        (void **)&i->associations, &i->n_associations);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

/* -------------------------------------------------------------------------------------- writing */

struct graph {
        struct json *hardware;
        struct json *software;
        struct json *associations;
};

static void graph_done(struct graph *g)
{
        (void)json_free(g->hardware);
        (void)json_free(g->software);
        (void)json_free(g->associations);
}

static int graph_init(struct graph *g)
{
        g->hardware = json_new_array();
        g->software = json_new_array();
        g->associations = json_new_array();
        return g->hardware && g->software && g->associations ? 0 : -ENOMEM;
}

static struct json *write_node(const struct inventory_node *n, bool software)
{
        CLEANUP_JSON struct json *object = json_new_object();
        CLEANUP_JSON struct json *parameters = json_new_array();
        size_t i;

        if (!object || !parameters || place_put_text(object, "id", n->id) < 0 ||
            place_put_text(object, "version", n->version) < 0 ||
            place_put_text(object, "name", n->name) < 0)
                return NULL;
        for (i = 0; i < n->n_parameters; i++) {
                CLEANUP_JSON struct json *p = json_new_object();

                if (!p || place_put_text(p, "key", n->parameters[i].key) < 0 ||
                    place_put_text(p, "value", n->parameters[i].value) < 0 ||
                    json_append(parameters, TAKE_PTR(p)) < 0)
                        return NULL;
        }
        if (place_put_array(object, "parameters", TAKE_PTR(parameters)) < 0)
                return NULL;
        if (software && place_put_text(object, "type", n->type) < 0)
                return NULL;
        if (!software && n->addressable &&
            json_set(object, "addressable", json_new_bool(true)) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static int add_association(struct graph *g, const char *source, const char *target)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || place_put_text(object, "sourceId", source) < 0 ||
            place_put_text(object, "targetId", target) < 0)
                return -ENOMEM;
        return json_append(g->associations, TAKE_PTR(object));
}

static int add_inventory(struct graph *g, const struct inventory *i, bool with_associations)
{
        size_t k;

        for (k = 0; k < i->n_hardware; k++)
                if (json_append(g->hardware, write_node(&i->hardware[k], false)) < 0)
                        return -ENOMEM;
        for (k = 0; k < i->n_software; k++)
                if (json_append(g->software, write_node(&i->software[k], true)) < 0)
                        return -ENOMEM;
        for (k = 0; with_associations && k < i->n_associations; k++)
                if (add_association(g, i->associations[k].source, i->associations[k].target) < 0)
                        return -ENOMEM;
        return 0;
}

static int graph_print(struct graph *g, char **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || place_put_array(object, "hardwareNodes", TAKE_PTR(g->hardware)) < 0 ||
            place_put_array(object, "softwareNodes", TAKE_PTR(g->software)) < 0 ||
            place_put_array(object, "associations", TAKE_PTR(g->associations)) < 0)
                return -ENOMEM;
        return json_print(object, JSON_LAYOUT_COMPACT, ret);
}

int inventory_write(const struct inventory *i, char **ret)
{
        CLEANUP(graph_done)
        struct graph g = { .hardware = NULL };
        int r;

        r = graph_init(&g);
        if (r == 0)
                r = add_inventory(&g, i, true);
        return r == 0 ? graph_print(&g, ret) : r;
}

static const struct inventory_node *find_agent_node(const struct inventory *i, const char *domain)
{
        size_t k;
        size_t p;

        for (k = 0; k < i->n_software; k++) {
                const struct inventory_node *n = &i->software[k];

                if (strcmp(n->type, "APPLICATION") != 0)
                        continue;
                for (p = 0; p < n->n_parameters; p++)
                        if (strcmp(n->parameters[p].key, "domain") == 0 &&
                            strcmp(n->parameters[p].value, domain) == 0)
                                return n;
        }
        return i->n_software ? &i->software[0] : NULL;
}

static int add_root(struct graph *g, const char *id, const char *version)
{
        CLEANUP_JSON struct json *root = json_new_object();

        if (!root || place_put_text(root, "id", id) < 0 ||
            place_put_text(root, "version", version) < 0 ||
            place_put_text(root, "name", "Update Manager") < 0 ||
            place_put_text(root, "type", "APPLICATION") < 0)
                return -ENOMEM;
        return json_append(g->software, TAKE_PTR(root));
}

int inventory_aggregate(const char *domain, const char *version,
                        const struct inventory_source *sources, size_t n_sources, char **ret)
{
        CLEANUP(graph_done)
        struct graph g = { .hardware = NULL };
        CLEANUP_FREE char *id = NULL;
        size_t i;
        int r;

        if (asprintf(&id, "%s-update-manager", domain) < 0) {
                id = NULL; /* asprintf(3) leaves it undefined */
                return -ENOMEM;
        }
        r = graph_init(&g);
        if (r == 0)
                r = add_root(&g, id, version);
        for (i = 0; r == 0 && i < n_sources; i++) {
                const struct inventory *inventory = sources[i].inventory;
                const struct inventory_node *agent;

                if (!inventory)
                        continue;
                agent = find_agent_node(inventory, sources[i].domain);
                if (agent)
                        r = add_association(&g, id, agent->id);
                if (r == 0)
                        r = add_inventory(&g, inventory, agent != NULL);
        }
        return r == 0 ? graph_print(&g, ret) : r;
}
