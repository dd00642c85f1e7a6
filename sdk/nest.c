/* SPDX-License-Identifier: Apache-2.0
 *
 * nest - see <update-broker/sdk/nest.h>
 *
 * The descriptor of an sd_event is an epoll, readable when one of its sources is ready; its timers
 * are timerfds in it.  It covers only what sd_event_prepare() has settled: that arms the timers,
 * lets sd-bus say whether it has something to write, and finds what is pending without a descriptor
 * (deferred sources, messages already read).  So a turn ends prepared ("armed") and the host waits
 * on the descriptor, or it ends with a deferred call of the host because something is still
 * pending. */
#define UB_ABI_MINOR_WANTED 0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>
#include <update-broker/sdk/nest.h>

/* Events of one turn; then the host's other sources have theirs. */
enum { TURN_MAX = 16 };

struct ub_nest {
        const struct ub_host *host; /* borrowed, outlives the nest */
        sd_event *event;
        struct ub_source *io;
        struct ub_source *again; /* armed: something is pending without a descriptor */
        bool running;            /* inside turn() */
        bool freed;              /* by a handler, inside turn() */
};

static void turn(struct ub_nest *nest);

static void on_io(void *data, int fd, uint32_t events)
{
        (void)fd;
        (void)events;
        turn(data);
}

static void on_again(void *data)
{
        struct ub_nest *nest = data;

        nest->again = NULL;
        turn(nest);
}

static void drop_sources(struct ub_nest *nest)
{
        ub_source_drop(nest->host, &nest->io);
        ub_source_drop(nest->host, &nest->again);
}

/* > 0: a source is ready to be dispatched.  0: none is, and the descriptor will tell.  < 0: it has
 * ended. */
static int settle(struct ub_nest *nest)
{
        int r;

        if (sd_event_get_state(nest->event) == SD_EVENT_ARMED) {
                r = sd_event_wait(nest->event, 0);
                if (r != 0)
                        return r;
        }
        return sd_event_prepare(nest->event);
}

/* Dispatches up to TURN_MAX sources.  > 0: more may be ready. */
static int dispatch(struct ub_nest *nest)
{
        int n;
        int r = 0;

        for (n = 0; n < TURN_MAX && !nest->freed; n++) {
                r = settle(nest);
                if (r <= 0)
                        return r;
                r = sd_event_dispatch(nest->event);
                if (r < 0)
                        return r;
                if (sd_event_get_state(nest->event) == SD_EVENT_FINISHED)
                        return -ESTALE;
        }
        return 1;
}

static void nest_delete(struct ub_nest *nest)
{
        drop_sources(nest);
        (void)sd_event_unref(nest->event);
        free(nest);
}

static void turn(struct ub_nest *nest)
{
        int r;

        nest->running = true;
        r = dispatch(nest);
        nest->running = false;

        if (nest->freed) {
                nest_delete(nest);
                return;
        }
        if (r > 0)
                r = ub_nest_kick(nest);
        if (r < 0) {
                if (r != -ESTALE) /* it was not asked to end */
                        ub_err(nest->host, "nested event loop: %s", strerror(-r));
                drop_sources(nest);
        }
}

int ub_nest_kick(struct ub_nest *nest)
{
        if (nest->again || !nest->io)
                return 0;
        return ub_defer(nest->host, on_again, nest, &nest->again);
}

int ub_nest_sd_event(const struct ub_host *host, struct sd_event *event, struct ub_nest **ret)
{
        struct ub_nest *nest;
        int r;

        nest = (struct ub_nest *)calloc(1, sizeof(*nest));
        if (!nest)
                return -ENOMEM;
        nest->host = host;
        nest->event = sd_event_ref(event);

        r = ub_io(host, sd_event_get_fd(event), UB_IO_IN, on_io, nest, &nest->io);
        if (r >= 0)
                r = ub_nest_kick(nest); /* the first prepare */
        if (r < 0) {
                nest_delete(nest);
                return r;
        }
        *ret = nest;
        return 0;
}

struct ub_nest *ub_nest_free(struct ub_nest *nest)
{
        if (!nest)
                return NULL;
        if (nest->running) {
                nest->freed = true; /* turn() still needs it */
                drop_sources(nest);
        } else {
                nest_delete(nest);
        }
        return NULL;
}
