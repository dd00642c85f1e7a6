/* SPDX-License-Identifier: Apache-2.0
 *
 * store - where the versions of all components are, and which of them are active
 *
 *     STORE/active -> generations/7            the one link that is switched
 *     STORE/generations/7/app -> ../../versions/app/1.2.0/content
 *     STORE/versions/app/1.2.0/content         what was unpacked: a folder, or a single file
 *     STORE/versions/app/1.2.0/manifest        what it consists of (scan.h)
 *     STORE/versions/app/1.2.0/about           how it was made (version.h)
 *     STORE/versions/app/previous -> 1.1.0     kept when the activity is over
 *     STORE/versions/app/.new, .gone           on their way in and out
 *     STORE/downloads/app/                     what DOWNLOAD fetched
 *     STORE/activity                           where the activity stands (record.h)
 *
 * A version's folder has its name only when all of it is on disk, and is never written to again; a
 * generation likewise before the link leads to it.  So whatever instant a crash picks, `active`
 * leads to a whole set of whole versions, the old one or the new one.  Everything else is left over
 * and goes with the next sweep.  There is no other memory of what is active than this link.
 *
 * All functions but store_open() and store_done() are for the worker's thread, one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <update-broker/sdk/error.h>

#include "plugins/files/tree.h"

#define STORE_CONTENT "content"
#define STORE_MANIFEST "manifest"

struct store {
        char *path;
        int dir_fd;
        int versions_fd;
        int generations_fd;
        int downloads_fd;
};

#define STORE_NONE \
        (struct store){ .dir_fd = -1, .versions_fd = -1, .generations_fd = -1, .downloads_fd = -1 }

/* What is to be active of one component; folder NULL: nothing. */
struct store_link {
        const char *id;
        const char *folder;
};

/* Opens a store and makes what is missing of it.  -EBUSY: another agent has it.  Errors name the
 * path. */
int store_open(const char *path, struct ub_error *error, struct store *ret);
void store_done(struct store *store);

/* The version's folder that is active; *ret NULL: none.  The caller frees it. */
int store_get_active(const struct store *store, const char *id, char **ret);
/* The ids of all that is active. */
int store_list_active(const struct store *store, struct tree_names *ret);

/* Makes all of these active at once, and leaves the other components as they are. */
int store_switch(const struct store *store, const struct store_link *links, size_t n,
                 struct ub_error *error);

/* Begins a version: an empty folder in *ret_fd, which has no name yet. */
int store_begin_version(const struct store *store, const char *id, int *ret_fd);
/* Gives it a name made of the version, in *ret_folder, which the caller frees. */
int store_publish_version(const struct store *store, const char *id, const char *version,
                          int version_fd, char **ret_folder);
/* Gives up a version that was begun.  0, also when there is none. */
int store_drop_version(const struct store *store, const char *id);
int store_open_version(const struct store *store, const char *id, const char *folder, int *ret_fd);

/* The version's folder that stays when the activity is over; *ret NULL: none. */
int store_get_previous(const struct store *store, const char *id, char **ret);
int store_put_previous(const struct store *store, const char *id, const char *folder);

/* The folder that downloads of a component go to. */
int store_open_downloads(const struct store *store, const char *id, int *ret_fd);
int store_drop_downloads(const struct store *store, const char *id);

/* Calls fn for each version that is there, until it returns non-zero. */
typedef int (*store_visit_fn)(void *data, const char *id, const char *folder);
int store_visit_versions(const struct store *store, store_visit_fn fn, void *data);

/* Removes every version for which keep returns false, and what else is left over. */
typedef bool (*store_keep_fn)(void *data, const char *id, const char *folder);
int store_sweep(const struct store *store, store_keep_fn keep, void *data, struct ub_error *error);
