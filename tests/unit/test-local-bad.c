/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugins of tests/bad that load well and do wrong when they run: each is told, with the rule
 * that it broke, and the host lives. */
#include <errno.h>

#include "host/plugin/abi.h"
#include "tests/unit/owner.h"

static void begin(const char *plugin)
{
        owner_begin(plugin, &(struct instance_config){ .grants = 0 });
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("started");
}

static void begin_activity(const char *plugin)
{
        begin(plugin);
        expect("started 0");
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
}

/* Whatever it did wrong, it can be stopped and has been destroyed. */
static void end(void)
{
        expect_no_more();
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        expect("log 7 destroyed");
        expect("stopped");
        expect_no_more();
        owner_end();
}

static void finish_activity(void)
{
        wait_for("answered");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        expect("answered desired_state a1 0");
        end();
}

START_TEST(a_create_that_fails_is_told_with_what_the_plugin_logged)
{
        begin("bad/create-fails");
        expect("log 3 settings: no key file");
        expect("started -22 plugin guest: create: Invalid argument: settings: no key file");
        expect_no_more();
        ck_assert_int_eq(instance_stop(owner.instance), -ESTALE);
        owner_end();
}
END_TEST

START_TEST(a_start_that_fails_is_told_after_destroy)
{
        begin("bad/start-fails");
        expect("log 3 the bus is not there");
        expect("log 7 destroyed");
        expect("started -111 plugin guest: start: Connection refused: the bus is not there");
        expect_no_more();
        owner_end();
}
END_TEST

START_TEST(a_second_answer_is_refused)
{
        begin_activity("bad/answers-twice");
        wait_for("answered");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        expect("misbehaved answered twice: feedback: activity a1 has had its answer");
        expect("log 6 feedback: -116");
        expect("answered desired_state a1 0");
        end();
}
END_TEST

START_TEST(an_answer_before_a_failure_is_reported)
{
        begin_activity("bad/answers-and-fails");
        wait_for("answered");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        expect("answered desired_state a1 0");
        ck_assert_int_eq(instance_command(owner.instance, "a1", "", UB_CMD_DOWNLOAD), 0);
        wait_for("answered");
        expect("feedback a1 {\"status\":\"DOWNLOAD_SUCCESS\"}");
        expect("misbehaved answered twice: command answered and then failed");
        expect("answered command a1 -5");
        end();
}
END_TEST

START_TEST(an_answer_for_an_unknown_activity_is_refused)
{
        begin_activity("bad/answers-unknown");
        wait_for("misbehaved");
        expect("misbehaved answered an activity that does not run: feedback: no activity "
               "of-somebody-else");
        expect("log 6 feedback: -2");
        finish_activity();
}
END_TEST

START_TEST(bad_json_is_refused_with_its_position)
{
        begin_activity("bad/bad-json");
        wait_for("answered");
        ck_assert_ptr_nonnull(strstr(owner.lines[owner.n_seen], "sent bad JSON: feedback: 1:11: "));
        owner.n_seen++;
        expect("log 6 feedback: -74");
        ck_assert_ptr_nonnull(
                strstr(owner.lines[owner.n_seen], "sent bad JSON: current_state: 1:1: "));
        owner.n_seen++;
        expect("log 6 current_state: -74");
        expect("answered desired_state a1 0");
        end();
}
END_TEST

START_TEST(calls_from_a_thread_are_refused_but_for_log_and_wake)
{
        begin_activity("bad/calls-from-thread");
        wait_for("feedback");
        /* The thread may be faster or slower than the rest of the call that made it. */
        if (strncmp(owner.lines[owner.n_seen], "answered", 8) == 0)
                expect("answered desired_state a1 0");
        expect("log 5 from a thread");
        expect("misbehaved called from another thread: feedback called from another thread");
        expect("log 6 feedback: -1");
        expect("misbehaved called from another thread: stopped called from another thread");
        if (strncmp(owner.lines[owner.n_seen], "answered", 8) == 0)
                expect("answered desired_state a1 0");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        end();
}
END_TEST

START_TEST(a_thread_that_floods_the_log_loses_lines_and_is_told)
{
        unsigned n = 0;

        begin_activity("bad/floods-from-thread");
        wait_for("misbehaved sent more than can be read: ");
        wait_for("feedback");
        for (; owner.n_seen < owner.n_lines; owner.n_seen++)
                n += strcmp(owner.lines[owner.n_seen], "log 6 again") == 0;
        ck_assert_uint_gt(n, 0);
        ck_assert_uint_lt(n, 5000);
        end();
}
END_TEST

START_TEST(a_call_that_blocks_is_timed)
{
        struct instance_stats stats;
        unsigned ms = 0;

        owner.keep_slow = true;
        begin_activity("bad/blocks");
        wait_for("misbehaved took too long: desired_state took ");
        wait_for("answered");
        owner.keep_slow = false;
        owner.n_seen = 1;
        while (sscanf(owner.lines[owner.n_seen], "misbehaved took too long: desired_state took %u",
                      &ms) != 1)
                owner.n_seen++;
        ck_assert_uint_ge(ms, 200);
        instance_get_stats(owner.instance, &stats);
        ck_assert_uint_ge(stats.call_usec_max, 200000);
        ck_assert_uint_ge(stats.faults[INSTANCE_FAULT_SLOW], 1);
        ck_assert_uint_ge(stats.calls, 3); /* create, start, desired_state */
        owner.n_seen = owner.n_lines;
        end();
}
END_TEST

