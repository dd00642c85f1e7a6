/* SPDX-License-Identifier: Apache-2.0
 *
 * download-disk - the disk's side of a download, done by the worker
 *
 * The download sets what an operation needs, posts it, and looks at nothing in here until `done`
 * has come: one operation at a time.  When the download goes away first, this goes away by
 * itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

#include "sdk/download-part.h"
#include "sdk/download-worker.h"

enum { DISK_BUFFER_BYTES = 128 * 1024 };

enum disk_op {
        DISK_OPEN,   /* ub_part_open: space for `total` */
        DISK_REHASH, /* ub_part_rehash; result 1: post it again */
        DISK_SPACE,  /* ub_part_check_space: `total` */
        DISK_BEGIN,  /* ub_part_begin: `total`, `validator` */
        DISK_WRITE,  /* ub_part_write: `data`, `length`; frees neither */
        DISK_SOURCE, /* opens `source_path`, sets `total` */
        DISK_COPY,   /* appends a slice of the source; result: its bytes, 0 at the end */
        DISK_FINISH, /* ub_part_finish: `total`, `sha256` */
};

struct disk {
        struct worker_job job;
        struct worker *worker; /* borrowed */
        struct part *part;
        bool busy;
        void (*done)(void *user);
        void *user;

        enum disk_op op;
        uint64_t total;
        struct headers_validator validator;
        char *data; /* DISK_BUFFER_BYTES */
        size_t length;
        char *source_path;
        int source_fd;
        char *sha256;

        int result; /* of the last operation */
        struct ub_error error;
};

/* Takes the part over, on success. */
int ub_disk_new(struct worker *worker, struct part *part, void (*done)(void *user), void *user,
                struct disk **ret);

/* In any state; an operation that runs is finished first, in the background. */
struct disk *ub_disk_free(struct disk *disk);

int ub_disk_post(struct disk *disk, enum disk_op op);
