/* SPDX-License-Identifier: Apache-2.0
 *
 * files - an instance of the files agent, as its files share it
 *
 *     files.c      the tables of the plugin
 *     activity.c   desired state and commands: from one step to the next, on the loop
 *     task.c       work for the thread that waits for disks
 *     identify.c   what differs from what is desired
 *     fetch.c      DOWNLOAD
 *     install.c    UPDATE
 *     change.c     ACTIVATE, ROLLBACK, CLEANUP and VERIFY
 *     command.c    the command that a component is activated with
 *     inventory.c  what is on disk
 *
 * The others know nothing of an agent: settings, recipe, plan, record, version, store, target,
 * tree, path, scan, verify, unpack, entry and feed.
 *
 * While a task of a step runs, the thread owns `record` and `desired`; the loop only looks at
 * `progress`, whose members are atomic, and at the actions. */
#pragma once

#ifndef UB_ABI_MINOR_WANTED
#define UB_ABI_MINOR_WANTED 0
#endif
#include <stdbool.h>
#include <stdint.h>
#include <update-broker/plugin.h>
#include <update-broker/sdk/actions.h>
#include <update-broker/sdk/desired-state.h>
#include <update-broker/sdk/download.h>

#include "plugins/files/record.h"
#include "plugins/files/settings.h"
#include "plugins/files/store.h"
#include "plugins/files/unpack.h"

#ifndef FILES_VERSION
#define FILES_VERSION "1.0"
#endif

enum { FILES_IDENTIFY = 0 }; /* beside UB_CMD_* */

struct command;
struct fetch;
struct files;
struct worker;

/* On the worker's thread: 0, or a negative errno and a sentence. */
typedef int (*task_run_fn)(struct files *files, void *data, struct ub_error *error);
/* Afterwards, on the loop.  message: of the failure. */
typedef void (*task_done_fn)(struct files *files, void *data, int r, const char *message);

/* The step that runs. */
struct step {
        bool running;
        bool ending; /* its end is decided; its word goes out when the record is on disk */
        bool cancelled;
        bool undoing;            /* ACTIVATE has failed, and takes back what it did */
        int32_t command;         /* UB_CMD_* or FILES_IDENTIFY */
        size_t at;               /* index of the change that is worked on */
        struct fetch *fetches;   /* DOWNLOAD */
        size_t n_fetches_left;
        struct ub_source *timer; /* reports the progress of UPDATE */
        uint64_t reported;       /* bytes that it has told of */
        struct command *run;     /* ACTIVATE, ROLLBACK */
        char *failure;           /* the first thing that went wrong; NULL: nothing has */
};

struct files {
        const struct ub_host *host;
        struct settings settings;
        struct store store;
        struct worker *worker;
        struct ub_downloader *downloader;
        size_t n_tasks; /* on their way */
        bool stopping;

        struct record record; /* of the last activity */
        struct ub_desired_state *desired;
        struct ub_actions *actions;
        struct step step;
        struct unpack_progress progress;
};

/* activity.c: ub_agent.desired_state, .command and .cancel; what a start finds; the end. */
int activity_begin(struct files *files, const char *activity, const char *json);
int activity_command(struct files *files, const char *activity, const char *baseline,
                     int32_t command);
int activity_cancel(struct files *files, const char *activity);
int activity_load(struct files *files, struct ub_error *error);
void activity_done(struct files *files);
/* Gives up what can be given up, so that the tasks end soon. */
void activity_interrupt(struct files *files);

/* A step is over: with a failure if one was noted, or this is one.  message may be NULL. */
void activity_end_step(struct files *files, int r, const char *message);
/* Notes the first failure, which names the component. */
void activity_note_failure(struct files *files, const char *message);

/* task.c: run(files, data) on the worker's thread, then done(files, data) on the loop.  Tasks run
 * in the order in which they came.  -ENOMEM, -EAGAIN. */
int task_post(struct files *files, task_run_fn run, task_done_fn done, void *data);

/* identify.c, a task: fills the plan.  data is not used. */
int identify_run(struct files *files, void *data, struct ub_error *error);
/* Is a version of a component as it was installed?  1: no, and drift says how.  quick: as
 * scan_compare(). */
int identify_drift(const struct files *files, const char *id, const char *folder, bool quick,
                   struct ub_error *drift, struct ub_error *error);

/* fetch.c: fetches and verifies everything in scope, then activity_end_step(). */
void fetch_begin(struct files *files);
/* Ends the downloads that are on their way, and with them the step, soon. */
void fetch_cancel(struct files *files);
/* Names in the folder of a component's downloads. */
#define FETCH_SOURCE "source"
#define FETCH_SIGNATURE "signature"
#define FETCH_VERIFIED "verified"

/* install.c, a task: makes the version of the change at step.at. */
int install_run(struct files *files, void *data, struct ub_error *error);

/* change.c, tasks. */
int change_activate(struct files *files, void *data, struct ub_error *error);
int change_roll_back(struct files *files, void *data, struct ub_error *error);
int change_clean_up(struct files *files, void *data, struct ub_error *error);
int change_verify(struct files *files, void *data, struct ub_error *error);

/* command.c: runs the commands of everything in scope, one after the other, then
 * activity_end_step(). */
void command_run_all(struct files *files);
/* Kills the one that runs. */
void command_stop(struct files *files);

/* inventory.c: ub_agent.current_state_get. */
int inventory_get(struct files *files, const char *activity);
