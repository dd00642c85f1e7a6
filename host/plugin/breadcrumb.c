/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* st_mtim */

#include "host/plugin/breadcrumb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/file.h"

#define PAGE_NAME "breadcrumb"
#define COUNTS_NAME "plugin-crashes"
#define COUNTS_HEAD "update-broker plugin crashes 1\n"

enum {
        PAGE_MAGIC = 0x75620001,
        COUNT_MAX = 999999,
        COUNTS_LINE_MAX = 256,
};

/* The page in the runtime folder.  Written by one daemon and read by the next one on the same
 * machine; a page of another layout has another magic and says nothing. */
struct page {
        uint32_t magic;
        /* 1 while a call runs.  It is stored after the mark and cleared before the next one, so
         * whenever the process ends, either it is 0 or the mark is whole. */
        _Atomic uint32_t entered;
        struct breadcrumb_mark mark;
        char call[BREADCRUMB_CALL_MAX];
};

struct count {
        struct breadcrumb_mark mark; /* the agent and the file that it crashed with */
        unsigned n;
};

struct breadcrumb {
        int state_fd; /* borrowed */
        struct page *page;
        bool died;
        struct breadcrumb_mark last;
        char last_call[BREADCRUMB_CALL_MAX];
        struct count counts[BREADCRUMB_AGENTS_MAX]; /* the oldest first */
        size_t n_counts;
};

DEFINE_FREEP(struct breadcrumb, breadcrumb);

/* ----------------------------------------------------------------------------------- identities */

static void identify(const char *path, struct breadcrumb_file *ret)
{
        struct stat st;

        memset(ret, 0, sizeof(*ret));
        if (stat(path, &st) < 0)
                return;
        ret->device = st.st_dev;
        ret->inode = st.st_ino;
        ret->size = (uint64_t)st.st_size;
        ret->mtime_nsec = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
}

static bool same_file(const struct breadcrumb_file *a, const struct breadcrumb_file *b)
{
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->mtime_nsec == b->mtime_nsec;
}

void breadcrumb_mark_init(struct breadcrumb_mark *mark, const char *id, const char *plugin_path)
{
        assert(mark && id && plugin_path);

        memset(mark, 0, sizeof(*mark));
        (void)snprintf(mark->id, sizeof(mark->id), "%s", id); /* ids are checked to fit */
        identify(plugin_path, &mark->file);
}

/* --------------------------------------------------------------------------------------- counts */

/* Ids end at a blank in the file of the counts, so one with a blank or a control character,
 * which conf.d does not let through, has no count. */
static bool is_plain(const char *id)
{
        if (!*id)
                return false;
        for (; *id; id++)
                if ((unsigned char)*id <= ' ' || *id == 0x7f)
                        return false;
        return true;
}

/* The index of the agent's count; n_counts: it has none. */
static size_t find_count(const struct breadcrumb *crumbs, const char *id)
{
        size_t i = 0;

        while (i < crumbs->n_counts && strcmp(crumbs->counts[i].mark.id, id) != 0)
                i++;
        return i;
}

static void drop_count(struct breadcrumb *crumbs, size_t i)
{
        crumbs->n_counts--;
        memmove(&crumbs->counts[i], &crumbs->counts[i + 1],
                (crumbs->n_counts - i) * sizeof(crumbs->counts[0]));
}

/* Takes a blank and a decimal number off the front of *p. */
static bool take_number(const char **p, uint64_t *ret)
{
        uint64_t value = 0;

        if (*(*p)++ != ' ' || **p < '0' || **p > '9')
                return false;
        for (; **p >= '0' && **p <= '9'; (*p)++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (unsigned)(**p - '0'), &value))
                        return false;
        *ret = value;
        return true;
}

/* One line: ID COUNT DEVICE INODE SIZE MTIME. */
static int parse_count(const char *line, struct count *ret)
{
        struct count c = { .n = 0 };
        size_t length = strcspn(line, " ");
        const char *p = line + length;
        uint64_t n;

        if (length == 0 || length > UB_MAX_ID)
                return -EBADMSG;
        memcpy(c.mark.id, line, length);
        if (!take_number(&p, &n) || !take_number(&p, &c.mark.file.device) ||
            !take_number(&p, &c.mark.file.inode) || !take_number(&p, &c.mark.file.size) ||
            !take_number(&p, &c.mark.file.mtime_nsec) || *p != '\0' || n == 0 || n > COUNT_MAX)
                return -EBADMSG;
        c.n = (unsigned)n;
        *ret = c;
        return 0;
}

