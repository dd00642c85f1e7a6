/* SPDX-License-Identifier: Apache-2.0
 *
 * test-download - the pure parts of ub_download: headers, redirects, back-off, bandwidth
 *
 * What needs a server is in tests/integration/60-downloads.py. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <update-broker/sdk/download.h>

#include "sdk/download-backoff.h"
#include "sdk/download-headers.h"
#include "sdk/download-url.h"
#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

#define SEC UINT64_C(1000000)

/* -------------------------------------------------------------------------------------- headers */

/* Lines end with CR LF here as on the wire; the empty one is added. */
static void read_answer(struct headers *headers, const char *text)
{
        const char *end;

        ub_headers_init(headers);
        for (; (end = strchr(text, '\n')); text = end + 1)
                ub_headers_line(headers, text, (size_t)(end - text) + 1);
        ub_headers_line(headers, "\r\n", 2);
}

static enum headers_verdict decide(const char *text, const struct headers_ask *ask,
                                   struct headers_plan *plan)
{
        struct ub_error error = UB_ERROR_INIT;
        struct headers headers;
        enum headers_verdict verdict;

        read_answer(&headers, text);
        verdict = ub_headers_decide(&headers, ask, plan, &error);
        /* Who fails says why. */
        ck_assert((verdict == HEADERS_RETRY || verdict == HEADERS_REFUSED) ==
                  (plan->result < 0 && error.text[0] != '\0'));
        return verdict;
}

static const struct headers_validator version_1 = { .etag = "\"1\"" };

START_TEST(a_part_is_appended_only_when_all_of_it_fits)
{
        static const struct {
                const char *answer;
                enum headers_verdict verdict;
        } cases[] = {
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/1000\r\n", HEADERS_APPEND },
                { "HTTP/1.1 206 P\r\ncontent-range:bytes 100-999/1000\r\nETag: \"1\"\r\n",
                  HEADERS_APPEND },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-499/1000\r\nContent-Length: 400\r\n",
                  HEADERS_APPEND },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/*\r\n", HEADERS_APPEND },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 99-999/1000\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 101-999/1000\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 0-999/1000\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/1001\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-1000/*\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes */1000\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/1000\r\nETag: \"2\"\r\n",
                  HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/1000\r\nETag: W/\"1\"\r\n",
                  HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/1000\r\nContent-Length: 899\r\n",
                  HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\n", HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Type: multipart/byteranges; boundary=x\r\n",
                  HEADERS_RESTART },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/999\r\n", HEADERS_RETRY },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 999-100/1000\r\n", HEADERS_RETRY },
                { "HTTP/1.1 206 P\r\nContent-Range: lines 100-999/1000\r\n", HEADERS_RETRY },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-999/1000\r\n"
                  "Content-Range: bytes 100-999/1000\r\n",
                  HEADERS_RETRY },
                { "HTTP/1.1 206 P\r\nContent-Range: bytes 100-99999999999999999999999/*\r\n",
                  HEADERS_RETRY },
                { "HTTP/1.1 206 P\r\nContent-Length: 5\r\nContent-Length: 6\r\n", HEADERS_RETRY },
                { "HTTP/1.1 206 P\r\nContent-Length: -5\r\n", HEADERS_RETRY },
                { "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n", HEADERS_WHOLE },
                { "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Range: bytes "
                  "100-999/1000\r\n",
                  HEADERS_WHOLE },
                { "HTTP/1.1 416 R\r\nContent-Range: bytes */1000\r\n", HEADERS_RESTART },
                { "HTTP/1.1 416 R\r\n", HEADERS_RESTART },
        };
        const struct headers_ask ask = {
                .offset = 100, .total = 1000, .held = &version_1, .size = HEADERS_UNKNOWN
        };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct headers_plan plan;
                enum headers_verdict verdict = decide(cases[i].answer, &ask, &plan);

                ck_assert_msg(verdict == cases[i].verdict, "%d for %s", (int)verdict,
                              cases[i].answer);
                if (verdict == HEADERS_APPEND)
                        ck_assert_uint_eq(plan.total, 1000);
        }
}
END_TEST

