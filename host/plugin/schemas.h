/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas - the schema of each plugin's settings, asked for once per file
 *
 * To ask is to load the plugin in a child that is thrown away (probe.h), and a configuration may name
 * one plugin fifty times.  So the answer is kept for as long as the file is the same: the same
 * inode, of the same size, not written to since.  Failures may be those of the moment, and are kept
 * for one round only, so that a plugin that hangs does so once.
 *
 * Waits for the child: not for the loop thread.  One thread at a time. */
#pragma once

#include "host/util/cleanup.h"

struct diag;
struct probe_config;
struct schemas;

enum { SCHEMAS_MAX = 64 }; /* files; further ones are asked each time */

int schemas_new(struct schemas **ret);
struct schemas *schemas_free(struct schemas *schemas);
DEFINE_FREEP(struct schemas, schemas);

/* A configuration is about to be read: what has failed is asked again. */
void schemas_begin_round(struct schemas *schemas);

/* *ret is the caller's to free, NULL for a plugin without a schema.  Failures of probe_run(). */
int schemas_get(struct schemas *schemas, const struct probe_config *config, struct diag *diag,
                char **ret);

/* How often a plugin has been asked; for tests. */
unsigned schemas_get_probes(const struct schemas *schemas);
