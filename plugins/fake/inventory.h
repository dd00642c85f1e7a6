/* SPDX-License-Identifier: Apache-2.0
 *
 * inventory - the components that the fake agent believes to have
 *
 * A list of ids and versions in the order in which they came.  The list of struct ub_component is
 * what the SDK compares with a desired state; here its texts are owned. */
#pragma once

#include <stddef.h>
#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/json.h>

struct inventory {
        struct ub_component *list;
        size_t n;
};

void inventory_done(struct inventory *inventory);

/* Reads "components" of an object, [{"id","version"}], into *ret; not there: empty.  -EBADMSG and a
 * sentence, also for an id that is there twice. */
int inventory_read(const struct ub_json *object, struct ub_error *error, struct inventory *ret);

/* {"components":[...]}; the caller frees *ret. */
int inventory_to_json(const struct inventory *inventory, char **ret);
int inventory_from_json(const char *json, struct inventory *ret);

int inventory_copy(const struct inventory *inventory, struct inventory *ret);

/* The version of a component; NULL: it is not there. */
const char *inventory_version(const struct inventory *inventory, const char *id);

/* Puts a component there in a version, or takes it away (version NULL). */
int inventory_set(struct inventory *inventory, const char *id, const char *version);
