/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "host/util/cleanup.h"

struct job {
        struct job *next;
        worker_run_fn run;
        worker_done_fn done;
        void *data;
        int r;
};

struct jobs {
        struct job *first;
        struct job **end; /* where the next one is hung */
};

struct worker {
        size_t max_jobs;
        size_t n_jobs; /* submitted and not yet done; loop thread only */
        int done_fd;   /* eventfd: `finished` is not empty */
        sd_event_source *source;
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t lock;   /* of everything below */
        pthread_cond_t changed; /* a job came, a job ended, or the end is near */
        struct jobs waiting;
        struct jobs finished;
        bool ending;
};

DEFINE_FREEP(struct worker, worker);

static void jobs_append(struct jobs *jobs, struct job *job)
{
        job->next = NULL;
        *jobs->end = job;
        jobs->end = &job->next;
}

static struct job *jobs_take(struct jobs *jobs)
{
        struct job *job = jobs->first;

        if (job) {
                jobs->first = job->next;
                if (!jobs->first)
                        jobs->end = &jobs->first;
        }
        return job;
}

static void *run_jobs(void *userdata)
{
        struct worker *w = userdata;

        (void)pthread_mutex_lock(&w->lock); /* a default mutex fails for programming errors only */
        for (;;) {
                struct job *job;

                while (!w->ending && !w->waiting.first)
                        (void)pthread_cond_wait(&w->changed, &w->lock);
                if (w->ending)
                        break;
                job = jobs_take(&w->waiting);

                (void)pthread_mutex_unlock(&w->lock);
                job->r = job->run(job->data);
                (void)pthread_mutex_lock(&w->lock);

                jobs_append(&w->finished, job);
                /* Who is woken wants the lock. */
                (void)pthread_mutex_unlock(&w->lock);
                (void)pthread_cond_signal(&w->changed);
                (void)eventfd_write(w->done_fd, 1); /* fails only where the loop is 2^64 behind */
                (void)pthread_mutex_lock(&w->lock);
        }
        (void)pthread_mutex_unlock(&w->lock);
        return NULL;
}

/* One at a time, because a done() may take long enough that the next has ended meanwhile, and may
 * submit more.  False: nothing is finished. */
static bool finish_one(struct worker *w)
{
        struct job *job;

        (void)pthread_mutex_lock(&w->lock);
        job = jobs_take(&w->finished);
        (void)pthread_mutex_unlock(&w->lock);
        if (!job)
                return false;

        w->n_jobs--;
        job->done(job->data, job->r);
        free(job);
        return true;
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct worker *w = userdata;
        eventfd_t count;

        (void)source;
        (void)revents;
        (void)eventfd_read(fd, &count); /* worker_drain() may have been faster */
        while (finish_one(w))
                ;
        return 0;
}

/* A signal that the loop waits for must not be taken by this thread. */
static int start_thread(struct worker *w)
{
        sigset_t all;
        sigset_t before;
        int r;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&w->thread, NULL, run_jobs, w);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        w->has_thread = r == 0;
        return -r;
}

int worker_new(sd_event *event, size_t max_jobs, struct worker **ret)
{
        CLEANUP(worker_freep) struct worker *w = NULL;
        int r;

        assert(event && max_jobs > 0 && ret);

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->max_jobs = max_jobs;
        w->waiting.end = &w->waiting.first;
        w->finished.end = &w->finished.first;
        (void)pthread_mutex_init(&w->lock, NULL); /* cannot fail with default attributes */
        (void)pthread_cond_init(&w->changed, NULL);

        w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->done_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &w->source, w->done_fd, EPOLLIN, on_finished, w);
        if (r < 0)
                return r;
        r = start_thread(w);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

struct worker *worker_free(struct worker *w)
{
        struct job *job;

        if (!w)
                return NULL;

        if (w->has_thread) {
                (void)pthread_mutex_lock(&w->lock);
                w->ending = true;
                (void)pthread_cond_signal(&w->changed);
                (void)pthread_mutex_unlock(&w->lock);
                (void)pthread_join(w->thread, NULL);
        }
        while (finish_one(w))
                ;
        while ((job = jobs_take(&w->waiting))) {
                job->done(job->data, -ECANCELED);
                free(job);
        }

        sd_event_source_disable_unref(w->source);
        cleanup_close(&w->done_fd);
        (void)pthread_cond_destroy(&w->changed);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
        return NULL;
}

int worker_submit(struct worker *w, worker_run_fn run, worker_done_fn done, void *data)
{
        struct job *job;

        assert(run && done);

        if (w->ending)
                return -ECANCELED; /* a done() that worker_free() has called */
        if (w->n_jobs >= w->max_jobs)
                return -ENOBUFS;
        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;
        *job = (struct job){ .run = run, .done = done, .data = data };

        w->n_jobs++;
        (void)pthread_mutex_lock(&w->lock);
        jobs_append(&w->waiting, job);
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_cond_signal(&w->changed); /* not before: who is woken wants the lock */
        return 0;
}

void worker_drain(struct worker *w)
{
        while (w->n_jobs > 0) {
                (void)pthread_mutex_lock(&w->lock);
                while (!w->finished.first)
                        (void)pthread_cond_wait(&w->changed, &w->lock);
                (void)pthread_mutex_unlock(&w->lock);
                while (finish_one(w))
                        ;
        }
}
