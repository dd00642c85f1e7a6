/* SPDX-License-Identifier: Apache-2.0
 *
 * test-log - where lines go, what they look like, and which files are left
 *
 * The journal stands at the process edge: the linker puts __wrap_sd_journal_sendv() in its
 * place. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "folder.h"
#include "host/log/log.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/time.h"
#include "unit.h"

#define DAY (UINT64_C(24) * 60 * USEC_PER_MINUTE)
/* 2026-01-31T12:00:00.5 UTC */
#define NOON (UINT64_C(1769860800) * USEC_PER_SEC + 500 * USEC_PER_MSEC)

static char journal[8192]; /* the fields that came, a line each */
static int journal_result;

int __wrap_sd_journal_sendv(const struct iovec *iov, int n);
int __wrap_sd_journal_sendv(const struct iovec *iov, int n)
{
        size_t length = 0;
        int i;

        journal[0] = '\0';
        for (i = 0; i < n; i++)
                length += (size_t)snprintf(journal + length, sizeof(journal) - length, "%.*s\n",
                                           (int)iov[i].iov_len, (const char *)iov[i].iov_base);
        return journal_result;
}

static uint64_t get_clock(void *data)
{
        return *(uint64_t *)data;
}

/* A log into FOLDER/LOG, with a clock that the test turns. */
struct bench {
        struct folder folder;
        char path[PATH_MAX];
        uint64_t clock;
        struct log_options options;
        struct log *log;
};

static void bench_start(struct bench *bench)
{
        ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
        journal[0] = '\0';
        journal_result = 0;
        bench->folder = folder_new();
        folder_path(&bench->folder, "broker.log", bench->path);
        bench->clock = NOON;
        bench->options = (struct log_options){
                .level = LOG_LEVEL_INFO,
                .file = bench->path,
                .file_bytes_max = 1024 * 1024,
                .files_max = 5,
                .age_max_days = 28,
                .now_usec = get_clock,
                .now_data = &bench->clock,
        };
}

static void bench_open(struct bench *bench)
{
        struct diag diag = DIAG_INIT;

        ck_assert_msg(log_new(&bench->options, &diag, &bench->log) == 0, "%s", diag.text);
}

static void bench_done(struct bench *bench)
{
        bench->log = log_free(bench->log);
        folder_done(&bench->folder);
}

static char *read_file(const struct bench *bench, const char *name)
{
        char *text;

        ck_assert_int_eq(file_read_at(bench->folder.fd, name, 1024 * 1024, &text, NULL), 0);
        return text;
}

