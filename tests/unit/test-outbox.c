/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/mqtt/outbox.h"
#include "host/util/cleanup.h"
#include "tests/unit/unit.h"

static int put(struct outbox *outbox, enum outbox_rank rank, const char *topic, size_t length,
               uint64_t *ret_id)
{
        static const char bytes[8192];
        struct outbox_message message = {
                .topic = topic, .payload = bytes, .length = length, .qos = 1, .rank = rank
        };

        return outbox_put(outbox, &message, ret_id);
}

/* Puts one that fits. */
static uint64_t put_one(struct outbox *outbox, enum outbox_rank rank, const char *topic)
{
        uint64_t id = 0;

        ck_assert_int_eq(put(outbox, rank, topic, 10, &id), 0);
        ck_assert_uint_ne(id, 0);
        return id;
}

static uint64_t next_id(struct outbox *outbox)
{
        struct outbox_message message;
        uint64_t id;

        return outbox_next(outbox, &id, &message) ? id : 0;
}

static void assert_finished(struct outbox *outbox, uint64_t id, int r)
{
        uint64_t finished_id = 0;
        int finished_r = 1;

        ck_assert(outbox_pop_finished(outbox, &finished_id, &finished_r));
        ck_assert_uint_eq(finished_id, id);
        ck_assert_int_eq(finished_r, r);
}

static struct outbox *outbox;

static void begin(size_t messages, size_t bytes)
{
        ck_assert_int_eq(outbox_new(messages, bytes, &outbox), 0);
}

static void end(void)
{
        outbox = outbox_free(outbox);
}

START_TEST(messages_leave_in_order_and_are_answered_for_once)
{
        struct outbox_message out;
        struct outbox_message in = {
                .topic = "t", .payload = "abc", .length = 3, .qos = 2, .retain = true
        };
        uint64_t first;
        uint64_t second;
        uint64_t id;

        begin(10, 10000);
        ck_assert_int_eq(outbox_put(outbox, &in, &first), 0);
        second = put_one(outbox, OUTBOX_PROGRESS, "u");
        ck_assert(outbox_next(outbox, &id, &out));
        ck_assert_uint_eq(id, first);
        ck_assert_str_eq(out.topic, "t");
        ck_assert_mem_eq(out.payload, "abc", 3);
        ck_assert_int_eq(out.qos, 2);
        ck_assert(out.retain);
        outbox_sent(outbox, first, 7);
        ck_assert_uint_eq(next_id(outbox), second);
        outbox_sent(outbox, second, 8);
        ck_assert_uint_eq(next_id(outbox), 0);
        outbox_answered(outbox, 9, 0); /* of nobody */
        ck_assert(!outbox_has_finished(outbox));
        outbox_answered(outbox, 8, 0);
        outbox_answered(outbox, 8, 0);
        outbox_answered(outbox, 7, -EACCES);
        assert_finished(outbox, second, 0);
        assert_finished(outbox, first, -EACCES);
        ck_assert(!outbox_has_finished(outbox));
        ck_assert_uint_eq(outbox_count(outbox), 0);
        ck_assert_uint_eq(outbox_bytes(outbox), 0);
        end();
}
END_TEST

START_TEST(only_so_many_are_in_flight)
{
        begin(100, 100000);
        for (int i = 0; i < OUTBOX_IN_FLIGHT_MAX + 1; i++)
                (void)put_one(outbox, OUTBOX_ORDINARY, "t");
        for (int i = 0; i < OUTBOX_IN_FLIGHT_MAX; i++)
                outbox_sent(outbox, next_id(outbox), i + 1);
        ck_assert_uint_eq(next_id(outbox), 0);
        outbox_answered(outbox, 5, 0);
        ck_assert_uint_eq(next_id(outbox), OUTBOX_IN_FLIGHT_MAX + 1);
        end();
}
END_TEST

START_TEST(what_was_in_flight_goes_again_in_the_old_order)
{
        uint64_t ids[4];

        begin(10, 10000);
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                ids[i] = put_one(outbox, OUTBOX_ORDINARY, "t");
        for (int i = 0; i < 3; i++)
                outbox_sent(outbox, next_id(outbox), i + 1);
        outbox_answered(outbox, 2, 0);
        outbox_rewind(outbox);
        outbox_answered(outbox, 1, 0); /* late: belongs to the lost connection */
        ck_assert_uint_eq(next_id(outbox), ids[0]);
        outbox_sent(outbox, ids[0], 1);
        ck_assert_uint_eq(next_id(outbox), ids[2]);
        outbox_sent(outbox, ids[2], 2);
        ck_assert_uint_eq(next_id(outbox), ids[3]);
        end();
}
END_TEST

START_TEST(what_cannot_be_sent_does_not_hold_up_the_rest)
{
        uint64_t bad;
        uint64_t good;

        begin(10, 10000);
        bad = put_one(outbox, OUTBOX_TERMINAL, "t");
        good = put_one(outbox, OUTBOX_TERMINAL, "t");
        outbox_fail(outbox, bad, -EMSGSIZE);
        assert_finished(outbox, bad, -EMSGSIZE);
        ck_assert_uint_eq(next_id(outbox), good);
        end();
}
END_TEST

