/* SPDX-License-Identifier: Apache-2.0
 *
 * test-files-unpack - archives made here become trees, and trees manifests
 *
 * Hostile archives have a table of their own. */
#define _GNU_SOURCE 1
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/mman.h>

#include "plugins/files/scan.h"
#include "plugins/files/scope.h"
#include "plugins/files/tree.h"
#include "plugins/files/unpack.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

static const struct unpack_rules rules = {
        .limits = { .total_bytes = 1 << 20, .entries = 100, .ratio = 200, .depth = 8,
                    .path_bytes = 200 },
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
};

struct entry {
        const char *path;
        mode_t mode; /* with the type */
        const char *text; /* content or target */
};

static const struct entry usual[] = {
        { "top/", S_IFDIR | 0755, NULL },
        { "top/bin/", S_IFDIR | 0500, NULL },
        { "top/bin/app", S_IFREG | 0755, "the app" },
        { "top/etc/app.conf", S_IFREG | 0640, "key=1\n" }, /* its folder has no entry */
        { "top/etc/link", S_IFLNK | 0777, "../bin/app" },
        { "top/sp ace\\n", S_IFREG | 0644, "" },
        { "top/\xc3\xa4", S_IFREG | 0644, "umlaut" },
};

/* A memory file with an archive of these. */
static int make_archive(int (*set_format)(struct archive *), int (*add_filter)(struct archive *),
                        const struct entry *entries, size_t n)
{
        locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        locale_t before = uselocale(utf8);
        struct archive *archive = archive_write_new();
        int fd = memfd_create("archive", MFD_CLOEXEC);
        size_t i;

        ck_assert_int_eq(set_format(archive), ARCHIVE_OK);
        ck_assert_int_eq(add_filter(archive), ARCHIVE_OK);
        ck_assert_int_eq(archive_write_open_fd(archive, fd), ARCHIVE_OK);
        for (i = 0; i < n; i++) {
                struct archive_entry *entry = archive_entry_new();
                const char *text = entries[i].text;

                archive_entry_set_pathname(entry, entries[i].path);
                archive_entry_set_mode(entry, entries[i].mode);
                archive_entry_set_mtime(entry, 1000000000, 0);
                if (S_ISLNK(entries[i].mode))
                        archive_entry_set_symlink(entry, text);
                archive_entry_set_size(entry,
                                       S_ISREG(entries[i].mode) ? (la_int64_t)strlen(text) : 0);
                ck_assert_msg(archive_write_header(archive, entry) >= ARCHIVE_WARN, "%s: %s",
                              entries[i].path, archive_error_string(archive));
                if (S_ISREG(entries[i].mode))
                        ck_assert_int_eq(archive_write_data(archive, text, strlen(text)),
                                         (la_ssize_t)strlen(text));
                archive_entry_free(entry);
        }
        ck_assert_int_eq(archive_write_close(archive), ARCHIVE_OK);
        archive_write_free(archive);
        (void)uselocale(before);
        freelocale(utf8);
        return fd;
}

