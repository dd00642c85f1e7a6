/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include "host/util/worker.h"
#include "tests/unit/unit.h"

/* A job that reports where its halves ran, and can be held up. */
struct job {
        sem_t *gate; /* NULL: runs through */
        sem_t *begun;
        int result;
        pthread_t ran_on;
        sigset_t mask;
        pthread_t done_on;
        int done_r;
        unsigned n_done;
        unsigned order;
        unsigned *counter;
        sd_event *exits;       /* left when this one is done */
        struct worker *submit; /* gets `next` when this one is done */
        struct job *next;
};

static int job_run(void *data)
{
        struct job *job = data;

        job->ran_on = pthread_self();
        (void)pthread_sigmask(SIG_BLOCK, NULL, &job->mask);
        if (job->begun)
                (void)sem_post(job->begun);
        if (job->gate)
                (void)sem_wait(job->gate);
        return job->result;
}

static void job_done(void *data, int r)
{
        struct job *job = data;

        job->done_on = pthread_self();
        job->done_r = r;
        job->n_done++;
        if (job->counter)
                job->order = ++*job->counter;
        if (job->submit)
                ck_assert_int_eq(worker_submit(job->submit, job_run, job_done, job->next), 0);
        if (job->exits)
                (void)sd_event_exit(job->exits, 0);
}

static sd_event *event;
static struct worker *worker;

static void begin(size_t max_jobs)
{
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(worker_new(event, max_jobs, &worker), 0);
}

static void end(void)
{
        worker = worker_free(worker);
        event = sd_event_unref(event);
}

START_TEST(a_job_runs_on_the_thread_and_is_done_on_the_loop)
{
        struct job job = { .result = -EIO };

        begin(4);
        job.exits = event;
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &job), 0);
        ck_assert_int_eq(sd_event_loop(event), 0);
        ck_assert_uint_eq(job.n_done, 1);
        ck_assert_int_eq(job.done_r, -EIO);
        ck_assert(!pthread_equal(job.ran_on, pthread_self()));
        ck_assert(pthread_equal(job.done_on, pthread_self()));
        end();
}
END_TEST

START_TEST(the_thread_takes_no_signals)
{
        struct job job = { .result = 0 };

        begin(4);
        job.exits = event;
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &job), 0);
        ck_assert_int_eq(sd_event_loop(event), 0);
        ck_assert(sigismember(&job.mask, SIGTERM));
        ck_assert(sigismember(&job.mask, SIGHUP));
        end();
}
END_TEST

START_TEST(jobs_are_done_in_the_order_in_which_they_came)
{
        struct job jobs[8] = { { .gate = NULL } };
        unsigned counter = 0;

        begin(8);
        for (unsigned i = 0; i < 8; i++) {
                jobs[i].counter = &counter;
                ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[i]), 0);
        }
        jobs[7].exits = event;
        ck_assert_int_eq(sd_event_loop(event), 0);
        for (unsigned i = 0; i < 8; i++)
                ck_assert_uint_eq(jobs[i].order, i + 1);
        end();
}
END_TEST

START_TEST(a_full_worker_takes_no_more)
{
        sem_t gate;
        struct job jobs[3] = { { .gate = &gate } };

        ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
        begin(2);
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[0]), 0);
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[1]), 0);
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[2]), -ENOBUFS);
        (void)sem_post(&gate);
        worker_drain(worker);
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[2]), 0);
        end();
        ck_assert_uint_eq(jobs[0].n_done + jobs[1].n_done + jobs[2].n_done, 3);
}
END_TEST

START_TEST(free_waits_for_the_running_job_and_cancels_the_rest)
{
        sem_t gate;
        sem_t begun;
        struct job jobs[2] = { { .gate = &gate, .begun = &begun } };

        ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
        ck_assert_int_eq(sem_init(&begun, 0, 0), 0);
        begin(2);
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[0]), 0);
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &jobs[1]), 0);
        ck_assert_int_eq(sem_wait(&begun), 0);
        (void)sem_post(&gate);
        end();
        ck_assert_uint_eq(jobs[0].n_done, 1);
        ck_assert_int_eq(jobs[0].done_r, 0);
        /* The second may have had its turn before worker_free() came; done it is in any case. */
        ck_assert_uint_eq(jobs[1].n_done, 1);
        ck_assert(jobs[1].done_r == 0 || jobs[1].done_r == -ECANCELED);
}
END_TEST

START_TEST(drain_finishes_also_what_a_done_submits)
{
        struct job second = { .result = 7 };
        struct job first = { .next = &second };

        begin(1);
        first.submit = worker;
        ck_assert_int_eq(worker_submit(worker, job_run, job_done, &first), 0);
        worker_drain(worker);
        ck_assert_uint_eq(second.n_done, 1);
        ck_assert_int_eq(second.done_r, 7);
        end();
}
END_TEST

UNIT_MAIN("worker", a_job_runs_on_the_thread_and_is_done_on_the_loop, the_thread_takes_no_signals,
          jobs_are_done_in_the_order_in_which_they_came, a_full_worker_takes_no_more,
          free_waits_for_the_running_job_and_cancels_the_rest,
          drain_finishes_also_what_a_done_submits)
