/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/plugin/channel.h"
#include "host/util/cleanup.h"
#include "tests/unit/unit.h"

/* One end, and what it has seen. */
struct side {
        struct channel *channel;
        unsigned frames;
        uint64_t last_id;
        size_t last_length;
        bool closed;
        int closed_with;
        char text[200];
        unsigned free_at; /* free the channel in the handler of this frame; 0: never */
        unsigned pause_at;
};

static void on_frame(void *data, const struct frame *frame)
{
        struct side *side = data;

        side->frames++;
        side->last_id = frame->number[0];
        side->last_length = frame->text[1] ? strlen(frame->text[1]) : 0;
        if (side->frames == side->free_at)
                side->channel = channel_free(side->channel);
        if (side->frames == side->pause_at)
                channel_pause(side->channel, true);
}

static void on_closed(void *data, int r, const char *text)
{
        struct side *side = data;

        ck_assert(!side->closed);
        side->closed = true;
        side->closed_with = r;
        (void)snprintf(side->text, sizeof(side->text), "%s", text);
}

static const struct channel_events events = { .frame = on_frame, .closed = on_closed };

static sd_event *loop;

static void make_pair(int fds[2])
{
        ck_assert_int_ge(sd_event_default(&loop), 0);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                         0);
}

static void open_both(struct side *a, struct side *b)
{
        int fds[2];

        make_pair(fds);
        ck_assert_int_eq(channel_new(loop, fds[0], &events, a, &a->channel), 0);
        ck_assert_int_eq(channel_new(loop, fds[1], &events, b, &b->channel), 0);
}

/* Runs the loop until nothing happens any more. */
static void settle(void)
{
        int r;

        do {
                r = sd_event_run(loop, 0);
                ck_assert_int_ge(r, 0);
        } while (r > 0);
}

static int send_id(struct channel *channel, uint64_t id)
{
        return channel_send(channel, &(struct frame){ .type = FRAME_STATE_SYNC, .number = { id } });
}

static void end(struct side *a, struct side *b)
{
        channel_free(a->channel);
        channel_free(b->channel);
        sd_event_unref(loop);
}

START_TEST(frames_arrive_in_order_both_ways)
{
        struct side a = { 0 };
        struct side b = { 0 };
        uint64_t i;

        open_both(&a, &b);
        for (i = 1; i <= 1000; i++) {
                ck_assert_int_eq(send_id(a.channel, i), 0);
                ck_assert_int_eq(send_id(b.channel, i), 0);
        }
        settle();
        ck_assert_uint_eq(a.frames, 1000);
        ck_assert_uint_eq(b.frames, 1000);
        ck_assert_uint_eq(b.last_id, 1000);
        end(&a, &b);
}
END_TEST

START_TEST(large_frames_pass_in_pieces)
{
        struct side a = { 0 };
        struct side b = { 0 };
        char *json = malloc(UB_MAX_JSON + 1);
        int i;

        memset(json, 'x', UB_MAX_JSON);
        json[UB_MAX_JSON] = '\0';
        open_both(&a, &b);
        for (i = 0; i < 3; i++)
                ck_assert_int_eq(channel_send(a.channel, &(struct frame){ .type = FRAME_FEEDBACK,
                                                                          .text = { "a1", json } }),
                                 0);
        ck_assert_uint_gt(channel_queued(a.channel), 2 * UB_MAX_JSON);
        settle();
        ck_assert_uint_eq(channel_queued(a.channel), 0);
        ck_assert_uint_eq(b.frames, 3);
        ck_assert_uint_eq(b.last_length, UB_MAX_JSON);
        free(json);
        end(&a, &b);
}
END_TEST

START_TEST(queue_has_a_limit)
{
        struct side a = { 0 };
        struct side b = { 0 };
        int r;

        open_both(&a, &b);
        channel_pause(b.channel, true);
        while ((r = send_id(a.channel, 1)) == 0)
                ;
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_uint_gt(channel_queued(a.channel), CHANNEL_QUEUE_MAX - 100);
        ck_assert_uint_le(channel_queued(a.channel), CHANNEL_QUEUE_MAX);
        channel_pause(b.channel, false);
        settle();
        ck_assert_int_eq(send_id(a.channel, 77), 0);
        settle();
        ck_assert_uint_eq(b.last_id, 77);
        end(&a, &b);
}
END_TEST