/* Reads the lines; text is taken apart. */
static int parse_counts(struct breadcrumb *crumbs, char *text)
{
        char *line;
        int r;

        if (strncmp(text, COUNTS_HEAD, strlen(COUNTS_HEAD)) != 0)
                return -EBADMSG;
        line = text + strlen(COUNTS_HEAD);
        while (*line) {
                char *newline = strchr(line, '\n');

                if (!newline || crumbs->n_counts == BREADCRUMB_AGENTS_MAX)
                        return -EBADMSG;
                *newline = '\0';
                r = parse_count(line, &crumbs->counts[crumbs->n_counts]);
                if (r < 0)
                        return r;
                crumbs->n_counts++;
                line = newline + 1;
        }
        return 0;
}

/* 1: damaged, set aside. */
static int load_counts(struct breadcrumb *crumbs, struct diag *diag)
{
        CLEANUP_FREE char *text = NULL;
        size_t length;
        int r;

        r = file_read_at(crumbs->state_fd, COUNTS_NAME, BREADCRUMB_AGENTS_MAX * COUNTS_LINE_MAX,
                         &text, &length);
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = strlen(text) == length ? parse_counts(crumbs, text) : -EBADMSG;
        if (r == 0)
                return 0;
        if (r != -EBADMSG && r != -E2BIG)
                return diag_set_errno(diag, r, "%s", COUNTS_NAME);

        /* A damaged count must not keep the daemon down, and half of it is worth nothing. */
        crumbs->n_counts = 0;
        if (renameat(crumbs->state_fd, COUNTS_NAME, crumbs->state_fd, COUNTS_NAME ".bad") < 0)
                return diag_set_errno(diag, -errno, "%s: damaged, and cannot be set aside",
                                      COUNTS_NAME);
        return diag_set(diag, 1, "%s: damaged, set aside as %s.bad", COUNTS_NAME, COUNTS_NAME);
}

static int save_counts(const struct breadcrumb *crumbs)
{
        char text[sizeof(COUNTS_HEAD) + BREADCRUMB_AGENTS_MAX * COUNTS_LINE_MAX] = COUNTS_HEAD;
        size_t length = strlen(text);

        for (size_t i = 0; i < crumbs->n_counts; i++) {
                const struct count *c = &crumbs->counts[i];

                /* An id of 64 bytes and five numbers are below COUNTS_LINE_MAX. */
                length += (size_t)snprintf(text + length, sizeof(text) - length,
                                           "%s %u %" PRIu64 " %" PRIu64 " %" PRIu64
                                           " %" PRIu64 "\n",
                                           c->mark.id, c->n, c->mark.file.device,
                                           c->mark.file.inode, c->mark.file.size,
                                           c->mark.file.mtime_nsec);
        }
        return file_replace_at(crumbs->state_fd, COUNTS_NAME, text, length);
}

/* Adds one for the agent that the last daemon died in. */
static void count_last(struct breadcrumb *crumbs)
{
        struct count c = { .mark = crumbs->last, .n = 1 };
        size_t i = find_count(crumbs, c.mark.id);

        if (i < crumbs->n_counts) {
                const struct count *old = &crumbs->counts[i];

                if (same_file(&old->mark.file, &c.mark.file))
                        c.n = old->n < COUNT_MAX ? old->n + 1 : old->n;
                drop_count(crumbs, i);
        } else if (crumbs->n_counts == BREADCRUMB_AGENTS_MAX) {
                drop_count(crumbs, 0);
        }
        crumbs->counts[crumbs->n_counts++] = c;
}

/* ----------------------------------------------------------------------------------------- page */

