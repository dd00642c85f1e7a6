/* SPDX-License-Identifier: Apache-2.0
 *
 * download-headers - what a server's answer means for a file that is partly there
 *
 * Pure: header lines and what was asked go in, a verdict comes out.  The one mistake that must not
 * happen is to put bytes at a place where they do not belong, so the rule is: append only to an
 * answer that says in every respect what was asked for (RFC 9110, 13.1.5 If-Range, 14.4
 * Content-Range, 15.3.7 Partial Content); anything else is either the whole file from its beginning
 * or asked for again without a range. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <update-broker/sdk/error.h>

#define HEADERS_UNKNOWN UINT64_MAX
#define HEADERS_BYTES_MAX (256 * 1024) /* of all header lines of one attempt */

enum {
        HEADERS_ETAG_MAX = 256,
        HEADERS_DATE_MAX = 64,
        HEADERS_LOCATION_MAX = 4096,
};

/* What identifies one version of a content.  "" when the server did not say. */
struct headers_validator {
        char etag[HEADERS_ETAG_MAX];          /* with its quotes, and W/ when it is weak */
        char last_modified[HEADERS_DATE_MAX]; /* as the server wrote it: it is compared as text */
        bool last_modified_strong;
};

/* The answer, as far as it matters. */
struct headers {
        int status;    /* 0: none yet */
        bool complete; /* the empty line has come */
        bool chunked;  /* the end of the body can be told from a break without a length */
        bool multipart;
        const char
                *broken; /* name of a field that cannot be read or contradicts itself; else NULL */
        uint64_t content_length;
        bool has_range; /* Content-Range; first..last are HEADERS_UNKNOWN for "bytes * / total" */
        uint64_t range_first;
        uint64_t range_last;
        uint64_t range_total;
        int64_t date_sec; /* -1: none */
        char retry_after[HEADERS_DATE_MAX];
        char location[HEADERS_LOCATION_MAX];
        struct headers_validator validator;
};

void ub_headers_init(struct headers *headers);

/* Takes one line, with or without its CR LF.  A status line forgets what came before (answers 1xx,
 * the proxy's); lines after the empty one are trailers and ignored. */
void ub_headers_line(struct headers *headers, const char *line, size_t length);

/* The value for If-Range, or NULL when nothing held is strong enough. */
const char *ub_headers_if_range(const struct headers_validator *held);

/* What was asked. */
struct headers_ask {
        uint64_t offset; /* 0: the whole file, without Range */
        uint64_t total;  /* length of the version that offset belongs to, or HEADERS_UNKNOWN */
        const struct headers_validator *held; /* of that version */
        bool has_digest; /* the result is checked against one, so that a weak validator will do */
        uint64_t size;   /* what the file must be, or HEADERS_UNKNOWN */
        uint64_t max_bytes; /* 0: no limit */
};

enum headers_verdict {
        HEADERS_WHOLE,    /* the body is the file from its beginning: drop what is there */
        HEADERS_APPEND,   /* the body goes on at ask.offset */
        HEADERS_COMPLETE, /* what is there is all of it */
        HEADERS_RESTART,  /* drop what is there and ask again without a range */
        HEADERS_REDIRECT, /* ask at headers.location */
        HEADERS_RETRY,    /* a trouble that may pass */
        HEADERS_REFUSED,  /* one that will not */
};

struct headers_plan {
        uint64_t total; /* length of the file, or HEADERS_UNKNOWN */
        uint64_t end;   /* offset in the file behind the body's last byte, or HEADERS_UNKNOWN */
        int result;     /* HEADERS_RETRY, HEADERS_REFUSED: a negative errno; error says why */
};

/* The verdict on a complete answer. */
enum headers_verdict ub_headers_decide(const struct headers *headers, const struct headers_ask *ask,
                                       struct headers_plan *ret, struct ub_error *error);

/* What Retry-After asks for, in microseconds from now (seconds since the epoch, for the date form
 * when the answer has no Date of its own); 0: nothing. */
uint64_t ub_headers_retry_after_usec(const struct headers *headers, int64_t now_sec);
