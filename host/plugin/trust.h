/* SPDX-License-Identifier: Apache-2.0
 *
 * trust - who could have written this file?
 *
 * A registration names a plugin, never a path.  The file NAME.so in the plugin folder is
 * approved when nobody but root could have put it there: every folder from / down and the file
 * itself are owned by root (or by the one further user that the rules name), are not writable by
 * group or others, and none of them is a symbolic link.  An access list that lets somebody else
 * write shows as a group-writable mode, so this covers those, too.
 *
 * What comes out is a path, and it is loaded as a path.  Between the check and dlopen(3) the
 * file can only change by the hand of somebody who owns a link of the chain, and whom the check
 * has therefore just decided to trust; nobody else can rename, replace or mount over any part of
 * it.  So a descriptor (/proc/self/fd/N) would close no hole, and it would cost: debuggers,
 * backtraces, dladdr(3) and $ORIGIN would all see a name that means nothing.  The walk itself
 * goes by descriptors, each element opened below the one before, so that what is reported is
 * what was looked at.
 *
 * There is no list of hashes beside the files: who can replace the file could replace that as
 * well.  Where contents matter beyond ownership, the image is verified (dm-verity, fs-verity,
 * IMA). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct diag;

struct trust_rules {
        uid_t uid; /* this owner is trusted besides root; 0: nobody is */
        /* Folders that everybody may write to but with the sticky bit (/tmp) pass, for tests
         * that run in a build folder below one.  What is in such a folder must still be owned as
         * above, and the bit keeps others from replacing it.  Never set from outside the
         * program. */
        bool sticky_passes;
};

/* The rules of a daemon: root, and the daemon's own user when that is not root. */
struct trust_rules trust_rules_default(void);

/* Finds a plugin by name: FOLDER/NAME.so.  folder is absolute.  *ret_path is the caller's to
 * free.  -EINVAL: not a name, not an absolute path.  -ENOENT: no such file.  -EPERM: not
 * trusted.  The sentence in diag names the element of the path, the test that failed, and its
 * owner and mode. */
int trust_find(const char *folder, const char *name, const struct trust_rules *rules,
               struct diag *diag, char **ret_path);

/* Checks an absolute path of a file in the same way. */
int trust_check(const char *path, const struct trust_rules *rules, struct diag *diag);

/* The same, without stopping at the first fault, as a report from / down: fn gets one line per
 * element that can be reached, "/usr: root, mode 0755" or the sentence of its fault.  Returns
 * the first fault. */
typedef void (*trust_line_fn)(void *data, bool ok, const char *line);
int trust_report(const char *path, const struct trust_rules *rules, trust_line_fn fn, void *data);
