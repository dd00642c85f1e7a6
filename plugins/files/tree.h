/* SPDX-License-Identifier: Apache-2.0
 *
 * tree - folders and what is in them, from a descriptor and never through a symbolic link
 *
 * Every path here is relative and clean (path.h) and is walked part by part with O_NOFOLLOW, each
 * from the descriptor of the one before: what a name means cannot change between a check and a use,
 * and no link leads out of the folder that was begun with.  fd parameters are borrowed. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { TREE_FOLDER_MODE = 0755 };

/* Opens the folder that `path` lies in; *ret_name is its last part, within path.  -ENOENT;
 * -ELOOP or -ENOTDIR: a part is a link or a file; what else openat(2) reports. */
int tree_open_parent(int dir_fd, const char *path, int *ret_fd, const char **ret_name);

/* Opens a folder by one name; make: it may have to be made, with this mode. */
int tree_open_folder(int dir_fd, const char *name, bool make, mode_t mode, int *ret_fd);

/* Removes a file, a link, or a folder with all that is in it.  0, also when there is nothing. */
int tree_remove(int dir_fd, const char *name);

/* Removes what is in a folder, except for one name; keep may be NULL. */
int tree_empty(int dir_fd, const char *keep);

/* Writes a small file whole, under this name, and syncs it. */
int tree_write_file(int dir_fd, const char *name, const char *text);

/* Reads a small file and puts a NUL behind it.  The caller frees *ret; ret_length may be NULL.
 * -EFBIG: longer than max. */
int tree_read_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_length);

/* The target of a link.  The caller frees *ret.  -EINVAL: not a link. */
int tree_read_link(int dir_fd, const char *name, char **ret);

/* Puts a link there in one step, in the place of a link or file of that name, and syncs the
 * folder. */
int tree_put_link(int dir_fd, const char *name, const char *target);

/* fsync(2). */
int tree_sync(int fd);

/* The names in a folder without "." and "..", in the order of their bytes. */
struct tree_names {
        char **list;
        size_t n;
};
int tree_list(int dir_fd, struct tree_names *ret);
void tree_names_done(struct tree_names *names);
