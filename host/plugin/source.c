/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/random.h>

#include "host/plugin/child.h"
#include "host/util/cleanup.h"
#include "host/util/time.h"

struct slot {
        struct source_table *table;
        uintptr_t serial; /* 0: free */
        sd_event_source *event; /* of defer, timer, io */
        struct child *child;    /* of spawn */
        int plugin_fd;          /* of io: the plugin's own number */
        int fd;                 /* of io: our duplicate */
        ub_fn plain;
        ub_io_fn io;
        ub_child_fn ended;
        void *data;
};

struct source_table {
        sd_event *event; /* borrowed, outlives the table */
        struct source_owner owner;
        uintptr_t salt;
        uintptr_t last_serial;
        bool muted;
        size_t n_used;
        size_t next; /* where to look for a free slot first */
        struct slot slots[UB_MAX_SOURCES];
};

/* -------------------------------------------------------------------------------------- handles */

static struct ub_source *handle_of(const struct slot *slot)
{
        uintptr_t place = (uintptr_t)(slot - slot->table->slots);

        /* A number that is only ever compared, never followed. */
        return (struct ub_source *)((slot->serial * UB_MAX_SOURCES + place) ^ slot->table->salt);
}

static struct slot *slot_of(struct source_table *table, const struct ub_source *handle)
{
        uintptr_t number = (uintptr_t)handle ^ table->salt;
        struct slot *slot = &table->slots[number % UB_MAX_SOURCES];

        return slot->serial != 0 && slot->serial == number / UB_MAX_SOURCES ? slot : NULL;
}

static uintptr_t next_serial(struct source_table *table)
{
        /* What is left of a word beside the place; 0 marks free slots. */
        table->last_serial = (table->last_serial + 1) % (UINTPTR_MAX / UB_MAX_SOURCES);
        if (table->last_serial == 0)
                table->last_serial = 1;
        return table->last_serial;
}

/* ---------------------------------------------------------------------------------------- slots */

static void slot_clear(struct slot *slot)
{
        slot->event = sd_event_source_disable_unref(slot->event);
        slot->child = child_free(slot->child);
        cleanup_close(&slot->fd);
        slot->fd = -1;
        slot->serial = 0;
        slot->table->n_used--;
}

static int slot_take(struct source_table *table, void *data, struct slot **ret)
{
        if (table->n_used == UB_MAX_SOURCES)
                return -E2BIG;
        for (;;) {
                struct slot *slot = &table->slots[table->next++ % UB_MAX_SOURCES];

                if (slot->serial != 0)
                        continue;
                *slot = (struct slot){
                        .table = table,
                        .serial = next_serial(table),
                        .fd = -1,
                        .data = data,
                };
                /* A handle must not look like "no source". */
                if (!handle_of(slot))
                        slot->serial = next_serial(table);
                table->n_used++;
                *ret = slot;
                return 0;
        }
}

/* Ends every function that makes a source. */
static int slot_finish(struct slot *slot, int r, struct ub_source **ret)
{
        if (r < 0) {
                slot_clear(slot);
                return r;
        }
        if (ret)
                *ret = handle_of(slot);
        return 0;
}

int source_table_new(sd_event *event, const struct source_owner *owner, struct source_table **ret)
{
        struct source_table *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        table->event = event;
        table->owner = *owner;
        if (getrandom(&table->salt, sizeof(table->salt), GRND_NONBLOCK) != sizeof(table->salt))
                table->salt =
                        (uintptr_t)table; /* early in boot; differs from table to table as well */
        *ret = table;
        return 0;
}

struct source_table *source_table_free(struct source_table *table)
{
        if (!table)
                return NULL;
        for (size_t i = 0; i < UB_MAX_SOURCES; i++)
                if (table->slots[i].serial != 0)
                        slot_clear(&table->slots[i]);
        free(table);
        return NULL;
}

void source_table_mute(struct source_table *table)
{
        table->muted = true;
}

size_t source_count(const struct source_table *table)
{
        return table->n_used;
}

int source_drop(struct source_table *table, struct ub_source *handle)
{
        struct slot *slot = slot_of(table, handle);

        if (!slot)
                return -ENOENT;
        slot_clear(slot);
        return 0;
}

/* ------------------------------------------------------------------------------ defer and timer */

static void call_plain(struct slot *slot, const char *what)
{
        struct source_owner owner = slot->table->owner;
        ub_fn fn = slot->plain;
        void *data = slot->data;

        if (slot->table->muted)
                return; /* these come once, so there is nothing to turn off */
        slot_clear(slot);
        owner.enter(owner.data, what);
        fn(data);
        owner.leave(owner.data);
}

static int on_defer(sd_event_source *event, void *userdata)
{
        (void)event;
        call_plain(userdata, "deferred call");
        return 0;
}

