/* SPDX-License-Identifier: Apache-2.0
 *
 * bad - a complete and correct plugin, of which each file here spoils one thing
 *
 * A file defines what it wants to have wrong and includes this one. */
#pragma once

#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

#ifndef BAD_SIZE
#define BAD_SIZE sizeof(struct ub_plugin)
#endif
#ifndef BAD_MAJOR
#define BAD_MAJOR UB_ABI_MAJOR
#endif
#ifndef BAD_MINOR
#define BAD_MINOR UB_ABI_MINOR_WANTED
#endif
#ifndef BAD_MINOR_NEEDED
#define BAD_MINOR_NEEDED 0
#endif
#ifndef BAD_FLAGS
#define BAD_FLAGS 0
#endif
#ifndef BAD_NAME
#define BAD_NAME "bad"
#endif
#ifndef BAD_VERSION
#define BAD_VERSION "1.0"
#endif
#ifndef BAD_DESCRIPTION
#define BAD_DESCRIPTION "breaks one rule"
#endif
#ifndef BAD_SCHEMA
#define BAD_SCHEMA NULL
#endif
#ifndef BAD_LIFE
#define BAD_LIFE &bad_life
#endif
#ifndef BAD_LIFE_SIZE
#define BAD_LIFE_SIZE sizeof(struct ub_life)
#endif
#ifndef BAD_CREATE
#define BAD_CREATE bad_create
#endif
#ifndef BAD_AGENT
#define BAD_AGENT &bad_agent
#endif
#ifndef BAD_AGENT_SIZE
#define BAD_AGENT_SIZE sizeof(struct ub_agent)
#endif
#ifndef BAD_COMMAND
#define BAD_COMMAND bad_command
#endif
#ifndef BAD_DESCRIPTOR
#define BAD_DESCRIPTOR &bad_plugin
#endif

/* A spoiled table refers to fewer of these. */
#define BAD_UNUSED __attribute__((unused))

static BAD_UNUSED int bad_create(const struct ub_host *host, const char *settings, void **ret_self)
{
        (void)settings;
        *ret_self = (void *)host;
        return 0;
}

static int bad_start(void *self, uint32_t flags)
{
        (void)self;
        (void)flags;
        return 0;
}

static void bad_stop(void *self)
{
        const struct ub_host *host = self;

        host->stopped(host->ctx);
}

static void bad_destroy(void *self)
{
        (void)self;
}

static int bad_current_state_get(void *self, const char *activity)
{
        (void)self;
        (void)activity;
        return 0;
}

static int bad_desired_state(void *self, const char *activity, const char *json)
{
        (void)self;
        (void)activity;
        (void)json;
        return 0;
}

static BAD_UNUSED int bad_command(void *self, const char *activity, const char *baseline,
                                  int32_t command)
{
        (void)self;
        (void)activity;
        (void)baseline;
        (void)command;
        return 0;
}

static const BAD_UNUSED struct ub_life bad_life = {
        .size = BAD_LIFE_SIZE,
        .create = BAD_CREATE,
        .start = bad_start,
        .stop = bad_stop,
        .destroy = bad_destroy,
};

static const BAD_UNUSED struct ub_agent bad_agent = {
        .size = BAD_AGENT_SIZE,
        .current_state_get = bad_current_state_get,
        .desired_state = bad_desired_state,
        .command = BAD_COMMAND,
};

static const BAD_UNUSED struct ub_plugin bad_plugin = {
        .size = BAD_SIZE,
        .abi_major = BAD_MAJOR,
        .abi_minor_wanted = BAD_MINOR,
        .abi_minor_needed = BAD_MINOR_NEEDED,
        .flags = BAD_FLAGS,
        .name = BAD_NAME,
        .version = BAD_VERSION,
        .description = BAD_DESCRIPTION,
        .settings_schema = BAD_SCHEMA,
        .life = BAD_LIFE,
        .agent = BAD_AGENT,
};

const struct ub_plugin *ub_plugin_v1(void)
{
        return BAD_DESCRIPTOR;
}
