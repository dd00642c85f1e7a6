/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_v1 - reads and checks a descriptor of ABI major 1; used by loader.c only */
#pragma once

struct diag;
struct plugin;

/* entry: the address of a ub_plugin_v1() that lies in the plugin itself.  Calls it, and nothing
 * else of the plugin.  plugin: zeroed; filled only on success.  The sentence in diag has no path
 * yet. */
int plugin_v1_read(void *entry, struct diag *diag, struct plugin *plugin);
