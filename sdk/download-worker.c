/* SPDX-License-Identifier: Apache-2.0
 *
 * download-worker - see download-worker.h */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#include "sdk/download-worker.h"

struct job_queue {
        struct worker_job *first;
        struct worker_job **end;
};

struct worker {
        const struct ub_host *host; /* borrowed, outlives us */
        struct ub_source *source;
        int event_fd;
        bool started;
        pthread_t thread;

        pthread_mutex_t lock; /* guards everything below */
        pthread_cond_t wanted;
        struct job_queue waiting;
        struct worker_job *running;
        struct job_queue finished;
        bool stopping;
};

static void queue_init(struct job_queue *queue)
{
        queue->first = NULL;
        queue->end = &queue->first;
}

static void queue_add(struct job_queue *queue, struct worker_job *job)
{
        job->next = NULL;
        *queue->end = job;
        queue->end = &job->next;
}

static struct worker_job *queue_take(struct job_queue *queue)
{
        struct worker_job *job = queue->first;

        if (job) {
                queue->first = job->next;
                if (!queue->first)
                        queue->end = &queue->first;
        }
        return job;
}

static bool queue_remove(struct job_queue *queue, struct worker_job *job)
{
        struct worker_job **p;

        for (p = &queue->first; *p; p = &(*p)->next) {
                if (*p != job)
                        continue;
                *p = job->next;
                if (queue->end == &job->next)
                        queue->end = p;
                return true;
        }
        return false;
}

/* -------------------------------------------------------------------------------- on the thread */

static void announce(struct worker *worker)
{
        const uint64_t one = 1;
        ssize_t n;

        do
                n = write(worker->event_fd, &one, sizeof(one));
        while (n < 0 && errno == EINTR);
        /* EAGAIN: the counter is full, so the loop is about to look anyway. */
}

static void *worker_main(void *data)
{
        struct worker *worker = data;

        (void)pthread_mutex_lock(&worker->lock);
        while (!worker->stopping) {
                struct worker_job *job = queue_take(&worker->waiting);

                if (!job) {
                        (void)pthread_cond_wait(&worker->wanted, &worker->lock);
                        continue;
                }
                worker->running = job;
                (void)pthread_mutex_unlock(&worker->lock);
                job->run(job);
                (void)pthread_mutex_lock(&worker->lock);
                worker->running = NULL;
                if (job->dropped) {
                        job->drop(job);
                } else {
                        queue_add(&worker->finished, job);
                        announce(worker);
                }
        }
        (void)pthread_mutex_unlock(&worker->lock);
        return NULL;
}

/* ---------------------------------------------------------------------------------- on the loop */

/* One job per event: its done may free the worker.  The eventfd, a semaphore, stays readable for
 * the others. */
static void worker_on_event(void *data, int fd, uint32_t events)
{
        struct worker *worker = data;
        struct worker_job *job;
        uint64_t n;

        (void)events; /* an eventfd knows only one */
        if (read(fd, &n, sizeof(n)) < 0)
                return; /* nothing there after all */
        (void)pthread_mutex_lock(&worker->lock);
        job = queue_take(&worker->finished); /* none when it was dropped meanwhile */
        (void)pthread_mutex_unlock(&worker->lock);
        if (job)
                job->done(job);
}

int ub_worker_new(const struct ub_host *host, struct worker **ret)
{
        struct worker *worker = calloc(1, sizeof(*worker));
        int r;

        if (!worker)
                return -ENOMEM;
        worker->host = host;
        queue_init(&worker->waiting);
        queue_init(&worker->finished);
        (void)pthread_mutex_init(&worker->lock,
                                 NULL); /* neither can fail with default attributes */
        (void)pthread_cond_init(&worker->wanted, NULL);
        worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
        r = worker->event_fd < 0 ? -errno
                                 : host->io(host->ctx, worker->event_fd, UB_IO_IN, worker_on_event,
                                            worker, &worker->source);
        if (r < 0) {
                ub_worker_free(worker);
                return r;
        }
        *ret = worker;
        return 0;
}

struct worker *ub_worker_free(struct worker *worker)
{
        if (!worker)
                return NULL;
        (void)pthread_mutex_lock(&worker->lock);
        assert(!worker->waiting.first);
        worker->stopping = true;
        (void)pthread_cond_signal(&worker->wanted);
        (void)pthread_mutex_unlock(&worker->lock);
        if (worker->started)
                (void)pthread_join(worker->thread, NULL);
        worker->host->source_drop(worker->host->ctx, worker->source);
        if (worker->event_fd >= 0)
                (void)close(worker->event_fd); /* holds nothing */
        (void)pthread_cond_destroy(&worker->wanted);
        (void)pthread_mutex_destroy(&worker->lock);
        free(worker);
        return NULL;
}

/* Signals are the host's business: they must not be delivered to this thread. */
static int start_thread(struct worker *worker)
{
        sigset_t all;
        sigset_t before;
        int r;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&worker->thread, NULL, worker_main, worker);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        worker->started = true;
        return 0;
}

int ub_worker_post(struct worker *worker, struct worker_job *job)
{
        if (!worker->started) {
                int r = start_thread(worker);

                if (r < 0)
                        return r;
        }
        job->dropped = false;
        (void)pthread_mutex_lock(&worker->lock);
        queue_add(&worker->waiting, job);
        (void)pthread_cond_signal(&worker->wanted);
        (void)pthread_mutex_unlock(&worker->lock);
        return 0;
}

bool ub_worker_drop(struct worker *worker, struct worker_job *job)
{
        bool ours;

        (void)pthread_mutex_lock(&worker->lock);
        ours = queue_remove(&worker->waiting, job) || queue_remove(&worker->finished, job);
        if (!ours) {
                assert(worker->running == job);
                job->dropped = true;
        }
        (void)pthread_mutex_unlock(&worker->lock);
        return ours;
}
