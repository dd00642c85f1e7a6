/* SPDX-License-Identifier: Apache-2.0
 *
 * desired_state - what one device should run: components by domain, tied together by baselines
 *
 *     {"baselines":[{"title":s,"description":s,"preconditions":s,"components":["DOMAIN:COMPONENT",..]}],
 *      "domains":[{"id":s,"config":[{"key":s,"value":s}],
 *                  "components":[{"id":s,"version":s,"config":[{"key":s,"value":s}]}]}]}
 *
 * Read liberally in form (see place.h; `{"desiredState":{..}}` around it is unwrapped,
 * `precondition` is understood) and strictly in substance: what would be lost or applied twice is a
 * fault that names its path.  Members of domains and components that are not in the table above are
 * kept and forwarded, so that agents can be extended without the broker.
 *
 * For the agents it is split: one domain and the baselines that touch it, reduced to its
 * components. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/json/json.h"

struct diag;

enum {
        DESIRED_STATE_DOMAINS_MAX = 1024,
        DESIRED_STATE_BASELINES_MAX = 1024,
        DESIRED_STATE_COMPONENTS_MAX = 16384, /* of one domain or baseline */
        DESIRED_STATE_CONFIG_MAX = 1024,
};

struct desired_setting {
        char *key;
        char *value;
};

/* A component that no baseline names. */
#define DESIRED_STATE_NO_BASELINE ((size_t)-1)

struct desired_component {
        char *id; /* without the domain */
        char *version;
        size_t baseline; /* index of the one that names it, or DESIRED_STATE_NO_BASELINE */
        struct desired_setting *config;
        size_t n_config;
        struct json *others; /* members that are not ours; NULL: none */
};

struct desired_domain {
        char *id;
        struct desired_setting *config;
        size_t n_config;
        struct desired_component *components;
        size_t n_components;
        struct json *others;
};

struct desired_baseline {
        char *title; /* never empty, and no other's */
        char *description;
        char *preconditions; /* precondition.h; checked */
        char **components;   /* "DOMAIN:COMPONENT", each in one baseline only */
        size_t n_components;
};

struct desired_state {
        struct desired_baseline *baselines;
        size_t n_baselines;
        struct desired_domain *domains; /* ids are unique */
        size_t n_domains;
};

/* Reads a payload; NULL stands for one with nothing in it.  -EBADMSG, -E2BIG: diag names path and
 * fault. -ENOMEM. */
int desired_state_read(const struct json *payload, struct diag *diag, struct desired_state **ret);
struct desired_state *desired_state_free(struct desired_state *d);
DEFINE_FREEP(struct desired_state, desired_state);

/* True when the baseline names a component of the domain; prefix rule, so it need not be in
 * `domains`. */
bool desired_baseline_touches(const struct desired_baseline *baseline, const char *domain);

/* The whole as JSON; only the root is the caller's. */
int desired_state_write(const struct desired_state *d, struct json **ret);

/* The text for the agent of one domain.  remaining (opt): the title of a baseline to be added,
 * which holds the components that are in no other. */
int desired_state_write_domain(const struct desired_state *d, const struct desired_domain *domain,
                               const char *remaining, char **ret);
