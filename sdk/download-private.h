/* SPDX-License-Identifier: Apache-2.0
 *
 * download-private - the inside of a download and of its downloader
 *
 *      QUEUED ---> OPENING ---> TRANSFER ---> DRAINING ---> FINISHING ---> ENDED
 *        ^                        ^  ^           |
 *        |                        |  +-----------+  redirect, or again without a range
 *        +------- WAITING <-------|--------------+  a trouble that may pass
 *
 * and from everywhere ENDING, which waits for the disk operation in progress, then ENDED.
 *
 * Bytes go from libcurl into `fill`; when the worker is free, `fill` and the worker's buffer change
 * places.  When both are full, or the bandwidth is used up, the transfer is paused.  The plugin's
 * callbacks run one at a time from a deferred call, each as its last act: they may free
 * anything. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/sdk/download.h>
#include <update-broker/sdk/error.h>

#include "sdk/download-backoff.h"
#include "sdk/download-disk.h"
#include "sdk/download-headers.h"
#include "sdk/download-multi.h"
#include "sdk/download-url.h"
#include "sdk/download-worker.h"

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_NEVER UINT64_MAX

/* A copy of what the plugin asked for, with defaults filled in. */
struct settings {
        struct ub_download_request request; /* its strings are ours; headers is not used */
        struct curl_slist *headers;
};

int ub_settings_copy(const struct ub_download_request *request, struct settings *ret);
void ub_settings_done(struct settings *settings);

enum download_state {
        DOWNLOAD_QUEUED,    /* waits for a slot */
        DOWNLOAD_OPENING,   /* the partial file is opened and digested */
        DOWNLOAD_TRANSFER,  /* bytes arrive */
        DOWNLOAD_DRAINING,  /* the attempt is over, its bytes are not yet written */
        DOWNLOAD_WAITING,   /* for the next attempt */
        DOWNLOAD_FINISHING, /* check, sync, rename */
        DOWNLOAD_ENDING,    /* the result is known, the disk is still busy */
        DOWNLOAD_ENDED,
};

/* How an attempt ended. */
enum outcome {
        OUTCOME_NONE,
        OUTCOME_COMPLETE,
        OUTCOME_REDIRECT,
        OUTCOME_RESTART, /* again, from the beginning */
        OUTCOME_RETRY,   /* again, later */
        OUTCOME_REFUSED, /* never */
};

enum { DUE_PROGRESS = 1 << 0, DUE_DONE = 1 << 1 };

struct ub_download {
        struct ub_downloader *owner;
        struct ub_download *next;
        struct settings settings;
        enum download_state state;
        bool has_slot;

        /* where */
        struct download_url url; /* as asked for */
        struct download_url at;  /* where redirects have led */
        bool redirected;
        bool left_origin; /* once left, credentials stay at home */
        int redirects;
        uint32_t retries;

        /* what is held: a copy of what the part knows, valid while the worker is busy, too */
        struct disk *disk;
        bool opened;
        struct headers_validator held;
        uint64_t held_total;
        uint64_t received; /* offset in the file of the next byte from the network */
        uint64_t total;    /* HEADERS_UNKNOWN until told */
        bool assembled;    /* put together from several answers */

        /* this attempt */
        CURL *easy;
        struct curl_slist *easy_headers;
        char easy_error[CURL_ERROR_SIZE];
        bool from_scratch; /* ask without a range */
        struct headers headers;
        size_t header_bytes;
        bool decided;
        enum headers_verdict verdict;
        struct headers_plan plan;
        size_t ignored_bytes; /* of a body that is not the file */
        bool begin_wanted;    /* DISK_BEGIN or DISK_SPACE comes before the next write */
        bool starved;         /* the host gave no source for the socket */
        char *fill;
        size_t fill_length;
        bool paused;
        uint64_t resume_usec; /* bandwidth: not before */
        uint64_t window_usec; /* silence: when this window began */
        uint64_t window_bytes;
        bool window_paused;
        enum outcome outcome;
        struct ub_error cause;
        int cause_result;
        uint64_t retry_after_usec;

        /* all attempts */
        struct backoff backoff;
        struct bucket bucket;
        uint64_t deadline_usec;
        uint64_t retry_usec;
        uint64_t progress_usec; /* last told */

        unsigned due; /* DUE_* */
        int result;
        struct ub_error message;
};

struct ub_downloader {
        const struct ub_host *host; /* borrowed, outlives us */
        struct worker *worker;
        struct multi *multi;
        char *user_agent;
        bool has_ca_folder; /* the system's certificates can be looked up one by one */
        uint32_t parallel;
        uint32_t active;
        struct bucket bucket;
        uint32_t ticks;
        struct ub_download *first; /* in order of start */
        struct ub_source *tick;
        uint64_t tick_usec; /* when it fires */
        struct ub_source *deferred;
};

uint64_t ub_downloader_now_usec(void);

/* Looks at what has changed: gives slots away, sets the timer, has callbacks called.  Whatever
 * enters through the loop or the interface ends with this. */
void ub_downloader_turn(struct ub_downloader *downloader);

/* download-attempt.c */
extern const struct multi_user ub_download_multi_user;
void ub_download_begin(struct ub_download *d); /* it has a slot */
void ub_download_tick(struct ub_download *d, uint64_t now);
uint64_t ub_download_next_usec(const struct ub_download *d); /* when ub_download_tick is needed */
void ub_download_fail(struct ub_download *d, int r);         /* `cause` says why; ends it */

void ub_download_release_slot(struct ub_download *d);
void ub_download_on_disk(
        void *user); /* the worker has done what it was given; user: the download */

/* download-transfer.c */

/* Makes d->easy for one request to d->at and adds it to the multi.  -ENOMEM, -EINVAL. */
int ub_transfer_start(struct ub_download *d);
void ub_transfer_stop(struct ub_download *d);
/* The offset that the request asks for: 0 when there is nothing to go on with. */
void ub_transfer_ask(const struct ub_download *d, struct headers_ask *ret);
/* The verdict on d->headers. */
void ub_transfer_decide(struct ub_download *d);
/* How long the download must wait for bandwidth. */
uint64_t ub_transfer_bandwidth_usec(struct ub_download *d, uint64_t now);
/* Notes an outcome unless there is one already; the transfer ends as soon as libcurl can be
 * called. */
void ub_transfer_note(struct ub_download *d, enum outcome outcome, int r);
/* How libcurl's result is to be taken. */
enum outcome ub_transfer_classify(struct ub_download *d, CURLcode code);
