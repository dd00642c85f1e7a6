/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/mqtt/subscriptions.h"
#include "host/util/cleanup.h"
#include "tests/unit/unit.h"

static struct subscriptions *subscriptions;
static char told[4096]; /* what the server was told: "+a/b:1 -c " */
static unsigned calls;
static uint64_t to_remove;

static void begin(void)
{
        ck_assert_int_eq(subscriptions_new(10, &subscriptions), 0);
}

static void end(void)
{
        subscriptions = subscriptions_free(subscriptions);
}

static int on_change(void *data, const char *filter, int qos, bool subscribe)
{
        size_t length = strlen(told);

        (void)data;
        if (subscribe)
                (void)snprintf(told + length, sizeof(told) - length, "+%s:%d ", filter, qos);
        else
                (void)snprintf(told + length, sizeof(told) - length, "-%s ", filter);
        return 0;
}

static const char *tell(void)
{
        told[0] = '\0';
        ck_assert_int_eq(subscriptions_tell(subscriptions, on_change, NULL), 0);
        return told;
}

static void count(void *data, const struct mqtt_message *message)
{
        (void)data;
        (void)message;
        calls++;
}

static uint64_t add(const char *filter, int qos)
{
        uint64_t id = 0;

        ck_assert_int_eq(subscriptions_add(subscriptions, filter, qos, count, NULL, &id), 0);
        return id;
}

static void remove_one(uint64_t id)
{
        ck_assert_int_eq(subscriptions_remove(subscriptions, id), 0);
}

static int deliver(const char *topic)
{
        struct mqtt_message message = { .topic = topic, .payload = "" };

        return subscriptions_deliver(subscriptions, &message);
}

START_TEST(the_server_is_asked_for_what_nothing_else_covers)
{
        begin();
        (void)add("a/b", 2);
        (void)add("a/+", 0);
        (void)add("c", 1);
        (void)add("c", 0);
        ck_assert_str_eq(tell(), "+a/+:2 +c:1 ");
        ck_assert_str_eq(tell(), "");
        end();
}
END_TEST

START_TEST(a_wider_filter_takes_over_and_gives_back)
{
        uint64_t wide;

        begin();
        (void)add("a/b", 1);
        (void)add("a/c", 1);
        ck_assert_str_eq(tell(), "+a/b:1 +a/c:1 ");
        wide = add("a/#", 0);
        ck_assert_str_eq(tell(), "+a/#:1 -a/b -a/c ");
        remove_one(wide);
        ck_assert_str_eq(tell(), "+a/b:1 +a/c:1 -a/# ");
        end();
}
END_TEST

START_TEST(a_covered_newcomer_makes_the_server_send_what_it_retains)
{
        begin();
        (void)add("a/#", 1);
        ck_assert_str_eq(tell(), "+a/#:1 ");
        (void)add("a/b", 0);
        ck_assert_str_eq(tell(), "+a/#:1 ");
        end();
}
END_TEST

START_TEST(the_last_of_equal_filters_unsubscribes)
{
        uint64_t first;
        uint64_t second;

        begin();
        first = add("a", 1);
        second = add("a", 1);
        ck_assert_str_eq(tell(), "+a:1 ");
        remove_one(first);
        ck_assert_str_eq(tell(), "");
        remove_one(second);
        ck_assert_str_eq(tell(), "-a ");
        ck_assert_str_eq(tell(), "");
        end();
}
END_TEST

START_TEST(who_comes_and_goes_between_is_no_news)
{
        uint64_t id;

        begin();
        id = add("a", 1);
        remove_one(id);
        ck_assert_str_eq(tell(), "");
        ck_assert_int_eq(subscriptions_remove(subscriptions, id), -ENOENT);
        end();
}
END_TEST