static int is_plain(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

/* The names in the folder, sorted, with a blank behind each. */
static const char *list(const struct bench *bench, char *buf, size_t size)
{
        struct dirent **entries;
        size_t length = 0;
        int n = scandir(bench->folder.path, &entries, is_plain, alphasort);
        int i;

        ck_assert_int_ge(n, 0);
        buf[0] = '\0';
        for (i = 0; i < n; i++) {
                length += (size_t)snprintf(buf + length, size - length, "%s ", entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return buf;
}

/* Sends stderr into FOLDER/stderr until the process ends. */
static void catch_stderr(const struct bench *bench, bool as_journal)
{
        int fd =
                openat(bench->folder.fd, "stderr", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        char stream[64];
        struct stat st;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
        ck_assert_int_eq(close(fd), 0);
        ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
        (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                       (unsigned long long)st.st_ino + (as_journal ? 0 : 1));
        ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
}

START_TEST(a_line_of_the_file_has_the_form_that_its_readers_know)
{
        static const struct log_about about = { .agent = "containers", .activity = "A1" };
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench_open(&bench);
        log_info(bench.log, NULL, "%d agents", 2);
        log_error(bench.log, &about, "failed");
        text = read_file(&bench, "broker.log");
        ck_assert_str_eq(text, "2026/01/31 12:00:00.500000  [update-broker] INFO    2 agents\n"
                               "2026/01/31 12:00:00.500000  [update-broker] ERROR   failed"
                               " (agent containers, activity A1)\n");
        bench_done(&bench);
}
END_TEST

START_TEST(a_level_lets_itself_and_what_is_graver_through)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench.options.level = LOG_LEVEL_WARN;
        bench_open(&bench);
        log_info(bench.log, NULL, "no");
        log_warn(bench.log, NULL, "yes");
        log_error(bench.log, NULL, "yes");
        log_trace(bench.log, NULL, "no");
        ck_assert(!log_wants(bench.log, LOG_LEVEL_INFO));
        ck_assert(log_wants(bench.log, LOG_LEVEL_WARN));
        text = read_file(&bench, "broker.log");
        ck_assert_ptr_null(strstr(text, "no"));
        ck_assert_ptr_nonnull(strstr(text, "WARN    yes\n"));
        ck_assert_ptr_nonnull(strstr(text, "ERROR   yes\n"));
        bench_done(&bench);
}
END_TEST

START_TEST(a_text_can_neither_begin_a_line_nor_talk_to_a_terminal)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench_open(&bench);
        log_info(bench.log, NULL, "a\nb\x1b[2Jc\xc2\x9b" "d\xff\xc3\xa9\r\n");
        text = read_file(&bench, "broker.log");
        ck_assert_str_eq(strstr(text, "INFO"), "INFO    a b [2Jc d?\xc3\xa9\n");
        bench_done(&bench);
}
END_TEST

START_TEST(a_text_that_is_too_long_is_cut_visibly)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;
        CLEANUP_FREE char *big = calloc(1, 2 * LOG_TEXT_MAX);

        bench_start(&bench);
        bench_open(&bench);
        memset(big, 'x', 2 * LOG_TEXT_MAX - 1);
        log_info(bench.log, NULL, "%s", big);
        text = read_file(&bench, "broker.log");
        ck_assert_str_eq(text + strlen(text) - 5, "x...\n");
        ck_assert_uint_lt(strlen(text), LOG_TEXT_MAX + 100);
        bench_done(&bench);
}
END_TEST

START_TEST(a_full_file_is_put_aside_under_the_time_of_day)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *old = NULL;
        CLEANUP_FREE char *new = NULL;
        char names[1024];

        bench_start(&bench);
        bench.options.file_bytes_max = 150; /* two lines */
        bench_open(&bench);
        log_info(bench.log, NULL, "one");
        log_info(bench.log, NULL, "two");
        log_info(bench.log, NULL, "three");
        ck_assert_str_eq(list(&bench, names, sizeof(names)),
                         "broker-2026-01-31T12-00-00.500.log broker.log ");
        old = read_file(&bench, "broker-2026-01-31T12-00-00.500.log");
        new = read_file(&bench, "broker.log");
        ck_assert_ptr_nonnull(strstr(old, "one"));
        ck_assert_ptr_nonnull(strstr(old, "two"));
        ck_assert_ptr_nonnull(strstr(new, "three"));
        bench_done(&bench);
}
END_TEST

START_TEST(two_files_of_the_same_moment_get_two_names)
{
        struct bench bench = { .log = NULL };
        char names[1024];

        bench_start(&bench);
        bench.options.file_bytes_max = 1;
        bench_open(&bench);
        log_info(bench.log, NULL, "one");
        log_info(bench.log, NULL, "two");
        log_info(bench.log, NULL, "three");
        ck_assert_str_eq(list(&bench, names, sizeof(names)),
                         "broker-2026-01-31T12-00-00.500.log "
                         "broker-2026-01-31T12-00-00.501.log broker.log ");
        bench_done(&bench);
}
END_TEST

START_TEST(only_the_newest_files_are_kept)
{
        struct bench bench = { .log = NULL };
        char names[1024];
        int i;

        bench_start(&bench);
        bench.options.file_bytes_max = 1;
        bench.options.files_max = 2;
        bench_open(&bench);
        for (i = 0; i < 6; i++, bench.clock += USEC_PER_SEC)
                log_info(bench.log, NULL, "line %d", i);
        ck_assert_str_eq(list(&bench, names, sizeof(names)),
                         "broker-2026-01-31T12-00-04.500.log "
                         "broker-2026-01-31T12-00-05.500.log broker.log ");
        bench_done(&bench);
}
END_TEST

START_TEST(files_that_are_too_old_are_removed_and_strangers_are_left_alone)
{
        struct bench bench = { .log = NULL };
        char names[1024];

        bench_start(&bench);
        folder_write(&bench.folder, "broker-2025-12-01T00-00-00.000.log.gz", "Kanto's");
        folder_write(&bench.folder, "broker-2025-12-01T00-00-00.000.log", "");
        folder_write(&bench.folder, "broker-2026-01-05T00-00-00.000.log", "");
        folder_write(&bench.folder, "broker-notes.log", "");
        folder_write(&bench.folder, "broker-2025-12-01T00-00-00.000.log.bak", "");
        folder_write(&bench.folder, "brokerage-2025-12-01T00-00-00.000.log", "");
        bench.options.file_bytes_max = 1;
        bench_open(&bench);
        log_info(bench.log, NULL, "one");
        log_info(bench.log, NULL, "two");
        ck_assert_str_eq(list(&bench, names, sizeof(names)),
                         "broker-2025-12-01T00-00-00.000.log.bak "
                         "broker-2026-01-05T00-00-00.000.log "
                         "broker-2026-01-31T12-00-00.500.log broker-notes.log broker.log "
                         "brokerage-2025-12-01T00-00-00.000.log ");
        bench_done(&bench);
}
END_TEST