static void check_file(int dir_fd, const char *path, mode_t mode, const char *text)
{
        CLEANUP_FREE char *got = NULL;
        struct stat st;

        ck_assert_msg(fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", path);
        ck_assert_msg((st.st_mode & 07777) == mode, "%s: %o", path, st.st_mode);
        ck_assert_int_eq(st.st_mtime, 1000000000);
        ck_assert_int_eq(tree_read_file(dir_fd, path, 100, &got, NULL), 0);
        ck_assert_str_eq(got, text);
}

START_TEST(archives_of_all_kinds_become_the_same_tree)
{
        static const struct {
                const char *name;
                int (*set_format)(struct archive *);
                int (*add_filter)(struct archive *);
        } kinds[] = {
                { "tar", archive_write_set_format_pax_restricted, archive_write_add_filter_none },
                { "tar.gz", archive_write_set_format_gnutar, archive_write_add_filter_gzip },
                { "tar.bz2", archive_write_set_format_ustar, archive_write_add_filter_bzip2 },
                { "tar.xz", archive_write_set_format_pax, archive_write_add_filter_xz },
                { "tar.zst", archive_write_set_format_pax, archive_write_add_filter_zstd },
                { "zip", archive_write_set_format_zip, archive_write_add_filter_none },
                { "cpio", archive_write_set_format_cpio_newc, archive_write_add_filter_none },
                { "cpio.gz", archive_write_set_format_cpio_newc, archive_write_add_filter_gzip },
        };
        CLEANUP(folder_done) struct folder folder = folder_new();
        struct unpack_rules strip = rules;
        char digest[VERIFY_HEX_SIZE] = "";
        size_t i;

        strip.strip = 1;
        for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                CLEANUP_CLOSE int fd = make_archive(kinds[i].set_format, kinds[i].add_filter, usual,
                                                    sizeof(usual) / sizeof(usual[0]));
                CLEANUP_CLOSE int manifest_fd = memfd_create("manifest", MFD_CLOEXEC);
                CLEANUP_CLOSE int tree_fd = -1;
                CLEANUP_FREE char *link = NULL;
                struct ub_error error = UB_ERROR_INIT;
                struct scan_sum sum;
                int r = unpack(fd, folder.fd, kinds[i].name, &strip, NULL, &error);

                ck_assert_msg(r == 0, "%s: %s", kinds[i].name, error.text);
                ck_assert_int_eq(tree_open_folder(folder.fd, kinds[i].name, false, 0, &tree_fd), 0);
                check_file(tree_fd, "bin/app", 0755, "the app");
                check_file(tree_fd, "etc/app.conf", 0640, "key=1\n");
                check_file(tree_fd, "sp ace\\n", 0644, "");
                check_file(tree_fd, "\xc3\xa4", 0644, "umlaut");
                ck_assert_int_eq(tree_read_link(tree_fd, "etc/link", &link), 0);
                ck_assert_str_eq(link, "../bin/app");
                ck_assert_int_eq(scan_write(folder.fd, kinds[i].name, manifest_fd, NULL, &sum, NULL),
                                 0);
                ck_assert_uint_eq(sum.entries, 8);
                ck_assert_uint_eq(sum.bytes, 19);
                ck_assert_msg(i == 0 || strcmp(sum.digest, digest) == 0, "%s", kinds[i].name);
                memcpy(digest, sum.digest, sizeof(digest));
        }
}
END_TEST

START_TEST(a_single_file_is_unpacked_if_it_is_packed_and_not_if_told)
{
        static const struct entry one = { "x", S_IFREG | 0644, "hello" };
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_CLOSE int plain = memfd_create("plain", MFD_CLOEXEC);
        CLEANUP_CLOSE int empty = memfd_create("empty", MFD_CLOEXEC);
        CLEANUP_CLOSE int packed = make_archive(archive_write_set_format_raw,
                                                archive_write_add_filter_gzip, &one, 1);
        CLEANUP_FREE char *text = NULL;
        struct unpack_rules verbatim = rules;
        struct stat before;
        struct stat after;

        ck_assert_int_eq(write(plain, "hello", 5), 5);
        ck_assert_int_eq(unpack(plain, folder.fd, "plain", &rules, NULL, NULL), 0);
        ck_assert_int_eq(tree_read_file(folder.fd, "plain", 9, &text, NULL), 0);
        ck_assert_str_eq(text, "hello");
        free(TAKE_PTR(text));
        ck_assert_int_eq(unpack(packed, folder.fd, "packed", &rules, NULL, NULL), 0);
        ck_assert_int_eq(tree_read_file(folder.fd, "packed", 9, &text, NULL), 0);
        ck_assert_str_eq(text, "hello");
        ck_assert_int_eq(unpack(empty, folder.fd, "empty", &rules, NULL, NULL), 0);
        verbatim.must_be_file = true;
        ck_assert_int_eq(unpack(packed, folder.fd, "verbatim", &verbatim, NULL, NULL), 0);
        ck_assert_int_eq(fstat(packed, &before), 0);
        ck_assert_int_eq(fstatat(folder.fd, "verbatim", &after, 0), 0);
        ck_assert_int_eq(before.st_size, after.st_size);
        ck_assert_int_eq(after.st_mode & 07777, 0644);
        verbatim = rules;
        verbatim.must_be_archive = true;
        ck_assert_int_eq(unpack(plain, folder.fd, "no", &verbatim, NULL, NULL), -EBADMSG);
        ck_assert_int_lt(faccessat(folder.fd, "no", F_OK, 0), 0);
}
END_TEST