static int map_page(int runtime_fd, struct page **ret)
{
        CLEANUP_CLOSE int fd = -1;
        struct stat st;
        void *p;
        int r;

        fd = openat(runtime_fd, PAGE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size != sizeof(struct page) && ftruncate(fd, 0) < 0)
                return -errno;
        /* The blocks must exist before the first store: on a full file system the store itself
         * would otherwise end in SIGBUS. */
        r = posix_fallocate(fd, 0, sizeof(struct page));
        if (r != 0)
                return -r;
        p = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

/* Takes what the last daemon left; it wrote strings, but a file is a file. */
static void read_page(struct breadcrumb *crumbs)
{
        const struct page *page = crumbs->page;

        if (page->magic != PAGE_MAGIC || !atomic_load(&page->entered))
                return;
        crumbs->last = page->mark;
        crumbs->last.id[sizeof(crumbs->last.id) - 1] = '\0';
        memcpy(crumbs->last_call, page->call, sizeof(page->call));
        crumbs->last_call[sizeof(crumbs->last_call) - 1] = '\0';
        crumbs->died = is_plain(crumbs->last.id);
}

/* --------------------------------------------------------------------------------------- object */

int breadcrumb_open(int runtime_fd, int state_fd, struct diag *diag, struct breadcrumb **ret)
{
        CLEANUP(breadcrumb_freep) struct breadcrumb *crumbs = NULL;
        int outcome;
        int r;

        assert(runtime_fd >= 0 && state_fd >= 0 && ret);

        crumbs = calloc(1, sizeof(*crumbs));
        if (!crumbs)
                return -ENOMEM;
        crumbs->state_fd = state_fd;

        outcome = load_counts(crumbs, diag);
        if (outcome < 0)
                return outcome;
        r = map_page(runtime_fd, &crumbs->page);
        if (r < 0)
                return diag_set_errno(diag, r, "%s", PAGE_NAME);

        /* Count, make that durable, and only then clear the page: a power failure in between may
         * count a crash again, but never lose one. */
        read_page(crumbs);
        if (crumbs->died) {
                count_last(crumbs);
                r = save_counts(crumbs);
                if (r < 0)
                        return diag_set_errno(diag, r, "%s", COUNTS_NAME);
        }
        memset(crumbs->page, 0, sizeof(*crumbs->page));
        crumbs->page->magic = PAGE_MAGIC;

        *ret = TAKE_PTR(crumbs);
        return outcome;
}

struct breadcrumb *breadcrumb_free(struct breadcrumb *crumbs)
{
        if (!crumbs)
                return NULL;
        if (crumbs->page)
                (void)munmap(crumbs->page, sizeof(*crumbs->page)); /* cannot fail: we mapped it */
        free(crumbs);
        return NULL;
}

bool breadcrumb_read(const struct breadcrumb *crumbs, const char **ret_id, const char **ret_call)
{
        if (!crumbs->died)
                return false;
        *ret_id = crumbs->last.id;
        *ret_call = crumbs->last_call;
        return true;
}

unsigned breadcrumb_count(const struct breadcrumb *crumbs, const char *id, const char *plugin_path)
{
        size_t i = find_count(crumbs, id);
        struct breadcrumb_file file;

        if (i == crumbs->n_counts)
                return 0;
        identify(plugin_path, &file);
        return same_file(&crumbs->counts[i].mark.file, &file) ? crumbs->counts[i].n : 0;
}

bool breadcrumb_is_banned(const struct breadcrumb *crumbs, const char *id, const char *plugin_path)
{
        return breadcrumb_count(crumbs, id, plugin_path) >= BREADCRUMB_LIMIT;
}

int breadcrumb_clear(struct breadcrumb *crumbs, const char *id)
{
        size_t i = find_count(crumbs, id);

        if (i == crumbs->n_counts)
                return -ENOENT;
        drop_count(crumbs, i);
        return save_counts(crumbs);
}

void breadcrumb_enter(struct breadcrumb *crumbs, const struct breadcrumb_mark *mark,
                      const char *call)
{
        struct page *page;
        size_t length;

        if (!crumbs)
                return;
        page = crumbs->page;
        length = strnlen(call, sizeof(page->call) - 1);
        atomic_store(&page->entered, 0);
        page->mark = *mark;
        memcpy(page->call, call, length);
        page->call[length] = '\0';
        atomic_store(&page->entered, 1);
}

void breadcrumb_leave(struct breadcrumb *crumbs)
{
        if (crumbs)
                atomic_store(&crumbs->page->entered, 0);
}