START_TEST(a_plugin_that_never_stops_is_abandoned)
{
        begin("bad/never-stops");
        expect("started 0");
        local_set_stop_usec(owner.instance, 20000);
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("died");
        expect("misbehaved did not stop: plugin guest did not stop within 20 ms");
        expect("died plugin guest did not stop within 20 ms");
        expect_no_more();
        ck_assert_int_eq(instance_current_state_get(owner.instance, "x"), -ESTALE);
        owner_end();
}
END_TEST

START_TEST(stopped_unasked_is_refused)
{
        begin_activity("bad/stopped-unasked");
        wait_for("misbehaved");
        expect("misbehaved called at the wrong time: stopped called before stop");
        finish_activity();
}
END_TEST

START_TEST(calls_in_create_are_refused)
{
        begin("bad/calls-in-create");
        expect("misbehaved called at the wrong time: state_put called in create");
        expect("log 6 state_put: -1");
        expect("started 0");
        end();
}
END_TEST

START_TEST(calls_after_stopped_are_refused)
{
        begin("bad/calls-after-stopped");
        expect("started 0");
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        expect("misbehaved called at the wrong time: state_put called after stopped");
        expect("log 6 state_put: -116");
        expect("misbehaved called at the wrong time: stopped called after stopped");
        expect("log 7 destroyed");
        expect("stopped");
        expect_no_more();
        owner_end();
}
END_TEST

START_TEST(sources_that_are_not_its_own_are_recognised)
{
        begin_activity("bad/foreign-source");
        wait_for("answered");
        for (int i = 0; i < 3; i++)
                expect("misbehaved named a source that is not its own: source_drop: no such "
                       "source");
        expect("misbehaved named a source that is not its own: io_events: no such io source");
        expect("log 6 io_events: -2");
        finish_activity();
}
END_TEST

START_TEST(sources_beyond_the_limit_are_refused)
{
        begin_activity("bad/many-sources");
        wait_for("answered");
        expect("misbehaved went beyond a limit: timer: more than 256 sources");
        expect("log 6 timers: 256");
        finish_activity();
}
END_TEST

START_TEST(services_that_are_not_granted_are_not_there)
{
        begin_activity("bad/not-granted");
        wait_for("answered");
        expect("misbehaved asked for what is not granted: get: ub.mqtt/1 is not granted");
        expect("log 6 mqtt: 0");
        expect("misbehaved asked for what is not granted: get: ub.orchestrator/1 is not granted");
        expect("log 6 orchestrator: 0");
        expect("log 6 future: 0");
        expect("misbehaved asked for what is not granted: "
               "spawn: not among the services of the registration");
        expect("log 6 spawn: -1");
        finish_activity();
}
END_TEST

START_TEST(texts_and_values_beyond_the_limits_are_refused)
{
        begin_activity("bad/over-limits");
        wait_for("answered");
        ck_assert_ptr_nonnull(strstr(owner.lines[owner.n_seen], "went beyond a limit: feedback: "));
        owner.n_seen++;
        expect("log 6 feedback: -7");
        expect("misbehaved went beyond a limit: state_put: the key is longer than 128 bytes");
        expect("log 6 state_put: -7");
        expect("misbehaved went beyond a limit: state_put: the value is too long");
        expect("log 6 state_put: -7");
        expect("misbehaved went beyond a limit: current_state: the activity is longer than 64 "
               "bytes");
        expect("log 6 current_state: -7");
        finish_activity();
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
        begin_activity("bad/bad-arguments");
        wait_for("answered");
        expect("misbehaved passed a bad argument: log: no text");
        expect("misbehaved passed a bad argument: log: no text");
        expect("misbehaved passed a bad argument: log: the text is not UTF-8");
        expect("log 6 ? and a   line");
        expect("misbehaved passed a bad argument: feedback: the JSON is NULL");
        expect("log 6 feedback: -22");
        expect("misbehaved passed a bad argument: feedback: the activity is NULL");
        expect("log 6 feedback: -22");
        expect("misbehaved passed a bad argument: state_get: the key is not UTF-8");
        expect("log 6 state_get: -22");
        expect("misbehaved passed a bad argument: defer: fn is NULL");
        expect("log 6 defer: -22");
        expect("misbehaved passed a bad argument: io: fn is NULL");
        expect("log 6 io: -22");
        expect("misbehaved passed a bad argument: setting: no slash: not a JSON pointer");
        expect("log 6 setting: -22");
        expect("log 6 no host: -22");
        finish_activity();
}
END_TEST

UNIT_MAIN("local-bad", a_create_that_fails_is_told_with_what_the_plugin_logged,
          a_start_that_fails_is_told_after_destroy, a_second_answer_is_refused,
          an_answer_before_a_failure_is_reported, an_answer_for_an_unknown_activity_is_refused,
          bad_json_is_refused_with_its_position,
          calls_from_a_thread_are_refused_but_for_log_and_wake,
          a_thread_that_floods_the_log_loses_lines_and_is_told, a_call_that_blocks_is_timed,
          a_plugin_that_never_stops_is_abandoned, stopped_unasked_is_refused,
          calls_in_create_are_refused, calls_after_stopped_are_refused,
          sources_that_are_not_its_own_are_recognised, sources_beyond_the_limit_are_refused,
          services_that_are_not_granted_are_not_there,
          texts_and_values_beyond_the_limits_are_refused, bad_arguments_are_refused)
