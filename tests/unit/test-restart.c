/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/restart.h"
#include "tests/unit/unit.h"

START_TEST(delay_doubles_up_to_its_limit)
{
        struct restart restart = { 0 };
        uint64_t delay_usec = 0;
        uint64_t now_usec = 0;
        uint64_t expected_usec = RESTART_DELAY_MIN_USEC;
        int i;

        /* Runs of four minutes each: never five deaths in ten minutes. */
        for (i = 0; i < 20; i++) {
                uint64_t started_usec = now_usec;

                now_usec += 4 * USEC_PER_MINUTE;
                ck_assert(restart_on_death(&restart, started_usec, now_usec, &delay_usec));
                ck_assert_uint_eq(delay_usec, expected_usec);
                expected_usec = expected_usec * 2 > RESTART_DELAY_MAX_USEC ? RESTART_DELAY_MAX_USEC
                                                                           : expected_usec * 2;
                now_usec += delay_usec;
        }
        ck_assert_uint_eq(delay_usec, RESTART_DELAY_MAX_USEC);
}
END_TEST

START_TEST(fifth_death_in_ten_minutes_is_the_last)
{
        struct restart restart = { 0 };
        uint64_t delay_usec = 0;
        uint64_t now_usec = 0;
        int i;

        for (i = 0; i < RESTART_DEATHS_MAX - 1; i++) {
                ck_assert(restart_on_death(&restart, now_usec, now_usec, &delay_usec));
                now_usec += delay_usec;
        }
        delay_usec = 42;
        ck_assert(!restart_on_death(&restart, now_usec, now_usec, &delay_usec));
        ck_assert_uint_eq(delay_usec, 42);
}
END_TEST

START_TEST(five_deaths_over_more_than_ten_minutes_are_forgiven)
{
        struct restart restart = { 0 };
        uint64_t delay_usec = 0;
        uint64_t now_usec = 0;
        int i;

        for (i = 0; i < 100; i++) {
                ck_assert(restart_on_death(&restart, now_usec, now_usec, &delay_usec));
                now_usec += RESTART_WINDOW_USEC / (RESTART_DEATHS_MAX - 1);
        }
}
END_TEST

START_TEST(long_run_begins_the_delays_anew)
{
        struct restart restart = { 0 };
        uint64_t delay_usec = 0;

        ck_assert(restart_on_death(&restart, 0, 1, &delay_usec));
        ck_assert(restart_on_death(&restart, 1, 2, &delay_usec));
        ck_assert_uint_eq(delay_usec, 2 * RESTART_DELAY_MIN_USEC);
        ck_assert(restart_on_death(&restart, 2, 3 + RESTART_DELAY_MAX_USEC, &delay_usec));
        ck_assert_uint_eq(delay_usec, RESTART_DELAY_MIN_USEC);
}
END_TEST

UNIT_MAIN("restart", delay_doubles_up_to_its_limit, fifth_death_in_ten_minutes_is_the_last,
          five_deaths_over_more_than_ten_minutes_are_forgiven, long_run_begins_the_delays_anew)