START_TEST(a_mode_gives_x_where_r_is)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_CLOSE int fd = make_archive(archive_write_set_format_pax,
                                            archive_write_add_filter_none, usual,
                                            sizeof(usual) / sizeof(usual[0]));
        CLEANUP_CLOSE int tree_fd = -1;
        struct unpack_rules mode = rules;
        struct stat st;

        mode.has_mode = true;
        mode.mode = 0640;
        ck_assert_int_eq(unpack(fd, folder.fd, "t", &mode, NULL, NULL), 0);
        ck_assert_int_eq(tree_open_folder(folder.fd, "t", false, 0, &tree_fd), 0);
        check_file(tree_fd, "top/bin/app", 0750, "the app");
        check_file(tree_fd, "top/etc/app.conf", 0640, "key=1\n");
        ck_assert_int_eq(fstatat(tree_fd, "top/etc", &st, 0), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0750);
        ck_assert_int_eq(fstatat(tree_fd, "top/bin", &st, 0), 0);
        ck_assert_int_eq(st.st_mode & 07777, 0750);
}
END_TEST

START_TEST(a_cancelled_one_leaves_nothing)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_CLOSE int fd = make_archive(archive_write_set_format_pax,
                                            archive_write_add_filter_none, usual,
                                            sizeof(usual) / sizeof(usual[0]));
        struct unpack_progress progress = { .cancel = true };

        ck_assert_int_eq(unpack(fd, folder.fd, "t", &rules, &progress, NULL), -ECANCELED);
        ck_assert_int_lt(faccessat(folder.fd, "t", F_OK, 0), 0);
        ck_assert_uint_gt(progress.total, 0);
}
END_TEST

START_TEST(a_tree_that_was_changed_is_told_from_one_that_was_not)
{
        static const struct {
                const char *name;
                const char *says;
        } steps[] = {
                { "-", "" },
                { "top/bin/app", "top/bin/app changed" },
                { "top/etc-x", "top/bin/app changed, top/etc-x added" },
                { "top/etc/0", "top/bin/app changed, top/etc/0 added, top/etc-x added" },
                { "top/zz", "top/bin/app changed, top/etc/0 added, top/etc-x added, 1 more" },
        };
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_CLOSE int fd = make_archive(archive_write_set_format_pax,
                                            archive_write_add_filter_none, usual,
                                            sizeof(usual) / sizeof(usual[0]));
        CLEANUP_CLOSE int manifest_fd = memfd_create("manifest", MFD_CLOEXEC);
        CLEANUP_CLOSE int tree_fd = -1;
        struct scan_sum sum;
        size_t i;
        int quick;

        ck_assert_int_eq(unpack(fd, folder.fd, "t", &rules, NULL, NULL), 0);
        ck_assert_int_eq(scan_write(folder.fd, "t", manifest_fd, NULL, &sum, NULL), 0);
        ck_assert_int_eq(tree_open_folder(folder.fd, "t", false, 0, &tree_fd), 0);
        for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                if (i > 0)
                        ck_assert_int_eq(tree_write_file(tree_fd, steps[i].name, "by hand"), 0);
                for (quick = 0; quick < 2; quick++) {
                        const struct scan_how how = { .quick = quick };
                        struct ub_error drift = UB_ERROR_INIT;

                        ck_assert_int_eq(lseek(manifest_fd, 0, SEEK_SET), 0);
                        ck_assert_int_eq(scan_compare(folder.fd, "t", manifest_fd, &how, &drift,
                                                      NULL),
                                         i > 0);
                        ck_assert_str_eq(drift.text, steps[i].says);
                }
        }
}
END_TEST

START_TEST(what_is_missing_is_told_also_when_it_is_all)
{
        CLEANUP(folder_done) struct folder folder = folder_new();
        CLEANUP_CLOSE int manifest_fd = memfd_create("manifest", MFD_CLOEXEC);
        const struct scan_how how = { .quick = false };
        struct ub_error drift = UB_ERROR_INIT;
        struct scan_sum sum;

        ck_assert_int_eq(tree_write_file(folder.fd, "f", "x"), 0);
        ck_assert_int_eq(scan_write(folder.fd, "f", manifest_fd, NULL, &sum, NULL), 0);
        ck_assert_int_eq(tree_remove(folder.fd, "f"), 0);
        ck_assert_int_eq(lseek(manifest_fd, 0, SEEK_SET), 0);
        ck_assert_int_eq(scan_compare(folder.fd, "f", manifest_fd, &how, &drift, NULL), 1);
        ck_assert_ptr_nonnull(strstr(drift.text, "it missing"));
}
END_TEST

UNIT_MAIN("files-unpack", archives_of_all_kinds_become_the_same_tree,
          a_single_file_is_unpacked_if_it_is_packed_and_not_if_told, a_mode_gives_x_where_r_is,
          a_cancelled_one_leaves_nothing, a_tree_that_was_changed_is_told_from_one_that_was_not,
          what_is_missing_is_told_also_when_it_is_all)
