/* SPDX-License-Identifier: Apache-2.0
 *
 * download - the way of one file, see <update-broker/sdk/download.h> and the states in
 * download-private.h
 *
 * Nothing in here calls the plugin: ends and progress are noted in `due`, and the downloader tells. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/sdk/log.h>

#include "sdk/download-private.h"

static void pump(struct ub_download *d);
static void start_attempt(struct ub_download *d);

/* ------------------------------------------------------------------------------------------ ending */

static void release_slot(struct ub_download *d)
{
        if (!d->has_slot)
                return;
        d->has_slot = false;
        d->owner->active--;
        free(d->fill);
        d->fill = NULL;
        d->fill_length = 0;
}

static void set_ended(struct ub_download *d)
{
        const char *url = d->url.people ? d->url.people : d->settings.request.name;

        if (d->result < 0 && d->left_origin)
                (void)ub_error_set(&d->message, 0, "%.160s: redirected to %.160s: %s", url,
                                   d->at.people, d->cause.text);
        else if (d->result < 0)
                (void)ub_error_set(&d->message, 0, "%.240s: %s", url, d->cause.text);
        release_slot(d);
        /* Gives up the lock before done is told. */
        d->disk = disk_free(d->disk);
        d->state = DOWNLOAD_ENDED;
        if (d->result == 0 && d->settings.request.progress)
                d->due |= DUE_PROGRESS; /* everybody likes to see 100 % */
        d->due |= DUE_DONE;
}

void download_fail(struct ub_download *d, int r)
{
        assert(r < 0);

        transfer_stop(d);
        d->due &= ~(unsigned)DUE_PROGRESS;
        d->result = r;
        if (d->disk && d->disk->busy)
                d->state = DOWNLOAD_ENDING;
        else
                set_ended(d);
}

static bool post(struct ub_download *d, enum disk_op op)
{
        int r = disk_post(d->disk, op);

        if (r < 0) {
                d->cause = d->disk->error;
                download_fail(d, r);
        }
        return r >= 0;
}

static void finish(struct ub_download *d)
{
        d->state = DOWNLOAD_FINISHING;
        d->disk->total = d->settings.request.size ? d->settings.request.size : d->total;
        (void)post(d, DISK_FINISH);
}

/* -------------------------------------------------------------------------------------- again, later */

static uint64_t random_number(void)
{
        uint64_t n;

        /* Early in boot there may be no randomness yet; the clock's last digits will do for jitter. */
        if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
                n = downloader_now_usec() * UINT64_C(6364136223846793005);
        return n;
}

static void retry(struct ub_download *d)
{
        uint64_t pause;
        int r;

        r = backoff_next(&d->backoff, d->received, d->retry_after_usec, random_number(), &pause);
        if (r == -ETIMEDOUT) {
                if (d->backoff.limit > 1)
                        (void)ub_error_set(&d->cause, 0, "%s (%u attempts)", d->cause.text,
                                           (unsigned)d->backoff.limit);
                download_fail(d, d->cause_result);
                return;
        }
        if (r < 0) {
                (void)ub_error_set(&d->cause, 0, "%s, try again after %llu s", d->cause.text,
                                   (unsigned long long)(d->retry_after_usec / USEC_PER_SEC));
                download_fail(d, d->cause_result);
                return;
        }
        ub_info(d->owner->host, "%.240s: %s; again in %.1f s", d->url.people, d->cause.text,
                (double)pause / (double)USEC_PER_SEC);
        d->retry_usec = downloader_now_usec() + pause;
        d->state = DOWNLOAD_WAITING;
        release_slot(d);
}

/* The file was complete but wrong.  When it was put together from several answers, one of them may have
 * lied about the version, and a fresh one deserves a chance. */
static void finish_failed(struct ub_download *d, int r)
{
        bool assembled = d->assembled;

        d->cause = d->disk->error;
        d->cause_result = r;
        if (r != -EBADMSG || !assembled) {
                download_fail(d, r);
                return;
        }
        d->opened = false;
        d->assembled = false;
        d->received = 0;
        d->retry_after_usec = 0;
        d->held = (struct headers_validator) { .etag = "" };
        d->held_total = HEADERS_UNKNOWN;
        retry(d);
}

/* --------------------------------------------------------------------------------------- one attempt */

static void attempt_over(struct ub_download *d)
{
        transfer_stop(d);
        d->state = DOWNLOAD_DRAINING;
        pump(d);
}

