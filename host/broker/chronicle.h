/* SPDX-License-Identifier: Apache-2.0
 *
 * chronicle - what was done to this device, and when, for people
 *
 * The orchestrator remembers outcomes because it must not run an activity twice; this remembers
 * them with their times because somebody will ask.  It is kept in a file of its own.  Without an MQTT
 * server it is the one place to which the end of an activity is reported.
 *
 *     {"activities":[{"activityId":s,"status":S,"message"?:s,"startedMs":n,"endedMs"?:n}]}, oldest first
 *
 * Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/util/cleanup.h"

struct chronicle;
struct diag;
struct json;
struct worker;

/* All that was entered is on disk. */
typedef void (*chronicle_saved_fn)(void *data);

/* Loads history.journal from a folder.  max: entries, the oldest go first.  As journal_open(). */
int chronicle_open(int dir_fd, struct worker *worker, size_t max, struct diag *diag,
                   struct chronicle **ret);
/* saved comes from the loop. */
void chronicle_set_saved(struct chronicle *chronicle, chronicle_saved_fn saved, void *data);
struct chronicle *chronicle_free(struct chronicle *chronicle);
DEFINE_FREEP(struct chronicle, chronicle);

void chronicle_set_max(struct chronicle *chronicle, size_t max);

/* An activity begins; one that is in already is left alone.  Best effort, like the next. */
void chronicle_begin(struct chronicle *chronicle, const char *activity, int64_t now_ms);
/* And ends; one that has ended is left alone. */
void chronicle_end(struct chronicle *chronicle, const char *activity, const char *status,
                   const char *message, int64_t now_ms);

/* True when all that was entered is on disk. */
bool chronicle_is_saved(const struct chronicle *chronicle);

/* The activities that have ended, the newest first, as an array; NULL: out of memory. */
struct json *chronicle_list(const struct chronicle *chronicle);
