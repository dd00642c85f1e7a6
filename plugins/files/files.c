/* SPDX-License-Identifier: Apache-2.0
 *
 * files - an agent for files: archives and single files, by URL, in versions
 *
 * A component is a tree of files, or one file.  Each version is unpacked into a folder of its own
 * in the agent's store, and one link says which versions are active (store.h), so an update is a
 * rename and so is the way back.  Needs no other service. */
#include "plugins/files/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "sdk/download-worker.h"

/* ----------------------------------------------------------------------------------------- life */

static void files_destroy(void *self)
{
        struct files *files = self;

        (void)ub_downloader_free(files->downloader);
        activity_done(files);
        (void)ub_worker_free(files->worker);
        store_done(&files->store);
        settings_done(&files->settings);
        free(files);
}

static int files_create(const struct ub_host *host, const char *settings_json, void **ret_self)
{
        struct ub_error error = UB_ERROR_INIT;
        struct files *files;
        int r;

        files = calloc(1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        files->host = host;
        files->store = STORE_NONE;
        r = settings_parse(settings_json, ub_id(host), &error, &files->settings);
        if (r < 0) {
                ub_err(host, "%s", error.text);
                free(files);
                return r;
        }
        *ret_self = files;
        return 0;
}

static int files_start(void *self, uint32_t flags)
{
        struct ub_error error = UB_ERROR_INIT;
        struct files *files = self;
        int r;

        r = store_open(files->settings.store, &error, &files->store);
        if (r == 0)
                r = ub_worker_new(files->host, &files->worker);
        if (r == 0)
                r = ub_downloader_new(files->host, NULL, &files->downloader);
        if (r < 0) {
                ub_err(files->host, "%s", *error.text ? error.text : strerror(-r));
                return r;
        }
        /* The versions are what counts; an activity that cannot be read is one to start over. */
        if (activity_load(files, &error) < 0)
                ub_warning(files->host, "the last activity is forgotten: %s", error.text);
        ub_info(files->host, "store %s%s", files->store.path,
                flags & UB_START_RECOVERED ? ", after a crash" : "");
        return 0;
}

static void files_stop(void *self)
{
        struct files *files = self;

        files->stopping = true;
        activity_interrupt(files);
        command_stop(files);
        if (files->n_tasks == 0)
                (void)ub_stopped(files->host);
}

/* ---------------------------------------------------------------------------------------- agent */

static int files_current_state_get(void *self, const char *activity)
{
        struct files *files = self;

        return files->stopping ? -ESTALE : inventory_get(files, activity);
}

static int files_desired_state(void *self, const char *activity, const char *json)
{
        struct files *files = self;

        return files->stopping ? -ESTALE : activity_begin(files, activity, json);
}

static int files_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        struct files *files = self;

        return files->stopping ? -ESTALE : activity_command(files, activity, baseline, command);
}

static int files_cancel(void *self, const char *activity)
{
        struct files *files = self;

        return files->stopping ? -ESTALE : activity_cancel(files, activity);
}

static int files_feedback_get(void *self, const char *activity)
{
        struct files *files = self;

        if (!files->record.activity || strcmp(files->record.activity, activity) != 0 ||
            !files->record.feedback)
                return -ENOENT;
        return ub_feedback(files->host, activity, files->record.feedback);
}

/* --------------------------------------------------------------------------------------- tables */

static const struct ub_life life = {
        .size = sizeof(life),
        .create = files_create,
        .start = files_start,
        .stop = files_stop,
        .destroy = files_destroy,
};

static const struct ub_agent agent = {
        .size = sizeof(agent),
        .current_state_get = files_current_state_get,
        .desired_state = files_desired_state,
        .command = files_command,
        .cancel = files_cancel,
        .feedback_get = files_feedback_get,
};

static const struct ub_plugin plugin = {
        .size = sizeof(plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "files",
        .version = FILES_VERSION,
        .description = "Installs files and archives from URLs, in versions",
        .settings_schema = settings_schema,
        .life = &life,
        .agent = &agent,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &plugin;
}
