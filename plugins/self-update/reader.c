/* SPDX-License-Identifier: Apache-2.0
 *
 * reader - see reader.h */
#include "plugins/self-update/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <update-broker/sdk/host.h>

#include "plugins/self-update/reading.h"
#include "plugins/self-update/thread.h"

enum {
        ALIGNMENT = 4096, /* of what O_DIRECT reads to, for every device in the field */
        REPORT_SEC = 1,
};

/* One reading.  Until `over` the thread owns what has no atomic in front. */
struct task {
        atomic_int users; /* thread.h */
        atomic_bool unwanted;
        atomic_bool over;
        atomic_ullong now;
        int bell;
        char *path;
        uint64_t size;
        char stamp[SLOT_TEXT_MAX];
        bool direct;
        int result;
        struct reading found;
};

struct reader {
        const struct ub_host *host;
        const struct reader_events *events;
        void *data;
        struct task *task; /* under way */
        struct ub_source *rung;
};

static void task_unref(struct task *task)
{
        if (!task || !thread_leave(&task->users))
                return;
        if (task->bell >= 0)
                (void)close(task->bell); /* holds nothing */
        free(task->path);
        free(task);
}

static void ring(struct task *task)
{
        (void)eventfd_write(task->bell, 1); /* -EAGAIN: it is being rung enough */
}

/* --------------------------------------------------------------------------- the device's stamp */

static int read_line(const char *path, char *buf, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

        if (fd >= 0)
                (void)close(fd); /* only read */
        buf[n > 0 ? n : 0] = '\0';
        return n > 0 ? 0 : -ENODATA;
}

/* Does the kernel count what is written to the device?  The queue is that of the whole disk. */
static bool is_counted(unsigned int major_, unsigned int minor_)
{
        char path[96];
        char line[16];

        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/iostats", major_, minor_);
        if (read_line(path, line, sizeof(line)) >= 0)
                return line[0] == '1';
        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../queue/iostats", major_,
                       minor_);
        return read_line(path, line, sizeof(line)) >= 0 && line[0] == '1';
}

/* MAJOR:MINOR/WRITTEN/DISCARDED, in sectors since the boot; "" for what the kernel does not count.
 * The fields are those of Documentation/block/stat.rst. */
static void take_stamp(int fd, char stamp[SLOT_TEXT_MAX])
{
        unsigned long long written;
        unsigned long long discarded = 0; /* Linux 4.19 */
        struct stat st;
        char path[96];
        char line[512];

        stamp[0] = '\0';
        if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) ||
            !is_counted(major(st.st_rdev), minor(st.st_rdev)))
                return;
        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat", major(st.st_rdev),
                       minor(st.st_rdev));
        if (read_line(path, line, sizeof(line)) < 0 ||
            sscanf(line, "%*u %*u %*u %*u %*u %*u %llu %*u %*u %*u %*u %*u %*u %llu", &written,
                   &discarded) < 1)
                return;
        (void)snprintf(stamp, SLOT_TEXT_MAX, "%u:%u/%llu/%llu", major(st.st_rdev),
                       minor(st.st_rdev), written, discarded);
}

/* ----------------------------------------------------------------------------------- the thread */

/* Something of the device at this offset; the next bytes, 0 at its end, or what read(2) reports. */
static ssize_t read_some(struct task *task, int fd, void *buf, uint64_t offset)
{
        ssize_t n;

        do
                n = pread(fd, buf, READER_BYTES, (off_t)offset);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EINVAL && task->direct) {
                task->direct = false;
                if (fcntl(fd, F_SETFL, 0) < 0)
                        return -errno;
                (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* for what has a cache */
                return read_some(task, fd, buf, offset);
        }
        if (n > 0 && !task->direct)
                (void)posix_fadvise(fd, (off_t)offset, n, POSIX_FADV_DONTNEED);
        return n < 0 ? -errno : n;
}

static int digest_device(struct task *task, int fd, EVP_MD_CTX *digest, uint8_t *buf)
{
        struct reading *found = &task->found;
        struct timespec now;
        time_t told = 0;

        while (found->bytes < task->size && !atomic_load(&task->unwanted)) {
                uint64_t left = task->size - found->bytes;
                ssize_t n = read_some(task, fd, buf, found->bytes);

                if (n <= 0)
                        return (int)n;
                if ((uint64_t)n > left)
                        n = (ssize_t)left;
                if (found->bytes == 0)
                        memcpy(found->head, buf,
                               (size_t)n < sizeof(found->head) ? (size_t)n : sizeof(found->head));
                if (EVP_DigestUpdate(digest, buf, (size_t)n) != 1)
                        return -EIO;
                found->bytes += (uint64_t)n;
                atomic_store(&task->now, found->bytes);
                (void)clock_gettime(CLOCK_MONOTONIC, &now); /* this clock is always there */
                if (now.tv_sec >= told + REPORT_SEC) {
                        told = now.tv_sec;
                        ring(task);
                }
                if (n % ALIGNMENT != 0 && task->direct)
                        return 0; /* the end of a device: the next offset would be refused */
        }
        return 0;
}