static int on_timer(sd_event_source *event, uint64_t usec, void *userdata)
{
        (void)event;
        (void)usec;
        call_plain(userdata, "timer");
        return 0;
}

int source_defer(struct source_table *table, ub_fn fn, void *data, struct ub_source **ret)
{
        struct slot *slot;
        int r;

        r = slot_take(table, data, &slot);
        if (r < 0)
                return r;
        slot->plain = fn;
        r = sd_event_add_defer(table->event, &slot->event, on_defer, slot);
        return slot_finish(slot, r, ret);
}

/* How late it may be when that saves a wake-up: a millisecond, but of a time that is itself shorter
 * only a tenth.  To sd-event 0 means a quarter of a second. */
static uint64_t slack_of(uint64_t after_usec)
{
        return after_usec / 10 < USEC_PER_MSEC ? after_usec / 10 + 1 : USEC_PER_MSEC;
}

int source_timer(struct source_table *table, uint64_t after_usec, ub_fn fn, void *data,
                 struct ub_source **ret)
{
        uint64_t usec = time_now_usec();
        struct slot *slot;
        int r;

        if (after_usec == 0)
                return source_defer(table, fn, data, ret); /* the kernel's clock stays as it is */
        r = slot_take(table, data, &slot);
        if (r < 0)
                return r;
        slot->plain = fn;
        /* From the time of the call, not of the loop's last wake-up, which may be long ago.  Too
         * far for the clock is never, which is UINT64_MAX to sd-event. */
        if (__builtin_add_overflow(usec, after_usec, &usec))
                usec = UINT64_MAX;
        r = sd_event_add_time(table->event, &slot->event, CLOCK_BOOTTIME, usec,
                              slack_of(after_usec), on_timer, slot);
        return slot_finish(slot, r, ret);
}

/* ------------------------------------------------------------------------------------------- io */

static uint32_t to_epoll(uint32_t events)
{
        return (events & UB_IO_IN ? (uint32_t)EPOLLIN : 0) |
               (events & UB_IO_OUT ? (uint32_t)EPOLLOUT : 0);
}

static uint32_t from_epoll(uint32_t revents)
{
        return (revents & EPOLLIN ? (uint32_t)UB_IO_IN : 0) |
               (revents & EPOLLOUT ? (uint32_t)UB_IO_OUT : 0) |
               (revents & EPOLLHUP ? (uint32_t)UB_IO_HUP : 0) |
               (revents & EPOLLERR ? (uint32_t)UB_IO_ERR : 0);
}

static int on_io(sd_event_source *event, int fd, uint32_t revents, void *userdata)
{
        struct slot *slot = userdata;
        struct source_owner owner = slot->table->owner;

        (void)fd;
        if (slot->table->muted)
                return sd_event_source_set_enabled(event, SD_EVENT_OFF);
        owner.enter(owner.data, "io");
        slot->io(slot->data, slot->plugin_fd, from_epoll(revents));
        owner.leave(owner.data);
        return 0;
}

int source_io(struct source_table *table, int fd, uint32_t events, ub_io_fn fn, void *data,
              struct ub_source **ret)
{
        struct slot *slot;
        int r;

        r = slot_take(table, data, &slot);
        if (r < 0)
                return r;
        slot->io = fn;
        slot->plugin_fd = fd;
        slot->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (slot->fd < 0)
                r = -errno;
        else
                r = sd_event_add_io(table->event, &slot->event, slot->fd, to_epoll(events), on_io,
                                    slot);
        return slot_finish(slot, r, ret);
}

int source_io_events(struct source_table *table, struct ub_source *handle, uint32_t events)
{
        struct slot *slot = slot_of(table, handle);

        if (!slot || !slot->io)
                return -ENOENT;
        return sd_event_source_set_io_events(slot->event, to_epoll(events));
}

/* ---------------------------------------------------------------------------------------- spawn */

static void on_ended(void *userdata, int code, int status)
{
        struct slot *slot = userdata;
        struct source_owner owner = slot->table->owner;
        ub_child_fn fn = slot->ended;
        void *data = slot->data;

        slot->child = NULL; /* gone by itself */
        if (slot->table->muted)
                return;
        slot_clear(slot);
        owner.enter(owner.data, "end of a program");
        fn(data, code, status);
        owner.leave(owner.data);
}

int source_spawn(struct source_table *table, const struct spawn *spawn, uint64_t timeout_usec,
                 ub_child_fn fn, void *data, struct ub_source **ret)
{
        struct slot *slot;
        int r;

        r = slot_take(table, data, &slot);
        if (r < 0)
                return r;
        slot->ended = fn;
        r = child_new(table->event, spawn, timeout_usec, on_ended, slot, &slot->child);
        return slot_finish(slot, r, ret);
}
