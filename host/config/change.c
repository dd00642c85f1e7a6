/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/change.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/confd.h"
#include "host/json/json.h"

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_topics(char *const *a, char *const *b)
{
        size_t i;

        if (!a || !b)
                return a == b;
        for (i = 0; a[i] && b[i]; i++) {
                if (strcmp(a[i], b[i]) != 0)
                        return false;
        }
        return a[i] == b[i]; /* both ended */
}

static bool same_limits(const struct registration_limits *a, const struct registration_limits *b)
{
        return a->memory_bytes == b->memory_bytes && a->open_files == b->open_files &&
               a->processes == b->processes && a->cpu_sec == b->cpu_sec;
}

/* Everything that a running instance cannot change. */
static bool same_frame(const struct registration *a, const struct registration *b)
{
        return a->role == b->role && same_text(a->plugin, b->plugin) &&
               same_text(a->domain, b->domain) && a->isolated == b->isolated &&
               a->seccomp == b->seccomp && a->services == b->services &&
               same_topics(a->topics, b->topics) && same_text(a->user, b->user) &&
               same_limits(&a->limits, &b->limits);
}

/* Compared as values: the order in which an administrator writes members changes nothing. */
static bool same_settings(const struct registration *a, const struct registration *b)
{
        const struct json *x = json_get_member(a->effective, "settings");
        const struct json *y = json_get_member(b->effective, "settings");

        return x && y ? json_equal(x, y) : same_text(a->settings, b->settings);
}

static enum change_action decide(const struct registration *before,
                                 const struct registration *after)
{
        bool ran = before && before->state == REGISTRATION_STATE_ENABLED;
        bool runs = after && after->state == REGISTRATION_STATE_ENABLED;

        if (!ran)
                return runs ? CHANGE_ACTION_START : CHANGE_ACTION_LEAVE;
        if (!runs)
                return CHANGE_ACTION_STOP;
        if (!same_frame(before, after))
                return CHANGE_ACTION_RESTART;
        return same_settings(before, after) ? CHANGE_ACTION_LEAVE : CHANGE_ACTION_RELOAD;
}

int change_compute(const struct confd *before, const struct confd *after, struct change **ret,
                   size_t *ret_n)
{
        size_t n_before = before ? before->n_registrations : 0;
        struct change *changes;
        size_t n = 0;
        size_t i = 0;
        size_t j = 0;

        assert(after && ret && ret_n);

        /* One more than can be needed: calloc of nothing may be NULL. */
        changes = calloc(n_before + after->n_registrations + 1, sizeof(*changes));
        if (!changes)
                return -ENOMEM;
        /* Both are sorted by id, so walking them side by side meets each id once. */
        while (i < n_before || j < after->n_registrations) {
                const struct registration *a = i < n_before ? before->registrations[i] : NULL;
                const struct registration *b =
                        j < after->n_registrations ? after->registrations[j] : NULL;
                int order = !a ? 1 : !b ? -1 : strcmp(a->id, b->id);

                changes[n].before = order <= 0 ? a : NULL;
                changes[n].after = order >= 0 ? b : NULL;
                changes[n].action = decide(changes[n].before, changes[n].after);
                n++;
                i += order <= 0;
                j += order >= 0;
        }
        *ret = changes;
        *ret_n = n;
        return 0;
}

const char *change_action_to_string(enum change_action action)
{
        switch (action) {
        case CHANGE_ACTION_LEAVE:
                return "leave";
        case CHANGE_ACTION_START:
                return "start";
        case CHANGE_ACTION_STOP:
                return "stop";
        case CHANGE_ACTION_RELOAD:
                return "reload";
        case CHANGE_ACTION_RESTART:
                return "restart";
        }
        return "?";
}
