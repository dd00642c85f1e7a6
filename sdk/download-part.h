/* SPDX-License-Identifier: Apache-2.0
 *
 * download-part - the file that is partly there
 *
 * Every function here may wait for a disk: they run on the worker's thread, one at a time per part,
 * and nobody else looks at the struct meanwhile.
 *
 * ".NAME.part" holds the bytes 0..size, and the digest has seen exactly these.  ".NAME.part.meta"
 * says which version of which source they are, how many of them are certainly on disk (synced), and
 * in which boot it was written: after a mere crash of the process the whole length counts, after a
 * power failure only what was synced, because a file may then be longer than its data.  A lock on
 * the partial file keeps a second download of the same name out. */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

#include "sdk/download-headers.h"

struct part {
        int dir_fd;
        int fd;         /* -1: not open */
        bool is_open;   /* locked, and still under its own name */
        char name[256]; /* NAME */
        char part_name[256];
        char meta_name[256];
        char source[65]; /* digest of what makes two downloads "the same thing", in hexadecimal */
        uint64_t size;   /* bytes written */
        uint64_t hashed; /* bytes that the digest has seen; below size while resuming */
        uint64_t synced; /* bytes known to be on disk */
        uint64_t total;  /* of this version, or HEADERS_UNKNOWN */
        uint64_t keep_free;
        struct headers_validator validator;
        EVP_MD_CTX *digest;
};

/* dir_fd is duplicated; the name has been checked.  Touches no file. */
int ub_part_new(int dir_fd, const char *name, const char *source, uint64_t keep_free,
                struct part **ret);
/* An empty partial file goes with it, others stay. */
struct part *ub_part_free(struct part *part);

bool ub_part_name_is_valid(const char *name);

/* Opens or creates and locks the file, reads the notes and checks that `expected` (HEADERS_UNKNOWN:
 * not known) bytes fit.  Afterwards part->size is what can be kept; 0 when it is of something else.
 * -EBUSY, -ENOSPC, -EBADMSG: not a regular file. */
int ub_part_open(struct part *part, uint64_t expected, struct ub_error *error);

/* Lets the digest see a slice of what was kept.  1: there is more. */
int ub_part_rehash(struct part *part, struct ub_error *error);

/* Drops what is there and begins a version of this length. */
int ub_part_begin(struct part *part, const struct headers_validator *validator, uint64_t total,
                  struct ub_error *error);

/* Checks that the rest of the file up to total fits. */
int ub_part_check_space(struct part *part, uint64_t total, struct ub_error *error);

/* Appends.  Now and then makes sure that what is written reaches the disk. */
int ub_part_write(struct part *part, const void *data, size_t length, struct ub_error *error);

/* Checks size (HEADERS_UNKNOWN: any) and digest (NULL: any), syncs, renames to NAME and removes the
 * notes. -EBADMSG: not what was expected; the content has been dropped. */
int ub_part_finish(struct part *part, uint64_t size, const char *sha256, struct ub_error *error);

int ub_part_discard(int dir_fd, const char *name);