static void restart_window(struct ub_download *d)
{
        d->window_usec = downloader_now_usec();
        d->window_bytes = 0;
        d->window_paused = d->paused;
}

/* One request, to d->at. */
static void start_hop(struct ub_download *d)
{
        int r;

        d->state = DOWNLOAD_TRANSFER;
        d->outcome = OUTCOME_NONE;
        d->starved = false;
        restart_window(d);
        r = transfer_start(d);
        if (r < 0) {
                (void)ub_error_set(&d->cause, r, "cannot set up the transfer: %s", strerror(-r));
                download_fail(d, r);
        }
}

static void start_attempt(struct ub_download *d)
{
        d->state = DOWNLOAD_TRANSFER;
        d->outcome = OUTCOME_NONE;
        d->retry_after_usec = 0;
        d->resume_usec = 0;
        if (!d->fill)
                d->fill = malloc(DISK_BUFFER_BYTES);
        if (!d->disk->data)
                d->disk->data = malloc(DISK_BUFFER_BYTES);
        if (!d->fill || !d->disk->data) {
                (void)ub_error_set(&d->cause, 0, "out of memory");
                download_fail(d, -ENOMEM);
                return;
        }
        if (d->url.scheme == DOWNLOAD_FILE) {
                (void)post(d, DISK_SOURCE);
                return;
        }

        /* Each attempt begins where the caller said: a redirect is good for one answer. */
        if (d->redirected)
                download_url_done(&d->at);
        d->at = d->url;
        d->redirected = false;
        d->left_origin = false;
        d->redirects = 0;
        start_hop(d);
}

static void redirect(struct ub_download *d)
{
        struct download_url to;
        int r;

        if (d->redirects++ >= d->settings.request.max_redirects) {
                download_fail(d, ub_error_set(&d->cause, -ELOOP, "more than %d redirects",
                                              d->settings.request.max_redirects));
                return;
        }
        r = download_url_redirect(&d->at, d->headers.location, &d->cause, &to);
        if (r < 0) {
                download_fail(d, r);
                return;
        }
        if (d->redirected)
                download_url_done(&d->at);
        d->at = to;
        d->redirected = true;
        d->left_origin = d->left_origin || strcmp(d->at.origin, d->url.origin) != 0;
        start_hop(d);
}

/* The attempt is over and all its bytes are in the file. */
static void drained(struct ub_download *d)
{
        switch (d->outcome) {
        case OUTCOME_COMPLETE:
                if (d->total == HEADERS_UNKNOWN || d->received >= d->total) {
                        finish(d);
                        return;
                }
                (void)ub_error_set(&d->cause, 0, "ended after %llu of %llu bytes",
                                   (unsigned long long)d->received, (unsigned long long)d->total);
                d->cause_result = -ECONNABORTED;
                retry(d);
                return;
        case OUTCOME_REDIRECT:
                redirect(d);
                return;
        case OUTCOME_RESTART:
                d->from_scratch = true;
                start_attempt(d);
                return;
        case OUTCOME_RETRY:
                retry(d);
                return;
        case OUTCOME_NONE:
        case OUTCOME_REFUSED:
                download_fail(d, d->cause_result);
                return;
        }
}

/* --------------------------------------------------------------------------------- bytes to the disk */

/* Lets libcurl go on when there is room and bandwidth. */
static void resume(struct ub_download *d)
{
        CURLcode code;

        if (!d->paused || d->state != DOWNLOAD_TRANSFER || d->resume_usec > downloader_now_usec() ||
            d->fill_length + CURL_MAX_WRITE_SIZE > DISK_BUFFER_BYTES)
                return;
        d->paused = false;
        code = curl_easy_pause(d->easy, CURLPAUSE_CONT); /* may deliver, and pause again */
        if (code == CURLE_OK)
                return;
        if (d->outcome == OUTCOME_NONE)
                d->outcome = transfer_classify(d, code);
        attempt_over(d);
}

static void begin(struct ub_download *d)
{
        d->begin_wanted = false;
        d->disk->total = d->total;
        d->disk->validator = d->held;
        (void)post(d, d->verdict == HEADERS_WHOLE ? DISK_BEGIN : DISK_SPACE);
}

