/* SPDX-License-Identifier: Apache-2.0 */
#include "host/state/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host/state/store-file.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/utf8.h"
#include "host/util/worker.h"

enum { FILE_NAME_MAX = UB_MAX_ID + sizeof(".state.bad") };

struct waiter {
        store_done_fn done;
        void *data;
};

struct waiters {
        struct waiter *list;
        size_t n;
};

/* One write.  Belongs to the worker from submit to done, and so outlives the store if need be. */
struct write_job {
        struct store *store; /* loop thread only; NULL: freed meanwhile */
        int dir_fd;          /* a copy of its own: the job may outlive the caller's */
        char file[FILE_NAME_MAX];
        char *bytes; /* NULL: nothing has changed since the last write, so there is nothing to do */
        size_t length;
        struct waiters waiters; /* to be told when this one ends */
};

struct store {
        int dir_fd;            /* borrowed, outlives the store */
        struct worker *worker; /* likewise */
        char file[FILE_NAME_MAX];
        struct values *values;
        bool dirty; /* changed since the snapshot of the last write, or that one failed */
        struct write_job *job;  /* in flight; owned by the worker */
        struct write_job *telling; /* ended, its callbacks are running */
        struct waiters waiters; /* for the write after that one */
};

DEFINE_FREEP(struct store, store);

