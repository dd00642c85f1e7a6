/* SPDX-License-Identifier: Apache-2.0
 *
 * download-worker - a thread for what waits for a disk
 *
 * Writing, digesting, syncing and renaming may each take longer than a loop has (a full page cache
 * makes write(2) wait as well as fsync(2)), so one thread does them in order.  Ends of jobs come
 * back over an eventfd that the host's io watches; host->wake() belongs to the plugin.
 *
 * A job is embedded in what it works on.  From ub_worker_post() until done() the thread owns that;
 * the poster looks at nothing of it.  Everything but run() and drop() happens on the loop
 * thread. */
#pragma once

#include <stdbool.h>

struct ub_host;
struct worker;

struct worker_job {
        struct worker_job *next;
        void (*run)(struct worker_job *job); /* on the worker's thread; must not be long */
        void (*done)(struct worker_job
                             *job); /* afterwards, on the loop; its last act may free the job */
        void (*drop)(
                struct worker_job *job); /* on the worker's thread, in place of done: frees it */
        bool dropped;
};

int ub_worker_new(const struct ub_host *host, struct worker **ret);

/* Waits for the job that runs; those that wait must have been dropped. */
struct worker *ub_worker_free(struct worker *worker);

/* Queues a job behind all others. -EAGAIN, ...: the thread, which starts with the first job, cannot
 * be made. */
int ub_worker_post(struct worker *worker, struct worker_job *job);

/* Gives up a posted job; its done will not come.  true: the job is the caller's again.  false: it
 * is running, and the thread will drop it before it takes another one. */
bool ub_worker_drop(struct worker *worker, struct worker_job *job);