static void write_fill(struct ub_download *d)
{
        char *empty = d->disk->data;

        d->disk->data = d->fill;
        d->disk->length = d->fill_length;
        d->fill = empty;
        d->fill_length = 0;
        if (post(d, DISK_WRITE))
                resume(d);
}

static void copy_next(struct ub_download *d)
{
        uint64_t now = downloader_now_usec();
        uint64_t wait = transfer_bandwidth_usec(d, now);

        d->resume_usec = wait ? now + wait : 0;
        if (!wait)
                (void)post(d, DISK_COPY);
}

/* Gives the worker what is next. */
static void pump(struct ub_download *d)
{
        if (!d->disk || d->disk->busy ||
            (d->state != DOWNLOAD_TRANSFER && d->state != DOWNLOAD_DRAINING))
                return;
        if (d->begin_wanted)
                begin(d);
        else if (d->fill_length > 0)
                write_fill(d);
        else if (d->state == DOWNLOAD_DRAINING)
                drained(d);
        else if (d->url.scheme == DOWNLOAD_FILE)
                copy_next(d);
        else
                resume(d);
}

static void note_progress(struct ub_download *d, uint64_t now)
{
        if (!d->settings.request.progress || d->state != DOWNLOAD_TRANSFER ||
            now - d->progress_usec < d->settings.request.progress_usec)
                return;
        d->progress_usec = now;
        d->due |= DUE_PROGRESS;
}

static void source_opened(struct ub_download *d)
{
        headers_init(&d->headers);
        d->headers.status = 200;
        d->headers.content_length = d->disk->total;
        transfer_decide(d);
        if (d->outcome != OUTCOME_NONE)
                attempt_over(d);
}

static void source_copied(struct ub_download *d, uint64_t n)
{
        d->received += n;
        bucket_take(&d->bucket, n);
        bucket_take(&d->owner->bucket, n);
        if (d->received > d->total) {
                (void)ub_error_set(&d->cause, 0, "the file grows while it is read");
                transfer_note(d, OUTCOME_REFUSED, -EBADMSG);
        }
        if (n == 0)
                transfer_note(d, OUTCOME_COMPLETE, 0);
        if (d->outcome != OUTCOME_NONE)
                attempt_over(d);
}

static void opening_went_on(struct ub_download *d)
{
        const struct part *part = d->disk->part;

        d->opened = true;
        d->held = part->validator;
        d->held_total = part->total;
        d->received = part->size;
        d->total = part->total;
        /* What was there before brings no credit for new attempts. */
        if (d->backoff.furthest < part->size)
                d->backoff.furthest = part->size;
        if (part->hashed < part->size)
                (void)post(d, DISK_REHASH);
        /* Everything was there and only the end is missing.  Without a digest the server is asked. */
        else if (part->size > 0 && part->size == part->total && d->settings.request.sha256) {
                d->assembled = true;
                finish(d);
        } else
                start_attempt(d);
}

/* The worker has done what it was given. */
static void on_disk(void *user)
{
        struct ub_download *d = user;
        struct ub_downloader *owner = d->owner;
        int r = d->disk->result;

        if (d->state == DOWNLOAD_ENDING) {
                set_ended(d);
        } else if (d->state == DOWNLOAD_FINISHING) {
                if (r < 0)
                        finish_failed(d, r);
                else
                        set_ended(d);
        } else if (r < 0) {
                d->cause = d->disk->error;
                download_fail(d, r);
        } else if (d->state == DOWNLOAD_OPENING) {
                opening_went_on(d);
        } else {
                if (d->disk->op == DISK_SOURCE)
                        source_opened(d);
                else if (d->disk->op == DISK_COPY)
                        source_copied(d, (uint64_t)r);
                note_progress(d, downloader_now_usec());
                pump(d);
        }
        downloader_turn(owner);
}

void download_begin(struct ub_download *d)
{
        if (d->opened) {
                start_attempt(d);
                return;
        }
        d->state = DOWNLOAD_OPENING;
        d->disk->total = d->settings.request.size ? d->settings.request.size : HEADERS_UNKNOWN;
        (void)post(d, DISK_OPEN);
}

/* ---------------------------------------------------------------------------------------- libcurl */

static struct ub_download *of_easy(CURL *easy)
{
        char *d = NULL;

        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &d); /* set in transfer_start */
        return (struct ub_download *)(void *)d;
}

