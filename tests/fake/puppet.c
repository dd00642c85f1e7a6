/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fake/puppet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static int puppet_create(const struct ub_host *host, const char *settings, void **ret_self)
{
        struct puppet *puppet;
        uintptr_t address;
        char text[32];
        int r;

        (void)settings;
        r = host->setting(host->ctx, "/puppet", text, sizeof(text));
        if (r < 0)
                return r;
        if (sscanf(text, "%" SCNxPTR, &address) != 1)
                return -EINVAL;
        puppet = (struct puppet *)address;
        puppet->host = host;
        r = puppet->create ? puppet->create(puppet) : 0;
        if (r == 0)
                *ret_self = puppet;
        return r;
}

static int puppet_start(void *self, uint32_t flags)
{
        struct puppet *puppet = self;

        return puppet->start ? puppet->start(puppet, flags) : 0;
}

static void puppet_stop(void *self)
{
        struct puppet *puppet = self;

        if (puppet->stop)
                puppet->stop(puppet);
        else
                puppet->host->stopped(puppet->host->ctx);
}

static void puppet_destroy(void *self)
{
        struct puppet *puppet = self;

        if (puppet->destroy)
                puppet->destroy(puppet);
}

static void puppet_woken(void *self)
{
        struct puppet *puppet = self;

        if (puppet->woken)
                puppet->woken(puppet);
}

static int puppet_reload(void *self, const char *settings)
{
        struct puppet *puppet = self;

        return puppet->reload ? puppet->reload(puppet, settings) : 0;
}

static int puppet_current_state_get(void *self, const char *activity)
{
        struct puppet *puppet = self;

        return puppet->current_state_get ? puppet->current_state_get(puppet, activity) : 0;
}

static int puppet_desired_state(void *self, const char *activity, const char *json)
{
        struct puppet *puppet = self;

        return puppet->desired_state ? puppet->desired_state(puppet, activity, json) : 0;
}

static int puppet_command(void *self, const char *activity, const char *baseline, int32_t command)
{
        struct puppet *puppet = self;

        return puppet->command ? puppet->command(puppet, activity, baseline, command) : 0;
}

static int puppet_connector_feedback(void *self, const char *activity, const char *json)
{
        struct puppet *puppet = self;

        return puppet->connector_feedback ? puppet->connector_feedback(puppet, activity, json) : 0;
}

static int puppet_connector_current_state(void *self, const char *activity, const char *json)
{
        (void)self;
        (void)activity;
        (void)json;
        return 0;
}

static const struct ub_life puppet_life = {
        .size = sizeof(puppet_life),
        .create = puppet_create,
        .start = puppet_start,
        .stop = puppet_stop,
        .destroy = puppet_destroy,
        .woken = puppet_woken,
        .reload = puppet_reload,
};

/* Without cancel() and feedback_get(). */
static const struct ub_agent puppet_agent = {
        .size = sizeof(puppet_agent),
        .current_state_get = puppet_current_state_get,
        .desired_state = puppet_desired_state,
        .command = puppet_command,
};

/* Without owner_consent(). */
static const struct ub_connector puppet_connector = {
        .size = sizeof(puppet_connector),
        .feedback = puppet_connector_feedback,
        .current_state = puppet_connector_current_state,
};

static const struct ub_plugin puppet_plugin = {
        .size = sizeof(puppet_plugin),
        .abi_major = UB_ABI_MAJOR,
        .abi_minor_wanted = UB_ABI_MINOR_WANTED,
        .name = "puppet",
        .version = "1.0",
        .description = "does what a test in the same process says",
        .life = &puppet_life,
        .agent = &puppet_agent,
        .connector = &puppet_connector,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return &puppet_plugin;
}
