/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - the current state: what hardware and software is there, as a graph
 *
 *     {"hardwareNodes":[{"id","version","name","parameters":[{"key","value"}],"addressable":bool}],
 *      "softwareNodes":[{"id","version","name","parameters":[..],"type":T}],
 *      "associations":[{"sourceId","targetId"}]}
 *
 * Each agent reports the graph of its domain; inventory_aggregate() hangs them below a root node
 * that stands for the broker.  Elements that are null are left out; types are not checked, as in
 * the field. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/json/json.h"

struct diag;

enum {
        INVENTORY_NODES_MAX = 65536,
        INVENTORY_PARAMETERS_MAX = 1024, /* of one node */
};

struct inventory_parameter {
        char *key;
        char *value;
};

struct inventory_node {
        char *id;
        char *version;
        char *name;
        char *type; /* software only */
        struct inventory_parameter *parameters;
        size_t n_parameters;
        bool addressable; /* hardware only */
};

struct inventory_association {
        char *source;
        char *target;
};

struct inventory {
        struct inventory_node *hardware;
        size_t n_hardware;
        struct inventory_node *software;
        size_t n_software;
        struct inventory_association *associations;
        size_t n_associations;
};

/* Reads a payload; NULL stands for one with nothing in it.  -EBADMSG, -E2BIG: diag names path and
 * fault. -ENOMEM. */
int inventory_read(const struct json *payload, struct diag *diag, struct inventory **ret);
struct inventory *inventory_free(struct inventory *i);
DEFINE_FREEP(struct inventory, inventory);

/* *ret is the caller's to free. */
int inventory_write(const struct inventory *i, char **ret);

/* What one domain contributes; inventory NULL: nothing is known of it. */
struct inventory_source {
        const char *domain;
        const struct inventory *inventory;
};

/* Writes the graph of the whole device: the root node "DOMAIN-update-manager", then the graphs of
 * the domains in the order of the array, each tied to the root by the node of its agent: the first
 * APPLICATION with the parameter "domain", else the first software node.  A domain without software
 * nodes has only its hardware shown.  *ret is the caller's to free. */
int inventory_aggregate(const char *domain, const char *version,
                        const struct inventory_source *sources, size_t n_sources, char **ret);
