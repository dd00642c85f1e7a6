/* SPDX-License-Identifier: Apache-2.0
 *
 * domain - what is updated, and by which agent
 *
 * Two files speak of agents: conf.d registers those that this daemon hosts, and "agents" of
 * config.json names domains in Kanto's way.  A domain of config.json that no enabled registration
 * serves has its agent in another process, behind MQTT: a remote one; so a device that comes from
 * Kanto keeps its file.  When nobody names any, there is one remote domain "containers", as in
 * Kanto.
 *
 * A registration that is enabled but faulty keeps its domain: a desired state for it has to fail
 * with the reason, not be passed to somebody else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config/problem.h"
#include "host/config/setting.h"
#include "host/model/prefix.h"
#include "host/util/cleanup.h"

struct confd;
struct diag;
struct registration;
struct settings;

/* Rows of a domain's settings: the names of options and variables are the ends of the whole
 * ones. */
enum domain_setting { DOMAIN_READ_TIMEOUT, DOMAIN_REBOOT_REQUIRED, DOMAIN_SETTINGS };
extern const struct setting domain_settings[DOMAIN_SETTINGS];

struct domain {
        char *id;
        char prefix[PREFIX_SIZE]; /* of its agent's topics; "": it can have none */
        const struct registration *registration; /* borrowed from confd; NULL: a remote agent */
        uint64_t read_timeout_usec;
        bool reboot_required;
        struct setting_origin origins[DOMAIN_SETTINGS];
};

struct domains {
        struct domain
                *items; /* those of config.json in its order, then the others by registration */
        size_t n;
        struct problems problems;
};

/* 0, whatever is wrong: that is in the problems.  -ENOMEM.  Both are borrowed for as long as the
 * result lives. */
int domains_new(const struct settings *settings, const struct confd *confd, struct domains **ret);
struct domains *domains_free(struct domains *domains);
DEFINE_FREEP(struct domains, domains);

/* NULL: there is no such domain. */
const struct domain *domains_find(const struct domains *domains, const char *id);

/* A domain with its defaults.  0; -ENOMEM. */
int domain_init(struct domain *domain, const char *id);
void domain_done(struct domain *domain);

/* The environment variable of a row for a domain: SELF_UPDATE_READ_TIMEOUT. */
void domain_variable(const char *id, const struct setting *row, struct diag *ret);
