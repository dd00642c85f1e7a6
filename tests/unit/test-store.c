/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/state/store-file.h"
#include "host/state/store.h"
#include "host/util/cleanup.h"
#include "host/util/crc32.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/worker.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/test-store-XXXXXX";
static int dir_fd;
static sd_event *event;
static struct worker *worker;
static struct store *store;

static void begin(void)
{
        ck_assert_ptr_nonnull(mkdtemp(folder));
        dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(dir_fd, 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(worker_new(event, 8, &worker), 0);
}

static void end(void)
{
        static const char *const names[] = { "a.state", "a.state.bad", ".a.state.new" };

        store = store_free(store);
        worker = worker_free(worker);
        event = sd_event_unref(event);
        (void)fchmod(dir_fd, 0700);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (unlinkat(dir_fd, names[i], 0) < 0)
                        (void)unlinkat(dir_fd, names[i], AT_REMOVEDIR);
        (void)close(dir_fd);
        ck_assert_int_eq(rmdir(folder), 0);
}

static int reopen(struct diag *diag)
{
        store = store_free(store);
        return store_open(dir_fd, "a", worker, diag, &store);
}

static int put(const char *key, const char *text)
{
        return store_put(store, key, text, strlen(text));
}

static void expect(const char *key, const char *text)
{
        struct value value;

        ck_assert_int_eq(store_get(store, key, &value), 0);
        ck_assert_uint_eq(value.length, strlen(text));
        ck_assert_mem_eq(value.data, text, value.length);
}

/* ---------------------------------------------------------------------------------------- syncs */

struct sync {
        int r;
        unsigned n;
        bool frees; /* the store, in the callback */
};

static void on_sync(void *data, int r)
{
        struct sync *sync = data;

        sync->r = r;
        sync->n++;
        if (sync->frees)
                store = store_free(store);
}

static void sync_now(int expected)
{
        struct sync sync = { .r = 1 };

        ck_assert_int_eq(store_sync(store, on_sync, &sync), 0);
        ck_assert_uint_eq(sync.n, 0);
        worker_drain(worker);
        ck_assert_uint_eq(sync.n, 1);
        ck_assert_int_eq(sync.r, expected);
}

/* A job that holds the worker up until the test says so. */
static int hold(void *gate)
{
        return sem_wait(gate);
}

static void held(void *gate, int r)
{
        (void)gate;
        (void)r;
}

/* ---------------------------------------------------------------------------------------- files */

static void read_bytes(char **ret, size_t *ret_length)
{
        ck_assert_int_eq(file_read_at(dir_fd, "a.state", STORE_FILE_MAX, ret, ret_length), 0);
}

static void write_bytes(const void *bytes, size_t length)
{
        ck_assert_int_eq(file_replace_at(dir_fd, "a.state", bytes, length), 0);
}

static bool exists(const char *name)
{
        return faccessat(dir_fd, name, F_OK, 0) == 0;
}

/* A good file with two keys, made by the store itself. */
static void make_file(void)
{
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(put("key", "value"), 0);
        ck_assert_int_eq(put("other", "12345678"), 0);
        sync_now(0);
}

static void expect_set_aside(const char *why)
{
        struct diag diag = DIAG_INIT;

        ck_assert_int_eq(reopen(&diag), 1);
        ck_assert_msg(strstr(diag.text, "a.state: damaged, set aside as a.state.bad: "), "%s",
                      diag.text);
        ck_assert_msg(strstr(diag.text, why), "%s", diag.text);
        ck_assert_uint_eq(values_count(store_values(store)), 0);
        ck_assert(exists("a.state.bad"));
        ck_assert(!exists("a.state"));
        /* and the store works */
        ck_assert_int_eq(put("key", "again"), 0);
        sync_now(0);
        ck_assert_int_eq(reopen(NULL), 0);
        expect("key", "again");
}

/* ---------------------------------------------------------------------------------------- tests */

START_TEST(what_was_synced_is_there_after_a_restart)
{
        begin();
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_uint_eq(values_count(store_values(store)), 0);
        ck_assert_int_eq(put("key", "value"), 0);
        ck_assert_int_eq(put("gone", "x"), 0);
        ck_assert_int_eq(put("gone", ""), 0);
        sync_now(0);
        ck_assert_int_eq(put("lost", "never synced"), 0);

        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_uint_eq(values_count(store_values(store)), 1);
        expect("key", "value");
        end();
}
END_TEST

START_TEST(limits_are_those_of_the_abi)
{
        CLEANUP_FREE char *large = calloc(1, UB_MAX_STATE_VALUE + 1);
        char key[UB_MAX_KEY + 2];
        int r = 0;
        unsigned n;

        begin();
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(store_put(store, "", "x", 1), -EINVAL);
        ck_assert_int_eq(store_put(store, "\xff", "x", 1), -EINVAL);
        memset(key, 'k', sizeof(key) - 1);
        key[sizeof(key) - 1] = '\0';
        ck_assert_int_eq(store_put(store, key, "x", 1), -E2BIG);
        ck_assert_int_eq(store_put(store, key + 1, "x", 1), 0);
        ck_assert_int_eq(store_put(store, key + 1, "", 0), 0);
        ck_assert_int_eq(store_put(store, "k", large, UB_MAX_STATE_VALUE + 1), -E2BIG);

        for (n = 0; n < 100 && r == 0; n++) {
                (void)snprintf(key, sizeof(key), "k%u", n);
                r = store_put(store, key, large, UB_MAX_STATE_VALUE - strlen(key));
        }
        ck_assert_int_eq(r, -E2BIG);
        ck_assert_uint_eq(values_count(store_values(store)), 16);
        sync_now(0);
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_uint_eq(values_count(store_values(store)), 16);
        ck_assert_int_eq(store_open(dir_fd, "../a", worker, NULL, &store), -EINVAL);
        end();
}
END_TEST

START_TEST(many_small_records_can_be_read_again)
{
        char key[4];

        begin();
        ck_assert_int_eq(reopen(NULL), 0);
        for (unsigned i = 1; i < 128; i++)
                for (unsigned j = 1; j < 128; j++) {
                        (void)snprintf(key, sizeof(key), "%c%c", (char)i, (char)j);
                        ck_assert_int_eq(store_put(store, key, "x", 1), 0);
                }
        sync_now(0);
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_uint_eq(values_count(store_values(store)), 127 * 127);
        end();
}
END_TEST

START_TEST(a_file_cut_anywhere_is_set_aside)
{
        CLEANUP_FREE char *bytes = NULL;
        size_t length;

        begin();
        make_file();
        read_bytes(&bytes, &length);
        for (size_t n = 0; n < length; n++) {
                struct diag diag = DIAG_INIT;

                write_bytes(bytes, n);
                ck_assert_msg(reopen(&diag) == 1, "cut to %zu of %zu bytes", n, length);
                ck_assert_str_ne(diag.text, "");
        }
        write_bytes(bytes, 20);
        expect_set_aside("not a state file");
        end();
}
END_TEST

START_TEST(a_flipped_bit_anywhere_is_noticed)
{
        CLEANUP_FREE char *bytes = NULL;
        size_t length;

        begin();
        make_file();
        read_bytes(&bytes, &length);
        for (size_t bit = 0; bit < 8 * length; bit++) {
                bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
                write_bytes(bytes, length);
                ck_assert_msg(reopen(NULL) == 1, "bit %zu", bit);
                bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        }
        bytes[length - 1] = (char)(bytes[length - 1] ^ 1);
        write_bytes(bytes, length);
        expect_set_aside("checksum");
        end();
}
END_TEST

static void put_u32(char *p, uint32_t n)
{
        for (int i = 0; i < 4; i++)
                p[i] = (char)(n >> (8 * i) & 0xff);
}

/* Changes a number and makes the checksum right again: what a wrong writer would leave behind. */
static void forge(char *bytes, size_t length, size_t offset, uint32_t n)
{
        put_u32(bytes + offset, n);
        put_u32(bytes + 20, crc32_add(crc32_add(0, bytes, 20), bytes + STORE_FILE_HEADER,
                                      length - STORE_FILE_HEADER));
        write_bytes(bytes, length);
}

START_TEST(a_wrong_content_under_a_right_checksum_is_set_aside)
{
        static const struct {
                size_t offset;
                uint32_t n;
                const char *why;
        } cases[] = {
                { 8, 2, "version 2 of the format is not known" },
                { 12, 3, "record 3 of 3" },
                { 12, 1, "after the last record" },
                { 12, UINT32_MAX, "record 3 of 4294967295" },
                { 24, 0, "record 1 of 2" },
                { 24, UB_MAX_KEY + 1, "record 1 of 2" },
                { 24, UINT32_MAX, "record 1 of 2" },
                { 28, 0, "record 1 of 2" },
                { 28, UINT32_MAX, "record 1 of 2" },
                { 32, 0xff, "record 1 of 2" },         /* no UTF-8, and a NUL */
                { 32, 0x7a7a7a7a, "record 2 of 2" },   /* "zzz" comes before "other" */
        };

        begin();
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                CLEANUP_FREE char *bytes = NULL;
                size_t length;

                store = store_free(store);
                (void)unlinkat(dir_fd, "a.state", 0);
                make_file();
                read_bytes(&bytes, &length);
                forge(bytes, length, cases[i].offset, cases[i].n);
                expect_set_aside(cases[i].why);
        }
        end();
}
END_TEST

