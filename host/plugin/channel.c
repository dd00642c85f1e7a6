/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/channel.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum { BUFFER_MIN = 4096 };

/* Bytes that come in at `end` and leave at `begin`. */
struct buffer {
        char *data;
        size_t begin;
        size_t end;
        size_t capacity;
};

struct channel {
        sd_event_source *io;
        sd_event_source *rest; /* goes on with what has been read already, after a pause */
        const struct channel_events *events;
        void *data;
        int fd;
        bool greeted; /* the peer's hello has come */
        bool paused;
        bool closed;
        bool dispatching; /* somewhere below, a handler runs: free later */
        bool freed;
        size_t needed; /* bytes of the next frame, header included, as far as is known */
        struct buffer in;
        struct buffer out;
};

DEFINE_FREEP(struct channel, channel);

/* -------------------------------------------------------------------------------------- buffers */

static const char *buffer_start(const struct buffer *b)
{
        return b->data ? b->data + b->begin : NULL;
}

static size_t buffer_length(const struct buffer *b)
{
        return b->end - b->begin;
}

static void buffer_done(struct buffer *b)
{
        free(b->data);
        *b = (struct buffer){ 0 };
}

/* Makes room for n more bytes. */
static int buffer_reserve(struct buffer *b, size_t n)
{
        size_t length = buffer_length(b);
        size_t capacity = b->capacity ? b->capacity : BUFFER_MIN;
        char *data;

        if (b->capacity - b->end >= n)
                return 0;
        if (b->capacity - length >= n && b->begin >= length) {
                memcpy(b->data, b->data + b->begin, length);
                b->begin = 0;
                b->end = length;
                return 0;
        }

        while (capacity - length < n)
                capacity *= 2; /* ends: n and length have limits far below SIZE_MAX / 2 */
        data = malloc(capacity);
        if (!data)
                return -ENOMEM;
        if (length > 0)
                memcpy(data, b->data + b->begin, length);
        free(b->data);
        *b = (struct buffer){ .data = data, .end = length, .capacity = capacity };
        return 0;
}

static void buffer_drop(struct buffer *b, size_t n)
{
        b->begin += n;
        if (b->begin < b->end)
                return;
        if (b->capacity > BUFFER_MIN)
                buffer_done(b);
        else
                b->begin = b->end = 0;
}

/* -------------------------------------------------------------------------------------- life */

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *data);
static int on_rest(sd_event_source *source, void *data);

/* Says what we wait for. */
static void update_interest(struct channel *c)
{
        uint32_t interest = 0;

        if (c->closed)
                return;
        if (!c->paused)
                interest |= EPOLLIN;
        if (buffer_length(&c->out) > 0)
                interest |= EPOLLOUT;
        /* Fails only for a source that is gone, or for want of kernel memory; in the latter case
         * the peer's silence is noticed by whoever waits for it. */
        (void)sd_event_source_set_io_events(c->io, interest);
}

static void release(struct channel *c)
{
        c->closed = true;
        c->io = sd_event_source_disable_unref(c->io);
        c->rest = sd_event_source_disable_unref(c->rest);
        if (c->fd >= 0)
                (void)close(TAKE_FD(c->fd));
        buffer_done(&c->out);
}

static void destroy(struct channel *c)
{
        buffer_done(&c->in); /* only here: a frame that is being handled lies in it */
        free(c);
}

int channel_new(sd_event *event, int take_fd, const struct channel_events *events, void *data,
                struct channel **ret)
{
        const struct frame hello = { .type = FRAME_HELLO,
                                     .number = { FRAME_VERSION, UB_ABI_MINOR } };
        CLEANUP_CLOSE int fd = take_fd;
        CLEANUP(channel_freep) struct channel *c = NULL;
        int r;

