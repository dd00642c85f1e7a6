/* SPDX-License-Identifier: Apache-2.0
 *
 * scan - see scan.h
 *
 * One walk serves both: it makes a line per entry, in an order that depends on nothing but the
 * names, and hands it to a sink.  The one writes it down; the other has the manifest open beside it
 * and reads as far as the walk has come, as a merge of two sorted lists. */
#define _GNU_SOURCE 1 /* asprintf */
#include "plugins/files/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "plugins/files/scope.h"
#include "plugins/files/tree.h"

enum { DEPTH_MAX = 80, DIFFERENCES_TOLD = 3 };

enum { STAMP_SIZE = 64, TICK_MAX_MSEC = 50 };

/* path: escaped.  fields: what stands between the stamp and it. */
typedef int (*sink_fn)(void *data, const char *stamp, const char *fields, const char *path);
/* Is this known to be so without looking into it? */
typedef bool (*known_fn)(void *data, const char *stamp, const char *path);

struct walk {
        const atomic_bool *cancel;
        struct ub_error *error;
        bool sync;
        known_fn known; /* NULL: look into all */
        sink_fn sink;
        void *data;
        uint64_t entries;
        uint64_t bytes;
};

/* ------------------------------------------------------------------------------------- the walk */

/* Escaped, in memory of its own; NULL: no memory. */
static char *escape(const char *text)
{
        char *escaped = malloc(4 * strlen(text) + 1);
        char *at = escaped;

        for (; escaped && *text; text++) {
                unsigned char c = (unsigned char)*text;

                if (c > ' ' && c != '\\' && c != 0x7f) {
                        *at++ = (char)c;
                        continue;
                }
                *at++ = '\\';
                *at++ = (char)('0' + (c >> 6));
                *at++ = (char)('0' + (c >> 3 & 7));
                *at++ = (char)('0' + (c & 7));
        }
        if (escaped)
                *at = '\0';
        return escaped;
}

static int fault(struct walk *walk, int r, const char *path)
{
        return ub_error_set(walk->error, r, "%s: %s", path, strerror(-r));
}

static int describe_file(struct walk *walk, int dir_fd, const char *name, const struct stat *st,
                         char **ret)
{
        CLEANUP_CLOSE int fd = -1;
        char digest[VERIFY_HEX_SIZE];
        int r;

        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = verify_digest(fd, walk->cancel, digest, NULL);
        if (r < 0)
                return r;
        if (walk->sync && fsync(fd) < 0)
                return -errno;
        walk->bytes += (uint64_t)st->st_size;
        return asprintf(ret, "%llu %s", (unsigned long long)st->st_size, digest) < 0 ? -ENOMEM : 0;
}

static int describe_link(int dir_fd, const char *name, char **ret)
{
        CLEANUP_FREE char *target = NULL;
        CLEANUP_FREE char *escaped = NULL;
        int r;

        r = tree_read_link(dir_fd, name, &target);
        if (r < 0)
                return r;
        escaped = escape(target);
        if (!escaped)
                return -ENOMEM;
        return asprintf(ret, "%zu %s", strlen(target), escaped) < 0 ? -ENOMEM : 0;
}

/* What is to be said of one entry beside its permissions and owner. */
static int describe(struct walk *walk, int dir_fd, const char *name, const struct stat *st,
                    char *ret_type, char **ret)
{
        int r;

        switch (st->st_mode & S_IFMT) {
        case S_IFREG:
                *ret_type = 'f';
                return describe_file(walk, dir_fd, name, st, ret);
        case S_IFLNK:
                *ret_type = 'l';
                return describe_link(dir_fd, name, ret);
        case S_IFCHR:
        case S_IFBLK:
                *ret_type = S_ISCHR(st->st_mode) ? 'c' : 'b';
                r = asprintf(ret, "%u:%u -", major(st->st_rdev), minor(st->st_rdev));
                return r < 0 ? -ENOMEM : 0;
        case S_IFDIR:
                *ret_type = 'd';
                break;
        case S_IFIFO:
                *ret_type = 'p';
                break;
        default:
                *ret_type = 's';
                break;
        }
        *ret = strdup("- -");
        return *ret ? 0 : -ENOMEM;
}

/* The kernel's clock for files moves in ticks: what changed within this one could change again
 * without being seen, so it gets no stamp. */
