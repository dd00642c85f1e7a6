/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/topics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>


static const struct {
        const char *suffix;
        int qos;
        bool retained;
} rules[TOPICS_KINDS] = {
        [TOPICS_DESIRED_STATE] = { "desiredstate", 1, false },
        [TOPICS_COMMAND] = { "desiredstate/command", 1, false },
        [TOPICS_CURRENT_STATE_GET] = { "currentstate/get", 1, false },
        [TOPICS_FEEDBACK] = { "desiredstatefeedback", 1, false },
        [TOPICS_CURRENT_STATE] = { "currentstate", 1, true },
        [TOPICS_OWNER_CONSENT] = { "ownerconsent", 1, false },
        [TOPICS_OWNER_CONSENT_FEEDBACK] = { "ownerconsentfeedback", 1, false },
};

int topics_make(enum topics_kind kind, const char *domain, char ret[static TOPICS_SIZE])
{
        char prefix[PREFIX_SIZE];
        int r;

        r = prefix_make(domain, prefix);
        if (r < 0)
                return r;
        (void)snprintf(ret, TOPICS_SIZE, "%s/%s", prefix,
                       rules[kind].suffix); /* fits, by its size */
        return 0;
}

int topics_qos(enum topics_kind kind)
{
        return rules[kind].qos;
}

bool topics_is_retained(enum topics_kind kind)
{
        return rules[kind].retained;
}

/* A domain may contain slashes, so the prefix is taken off first and the rest must be a suffix
 * whole. */
static int find_kind(const char *suffix, enum topics_kind *ret)
{
        for (size_t i = 0; i < TOPICS_KINDS; i++)
                if (strcmp(suffix, rules[i].suffix) == 0) {
                        *ret = (enum topics_kind)i;
                        return 0;
                }
        return -ENOENT;
}

int topics_parse(const char *topic, const char *const *domains, size_t n_domains,
                 enum topics_kind *ret_kind, size_t *ret_domain)
{
        for (size_t i = 0; i < n_domains; i++) {
                char prefix[PREFIX_SIZE];
                size_t length;

                if (prefix_make(domains[i], prefix) < 0)
                        continue;
                length = strlen(prefix);
                if (strncmp(topic, prefix, length) != 0 || topic[length] != '/')
                        continue;
                if (find_kind(topic + length + 1, ret_kind) < 0)
                        continue;
                *ret_domain = i;
                return 0;
        }
        return -ENOENT;
}

/* ---------------------------------------------------------------------------------- things mode */

static int copy_level(const char *from, size_t length, size_t max, char *ret)
{
        if (length > max)
                return -E2BIG;
        memcpy(ret, from, length);
        ret[length] = '\0';
        return 0;
}

int topics_parse_thing_command(const char *topic, struct topics_thing_command *ret)
{
        static const char before[] = "command//";
        static const char between[] = "/req/";
        struct topics_thing_command command = { .request = "" };
        const char *request;
        const char *thing;
        const char *end;
        int r;

        if (strncmp(topic, before, strlen(before)) != 0)
                return -ENOENT;
        thing = topic + strlen(before);
        end = strchr(thing, '/');
        if (!end || strncmp(end, between, strlen(between)) != 0)
                return -ENOENT;
        r = copy_level(thing, (size_t)(end - thing), TOPICS_THING_MAX, command.thing);
        if (r < 0)
                return r;
        /* Kanto's own library takes an id of one level, with a subject of one level behind it, and
         * any other for none. */
        request = end + strlen(between);
        end = strchr(request, '/');
        if (end && end[1] && !strchr(end + 1, '/'))
                r = copy_level(request, (size_t)(end - request), TOPICS_REQUEST_MAX,
                               command.request);
        if (r < 0)
                return r;
        *ret = command;
        return 0;
}

void topics_make_thing_reply(const struct topics_thing_command *command, int status,
                             char ret[static TOPICS_THING_REPLY_SIZE])
{
        (void)snprintf(ret, TOPICS_THING_REPLY_SIZE, "command//%s/res/%s/%d", command->thing,
                       command->request, status); /* fits, by its size */
}
