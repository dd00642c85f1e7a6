/* SPDX-License-Identifier: Apache-2.0
 *
 * breadcrumb - in whose code did the daemon die?
 *
 * A plugin with "isolation": "none" runs inside the daemon, and its crash is the daemon's
 * crash.  So that this happens to a device twice at most, each call into such a plugin is
 * bracketed by breadcrumb_enter() and breadcrumb_leave(), which write whose call it is into a
 * page of a file in the runtime folder.  The page is shared memory of that file: two copies of a
 * few bytes per call, no system call, and the kernel keeps it when the process dies of whatever
 * reason - a signal, abort(), exit(), the watchdog of the service manager during a call that
 * hangs.
 *
 * The next daemon finds the crumb, counts it in a small file in the state folder, and no longer
 * runs in-process an agent that did this BREADCRUMB_LIMIT times.  The count belongs to the
 * plugin file that it was earned with: another file (inode, size or time) starts at zero, and an
 * administrator may clear it.
 *
 * A crash in a thread of the plugin, outside of any call, leaves no crumb: nobody can say whose
 * it was.  A power failure leaves none either, because the runtime folder does not survive it,
 * and rightly so.
 *
 * Nothing here knows plugins; ids, names of calls and paths of files are all.  Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/plugin/abi.h"

struct breadcrumb;
struct diag;

enum {
        BREADCRUMB_LIMIT = 2,       /* crashes that an agent may cause before it is banned */
        BREADCRUMB_CALL_MAX = 32,   /* bytes of a call's name, NUL included */
        BREADCRUMB_AGENTS_MAX = 64, /* agents that can have a count; the oldest is forgotten */
};

/* Which file it was.  All zero: no such file. */
struct breadcrumb_file {
        uint64_t device;
        uint64_t inode;
        uint64_t size;
        uint64_t mtime_nsec;
};

/* What a caller of breadcrumb_enter() prepares once per instance. */
struct breadcrumb_mark {
        char id[UB_MAX_ID + 1];
        struct breadcrumb_file file;
};
void breadcrumb_mark_init(struct breadcrumb_mark *mark, const char *id, const char *plugin_path);

/* Opens the page in the runtime folder, reads what the last daemon left there, counts it in the
 * state folder and clears the page.  Writes to the disk: for the daemon's start.  Both descriptors
 * are borrowed and outlive the object.
 * 0, or 1: the counts were damaged, are now plugin-crashes.bad, and begin at zero; diag says so.
 * Failures: what the files report, with a sentence. */
int breadcrumb_open(int runtime_fd, int state_fd, struct diag *diag, struct breadcrumb **ret);

/* Lets go of the page as it is: clear after breadcrumb_leave().  Takes NULL. */
struct breadcrumb *breadcrumb_free(struct breadcrumb *crumbs);

/* The call that the last daemon died in: true, with *ret_id and *ret_call ("command", "load"),
 * valid as long as the object.  False: it ended otherwise. */
bool breadcrumb_read(const struct breadcrumb *crumbs, const char **ret_id, const char **ret_call);

/* How often this agent took the daemon down with the file that plugin_path is now. */
unsigned breadcrumb_count(const struct breadcrumb *crumbs, const char *id, const char *plugin_path);

/* Whether that was too often: the agent must have a process of its own. */
bool breadcrumb_is_banned(const struct breadcrumb *crumbs, const char *id, const char *plugin_path);

/* An administrator's pardon.  Writes to the disk.  -ENOENT: there is no count. */
int breadcrumb_clear(struct breadcrumb *crumbs, const char *id);

/* Around each call into a plugin in this process; call is cut at BREADCRUMB_CALL_MAX.  Calls do
 * not nest: leave clears whatever was entered.  NULL for crumbs (as in ub-agent-host): nothing
 * happens. */
void breadcrumb_enter(struct breadcrumb *crumbs, const struct breadcrumb_mark *mark,
                      const char *call);
void breadcrumb_leave(struct breadcrumb *crumbs);