static bool is_settled(const struct stat *st)
{
        struct timespec now = { .tv_sec = 0 };
        int64_t age_msec;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* always there */
        age_msec = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000 +
                   (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
        return age_msec > TICK_MAX_MSEC;
}

static void make_stamp(const struct stat *st, bool fresh, char stamp[STAMP_SIZE])
{
        if (S_ISREG(st->st_mode) && !fresh)
                (void)snprintf(stamp, STAMP_SIZE, "%llx:%llx.%lx", (unsigned long long)st->st_ino,
                               (unsigned long long)st->st_ctim.tv_sec,
                               (unsigned long)st->st_ctim.tv_nsec); /* fits */
        else
                (void)snprintf(stamp, STAMP_SIZE, "-"); /* fits */
}

static int tell(struct walk *walk, int dir_fd, const char *name, const struct stat *st,
                const char *path)
{
        CLEANUP_FREE char *escaped = escape(path);
        CLEANUP_FREE char *fields = NULL;
        CLEANUP_FREE char *what = NULL;
        char stamp[STAMP_SIZE];
        char type;
        int r;

        if (walk->cancel && *walk->cancel)
                return ub_error_set(walk->error, -ECANCELED, "cancelled");
        make_stamp(st, walk->sync && !is_settled(st), stamp);
        if (walk->known && escaped && S_ISREG(st->st_mode) &&
            walk->known(walk->data, stamp, escaped))
                return 0;
        r = describe(walk, dir_fd, name, st, &type, &what);
        if (r == 0 && (!escaped || asprintf(&fields, "%c %04o %u %u %s", type,
                                            (unsigned)st->st_mode & 07777, st->st_uid, st->st_gid,
                                            what) < 0))
                r = -ENOMEM;
        if (r < 0)
                return fault(walk, r, path);
        walk->entries++;
        return walk->sink(walk->data, stamp, fields, escaped);
}

static int walk_entry(struct walk *walk, int dir_fd, const char *name, const char *path, int depth);

static int walk_folder(struct walk *walk, int dir_fd, const char *name, const char *path, int depth)
{
        CLEANUP(tree_names_done) struct tree_names names = { .n = 0 };
        CLEANUP_CLOSE int fd = -1;
        size_t i;
        int r;

        r = depth > DEPTH_MAX ? -ELOOP : tree_open_folder(dir_fd, name, false, 0, &fd);
        if (r == 0)
                r = tree_list(fd, &names);
        if (r < 0)
                return fault(walk, r, path);
        for (i = 0; i < names.n && r == 0; i++) {
                CLEANUP_FREE char *child = NULL;

                if (strcmp(path, ".") == 0)
                        child = strdup(names.list[i]);
                else if (asprintf(&child, "%s/%s", path, names.list[i]) < 0)
                        child = NULL;
                r = child ? walk_entry(walk, fd, names.list[i], child, depth + 1)
                          : fault(walk, -ENOMEM, path);
        }
        if (r == 0 && walk->sync && fsync(fd) < 0)
                r = fault(walk, -errno, path);
        return r;
}

static int walk_entry(struct walk *walk, int dir_fd, const char *name, const char *path, int depth)
{
        struct stat st;
        int r;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fault(walk, -errno, path);
        r = tell(walk, dir_fd, name, &st, path);
        if (r < 0 || !S_ISDIR(st.st_mode))
                return r;
        return walk_folder(walk, dir_fd, name, path, depth);
}

/* ----------------------------------------------------------------------------------- writing it */

struct writing {
        FILE *file;
        EVP_MD_CTX *md;
};

static int write_line(void *data, const char *stamp, const char *fields, const char *path)
{
        struct writing *w = data;

        if (fprintf(w->file, "%s %s %s\n", stamp, fields, path) < 0)
                return errno ? -errno : -EIO;
        if (!EVP_DigestUpdate(w->md, fields, strlen(fields)) || !EVP_DigestUpdate(w->md, " ", 1) ||
            !EVP_DigestUpdate(w->md, path, strlen(path)) || !EVP_DigestUpdate(w->md, "\n", 1))
                return -ENOMEM;
        return 0;
}

static int finish(struct writing *w, char digest[VERIFY_HEX_SIZE])
{
        unsigned char sum[EVP_MAX_MD_SIZE];
        unsigned length;
        unsigned i;

        if (fflush(w->file) != 0 || fsync(fileno(w->file)) < 0)
                return -errno;
        if (!EVP_DigestFinal_ex(w->md, sum, &length))
                return -ENOMEM;
        for (i = 0; i < length; i++)
                (void)snprintf(digest + 2 * i, 3, "%02x", sum[i]); /* fits */
        return 0;
}

int scan_write(int dir_fd, const char *name, int manifest_fd, const atomic_bool *cancel,
               struct scan_sum *ret, struct ub_error *error)
{
        struct writing w = { .md = EVP_MD_CTX_new() };
        struct walk walk = {
                .cancel = cancel, .error = error, .sync = true, .sink = write_line, .data = &w,
        };
        struct scan_sum sum;
        int fd = dup(manifest_fd);
        int r = 0;

        w.file = fd >= 0 ? fdopen(fd, "w") : NULL;
        if (!w.file && fd >= 0)
                (void)close(fd); /* nothing was written */
        if (!w.file || !w.md || !EVP_DigestInit_ex(w.md, EVP_sha256(), NULL))
                r = ub_error_set(error, -ENOMEM, "out of memory");
        if (r == 0)
                r = walk_entry(&walk, dir_fd, name, ".", 0);
        if (r == 0) {
                r = finish(&w, sum.digest);
                if (r < 0)
                        (void)ub_error_set(error, r, "manifest: %s", strerror(-r));
        }
        EVP_MD_CTX_free(w.md);
        if (w.file)
                (void)fclose(w.file); /* flushed and synced, or given up */
        if (r < 0)
                return r;
        sum.entries = walk.entries;
        sum.bytes = walk.bytes;
        *ret = sum;
        return 0;
}

/* --------------------------------------------------------------------------------- comparing it */

struct comparing {
        FILE *file;
        char *line; /* the next of the manifest; it is its stamp */
        size_t size;
        char *fields; /* in line */
        char *path;   /* in line, behind the last space; NULL: the end */
        unsigned n_differences;
        char text[UB_ERROR_MAX];
};

static void add_difference(struct comparing *c, const char *path, const char *what)
{
        size_t length = strlen(c->text);

        if (c->n_differences++ < DIFFERENCES_TOLD) /* too long a text is cut */
                (void)snprintf(c->text + length, sizeof(c->text) - length, "%s%s %s",
                               length ? ", " : "", strcmp(path, ".") == 0 ? "it" : path, what);
}

/* Reads the next line and parts it; a line without a path ends the manifest. */
static void next_line(struct comparing *c)
{
        ssize_t n = getline(&c->line, &c->size, c->file);

        c->path = NULL;
        if (n <= 0)
                return;
        if (c->line[n - 1] == '\n')
                c->line[n - 1] = '\0';
        c->path = strrchr(c->line, ' ');
        c->fields = strchr(c->line, ' ');
        if (!c->path || c->fields == c->path) {
                c->path = NULL;
                return;
        }
        *c->path++ = '\0';
        *c->fields++ = '\0';
}

/* One byte of an escaped path as it sorts: a slash comes before all others, and the end before
 * that. */
static int take_byte(const char **at)
{
        int c = (unsigned char)*(*at)++;

        if (c == '\\') { /* three digits follow, we wrote them */
                c = ((*at)[0] - '0') << 6 | ((*at)[1] - '0') << 3 | ((*at)[2] - '0');
                *at += 3;
        }
        return c == '\0' ? -1 : c == '/' ? 0 : c;
}

/* The order of the walk: a folder before what is in it, and that before what follows the folder.
 * "." is first. */
static int compare_paths(const char *a, const char *b)
{
        int x;
        int y;

        if (strcmp(a, b) == 0)
                return 0;
        if (strcmp(a, ".") == 0 || strcmp(b, ".") == 0)
                return strcmp(a, ".") == 0 ? -1 : 1;
        do {
                x = take_byte(&a);
                y = take_byte(&b);
        } while (x == y && x >= 0);
        return x < y ? -1 : x > y;
}

/* Goes to the line of a path.  False: there is none. */
static bool find_line(struct comparing *c, const char *path)
{
        int order = 1;

        while (c->path && (order = compare_paths(c->path, path)) < 0) {
                add_difference(c, c->path, "missing");
                next_line(c);
        }
        return c->path && order == 0;
}

static bool is_known(void *data, const char *stamp, const char *path)
{
        struct comparing *c = data;

        if (!find_line(c, path) || strcmp(c->line, stamp) != 0)
                return false;
        next_line(c);
        return true;
}

static int compare_line(void *data, const char *stamp, const char *fields, const char *path)
{
        struct comparing *c = data;

        (void)stamp;
        if (!find_line(c, path)) {
                add_difference(c, path, "added");
                return 0;
        }
        if (strcmp(c->fields, fields) != 0)
                add_difference(c, path, "changed");
        next_line(c);
        return 0;
}

static int told(struct comparing *c, struct ub_error *drift)
{
        if (c->n_differences == 0)
                return 0;
        if (c->n_differences > DIFFERENCES_TOLD)
                (void)ub_error_set(drift, 0, "%s, %u more", c->text,
                                   c->n_differences - DIFFERENCES_TOLD);
        else
                (void)ub_error_set(drift, 0, "%s", c->text);
        return 1;
}

int scan_compare(int dir_fd, const char *name, int manifest_fd, const struct scan_how *how,
                 struct ub_error *drift, struct ub_error *error)
{
        struct comparing c = { .file = NULL };
        struct walk walk = {
                .cancel = how->cancel, .error = error, .sink = compare_line, .data = &c,
                .known = how->quick ? is_known : NULL,
        };
        int fd = dup(manifest_fd);
        int r;

        c.file = fd >= 0 ? fdopen(fd, "r") : NULL;
        if (!c.file) {
                if (fd >= 0)
                        (void)close(fd); /* only read */
                return ub_error_set(error, -ENOMEM, "out of memory");
        }
        next_line(&c);
        r = walk_entry(&walk, dir_fd, name, ".", 0);
        for (; r == 0 && c.path; next_line(&c))
                add_difference(&c, c.path, "missing");
        if (r == -ENOENT) { /* taken away while we looked, or all of it is gone */
                add_difference(&c, ".", "missing");
                r = 0;
        }
        free(c.line);
        (void)fclose(c.file); /* only read */
        return r < 0 ? r : told(&c, drift);
}
