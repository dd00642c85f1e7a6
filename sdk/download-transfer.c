/* SPDX-License-Identifier: Apache-2.0
 *
 * download-transfer - one request to one server: libcurl's options, and what comes back
 *
 * The callbacks here run inside libcurl, where no transfer may be ended: they take notes
 * (ub_transfer_note), and the download acts on them when libcurl has returned. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sdk/download-private.h"

/* Of a body that is not the file: read so that the connection can be used again, but not for
 * ever. */
enum { IGNORED_BYTES_MAX = 65536 };

void ub_transfer_note(struct ub_download *d, enum outcome outcome, int r)
{
        if (d->outcome != OUTCOME_NONE)
                return;
        d->outcome = outcome;
        d->cause_result = r;
}

void ub_transfer_ask(const struct ub_download *d, struct headers_ask *ret)
{
        const struct ub_download_request *request = &d->settings.request;
        bool usable = ub_headers_if_range(&d->held) || request->sha256;

        *ret = (struct headers_ask){
                .offset = d->from_scratch || !usable ? 0 : d->received,
                .total = d->held_total,
                .held = &d->held,
                .has_digest = request->sha256 != NULL,
                .size = request->size ? request->size : HEADERS_UNKNOWN,
                .max_bytes = request->max_bytes,
        };
}

void ub_transfer_decide(struct ub_download *d)
{
        struct headers_ask ask;

        ub_transfer_ask(d, &ask);
        d->verdict = ub_headers_decide(&d->headers, &ask, &d->plan, &d->cause);
        d->decided = true;

        switch (d->verdict) {
        case HEADERS_WHOLE:
                d->received = 0;
                d->from_scratch = false;
                d->assembled = false;
                d->held = d->headers.validator;
                d->held_total = d->plan.total;
                d->total = d->plan.total;
                d->begin_wanted = true;
                break;
        case HEADERS_APPEND:
                d->assembled = true;
                d->total = d->plan.total;
                d->begin_wanted = true;
                break;
        case HEADERS_COMPLETE:
                d->total = d->plan.total;
                ub_transfer_note(d, OUTCOME_COMPLETE, 0);
                break;
        case HEADERS_RESTART:
                ub_transfer_note(d, OUTCOME_RESTART, 0);
                break;
        case HEADERS_REDIRECT:
                ub_transfer_note(d, OUTCOME_REDIRECT, 0);
                break;
        case HEADERS_RETRY:
                d->retry_after_usec = ub_headers_retry_after_usec(&d->headers, (int64_t)time(NULL));
                ub_transfer_note(d, OUTCOME_RETRY, d->plan.result);
                break;
        case HEADERS_REFUSED:
                ub_transfer_note(d, OUTCOME_REFUSED, d->plan.result);
                break;
        }
}

/* ------------------------------------------------------------------------ called inside libcurl */

static size_t on_header(char *line, size_t size, size_t n, void *data)
{
        struct ub_download *d = data;

        n *= size;
        d->header_bytes += n;
        if (d->header_bytes > HEADERS_BYTES_MAX) {
                (void)ub_error_set(&d->cause, 0,
                                   "the server sends more headers than anybody needs");
                ub_transfer_note(d, OUTCOME_RETRY, -EREMOTEIO);
                return 0;
        }
        d->window_bytes += n;
        ub_headers_line(&d->headers, line, n);
        /* 1xx: the answer proper follows. */
        if (d->headers.complete && d->headers.status >= 200 && !d->decided)
                ub_transfer_decide(d);
        return n;
}

uint64_t ub_transfer_bandwidth_usec(struct ub_download *d, uint64_t now)
{
        uint64_t own = ub_bucket_wait_usec(&d->bucket, now);
        uint64_t shared = ub_bucket_wait_usec(&d->owner->bucket, now);

        return own > shared ? own : shared;
}

static bool must_pause(struct ub_download *d, size_t n)
{
        uint64_t now = ub_downloader_now_usec();
        uint64_t wait = ub_transfer_bandwidth_usec(d, now);

        d->resume_usec = wait ? now + wait : 0;
        return wait || d->fill_length + n > DISK_BUFFER_BYTES;
}