static void on_ended(void *data, CURL *easy, CURLcode code)
{
        struct ub_download *d = of_easy(easy);

        (void)data;
        if (d->outcome == OUTCOME_NONE && code != CURLE_OK) {
                d->outcome = transfer_classify(d, code);
        } else if (d->outcome == OUTCOME_NONE && !d->decided) {
                (void)ub_error_set(&d->cause, 0, "the server's answer is empty");
                transfer_note(d, OUTCOME_RETRY, -ECONNABORTED);
        } else {
                transfer_note(d, OUTCOME_COMPLETE, 0);
        }
        attempt_over(d);
}

static void on_starved(void *data, CURL *easy, int r)
{
        struct ub_download *d = of_easy(easy);

        (void)data;
        if (!d)
                return; /* an idle connection of libcurl's own; it does without */
        (void)ub_error_set(&d->cause, 0, "cannot watch the connection: %s", strerror(-r));
        transfer_note(d, OUTCOME_RETRY, r);
        d->starved = true;
}

static void on_turned(void *data)
{
        struct ub_downloader *downloader = data;
        uint64_t now = downloader_now_usec();
        struct ub_download *d;

        for (d = downloader->first; d; d = d->next) {
                if (d->state != DOWNLOAD_TRANSFER)
                        continue;
                if (d->starved)
                        attempt_over(d);
                else if (d->url.scheme != DOWNLOAD_FILE)
                        pump(d);
                note_progress(d, now);
        }
        downloader_turn(downloader);
}

const struct multi_user download_multi_user = {
        .ended = on_ended,
        .starved = on_starved,
        .turned = on_turned,
};

/* ------------------------------------------------------------------------------------------- time */

uint64_t download_next_usec(const struct ub_download *d)
{
        uint64_t next = d->deadline_usec;
        uint64_t other = USEC_NEVER;

        if (d->state >= DOWNLOAD_FINISHING)
                return USEC_NEVER;
        if (d->state == DOWNLOAD_WAITING)
                other = d->retry_usec;
        else if (d->state == DOWNLOAD_TRANSFER && d->easy)
                other = d->window_usec + d->settings.request.silence_usec;
        next = other < next ? other : next;
        if (d->state == DOWNLOAD_TRANSFER && d->resume_usec && d->resume_usec < next)
                next = d->resume_usec;
        return next;
}

/* How many bytes a silence window must bring.  Less where our own limits ask for less. */
static uint64_t window_need(const struct ub_download *d)
{
        const struct ub_download_request *request = &d->settings.request;
        uint64_t need = request->silence_bytes;
        uint64_t rates[2] = { request->bytes_per_sec, d->owner->bucket.bytes_per_sec };
        uint64_t may;
        size_t i;

        for (i = 0; i < 2; i++)
                if (rates[i] && !__builtin_mul_overflow(rates[i], request->silence_usec, &may) &&
                    may / USEC_PER_SEC / 2 < need)
                        need = may / USEC_PER_SEC / 2;
        return need;
}

static void window_ended(struct ub_download *d)
{
        /* It was we who did not listen. */
        if (d->paused || d->window_paused || d->window_bytes >= window_need(d)) {
                restart_window(d);
                return;
        }
        (void)ub_error_set(&d->cause, 0, "only %llu bytes came in %.1f s",
                           (unsigned long long)d->window_bytes,
                           (double)d->settings.request.silence_usec / (double)USEC_PER_SEC);
        d->outcome = OUTCOME_NONE;
        transfer_note(d, OUTCOME_RETRY, -ETIMEDOUT);
        attempt_over(d);
}

void download_tick(struct ub_download *d, uint64_t now)
{
        if (d->state >= DOWNLOAD_FINISHING)
                return;
        if (now >= d->deadline_usec) {
                (void)ub_error_set(&d->cause, 0, "not done in %.1f s%s%s",
                                   (double)d->settings.request.total_usec / (double)USEC_PER_SEC,
                                   d->cause.text[0] ? "; last: " : "", d->cause.text);
                download_fail(d, -ETIMEDOUT);
                return;
        }
        if (d->state == DOWNLOAD_WAITING && now >= d->retry_usec)
                d->state = DOWNLOAD_QUEUED;
        if (d->state != DOWNLOAD_TRANSFER)
                return;
        if (d->resume_usec && now >= d->resume_usec) {
                d->resume_usec = 0;
                pump(d);
                resume(d);
        }
        if (d->state == DOWNLOAD_TRANSFER && d->easy &&
            now >= d->window_usec + d->settings.request.silence_usec)
                window_ended(d);
}

