/* SPDX-License-Identifier: Apache-2.0
 *
 * download - one file on its way, see <update-broker/sdk/download.h>: beginning and end
 *
 * What happens in between is in download-attempt.c. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/download-private.h"

static bool is_digest(const char *text)
{
        return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

/* What makes two downloads the same: the digest of the content where it is known, so that another
 * mirror may go on; otherwise the URL, as a digest because it may hold a token that does not belong
 * on a disk. */
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
        r = ub_part_new(dir_fd, request->name, source, request->keep_free, &part);
        if (r < 0)
                return r;
        r = ub_disk_new(d->owner->worker, part, ub_download_on_disk, d, &d->disk);
        if (r < 0) {
                ub_part_free(part);
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

        r = ub_download_url_parse(request->url, &d->cause, &d->url);
        if (r < 0 && r != -EINVAL)
                return r;
        if (r >= 0 && request->sha256 && !is_digest(request->sha256))
                r = ub_error_set(&d->cause, -EINVAL, "the digest is not 64 hexadecimal digits");
        if (r >= 0)
                return make_disk(d, dir_fd);
        ub_download_fail(d, r);
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
        uint64_t now = ub_downloader_now_usec();
        struct ub_download *d;
        int r;

        if (!downloader || !request || !ret || !request->url || !request->done ||
            request->dir_fd < 0 || !request->name || !ub_part_name_is_valid(request->name))
                return -EINVAL;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->owner = downloader;
        d->state = DOWNLOAD_QUEUED;
        d->held_total = HEADERS_UNKNOWN;
        d->total = HEADERS_UNKNOWN;
        d->progress_usec = now;
        d->deadline_usec = request->total_usec ? now + request->total_usec : USEC_NEVER;
        d->bucket.bytes_per_sec = request->bytes_per_sec;
        r = ub_settings_copy(request, &d->settings);
        if (r >= 0)
                r = prepare(d, request->dir_fd);
        if (r < 0) {
                ub_download_free(d);
                return r;
        }
        d->backoff = (struct backoff){
                .first_usec = d->settings.request.retry_usec,
                .max_usec = d->settings.request.retry_max_usec,
                .limit = d->settings.request.attempts,
        };
        add(downloader, d);
        *ret = d;
        ub_downloader_turn(downloader);
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
        ub_transfer_stop(d);
        ub_disk_free(d->disk);
        ub_download_release_slot(d);
        free(d->fill);
        if (d->redirected)
                ub_download_url_done(&d->at);
        ub_download_url_done(&d->url);
        ub_settings_done(&d->settings);
        ub_downloader_turn(d->owner);
        free(d);
        return NULL;
}