/* Is there room for n more bytes, by what the headers and the caller said? */
static int check_limits(struct ub_download *d, size_t n)
{
        uint64_t max_bytes = d->settings.request.max_bytes;

        if (max_bytes && d->received + n > max_bytes) {
                (void)ub_error_set(&d->cause, 0, "more than the allowed %llu bytes arrive",
                                   (unsigned long long)max_bytes);
                ub_transfer_note(d, OUTCOME_REFUSED, -EFBIG);
                return -EFBIG;
        }
        if (d->plan.end != HEADERS_UNKNOWN && d->received + n > d->plan.end) {
                (void)ub_error_set(&d->cause, 0, "the server sends more bytes than it announced");
                ub_transfer_note(d, OUTCOME_RETRY, -EREMOTEIO);
                return -EREMOTEIO;
        }
        return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
        struct ub_download *d = data;

        n *= size;
        if (!d->decided || (d->verdict != HEADERS_WHOLE && d->verdict != HEADERS_APPEND)) {
                d->ignored_bytes += n;
                return d->ignored_bytes > IGNORED_BYTES_MAX ? 0 : n;
        }
        if (d->outcome != OUTCOME_NONE || check_limits(d, n) < 0)
                return 0;
        if (must_pause(d, n)) {
                d->paused = true;
                d->window_paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        memcpy(d->fill + d->fill_length, bytes, n);
        d->fill_length += n;
        d->received += n;
        d->window_bytes += n;
        ub_bucket_take(&d->bucket, n);
        ub_bucket_take(&d->owner->bucket, n);
        return n;
}

/* -------------------------------------------------------------------------------------- options */

#define SET(easy, option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static int add_header(struct ub_download *d, const char *name, const char *value)
{
        struct curl_slist *longer;
        char line[HEADERS_ETAG_MAX + 64];
        int n = snprintf(line, sizeof(line), "%s: %s", name, value);

        if (n < 0 || (size_t)n >= sizeof(line))
                return -EINVAL;
        longer = curl_slist_append(d->easy_headers, line);
        if (!longer)
                return -ENOMEM;
        d->easy_headers = longer;
        return 0;
}

/* Ranges count bytes of the file as it lies on the server, so no encoding on the way. */
static int set_headers(struct ub_download *d)
{
        const struct curl_slist *extra = d->left_origin ? NULL : d->settings.headers;
        const char *if_range = ub_headers_if_range(&d->held);
        struct headers_ask ask;
        char range[32];
        int r;

        for (; extra; extra = extra->next) {
                struct curl_slist *longer = curl_slist_append(d->easy_headers, extra->data);

                if (!longer)
                        return -ENOMEM;
                d->easy_headers = longer;
        }
        r = add_header(d, "Accept-Encoding", "identity");
        ub_transfer_ask(d, &ask);
        if (r >= 0 && ask.offset > 0) {
                (void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)ask.offset);
                if (!SET(d->easy, CURLOPT_RANGE, range))
                        return -ENOMEM;
                if (if_range)
                        r = add_header(d, "If-Range", if_range);
        }
        if (r < 0)
                return r;
        return SET(d->easy, CURLOPT_HTTPHEADER, d->easy_headers) ? 0 : -ENOMEM;
}

/* What only the server that was asked for may see. */
static bool set_credentials(struct ub_download *d)
{
        const struct ub_download_request *request = &d->settings.request;
        const char *user = request->user ? request->user : d->url.user;
        const char *password = request->user ? request->password : d->url.password;
        const char *key = request->key_file ? request->key_file : request->cert_file;

        if (d->left_origin)
                return true;
        if (user && !(SET(d->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) &&
                      SET(d->easy, CURLOPT_USERNAME, user) &&
                      SET(d->easy, CURLOPT_PASSWORD, password ? password : "")))
                return false;
        return !request->cert_file || (SET(d->easy, CURLOPT_SSLCERT, request->cert_file) &&
                                       SET(d->easy, CURLOPT_SSLKEY, key));
}

/* A file of the caller's stands for itself: the system's authorities do not count beside it. */
static bool set_authorities(struct ub_download *d)
{
        const char *file = d->settings.request.ca_file;

        if (file)
                return SET(d->easy, CURLOPT_CAINFO, file) && SET(d->easy, CURLOPT_CAPATH, NULL);
        return !d->owner->has_ca_folder || SET(d->easy, CURLOPT_CAINFO, NULL);
}

