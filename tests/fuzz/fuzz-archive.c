/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-archive - the bytes of an archive: what is unpacked keeps the rules, and nothing is outside
 *
 *     FOLDER/canary        stays as it is
 *     FOLDER/inside/tree   what is unpacked, or nothing when it is refused
 *
 * The first byte of the input chooses among the rules.  Whether a link leads outside is for the
 * kernel to say (openat2(2)), not for the code that is tried.
 *
 * libarchive asks for as much memory as a header claims to need, and fills what comes; libFuzzer
 * takes the question for the deed.  So that it is answered with no, as on a small device:
 *
 *     ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=256 fuzz-archive ... */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plugins/files/scan.h"
#include "plugins/files/scope.h"
#include "plugins/files/tree.h"
#include "plugins/files/unpack.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())
#define CANARY "canary"
#define INSIDE "inside"
#define TREE "tree"

enum { BYTES_MAX = 256 * 1024, ENTRIES_MAX = 64, DEPTH_MAX = 4, PATH_BYTES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct place {
        char path[256];
        int fd;
        int inside_fd;
};

/* What a tree has in all. */
struct found {
        uint64_t bytes;
        uint64_t entries;
};

static struct place make_place(void)
{
        const char *base = getenv("TMPDIR");
        struct place place;

        (void)snprintf(place.path, sizeof(place.path), "%s/fuzz-archive-XXXXXX",
                       base ? base : "/tmp");
        CHECK(mkdtemp(place.path));
        place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(place.fd >= 0);
        CHECK(tree_open_folder(place.fd, INSIDE, true, 0700, &place.inside_fd) == 0);
        CHECK(tree_write_file(place.fd, CANARY, CANARY) == 0);
        return place;
}

static size_t count(int dir_fd)
{
        struct tree_names names;
        size_t n;

        CHECK(tree_list(dir_fd, &names) == 0);
        n = names.n;
        tree_names_done(&names);
        return n;
}

/* Also removes the place. */
static void check_outside(struct place *place, bool unpacked)
{
        CLEANUP_FREE char *text = NULL;
        struct stat st;

        CHECK(count(place->fd) == 2);
        CHECK(fstatat(place->fd, CANARY, &st, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(S_ISREG(st.st_mode) && st.st_nlink == 1 && (st.st_mode & 07777) == 0600);
        CHECK(tree_read_file(place->fd, CANARY, 100, &text, NULL) == 0);
        CHECK(strcmp(text, CANARY) == 0);
        CHECK(count(place->inside_fd) == unpacked);
        CHECK(tree_empty(place->fd, NULL) == 0);
        (void)close(place->inside_fd); /* only looked at */
        (void)close(place->fd);
        CHECK(rmdir(place->path) == 0);
}

/* What is behind it may be missing, but must not be outside. */
static void check_link(int root_fd, const char *path)
{
        const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
        int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

        CHECK(fd >= 0 || errno != EXDEV);
        if (fd >= 0)
                (void)close(fd); /* only looked at */
}

static void check_entry(const struct unpack_rules *rules, int root_fd, const char *path,
                        struct found *found);

static void check_folder(const struct unpack_rules *rules, int root_fd, const char *path,
                         struct found *found)
{
        CLEANUP_CLOSE int fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct tree_names names;
        size_t i;

        CHECK(fd >= 0 && tree_list(fd, &names) == 0);
        for (i = 0; i < names.n; i++) {
                CLEANUP_FREE char *inner = NULL;

                CHECK(asprintf(&inner, "%s%s%s", strcmp(path, ".") == 0 ? "" : path,
                               strcmp(path, ".") == 0 ? "" : "/", names.list[i]) >= 0);
                check_entry(rules, root_fd, inner, found);
        }
        tree_names_done(&names);
}

static void check_entry(const struct unpack_rules *rules, int root_fd, const char *path,
                        struct found *found)
{
        const char *at = path;
        unsigned depth = 1;
        struct stat st;

        CHECK(fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
        CHECK(S_ISLNK(st.st_mode) || !(st.st_mode & (S_ISUID | S_ISGID)));
        while ((at = strchr(at, '/')) != NULL) {
                at++;
                depth++;
        }
        CHECK(depth <= rules->limits.depth && strlen(path) <= rules->limits.path_bytes);
        found->entries++;
        if (S_ISREG(st.st_mode)) /* a file of two names counts once in what was written */
                found->bytes += (uint64_t)st.st_size / st.st_nlink;
        else if (S_ISLNK(st.st_mode))
                check_link(root_fd, path);
        else
                check_folder(rules, root_fd, path, found);
}

static void check_tree(const struct unpack_rules *rules, const struct place *place)
{
        const struct scan_how how = { .quick = false };
        CLEANUP_CLOSE int manifest_fd = memfd_create("manifest", MFD_CLOEXEC);
        CLEANUP_CLOSE int root_fd = -1;
        struct found found = { .bytes = 0 };
        struct scan_sum sum;
        struct stat st;

        CHECK(fstatat(place->inside_fd, TREE, &st, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
        CHECK(scan_write(place->inside_fd, TREE, manifest_fd, NULL, &sum, NULL) == 0);
        CHECK(lseek(manifest_fd, 0, SEEK_SET) == 0);
        CHECK(scan_compare(place->inside_fd, TREE, manifest_fd, &how, NULL, NULL) == 0);
        if (S_ISREG(st.st_mode)) {
                CHECK((uint64_t)st.st_size <= rules->limits.total_bytes);
                return;
        }
        CHECK(tree_open_folder(place->inside_fd, TREE, false, 0, &root_fd) == 0);
        check_folder(rules, root_fd, ".", &found);
        /* An entry may bring the folders above it along. */
        CHECK(found.entries <= rules->limits.entries * rules->limits.depth);
        CHECK(found.bytes <= rules->limits.total_bytes);
}

static struct unpack_rules choose(uint8_t byte)
{
        return (struct unpack_rules){
                .limits = { .total_bytes = BYTES_MAX, .entries = ENTRIES_MAX, .ratio = 200,
                            .depth = DEPTH_MAX, .path_bytes = PATH_BYTES_MAX },
                .setuid = byte & 1 ? SETUID_STRIP : SETUID_REFUSE,
                .strip = byte >> 1 & 3,
                .must_be_archive = byte >> 3 & 1,
                .has_mode = byte >> 4 & 1,
                .mode = 0640,
                .uid = (uid_t)-1,
                .gid = (gid_t)-1,
        };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct unpack_rules rules = choose(size > 0 ? data[0] : 0);
        struct ub_error error = UB_ERROR_INIT;
        struct place place = make_place();
        CLEANUP_CLOSE int archive_fd = memfd_create("archive", MFD_CLOEXEC);
        int r;

        if (size > 1)
                CHECK(write(archive_fd, data + 1, size - 1) == (ssize_t)(size - 1));
        r = unpack(archive_fd, place.inside_fd, TREE, &rules, NULL, &error);
        CHECK(r <= 0);
        CHECK(r == 0 || *error.text);
        if (r == 0)
                check_tree(&rules, &place);
        check_outside(&place, r == 0);
        return 0;
}