        assert(event && fd >= 0 && events && ret);

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->fd = TAKE_FD(fd);
        c->events = events;
        c->data = data;
        c->needed = FRAME_HEADER_BYTES;
        r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_io, c);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(c->io, "channel"); /* for debugging only */
        r = sd_event_add_defer(event, &c->rest, on_rest, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(c->rest, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = channel_send(c, &hello);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

struct channel *channel_free(struct channel *channel)
{
        if (!channel)
                return NULL;
        release(channel);
        if (channel->dispatching)
                channel->freed = true;
        else
                destroy(channel);
        return NULL;
}

/* ------------------------------------------------------------------------------------- sending */

/* Writes what the socket takes.  A peer that is gone is the reader's to notice, from the loop. */
static void flush(struct channel *c)
{
        while (buffer_length(&c->out) > 0) {
                ssize_t n = send(c->fd, buffer_start(&c->out), buffer_length(&c->out),
                                 MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno != EAGAIN)
                        buffer_done(&c->out);
                if (n < 0)
                        return;
                buffer_drop(&c->out, (size_t)n);
        }
}

int channel_send(struct channel *channel, const struct frame *frame)
{
        bool idle = buffer_length(&channel->out) == 0;
        size_t size;
        int r;

        if (channel->closed)
                return 0; /* as good as sent a moment before: the reader knows, or will */
        r = frame_size(frame, &size);
        if (r < 0)
                return r;
        if (size > CHANNEL_QUEUE_MAX - buffer_length(&channel->out))
                return -ENOBUFS;
        r = buffer_reserve(&channel->out, size);
        if (r < 0)
                return r;
        frame_write(frame, channel->out.data + channel->out.end);
        channel->out.end += size;

        if (!idle)
                return 0; /* the loop writes, as the peer reads */
        flush(channel);
        if (buffer_length(&channel->out) > 0)
                update_interest(channel);
        return 0;
}

size_t channel_queued(const struct channel *channel)
{
        return buffer_length(&channel->out);
}

/* ----------------------------------------------------------------------------------- receiving */

static void close_with(struct channel *c, int r, const char *text)
{
        release(c);
        c->events->closed(c->data, r, text);
}

static void take_hello(struct channel *c, const struct frame *frame)
{
        struct diag diag;

        if (frame->type != FRAME_HELLO || frame->number[0] != FRAME_VERSION) {
                (void)diag_set(&diag, 0, "speaks version %" PRIu64 " of the frames and not %d",
                               frame->type == FRAME_HELLO ? frame->number[0] : 0, FRAME_VERSION);
                close_with(c, -EPROTONOSUPPORT, diag.text);
                return;
        }
        c->greeted = true;
}

/* Hands on the whole frames in the buffer, and learns how much the next one needs. */
static void hand_on(struct channel *c)
{
        while (!c->closed && !c->paused) {
                struct diag diag = DIAG_INIT;
                struct frame frame;
                size_t bytes;
                int r;

                r = frame_read(buffer_start(&c->in), buffer_length(&c->in), &frame, &bytes, &diag);
                if (r == 0) {
                        c->needed = bytes;
                        return;
                }
                if (r > 0 && c->greeted && frame.type == FRAME_HELLO)
                        r = diag_set(&diag, -EBADMSG, "a second hello");
                if (r < 0) {
                        close_with(c, r, diag.text);
                        return;
                }
                if (c->greeted)
                        c->events->frame(c->data, &frame);
                else
                        take_hello(c, &frame);
                buffer_drop(&c->in, bytes);
        }
}

/* Reads once, what there is room for.  The length that a frame has announced is believed because
 * frame_read() has compared it with the most that its type can have. */
static void fill(struct channel *c)
{
        size_t missing = c->needed - buffer_length(&c->in);
        ssize_t n;

        if (buffer_reserve(&c->in, missing > BUFFER_MIN ? missing : BUFFER_MIN) < 0) {
                close_with(c, -ENOMEM, "out of memory");
                return;
        }
        do
                n = recv(c->fd, c->in.data + c->in.end, c->in.capacity - c->in.end, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                c->in.end += (size_t)n;
        else if (n == 0 ||
                 errno == ECONNRESET) /* reset: it did not read all we sent before it ended */
                close_with(c, 0, "closed its channel");
        else if (errno != EAGAIN)
                close_with(c, -errno, strerror(errno));
}

static void end_dispatch(struct channel *c)
{
        c->dispatching = false;
        if (c->freed)
                destroy(c);
        else
                update_interest(c);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        struct channel *c = data;

        (void)source;
        (void)fd;

        c->dispatching = true;
        if (revents & EPOLLOUT)
                flush(c);
        if (revents & (EPOLLHUP | EPOLLERR) && c->paused) {
                c->paused = false; /* nothing more will come than what is there */
                hand_on(c);
        }
        if (!c->closed && !c->paused) {
                fill(c);
                hand_on(c);
        }
        end_dispatch(c);
        return 0;
}

static int on_rest(sd_event_source *source, void *data)
{
        struct channel *c = data;

        (void)source;

        c->dispatching = true;
        hand_on(c);
        end_dispatch(c);
        return 0;
}

void channel_pause(struct channel *channel, bool pause)
{
        if (channel->closed || channel->paused == pause)
                return;
        channel->paused = pause;
        if (!pause)
                (void)sd_event_source_set_enabled(channel->rest, SD_EVENT_ONESHOT);
        update_interest(channel);
}