/* Also of progress, but neither replaces the other. */
START_TEST(a_newer_state_takes_the_place_of_a_waiting_one_on_its_topic)
{
        static const enum outbox_rank ranks[] = { OUTBOX_INVENTORY, OUTBOX_PROGRESS };
        uint64_t flying;
        uint64_t stale;
        uint64_t other;
        uint64_t newest;

        for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
                begin(10, 10000);
                flying = put_one(outbox, ranks[i], "a");
                outbox_sent(outbox, flying, 1);
                stale = put_one(outbox, ranks[i], "a");
                other = put_one(outbox, ranks[i], "b");
                (void)put_one(outbox, ranks[!i], "a");
                newest = put_one(outbox, ranks[i], "a");
                assert_finished(outbox, stale, -ESTALE);
                ck_assert(!outbox_has_finished(outbox));
                ck_assert_uint_eq(next_id(outbox), other);
                outbox_sent(outbox, other, 2);
                outbox_sent(outbox, next_id(outbox), 3);
                ck_assert_uint_eq(next_id(outbox), newest);
                end();
        }
}
END_TEST

#define T OUTBOX_TERMINAL
#define O OUTBOX_ORDINARY
#define I OUTBOX_INVENTORY
#define P OUTBOX_PROGRESS

/* Which ranks give way to which, when three are there and a fourth comes. */
START_TEST(ranks_give_way_as_the_table_says)
{
        static const struct {
                enum outbox_rank there[3];
                enum outbox_rank comes;
                int gives_way; /* its place; -1: the one that comes is refused */
        } cases[] = {
                { { P, P, P }, P, 0 },  { { T, P, P }, T, 1 },  { { O, I, P }, T, 2 },
                { { O, I, T }, T, 1 },  { { T, O, T }, T, 1 },  { { T, T, T }, T, -1 },
                { { T, O, P }, O, 2 },  { { I, O, T }, O, -1 }, { { O, P, T }, I, 1 },
                { { O, I, T }, I, -1 }, { { T, O, I }, P, -1 },
        };
        static const char *const topics[] = { "a", "b", "c", "d" };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t ids[3];
                uint64_t id;

                begin(3, 100000);
                for (size_t n = 0; n < 3; n++)
                        ids[n] = put_one(outbox, cases[i].there[n], topics[n]);
                ck_assert_int_eq(put(outbox, cases[i].comes, "d", 10, &id),
                                 cases[i].gives_way < 0 ? -ENOBUFS : 0);
                if (cases[i].gives_way >= 0)
                        assert_finished(outbox, ids[cases[i].gives_way], -ENOBUFS);
                ck_assert(!outbox_has_finished(outbox));
                ck_assert_uint_eq(outbox_count(outbox), 3);
                end();
        }
}
END_TEST

START_TEST(bytes_are_limited_as_well)
{
        uint64_t id;
        int n = 0;

        begin(1000, 10000);
        while (put(outbox, OUTBOX_ORDINARY, "t", 1000, &id) == 0)
                n++;
        ck_assert_int_eq(n, 10000 / (1000 + 2 + OUTBOX_OVERHEAD));
        ck_assert_uint_le(outbox_bytes(outbox), 10000);
        /* What can never fit pushes nothing out. */
        ck_assert_int_eq(put(outbox, OUTBOX_TERMINAL, "t", 4096 * 2, &id), 0);
        while (outbox_has_finished(outbox)) {
                int r;

                ck_assert(outbox_pop_finished(outbox, &id, &r));
                ck_assert_int_eq(r, -ENOBUFS);
        }
        ck_assert_uint_le(outbox_bytes(outbox), 10000);
        end();
}
END_TEST

START_TEST(what_can_never_fit_pushes_nothing_out)
{
        uint64_t id;

        begin(10, 2000);
        (void)put_one(outbox, OUTBOX_PROGRESS, "t");
        ck_assert_int_eq(put(outbox, OUTBOX_TERMINAL, "t", 3000, &id), -ENOBUFS);
        ck_assert(!outbox_has_finished(outbox));
        ck_assert_uint_eq(outbox_count(outbox), 1);
        end();
}
END_TEST

START_TEST(what_is_in_flight_is_never_dropped)
{
        uint64_t id;

        begin(2, 10000);
        for (int i = 0; i < 2; i++) {
                (void)put_one(outbox, OUTBOX_PROGRESS, "t");
                outbox_sent(outbox, next_id(outbox), i + 1);
        }
        ck_assert_int_eq(put(outbox, OUTBOX_TERMINAL, "t", 10, &id), -ENOBUFS);
        ck_assert(!outbox_has_finished(outbox));
        end();
}
END_TEST

UNIT_MAIN("outbox", messages_leave_in_order_and_are_answered_for_once, only_so_many_are_in_flight,
          what_was_in_flight_goes_again_in_the_old_order,
          what_cannot_be_sent_does_not_hold_up_the_rest,
          a_newer_state_takes_the_place_of_a_waiting_one_on_its_topic,
          ranks_give_way_as_the_table_says, bytes_are_limited_as_well,
          what_can_never_fit_pushes_nothing_out, what_is_in_flight_is_never_dropped)