static bool set_network(struct ub_download *d)
{
        const struct ub_download_request *request = &d->settings.request;
        CURL *easy = d->easy;

        /* HTTP/1.1: each transfer has its connection, so that pausing one holds up no other.
         * Redirects are ours: libcurl would send extra headers to whoever a redirect names. */
        return SET(easy, CURLOPT_URL, d->at.text) &&
               SET(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
               SET(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
               SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
               SET(easy, CURLOPT_USERAGENT, d->owner->user_agent) &&
               SET(easy, CURLOPT_NOSIGNAL, 1L) && SET(easy, CURLOPT_TCP_KEEPALIVE, 1L) &&
               SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(request->connect_usec / 1000 + 1)) &&
               SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
               set_authorities(d) &&
               (!request->proxy || SET(easy, CURLOPT_PROXY, request->proxy)) &&
               SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static bool set_callbacks(struct ub_download *d)
{
        CURL *easy = d->easy;

        return SET(easy, CURLOPT_HEADERFUNCTION, on_header) && SET(easy, CURLOPT_HEADERDATA, d) &&
               SET(easy, CURLOPT_WRITEFUNCTION, on_body) && SET(easy, CURLOPT_WRITEDATA, d) &&
               SET(easy, CURLOPT_PRIVATE, d) && SET(easy, CURLOPT_ERRORBUFFER, d->easy_error) &&
               SET(easy, CURLOPT_NOPROGRESS, 1L);
}

int ub_transfer_start(struct ub_download *d)
{
        int r;

        d->decided = false;
        d->header_bytes = 0;
        d->ignored_bytes = 0;
        d->easy_error[0] = '\0';
        ub_headers_init(&d->headers);

        d->easy = curl_easy_init();
        if (!d->easy)
                return -ENOMEM;
#if LIBCURL_VERSION_NUM >= 0x075700
        /* Otherwise giving up waits for the name server. */
        (void)curl_easy_setopt(d->easy, CURLOPT_QUICK_EXIT, 1L);
#endif
        r = set_callbacks(d) && set_network(d) && set_credentials(d) ? 0 : -ENOMEM;
        if (r >= 0)
                r = set_headers(d);
        if (r >= 0)
                r = ub_multi_add(d->owner->multi, d->easy);
        if (r < 0)
                ub_transfer_stop(d);
        return r;
}

void ub_transfer_stop(struct ub_download *d)
{
        if (d->easy) {
                ub_multi_remove(d->owner->multi, d->easy);
                curl_easy_cleanup(d->easy);
                d->easy = NULL;
        }
        curl_slist_free_all(d->easy_headers);
        d->easy_headers = NULL;
        d->paused = false;
}

/* With TLS 1.3 the server looks at our certificate after the handshake, and libcurl has no code for
 * what it says then: only the text of OpenSSL's alert tells. */
static bool is_certificate_refused(const char *text)
{
        static const char *const alerts[] = {
                "alert certificate", "alert bad certificate", "alert unsupported certificate",
                "alert unknown ca",  "alert access denied",
        };
        size_t i;

        for (i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
                if (strstr(text, alerts[i]))
                        return true;
        return false;
}

/* libcurl keeps the first sentence it had.  That it could not note the two addresses of a connection,
 * which was reset the moment it stood, does not stop it, and is not why it failed after that. */
static bool is_beside_the_point(const char *text)
{
        static const char *const asides[] = { "getpeername() failed", "getsockname() failed" };
        size_t i;

        for (i = 0; i < sizeof(asides) / sizeof(asides[0]); i++)
                if (strncmp(text, asides[i], strlen(asides[i])) == 0)
                        return true;
        return *text == '\0';
}

enum outcome ub_transfer_classify(struct ub_download *d, CURLcode code)
{
        (void)ub_error_set(&d->cause, 0, "%s",
                           is_beside_the_point(d->easy_error) ? curl_easy_strerror(code)
                                                              : d->easy_error);
        switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_CRL_BADFILE:
                d->cause_result = -EKEYREJECTED;
                return OUTCOME_REFUSED;
        case CURLE_OUT_OF_MEMORY:
                d->cause_result = -ENOMEM;
                return OUTCOME_REFUSED;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_BAD_FUNCTION_ARGUMENT:
        case CURLE_NOT_BUILT_IN:
                d->cause_result = -EINVAL;
                return OUTCOME_REFUSED;
        case CURLE_OPERATION_TIMEDOUT:
                d->cause_result = -ETIMEDOUT;
                return OUTCOME_RETRY;
        default:
                if (is_certificate_refused(d->easy_error)) {
                        d->cause_result = -EKEYREJECTED;
                        return OUTCOME_REFUSED;
                }
                /* Names, connections, handshakes, broken or odd answers: all may be better
                 * later. */
                d->cause_result = -ECONNABORTED;
                return OUTCOME_RETRY;
        }
}
