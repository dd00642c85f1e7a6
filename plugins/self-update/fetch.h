/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch - one bundle at a time into the folder of the agent
 *
 * A thin layer over the SDK's download (which resumes, retries, keeps limits and checks): it makes
 * the folder, adds headers from a file, and says what has come of it in a sentence that can stand
 * behind "Download failed: ". */
#pragma once

#include <stdint.h>

struct fetch;
struct settings;
struct ub_downloader;
struct ub_error;
struct ub_host;

struct fetch_events {
        void (*progress)(void *data, uint64_t now, uint64_t total);
        /* text: "" when result is 0 */
        void (*done)(void *data, int result, const char *text, uint64_t total);
};

struct fetch_request {
        const char *url;
        const char *path;   /* absolute; where it is when it is complete */
        const char *sha256; /* "": not known */
        uint64_t size;      /* 0: not known */
};

enum { FETCH_HEADERS_MAX = 16, FETCH_HEADERS_BYTES_MAX = 8192 };

/* The lines of download.headersFile.  They may be secrets: they are never logged. */
struct fetch_headers {
        const char *list[FETCH_HEADERS_MAX + 1]; /* "Name: value" ..., NULL; into the text */
        char text[FETCH_HEADERS_BYTES_MAX];
};

/* None when the settings name no file.  A file that everybody may read is warned of.  What open(2)
 * reports, -EIO, -EBADMSG, -E2BIG; error names the file, and the line by its number. */
int fetch_read_headers(const struct ub_host *host, const struct settings *settings,
                       struct fetch_headers *ret, struct ub_error *error);

/* Everything is borrowed and outlives it.  -ENOMEM. */
int fetch_new(const struct ub_host *host, const struct settings *settings,
              const struct fetch_events *events, void *data, struct fetch **ret);
struct fetch *fetch_free(struct fetch *fetch);

/* The outcome comes later, also when it is a failure at once.  A complete file of this name is
 * taken as it is. */
void fetch_start(struct fetch *fetch, const struct fetch_request *request);
/* The partial file stays. */
void fetch_stop(struct fetch *fetch);
/* How often the last one was begun again after a trouble. */
unsigned fetch_retries(const struct fetch *fetch);
/* Removes every bundle, complete or partial. */
void fetch_delete(struct fetch *fetch);

/* Makes the folder when it is not there.  0, or what mkdir(2) reports. */
int fetch_make_folder(const struct fetch *fetch);

/* For checks that need a download of their own; made when it is first needed.  NULL: error. */
struct ub_downloader *fetch_get_downloader(struct fetch *fetch);
