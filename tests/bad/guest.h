/* SPDX-License-Identifier: Apache-2.0
 *
 * guest - a small agent that does everything right, of which some files here spoil one thing at run
 * time
 *
 * A file defines the slot that it wants to have wrong as GUEST_..., declares it before and defines
 * it after including this one.  What the host answers to a forbidden call is logged, as "feedback:
 * -116". */
#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GUEST_CREATE
#define GUEST_CREATE guest_create
#endif
#ifndef GUEST_START
#define GUEST_START guest_start
#endif
#ifndef GUEST_STOP
#define GUEST_STOP guest_stop
#endif
#ifndef GUEST_WOKEN
#define GUEST_WOKEN NULL
#endif
#ifndef GUEST_DESIRED_STATE
#define GUEST_DESIRED_STATE guest_desired_state
#endif
#ifndef GUEST_COMMAND
#define GUEST_COMMAND guest_command
#endif

#define GUEST_UNUSED __attribute__((unused))

static GUEST_UNUSED void guest_log(const struct ub_host *host, int32_t level, const char *text)
{
        const struct ub_log record = {
                .size = sizeof(record),
                .level = level,
                .line = __LINE__,
                .file = __FILE__,
                .func = __func__,
                .text = text,
        };

        host->log(host->ctx, &record);
}

/* Logs what a call has come to. */
static GUEST_UNUSED void guest_tell(const struct ub_host *host, const char *call, int r)
{
        char text[128];

        (void)snprintf(text, sizeof(text), "%s: %d", call, r);
        guest_log(host, UB_LOG_INFO, text);
}

static GUEST_UNUSED int guest_create(const struct ub_host *host, const char *settings,
                                     void **ret_self)
{
        (void)settings;
        *ret_self = (void *)host;
        return 0;
}

static GUEST_UNUSED int guest_start(void *self, uint32_t flags)
{
        (void)self;
        (void)flags;
        return 0;
}

static GUEST_UNUSED void guest_stop(void *self)
{
        const struct ub_host *host = self;

        host->stopped(host->ctx);
}

static void guest_destroy(void *self)
{
        guest_log(self, UB_LOG_DEBUG, "destroyed");
}

static int guest_current_state_get(void *self, const char *activity)
{
        const struct ub_host *host = self;

        return host->current_state(host->ctx, activity, "{\"softwareNodes\":[]}");
}

static GUEST_UNUSED int guest_desired_state(void *self, const char *activity, const char *json)
{
        const struct ub_host *host = self;

        (void)json;
        return host->feedback(host->ctx, activity, "{\"status\":\"IDENTIFIED\"}");
}

static GUEST_UNUSED int guest_command(void *self, const char *activity, const char *baseline,
                                      int32_t command)
{
        static const char *const words[] = {
                [UB_CMD_DOWNLOAD] = "{\"status\":\"DOWNLOAD_SUCCESS\"}",
                [UB_CMD_UPDATE] = "{\"status\":\"UPDATE_SUCCESS\"}",
                [UB_CMD_ACTIVATE] = "{\"status\":\"ACTIVATION_SUCCESS\"}",
                [UB_CMD_ROLLBACK] = "{\"status\":\"ROLLBACK_SUCCESS\"}",
                [UB_CMD_CLEANUP] = "{\"status\":\"CLEANUP_SUCCESS\"}",
        };
        const struct ub_host *host = self;

        (void)baseline;
        if (command < UB_CMD_DOWNLOAD || command > UB_CMD_CLEANUP)
                return -ENOTSUP;
        return host->feedback(host->ctx, activity, words[command]);
}

static const struct ub_life guest_life = {
        .size = sizeof(guest_life),
        .create = GUEST_CREATE,
        .start = GUEST_START,
        .stop = GUEST_STOP,
        .destroy = guest_destroy,
        .woken = GUEST_WOKEN,
};

static const struct ub_agent guest_agent = {
        .size = sizeof(guest_agent),
        .current_state_get = guest_current_state_get,
        .desired_state = GUEST_DESIRED_STATE,
        .command = GUEST_COMMAND,
};

static const struct ub_plugin guest_plugin = {
        .size = sizeof(guest_plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "guest",
        .version = "1.0",
        .description = "does one thing wrong",
        .life = &guest_life,
        .agent = &guest_agent,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &guest_plugin;
}