START_TEST(nothing_is_left_to_fetch_only_when_the_length_agrees)
{
        struct headers_ask ask = {
                .offset = 1000, .total = 1000, .held = &version_1, .size = HEADERS_UNKNOWN
        };
        struct headers_plan plan;

        ck_assert_int_eq(decide("HTTP/1.1 416 R\r\nContent-Range: bytes */1000\r\n", &ask, &plan),
                         HEADERS_COMPLETE);
        ck_assert_int_eq(decide("HTTP/1.1 416 R\r\nContent-Range: bytes */1001\r\n", &ask, &plan),
                         HEADERS_RESTART);
        ask.offset = 0;
        ck_assert_int_eq(decide("HTTP/1.1 416 R\r\n", &ask, &plan), HEADERS_REFUSED);
}
END_TEST

START_TEST(a_part_that_was_not_asked_for_is_refused)
{
        const struct headers_ask ask = { .held = &version_1,
                                         .total = 1000,
                                         .size = HEADERS_UNKNOWN };
        struct headers_plan plan;

        ck_assert_int_eq(
                decide("HTTP/1.1 206 P\r\nContent-Range: bytes 0-999/1000\r\n", &ask, &plan),
                HEADERS_REFUSED);
}
END_TEST

START_TEST(only_strong_validators_are_sent_in_if_range)
{
        struct headers h;

        read_answer(&h, "HTTP/1.1 200 OK\r\nETag: \"a\"\r\n");
        ck_assert_str_eq(ub_headers_if_range(&h.validator), "\"a\"");
        read_answer(&h, "HTTP/1.1 200 OK\r\nETag: W/\"a\"\r\n"
                        "Last-Modified: Sun, 01 Nov 2026 10:00:00 GMT\r\n"
                        "Date: Sun, 01 Nov 2026 11:00:00 GMT\r\n");
        ck_assert_ptr_null(ub_headers_if_range(&h.validator));
        read_answer(&h, "HTTP/1.1 200 OK\r\nLast-Modified: Sun, 01 Nov 2026 10:00:00 GMT\r\n"
                        "Date: Sun, 01 Nov 2026 10:00:01 GMT\r\n");
        ck_assert_str_eq(ub_headers_if_range(&h.validator), "Sun, 01 Nov 2026 10:00:00 GMT");
        read_answer(&h, "HTTP/1.1 200 OK\r\nLast-Modified: Sun, 01 Nov 2026 10:00:00 GMT\r\n"
                        "Date: Sun, 01 Nov 2026 10:00:00 GMT\r\n");
        ck_assert_ptr_null(ub_headers_if_range(&h.validator));
        read_answer(&h, "HTTP/1.1 200 OK\r\nLast-Modified: Sun, 01 Nov 2026 10:00:00 GMT\r\n");
        ck_assert_ptr_null(ub_headers_if_range(&h.validator));
        /* Not entity-tags, so nothing to ask about. */
        read_answer(&h, "HTTP/1.1 200 OK\r\nETag: a\r\n");
        ck_assert_ptr_null(ub_headers_if_range(&h.validator));
        read_answer(&h, "HTTP/1.1 200 OK\r\nETag: \"a\"b\"\r\n");
        ck_assert_ptr_null(ub_headers_if_range(&h.validator));
}
END_TEST

START_TEST(only_the_last_answer_counts_and_trailers_do_not)
{
        struct headers h;

        read_answer(
                &h,
                "HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\nContent-Length: 7\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nContent-Length: 9\r\nETag: \"t\"\r\n");
        ck_assert_int_eq(h.status, 200);
        ck_assert_uint_eq(h.content_length, 8);
        ck_assert_str_eq(h.validator.etag, "");
        ck_assert_ptr_null(h.broken);
}
END_TEST

START_TEST(control_characters_do_not_get_through)
{
        static const char line[] = "ETag: \"a\rX-Evil: 1\"\r\n";
        struct headers h;

        ub_headers_init(&h);
        ub_headers_line(&h, "HTTP/1.1 200 OK\r\n", 17);
        ub_headers_line(&h, line, sizeof(line) - 1);
        ck_assert_str_eq(h.broken, "ETag");
        ck_assert_str_eq(h.validator.etag, "");
}
END_TEST

