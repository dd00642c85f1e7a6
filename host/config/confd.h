/* SPDX-License-Identifier: Apache-2.0
 *
 * confd - all registrations, from the folders of conf.d
 *
 * A pure function from folders to registrations; nothing is kept between two loads, and what
 * changed is found by comparing their results (change.h).  In short:
 *
 *   1. Files NAME.conf are collected from the folders.  Of files with the same name the one in the
 *      highest folder counts; when that is empty or a link to /dev/null, none does.  Files that
 *      cannot be trusted are passed over with a warning.
 *   2. The files that are left are sorted by the bytes of their names, whatever folder they are in.
 *   3. Those with the same id are merged in that order (RFC 7396) and checked.  What is wrong with
 *      one registration makes that one BAD_CONFIG and leaves the others alone.
 *   4. When two enabled agents serve one domain, the one that was enabled in the later file wins.
 *
 * Where a value of a registration comes from is not recorded but found: it stands as the last
 * fragment that has something at its pointer wrote it.  That follows from the rules of merging.
 *
 * Reads files and may run the plugin's probe: not for the loop thread. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "host/config/problem.h"
#include "host/config/registration.h"
#include "host/util/cleanup.h"

struct diag;

enum {
        CONFD_DIRS_MAX = 8,
        CONFD_FILES_MAX = 1024, /* in one folder */
};

struct confd {
        struct registration **registrations; /* sorted by the bytes of their ids */
        size_t n_registrations;
        struct fragment **fragments; /* those that count, sorted by name */
        size_t n_fragments;
        struct problems problems;
};

/* Gets the JSON Schema of a plugin's settings; *ret is malloc()ed text, or NULL when the plugin has
 * none.  0; negative errno: the plugin cannot be asked, diag says why. */
typedef int (*confd_schema_fn)(void *data, const char *plugin, char **ret, struct diag *diag);

struct confd_options {
        const char *const *dirs; /* lowest precedence first; one that does not exist is empty */
        size_t n_dirs;           /* at most CONFD_DIRS_MAX */
        uid_t owner;             /* besides root, who may own files: our own user */
        confd_schema_fn schema;  /* NULL: settings are not checked here */
        void *schema_data;
};

/* 0, whatever is wrong with the files: that is in the problems.  -ENOMEM. */
int confd_load(const struct confd_options *options, struct confd **ret);
struct confd *confd_free(struct confd *confd);
DEFINE_FREEP(struct confd, confd);

/* The registration with this id, or NULL. */
struct registration *confd_find(const struct confd *confd, const char *id);

struct confd_origin {
        const struct fragment *fragment; /* borrowed from confd */
        struct scan_position at;         /* of the key, or of the element of an array */
};

/* Where the value at a JSON pointer in registration->effective was written; for an object, where it
 * was last added to.  0; -ENOENT: no fragment says anything there. */
int confd_get_origin(const struct registration *registration, const char *pointer,
                     struct confd_origin *ret);
