/* SPDX-License-Identifier: Apache-2.0
 *
 * downloader - ub_download behind a command line, for tests/integration/60-downloads.py
 *
 *     downloader dir=FOLDER name=NAME url=URL [KEY=VALUE]...
 *
 * Keys are those of struct ub_download_request (milliseconds instead of microseconds: total_ms),
 * header= may be repeated, and
 *     count=N          starts N downloads; "%d" in url and name becomes 0..N-1
 *     parallel=N       ub_downloader_options
 *     all_per_sec=N    ub_downloader_options.bytes_per_sec
 *     cancel_at=N      frees the downloads when N bytes have arrived (0: right after the start)
 *     cancel_ms=N      ... or after so long; the program runs on for a while and must not hear of
 *                      them again
 * With NO_PEER in the environment it looks as if each connection were reset at the moment it stands.
 * Prints "progress NOW TOTAL" and "done RESULT MESSAGE" lines as they come, and at the end
 * "slowest MICROSECONDS", the longest that one dispatch of the loop took, and "sources N", what the
 * downloader has not given back to the host. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <update-broker/sdk/download.h>

#include "tests/fake/fake-host.h"

enum { DOWNLOADS_MAX = 1000, HEADERS_MAX = 8, TEXT_MAX = 2048 };

struct run {
        struct fake_host *fake;
        struct ub_downloader *downloader;
        struct ub_download_request request;
        struct ub_downloader_options options;
        const char *headers[HEADERS_MAX + 1];
        const char *dir;
        uint64_t count;
        uint64_t cancel_at;
        uint64_t cancel_ms;
        bool is_cancelled;
        size_t n_running;
        struct ub_download *downloads[DOWNLOADS_MAX];
};

struct one {
        struct run *run;
        size_t index;
};

/* In place of the C library's, also for libcurl. */
__attribute__((visibility("default"))) int getpeername(int fd, struct sockaddr *address,
                                                       socklen_t *length)
{
        if (getenv("NO_PEER")) {
                errno = ENOTCONN;
                return -1;
        }
        return (int)syscall(SYS_getpeername, fd, address, length);
}

#define NUMBER(key, where) \
        { \
                key, offsetof(struct run, where), sizeof(((struct run *)0)->where), 1 \
        }
#define MSEC(key, where) \
        { \
                key, offsetof(struct run, where), sizeof(((struct run *)0)->where), 1000 \
        }

static const struct {
        const char *key;
        size_t offset;
        size_t size;
        uint64_t unit;
} numbers[] = {
        NUMBER("size", request.size),
        NUMBER("max_bytes", request.max_bytes),
        NUMBER("keep_free", request.keep_free),
        NUMBER("bytes_per_sec", request.bytes_per_sec),
        MSEC("total_ms", request.total_usec),
        MSEC("connect_ms", request.connect_usec),
        MSEC("silence_ms", request.silence_usec),
        NUMBER("silence_bytes", request.silence_bytes),
        NUMBER("attempts", request.attempts),
        MSEC("retry_ms", request.retry_usec),
        MSEC("retry_max_ms", request.retry_max_usec),
        MSEC("progress_ms", request.progress_usec),
        NUMBER("max_redirects", request.max_redirects),
        NUMBER("parallel", options.parallel),
        NUMBER("all_per_sec", options.bytes_per_sec),
        NUMBER("count", count),
        NUMBER("cancel_at", cancel_at),
        MSEC("cancel_ms", cancel_ms),
};

static const struct {
        const char *key;
        size_t offset;
} texts[] = {
        { "url", offsetof(struct run, request.url) },
        { "name", offsetof(struct run, request.name) },
        { "sha256", offsetof(struct run, request.sha256) },
        { "user", offsetof(struct run, request.user) },
        { "password", offsetof(struct run, request.password) },
        { "ca_file", offsetof(struct run, request.ca_file) },
        { "cert_file", offsetof(struct run, request.cert_file) },
        { "key_file", offsetof(struct run, request.key_file) },
        { "proxy", offsetof(struct run, request.proxy) },
        { "dir", offsetof(struct run, dir) },
};

static bool set_number(struct run *run, const char *key, const char *value)
{
        size_t i;

        for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                long long n = strtoll(value, NULL, 10) * (long long)numbers[i].unit;
                int32_t small = (int32_t)n;
                char *where = (char *)run + numbers[i].offset;

                if (strcmp(numbers[i].key, key) != 0)
                        continue;
                if (numbers[i].size == sizeof(small))
                        memcpy(where, &small, sizeof(small));
                else
                        memcpy(where, &n, sizeof(n));
                return true;
        }
        return false;
}

static bool set_text(struct run *run, const char *key, const char *value)
{
        size_t i;

        for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                if (strcmp(texts[i].key, key) != 0)
                        continue;
                memcpy((char *)run + texts[i].offset, &value, sizeof(value));
                return true;
        }
        for (i = 0; strcmp(key, "header") == 0 && i < HEADERS_MAX; i++) {
                if (run->headers[i])
                        continue;
                run->headers[i] = value;
                return true;
        }
        return false;
}

static void read_arguments(struct run *run, int argc, char **argv)
{
        int i;

        for (i = 1; i < argc; i++) {
                char *value = strchr(argv[i], '=');

                if (value)
                        *value++ = '\0';
                if (!value ||
                    (!set_text(run, argv[i], value) && !set_number(run, argv[i], value))) {
                        fprintf(stderr, "downloader: unknown argument %s\n", argv[i]);
                        _exit(2);
                }
        }
}