START_TEST(without_limits_all_files_are_kept)
{
        struct bench bench = { .log = NULL };
        char names[2048];

        bench_start(&bench);
        folder_write(&bench.folder, "broker-1999-12-01T00-00-00.000.log", "");
        bench.options.file_bytes_max = 1;
        bench.options.files_max = 0;
        bench.options.age_max_days = 0;
        bench_open(&bench);
        log_info(bench.log, NULL, "one");
        log_info(bench.log, NULL, "two");
        ck_assert_ptr_nonnull(strstr(list(&bench, names, sizeof(names)), "broker-1999"));
        bench_done(&bench);
}
END_TEST

START_TEST(a_file_that_was_there_is_continued)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        folder_write(&bench.folder, "broker.log", "before\n");
        bench_open(&bench);
        log_info(bench.log, NULL, "after");
        text = read_file(&bench, "broker.log");
        ck_assert_int_eq(strncmp(text, "before\n2026", 11), 0);
        bench_done(&bench);
}
END_TEST

START_TEST(missing_folders_are_made)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        folder_path(&bench.folder, "a/b/broker.log", bench.path);
        bench_open(&bench);
        log_info(bench.log, NULL, "line");
        text = read_file(&bench, "a/b/broker.log");
        ck_assert_ptr_nonnull(strstr(text, "line"));
        bench_done(&bench);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named_and_the_old_one_stays)
{
        struct bench bench = { .log = NULL };
        struct log_options bad;
        struct diag diag = DIAG_INIT;
        CLEANUP_FREE char *text = NULL;
        char expected[PATH_MAX + 64];
        char path[PATH_MAX];

        bench_start(&bench);
        bench_open(&bench);
        folder_write(&bench.folder, "file", "");
        folder_path(&bench.folder, "file/broker.log", path);
        bad = bench.options;
        bad.file = path;
        ck_assert_int_eq(log_configure(bench.log, &bad, &diag), -ENOTDIR);
        (void)snprintf(expected, sizeof(expected), "%s: Not a directory", path);
        ck_assert_str_eq(diag.text, expected);

        folder_path(&bench.folder, "fifo", path);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_int_lt(log_configure(bench.log, &bad, &diag), 0);

        log_info(bench.log, NULL, "still here");
        text = read_file(&bench, "broker.log");
        ck_assert_ptr_nonnull(strstr(text, "still here"));
        bench_done(&bench);
}
END_TEST

START_TEST(a_file_that_somebody_moved_is_begun_anew_by_a_reload)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench_open(&bench);
        log_info(bench.log, NULL, "one");
        ck_assert_int_eq(renameat(bench.folder.fd, "broker.log", bench.folder.fd, "moved"), 0);
        ck_assert_int_eq(log_configure(bench.log, &bench.options, NULL), 0);
        log_info(bench.log, NULL, "two");
        text = read_file(&bench, "broker.log");
        ck_assert_ptr_null(strstr(text, "one"));
        ck_assert_ptr_nonnull(strstr(text, "two"));
        bench_done(&bench);
}
END_TEST

START_TEST(a_full_disk_costs_lines_but_says_so_when_it_is_over)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        struct bench bench = { .log = NULL };
        struct rlimit unlimited;
        struct rlimit limit;
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench_open(&bench);
        log_info(bench.log, NULL, "first");

        /* A limit on the size of files cuts a write short, and then fails it: as a full disk
         * does. */
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
        limit = unlimited;
        limit.rlim_cur = 80;
        ck_assert_int_eq(sigaction(SIGXFSZ, &ignore, NULL), 0);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        log_info(bench.log, NULL, "second");
        log_info(bench.log, NULL, "third");
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
        log_info(bench.log, NULL, "fourth");

        text = read_file(&bench, "broker.log");
        ck_assert_ptr_nonnull(
                strstr(text, "\n-- 2 lines could not be written: No space left on device --\n"));
        ck_assert_ptr_nonnull(strstr(text, "INFO    fourth\n"));
        ck_assert_ptr_null(strstr(text, "third"));
        bench_done(&bench);
}
END_TEST

START_TEST(a_file_that_cannot_be_put_aside_grows_to_twice_its_size_only)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;
        char name[NAME_MAX + 1];
        int i;

        bench_start(&bench);
        /* So long that there is no room for the time: nothing else stops root. */
        memset(name, 'n', sizeof(name) - 1);
        memcpy(name + 240, ".log", 5);
        folder_path(&bench.folder, name, bench.path);
        bench.options.file_bytes_max = 1000;
        bench_open(&bench);
        for (i = 0; i < 100; i++)
                log_info(bench.log, NULL, "line %d", i);
        text = read_file(&bench, name);
        ck_assert_uint_gt(strlen(text), 1800);
        ck_assert_uint_le(strlen(text), 2000);
        bench_done(&bench);
}
END_TEST

