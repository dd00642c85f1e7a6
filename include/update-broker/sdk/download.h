/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/download.h - files from http, https and file URLs
 *
 *     r = ub_downloader_new(host, NULL, &self->downloader);            in start()
 *     ...
 *     const struct ub_download_request request = {
 *             .url = url, .dir_fd = self->dir_fd, .name = "bundle.raucb",
 *             .sha256 = digest, .size = size,
 *             .progress = on_progress, .done = on_done, .data = self,
 *     };
 *     r = ub_download_start(self->downloader, &request, &self->download);
 *
 * A download writes NAME's content to ".NAME.part" in the caller's folder and renames it to NAME
 * when it is complete, checked and on disk.  ".NAME.part.meta" beside it remembers which content
 * the partial file belongs to.  Both stay when a download fails, is cancelled or its process dies,
 * and the next download of the same thing goes on where they end, provided the server confirms that
 * the content has not changed.  What is proven wrong is removed.  "The same thing" is the expected
 * digest where one is given, so that another mirror may go on, and otherwise the URL.
 *
 * Everything runs on the host's loop and never blocks it: libcurl works on the loop's own sockets,
 * and one thread per downloader does what waits for a disk (write, digest, fsync, rename).
 *
 * Redirects are followed up to a limit, never from https to http and never to another scheme.
 * A redirect to another scheme, host or port gets neither the user and password nor the extra
 * headers nor the client certificate.
 *
 * Passing troubles (no connection, silence, HTTP 408, 425, 429, 500, 502, 503, 504) are tried again
 * after a pause; everything else is final.
 *
 * Loop thread only.  pkg-config update-broker-plugin-download names what to link. */
#ifndef UPDATE_BROKER_SDK_DOWNLOAD_H
#define UPDATE_BROKER_SDK_DOWNLOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ub_host;
struct ub_downloader; /* the downloads of one plugin instance */
struct ub_download;   /* one file on its way */

#define UB_DOWNLOAD_PARALLEL 8       /* default of ub_downloader_options.parallel */
#define UB_DOWNLOAD_PARALLEL_MAX 224 /* what fits beside other sources into UB_MAX_SOURCES */
#define UB_DOWNLOAD_NAME_MAX 240     /* longest file name */

struct ub_downloader_options {
        uint32_t parallel;      /* transfers at a time, the others wait; 0: UB_DOWNLOAD_PARALLEL */
        uint64_t bytes_per_sec; /* bandwidth of all downloads together; 0: no limit */
        const char *user_agent; /* (opt) "update-broker" */
};

/* Called now and then while bytes arrive, at most every progress_usec.  total: 0 while unknown. */
typedef void (*ub_download_progress_fn)(void *data, uint64_t now, uint64_t total);

/* Called once, at the end.  message: for people, names the URL (without credentials and
 * query) and the cause; "" on success.  result: 0, or
 *   -EINVAL      the URL or the digest cannot be read, or the scheme is not http, https or file
 *   -ENOENT      404 or 410, or no such file
 *   -EACCES      401, 403 or 407
 *   -EREMOTEIO   any other answer that means no
 *   -ELOOP       too many redirects
 *   -EPERM       a redirect that is not allowed
 *   -EKEYREJECTED  a certificate, of the server or our own, is not accepted
 *   -EFBIG       more than max_bytes
 *   -EBADMSG     complete, but not the expected size or digest; nothing of it is left
 *   -ENOSPC      the file system is full, or would be
 *   -EBUSY       another download writes this file
 *   -ETIMEDOUT   total_usec is over, or the last of the attempts ended in silence
 *   -ECONNABORTED  the last of the attempts ended in another trouble of the network
 *   or what the file system reports. */
typedef void (*ub_download_done_fn)(void *data, int result, const char *message);

/* Zero means the default everywhere.  All of it is copied by ub_download_start. */
struct ub_download_request {
        const char *url;  /* http, https or file; may hold user:password@ */
        const char *name; /* file name without a slash, at most UB_DOWNLOAD_NAME_MAX bytes */
        int dir_fd;       /* lent until ub_download_start returns: the folder for it */

        int max_redirects;  /* default 5; -1: none */
        const char *sha256; /* (opt) 64 hexadecimal digits, checked before the rename */
        uint64_t size;      /* checked before the rename; 0: not known */

        uint64_t max_bytes;     /* of the whole file; 0: no limit */
        uint64_t keep_free;     /* bytes that must stay free on the file system */
        uint64_t bytes_per_sec; /* bandwidth of this download; 0: no limit */

        uint64_t total_usec;    /* for everything, from start to the last byte; 0: no limit */
        uint64_t connect_usec;  /* for name, connection and handshake; default 30 s */
        uint64_t silence_usec;  /* an attempt ends when fewer than ... */
        uint64_t silence_bytes; /* ... so many bytes came in that time; default 60 s, 1024 bytes */

        uint32_t attempts; /* in a row that bring nothing; default 5 */
        uint32_t reserved;
        uint64_t retry_usec;     /* the first pause, doubled each time, with jitter; default 1 s */
        uint64_t retry_max_usec; /* the longest, also for a server's Retry-After; default 5 min */

        const char *user;           /* (opt) Basic authentication */
        const char *password;       /* (opt) */
        const char *const *headers; /* (opt) "Name: value", ends with NULL */
        const char *ca_file;        /* (opt) PEM; trusted in place of the system's */
        const char *cert_file;      /* (opt) PEM: client certificate ... */
        const char *key_file;       /* (opt) ... and its key; cert_file otherwise */
        const char *proxy;          /* (opt) as the environment says; "": none */

        ub_download_progress_fn progress; /* (opt) */
        uint64_t progress_usec;           /* default 500 ms */
        ub_download_done_fn done;
        void *data; /* first argument of both */
};

/* host and what it leads to must outlive the downloader.  options (opt).  Counts itself into
 * libcurl's global initialisation and never out of it.  -EINVAL, -ENOMEM, or what eventfd(2) and
 * the host's io report. */
int ub_downloader_new(const struct ub_host *host, const struct ub_downloader_options *options,
                      struct ub_downloader **ret);

/* Cancels all downloads, waits for the disk operation in progress if there is one (at most one
 * slice of a few MiB) and returns NULL.  The downloads are freed with it.  NULL is fine. */
struct ub_downloader *ub_downloader_free(struct ub_downloader *downloader);

/* Begins a download.  done is never called from in here, and only when this returns 0: everything
 * that the content of url or the network can cause is told there.  -EINVAL: no url, done or dir_fd,
 * or a bad name; -ENOMEM; what fcntl(2) reports on dir_fd. */
int ub_download_start(struct ub_downloader *downloader, const struct ub_download_request *request,
                      struct ub_download **ret);

/* Forgets a download and returns NULL.  Before done it cancels: done does not come any more, and
 * the partial file stays.  Needed after done, too; callable from done and from progress.  NULL is
 * fine. */
struct ub_download *ub_download_free(struct ub_download *download);

/* How often it was begun again after a trouble that could pass.  Callable from done, too. */
uint32_t ub_download_retries(const struct ub_download *download);

/* Removes what a cancelled or failed download left of NAME: the partial file and its notes.  0,
 * also when there is nothing; what unlinkat(2) reports. */
int ub_download_discard(int dir_fd, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_DOWNLOAD_H */
