/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/inventory.h - the text of an inventory
 *
 *     {"hardwareNodes":[{"id","version","name","parameters":[{"key","value"}],"addressable":true}],
 *      "softwareNodes":[{"id","version","name","parameters":[..],"type":T}],
 *      "associations":[{"sourceId","targetId"}]}
 *
 * The broker joins the inventories of all agents to one graph.  It hangs a domain's part below its
 * root by the agent's own node: the first software node, of type APPLICATION with the parameter
 * "domain".  An agent makes that one first and links its components to it:
 *
 *     r = ub_inventory_new(ub_id(host), &inventory);
 *     ub_inventory_add_agent(inventory, "1.0", "Hello agent");
 *     ub_inventory_add_component(inventory, "greeting", "1.2", NULL, UB_TYPE_DATA);
 *     r = ub_inventory_send(inventory, host, activity);
 *     inventory = ub_inventory_free(inventory);
 *
 * The first fault is kept, later calls do nothing, and the end reports it. */
#ifndef UPDATE_BROKER_SDK_INVENTORY_H
#define UPDATE_BROKER_SDK_INVENTORY_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ub_host;
struct ub_inventory;

/* Types of software nodes. */
#define UB_TYPE_IMAGE "IMAGE"
#define UB_TYPE_RAW "RAW"
#define UB_TYPE_DATA "DATA"
#define UB_TYPE_APPLICATION "APPLICATION"
#define UB_TYPE_CONTAINER "CONTAINER"

/* domain: put in front of the components' ids.  -ENOMEM. */
int ub_inventory_new(const char *domain, struct ub_inventory **ret);

/* Takes NULL and returns NULL. */
struct ub_inventory *ub_inventory_free(struct ub_inventory *inventory);

/* The agent's own node: "DOMAIN-update-agent", an APPLICATION with the parameter domain. */
void ub_inventory_add_agent(struct ub_inventory *inventory, const char *version, const char *name);

/* A component: "DOMAIN:ID", linked to the agent's node.  version and name may be NULL. */
void ub_inventory_add_component(struct ub_inventory *inventory, const char *id, const char *version,
                                const char *name, const char *type);

/* Any other node, by its whole id. */
void ub_inventory_add_software(struct ub_inventory *inventory, const char *id, const char *version,
                               const char *name, const char *type);
void ub_inventory_add_hardware(struct ub_inventory *inventory, const char *id, const char *version,
                               const char *name, bool addressable);

/* A parameter of the node that was added last. */
void ub_inventory_add_parameter(struct ub_inventory *inventory, const char *key, const char *value);

/* An edge between two whole ids. */
void ub_inventory_associate(struct ub_inventory *inventory, const char *source, const char *target);

/* 0: the caller frees *ret; the inventory is used up.  -EINVAL: a parameter without a node.
 * -ENOMEM, -E2BIG. */
int ub_inventory_to_json(struct ub_inventory *inventory, char **ret);

/* The same, sent for an activity ("": the state changed by itself). */
int ub_inventory_send(struct ub_inventory *inventory, const struct ub_host *host,
                      const char *activity);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_INVENTORY_H */
