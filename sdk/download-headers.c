/* SPDX-License-Identifier: Apache-2.0
 *
 * download-headers - see download-headers.h */
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "sdk/download-headers.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* Lengths from a server stay below this, so that sums of two never overflow. */
#define LENGTH_MAX (UINT64_C(1) << 62)

void ub_headers_init(struct headers *headers)
{
        *headers = (struct headers){
                .content_length = HEADERS_UNKNOWN,
                .range_first = HEADERS_UNKNOWN,
                .range_last = HEADERS_UNKNOWN,
                .range_total = HEADERS_UNKNOWN,
                .date_sec = -1,
        };
}

/* -------------------------------------------------------------------------------------- reading */

/* Digits only, at *text; moves on behind them. */
static bool read_number(const char **text, uint64_t *ret)
{
        const char *c = *text;
        uint64_t n = 0;

        if (*c < '0' || *c > '9')
                return false;
        for (; *c >= '0' && *c <= '9'; c++) {
                n = n * 10 + (uint64_t)(*c - '0');
                if (n > LENGTH_MAX)
                        return false;
        }
        *text = c;
        *ret = n;
        return true;
}

static bool take_content_length(struct headers *headers, const char *value)
{
        uint64_t n;

        if (!read_number(&value, &n) || *value != '\0')
                return false;
        if (headers->content_length != HEADERS_UNKNOWN && headers->content_length != n)
                return false;
        headers->content_length = n;
        return true;
}

/* "bytes 5-9/20", with '*' for an unknown total, or "bytes" and only a total in an answer 416. */
static bool take_content_range(struct headers *headers, const char *value)
{
        uint64_t first = HEADERS_UNKNOWN;
        uint64_t last = HEADERS_UNKNOWN;
        uint64_t total = HEADERS_UNKNOWN;

        if (headers->has_range || strncasecmp(value, "bytes", 5) != 0)
                return false;
        value += 5;
        if (*value != ' ' && *value != '\t')
                return false;
        value += strspn(value, " \t");
        if (*value == '*') {
                value++;
        } else {
                if (!read_number(&value, &first) || *value++ != '-' || !read_number(&value, &last))
                        return false;
                if (last < first)
                        return false;
        }
        if (*value++ != '/')
                return false;
        if (*value == '*')
                value++;
        else if (!read_number(&value, &total))
                return false;
        if (*value != '\0' || (last != HEADERS_UNKNOWN && last >= total))
                return false;

        headers->has_range = true;
        headers->range_first = first;
        headers->range_last = last;
        headers->range_total = total;
        return true;
}

/* Keeps a value as it is.  Said twice it must say the same. */
static bool take_text(char *text, size_t size, const char *value)
{
        size_t length = strlen(value);

        if (length >= size)
                return false;
        if (text[0] != '\0')
                return strcmp(text, value) == 0;
        memcpy(text, value, length + 1);
        return true;
}

static bool take_etag(struct headers *headers, const char *value)
{
        const char *tag = strncmp(value, "W/", 2) == 0 ? value + 2 : value;
        size_t length = strlen(tag);
        size_t i;

        /* One that is no entity-tag, or too long to keep, is as good as none: the server cannot be
         * asked about it. */
        if (length < 2 || tag[0] != '"' || tag[length - 1] != '"')
                return true;
        for (i = 1; i < length - 1; i++)
                if ((unsigned char)tag[i] < 0x21 || tag[i] == '"' || tag[i] == 0x7f)
                        return true;
        if (strlen(value) >= sizeof(headers->validator.etag))
                return true;
        return take_text(headers->validator.etag, sizeof(headers->validator.etag), value);
}

static bool take_last_modified(struct headers *headers, const char *value)
{
        struct headers_validator *v = &headers->validator;

        if (strlen(value) >= sizeof(v->last_modified) || curl_getdate(value, NULL) < 0)
                return true;
        return take_text(v->last_modified, sizeof(v->last_modified), value);
}

static bool take_date(struct headers *headers, const char *value)
{
        headers->date_sec = (int64_t)curl_getdate(value, NULL);
        return true;
}

static bool take_location(struct headers *headers, const char *value)
{
        return take_text(headers->location, sizeof(headers->location), value);
}

static bool take_retry_after(struct headers *headers, const char *value)
{
        if (strlen(value) >= sizeof(headers->retry_after))
                return true;
        memcpy(headers->retry_after, value, strlen(value) + 1);
        return true;
}

static bool take_transfer_encoding(struct headers *headers, const char *value)
{
        headers->chunked = headers->chunked || strcasecmp(value, "chunked") == 0;
        return true;
}

static bool take_content_type(struct headers *headers, const char *value)
{
        headers->multipart = strncasecmp(value, "multipart/byteranges", 20) == 0;
        return true;
}

