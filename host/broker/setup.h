/* SPDX-License-Identifier: Apache-2.0
 *
 * setup - everything that is configured, read at one time and used as one
 *
 * config.json, conf.d and what follows from both.  A domain that config.json names and no
 * registration serves has its agent in another process (host/config/domain.h); here it gets a
 * registration like the others, for the plugin "remote", so that nothing else has to tell the two
 * kinds apart.
 *
 * Reading takes time and asks plugins for their schema: not for the loop thread.  What has been
 * read is constant, and lives until the last plugin that runs by it has been released. */
#pragma once

#include <stddef.h>

#include "host/config/check.h"
#include "host/log/log.h"
#include "host/util/cleanup.h"

struct confd;
struct diag;
struct domain;
struct domains;
struct registration;
struct schemas;
struct settings;
struct settings_log;
struct settings_sources;

#define SETUP_REMOTE_PLUGIN "remote"

struct setup {
        struct settings *settings;
        struct confd *confd;
        struct domains *domains;
        struct registration **remotes; /* one for each domain; NULL where conf.d has one */
        struct fragment **fragments;   /* of which they are made */
        unsigned refs;
};

/* schemas: those that are known from before, borrowed for the call; NULL: none.
 * 0, also with faults: they are in the problems of the three parts.  -EINVAL: wrong usage, diag
 * says what.
 * -ENOMEM. */
int setup_load(const struct settings_sources *sources, struct schemas *schemas, struct diag *diag,
               struct setup **ret);

/* The same, for settings that have been read already. */
int setup_complete(struct settings *take_settings, struct schemas *schemas, struct setup **ret);

/* References belong to the loop thread. */
struct setup *setup_ref(struct setup *setup);
struct setup *setup_unref(struct setup *setup);
static inline void setup_unrefp(struct setup **setup)
{
        (void)setup_unref(*setup);
}

/* The registration that serves a domain; never NULL, but it may be faulty. */
const struct registration *setup_get_registration(const struct setup *setup,
                                                  const struct domain *domain);

/* For the report on it. */
struct check setup_get_check(const struct setup *setup);

/* The log's options; texts are borrowed. */
struct log_options setup_log_options(const struct settings_log *log);
