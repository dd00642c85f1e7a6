/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - see <update-broker/sdk/inventory.h>
 *
 * Three texts grow side by side, one per array of the message, and are joined at the end.  The node
 * that was added last stays open for its parameters until the next one begins. */
#define _GNU_SOURCE 1 /* asprintf */
#define UB_ABI_MINOR_WANTED 0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/inventory.h>
#include <update-broker/sdk/json.h>

struct ub_inventory {
        char *domain;
        char *agent; /* id of the agent's node; NULL: none was added */
        struct ub_json_writer hardware;
        struct ub_json_writer software;
        struct ub_json_writer associations;
        struct ub_json_writer *node; /* the array whose last node is still open */
        bool has_parameters;         /* so is its "parameters" */
        int fault;
};

int ub_inventory_new(const char *domain, struct ub_inventory **ret)
{
        struct ub_inventory *inventory;

        inventory = (struct ub_inventory *)calloc(1, sizeof(*inventory));
        if (!inventory)
                return -ENOMEM;
        inventory->domain = strdup(domain);
        if (!inventory->domain) {
                free(inventory);
                return -ENOMEM;
        }
        ub_json_open_array(&inventory->hardware, NULL);
        ub_json_open_array(&inventory->software, NULL);
        ub_json_open_array(&inventory->associations, NULL);
        *ret = inventory;
        return 0;
}

struct ub_inventory *ub_inventory_free(struct ub_inventory *inventory)
{
        if (!inventory)
                return NULL;
        ub_json_writer_discard(&inventory->hardware);
        ub_json_writer_discard(&inventory->software);
        ub_json_writer_discard(&inventory->associations);
        free(inventory->agent);
        free(inventory->domain);
        free(inventory);
        return NULL;
}

static void close_node(struct ub_inventory *inventory)
{
        if (!inventory->node)
                return;
        if (inventory->has_parameters)
                ub_json_close_array(inventory->node);
        ub_json_close_object(inventory->node);
        inventory->has_parameters = false;
        inventory->node = NULL;
}

static void open_node(struct ub_inventory *inventory, struct ub_json_writer *w, const char *id,
                      const char *version, const char *name)
{
        close_node(inventory);
        ub_json_open_object(w, NULL);
        ub_json_put_string(w, "id", id);
        ub_json_put_string(w, "version", version && *version ? version : NULL);
        ub_json_put_string(w, "name", name);
        inventory->node = w;
}

void ub_inventory_add_software(struct ub_inventory *inventory, const char *id, const char *version,
                               const char *name, const char *type)
{
        open_node(inventory, &inventory->software, id, version, name);
        ub_json_put_string(&inventory->software, "type", type);
}

void ub_inventory_add_hardware(struct ub_inventory *inventory, const char *id, const char *version,
                               const char *name, bool addressable)
{
        open_node(inventory, &inventory->hardware, id, version, name);
        if (addressable)
                ub_json_put_bool(&inventory->hardware, "addressable", true);
}

void ub_inventory_add_parameter(struct ub_inventory *inventory, const char *key, const char *value)
{
        struct ub_json_writer *w = inventory->node;

        if (!w) {
                inventory->fault = -EINVAL;
                return;
        }
        if (!inventory->has_parameters)
                ub_json_open_array(w, "parameters");
        inventory->has_parameters = true;
        ub_json_open_object(w, NULL);
        ub_json_put_string(w, "key", key);
        ub_json_put_string(w, "value", value);
        ub_json_close_object(w);
}

void ub_inventory_associate(struct ub_inventory *inventory, const char *source, const char *target)
{
        struct ub_json_writer *w = &inventory->associations;

        ub_json_open_object(w, NULL);
        ub_json_put_string(w, "sourceId", source);
        ub_json_put_string(w, "targetId", target);
        ub_json_close_object(w);
}

void ub_inventory_add_agent(struct ub_inventory *inventory, const char *version, const char *name)
{
        char *id = NULL;

        if (asprintf(&id, "%s-update-agent", inventory->domain) < 0) {
                inventory->fault = -ENOMEM;
                return;
        }
        ub_inventory_add_software(inventory, id, version, name, UB_TYPE_APPLICATION);
        ub_inventory_add_parameter(inventory, "domain", inventory->domain);
        free(inventory->agent);
        inventory->agent = id;
}

void ub_inventory_add_component(struct ub_inventory *inventory, const char *id, const char *version,
                                const char *name, const char *type)
{
        char *whole = NULL;

        if (asprintf(&whole, "%s:%s", inventory->domain, id) < 0) {
                inventory->fault = -ENOMEM;
                return;
        }
        ub_inventory_add_software(inventory, whole, version, name, type);
        if (inventory->agent)
                ub_inventory_associate(inventory, inventory->agent, whole);
        free(whole);
}

/* Adds one finished array to the message unless it is empty. */
static void join(struct ub_json_writer *message, const char *key, struct ub_json_writer *part)
{
        char *json;
        int r;

        ub_json_close_array(part);
        r = ub_json_writer_finish(part, &json);
        if (r < 0) {
                message->fault = r;
                return;
        }
        if (strcmp(json, "[]") != 0)
                ub_json_put_json(message, key, json);
        free(json);
}

int ub_inventory_to_json(struct ub_inventory *inventory, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;

        close_node(inventory);
        ub_json_open_object(&w, NULL);
        join(&w, "hardwareNodes", &inventory->hardware);
        join(&w, "softwareNodes", &inventory->software);
        join(&w, "associations", &inventory->associations);
        ub_json_close_object(&w);
        if (inventory->fault < 0) {
                ub_json_writer_discard(&w);
                return inventory->fault;
        }
        return ub_json_writer_finish(&w, ret);
}

int ub_inventory_send(struct ub_inventory *inventory, const struct ub_host *host,
                      const char *activity)
{
        char *json;
        int r;

        r = ub_inventory_to_json(inventory, &json);
        if (r < 0)
                return r;
        r = ub_current_state(host, activity, json);
        free(json);
        return r;
}
