/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch - see fetch.h
 *
 * A bundle is NAME.raucb when it is complete; the SDK keeps what has arrived so far in hidden files
 * beside it, whose names begin with the same NAME.  The machine makes NAME from what is wanted
 * (download_name), so that the name alone says whether a file is the right one.
 *
 * At any time there is at most one bundle in the folder: a device has room for one, not two. */
#include "plugins/self-update/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <update-broker/sdk/download.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/self-update/settings.h"

enum { TEXT_MAX = 512 };

struct fetch {
        const struct ub_host *host;
        const struct settings *settings;
        const struct fetch_events *events;
        void *data;
        struct ub_downloader *downloader;
        struct ub_download *download;
        struct ub_source *soon; /* an outcome that is known at once */
        unsigned retries; /* of the last one */
        int result;
        char text[TEXT_MAX];
        char path[SETTINGS_PATH_MAX * 2];
};

/* -------------------------------------------------------------------------------------- outcome */

static void end(struct fetch *fetch, int result, const char *text)
{
        struct stat st;

        /* Also of a file that was there before, of which no download has told the size. */
        if (result >= 0 && stat(fetch->path, &st) < 0) {
                result = -errno;
                text = strerror(errno);
        }
        fetch->events->done(fetch->data, result, text,
                            result >= 0 ? (uint64_t)st.st_size : 0);
}

static void on_soon(void *data)
{
        struct fetch *fetch = data;
        char text[TEXT_MAX];

        fetch->soon = NULL;
        /* Whoever is told may begin the next one, which overwrites it. */
        memcpy(text, fetch->text, sizeof(text));
        end(fetch, fetch->result, text);
}

/* For what is known while fetch_start() still runs.  text: the two one after the other. */
static void end_soon(struct fetch *fetch, int result, const char *prefix, const char *reason)
{
        int r;

        fetch->result = result;
        (void)snprintf(fetch->text, sizeof(fetch->text), "%s%s", prefix, reason);
        r = ub_defer(fetch->host, on_soon, fetch, &fetch->soon);
        if (r < 0)
                ub_err(fetch->host, "out of events: %s", strerror(-r));
}

static void on_progress(void *data, uint64_t now, uint64_t total)
{
        struct fetch *fetch = data;

        fetch->events->progress(fetch->data, now, total);
}

static void on_done(void *data, int result, const char *message)
{
        struct fetch *fetch = data;
        char text[TEXT_MAX];

        (void)snprintf(text, sizeof(text), "%s", message); /* it goes with the download */
        fetch->retries = ub_download_retries(fetch->download);
        fetch->download = ub_download_free(fetch->download);
        end(fetch, result, text);
}

/* --------------------------------------------------------------------------------------- folder */

