/* SPDX-License-Identifier: Apache-2.0
 *
 * downloader - the downloads of one plugin instance, see <update-broker/sdk/download.h>
 *
 * Hands out slots, owns the one timer that serves all time limits (sources are few:
 * UB_MAX_SOURCES), and calls the plugin back. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#include "sdk/download-private.h"

uint64_t ub_downloader_now_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* cannot fail with this clock */
        return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

/* ---------------------------------------------------------------------------- turns of the loop */

/* Deferred: one callback of the plugin, as the last act. */
static void on_deferred(void *data)
{
        struct ub_downloader *downloader = data;
        struct ub_download *d = downloader->first;

        downloader->deferred = NULL;
        while (d && !d->due)
                d = d->next;
        if (!d)
                return;

        if (d->due & DUE_PROGRESS) {
                uint64_t total = d->total == HEADERS_UNKNOWN ? 0 : d->total;

                d->due &= ~(unsigned)DUE_PROGRESS;
                ub_downloader_turn(downloader); /* more may be due */
                d->settings.request.progress(d->settings.request.data, d->received, total);
                return;
        }
        d->due = 0;
        ub_downloader_turn(downloader);
        d->settings.request.done(d->settings.request.data, d->result, d->message.text);
}

static void arm_deferred(struct ub_downloader *downloader)
{
        const struct ub_host *host = downloader->host;
        const struct ub_download *d = downloader->first;

        while (d && !d->due)
                d = d->next;
        if (!d || downloader->deferred)
                return;
        /* When the plugin has used up its sources, the next turn tries again. */
        if (host->defer(host->ctx, on_deferred, downloader, &downloader->deferred) < 0)
                downloader->deferred = NULL;
}

/* Begins with another one each time: who is first takes the bandwidth that all share. */
static void tick_all(struct ub_downloader *downloader, uint64_t now)
{
        struct ub_download *d;
        uint32_t n = 0;
        uint32_t i;
        int pass;

        for (d = downloader->first; d; d = d->next)
                n++;
        if (n == 0)
                return;
        n = downloader->ticks++ % n;
        for (pass = 0; pass < 2; pass++)
                for (i = 0, d = downloader->first; d; i++, d = d->next)
                        if ((i >= n) == (pass == 0) && ub_download_next_usec(d) <= now)
                                ub_download_tick(d, now);
}

static void on_tick(void *data)
{
        struct ub_downloader *downloader = data;

        downloader->tick = NULL;
        tick_all(downloader, ub_downloader_now_usec());
        ub_downloader_turn(downloader);
}

static void arm_tick(struct ub_downloader *downloader)
{
        const struct ub_host *host = downloader->host;
        uint64_t now = ub_downloader_now_usec();
        uint64_t next = USEC_NEVER;
        const struct ub_download *d;

        for (d = downloader->first; d; d = d->next) {
                uint64_t usec = ub_download_next_usec(d);

                next = usec < next ? usec : next;
        }
        /* One that fires too early only looks around, so it is left alone. */
        if (next == USEC_NEVER || (downloader->tick && downloader->tick_usec <= next))
                return;
        host->source_drop(host->ctx, downloader->tick);
        downloader->tick = NULL;
        downloader->tick_usec = next;
        if (host->timer(host->ctx, next > now ? next - now : 0, on_tick, downloader,
                        &downloader->tick) < 0)
                downloader->tick = NULL; /* as in arm_deferred */
}

static void give_slots(struct ub_downloader *downloader)
{
        struct ub_download *d;

        for (d = downloader->first; d && downloader->active < downloader->parallel; d = d->next) {
                if (d->state != DOWNLOAD_QUEUED)
                        continue;
                d->has_slot = true;
                downloader->active++;
                ub_download_begin(d);
        }
}

void ub_downloader_turn(struct ub_downloader *downloader)
{
        give_slots(downloader);
        arm_tick(downloader);
        arm_deferred(downloader);
}

/* ----------------------------------------------------------------------------------------- life */

/* libcurl would read the system's whole bundle of certificates, some hundred milliseconds on a
 * small machine, inside one call.  Where libcurl knows a folder of them with OpenSSL's names
 * ("4a6481c9.0"), only the ones that are needed are read. */
static bool find_ca_folder(void)
{
        const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
        DIR *dir = info->age >= CURLVERSION_SEVENTH && info->capath ? opendir(info->capath) : NULL;
        const struct dirent *entry;
        bool found = false;

        while (!found && dir && (entry = readdir(dir)))
                found = strspn(entry->d_name, "0123456789abcdef") == 8 &&
                        strcmp(entry->d_name + 8, ".0") == 0;
        if (dir)
                (void)closedir(dir); /* only read */
        return found;
}

int ub_downloader_new(const struct ub_host *host, const struct ub_downloader_options *options,
                      struct ub_downloader **ret)
{
        static const struct ub_downloader_options defaults = { .parallel = 0 };
        struct ub_downloader *downloader;
        int r;

        if (!host || !ret)
                return -EINVAL;
        if (!options)
                options = &defaults;
        if (options->parallel > UB_DOWNLOAD_PARALLEL_MAX)
                return -EINVAL;

        /* Counted; never taken back, since others in the process may be using it. */
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;

        downloader = calloc(1, sizeof(*downloader));
        if (!downloader)
                return -ENOMEM;
        downloader->host = host;
        downloader->parallel = options->parallel ? options->parallel : UB_DOWNLOAD_PARALLEL;
        downloader->has_ca_folder = find_ca_folder();
        downloader->bucket.bytes_per_sec = options->bytes_per_sec;
        downloader->user_agent =
                strdup(options->user_agent ? options->user_agent : "update-broker");
        r = downloader->user_agent ? ub_worker_new(host, &downloader->worker) : -ENOMEM;
        if (r >= 0)
                r = ub_multi_new(host, downloader->parallel, &ub_download_multi_user, downloader,
                                 &downloader->multi);
        if (r < 0) {
                ub_downloader_free(downloader);
                return r;
        }
        *ret = downloader;
        return 0;
}

struct ub_downloader *ub_downloader_free(struct ub_downloader *downloader)
{
        const struct ub_host *host;

        if (!downloader)
                return NULL;
        host = downloader->host;
        downloader->parallel = 0; /* nobody moves up */
        while (downloader->first)
                ub_download_free(downloader->first);
        host->source_drop(host->ctx, downloader->tick);
        host->source_drop(host->ctx, downloader->deferred);
        ub_multi_free(downloader->multi);
        ub_worker_free(downloader->worker);
        free(downloader->user_agent);
        free(downloader);
        return NULL;
}

uint32_t ub_download_retries(const struct ub_download *download)
{
        return download->retries;
}

int ub_download_discard(int dir_fd, const char *name)
{
        if (dir_fd < 0 || !name || !ub_part_name_is_valid(name))
                return -EINVAL;
        return ub_part_discard(dir_fd, name);
}
