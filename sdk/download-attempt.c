/* SPDX-License-Identifier: Apache-2.0
 *
 * download-attempt - the way of one file through its states, see download-private.h
 *
 * Nothing in here calls the plugin: ends and progress are noted in `due`, and the downloader
 * tells. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/sdk/log.h>

#include "sdk/download-private.h"

static void pump(struct ub_download *d);
static void start_attempt(struct ub_download *d);

/* --------------------------------------------------------------------------------------- ending */

void ub_download_release_slot(struct ub_download *d)
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
        ub_download_release_slot(d);
        /* Gives up the lock before done is told. */
        d->disk = ub_disk_free(d->disk);
        d->state = DOWNLOAD_ENDED;
        if (d->result == 0 && d->settings.request.progress)
                d->due |= DUE_PROGRESS; /* everybody likes to see 100 % */
        d->due |= DUE_DONE;
}

void ub_download_fail(struct ub_download *d, int r)
{
        assert(r < 0);

        ub_transfer_stop(d);
        d->due &= ~(unsigned)DUE_PROGRESS;
        d->result = r;
        if (d->disk && d->disk->busy)
                d->state = DOWNLOAD_ENDING;
        else
                set_ended(d);
}

static bool post(struct ub_download *d, enum disk_op op)
{
        int r = ub_disk_post(d->disk, op);

        if (r < 0) {
                d->cause = d->disk->error;
                ub_download_fail(d, r);
        }
        return r >= 0;
}

static void finish(struct ub_download *d)
{
        d->state = DOWNLOAD_FINISHING;
        d->disk->total = d->settings.request.size ? d->settings.request.size : d->total;
        (void)post(d, DISK_FINISH);
}

/* --------------------------------------------------------------------------------- again, later */

static uint64_t random_number(void)
{
        uint64_t n;

        /* Early in boot there may be no randomness yet; the clock's last digits will do for
         * jitter. */
        if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
                n = ub_downloader_now_usec() * UINT64_C(6364136223846793005);
        return n;
}

static void retry(struct ub_download *d)
{
        uint64_t pause;
        int r;

        r = ub_backoff_next(&d->backoff, d->received, d->retry_after_usec, random_number(), &pause);
        if (r == -ETIMEDOUT) {
                if (d->backoff.limit > 1)
                        (void)ub_error_set(&d->cause, 0, "%s (%u attempts)", d->cause.text,
                                           (unsigned)d->backoff.limit);
                ub_download_fail(d, d->cause_result);
                return;
        }
        if (r < 0) {
                (void)ub_error_set(&d->cause, 0, "%s, try again after %llu s", d->cause.text,
                                   (unsigned long long)(d->retry_after_usec / USEC_PER_SEC));
                ub_download_fail(d, d->cause_result);
                return;
        }
        ub_info(d->owner->host, "%.240s: %s; again in %.1f s", d->url.people, d->cause.text,
                (double)pause / (double)USEC_PER_SEC);
        d->retry_usec = ub_downloader_now_usec() + pause;
        d->retries++;
        d->state = DOWNLOAD_WAITING;
        ub_download_release_slot(d);
}

/* The file was complete but wrong.  When it was put together from several answers, one of them may
 * have lied about the version, and a fresh one deserves a chance. */
static void finish_failed(struct ub_download *d, int r)
{
        bool assembled = d->assembled;

        d->cause = d->disk->error;
        d->cause_result = r;
        if (r != -EBADMSG || !assembled) {
                ub_download_fail(d, r);
                return;
        }
        d->opened = false;
        d->assembled = false;
        d->received = 0;
        d->retry_after_usec = 0;
        d->held = (struct headers_validator){ .etag = "" };
        d->held_total = HEADERS_UNKNOWN;
        retry(d);
}

/* ---------------------------------------------------------------------------------- one attempt */

static void attempt_over(struct ub_download *d)
{
        ub_transfer_stop(d);
        d->state = DOWNLOAD_DRAINING;
        pump(d);
}

static void restart_window(struct ub_download *d)
{
        d->window_usec = ub_downloader_now_usec();
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
        r = ub_transfer_start(d);
        if (r < 0) {
                (void)ub_error_set(&d->cause, r, "cannot set up the transfer: %s", strerror(-r));
                ub_download_fail(d, r);
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
                ub_download_fail(d, -ENOMEM);
                return;
        }
        if (d->url.scheme == DOWNLOAD_FILE) {
                (void)post(d, DISK_SOURCE);
                return;
        }

        /* Each attempt begins where the caller said: a redirect is good for one answer. */
        if (d->redirected)
                ub_download_url_done(&d->at);
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
                ub_download_fail(d, ub_error_set(&d->cause, -ELOOP, "more than %d redirects",
                                                 d->settings.request.max_redirects));
                return;
        }
        r = ub_download_url_redirect(&d->at, d->headers.location, &d->cause, &to);
        if (r < 0) {
                ub_download_fail(d, r);
                return;
        }
        if (d->redirected)
                ub_download_url_done(&d->at);
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
                ub_download_fail(d, d->cause_result);
                return;
        }
}

