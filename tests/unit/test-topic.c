/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "host/plugin/abi.h"
#include "host/util/topic.h"
#include "tests/unit/unit.h"

static const struct {
        const char *granted;
        const char *asked;
        bool covers;
} pairs[] = {
        { "a/b", "a/b", true },
        { "a/b", "a/c", false },
        { "a/b", "a", false },
        { "a", "a/b", false },
        { "a", "ab", false },
        { "a/+/c", "a/b/c", true },
        { "a/+/c", "a/+/c", true },
        { "a/+/c", "a//c", true },
        { "a/+/c", "a/#", false },
        { "a/+/c", "a/b/c/d", false },
        { "a/+", "a", false },
        { "a/+", "a/", true },
        { "+", "a", true },
        { "+", "+", true },
        { "+", "#", false },
        { "+", "a/b", false },
        { "+/+", "a/b", true },
        { "+/+", "/b", true },
        { "a/b", "a/+", false },
        { "a/#", "a", true },
        { "a/#", "a/b/c", true },
        { "a/#", "a/+/c", true },
        { "a/#", "a/b/#", true },
        { "a/#", "a/#", true },
        { "a/#", "ab", false },
        { "a/#", "#", false },
        { "a/+/#", "a", false },
        { "a/+/#", "a/#", false },
        { "+/#", "a", true },
        { "#", "a/b", true },
        { "#", "#", true },
        { "#", "$SYS/broker", false },
        { "+/broker", "$SYS/broker", false },
        { "$SYS/#", "$SYS/broker", true },
        { "$SYS/+", "$SYS/broker", true },
        { "#", "$share/group/a", false },
        { "a/#", "$share/group/a/b", false },
        { "$share/group/a/#", "$share/group/a/b", true },
};

START_TEST(a_filter_covers_what_matches_no_more_than_it_does)
{
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
                ck_assert_msg(topic_filter_covers(pairs[i].granted, pairs[i].asked) ==
                                      pairs[i].covers,
                              "%s and %s", pairs[i].granted, pairs[i].asked);
}
END_TEST

/* Whether a topic matches a filter, by trying: the slow truth that the comparison is held
 * against. */
static bool matches(const char *filter, const char *topic)
{
        size_t f = strcspn(filter, "/");
        size_t t = strcspn(topic, "/");

        if (strcmp(filter, "#") == 0)
                return true;
        if (!(f == 1 && filter[0] == '+') && (f != t || memcmp(filter, topic, f) != 0))
                return false;
        if (topic[t] == '\0')
                return filter[f] == '\0' || strcmp(filter + f, "/#") == 0;
        return filter[f] == '/' && matches(filter + f + 1, topic + t + 1);
}

/* Every text of up to three levels out of these. */
static void spell(unsigned number, const char *const *levels, unsigned n_levels, char *ret,
                  size_t size)
{
        ret[0] = '\0';
        for (unsigned i = 0; i < 3; i++, number /= n_levels + 1) {
                if (number % (n_levels + 1) == n_levels)
                        break;
                if (i > 0)
                        strncat(ret, "/", size - strlen(ret) - 1);
                strncat(ret, levels[number % (n_levels + 1)], size - strlen(ret) - 1);
        }
}

START_TEST(what_is_covered_never_matches_more)
{
        static const char *const levels[] = { "a", "b", "+", "#" };
        static const char *const plain[] = { "a", "b", "c" };
        char granted[32];
        char asked[32];
        char topic[32];

        for (unsigned g = 0; g < 125; g++)
                for (unsigned a = 0; a < 125; a++) {
                        spell(g, levels, 4, granted, sizeof(granted));
                        spell(a, levels, 4, asked, sizeof(asked));
                        if (!topic_is_filter(granted) || !topic_is_filter(asked) ||
                            !topic_filter_covers(granted, asked))
                                continue;
                        for (unsigned t = 0; t < 64; t++) {
                                spell(t, plain, 3, topic, sizeof(topic));
                                ck_assert_msg(!matches(asked, topic) || matches(granted, topic),
                                              "%s, asked for under %s, matches %s", asked, granted,
                                              topic);
                        }
                }
}
END_TEST

START_TEST(wildcards_fill_a_level_and_names_have_none)
{
        char text[UB_MAX_TOPIC + 2];

        ck_assert(topic_is_filter("a/+/#"));
        ck_assert(topic_is_filter("+"));
        ck_assert(topic_is_filter("/"));
        ck_assert(!topic_is_filter("a/#/b"));
        ck_assert(!topic_is_filter("a#"));
        ck_assert(!topic_is_filter("a/b+"));
        ck_assert(!topic_is_filter(""));
        ck_assert(topic_is_name("a/b"));
        ck_assert(!topic_is_name("a/+"));
        ck_assert(!topic_is_name("a/#"));
        ck_assert(!topic_is_name("a/\xff"));

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        ck_assert(!topic_is_name(text));
        text[UB_MAX_TOPIC] = '\0';
        ck_assert(topic_is_name(text));
}
END_TEST

START_TEST(one_of_the_granted_filters_is_enough)
{
        const char *const granted[] = { "a/#", "b", NULL };

        ck_assert(topic_is_granted(granted, "b"));
        ck_assert(topic_is_granted(granted, "a/+"));
        ck_assert(!topic_is_granted(granted, "c"));
        ck_assert(!topic_is_granted(NULL, "b"));
}
END_TEST

UNIT_MAIN("topic", a_filter_covers_what_matches_no_more_than_it_does,
          what_is_covered_never_matches_more, wildcards_fill_a_level_and_names_have_none,
          one_of_the_granted_filters_is_enough)