START_TEST(an_oversized_file_is_set_aside_unread)
{
        int fd;

        begin();
        fd = openat(dir_fd, "a.state", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
        (void)close(fd);
        expect_set_aside("Argument list too long");
        end();
}
END_TEST

START_TEST(a_folder_of_that_name_is_set_aside)
{
        begin();
        ck_assert_int_eq(mkdirat(dir_fd, "a.state", 0700), 0);
        expect_set_aside("Is a directory");
        end();
}
END_TEST

START_TEST(a_full_disk_fails_the_sync_and_keeps_the_old_file)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        struct rlimit before;
        struct rlimit none;

        begin();
        make_file();
        ck_assert_int_eq(put("key", "changed"), 0);

        /* As if the disk were full after ten bytes. */
        ck_assert_int_eq(sigaction(SIGXFSZ, &ignore, NULL), 0);
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        none = (struct rlimit){ .rlim_cur = 10, .rlim_max = before.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
        sync_now(-EFBIG);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert(!exists(".a.state.new"));
        expect("key", "changed");

        /* The next sync writes what the failed one could not, although nothing was put since. */
        sync_now(0);
        ck_assert_int_eq(reopen(NULL), 0);
        expect("key", "changed");
        end();
}
END_TEST

START_TEST(a_folder_that_takes_no_files_fails_the_sync)
{
        begin();
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(put("key", "value"), 0);
        /* A folder where the new file should be made: works for root as well. */
        ck_assert_int_eq(mkdirat(dir_fd, ".a.state.new", 0700), 0);
        sync_now(-EISDIR);
        ck_assert_int_eq(unlinkat(dir_fd, ".a.state.new", AT_REMOVEDIR), 0);
        sync_now(0);
        end();
}
END_TEST

START_TEST(syncs_during_a_write_share_the_next_one)
{
        struct sync first = { .r = 1 };
        struct sync later[3] = { { .r = 1 }, { .r = 1 }, { .r = 1 } };
        sem_t gate;

        begin();
        ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(worker_submit(worker, hold, held, &gate), 0);
        ck_assert_int_eq(put("key", "1"), 0);
        ck_assert_int_eq(store_sync(store, on_sync, &first), 0);
        for (unsigned i = 0; i < 3; i++) {
                char text[] = { (char)('2' + (int)i), '\0' };

                ck_assert_int_eq(put("key", text), 0);
                ck_assert_int_eq(store_sync(store, on_sync, &later[i]), 0);
        }
        /* Eight jobs fit, and two of them are taken: the others wait in the store. */
        for (unsigned i = 0; i < 6; i++)
                ck_assert_int_eq(worker_submit(worker, hold, held, &gate), 0);
        ck_assert_int_eq(worker_submit(worker, hold, held, &gate), -ENOBUFS);
        for (unsigned i = 0; i < 7; i++)
                (void)sem_post(&gate);
        worker_drain(worker);

        ck_assert_int_eq(first.r, 0);
        for (unsigned i = 0; i < 3; i++) {
                ck_assert_uint_eq(later[i].n, 1);
                ck_assert_int_eq(later[i].r, 0);
        }
        ck_assert_int_eq(reopen(NULL), 0);
        expect("key", "4");
        end();
}
END_TEST

START_TEST(a_sync_with_nothing_to_write_does_not_write)
{
        struct stat before;
        struct stat after;

        begin();
        make_file();
        ck_assert_int_eq(fstatat(dir_fd, "a.state", &before, 0), 0);
        sync_now(0);
        ck_assert_int_eq(fstatat(dir_fd, "a.state", &after, 0), 0);
        ck_assert_uint_eq(before.st_ino, after.st_ino);
        end();
}
END_TEST

START_TEST(a_callback_may_free_the_store)
{
        struct sync first = { .r = 1, .frees = true };
        struct sync second = { .r = 1 };
        sem_t gate;

        begin();
        ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(worker_submit(worker, hold, held, &gate), 0);
        ck_assert_int_eq(put("key", "1"), 0);
        ck_assert_int_eq(store_sync(store, on_sync, &first), 0);
        ck_assert_int_eq(store_sync(store, on_sync, &second), 0);
        (void)sem_post(&gate);
        worker_drain(worker);
        ck_assert_uint_eq(first.n, 1);
        ck_assert_uint_eq(second.n, 0);
        end();
}
END_TEST

START_TEST(a_freed_store_still_writes_what_it_began)
{
        struct sync sync = { .r = 1 };

        begin();
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(put("key", "value"), 0);
        ck_assert_int_eq(store_sync(store, on_sync, &sync), 0);
        store = store_free(store);
        worker_drain(worker);
        ck_assert_uint_eq(sync.n, 0);
        ck_assert_int_eq(reopen(NULL), 0);
        expect("key", "value");
        end();
}
END_TEST

START_TEST(a_worker_that_ends_tells_those_who_wait)
{
        struct sync syncs[2] = { { .r = 1 }, { .r = 1 } };
        sem_t gate;

        begin();
        ck_assert_int_eq(sem_init(&gate, 0, 1), 0);
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_int_eq(put("key", "value"), 0);
        ck_assert_int_eq(worker_submit(worker, hold, held, &gate), 0);
        ck_assert_int_eq(store_sync(store, on_sync, &syncs[0]), 0);
        ck_assert_int_eq(store_sync(store, on_sync, &syncs[1]), 0);
        worker = worker_free(worker);
        ck_assert_uint_eq(syncs[0].n, 1);
        ck_assert_uint_eq(syncs[1].n, 1);
        ck_assert_int_eq(syncs[1].r, -ECANCELED);
        end();
}
END_TEST

START_TEST(version_1_is_read_for_ever)
{
        CLEANUP_FREE char *bytes = NULL;
        char path[4096];
        struct value value;
        size_t length;

        begin();
        (void)snprintf(path, sizeof(path), "%s/tests/data/store-1.state", getenv("top_srcdir"));
        ck_assert_int_eq(file_read_at(AT_FDCWD, path, STORE_FILE_MAX, &bytes, &length), 0);
        write_bytes(bytes, length);
        ck_assert_int_eq(reopen(NULL), 0);
        ck_assert_uint_eq(values_count(store_values(store)), 3);
        expect("activity", "a1b2-c3d4");
        expect("inventory", "{\"components\":[{\"id\":\"app\",\"version\":\"1.0\"}]}");
        ck_assert_int_eq(store_get(store, "\xc3\xbc", &value), 0);
        ck_assert_uint_eq(value.length, 4);
        ck_assert_mem_eq(value.data, "\0\1\xfe\xff", 4);
        end();
}
END_TEST

UNIT_MAIN("store", what_was_synced_is_there_after_a_restart, limits_are_those_of_the_abi,
          many_small_records_can_be_read_again,
          a_file_cut_anywhere_is_set_aside, a_flipped_bit_anywhere_is_noticed,
          a_wrong_content_under_a_right_checksum_is_set_aside,
          an_oversized_file_is_set_aside_unread, a_folder_of_that_name_is_set_aside,
          a_full_disk_fails_the_sync_and_keeps_the_old_file,
          a_folder_that_takes_no_files_fails_the_sync, syncs_during_a_write_share_the_next_one,
          a_sync_with_nothing_to_write_does_not_write, a_callback_may_free_the_store,
          a_freed_store_still_writes_what_it_began, a_worker_that_ends_tells_those_who_wait,
          version_1_is_read_for_ever)
