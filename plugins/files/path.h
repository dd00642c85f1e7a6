/* SPDX-License-Identifier: Apache-2.0
 *
 * path - names that came from outside, before anything is made of them
 *
 * Nothing here touches a disk.  What these functions let pass is relative, has no "." and no ".."
 * and no empty part, so that walking it part by part from a folder, never through a link
 * (tree_open_parent()), stays inside that folder. */
#pragma once

#include <stddef.h>
#include <update-broker/sdk/error.h>

enum {
        PATH_PART_MAX = 255, /* NAME_MAX of every file system that matters */
        PATH_NAME_MAX = 64,  /* of a component and of a version's folder */
};

struct path_limits {
        size_t bytes; /* of a whole path */
        unsigned depth;
};

/* The path of an archive entry without its first `strip` parts.  1: the caller frees *ret.  0:
 * nothing is left of it.  -EINVAL: absolute or "..", -ENAMETOOLONG: over a limit, and error is the
 * cause alone, without the entry.  -ENOMEM. */
int path_clean(const char *raw, unsigned strip, const struct path_limits *limits,
               struct ub_error *error, char **ret);

/* Does a symbolic link at `path`, which is clean, lead to a place inside the tree whatever other
 * such links the tree holds?  So is a relative target that begins with at most as many ".." as the
 * link is deep, and has none behind: a ".." behind a name could leave by way of another link.
 * 0, or -EINVAL and the cause. */
int path_check_link(const char *path, const char *target, struct ub_error *error);

/* Can this be the name of a folder as it is?  [A-Za-z0-9._-]{1,64}, and no dot first. */
int path_check_name(const char *name);

/* The name of a folder for a version that may be any text, at most PATH_NAME_MAX bytes. */
void path_name_of_version(const char *version, char name[PATH_NAME_MAX + 1]);

/* Does an absolute path lie below a folder, by name?  Returns what is behind the folder, or NULL.
 * "/opt/app" is below "/opt" and "/", and not below "/opt/a" or itself. */
const char *path_below(const char *path, const char *folder);
