/* SPDX-License-Identifier: Apache-2.0
 *
 * download-part - see download-part.h */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <update-broker/sdk/download.h>

#include "sdk/download-part.h"

/* A slice keeps the worker busy for some milliseconds only: other downloads wait behind it. */
enum { SLICE_BYTES = 1024 * 1024, META_BYTES_MAX = 2048, BOOT_ID_BYTES = 36 };

/* How much may be in memory only.  Bounds what a power failure costs and how long the last fsync
 * takes. */
#define MIB (UINT64_C(1024) * 1024)
#define SYNC_EVERY_BYTES (8 * MIB)

bool ub_part_name_is_valid(const char *name)
{
        size_t length = strlen(name);

        return length > 0 && length <= UB_DOWNLOAD_NAME_MAX && !strchr(name, '/') &&
               strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void set_names(struct part *part, const char *name)
{
        (void)snprintf(part->name, sizeof(part->name), "%.*s", UB_DOWNLOAD_NAME_MAX, name);
        (void)snprintf(part->part_name, sizeof(part->part_name), ".%.*s.part", UB_DOWNLOAD_NAME_MAX,
                       name);
        (void)snprintf(part->meta_name, sizeof(part->meta_name), ".%.*s.part.meta",
                       UB_DOWNLOAD_NAME_MAX, name);
}

int ub_part_new(int dir_fd, const char *name, const char *source, uint64_t keep_free,
                struct part **ret)
{
        struct part *part = calloc(1, sizeof(*part));
        int r;

        if (!part)
                return -ENOMEM;
        part->fd = -1;
        part->total = HEADERS_UNKNOWN;
        part->keep_free = keep_free;
        set_names(part, name);
        (void)snprintf(part->source, sizeof(part->source), "%s", source);
        part->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        if (part->dir_fd < 0) {
                r = -errno;
                ub_part_free(part);
                return r;
        }
        part->digest = EVP_MD_CTX_new();
        if (!part->digest || EVP_DigestInit_ex(part->digest, EVP_sha256(), NULL) != 1) {
                ub_part_free(part);
                return -ENOMEM;
        }
        *ret = part;
        return 0;
}

struct part *ub_part_free(struct part *part)
{
        if (!part)
                return NULL;
        EVP_MD_CTX_free(part->digest);
        /* Nothing to go on with.  The lock is held, so it is nobody else's. */
        if (part->is_open && part->size == 0)
                (void)ub_part_discard(part->dir_fd, part->name); /* no harm in an empty file */
        if (part->fd >= 0)
                (void)close(part->fd); /* what must be durable was synced */
        if (part->dir_fd >= 0)
                (void)close(part->dir_fd); /* only read */
        free(part);
        return NULL;
}

static int fail(const struct part *part, struct ub_error *error, int r, const char *what)
{
        return ub_error_set(error, r, "%s %s: %s", what, part->part_name, strerror(-r));
}

/* ---------------------------------------------------------------------------------------- notes */

/* Empty where /proc is missing: such notes are then never of "this boot". */
static void read_boot_id(char *boot, size_t size)
{
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        ssize_t n = -1;

        if (fd >= 0) {
                n = read(fd, boot, size - 1);
                (void)close(fd); /* only read */
        }
        boot[n == (ssize_t)size - 1 ? n : 0] = '\0';
}

/* Written beside and renamed, so that a crash leaves the old or the new notes.  They are not
 * synced: notes that a power failure damages are not believed, and the data that they speak of has
 * been synced before. */
static int write_meta(struct part *part, struct ub_error *error)
{
        char boot[BOOT_ID_BYTES + 1];
        char temporary[sizeof(part->meta_name) + 4];
        char text[META_BYTES_MAX];
        ssize_t written;
        int length;
        int fd;

        read_boot_id(boot, sizeof(boot));
        length = snprintf(text, sizeof(text),
                          "update-broker-part 1\nsource %s\nboot %s\nsynced %" PRIu64
                          "\ntotal %" PRIu64 "\netag %s\n%s %s\nend\n",
                          part->source, boot, part->synced, part->total, part->validator.etag,
                          part->validator.last_modified_strong ? "modified" : "modified-weak",
                          part->validator.last_modified);
        if (length < 0 || (size_t)length >= sizeof(text))
                return fail(part, error, -E2BIG, "cannot write the notes of");
        (void)snprintf(temporary, sizeof(temporary), "%s.new", part->meta_name);

        fd = openat(part->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return fail(part, error, -errno, "cannot write the notes of");
        written = write(fd, text, (size_t)length);
        if (written != length ||
            renameat(part->dir_fd, temporary, part->dir_fd, part->meta_name) < 0) {
                int r = written < 0 || written == length ? -errno : -ENOSPC;

                (void)close(fd);                            /* already failing */
                (void)unlinkat(part->dir_fd, temporary, 0); /* likewise */
                return fail(part, error, r, "cannot write the notes of");
        }
        (void)close(fd); /* see above: not relied upon */
        return 0;
}

/* The value of the next line, which must begin with key, or NULL. */
static char *next_value(char **text, const char *key)
{
        char *line = strsep(text, "\n");
        size_t length = strlen(key);

        if (!line || strncmp(line, key, length) != 0 || line[length] != ' ')
                return NULL;
        return line + length + 1;
}

static bool parse_length(const char *text, uint64_t *ret)
{
        char *end;

        if (!text || *text < '0' || *text > '9')
                return false;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno == 0 && *end == '\0';
}

/* The validators go into a request: lines, and no other control character. */
static bool is_plain(const char *text, size_t length)
{
        size_t i;

        for (i = 0; i < length; i++)
                if ((unsigned char)text[i] < 0x20 && text[i] != '\n')
                        return false;
        return true;
}

/* Notes are ours, but the folder may be anybody's: what does not read exactly is not believed. */
static bool parse_meta(struct part *part, char *text, bool *ret_this_boot)
{
        char boot[BOOT_ID_BYTES + 1];
        char *rest = text;
        const char *value = next_value(&rest, "update-broker-part");
        struct headers_validator *v = &part->validator;

        if (!value || strcmp(value, "1") != 0)
                return false;
        value = next_value(&rest, "source");
        if (!value || strcmp(value, part->source) != 0)
                return false;
        value = next_value(&rest, "boot");
        if (!value)
                return false;
        read_boot_id(boot, sizeof(boot));
        *ret_this_boot = boot[0] && strcmp(value, boot) == 0;
        if (!parse_length(next_value(&rest, "synced"), &part->synced) ||
            !parse_length(next_value(&rest, "total"), &part->total))
                return false;
        value = next_value(&rest, "etag");
        if (!value || strlen(value) >= sizeof(v->etag))
                return false;
        (void)snprintf(v->etag, sizeof(v->etag), "%s", value);
        v->last_modified_strong = rest && strncmp(rest, "modified ", 9) == 0;
        value = next_value(&rest, v->last_modified_strong ? "modified" : "modified-weak");
        if (!value || strlen(value) >= sizeof(v->last_modified))
                return false;
        (void)snprintf(v->last_modified, sizeof(v->last_modified), "%s", value);
        return rest && strcmp(rest, "end\n") == 0;
}

/* How many bytes of the file can be kept. */
static uint64_t read_meta(struct part *part, uint64_t file_size)
{
        char text[META_BYTES_MAX + 1];
        bool this_boot = false;
        ssize_t n = -1;
        int fd;

        fd = openat(part->dir_fd, part->meta_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) {
                n = read(fd, text, META_BYTES_MAX);
                (void)close(fd); /* only read */
        }
        if (n <= 0)
                return 0;
        text[n] = '\0';
        if (!is_plain(text, (size_t)n) || !parse_meta(part, text, &this_boot))
                return 0;
        if (file_size < part->synced)
                return 0;
        if (!this_boot)
                file_size = part->synced;
        return part->total == HEADERS_UNKNOWN || file_size <= part->total ? file_size : 0;
}

/* -------------------------------------------------------------------------------------- opening */

/* From here nothing of what is on disk counts. */
static void forget(struct part *part)
{
        part->size = 0;
        part->hashed = 0;
        part->synced = 0;
        part->total = HEADERS_UNKNOWN;
        memset(&part->validator, 0, sizeof(part->validator));
}

/* A need is rounded up and what there is down, so that the sentence is true as it stands. */
int ub_part_check_space(struct part *part, uint64_t total, struct ub_error *error)
{
        struct statvfs fs;
        uint64_t needed;
        uint64_t available;

        if (total == HEADERS_UNKNOWN || total <= part->size)
                return 0;
        if (fstatvfs(part->dir_fd, &fs) < 0)
                return fail(part, error, -errno, "cannot tell the free space for");
        if (__builtin_add_overflow(total - part->size, part->keep_free, &needed))
                needed = UINT64_MAX;
        if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &available))
                available = UINT64_MAX;
        if (needed > available)
                return ub_error_set(error, -ENOSPC,
                                    "Not enough space: need %" PRIu64 " MiB, have %" PRIu64 " MiB",
                                    needed / MIB + (needed % MIB != 0), available / MIB);
        return 0;
}

