/* SPDX-License-Identifier: Apache-2.0
 *
 * record - the activity as it is kept in the store: what is desired, the plan, the last word
 *
 * It lies beside the versions, not in the host's durable state, since the one is worth nothing
 * without the other, and is written by the thread that changes them, in the order in which things
 * happen.  Written whole to another name and renamed: what is read is all of one moment. */
#pragma once

#include <update-broker/sdk/error.h>

#include "plugins/files/plan.h"
#include "plugins/files/store.h"

enum { RECORD_DESIRED_MAX = 256 * 1024 };

struct record {
        char *activity; /* NULL: there never was one */
        char *desired;
        char *feedback; /* the word that ended the last step; NULL: none yet */
        struct plan plan;
};

/* On disk when it returns.  A failure names the file. */
int record_save(const struct store *store, const struct record *record, struct ub_error *error);

/* 0, also when there is none.  -EBADMSG: it is not readable. */
int record_load(const struct store *store, struct ub_error *error, struct record *ret);

void record_done(struct record *record);
