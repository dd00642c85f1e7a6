/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch - DOWNLOAD: sources and signatures come here and are checked
 *
 *     look -> (source -> signature -> check) -> done
 *
 * for all components at a time.  A file that has passed every check is called "verified", and only
 * that name is unpacked later: after a crash nothing has to be remembered.  With a digest in the
 * desired state such a file is taken as it is when it is there already; without one there is no
 * telling what it was, and it is fetched again. */
#include "plugins/files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <update-broker/sdk/status.h>

#include "plugins/files/recipe.h"
#include "plugins/files/scope.h"
#include "plugins/files/tree.h"
#include "plugins/files/verify.h"

enum { SIGNATURE_BYTES_MAX = 256 * 1024 };

/* One component on its way. */
struct fetch {
        struct files *files;
        struct fetch *next;
        struct recipe recipe;
        int dir_fd;
        struct ub_download *download;
        bool there; /* look found it */
};

static struct fetch *fetch_free(struct fetch *fetch)
{
        if (!fetch)
                return NULL;
        (void)ub_download_free(fetch->download);
        scope_close(&fetch->dir_fd);
        recipe_done(&fetch->recipe);
        free(fetch);
        return NULL;
}

static bool is_inline(const char *signature)
{
        return strncmp(signature, "-----BEGIN ", 11) == 0;
}

/* ----------------------------------------------------------------------- on the worker's thread */

static int check_signature(const struct fetch *fetch, int fd, struct ub_error *error)
{
        const char *signature = fetch->recipe.signature;
        CLEANUP_FREE char *text = NULL;
        size_t length;
        int r;

        if (!signature)
                return 0;
        if (is_inline(signature))
                return verify_signature(fd, signature, strlen(signature),
                                        fetch->files->settings.ca, error);
        r = tree_read_file(fetch->dir_fd, FETCH_SIGNATURE, SIGNATURE_BYTES_MAX, &text, &length);
        if (r < 0)
                return ub_error_set(error, r, "the signature cannot be read: %s", strerror(-r));
        return verify_signature(fd, text, length, fetch->files->settings.ca, error);
}

/* Will what an earlier run fetched do? */
static int look_run(struct files *files, void *data, struct ub_error *error)
{
        struct fetch *fetch = data;
        CLEANUP_CLOSE int fd = -1;
        char digest[VERIFY_HEX_SIZE];
        int r;

        fd = openat(fetch->dir_fd, FETCH_VERIFIED, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd >= 0 && fetch->recipe.sha256) {
                r = verify_digest(fd, &files->progress.cancel, digest, error);
                if (r < 0)
                        return r;
                fetch->there = strcmp(digest, fetch->recipe.sha256) == 0 &&
                               check_signature(fetch, fd, NULL) == 0;
        }
        if (fetch->there)
                return 0;
        r = tree_remove(fetch->dir_fd, FETCH_VERIFIED);
        return r < 0 ? ub_error_set(error, r, "downloads: %s", strerror(-r)) : 0;
}