START_TEST(retry_after_is_seconds_or_a_date_on_the_servers_clock)
{
        struct headers h;

        read_answer(&h, "HTTP/1.1 503 X\r\nRetry-After: 120\r\n");
        ck_assert_uint_eq(ub_headers_retry_after_usec(&h, 0), 120 * SEC);
        read_answer(&h, "HTTP/1.1 503 X\r\nDate: Sun, 01 Nov 2026 10:00:00 GMT\r\n"
                        "Retry-After: Sun, 01 Nov 2026 10:01:00 GMT\r\n");
        ck_assert_uint_eq(ub_headers_retry_after_usec(&h, 5), 60 * SEC);
        read_answer(&h, "HTTP/1.1 503 X\r\nRetry-After: Thu, 01 Jan 1970 00:01:00 GMT\r\n");
        ck_assert_uint_eq(ub_headers_retry_after_usec(&h, 20), 40 * SEC);
        ck_assert_uint_eq(ub_headers_retry_after_usec(&h, 90), 0);
        read_answer(&h, "HTTP/1.1 503 X\r\nRetry-After: soon\r\n");
        ck_assert_uint_eq(ub_headers_retry_after_usec(&h, 0), 0);
        read_answer(&h, "HTTP/1.1 503 X\r\nRetry-After: 4000000000000000000\r\n");
        ck_assert_uint_eq(ub_headers_retry_after_usec(&h, 0), UINT64_MAX);
}
END_TEST

/* ----------------------------------------------------------------------------------------- URLs */

START_TEST(a_url_comes_apart_without_its_credentials)
{
        struct ub_error error = UB_ERROR_INIT;
        struct download_url url;

        ck_assert_int_eq(
                ub_download_url_parse("HTTPS://me:p%40ss@Host.example/a?sig=1#f", &error, &url), 0);
        ck_assert_int_eq(url.scheme, DOWNLOAD_HTTPS);
        ck_assert_str_eq(url.user, "me");
        ck_assert_str_eq(url.password, "p@ss");
        ck_assert_ptr_null(strstr(url.text, "me"));
        ck_assert_ptr_nonnull(strstr(url.text, "/a?sig=1"));
        ck_assert_ptr_null(strstr(url.people, "sig"));
        ck_assert_ptr_nonnull(strstr(url.origin, ":443"));
        ub_download_url_done(&url);

        ck_assert_int_eq(ub_download_url_parse("file:///a/b%20c", &error, &url), 0);
        ck_assert_str_eq(url.path, "/a/b c");
        ub_download_url_done(&url);
}
END_TEST

START_TEST(a_redirect_goes_only_where_it_may)
{
        static const struct {
                const char *from;
                const char *location;
                const char *to; /* NULL: not allowed */
                bool same_origin;
        } cases[] = {
                { "http://h/a/b", "c", "http://h/a/c", true },
                { "http://h/a/b", "/c?d", "http://h/c?d", true },
                { "http://h/a", "//i/c", "http://i/c", false },
                { "http://h/a", "http://h:80/c", "http://h:80/c", true },
                { "http://h/a", "http://h:81/c", "http://h:81/c", false },
                { "http://h/a", "https://h/c", "https://h/c", false },
                { "http://h/a", "http://u:p@h/c", "http://h/c", true },
                { "https://h/a", "https://i/c", "https://i/c", false },
                { "https://h/a", "http://h/c", NULL, false },
                { "https://h/a", "HTTP://h/c", NULL, false },
                { "https://h/a", "file:///etc/passwd", NULL, false },
                { "http://h/a", "file:///etc/passwd", NULL, false },
                { "http://h/a", "ftp://h/c", NULL, false },
                { "http://h/a", "javascript:alert(1)", NULL, false },
        };
        size_t i;

        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct ub_error error = UB_ERROR_INIT;
                struct download_url from;
                struct download_url to;
                int r;

                ck_assert_int_eq(ub_download_url_parse(cases[i].from, &error, &from), 0);
                r = ub_download_url_redirect(&from, cases[i].location, &error, &to);
                if (!cases[i].to) {
                        ck_assert_msg(r < 0, "%s", cases[i].location);
                        ck_assert_str_ne(error.text, "");
                } else {
                        ck_assert_msg(r == 0, "%s: %s", cases[i].location, error.text);
                        ck_assert_str_eq(to.text, cases[i].to);
                        ck_assert((strcmp(from.origin, to.origin) == 0) == cases[i].same_origin);
                        ck_assert_ptr_null(to.user);
                        ub_download_url_done(&to);
                }
                ub_download_url_done(&from);
        }
}
END_TEST