/* ---------------------------------------------------------------------------- bytes to the disk */

/* Lets libcurl go on when there is room and bandwidth. */
static void resume(struct ub_download *d)
{
        CURLcode code;

        if (!d->paused || d->state != DOWNLOAD_TRANSFER ||
            d->resume_usec > ub_downloader_now_usec() ||
            d->fill_length + CURL_MAX_WRITE_SIZE > DISK_BUFFER_BYTES)
                return;
        d->paused = false;
        code = curl_easy_pause(d->easy, CURLPAUSE_CONT); /* may deliver, and pause again */
        if (code == CURLE_OK)
                return;
        if (d->outcome == OUTCOME_NONE)
                d->outcome = ub_transfer_classify(d, code);
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
        uint64_t now = ub_downloader_now_usec();
        uint64_t wait = ub_transfer_bandwidth_usec(d, now);

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
        ub_headers_init(&d->headers);
        d->headers.status = 200;
        d->headers.content_length = d->disk->total;
        ub_transfer_decide(d);
        if (d->outcome != OUTCOME_NONE)
                attempt_over(d);
}

static void source_copied(struct ub_download *d, uint64_t n)
{
        d->received += n;
        ub_bucket_take(&d->bucket, n);
        ub_bucket_take(&d->owner->bucket, n);
        if (d->received > d->total) {
                (void)ub_error_set(&d->cause, 0, "the file grows while it is read");
                ub_transfer_note(d, OUTCOME_REFUSED, -EBADMSG);
        }
        if (n == 0)
                ub_transfer_note(d, OUTCOME_COMPLETE, 0);
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
        /* Everything was there and only the end is missing.  Without a digest the server is
         * asked. */
        else if (part->size > 0 && part->size == part->total && d->settings.request.sha256) {
                d->assembled = true;
                finish(d);
        } else
                start_attempt(d);
}

/* The worker has done what it was given. */
void ub_download_on_disk(void *user)
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
                ub_download_fail(d, r);
        } else if (d->state == DOWNLOAD_OPENING) {
                opening_went_on(d);
        } else {
                if (d->disk->op == DISK_SOURCE)
                        source_opened(d);
                else if (d->disk->op == DISK_COPY)
                        source_copied(d, (uint64_t)r);
                note_progress(d, ub_downloader_now_usec());
                pump(d);
        }
        ub_downloader_turn(owner);
}

void ub_download_begin(struct ub_download *d)
{
        if (d->opened) {
                start_attempt(d);
                return;
        }
        d->state = DOWNLOAD_OPENING;
        d->disk->total = d->settings.request.size ? d->settings.request.size : HEADERS_UNKNOWN;
        (void)post(d, DISK_OPEN);
}

/* -------------------------------------------------------------------------------------- libcurl */

static struct ub_download *of_easy(CURL *easy)
{
        char *d = NULL;

        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &d); /* set in ub_transfer_start */
        return (struct ub_download *)(void *)d;
}

static void on_ended(void *data, CURL *easy, CURLcode code)
{
        struct ub_download *d = of_easy(easy);

        (void)data;
        if (d->outcome == OUTCOME_NONE && code != CURLE_OK) {
                d->outcome = ub_transfer_classify(d, code);
        } else if (d->outcome == OUTCOME_NONE && !d->decided) {
                (void)ub_error_set(&d->cause, 0, "the server's answer is empty");
                ub_transfer_note(d, OUTCOME_RETRY, -ECONNABORTED);
        } else {
                ub_transfer_note(d, OUTCOME_COMPLETE, 0);
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
        ub_transfer_note(d, OUTCOME_RETRY, r);
        d->starved = true;
}

static void on_turned(void *data)
{
        struct ub_downloader *downloader = data;
        uint64_t now = ub_downloader_now_usec();
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
        ub_downloader_turn(downloader);
}

const struct multi_user ub_download_multi_user = {
        .ended = on_ended,
        .starved = on_starved,
        .turned = on_turned,
};

/* ----------------------------------------------------------------------------------------- time */

uint64_t ub_download_next_usec(const struct ub_download *d)
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
        ub_transfer_note(d, OUTCOME_RETRY, -ETIMEDOUT);
        attempt_over(d);
}

void ub_download_tick(struct ub_download *d, uint64_t now)
{
        if (d->state >= DOWNLOAD_FINISHING)
                return;
        if (now >= d->deadline_usec) {
                (void)ub_error_set(&d->cause, 0, "not done in %.1f s%s%s",
                                   (double)d->settings.request.total_usec / (double)USEC_PER_SEC,
                                   d->cause.text[0] ? "; last: " : "", d->cause.text);
                ub_download_fail(d, -ETIMEDOUT);
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