/* ------------------------------------------------------------------------------------------- life */

static bool is_digest(const char *text)
{
        return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

/* What makes two downloads the same: the digest of the content where it is known, so that another mirror
 * may go on; otherwise the URL, as a digest because it may hold a token that does not belong on a disk. */
static int name_source(const struct ub_download *d, char source[65])
{
        unsigned char bytes[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        unsigned i;

        if (d->settings.request.sha256) {
                for (i = 0; i < 64; i++)
                        source[i] = (char)(d->settings.request.sha256[i] |
                                           (d->settings.request.sha256[i] >= 'A' ? 0x20 : 0));
                source[64] = '\0';
                return 0;
        }
        if (EVP_Digest(d->url.text, strlen(d->url.text), bytes, &n, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        for (i = 0; i < 32; i++)
                (void)snprintf(source + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

static int make_disk(struct ub_download *d, int dir_fd)
{
        const struct ub_download_request *request = &d->settings.request;
        struct part *part = NULL;
        char source[65];
        int r;

        r = name_source(d, source);
        if (r < 0)
                return r;
        r = part_new(dir_fd, request->name, source, request->keep_free, &part);
        if (r < 0)
                return r;
        r = disk_new(d->owner->worker, part, on_disk, d, &d->disk);
        if (r < 0) {
                part_free(part);
                return r;
        }
        if (request->sha256) {
                d->disk->sha256 = strdup(request->sha256);
                if (!d->disk->sha256)
                        return -ENOMEM;
        }
        if (d->url.path) {
                d->disk->source_path = strdup(d->url.path);
                if (!d->disk->source_path)
                        return -ENOMEM;
        }
        return 0;
}

/* What the content of a request can be wrong about is told by done. */
static int prepare(struct ub_download *d, int dir_fd)
{
        const struct ub_download_request *request = &d->settings.request;
        int r;

        r = download_url_parse(request->url, &d->cause, &d->url);
        if (r == -EINVAL)
                d->result = r;
        else if (r < 0)
                return r;
        else if (request->sha256 && !is_digest(request->sha256))
                d->result = ub_error_set(&d->cause, -EINVAL, "the digest is not 64 hexadecimal digits");
        if (d->result == 0)
                return make_disk(d, dir_fd);
        set_ended(d);
        return 0;
}

static void add(struct ub_downloader *downloader, struct ub_download *d)
{
        struct ub_download **p = &downloader->first;

        while (*p)
                p = &(*p)->next;
        *p = d;
}

int ub_download_start(struct ub_downloader *downloader, const struct ub_download_request *request,
                      struct ub_download **ret)
{
        uint64_t now = downloader_now_usec();
        struct ub_download *d;
        int r;

        if (!downloader || !request || !ret || !request->url || !request->done || request->dir_fd < 0 ||
            !request->name || !part_name_is_valid(request->name))
                return -EINVAL;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->owner = downloader;
        d->state = DOWNLOAD_QUEUED;
        d->held_total = HEADERS_UNKNOWN;
        d->total = HEADERS_UNKNOWN;
        d->deadline_usec = request->total_usec ? now + request->total_usec : USEC_NEVER;
        d->bucket.bytes_per_sec = request->bytes_per_sec;
        r = settings_copy(request, &d->settings);
        if (r >= 0)
                r = prepare(d, request->dir_fd);
        if (r < 0) {
                ub_download_free(d);
                return r;
        }
        d->backoff = (struct backoff) {
                .first_usec = d->settings.request.retry_usec,
                .max_usec = d->settings.request.retry_max_usec,
                .limit = d->settings.request.attempts,
        };
        add(downloader, d);
        *ret = d;
        downloader_turn(downloader);
        return 0;
}

struct ub_download *ub_download_free(struct ub_download *d)
{
        struct ub_download **p;

        if (!d)
                return NULL;
        for (p = &d->owner->first; *p; p = &(*p)->next) {
                if (*p == d) {
                        *p = d->next;
                        break;
                }
        }
        transfer_stop(d);
        disk_free(d->disk);
        release_slot(d);
        free(d->fill);
        if (d->redirected)
                download_url_done(&d->at);
        download_url_done(&d->url);
        settings_done(&d->settings);
        downloader_turn(d->owner);
        free(d);
        return NULL;
}
