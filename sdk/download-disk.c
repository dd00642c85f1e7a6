/* SPDX-License-Identifier: Apache-2.0
 *
 * download-disk - see download-disk.h */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sdk/download-disk.h"

#define DISK_OF(j) ((struct disk *)((char *)(j)-offsetof(struct disk, job)))

/* O_NONBLOCK: a FIFO must not hold the thread. */
static int open_source(struct disk *disk)
{
        struct stat st;

        if (disk->source_fd >= 0)
                (void)close(disk->source_fd); /* only read */
        disk->source_fd = open(disk->source_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (disk->source_fd < 0 || fstat(disk->source_fd, &st) < 0)
                return ub_error_set(&disk->error, -errno, "cannot open: %s", strerror(errno));
        if (!S_ISREG(st.st_mode))
                return ub_error_set(&disk->error, -EINVAL, "not a file");
        disk->total = (uint64_t)st.st_size;
        return 0;
}

static int copy_slice(struct disk *disk)
{
        ssize_t n;
        int r;

        do
                n = read(disk->source_fd, disk->data, DISK_BUFFER_BYTES);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return ub_error_set(&disk->error, -errno, "cannot read: %s", strerror(errno));
        r = ub_part_write(disk->part, disk->data, (size_t)n, &disk->error);
        return r < 0 ? r : (int)n;
}

static int run_op(struct disk *disk)
{
        struct part *part = disk->part;
        struct ub_error *error = &disk->error;

        switch (disk->op) {
        case DISK_OPEN:
                return ub_part_open(part, disk->total, error);
        case DISK_REHASH:
                return ub_part_rehash(part, error);
        case DISK_SPACE:
                return ub_part_check_space(part, disk->total, error);
        case DISK_BEGIN:
                return ub_part_begin(part, &disk->validator, disk->total, error);
        case DISK_WRITE:
                return ub_part_write(part, disk->data, disk->length, error);
        case DISK_SOURCE:
                return open_source(disk);
        case DISK_COPY:
                return copy_slice(disk);
        case DISK_FINISH:
                return ub_part_finish(part, disk->total, disk->sha256, error);
        }
        assert(false);
        return -EINVAL;
}

static void disk_run(struct worker_job *job)
{
        struct disk *disk = DISK_OF(job);

        disk->result = run_op(disk);
}

static void disk_done(struct worker_job *job)
{
        struct disk *disk = DISK_OF(job);

        disk->busy = false;
        disk->done(disk->user);
}

static void destroy(struct disk *disk)
{
        ub_part_free(disk->part);
        if (disk->source_fd >= 0)
                (void)close(disk->source_fd); /* only read */
        free(disk->data);
        free(disk->source_path);
        free(disk->sha256);
        free(disk);
}

/* Closes the file, and so gives up its lock, before the thread takes another job: a download of the
 * same name that is started right after the old one was cancelled finds it free. */
static void disk_drop(struct worker_job *job)
{
        destroy(DISK_OF(job));
}

int ub_disk_new(struct worker *worker, struct part *part, void (*done)(void *user), void *user,
                struct disk **ret)
{
        struct disk *disk = calloc(1, sizeof(*disk));

        if (!disk)
                return -ENOMEM;
        disk->job = (struct worker_job){ .run = disk_run, .done = disk_done, .drop = disk_drop };
        disk->worker = worker;
        disk->part = part;
        disk->done = done;
        disk->user = user;
        disk->source_fd = -1;
        *ret = disk;
        return 0;
}

struct disk *ub_disk_free(struct disk *disk)
{
        if (!disk)
                return NULL;
        if (!disk->busy || ub_worker_drop(disk->worker, &disk->job))
                destroy(disk);
        return NULL;
}

int ub_disk_post(struct disk *disk, enum disk_op op)
{
        int r;

        assert(!disk->busy);
        disk->op = op;
        disk->error.text[0] = '\0';
        r = ub_worker_post(disk->worker, &disk->job);
        if (r < 0)
                return ub_error_set(&disk->error, r, "cannot start a thread: %s", strerror(-r));
        disk->busy = true;
        return 0;
}
