/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sdk-nest - a private sd_event inside another loop: timers, deferred calls, and two real
 * sd-bus ends */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "tests/fake/fake-host.h"
#include "tests/unit/unit.h"

#include <update-broker/sdk/nest.h>

struct fixture {
        struct fake_host *fake;
        sd_event *inner;
        struct ub_nest *nest;
        int count;
        bool done;
};

static void fixture_init(struct fixture *f)
{
        *f = (struct fixture){ .fake = fake_host_new() };
        ck_assert_int_ge(sd_event_new(&f->inner), 0);
        ck_assert_int_eq(ub_nest_sd_event(&f->fake->host, f->inner, &f->nest), 0);
}

static void fixture_done(struct fixture *f)
{
        f->nest = ub_nest_free(f->nest);
        ck_assert_uint_eq(f->fake->n_sources, 0);
        sd_event_unref(f->inner);
        fake_host_free(f->fake);
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
        struct fixture *f = data;

        (void)usec;
        if (++f->count == 5)
                f->done = true;
        else
                ck_assert_int_ge(sd_event_source_set_time_relative(source, 1000), 0);
        return f->count < 5 ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

START_TEST(timers_run_and_are_armed_again)
{
        struct fixture f;

        fixture_init(&f);
        ck_assert_int_ge(
                sd_event_add_time_relative(f.inner, NULL, CLOCK_MONOTONIC, 1000, 1, on_time, &f),
                0);
        fake_host_run_until(f.fake, &f.done);
        ck_assert_int_eq(f.count, 5);
        fixture_done(&f);
}
END_TEST

START_TEST(a_timer_from_outside_runs_after_a_kick)
{
        struct fixture f;

        fixture_init(&f);
        fake_host_settle(f.fake, 0); /* now it is armed and waits on nothing */
        ck_assert_int_ge(
                sd_event_add_time_relative(f.inner, NULL, CLOCK_MONOTONIC, 1000, 1, on_time, &f),
                0);
        ck_assert_int_eq(ub_nest_kick(f.nest), 0);
        ck_assert_int_eq(ub_nest_kick(f.nest), 0);
        fake_host_run_until(f.fake, &f.done);
        fixture_done(&f);
}
END_TEST

static int on_every_turn(sd_event_source *source, void *data)
{
        struct fixture *f = data;

        (void)source;
        f->count++;
        return 0;
}

static void set_done(void *data)
{
        *(bool *)data = true;
}

START_TEST(a_busy_inner_loop_leaves_the_outer_one_its_turns)
{
        struct fixture f;
        sd_event_source *busy = NULL;

        fixture_init(&f);
        ck_assert_int_ge(sd_event_add_defer(f.inner, &busy, on_every_turn, &f), 0);
        ck_assert_int_ge(sd_event_source_set_enabled(busy, SD_EVENT_ON), 0);
        ck_assert_int_eq(f.fake->host.timer(f.fake, 20 * 1000, set_done, &f.done, NULL), 0);
        fake_host_run_until(f.fake, &f.done);
        ck_assert_int_gt(f.count, 16);
        sd_event_source_disable_unref(busy);
        fixture_done(&f);
}
END_TEST

static int free_nest(sd_event_source *source, void *data)
{
        struct fixture *f = data;

        (void)source;
        f->nest = ub_nest_free(f->nest);
        f->done = true;
        return 0;
}

START_TEST(a_handler_may_end_its_own_nest)
{
        struct fixture f;

        fixture_init(&f);
        ck_assert_int_ge(sd_event_add_defer(f.inner, NULL, free_nest, &f), 0);
        fake_host_run_until(f.fake, &f.done);
        fake_host_settle(f.fake, 0);
        fixture_done(&f);
}
END_TEST

static int leave(sd_event_source *source, void *data)
{
        struct fixture *f = data;

        f->done = true;
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

START_TEST(sd_event_exit_ends_the_nesting_only)
{
        struct fixture f;

        fixture_init(&f);
        ck_assert_int_ge(sd_event_add_defer(f.inner, NULL, leave, &f), 0);
        fake_host_run_until(f.fake, &f.done);
        fake_host_settle(f.fake, 0);
        ck_assert_uint_eq(f.fake->n_sources, 0);
        ck_assert_uint_eq(fake_host_count(f.fake, "log"), 0);
        fixture_done(&f);
}
END_TEST

/* --------------------------------------------------------------------------------------- sd-bus */

static int on_echo(sd_bus_message *m, void *data, sd_bus_error *error)
{
        const char *text = NULL;

        (void)data;
        (void)error;
        ck_assert_int_ge(sd_bus_message_read(m, "s", &text), 0);
        return sd_bus_reply_method_return(m, "s", text);
}

static const sd_bus_vtable VTABLE[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Echo", "s", "s", on_echo, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* One end of a private connection, without a bus between. */
static sd_bus *bus_end(int fd, sd_event *event, bool server)
{
        sd_id128_t id = SD_ID128_NULL;
        sd_bus *bus = NULL;

        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, fd, fd), 0);
        ck_assert_int_ge(sd_bus_set_bus_client(bus, false), 0);
        if (server) {
                ck_assert_int_ge(sd_id128_randomize(&id), 0);
                ck_assert_int_ge(sd_bus_set_server(bus, true, id), 0);
                ck_assert_int_ge(sd_bus_set_anonymous(bus, true), 0);
        } else {
                ck_assert_int_ge(sd_bus_set_anonymous(bus, true), 0);
        }
        ck_assert_int_ge(sd_bus_start(bus), 0);
        ck_assert_int_ge(sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL), 0);
        return bus;
}

