/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1 /* folder.h */

#include <errno.h>
#include <string.h>

#include "host/state/journal.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/worker.h"
#include "tests/unit/folder.h"
#include "tests/unit/unit.h"

struct bench {
        struct folder folder;
        sd_event *event;
        struct worker *worker;
        struct journal *journal;
        unsigned n_written;
        int result; /* of the last write */
};

static void on_written(void *data, int r)
{
        struct bench *bench = data;

        bench->n_written++;
        bench->result = r;
}

static int reopen(struct bench *bench, struct diag *diag)
{
        bench->journal = journal_free(bench->journal);
        return journal_open(bench->folder.fd, "a.journal", bench->worker, on_written, bench, diag,
                            &bench->journal);
}

static void begin(struct bench *bench)
{
        *bench = (struct bench){ .folder = folder_new() };
        ck_assert_int_ge(sd_event_new(&bench->event), 0);
        ck_assert_int_eq(worker_new(bench->event, 8, &bench->worker), 0);
        ck_assert_int_eq(reopen(bench, NULL), 0);
}

static void end(struct bench *bench)
{
        bench->journal = journal_free(bench->journal);
        bench->worker = worker_free(bench->worker);
        bench->event = sd_event_unref(bench->event);
        folder_done(&bench->folder);
}

static void write_record(struct bench *bench, const char *text)
{
        ck_assert_int_eq(journal_write(bench->journal, strdup(text)), 0);
        ck_assert(journal_is_writing(bench->journal));
        worker_drain(bench->worker);
        ck_assert(!journal_is_writing(bench->journal));
}

static void expect_record(struct bench *bench, const char *text)
{
        size_t length;
        const char *record = journal_get_record(bench->journal, &length);

        ck_assert_str_eq(record, text);
        ck_assert_uint_eq(length, strlen(text));
}

START_TEST(a_journal_without_a_file_is_empty)
{
        struct bench bench;
        size_t length;

        begin(&bench);
        ck_assert_ptr_null(journal_get_record(bench.journal, &length));
        end(&bench);
}
END_TEST

START_TEST(the_last_record_comes_back)
{
        struct bench bench;

        begin(&bench);
        write_record(&bench, "{\"a\":1}");
        write_record(&bench, "{\"a\":2}\n with a second line");
        ck_assert_uint_eq(bench.n_written, 2);
        ck_assert_int_eq(bench.result, 0);
        ck_assert_int_eq(reopen(&bench, NULL), 0);
        expect_record(&bench, "{\"a\":2}\n with a second line");
        end(&bench);
}
END_TEST

START_TEST(one_record_is_written_at_a_time)
{
        struct bench bench;

        begin(&bench);
        ck_assert_int_eq(journal_write(bench.journal, strdup("one")), 0);
        ck_assert_int_eq(journal_write(bench.journal, strdup("two")), -EBUSY);
        worker_drain(bench.worker);
        ck_assert_uint_eq(bench.n_written, 1);
        end(&bench);
}
END_TEST

START_TEST(a_write_outlives_the_journal)
{
        struct bench bench;

        begin(&bench);
        ck_assert_int_eq(journal_write(bench.journal, strdup("late")), 0);
        bench.journal = journal_free(bench.journal);
        worker_drain(bench.worker);
        ck_assert_uint_eq(bench.n_written, 0);
        ck_assert_int_eq(reopen(&bench, NULL), 0);
        expect_record(&bench, "late");
        end(&bench);
}
END_TEST

/* Whatever one byte becomes and wherever the file ends. */
START_TEST(no_damage_goes_unnoticed)
{
        static const char text[] = "{\"version\":1}";
        CLEANUP_FREE char *bytes = NULL;
        const char *found;
        size_t length;
        size_t n;
        size_t i;

        ck_assert_int_eq(journal_encode(text, strlen(text), &bytes, &length), 0);
        ck_assert_int_eq(journal_decode(bytes, length, NULL, &found, &n), 0);
        ck_assert_uint_eq(n, strlen(text));
        ck_assert_int_eq(strncmp(found, text, n), 0);
        for (i = 0; i < length; i++) {
                ck_assert_int_eq(journal_decode(bytes, i, NULL, &found, &n), -EBADMSG);
                bytes[i] ^= 0x10;
                ck_assert_int_eq(journal_decode(bytes, length, NULL, &found, &n), -EBADMSG);
                bytes[i] ^= 0x10;
        }
}
END_TEST

START_TEST(a_damaged_file_is_set_aside)
{
        struct diag diag = DIAG_INIT;
        CLEANUP_FREE char *bad = NULL;
        struct bench bench;
        size_t length;

        begin(&bench);
        folder_write(&bench.folder, "a.journal", "ub-journal 1 7 00000000\n{\"a\":1}\n");
        ck_assert_int_eq(reopen(&bench, &diag), 1);
        ck_assert_str_eq(diag.text,
                         "a.journal: damaged: length or checksum are wrong; set aside as "
                         "a.journal.bad");
        ck_assert_ptr_null(journal_get_record(bench.journal, &length));
        ck_assert_int_eq(file_read_at(bench.folder.fd, "a.journal.bad", 4096, &bad, NULL), 0);
        ck_assert_int_eq(reopen(&bench, NULL), 0);
        end(&bench);
}
END_TEST

START_TEST(a_record_that_its_reader_refuses_is_set_aside)
{
        struct diag diag = DIAG_INIT;
        struct bench bench;
        size_t length;

        begin(&bench);
        write_record(&bench, "nonsense");
        ck_assert_int_eq(reopen(&bench, NULL), 0);
        journal_reject(bench.journal, "no such phase", &diag);
        ck_assert_str_eq(diag.text,
                         "a.journal: damaged: no such phase; set aside as a.journal.bad");
        ck_assert_ptr_null(journal_get_record(bench.journal, &length));
        end(&bench);
}
END_TEST

START_TEST(a_write_that_fails_says_so_and_the_next_one_may_succeed)
{
        struct bench bench;

        begin(&bench);
        /* A folder in the way of the temporary file; root is not stopped by modes. */
        ck_assert_int_eq(mkdirat(bench.folder.fd, ".a.journal.new", 0700), 0);
        write_record(&bench, "one");
        ck_assert_int_eq(bench.result, -EISDIR);
        ck_assert_int_eq(unlinkat(bench.folder.fd, ".a.journal.new", AT_REMOVEDIR), 0);
        write_record(&bench, "two");
        ck_assert_int_eq(bench.result, 0);
        ck_assert_int_eq(reopen(&bench, NULL), 0);
        expect_record(&bench, "two");
        end(&bench);
}
END_TEST

UNIT_MAIN("journal", a_journal_without_a_file_is_empty, the_last_record_comes_back,
          one_record_is_written_at_a_time, a_write_outlives_the_journal, no_damage_goes_unnoticed,
          a_damaged_file_is_set_aside, a_record_that_its_reader_refuses_is_set_aside,
          a_write_that_fails_says_so_and_the_next_one_may_succeed)