static const struct {
        const char *name;
        bool (*take)(struct headers *headers, const char *value);
} fields[] = {
        { "Content-Length", take_content_length },
        { "Content-Range", take_content_range },
        { "Content-Type", take_content_type },
        { "Date", take_date },
        { "ETag", take_etag },
        { "Last-Modified", take_last_modified },
        { "Location", take_location },
        { "Retry-After", take_retry_after },
        { "Transfer-Encoding", take_transfer_encoding },
};

/* "HTTP/1.1 206 Partial Content" */
static void take_status(struct headers *headers, const char *line, size_t length)
{
        const char *space = memchr(line, ' ', length);
        size_t left = space ? length - (size_t)(space - line) : 0;

        ub_headers_init(headers);
        if (left >= 4 && space[1] >= '1' && space[1] <= '9' && space[2] >= '0' && space[2] <= '9' &&
            space[3] >= '0' && space[3] <= '9' && (left == 4 || space[4] == ' '))
                headers->status = (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
        else
                headers->broken = "status line";
}

static void take_field(struct headers *headers, const char *line, size_t length)
{
        char value[HEADERS_LOCATION_MAX];
        const char *colon = memchr(line, ':', length);
        size_t name_length;
        size_t i;
        size_t n;

        if (!colon)
                return;
        name_length = (size_t)(colon - line);
        for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
                if (strlen(fields[i].name) == name_length &&
                    strncasecmp(fields[i].name, line, name_length) == 0)
                        break;
        if (i == sizeof(fields) / sizeof(fields[0]))
                return;

        line = colon + 1;
        length -= name_length + 1;
        for (; length > 0 && (*line == ' ' || *line == '\t'); line++)
                length--;
        while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
                length--;
        /* Some values go back to the server in a request of ours: no control character may. */
        for (n = 0; n < length; n++)
                if ((unsigned char)line[n] < 0x20 && line[n] != '\t')
                        break;
        if (length >= sizeof(value) || n < length) {
                headers->broken = fields[i].name;
                return;
        }
        memcpy(value, line, length);
        value[length] = '\0';
        if (!fields[i].take(headers, value))
                headers->broken = fields[i].name;
}

static void conclude(struct headers *headers)
{
        struct headers_validator *v = &headers->validator;
        int64_t modified = v->last_modified[0] ? (int64_t)curl_getdate(v->last_modified, NULL) : -1;

        headers->complete = true;
        /* RFC 9110, 8.8.2.2: within the same second the content could have changed again. */
        v->last_modified_strong = modified >= 0 && headers->date_sec > modified;
}

void ub_headers_line(struct headers *headers, const char *line, size_t length)
{
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
                length--;

        if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
                take_status(headers, line, length);
        else if (headers->complete || headers->status == 0)
                return;
        else if (length == 0)
                conclude(headers);
        else
                take_field(headers, line, length);
}

const char *ub_headers_if_range(const struct headers_validator *held)
{
        if (held->etag[0] == '"')
                return held->etag;
        /* A weak etag says that the bytes may differ; the date is not asked past it. */
        if (held->etag[0] == '\0' && held->last_modified[0] && held->last_modified_strong)
                return held->last_modified;
        return NULL;
}

/* ------------------------------------------------------------------------------------- deciding */

static enum headers_verdict refuse(struct headers_plan *plan, int r)
{
        plan->result = r;
        return HEADERS_REFUSED;
}

/* The checks that the length of the file allows before its first byte. */
static enum headers_verdict check_total(enum headers_verdict verdict, const struct headers_ask *ask,
                                        struct headers_plan *plan, struct ub_error *error)
{
        unsigned long long total = plan->total;

        if (plan->total == HEADERS_UNKNOWN)
                return verdict;
        if (ask->max_bytes != 0 && plan->total > ask->max_bytes)
                return refuse(plan,
                              ub_error_set(error, -EFBIG,
                                           "the source offers %llu bytes, at most %llu are allowed",
                                           total, (unsigned long long)ask->max_bytes));
        if (ask->size != HEADERS_UNKNOWN && plan->total != ask->size)
                return refuse(plan, ub_error_set(error, -EBADMSG,
                                                 "the source offers %llu bytes, expected are %llu",
                                                 total, (unsigned long long)ask->size));
        return verdict;
}

static enum headers_verdict decide_whole(const struct headers *headers,
                                         const struct headers_ask *ask, struct headers_plan *plan,
                                         struct ub_error *error)
{
        /* RFC 9112, 6.3: Transfer-Encoding overrides a length. */
        if (!headers->chunked)
                plan->total = headers->content_length;
        /* A body that ends with the connection cannot be told from one that broke. */
        if (plan->total == HEADERS_UNKNOWN && !headers->chunked && !ask->has_digest &&
            ask->size == HEADERS_UNKNOWN)
                return refuse(plan,
                              ub_error_set(error, -EREMOTEIO,
                                           "the server does not tell the length of the file"));
        plan->end = plan->total;
        return check_total(HEADERS_WHOLE, ask, plan, error);
}

/* Is this the version that we hold a part of?  The server has judged If-Range already; what it says
 * about the version in the answer must not contradict. */
static bool same_version(const struct headers *headers, const struct headers_ask *ask)
{
        const struct headers_validator *now = &headers->validator;
        const struct headers_validator *held = ask->held;

        if (!ub_headers_if_range(held) && !ask->has_digest)
                return false;
        if (held->etag[0] && now->etag[0] && strcmp(held->etag, now->etag) != 0)
                return false;
        if (held->last_modified[0] && now->last_modified[0] &&
            strcmp(held->last_modified, now->last_modified) != 0)
                return false;
        return ask->total == HEADERS_UNKNOWN || headers->range_total == HEADERS_UNKNOWN ||
               ask->total == headers->range_total;
}

static enum headers_verdict decide_partial(const struct headers *headers,
                                           const struct headers_ask *ask, struct headers_plan *plan,
                                           struct ub_error *error)
{
        /* Not asked for: nothing sensible can be done with it. */
        if (ask->offset == 0)
                return refuse(plan, ub_error_set(error, -EREMOTEIO,
                                                 "the server sends a part that was not asked for"));
        if (headers->multipart || !headers->has_range || headers->range_first != ask->offset)
                return HEADERS_RESTART;
        if (!headers->chunked && headers->content_length != HEADERS_UNKNOWN &&
            headers->content_length != headers->range_last - headers->range_first + 1)
                return HEADERS_RESTART;
        if (!same_version(headers, ask))
                return HEADERS_RESTART;

        plan->total = headers->range_total != HEADERS_UNKNOWN ? headers->range_total : ask->total;
        /* Without a length the end would be guessed. */
        if (plan->total == HEADERS_UNKNOWN || headers->range_last >= plan->total)
                return HEADERS_RESTART;
        plan->end = headers->range_last + 1;
        return check_total(HEADERS_APPEND, ask, plan, error);
}

/* 416.  With If-Range it says "the same version, and nothing behind your offset"; without, nothing
 * about the version, unless a digest will. */
static enum headers_verdict decide_unsatisfiable(const struct headers *headers,
                                                 const struct headers_ask *ask,
                                                 struct headers_plan *plan, struct ub_error *error)
{
        if (ask->offset == 0)
                return refuse(plan, ub_error_set(error, -EREMOTEIO, "HTTP status 416"));
        if (!headers->has_range || headers->range_total != ask->offset ||
            headers->range_first != HEADERS_UNKNOWN || !same_version(headers, ask))
                return HEADERS_RESTART;
        plan->total = headers->range_total;
        return check_total(HEADERS_COMPLETE, ask, plan, error);
}

static enum headers_verdict decide_failure(const struct headers *headers, struct headers_plan *plan,
                                           struct ub_error *error)
{
        (void)ub_error_set(error, 0, "HTTP status %d", headers->status);
        switch (headers->status) {
        case 408: /* Request Timeout */
        case 425: /* Too Early */
        case 429: /* Too Many Requests */
        case 500:
        case 502:
        case 503:
        case 504:
                plan->result = -EREMOTEIO;
                return HEADERS_RETRY;
        case 401:
        case 403:
        case 407:
                return refuse(plan, -EACCES);
        case 404:
        case 410:
                return refuse(plan, -ENOENT);
        default:
                return refuse(plan, -EREMOTEIO);
        }
}

enum headers_verdict ub_headers_decide(const struct headers *headers, const struct headers_ask *ask,
                                       struct headers_plan *ret, struct ub_error *error)
{
        assert(headers && ask && ask->held && ret);

        *ret = (struct headers_plan){ .total = HEADERS_UNKNOWN, .end = HEADERS_UNKNOWN };
        if (headers->broken) {
                ret->result = ub_error_set(error, -EREMOTEIO,
                                           "the server's %s cannot be understood", headers->broken);
                return HEADERS_RETRY;
        }
        switch (headers->status) {
        case 200:
                return decide_whole(headers, ask, ret, error);
        case 206:
                return decide_partial(headers, ask, ret, error);
        case 416:
                return decide_unsatisfiable(headers, ask, ret, error);
        case 301:
        case 302:
        case 303:
        case 307:
        case 308:
                if (headers->location[0])
                        return HEADERS_REDIRECT;
                return refuse(ret,
                              ub_error_set(error, -EREMOTEIO, "HTTP status %d without a Location",
                                           headers->status));
        default:
                return decide_failure(headers, ret, error);
        }
}

uint64_t ub_headers_retry_after_usec(const struct headers *headers, int64_t now_sec)
{
        const char *text = headers->retry_after;
        uint64_t sec;
        int64_t date;

        if (read_number(&text, &sec) && *text == '\0')
                return sec < UINT64_MAX / USEC_PER_SEC ? sec * USEC_PER_SEC : UINT64_MAX;

        /* The server's own clock, when it shows it: ours may be years off on a device. */
        date = (int64_t)curl_getdate(headers->retry_after, NULL);
        if (headers->date_sec >= 0)
                now_sec = headers->date_sec;
        return date > now_sec ? (uint64_t)(date - now_sec) * USEC_PER_SEC : 0;
}
