/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/desired-state.h - what ub_agent.desired_state was given, as structs
 *
 *     {"domains":[{"id":"containers",
 *                  "config":[{"key":"k","value":"v"}],
 *                  "components":[{"id":"hello-world","version":"1.2","config":[...]}]}],
 *      "baselines":[{"title":"t","description":"d","preconditions":"p",
 *                    "components":["containers:hello-world"]}]}
 *
 * Read as liberally as Kanto's tools write: keys in any case, null for "not there", unknown keys
 * skipped, a config as an object {"k":"v"} too, its values also as numbers or booleans,
 * "precondition" for "preconditions".  Everything is optional but the domain's and the components'
 * ids. */
#ifndef UPDATE_BROKER_SDK_DESIRED_STATE_H
#define UPDATE_BROKER_SDK_DESIRED_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <update-broker/sdk/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UB_COMPONENTS_MAX 2048 /* components of a domain */

struct ub_pair {
        const char *key;
        const char *value;
};

struct ub_component {
        const char *id;      /* without the domain in front */
        const char *version; /* "" when none is given */
        const struct ub_pair *config;
        size_t n_config;
};

struct ub_baseline {
        const char *title; /* texts are "" when not given */
        const char *description;
        const char *preconditions;
        const char *const *components; /* those of this domain, without the domain in front */
        size_t n_components;
};

/* Every text and array belongs to the desired state and lives as long as it does. */
struct ub_desired_state {
        const char *domain;
        const struct ub_pair *config;
        size_t n_config;
        const struct ub_component *components;
        size_t n_components;
        const struct ub_baseline *baselines;
        size_t n_baselines;
};

/* Reads the text that ub_agent.desired_state got.  The caller frees *ret.  -EBADMSG: wrong, and
 * error says what and where: `domains[0].components[2].id: expected a string, got 7`.  A component
 * that is there twice, and a baseline that names one which is not there, are wrong too.  -E2BIG:
 * over UB_COMPONENTS_MAX, or as ub_json_parse().  -ENOMEM. */
int ub_desired_state_parse(const char *json, struct ub_error *error, struct ub_desired_state **ret);

/* Takes NULL and returns NULL. */
struct ub_desired_state *ub_desired_state_free(struct ub_desired_state *desired);

/* NULL: no such component, baseline or key. */
const struct ub_component *ub_desired_state_component(const struct ub_desired_state *desired,
                                                      const char *id);
const struct ub_baseline *ub_desired_state_baseline(const struct ub_desired_state *desired,
                                                    const char *title);
const char *ub_config_get(const struct ub_pair *config, size_t n_config, const char *key);

/* Does a command for this baseline concern this component?  "" and "*" stand for all components. */
bool ub_desired_state_concerns(const struct ub_desired_state *desired, const char *baseline,
                               const char *component);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_DESIRED_STATE_H */
