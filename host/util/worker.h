/* SPDX-License-Identifier: Apache-2.0
 *
 * worker - one thread for the work that would block the loop
 *
 * fsync(2) takes as long as the disk does, and the loop has no such time.  A job has two halves:
 * run() on the worker's thread, and done() with its result on the loop.  Jobs run one after the
 * other, in the order in which they came; their done() come in the same order.
 *
 * Each job's done() is called exactly once, so that what `data` points to has one owner at a time:
 * the caller, then run(), then done().  For jobs that worker_free() finds not yet begun it is
 * called from there, with -ECANCELED; this is the one destructor that calls back.
 *
 * The thread blocks all signals.  All functions belong on the loop thread. */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

struct worker;

/* 0 or a negative errno; goes to done(). */
typedef int (*worker_run_fn)(void *data);
typedef void (*worker_done_fn)(void *data, int r);

/* max_jobs: how many may wait or run at a time.  event is borrowed and outlives the worker. */
int worker_new(sd_event *event, size_t max_jobs, struct worker **ret);

/* Waits for the job that runs, cancels the others, calls the done() that are due.  To let all of
 * them finish, call worker_drain() first.  Takes NULL.  Not from inside a done(). */
struct worker *worker_free(struct worker *worker);

/* Queues a job.  -ENOBUFS: max_jobs are there already; done() is then not called. */
int worker_submit(struct worker *worker, worker_run_fn run, worker_done_fn done, void *data);

/* Blocks until no job is left, also none that a done() submits, and calls each done().  For the end
 * of the daemon.  Not from inside a done(). */
void worker_drain(struct worker *worker);