static bool is_id(const char *id)
{
        size_t length = strlen(id);

        return length > 0 && length <= UB_MAX_ID &&
               strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* -------------------------------------------------------------------------------------- loading */

static void set_aside(const struct store *store, struct diag *diag)
{
        char bad[FILE_NAME_MAX + sizeof(".bad")];

        (void)snprintf(bad, sizeof(bad), "%s.bad", store->file); /* fits: the id is short enough */
        if (renameat(store->dir_fd, store->file, store->dir_fd, bad) < 0)
                /* On a disk that takes no writes the agent still starts, with nothing. */
                (void)diag_prefix(diag, 0, "%s: damaged, cannot be renamed (%s), ignored",
                                  store->file, strerror(errno));
        else
                (void)diag_prefix(diag, 0, "%s: damaged, set aside as %s", store->file, bad);
}

/* Whether an error of reading speaks of the file's content rather than of our means. */
static bool is_damage(int r)
{
        return r == -EBADMSG || r == -E2BIG || r == -EIO || r == -EISDIR || r == -EINVAL ||
               r == -ELOOP || r == -ENXIO;
}

static int load(struct store *store, struct diag *diag)
{
        struct diag why = DIAG_INIT;
        CLEANUP_FREE char *bytes = NULL;
        size_t length;
        int r;

        r = file_read_at(store->dir_fd, store->file, STORE_FILE_MAX, &bytes, &length);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                (void)diag_set(&why, r, "%s", strerror(-r));
        else
                r = store_file_read(bytes, length, store->values, &why);
        if (r >= 0)
                return 0;
        if (!is_damage(r))
                return diag_set(diag, r, "%s: %s", store->file, why.text);

        store->values = values_free(store->values);
        r = values_new(UB_MAX_STATE, &store->values);
        if (r < 0)
                return r;
        (void)diag_set(diag, 0, "%s", why.text);
        set_aside(store, diag);
        return 1;
}

int store_open(int dir_fd, const char *id, struct worker *worker, struct diag *diag,
               struct store **ret)
{
        CLEANUP(store_freep) struct store *store = NULL;
        int outcome;
        int r;

        assert(dir_fd >= 0 && id && worker && ret);

        if (!is_id(id))
                return diag_set(diag, -EINVAL, "%s: not the id of an agent", id);
        store = calloc(1, sizeof(*store));
        if (!store)
                return -ENOMEM;
        store->dir_fd = dir_fd;
        store->worker = worker;
        (void)snprintf(store->file, sizeof(store->file), "%s.state", id); /* fits, as above */
        r = values_new(UB_MAX_STATE, &store->values);
        if (r < 0)
                return r;

        outcome = load(store, diag);
        if (outcome < 0)
                return outcome;
        store->dirty = outcome > 0;

        *ret = TAKE_PTR(store);
        return outcome;
}

struct store *store_free(struct store *store)
{
        if (!store)
                return NULL;
        if (store->job)
                store->job->store = NULL;
        if (store->telling)
                store->telling->store = NULL;
        free(store->waiters.list);
        values_free(store->values);
        free(store);
        return NULL;
}

/* --------------------------------------------------------------------------------------- values */

int store_put(struct store *store, const char *key, const void *data, size_t length)
{
        size_t key_length = strnlen(key, UB_MAX_KEY + 1);
        int r;

        if (key_length == 0)
                return -EINVAL;
        if (key_length > UB_MAX_KEY || length > UB_MAX_STATE_VALUE)
                return -E2BIG;
        if (!utf8_is_valid(key, key_length))
                return -EINVAL;
        r = values_put(store->values, key, data, length);
        if (r < 0)
                return r;
        store->dirty = true;
        return 0;
}

int store_get(const struct store *store, const char *key, struct value *ret)
{
        return values_get(store->values, key, ret);
}

const struct values *store_values(const struct store *store)
{
        return store->values;
}

/* -------------------------------------------------------------------------------------- writing */

static void write_job_free(struct write_job *job)
{
        if (!job)
                return;
        cleanup_close(&job->dir_fd);
        free(job->bytes);
        free(job->waiters.list);
        free(job);
}

static void write_job_freep(struct write_job **job)
{
        write_job_free(*job);
}

static int write_snapshot(void *data) /* worker's thread */
{
        struct write_job *job = data;

        return job->bytes ? file_replace_at(job->dir_fd, job->file, job->bytes, job->length) : 0;
}

/* Calls all that wait for a job.  Each may free the store, and then nobody else wants to hear of
 * it. */
static void tell(struct write_job *job, int r)
{
        for (size_t i = 0; i < job->waiters.n && job->store; i++)
                job->waiters.list[i].done(job->waiters.list[i].data, r);
}

static int begin_write(struct store *store);

/* The next write, for those who came while this one was in flight and whom no done() has served
 * yet.  When it cannot begin, they are told that. */
static void go_on(struct write_job *job)
{
        struct store *store = job->store;
        int r;

        if (!store || store->job || store->waiters.n == 0)
                return;
        r = begin_write(store);
        if (r < 0) {
                free(job->waiters.list);
                job->waiters = store->waiters;
                store->waiters = (struct waiters){ .list = NULL };
                tell(job, r);
        }
}

static void on_written(void *data, int r)
{
        struct write_job *job = data;

        if (job->store) {
                job->store->job = NULL;
                job->store->telling = job;
                if (r < 0)
                        job->store->dirty = true;
                tell(job, r);
                go_on(job);
        }
        if (job->store)
                job->store->telling = NULL;
        write_job_free(job);
}

/* Writes what the store holds, for all that wait.  On failure they still wait. */
static int begin_write(struct store *store)
{
        CLEANUP(write_job_freep) struct write_job *job = NULL;
        int r;

        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;
        memcpy(job->file, store->file, sizeof(job->file));
        job->dir_fd = fcntl(store->dir_fd, F_DUPFD_CLOEXEC, 0);
        if (job->dir_fd < 0)
                return -errno;
        if (store->dirty) {
                r = store_file_write(store->values, &job->bytes, &job->length);
                if (r < 0)
                        return r;
        }
        job->store = store;
        r = worker_submit(store->worker, write_snapshot, on_written, job);
        if (r < 0)
                return r;

        job->waiters = store->waiters;
        store->waiters = (struct waiters){ .list = NULL };
        store->dirty = false;
        store->job = TAKE_PTR(job);
        return 0;
}

static int add_waiter(struct waiters *waiters, store_done_fn done, void *data)
{
        struct waiter *list;

        if (waiters->n >= STORE_SYNCS_MAX)
                return -ENOBUFS;
        list = reallocarray(waiters->list, waiters->n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        list[waiters->n++] = (struct waiter){ .done = done, .data = data };
        waiters->list = list;
        return 0;
}

int store_sync(struct store *store, store_done_fn done, void *data)
{
        int r;

        assert(done);

        r = add_waiter(&store->waiters, done, data);
        if (r < 0 || store->job)
                return r;
        r = begin_write(store);
        if (r < 0)
                store->waiters.n--; /* the last one added, and it learns from r */
        return r;
}