static int read_digest(struct task *task, int fd)
{
        unsigned char value[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *digest = EVP_MD_CTX_new();
        uint8_t *buf = aligned_alloc(ALIGNMENT, READER_BYTES);
        unsigned int length = 0;
        unsigned int i;
        int r = -ENOMEM;

        if (digest && buf && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1)
                r = digest_device(task, fd, digest, buf);
        if (r >= 0 && EVP_DigestFinal_ex(digest, value, &length) != 1)
                r = -EIO;
        for (i = 0; r >= 0 && i < length; i++)
                (void)snprintf(task->found.sha256 + 2 * i, 3, "%02x", value[i]);
        free(buf);
        EVP_MD_CTX_free(digest);
        return r;
}

/* What is still on its way to the medium has to arrive before it can be read there.  A descriptor
 * for reading is enough for that. */
static int flush(int fd)
{
        return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

static int read_device(struct task *task)
{
        struct reading *found = &task->found;
        int fd = open(task->path, O_RDONLY | O_CLOEXEC | O_DIRECT);
        int r;

        task->direct = fd >= 0;
        if (fd < 0 && errno == EINVAL)
                fd = open(task->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        found->opened = true;
        r = flush(fd);
        if (!task->direct)
                (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* for what has a cache */
        /* Before it is read: what is written meanwhile counts as written since. */
        take_stamp(fd, found->stamp);
        found->unwritten = *task->stamp && strcmp(found->stamp, task->stamp) == 0;
        if (r >= 0 && !found->unwritten)
                r = read_digest(task, fd);
        (void)close(fd); /* only read */
        return r;
}

static void *run(void *data)
{
        struct task *task = data;

        task->result = read_device(task);
        atomic_store(&task->over, true);
        ring(task);
        task_unref(task);
        return NULL;
}

/* ------------------------------------------------------------------------------------- the loop */

static void on_bell(void *data, int fd, uint32_t events)
{
        struct reader *reader = data;
        struct task *task = reader->task;
        eventfd_t count;

        (void)events;
        (void)eventfd_read(fd, &count);
        if (!atomic_load(&task->over)) {
                reader->events->progress(reader->data, atomic_load(&task->now), task->size);
                return;
        }
        ub_source_drop(reader->host, &reader->rung);
        reader->task = NULL;
        reader->events->done(reader->data, task->result,
                             task->result < 0 ? strerror(-task->result) : "", &task->found);
        task_unref(task);
}

int reader_start(struct reader *reader, const struct reader_request *request)
{
        struct task *task;
        int r = 0;

        reader_stop(reader);
        task = calloc(1, sizeof(*task));
        if (!task)
                return -ENOMEM;
        atomic_init(&task->users, 1);
        task->size = request->size;
        (void)snprintf(task->stamp, sizeof(task->stamp), "%s", request->stamp);
        task->path = strdup(request->path);
        task->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!task->path || task->bell < 0)
                r = task->path ? -errno : -ENOMEM;
        reader->task = task;
        if (r >= 0)
                r = ub_io(reader->host, task->bell, UB_IO_IN, on_bell, reader, &reader->rung);
        if (r >= 0)
                r = thread_start(run, task, &task->users);
        if (r < 0)
                reader_stop(reader);
        return r;
}

void reader_stop(struct reader *reader)
{
        if (!reader->task)
                return;
        atomic_store(&reader->task->unwanted, true);
        ub_source_drop(reader->host, &reader->rung);
        task_unref(reader->task);
        reader->task = NULL;
}

int reader_new(const struct ub_host *host, const struct reader_events *events, void *data,
               struct reader **ret)
{
        struct reader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return -ENOMEM;
        *reader = (struct reader){ .host = host, .events = events, .data = data };
        *ret = reader;
        return 0;
}

struct reader *reader_free(struct reader *reader)
{
        if (!reader)
                return NULL;
        reader_stop(reader);
        free(reader);
        return NULL;
}
