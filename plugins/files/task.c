/* SPDX-License-Identifier: Apache-2.0
 *
 * task - work for the thread that waits for disks; see files.h */
#include "plugins/files/files.h"

#include <errno.h>
#include <stdlib.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/host.h>

#include "sdk/download-worker.h"

struct task {
        struct worker_job job; /* first: the job is the task */
        struct files *files;
        task_run_fn run;
        task_done_fn done;
        void *data;
        int r;
        struct ub_error error;
};

static void on_run(struct worker_job *job)
{
        struct task *task = (struct task *)job;

        task->r = task->run(task->files, task->data, &task->error);
}

static void on_done(struct worker_job *job)
{
        struct task *task = (struct task *)job;
        struct files *files = task->files;

        files->n_tasks--;
        task->done(files, task->data, task->r, task->error.text);
        free(task);
        if (files->stopping && files->n_tasks == 0)
                (void)ub_stopped(files->host);
}

int task_post(struct files *files, task_run_fn run, task_done_fn done, void *data)
{
        struct task *task = calloc(1, sizeof(*task));
        int r;

        if (!task)
                return -ENOMEM;
        task->job.run = on_run;
        task->job.done = on_done;
        task->files = files;
        task->run = run;
        task->done = done;
        task->data = data;
        r = ub_worker_post(files->worker, &task->job);
        if (r < 0)
                free(task);
        else
                files->n_tasks++;
        return r;
}
