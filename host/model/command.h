/* SPDX-License-Identifier: Apache-2.0
 *
 * command - {"command":s,"baseline":s}: one step, asked of an agent; or CANCEL, asked of the
 * broker */
#pragma once

#include <stdbool.h>

#include "host/json/json.h"
#include "host/model/status.h"

struct diag;

struct command {
        enum step step; /* STEP_NONE: CANCEL */
        bool cancel;
        char *baseline; /* "" for all; "*" is read as that */
};

/* -EBADMSG, -E2BIG: diag names path and fault.  -ENOMEM. */
int command_read(const struct json *payload, struct diag *diag, struct command **ret);
struct command *command_free(struct command *c);
DEFINE_FREEP(struct command, command);

/* *ret is the caller's to free. */
int command_write(enum step step, const char *baseline, char **ret);