/* 0: open and locked.  -EAGAIN: what was opened is not what the name stands for any more. */
static int try_open(struct part *part, struct stat *ret_st, struct ub_error *error)
{
        struct stat named;

        part->fd = openat(part->dir_fd, part->part_name,
                          O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        if (part->fd < 0)
                return fail(part, error, -errno, "cannot open");
        if (flock(part->fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno == EWOULDBLOCK)
                        return ub_error_set(error, -EBUSY, "another download writes %s",
                                            part->name);
                return fail(part, error, -errno, "cannot lock");
        }
        if (fstat(part->fd, ret_st) < 0)
                return fail(part, error, -errno, "cannot look at");
        if (!S_ISREG(ret_st->st_mode))
                return ub_error_set(error, -EBADMSG, "%s is not a file", part->part_name);
        if (fstatat(part->dir_fd, part->part_name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
            named.st_dev != ret_st->st_dev || named.st_ino != ret_st->st_ino)
                return -EAGAIN;
        return 0;
}

/* Between open and lock another process may have finished with the file: it would be NAME already,
 * and we would write into it. */
static int open_locked(struct part *part, struct stat *ret_st, struct ub_error *error)
{
        int tries;
        int r;

        for (tries = 0; tries < 10; tries++) {
                r = try_open(part, ret_st, error);
                if (r != -EAGAIN)
                        return r;
                (void)close(part->fd); /* nothing was written */
                part->fd = -1;
        }
        return ub_error_set(error, -EBUSY, "other downloads write %s", part->name);
}

int ub_part_open(struct part *part, uint64_t expected, struct ub_error *error)
{
        struct stat st;
        uint64_t keep;
        int r;

        assert(part->fd < 0);

        r = open_locked(part, &st, error);
        if (r < 0)
                return r;
        part->is_open = true;
        keep = read_meta(part, (uint64_t)st.st_size);
        if (keep == 0)
                forget(part);
        part->size = keep;
        /* The digest of what is there must match what is asked to follow. */
        if (keep != (uint64_t)st.st_size && ftruncate(part->fd, (off_t)keep) < 0)
                return fail(part, error, -errno, "cannot truncate");
        return ub_part_check_space(part, expected, error);
}

int ub_part_rehash(struct part *part, struct ub_error *error)
{
        char buffer[65536];
        uint64_t end = part->size - part->hashed;

        end = part->hashed + (end < SLICE_BYTES ? end : SLICE_BYTES);
        while (part->hashed < end) {
                uint64_t left = end - part->hashed;
                ssize_t n = pread(part->fd, buffer,
                                  left < sizeof(buffer) ? (size_t)left : sizeof(buffer),
                                  (off_t)part->hashed);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return fail(part, error, n < 0 ? -errno : -EIO, "cannot read");
                if (EVP_DigestUpdate(part->digest, buffer, (size_t)n) != 1)
                        return fail(part, error, -ENOMEM, "cannot digest");
                part->hashed += (uint64_t)n;
        }
        return part->hashed < part->size;
}

/* -------------------------------------------------------------------------------------- writing */

/* Notes first, content second: content without notes is dropped, notes about other content are a
 * lie.  The order must also hold on disk, where notes with synced bytes would be believed after a
 * power failure. */
static int drop_content(struct part *part, struct ub_error *error)
{
        if (unlinkat(part->dir_fd, part->meta_name, 0) < 0) {
                if (errno != ENOENT)
                        return fail(part, error, -errno, "cannot remove the notes of");
        } else if (fsync(part->dir_fd) < 0) {
                return fail(part, error, -errno, "cannot sync the folder of");
        }
        if (ftruncate(part->fd, 0) < 0)
                return fail(part, error, -errno, "cannot truncate");
        forget(part);
        if (EVP_DigestInit_ex(part->digest, EVP_sha256(), NULL) != 1)
                return fail(part, error, -ENOMEM, "cannot digest");
        return 0;
}

int ub_part_begin(struct part *part, const struct headers_validator *validator, uint64_t total,
                  struct ub_error *error)
{
        int r;

        r = drop_content(part, error);
        if (r < 0)
                return r;
        r = ub_part_check_space(part, total, error);
        if (r < 0)
                return r;
        part->validator = *validator;
        part->total = total;
        return write_meta(part, error);
}

static int sync_now_and_then(struct part *part, struct ub_error *error)
{
        if (part->size - part->synced < SYNC_EVERY_BYTES)
                return 0;
        if (fdatasync(part->fd) < 0)
                return fail(part, error, -errno, "cannot sync");
        part->synced = part->size;
        return write_meta(part, error);
}

int ub_part_write(struct part *part, const void *data, size_t length, struct ub_error *error)
{
        const char *p = data;

        while (length > 0) {
                ssize_t n = pwrite(part->fd, p, length, (off_t)part->size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(part, error, -errno, "cannot write");
                /* What the digest has seen and what is in the file never part. */
                if (EVP_DigestUpdate(part->digest, p, (size_t)n) != 1)
                        return fail(part, error, -ENOMEM, "cannot digest");
                part->size += (uint64_t)n;
                part->hashed += (uint64_t)n;
                p += n;
                length -= (size_t)n;
        }
        return sync_now_and_then(part, error);
}

/* ------------------------------------------------------------------------------------ finishing */

static int digest_text(struct part *part, char text[65], struct ub_error *error)
{
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        unsigned i;

        if (EVP_DigestFinal_ex(part->digest, bytes, &n) != 1 || n != 32)
                return fail(part, error, -ENOMEM, "cannot digest");
        for (i = 0; i < n; i++)
                (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int check_content(struct part *part, uint64_t size, const char *sha256,
                         struct ub_error *error)
{
        char found[65];
        int r;

        if (size != HEADERS_UNKNOWN && part->size != size)
                return ub_error_set(error, -EBADMSG,
                                    "%" PRIu64 " bytes arrived, expected are %" PRIu64, part->size,
                                    size);
        r = digest_text(part, found, error);
        if (r < 0)
                return r;
        if (sha256 && strcasecmp(found, sha256) != 0)
                return ub_error_set(error, -EBADMSG, "the SHA-256 is %s, expected is %s", found,
                                    sha256);
        return 0;
}

int ub_part_finish(struct part *part, uint64_t size, const char *sha256, struct ub_error *error)
{
        struct ub_error ignored = UB_ERROR_INIT;
        int r;

        r = check_content(part, size, sha256, error);
        if (r == -EBADMSG) {
                /* The reason counts; what cannot be dropped here is dropped by the next download,
                 * because its digest will not match either. */
                (void)drop_content(part, &ignored);
                (void)unlinkat(part->dir_fd, part->part_name, 0);
                (void)close(part->fd);
                part->fd = -1;
                part->is_open = false;
                return r;
        }
        if (r < 0)
                return r;

        /* Content before name: NAME is complete at every moment that it exists. */
        if (fsync(part->fd) < 0)
                return fail(part, error, -errno, "cannot sync");
        if (renameat(part->dir_fd, part->part_name, part->dir_fd, part->name) < 0)
                return fail(part, error, -errno, "cannot rename");
        part->is_open = false;
        if (unlinkat(part->dir_fd, part->meta_name, 0) < 0 && errno != ENOENT)
                return fail(part, error, -errno, "cannot remove the notes of");
        if (fsync(part->dir_fd) < 0)
                return fail(part, error, -errno, "cannot sync the folder of");
        return 0;
}

int ub_part_discard(int dir_fd, const char *name)
{
        struct part part;
        int r = 0;

        set_names(&part, name);
        if (unlinkat(dir_fd, part.meta_name, 0) < 0 && errno != ENOENT)
                r = -errno;
        if (unlinkat(dir_fd, part.part_name, 0) < 0 && errno != ENOENT && r == 0)
                r = -errno;
        return r;
}