struct call {
        bool done;
        bool failed;
        char *answer;
};

static int on_answer(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct call *call = data;
        const char *text = NULL;

        (void)error;
        call->failed = sd_bus_message_is_method_error(m, NULL);
        if (!call->failed) {
                ck_assert_int_ge(sd_bus_message_read(m, "s", &text), 0);
                call->answer = strdup(text);
        }
        call->done = true;
        return 0;
}

static void call_echo(struct fixture *f, sd_bus *bus, const char *member, const char *text,
                      struct call *call)
{
        ck_assert_int_ge(sd_bus_call_method_async(bus, NULL, NULL, "/", "org.example.Echo", member,
                                                  on_answer, call, "s", text), 0);
        ck_assert_int_eq(ub_nest_kick(f->nest), 0);
        fake_host_run_until(f->fake, &call->done);
}

START_TEST(a_bus_in_the_inner_loop_carries_calls)
{
        char *longer = malloc(400001); /* does not fit a socket's buffer at once */
        struct call first = { .done = false };
        struct call second = { .done = false };
        struct call wrong = { .done = false };
        struct fixture f;
        sd_bus *server;
        sd_bus *client;
        int fds[2];

        fixture_init(&f);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                         0);
        server = bus_end(fds[0], f.inner, true);
        client = bus_end(fds[1], f.inner, false);
        ck_assert_int_ge(
                sd_bus_add_object_vtable(server, NULL, "/", "org.example.Echo", VTABLE, NULL), 0);

        call_echo(&f, client, "Echo", "hello", &first);
        ck_assert_str_eq(first.answer, "hello");
        memset(longer, 'x', 400000);
        longer[400000] = '\0';
        call_echo(&f, client, "Echo", longer, &second);
        ck_assert_str_eq(second.answer, longer);
        call_echo(&f, client, "Missing", "", &wrong);
        ck_assert(wrong.failed);

        sd_bus_close_unref(client);
        sd_bus_close_unref(server);
        free(first.answer);
        free(second.answer);
        free(longer);
        fixture_done(&f);
}
END_TEST

UNIT_MAIN("sdk-nest", timers_run_and_are_armed_again, a_timer_from_outside_runs_after_a_kick,
          a_busy_inner_loop_leaves_the_outer_one_its_turns, a_handler_may_end_its_own_nest,
          sd_event_exit_ends_the_nesting_only, a_bus_in_the_inner_loop_carries_calls)
