/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack - an archive that somebody else made becomes a folder, or nothing does
 *
 * Reads tar, zip and cpio, packed with gzip, bzip2, xz, zstd or not at all, through libarchive;
 * what is none of these is a single file.  Everything an archive says is doubted: paths are taken
 * apart (path.h) and walked without following links, an entry is made only where nothing is yet,
 * links may lead to no place outside, and size, number, depth, length and the ratio to what was
 * read are limited.  What breaks a rule is refused with the name of the entry and the cause, and
 * then what was unpacked so far is removed.
 *
 * Owners, ACLs and attributes in the archive do not count; times and permissions do.
 *
 * For the worker's thread.  Memory does not grow with the archive. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <update-broker/sdk/error.h>

#include "plugins/files/settings.h"

struct unpack_rules {
        struct limits limits;
        bool special_files;
        enum setuid_policy setuid;

        bool must_be_archive;
        bool must_be_file; /* copied as it is */
        unsigned strip;
        bool has_mode;
        mode_t mode;
        uid_t uid; /* -1: as it comes */
        gid_t gid;
};

/* Seen by both threads. */
struct unpack_progress {
        atomic_bool cancel;    /* set by the loop */
        atomic_uint_least64_t done; /* bytes of the archive that were read; set by the worker */
        atomic_uint_least64_t total;
};

/* Makes dir_fd/name, which does not exist, of the archive.  progress may be NULL.  -EBADMSG: it is
 * damaged, or breaks a rule; -EFBIG: a limit; -ENOSPC; -ECANCELED; what the file system reports.
 * Nothing is left then. */
int unpack(int archive_fd, int dir_fd, const char *name, const struct unpack_rules *rules,
           struct unpack_progress *progress, struct ub_error *error);