START_TEST(the_journal_gets_fields_when_stderr_is_its_stream)
{
        static const struct log_about about = {
                .agent = "self-update",
                .domain = "self-update",
                .activity = "A1",
        };
        static const struct log_origin origin = { "plugin.c", 12, "install" };
        struct bench bench = { .log = NULL };

        bench_start(&bench);
        bench.options.file = NULL;
        catch_stderr(&bench, true);
        bench_open(&bench);
        log_write(bench.log, LOG_LEVEL_WARN, &origin, &about, "slot %c", 'B');
        ck_assert_str_eq(journal,
                         "PRIORITY=4\nSYSLOG_IDENTIFIER=update-broker\nCODE_FILE=plugin.c\n"
                         "CODE_LINE=12\nCODE_FUNC=install\nAGENT=self-update\n"
                         "DOMAIN=self-update\nACTIVITY=A1\nMESSAGE=slot B\n");
        bench_done(&bench);
}
END_TEST

START_TEST(the_journal_takes_what_comes_from_nowhere_in_particular)
{
        struct bench bench = { .log = NULL };

        bench_start(&bench);
        bench.options.file = NULL;
        catch_stderr(&bench, true);
        bench_open(&bench);
        log_write(bench.log, LOG_LEVEL_WARN, NULL, NULL, "so it is");
        ck_assert_str_eq(journal, "PRIORITY=4\nSYSLOG_IDENTIFIER=update-broker\nMESSAGE=so it is\n");
        bench_done(&bench);
}
END_TEST

START_TEST(stderr_stands_in_for_a_journal_that_does_not_answer)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench.options.file = NULL;
        catch_stderr(&bench, true);
        journal_result = -ENOTCONN;
        bench_open(&bench);
        log_error(bench.log, &(struct log_about){ .domain = "containers" }, "broken");
        text = read_file(&bench, "stderr");
        ck_assert_str_eq(text, "<3>broken (domain containers)\n");
        bench_done(&bench);
}
END_TEST

START_TEST(a_terminal_gets_the_lines_of_the_file)
{
        struct bench bench = { .log = NULL };
        CLEANUP_FREE char *text = NULL;

        bench_start(&bench);
        bench.options.file = "";
        catch_stderr(&bench, false);
        bench_open(&bench);
        log_info(bench.log, NULL, "up");
        text = read_file(&bench, "stderr");
        ck_assert_str_eq(text, "2026/01/31 12:00:00.500000  [update-broker] INFO    up\n");
        ck_assert_str_eq(journal, "");
        bench_done(&bench);
}
END_TEST

START_TEST(words_of_levels_are_read_in_any_case)
{
        enum log_level level = LOG_LEVEL_ERROR;

        ck_assert_int_eq(log_level_from_string("debug", &level), 0);
        ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
        ck_assert_int_eq(log_level_from_string("Trace", &level), 0);
        ck_assert_str_eq(log_level_to_string(level), "TRACE");
        ck_assert_int_eq(log_level_from_string("LOUD", &level), -EINVAL);
        ck_assert_int_eq(log_level_from_string("", &level), -EINVAL);
        ck_assert_int_eq(level, LOG_LEVEL_TRACE);
}
END_TEST

UNIT_MAIN("log",
          a_line_of_the_file_has_the_form_that_its_readers_know,
          a_level_lets_itself_and_what_is_graver_through,
          a_text_can_neither_begin_a_line_nor_talk_to_a_terminal,
          a_text_that_is_too_long_is_cut_visibly,
          a_full_file_is_put_aside_under_the_time_of_day,
          two_files_of_the_same_moment_get_two_names,
          only_the_newest_files_are_kept,
          files_that_are_too_old_are_removed_and_strangers_are_left_alone,
          without_limits_all_files_are_kept,
          a_file_that_was_there_is_continued,
          missing_folders_are_made,
          a_file_that_cannot_be_opened_is_named_and_the_old_one_stays,
          a_file_that_somebody_moved_is_begun_anew_by_a_reload,
          a_full_disk_costs_lines_but_says_so_when_it_is_over,
          a_file_that_cannot_be_put_aside_grows_to_twice_its_size_only,
          the_journal_gets_fields_when_stderr_is_its_stream,
          the_journal_takes_what_comes_from_nowhere_in_particular,
          stderr_stands_in_for_a_journal_that_does_not_answer,
          a_terminal_gets_the_lines_of_the_file,
          words_of_levels_are_read_in_any_case)