/* ---------------------------------------------------------------------------------- pure timing */

START_TEST(pauses_double_up_to_a_limit_and_half_of_them_is_chance)
{
        struct backoff b = { .first_usec = SEC, .max_usec = 60 * SEC, .limit = 20 };
        uint64_t expected = SEC;
        uint64_t pause;
        int i;

        for (i = 0; i < 19; i++) {
                struct backoff same = b;

                ck_assert_int_eq(ub_backoff_next(&same, 0, 0, 0, &pause), 0);
                ck_assert_uint_eq(pause, expected / 2);
                same = b;
                ck_assert_int_eq(ub_backoff_next(&same, 0, 0, expected / 2, &pause), 0);
                ck_assert_uint_eq(pause, expected);
                ck_assert_int_eq(ub_backoff_next(&b, 0, 0, UINT64_MAX, &pause), 0);
                ck_assert_uint_le(pause, expected);
                expected = expected * 2 < 60 * SEC ? expected * 2 : 60 * SEC;
        }
        ck_assert_int_eq(ub_backoff_next(&b, 0, 0, 0, &pause), -ETIMEDOUT);
}
END_TEST

START_TEST(an_attempt_that_brings_something_begins_the_row_again)
{
        struct backoff b = { .first_usec = SEC, .max_usec = 60 * SEC, .limit = 3 };
        uint64_t offset = 0;
        uint64_t pause;
        int i;

        for (i = 0; i < 100; i++) {
                offset += BACKOFF_GAIN_BYTES;
                ck_assert_int_eq(ub_backoff_next(&b, offset, 0, 0, &pause), 0);
                ck_assert_uint_eq(pause, SEC / 2);
        }
        /* Little by little, or the same again, is nothing. */
        ck_assert_int_eq(ub_backoff_next(&b, offset + 10, 0, 0, &pause), 0);
        ck_assert_int_eq(ub_backoff_next(&b, offset, 0, 0, &pause), -ETIMEDOUT);
}
END_TEST

START_TEST(a_server_may_ask_for_patience_within_limits)
{
        struct backoff b = { .first_usec = SEC, .max_usec = 60 * SEC, .limit = 9 };
        uint64_t pause = 0;

        ck_assert_int_eq(ub_backoff_next(&b, 0, 30 * SEC, 7, &pause), 0);
        ck_assert_uint_eq(pause, 30 * SEC + 7);
        ck_assert_int_eq(ub_backoff_next(&b, 0, 61 * SEC, 0, &pause), -EAGAIN);
        ck_assert_uint_eq(pause, 30 * SEC + 7);
}
END_TEST

/* A clock of our own: an hour passes in no time, and every byte is counted. */
START_TEST(bandwidth_stays_under_its_limit)
{
        static const uint64_t rates[] = { 1, 100, 5000, 1000000, UINT64_C(10000000000) };
        size_t i;

        for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
                struct bucket bucket = { .bytes_per_sec = rates[i] };
                const uint64_t start = 123 * SEC;
                uint64_t portion = 1;
                uint64_t passed = 0;
                uint64_t now = start;
                int turns;

                for (turns = 0; turns < 20000; turns++) {
                        uint64_t wait = ub_bucket_wait_usec(&bucket, now);
                        uint64_t most = rates[i] * ((now - start) / SEC + 1) + rates[i] / 10 + 1;

                        if (wait) {
                                now += wait;
                                continue;
                        }
                        ck_assert_uint_le(passed, most);
                        portion = portion * 7 % 16384 + 1;
                        ub_bucket_take(&bucket, portion);
                        passed += portion;
                        now += 1;
                }
                /* And no more than needed below it: at least half of what is allowed gets
                 * through. */
                if (now - start > 10 * SEC)
                        ck_assert_uint_ge(passed, rates[i] * ((now - start) / SEC) / 2);
        }
}
END_TEST