static void cancel(struct run *run)
{
        size_t i;

        for (i = 0; i < run->count; i++)
                run->downloads[i] = ub_download_free(run->downloads[i]);
        run->is_cancelled = true;
        printf("cancelled\n");
}

static void on_progress(void *data, uint64_t now, uint64_t total)
{
        struct one *one = data;

        printf("progress %llu %llu\n", (unsigned long long)now, (unsigned long long)total);
        if (now >= one->run->cancel_at)
                cancel(one->run);
}

static void on_done(void *data, int result, const char *message)
{
        struct one *one = data;

        printf("done %d %s\n", result, message);
        if (one->run->is_cancelled)
                printf("DONE AFTER CANCEL\n");
        one->run->downloads[one->index] = ub_download_free(one->run->downloads[one->index]);
        one->run->n_running--;
}

static void on_cancel_time(void *data)
{
        cancel(data);
}

/* The index in place of "%d"; the text lives as long as the program. */
static const char *with_index(const char *text, size_t index, char *buffer)
{
        const char *mark = text ? strstr(text, "%d") : NULL;

        if (!mark)
                return text;
        (void)snprintf(buffer, TEXT_MAX, "%.*s%zu%s", (int)(mark - text), text, index, mark + 2);
        return buffer;
}

static void start_all(struct run *run, struct one *ones)
{
        struct ub_download_request request = run->request;
        char url[TEXT_MAX];
        char name[TEXT_MAX];
        size_t i;

        for (i = 0; i < run->count; i++) {
                int r;

                ones[i] = (struct one){ .run = run, .index = i };
                request.url = with_index(run->request.url, i, url);
                request.name = with_index(run->request.name, i, name);
                request.headers = run->headers;
                request.progress = on_progress;
                request.done = on_done;
                request.data = &ones[i];
                r = ub_download_start(run->downloader, &request, &run->downloads[i]);
                if (r < 0)
                        printf("start %d\n", r);
                else
                        run->n_running++;
        }
}

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Dispatches as sd_event_loop does, with a watch in hand. */
static uint64_t run_loop(struct run *run)
{
        uint64_t slowest = 0;
        uint64_t linger = 0;

        while (run->n_running > 0) {
                uint64_t began;
                int r = sd_event_prepare(run->fake->event);

                /* After a cancel nothing may come any more; some time proves it a little. */
                if (run->is_cancelled && linger == 0)
                        linger = now_usec() + 200000;
                if (linger && now_usec() > linger)
                        break;
                if (r == 0)
                        r = sd_event_wait(run->fake->event, linger ? 50000 : UINT64_MAX);
                if (r < 0)
                        _exit(3);
                if (r == 0)
                        continue;
                began = now_usec();
                if (sd_event_dispatch(run->fake->event) < 0)
                        _exit(3);
                if (now_usec() - began > slowest)
                        slowest = now_usec() - began;
        }
        return slowest;
}

static int act(int argc, char **argv)
{
        struct run run = { .count = 1, .cancel_at = UINT64_MAX };
        struct one ones[DOWNLOADS_MAX];
        uint64_t slowest;
        size_t before;
        int r;

        run.request.proxy = ""; /* not what the machine's environment says */
        read_arguments(&run, argc, argv);
        if (run.count > DOWNLOADS_MAX || !run.dir)
                return 2;
        run.request.dir_fd = open(run.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (run.request.dir_fd < 0)
                return 2;

        run.fake = fake_host_new();
        before = run.fake->n_sources;
        r = ub_downloader_new(&run.fake->host, &run.options, &run.downloader);
        ck_assert_int_ge(r, 0);
        start_all(&run, ones);
        if (run.cancel_at == 0)
                cancel(&run);
        if (run.cancel_ms)
                ck_assert_int_ge(run.fake->host.timer(run.fake->host.ctx, run.cancel_ms,
                                                      on_cancel_time, &run, NULL),
                                 0);
        slowest = run_loop(&run);
        ub_downloader_free(run.downloader);
        printf("slowest %llu\nsources %zu\n", (unsigned long long)slowest,
               run.fake->n_sources - before);
        fake_host_free(run.fake);
        (void)close(run.request.dir_fd);
        return 0;
}

/* The fake host reports through check, so this is a test of its kind, run in this process. */
static int main_argc;
static char **main_argv;

START_TEST(download)
{
        ck_assert_int_eq(act(main_argc, main_argv), 0);
}
END_TEST

int main(int argc, char **argv)
{
        Suite *suite = suite_create("downloader");
        TCase *tcase = tcase_create("downloader");
        SRunner *runner = srunner_create(suite);
        int failed;

        setvbuf(stdout, NULL, _IOLBF, 0);
        main_argc = argc;
        main_argv = argv;
        tcase_add_test(tcase, download);
        suite_add_tcase(suite, tcase);
        srunner_set_fork_status(runner, CK_NOFORK);
        srunner_run_all(runner, CK_SILENT);
        failed = srunner_ntests_failed(runner);
        if (failed) {
                TestResult **failures = srunner_failures(runner);

                fprintf(stderr, "%s\n", tr_msg(failures[0]));
                free(failures);
        }
        srunner_free(runner);
        return failed ? 1 : 0;
}
