/* SPDX-License-Identifier: Apache-2.0
 *
 * source - the timers, watches, children and deferred calls of one plugin
 *
 * A plugin holds a source by a `struct ub_source *` that it never looks into; neither does the
 * host.  The pointer is a number in disguise: the source's place in the table and a serial number,
 * mixed with a random one that differs from table to table.  So whatever a plugin passes - a source
 * of another instance, one that is gone, one whose place has been taken since, garbage - is
 * recognised without reading memory that it might point to.
 *
 * A one-shot source (defer, timer, spawn) is gone before its callback starts; dropping a source
 * takes effect at once, also from inside its own callback and from inside another's.
 *
 * The table does not call the plugin without asking its owner: enter() comes before each callback
 * and leave() after it, and leave() may free the table.  Loop thread only. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "host/plugin/abi.h"

struct source_table;
struct spawn;

struct source_owner {
        void (*enter)(void *data, const char *what); /* "timer", "io"...; static text */
        void (*leave)(void *data);
        void *data;
};

/* event is borrowed and outlives the table. */
int source_table_new(sd_event *event, const struct source_owner *owner, struct source_table **ret);
/* Drops all sources.  Takes NULL. */
struct source_table *source_table_free(struct source_table *table);

/* From here on nothing is called; the handles stay good for source_drop(). */
void source_table_mute(struct source_table *table);

size_t source_count(const struct source_table *table);

/* Each fails with -E2BIG when UB_MAX_SOURCES are there, -ENOMEM, or as said.  ret may be NULL. */

int source_defer(struct source_table *table, ub_fn fn, void *data, struct ub_source **ret);

int source_timer(struct source_table *table, uint64_t after_usec, ub_fn fn, void *data,
                 struct ub_source **ret);

/* Watches a duplicate of fd, so that closing or watching fd a second time confuses nobody.
 * -EPERM: cannot be polled.  -EBADF. */
int source_io(struct source_table *table, int fd, uint32_t events, ub_io_fn fn, void *data,
              struct ub_source **ret);
/* -ENOENT: no such source of this table, or no io source. */
int source_io_events(struct source_table *table, struct ub_source *handle, uint32_t events);

/* Failures of child_new(), too. */
int source_spawn(struct source_table *table, const struct spawn *spawn, uint64_t timeout_usec,
                 ub_child_fn fn, void *data, struct ub_source **ret);

/* -ENOENT: no such source of this table. */
int source_drop(struct source_table *table, struct ub_source *handle);