/* -------------------------------------------------------------------------------- the interface */

static void never(void *data, int result, const char *message)
{
        (void)data;
        ck_abort_msg("done(%d, %s) came", result, message);
}

START_TEST(bad_requests_are_refused_at_once)
{
        struct fake_host *fake = fake_host_new();
        struct ub_download_request request = { .url = "http://h/", .name = "n", .done = never };
        static const char *const bad[] = { "", ".", "..", "a/b", "/a" };
        static const char *const injection[] = { "A: b\r\nC: d", NULL };
        struct ub_downloader_options options = { .parallel = UB_DOWNLOAD_PARALLEL_MAX + 1 };
        struct ub_downloader *downloader = NULL;
        struct ub_download *download = NULL;
        size_t i;

        ck_assert_int_eq(ub_downloader_new(&fake->host, &options, &downloader), -EINVAL);
        ck_assert_int_eq(ub_downloader_new(&fake->host, NULL, &downloader), 0);
        for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                request.name = bad[i];
                ck_assert_int_eq(ub_download_start(downloader, &request, &download), -EINVAL);
        }
        request.name = "n";
        request.headers = injection;
        ck_assert_int_eq(ub_download_start(downloader, &request, &download), -EINVAL);
        request.headers = NULL;
        request.url = NULL;
        ck_assert_int_eq(ub_download_start(downloader, &request, &download), -EINVAL);
        request.url = "http://h/";
        request.dir_fd = -1;
        ck_assert_int_eq(ub_download_start(downloader, &request, &download), -EINVAL);
        ck_assert_ptr_null(download);
        ub_download_free(NULL);
        ub_downloader_free(downloader);
        ub_downloader_free(NULL);
        ck_assert_uint_eq(fake->n_sources, 0);
        fake_host_free(fake);
}
END_TEST

struct ended {
        struct ub_downloader *downloader;
        bool is_done;
        int result;
};

static void on_done(void *data, int result, const char *message)
{
        struct ended *ended = data;

        (void)message;
        ended->result = result;
        ended->is_done = true;
        ended->downloader = ub_downloader_free(ended->downloader);
}

/* done is the last thing that happens, so that everything may end in it. */
START_TEST(the_downloader_may_be_freed_in_done)
{
        struct fake_host *fake = fake_host_new();
        struct ended ended = { .is_done = false };
        struct ub_download_request request = {
                .url = "nothing at all", .name = "n", .done = on_done, .data = &ended
        };
        struct ub_download *first = NULL;
        struct ub_download *second = NULL;

        ck_assert_int_eq(ub_downloader_new(&fake->host, NULL, &ended.downloader), 0);
        ck_assert_int_eq(ub_download_start(ended.downloader, &request, &first), 0);
        ck_assert_int_eq(ub_download_start(ended.downloader, &request, &second), 0);
        ck_assert(!ended.is_done);
        fake_host_run_until(fake, &ended.is_done);
        ck_assert_int_eq(ended.result, -EINVAL);
        fake_host_settle(fake, 1000);
        ck_assert_uint_eq(fake->n_sources, 0);
        fake_host_free(fake);
}
END_TEST

UNIT_MAIN("download", a_part_is_appended_only_when_all_of_it_fits,
          nothing_is_left_to_fetch_only_when_the_length_agrees,
          a_part_that_was_not_asked_for_is_refused, only_strong_validators_are_sent_in_if_range,
          only_the_last_answer_counts_and_trailers_do_not, control_characters_do_not_get_through,
          retry_after_is_seconds_or_a_date_on_the_servers_clock,
          a_url_comes_apart_without_its_credentials, a_redirect_goes_only_where_it_may,
          pauses_double_up_to_a_limit_and_half_of_them_is_chance,
          an_attempt_that_brings_something_begins_the_row_again,
          a_server_may_ask_for_patience_within_limits, bandwidth_stays_under_its_limit,
          bad_requests_are_refused_at_once, the_downloader_may_be_freed_in_done)