START_TEST(pause_holds_even_what_has_been_read)
{
        struct side a = { 0 };
        struct side b = { .pause_at = 3 };
        int i;

        open_both(&a, &b);
        for (i = 0; i < 10; i++)
                ck_assert_int_eq(send_id(a.channel, 1), 0);
        settle();
        ck_assert_uint_eq(b.frames, 3);
        channel_pause(b.channel, false);
        settle();
        ck_assert_uint_eq(b.frames, 10);
        end(&a, &b);
}
END_TEST

START_TEST(end_of_the_peer_ends_a_pause_and_loses_nothing)
{
        struct side a = { 0 };
        struct side b = { .pause_at = 3 };
        int i;

        open_both(&a, &b);
        for (i = 0; i < 10; i++)
                ck_assert_int_eq(send_id(a.channel, 1), 0);
        settle();
        a.channel = channel_free(a.channel);
        settle();
        ck_assert_uint_eq(b.frames, 10);
        ck_assert(b.closed);
        ck_assert_int_eq(b.closed_with, 0);
        ck_assert_str_eq(b.text, "closed its channel");
        ck_assert_int_eq(send_id(b.channel, 1), 0); /* harmless */
        end(&a, &b);
}
END_TEST

START_TEST(handler_may_free_the_channel)
{
        struct side a = { 0 };
        struct side b = { .free_at = 2 };
        int i;

        open_both(&a, &b);
        for (i = 0; i < 10; i++)
                ck_assert_int_eq(send_id(a.channel, 1), 0);
        settle();
        ck_assert_uint_eq(b.frames, 2);
        ck_assert(!b.closed);
        ck_assert(a.closed); /* b never read all that was sent: no reason to fail */
        ck_assert_int_eq(a.closed_with, 0);
        end(&a, &b);
}
END_TEST

/* What a peer writes that is not a channel, and how the channel takes it. */
static void feed(const char *bytes, size_t length, int expected, const char *text)
{
        struct side side = { 0 };
        int fds[2];

        make_pair(fds);
        ck_assert_int_eq(channel_new(loop, fds[0], &events, &side, &side.channel), 0);
        ck_assert_int_eq(write(fds[1], bytes, length), (ssize_t)length);
        settle();
        ck_assert(side.closed);
        ck_assert_int_eq(side.closed_with, expected);
        ck_assert_str_eq(side.text, text);
        ck_assert_uint_eq(side.frames, 0);
        channel_free(side.channel);
        close(fds[1]);
        sd_event_unref(loop);
}

#define N8(n) n "\0\0\0\0\0\0\0"
#define HELLO(version) "\x10\0\0\0\x01\0\0\0" N8(version) N8("\0")

START_TEST(garbage_closes_it)
{
        static const char garbage[] = "GET / HTTP/1.1\r\n\r\n";
        static const char other[] = HELLO("\x63");
        static const char twice[] = HELLO("\x01") HELLO("\x01");
        static const char none[] = "\0\0\0\0\x0d\0\0\0";

        feed(garbage, sizeof(garbage) - 1, -EBADMSG, "unknown type 1414012975 of a frame");
        feed(other, sizeof(other) - 1, -EPROTONOSUPPORT,
             "speaks version 99 of the frames and not 1");
        feed(twice, sizeof(twice) - 1, -EBADMSG, "a second hello");
        feed(none, sizeof(none) - 1, -EPROTONOSUPPORT, "speaks version 0 of the frames and not 1");
}
END_TEST

START_TEST(descriptor_that_a_peer_sends_is_lost)
{
        struct side side = { 0 };
        char control[CMSG_SPACE(sizeof(int))] = { 0 };
        static char bytes[] = HELLO("\x01");
        struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) - 1 };
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = control,
                                  .msg_controllen = sizeof(control) };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        int pipe_fds[2];
        int fds[2];
        char c;

        make_pair(fds);
        ck_assert_int_eq(channel_new(loop, fds[0], &events, &side, &side.channel), 0);
        ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &pipe_fds[1], sizeof(int));
        ck_assert_int_gt(sendmsg(fds[1], &message, 0), 0);
        close(pipe_fds[1]);
        settle();
        /* our copy was the only other one: end of file, and not "nothing yet" */
        ck_assert_int_eq(read(pipe_fds[0], &c, 1), 0);
        ck_assert(!side.closed);
        channel_free(side.channel);
        close(pipe_fds[0]);
        close(fds[1]);
        sd_event_unref(loop);
}
END_TEST

UNIT_MAIN("channel", frames_arrive_in_order_both_ways, large_frames_pass_in_pieces,
          queue_has_a_limit, pause_holds_even_what_has_been_read,
          end_of_the_peer_ends_a_pause_and_loses_nothing, handler_may_free_the_channel,
          garbage_closes_it, descriptor_that_a_peer_sends_is_lost)
