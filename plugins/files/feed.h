/* SPDX-License-Identifier: Apache-2.0
 *
 * feed - the bytes of an archive on their way to libarchive's readers of tar, zip and cpio
 *
 * What is packed is unpacked by an archive object of its own, so that the bytes pass here twice as
 * small steps: as they are in the file and as the reader of the format gets them.  That reader
 * keeps as much in memory as a header claims to need; a name of 4 GiB is a valid claim in cpio, and
 * a few kilobytes of zstd bring the bytes for it.  So what it may read for one header is limited.
 *
 * For the worker's thread. */
#pragma once

#include <archive.h>
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

struct feed {
        int fd;                /* borrowed */
        struct archive *inner; /* unpacks; NULL: the file is not packed */
        char *block;
        bool in_header;
        uint64_t header_bytes; /* read for the present header */
        uint64_t header_max;
};

#define FEED_NONE (struct feed){ .fd = -1 }

/* Begins at the first byte of the file. */
int feed_open(int fd, uint64_t header_max, struct ub_error *error, struct feed *ret);
void feed_done(struct feed *feed);

/* Opens an archive that reads from here; feed stays where it is.  What libarchive returns. */
int feed_attach(struct feed *feed, struct archive *archive);

/* As archive_read_next_header(), within the limit. */
int feed_next_header(struct feed *feed, struct archive *archive, struct archive_entry **ret);

/* How much of the file has been read for what `archive` has got. */
uint64_t feed_position(const struct feed *feed, struct archive *archive);
