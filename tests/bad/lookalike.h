/* SPDX-License-Identifier: Apache-2.0
 *
 * lookalike - a plugin that carries a JSON library of its own, with the names of the host's
 *
 * create() answers whose library it runs: 0 when its own, -EXDEV when the host's.  The library's
 * functions have default visibility, as in a vendored copy that nobody has thought about; what
 * keeps them apart from the host's is the linker map of the SDK, or nothing. */
#pragma once

#include <errno.h>

#define UB_ABI_MINOR_WANTED 0
#include <update-broker/plugin.h>

__attribute__((visibility("default"))) void *cJSON_Parse(const char *text);
__attribute__((visibility("default"))) void cJSON_Delete(void *json);

static int lookalike_parsed;

void *cJSON_Parse(const char *text)
{
        (void)text;
        return &lookalike_parsed;
}

void cJSON_Delete(void *json)
{
        (void)json;
}

/* Called by address, so that no compiler replaces the call by the body above. */
static void *(*volatile lookalike_parse)(const char *text) = cJSON_Parse;
static void (*volatile lookalike_delete)(void *json) = cJSON_Delete;

static int lookalike_create(const struct ub_host *host, const char *settings, void **ret_self)
{
        void *json = lookalike_parse(settings);
        int r = json == &lookalike_parsed ? 0 : -EXDEV;

        lookalike_delete(json);
        if (r == 0)
                *ret_self = (void *)host;
        return r;
}

#define BAD_CREATE lookalike_create
#include "tests/bad/bad.h"
