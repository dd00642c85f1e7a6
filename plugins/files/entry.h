/* SPDX-License-Identifier: Apache-2.0
 *
 * entry - one entry of an archive, checked and made
 *
 * The other half of unpack.c: here is what may be made and how, there where the bytes come from. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "plugins/files/unpack.h"

struct archive;
struct archive_entry;
struct feed;

/* An archive on its way. */
struct unpacking {
        const struct unpack_rules *rules;
        struct unpack_progress *progress; /* may be NULL */
        struct ub_error *error;
        struct archive *archive; /* NULL: copying a file as it is */
        struct feed *feed;       /* what archive reads from */

        int dir_fd; /* borrowed, as name: what is made lies there */
        const char *name;
        int root_dir_fd; /* any descriptor on the file system */
        int root_fd;     /* the folder that is made; -1: not yet */

        uint64_t entries;
        uint64_t bytes;
        uint64_t next_space_check;

        char *parent;           /* path of the folder that parent_fd is; NULL: none */
        int parent_fd;
};

/* Makes the top folder. */
int entry_make_root(struct unpacking *u);

/* Makes an entry, or refuses: error names it. */
int entry_make(struct unpacking *u, struct archive_entry *entry);

/* Frees what the entries left in u. */
void entry_forget(struct unpacking *u);

/* unpack.c: writes the content of the present entry; makes a file longer, unless it is as long
 * already; sets error to what libarchive says. */
int unpack_content(struct unpacking *u, int fd);
int unpack_hole(struct unpacking *u, int fd, int64_t from, int64_t to);
int unpack_fault(struct unpacking *u, const char *what);