/* mkdir -p; only the last level is kept from others. */
static int make_folder(const char *path)
{
        char part[SETTINGS_PATH_MAX];
        size_t i;

        for (i = 1; path[i - 1]; i++) {
                if (path[i] != '/' && path[i] != '\0')
                        continue;
                (void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
                if (mkdir(part, path[i] ? 0755 : 0700) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

int fetch_make_folder(const struct fetch *fetch)
{
        return make_folder(fetch->settings->folder);
}

/* "0123456789abcdef.raucb" and, with a dot in front, what belongs to it.  The folder may hold files
 * of others, which are left alone. */
static bool is_ours(const char *name)
{
        const char *dot = strstr(name, ".raucb");

        return dot && strspn(name + (*name == '.'), "0123456789abcdef") == 16;
}

/* Removes what is ours but `keep` (NULL: everything) and what belongs to it. */
static void sweep(const struct fetch *fetch, const char *keep)
{
        DIR *dir = opendir(fetch->settings->folder);
        const struct dirent *entry;

        if (!dir)
                return;
        while ((entry = readdir(dir)) != NULL) {
                const char *name = entry->d_name + (entry->d_name[0] == '.');

                if (!is_ours(entry->d_name) || (keep && strncmp(name, keep, strlen(keep)) == 0))
                        continue;
                if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
                        ub_warning(fetch->host, "%s/%s: %s", fetch->settings->folder,
                                   entry->d_name, strerror(errno));
        }
        (void)closedir(dir);
}

void fetch_delete(struct fetch *fetch)
{
        fetch_stop(fetch);
        sweep(fetch, NULL);
}

/* -------------------------------------------------------------------------------------- headers */

/* All of a file of headers.  It may hold secrets. */
static int read_header_file(const struct ub_host *host, const char *path,
                            char text[FETCH_HEADERS_BYTES_MAX], struct ub_error *error)
{
        struct stat st = { .st_mode = 0 };
        ssize_t length;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe does not hold it up */

        if (fd < 0)
                return ub_error_set(error, -errno, "%s: %s", path, strerror(errno));
        if (fstat(fd, &st) == 0 && st.st_mode & 0007)
                ub_warning(host, "%s: everybody may read it", path);
        length = read(fd, text, FETCH_HEADERS_BYTES_MAX);
        (void)close(fd);
        if (length < 0)
                return ub_error_set(error, -EIO, "%s: %s", path, strerror(errno));
        if (length == FETCH_HEADERS_BYTES_MAX)
                return ub_error_set(error, -E2BIG, "%s: more than %d bytes", path,
                                    FETCH_HEADERS_BYTES_MAX - 1);
        text[length] = '\0';
        return 0;
}

int fetch_read_headers(const struct ub_host *host, const struct settings *settings,
                       struct fetch_headers *ret, struct ub_error *error)
{
        const char *path = settings->download.headers_file;
        char *save = ret->text;
        char *line;
        size_t n = 0;
        int number = 0;
        int r;

        ret->list[0] = NULL;
        if (!*path)
                return 0;
        r = read_header_file(host, path, ret->text, error);
        if (r < 0)
                return r;
        while ((line = strsep(&save, "\n")) != NULL) {
                number++;
                line[strcspn(line, "\r")] = '\0';
                if (*line == '\0' || *line == '#')
                        continue;
                if (*line == ':' || !strchr(line, ':'))
                        return ub_error_set(error, -EBADMSG, "%s:%d: expected \"Name: value\"",
                                            path, number);
                if (n == FETCH_HEADERS_MAX)
                        return ub_error_set(error, -E2BIG, "%s: more than %d headers", path,
                                            FETCH_HEADERS_MAX);
                ret->list[n++] = line;
        }
        ret->list[n] = NULL;
        return 0;
}

/* ------------------------------------------------------------------------------------- requests */

struct ub_downloader *fetch_get_downloader(struct fetch *fetch)
{
        int r;

        if (fetch->downloader)
                return fetch->downloader;
        r = ub_downloader_new(fetch->host, NULL, &fetch->downloader);
        if (r < 0)
                ub_err(fetch->host, "no downloads: %s", strerror(-r));
        return fetch->downloader;
}

/* The settings say "" where the SDK wants NULL. */
static const char *opt(const char *text)
{
        return *text ? text : NULL;
}

static int start(struct fetch *fetch, const struct fetch_request *request, int dir_fd,
                 const char *const *headers)
{
        const struct settings *s = fetch->settings;
        const struct ub_download_request r = {
                .url = request->url,
                .name = strrchr(request->path, '/') + 1,
                .dir_fd = dir_fd,
                .sha256 = opt(request->sha256),
                .size = request->size,
                .max_bytes = s->download.max_bytes,
                .keep_free = s->download.keep_free,
                .bytes_per_sec = s->download.bytes_per_sec,
                .total_usec = s->download.total_usec,
                .connect_usec = s->download.connect_usec,
                .silence_usec = s->download.silence_usec,
                .attempts = (uint32_t)s->download.attempts,
                .retry_max_usec = s->download.retry_max_usec,
                .headers = headers,
                .ca_file = opt(s->download.ca_file),
                .cert_file = opt(s->download.cert_file),
                .key_file = opt(s->download.key_file),
                .proxy = opt(s->download.proxy),
                .progress = on_progress,
                .done = on_done,
                .data = fetch,
        };

        if (!fetch_get_downloader(fetch))
                return -ENOMEM;
        return ub_download_start(fetch->downloader, &r, &fetch->download);
}

/* What is in the folder of another bundle goes; this one is fetched, or is there. */
static void fetch_into(struct fetch *fetch, const struct fetch_request *request, int dir_fd)
{
        struct ub_error error = UB_ERROR_INIT;
        struct fetch_headers headers;
        int r;

        sweep(fetch, strrchr(request->path, '/') + 1);
        if (access(request->path, F_OK) == 0) {
                ub_info(fetch->host, "the bundle is there already");
                end_soon(fetch, 0, "", "");
                return;
        }
        r = fetch_read_headers(fetch->host, fetch->settings, &headers, &error);
        if (r < 0) {
                end_soon(fetch, r, "download.headersFile: ", error.text);
                return;
        }
        r = start(fetch, request, dir_fd, headers.list);
        if (r < 0)
                end_soon(fetch, r, "", strerror(-r));
}

void fetch_start(struct fetch *fetch, const struct fetch_request *request)
{
        const char *folder = fetch->settings->folder;
        int dir_fd;
        int r;

        fetch_stop(fetch);
        fetch->retries = 0;
        (void)snprintf(fetch->path, sizeof(fetch->path), "%s", request->path);
        r = make_folder(folder);
        dir_fd = r < 0 ? r : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0) {
                r = r < 0 ? r : -errno;
                end_soon(fetch, r, "the folder for downloads cannot be used: ", strerror(-r));
                return;
        }
        fetch_into(fetch, request, dir_fd);
        (void)close(dir_fd); /* the SDK has one of its own */
}

void fetch_stop(struct fetch *fetch)
{
        ub_source_drop(fetch->host, &fetch->soon);
        fetch->download = ub_download_free(fetch->download);
}

unsigned fetch_retries(const struct fetch *fetch)
{
        return fetch->retries;
}

int fetch_new(const struct ub_host *host, const struct settings *settings,
              const struct fetch_events *events, void *data, struct fetch **ret)
{
        struct fetch *fetch = calloc(1, sizeof(*fetch));

        if (!fetch)
                return -ENOMEM;
        *fetch = (struct fetch){ .host = host, .settings = settings, .events = events,
                                 .data = data };
        *ret = fetch;
        return 0;
}

struct fetch *fetch_free(struct fetch *fetch)
{
        if (!fetch)
                return NULL;
        fetch_stop(fetch);
        (void)ub_downloader_free(fetch->downloader);
        free(fetch);
        return NULL;
}
