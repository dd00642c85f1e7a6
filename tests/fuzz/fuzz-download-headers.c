/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-download-headers - what a server says, and what a download makes of it
 *
 * Input: one byte of flags (ASK_*), two bytes offset and two bytes length of what is held (big
 * endian), then header lines as they come.  The properties are the reasons why
 * sdk/download-headers.c exists: nothing is ever appended at a wrong place or from another version,
 * and nothing of the answer breaks out of the next request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/download-headers.h"
#include "sdk/download-url.h"

enum {
        ASK_TOTAL_KNOWN = 1 << 0,
        ASK_ETAG = 1 << 1,
        ASK_DATE = 1 << 2,
        ASK_DIGEST = 1 << 3,
        ASK_SIZE = 1 << 4,
        ASK_LIMIT = 1 << 5,
        ASK_WEAK = 1 << 6,
        ASK_HTTPS = 1 << 7,
};

enum { PREFIX_BYTES = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) \
        do { \
                if (!(what)) \
                        abort(); \
        } while (0)

static void check_append(const struct headers *h, const struct headers_ask *ask,
                         const struct headers_plan *plan)
{
        MUST(h->status == 206 && h->has_range && !h->multipart && !h->broken);
        MUST(ask->offset > 0 && h->range_first == ask->offset);
        MUST(plan->end == h->range_last + 1 && plan->end > ask->offset);
        MUST(plan->total != HEADERS_UNKNOWN && plan->end <= plan->total);
        MUST(ask->total == HEADERS_UNKNOWN || ask->total == plan->total);
        MUST(h->chunked || h->content_length == HEADERS_UNKNOWN ||
             h->content_length == plan->end - ask->offset);
        MUST(ub_headers_if_range(ask->held) || ask->has_digest);
        MUST(!ask->held->etag[0] || !h->validator.etag[0] ||
             strcmp(ask->held->etag, h->validator.etag) == 0);
}

static void check_verdict(const struct headers *h, const struct headers_ask *ask)
{
        struct ub_error error = UB_ERROR_INIT;
        struct headers_plan plan;
        enum headers_verdict verdict = ub_headers_decide(h, ask, &plan, &error);

        switch (verdict) {
        case HEADERS_APPEND:
                check_append(h, ask, &plan);
                break;
        case HEADERS_WHOLE:
                MUST(h->status == 200 && plan.end == plan.total);
                /* The end can be told from a break, or the result will be checked. */
                MUST(plan.total != HEADERS_UNKNOWN || h->chunked || ask->has_digest ||
                     ask->size != HEADERS_UNKNOWN);
                break;
        case HEADERS_COMPLETE:
                MUST(h->status == 416 && ask->offset > 0 && h->range_total == ask->offset);
                break;
        case HEADERS_RESTART:
                /* Asked again without a range this never comes back: no endless loop. */
                MUST(ask->offset > 0);
                break;
        case HEADERS_REDIRECT:
                MUST(h->location[0] != '\0');
                break;
        case HEADERS_RETRY:
        case HEADERS_REFUSED:
                MUST(plan.result < 0 && error.text[0] != '\0');
                break;
        }
        if (verdict == HEADERS_APPEND || verdict == HEADERS_WHOLE || verdict == HEADERS_COMPLETE) {
                MUST(plan.total == HEADERS_UNKNOWN || ask->size == HEADERS_UNKNOWN ||
                     plan.total == ask->size);
                MUST(plan.total == HEADERS_UNKNOWN || !ask->max_bytes ||
                     plan.total <= ask->max_bytes);
        }
}

static void check_redirect(const struct headers *h, bool https)
{
        struct download_url from;
        struct download_url to;

        if (ub_download_url_parse(https ? "https://me:secret@h/a/b?c" : "http://me:secret@h/a/b?c",
                                  NULL, &from) < 0)
                abort();
        if (ub_download_url_redirect(&from, h->location, NULL, &to) >= 0) {
                MUST(to.scheme == DOWNLOAD_HTTPS || (to.scheme == DOWNLOAD_HTTP && !https));
                MUST(!to.user && !to.password && !strchr(to.origin, '@'));
                MUST(to.origin && to.people);
                ub_download_url_done(&to);
        }
        ub_download_url_done(&from);
}

static bool is_clean(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 && *text != '\t')
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct headers_validator held = { .etag = "" };
        struct headers_ask ask = { .held = &held,
                                   .total = HEADERS_UNKNOWN,
                                   .size = HEADERS_UNKNOWN };
        struct headers h;
        const char *line;
        const char *end;
        uint8_t flags;

        if (size < PREFIX_BYTES)
                return 0;
        flags = data[0];
        ask.offset = (uint64_t)data[1] << 8 | data[2];
        if (flags & ASK_TOTAL_KNOWN)
                ask.total = (uint64_t)data[3] << 8 | data[4];
        if (flags & ASK_SIZE)
                ask.size = (uint64_t)data[3] << 8 | data[4];
        if (flags & ASK_LIMIT)
                ask.max_bytes = 1000;
        if (flags & ASK_ETAG)
                memcpy(held.etag, flags & ASK_WEAK ? "W/\"1\"" : "\"1\"", flags & ASK_WEAK ? 6 : 4);
        if (flags & ASK_DATE)
                memcpy(held.last_modified, "Sun, 01 Nov 2026 10:00:00 GMT", 30);
        held.last_modified_strong = !(flags & ASK_WEAK);
        ask.has_digest = (flags & ASK_DIGEST) != 0;

        ub_headers_init(&h);
        line = (const char *)data + PREFIX_BYTES;
        end = (const char *)data + size;
        while (line < end) {
                const char *newline = memchr(line, '\n', (size_t)(end - line));
                size_t length = newline ? (size_t)(newline - line) + 1 : (size_t)(end - line);

                ub_headers_line(&h, line, length);
                line += length;
        }
        ub_headers_line(&h, "\r\n", 2);

        MUST(is_clean(h.validator.etag) && is_clean(h.validator.last_modified) &&
             is_clean(h.location));
        check_verdict(&h, &ask);
        if (h.location[0])
                check_redirect(&h, (flags & ASK_HTTPS) != 0);
        (void)ub_headers_retry_after_usec(&h, 1000000000);
        return 0;
}
