/* SPDX-License-Identifier: Apache-2.0
 *
 * loader - from the path of a .so to checked tables of functions
 *
 * plugin_load() opens the file, finds its entry function, reads the descriptor that this returns
 * and checks all of it before any other function of the plugin is called.  What the host keeps
 * is its own copy: tables that start as zeroes and receive min(theirs, ours) bytes, so a slot
 * that an older plugin does not have reads as NULL and one that a newer plugin has in addition
 * is not seen at all.
 *
 * One file per ABI major knows how to read a descriptor (plugin_v1.c); this one knows dlopen(3):
 *   RTLD_NOW       a function that is missing is a sentence here, not the end of the process in the
 *                  middle of an update
 *   RTLD_LOCAL     two plugins may have symbols of the same name
 *   RTLD_NODELETE  code stays mapped for the life of the process.  Nothing is ever closed, also not
 *                  after a failed check: a constructor may have left threads, thread-specific
 *                  destructors or atexit handlers behind.
 *
 * Loading runs the constructors of a file that nobody has looked into yet.  The daemon therefore
 * asks trust.h who could have written it and, before a load into its own process, probe.h what
 * becomes of a process that loads it.
 *
 * Nothing is logged here: every refusal is a sentence in diag that begins with the path. */
#pragma once

#include "host/plugin/abi.h"

struct diag;

/* How large a struct may claim to be: far above any that we will publish, small enough to copy. */
enum { PLUGIN_MAX_TABLE = 4096 };

enum { PLUGIN_ROLE_AGENT = 1 << 0, PLUGIN_ROLE_CONNECTOR = 1 << 1 };

/* A loaded plugin.  The texts belong to the plugin, which stays mapped as long as the process. */
struct plugin {
        unsigned abi_major; /* of the entry that was found */
        unsigned abi_minor_wanted;
        unsigned abi_minor_needed;
        unsigned roles; /* PLUGIN_ROLE_*, at least one */
        const char *name;
        const char *version;
        const char *description;
        const char *settings_schema; /* NULL: has none */

        struct ub_life life;
        struct ub_agent agent;         /* all zero without PLUGIN_ROLE_AGENT */
        struct ub_connector connector; /* all zero without PLUGIN_ROLE_CONNECTOR */
};

/* Loads a plugin and checks it.  path is absolute.  Freeing with plugin_free() gives back the copy
 * only.
 * -ENOEXEC: the dynamic linker refused the file.  -ENOENT: no entry of its own.  -EPROTO:
 * another ABI.  -EINVAL: the descriptor breaks a rule. */
int plugin_load(const char *path, struct diag *diag, struct plugin **ret);
struct plugin *plugin_free(struct plugin *plugin);

/* The two halves of plugin_load(), for inspect.c, which tells in between how far it got.  The
 * first runs the plugin's constructors; the second calls its entry function.  *ret_handle is
 * never closed. */
int plugin_open(const char *path, struct diag *diag, void **ret_handle);
int plugin_describe(const char *path, void *handle, struct diag *diag, struct plugin **ret);