START_TEST(a_new_session_is_told_everything_and_nothing_of_the_past)
{
        uint64_t gone;

        begin();
        (void)add("a", 1);
        gone = add("b", 1);
        (void)tell();
        remove_one(gone);
        subscriptions_forget_server(subscriptions);
        ck_assert_str_eq(tell(), "+a:1 ");
        end();
}
END_TEST

static int fail_second(void *data, const char *filter, int qos, bool subscribe)
{
        unsigned *n = data;

        (void)filter;
        (void)qos;
        (void)subscribe;
        return ++*n == 2 ? -ENOTCONN : 0;
}

START_TEST(what_could_not_be_told_is_told_again)
{
        unsigned n = 0;

        begin();
        (void)add("a", 1);
        (void)add("b", 1);
        (void)add("c", 1);
        ck_assert_int_eq(subscriptions_tell(subscriptions, fail_second, &n), -ENOTCONN);
        ck_assert_str_eq(tell(), "+b:1 +c:1 ");
        end();
}
END_TEST

START_TEST(each_matching_subscription_is_called_once)
{
        begin();
        (void)add("a/b", 1);
        (void)add("a/+", 1);
        (void)add("#", 1);
        (void)add("a/c", 1);
        ck_assert_int_eq(deliver("a/b"), 3);
        ck_assert_uint_eq(calls, 3);
        ck_assert_int_eq(deliver("$SYS/x"), 0);
        end();
}
END_TEST

static void remove_other(void *data, const struct mqtt_message *message)
{
        (void)data;
        (void)message;
        calls++;
        remove_one(to_remove);
}

static void add_another(void *data, const struct mqtt_message *message)
{
        (void)data;
        (void)message;
        calls++;
        (void)add("a", 1);
}

static void free_all(void *data, const struct mqtt_message *message)
{
        (void)data;
        (void)message;
        calls++;
        end();
}

START_TEST(callbacks_may_subscribe_unsubscribe_and_free)
{
        uint64_t id;

        begin();
        ck_assert_int_eq(subscriptions_add(subscriptions, "a", 1, remove_other, NULL, &id), 0);
        to_remove = add("a", 1);
        ck_assert_int_eq(deliver("a"), 1);
        remove_one(id);
        ck_assert_int_eq(subscriptions_add(subscriptions, "a", 1, add_another, NULL, &id), 0);
        ck_assert_int_eq(deliver("a"), 1);
        remove_one(id);
        ck_assert_int_eq(subscriptions_add(subscriptions, "a", 1, free_all, NULL, &id), 0);
        (void)add("a", 1);
        calls = 0;
        ck_assert_int_eq(deliver("a"), -ECANCELED);
        ck_assert_uint_eq(calls, 2); /* the one of add_another(), then free_all(), and no more */
        ck_assert_ptr_null(subscriptions);
}
END_TEST

START_TEST(bad_filters_and_too_many_are_refused)
{
        uint64_t id;

        begin();
        ck_assert_int_eq(subscriptions_add(subscriptions, "a#", 1, count, NULL, &id), -EINVAL);
        ck_assert_int_eq(subscriptions_add(subscriptions, "a", 3, count, NULL, &id), -EINVAL);
        for (int i = 0; i < 10; i++)
                id = add("a", 1);
        ck_assert_int_eq(subscriptions_add(subscriptions, "a", 1, count, NULL, &id), -E2BIG);
        remove_one(id);
        (void)add("a", 1);
        end();
}
END_TEST

UNIT_MAIN("subscriptions", the_server_is_asked_for_what_nothing_else_covers,
          a_wider_filter_takes_over_and_gives_back,
          a_covered_newcomer_makes_the_server_send_what_it_retains,
          the_last_of_equal_filters_unsubscribes, who_comes_and_goes_between_is_no_news,
          a_new_session_is_told_everything_and_nothing_of_the_past,
          what_could_not_be_told_is_told_again, each_matching_subscription_is_called_once,
          callbacks_may_subscribe_unsubscribe_and_free, bad_filters_and_too_many_are_refused)
