/* SPDX-License-Identifier: Apache-2.0 */
#include "host/util/topic.h"

#include <string.h>

#include "host/util/utf8.h"

/* A topic is a list of levels between slashes, of which any may be empty. */
struct level {
        const char *text;
        size_t length;
};

static struct level level_first(const char *topic)
{
        return (struct level){ .text = topic, .length = strcspn(topic, "/") };
}

/* False at the end; *level is then untouched. */
static bool level_next(struct level *level)
{
        const char *end = level->text + level->length;

        if (*end == '\0')
                return false;
        *level = level_first(end + 1);
        return true;
}

static bool level_is(const struct level *level, char wildcard)
{
        return level->length == 1 && level->text[0] == wildcard;
}

static bool level_equals(const struct level *a, const struct level *b)
{
        return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool is_text(const char *topic)
{
        size_t length = strnlen(topic, TOPIC_MAX + 1);

        return length > 0 && length <= TOPIC_MAX && utf8_is_valid(topic, length);
}

bool topic_is_name(const char *topic)
{
        return is_text(topic) && !strpbrk(topic, "+#");
}

bool topic_is_filter(const char *filter)
{
        struct level level;

        if (!is_text(filter))
                return false;

        level = level_first(filter);
        do {
                bool multi = memchr(level.text, '#', level.length) != NULL;
                bool single = memchr(level.text, '+', level.length) != NULL;

                if ((multi || single) && level.length != 1)
                        return false;
                if (multi && level.text[1] != '\0')
                        return false;
        } while (level_next(&level));
        return true;
}

bool topic_filter_covers(const char *granted, const char *asked)
{
        struct level g = level_first(granted);
        struct level a = level_first(asked);

        if (asked[0] == '$' && (level_is(&g, '+') || level_is(&g, '#')))
                return false;

        for (;;) {
                bool more_g;
                bool more_a;

                if (level_is(&g, '#'))
                        return true;
                if (level_is(&a, '#'))
                        return false;
                if (!level_is(&g, '+') && !level_equals(&g, &a))
                        return false;

                more_g = level_next(&g);
                more_a = level_next(&a);
                if (!more_a)
                        /* "a/#" matches "a", its parent level, as well. */
                        return !more_g || level_is(&g, '#');
                if (!more_g)
                        return false;
        }
}

bool topic_is_granted(const char *const *granted, const char *asked)
{
        for (; granted && *granted; granted++)
                if (topic_filter_covers(*granted, asked))
                        return true;
        return false;
}