static int check_run(struct files *files, void *data, struct ub_error *error)
{
        struct fetch *fetch = data;
        CLEANUP_CLOSE int fd = -1;
        int r;

        (void)files;
        fd = openat(fetch->dir_fd, FETCH_SOURCE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return ub_error_set(error, -errno, "downloads: %s", strerror(errno));
        r = check_signature(fetch, fd, error);
        if (r < 0) {
                (void)tree_remove(fetch->dir_fd, FETCH_SOURCE); /* else CLEANUP does */
                return r;
        }
        if (renameat(fetch->dir_fd, FETCH_SOURCE, fetch->dir_fd, FETCH_VERIFIED) < 0)
                return ub_error_set(error, -errno, "downloads: %s", strerror(errno));
        r = tree_sync(fetch->dir_fd);
        return r < 0 ? ub_error_set(error, r, "downloads: %s", strerror(-r)) : 0;
}

/* ---------------------------------------------------------------------------------- on the loop */

static void drop_all(struct files *files)
{
        while (files->step.fetches) {
                struct fetch *next = files->step.fetches->next;

                (void)fetch_free(files->step.fetches);
                files->step.fetches = next;
        }
}

/* Ends the downloads that are on their way.  Those with a task see it when that is done. */
static void stop_downloads(struct files *files)
{
        struct fetch *fetch;

        for (fetch = files->step.fetches; fetch; fetch = fetch->next) {
                if (!fetch->download)
                        continue;
                fetch->download = ub_download_free(fetch->download);
                files->step.n_fetches_left--;
        }
}

static void end_when_all_have(struct files *files)
{
        if (files->step.n_fetches_left > 0)
                return;
        drop_all(files);
        activity_end_step(files, 0, NULL);
}

void fetch_cancel(struct files *files)
{
        stop_downloads(files);
        end_when_all_have(files);
}

/* The end of one of them; its last act may be to free it. */
static void finish(struct fetch *fetch, int r, const char *message)
{
        struct files *files = fetch->files;
        const char *id = fetch->recipe.id;

        files->step.n_fetches_left--;
        if (r < 0) {
                char text[UB_ERROR_MAX];

                (void)snprintf(text, sizeof(text), "%s: %s", id, message); /* may be cut */
                activity_note_failure(files, text);
                stop_downloads(files);
        } else {
                (void)ub_actions_set(files->actions, id, UB_DOWNLOAD_SUCCESS, 100, NULL);
                (void)ub_actions_progress(files->actions, UB_DOWNLOADING);
        }
        end_when_all_have(files);
}

static bool is_given_up(const struct files *files)
{
        return files->step.failure || files->step.cancelled || files->stopping;
}

static void on_checked(struct files *files, void *data, int r, const char *message)
{
        (void)files;
        finish(data, r, message);
}

static void check(struct fetch *fetch)
{
        int r = task_post(fetch->files, check_run, on_checked, fetch);

        if (r < 0)
                finish(fetch, r, strerror(-r));
}

static void on_progress(void *data, uint64_t now, uint64_t total)
{
        struct fetch *fetch = data;
        int percent = total > 0 && now < total ? (int)(now * 100 / total) : 0;

        (void)ub_actions_set(fetch->files->actions, fetch->recipe.id, UB_DOWNLOADING, percent,
                             NULL);
        (void)ub_actions_progress(fetch->files->actions, UB_DOWNLOADING);
}

/* A download has ended.  Its message goes with it, and finish() wants it gone, so it is copied. */
static void finish_download(struct fetch *fetch, int r, const char *message)
{
        char text[UB_ERROR_MAX];

        (void)snprintf(text, sizeof(text), "%s", message); /* may be cut */
        fetch->download = ub_download_free(fetch->download);
        if (r < 0)
                finish(fetch, r, text);
}

static void on_signature(void *data, int r, const char *message)
{
        struct fetch *fetch = data;

        finish_download(fetch, r, message);
        if (r >= 0)
                check(fetch);
}

static void start(struct fetch *fetch, const char *url, const char *name,
                  ub_download_done_fn done)
{
        const struct settings *settings = &fetch->files->settings;
        bool is_source = strcmp(name, FETCH_SOURCE) == 0;
        const struct ub_download_request request = {
                .url = url,
                .name = name,
                .dir_fd = fetch->dir_fd,
                .sha256 = is_source ? fetch->recipe.sha256 : NULL,
                .max_bytes = is_source ? settings->limits.archive_bytes : SIGNATURE_BYTES_MAX,
                .keep_free = settings->limits.keep_free_bytes,
                .bytes_per_sec = settings->bytes_per_sec,
                .total_usec = settings->download_timeout_usec,
                .attempts = settings->attempts,
                .ca_file = settings->tls_ca,
                .cert_file = settings->tls_cert,
                .key_file = settings->tls_key,
                .progress = is_source ? on_progress : NULL,
                .done = done,
                .data = fetch,
        };
        int r;

        r = ub_download_start(fetch->files->downloader, &request, &fetch->download);
        if (r < 0)
                finish(fetch, r, strerror(-r));
}

static void on_source(void *data, int r, const char *message)
{
        struct fetch *fetch = data;
        const char *signature = fetch->recipe.signature;

        finish_download(fetch, r, message);
        if (r < 0)
                return; /* and fetch may be gone */
        if (signature && !is_inline(signature))
                start(fetch, signature, FETCH_SIGNATURE, on_signature);
        else
                check(fetch);
}

static void on_looked(struct files *files, void *data, int r, const char *message)
{
        struct fetch *fetch = data;

        if (r < 0 || fetch->there || is_given_up(files))
                finish(fetch, r, message);
        else
                start(fetch, fetch->recipe.source, FETCH_SOURCE, on_source);
}

static int add(struct files *files, const struct change *change, struct ub_error *error)
{
        struct fetch *fetch = calloc(1, sizeof(*fetch));
        int r;

        if (!fetch)
                return ub_error_set(error, -ENOMEM, "out of memory");
        fetch->files = files;
        fetch->dir_fd = -1;
        r = recipe_read(ub_desired_state_component(files->desired, change->id), &files->settings,
                        error, &fetch->recipe);
        if (r == 0)
                r = recipe_check_source(&fetch->recipe, &files->settings, error);
        if (r == 0) {
                r = store_open_downloads(&files->store, change->id, &fetch->dir_fd);
                if (r < 0)
                        (void)ub_error_set(error, r, "%s: downloads: %s", change->id, strerror(-r));
        }
        if (r < 0) {
                (void)fetch_free(fetch);
                return r;
        }
        fetch->next = files->step.fetches;
        files->step.fetches = fetch;
        files->step.n_fetches_left++;
        return 0;
}

void fetch_begin(struct files *files)
{
        const struct plan *plan = &files->record.plan;
        struct ub_error error = UB_ERROR_INIT;
        struct fetch *fetch;
        struct fetch *next;
        size_t i;
        int r = 0;

        for (i = 0; i < plan->n && r == 0; i++)
                if (plan->list[i].in_scope && plan->list[i].kind != UB_ACTION_REMOVE)
                        r = add(files, &plan->list[i], &error);
        if (r < 0) {
                activity_note_failure(files, error.text);
                files->step.n_fetches_left = 0;
        }
        if (files->step.n_fetches_left == 0) {
                end_when_all_have(files);
                return;
        }
        for (fetch = files->step.fetches; fetch; fetch = next) {
                next = fetch->next;
                r = task_post(files, look_run, on_looked, fetch);
                if (r < 0)
                        finish(fetch, r, strerror(-r));
        }
}
