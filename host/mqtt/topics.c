/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/topics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/utf8.h"

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

static const char ENDING[] = "update";

int topics_prefix(const char *domain, char ret[static TOPICS_PREFIX_SIZE])
{
        size_t length = strnlen(domain, TOPICS_DOMAIN_MAX + 1);
        char prefix[TOPICS_PREFIX_SIZE];
        size_t n = 0;

        if (length > TOPICS_DOMAIN_MAX)
                return -E2BIG;
        if (!utf8_is_line(domain, length) || strpbrk(domain, "+#") || domain[0] == '$')
                return -EINVAL;
        for (size_t i = 0; i < length; i++)
                if (domain[i] != '-')
                        prefix[n++] = domain[i];
        if (n > 0 && prefix[0] == '$') /* "-$SYS" */
                return -EINVAL;

        /* Case counts: "myUpdate" becomes "myUpdateupdate". */
        if (n < strlen(ENDING) ||
            memcmp(prefix + n - strlen(ENDING), ENDING, strlen(ENDING)) != 0) {
                memcpy(prefix + n, ENDING, strlen(ENDING));
                n += strlen(ENDING);
        }
        memcpy(ret, prefix, n);
        ret[n] = '\0';
        return 0;
}

int topics_make(enum topics_kind kind, const char *domain, char ret[static TOPICS_SIZE])
{
        char prefix[TOPICS_PREFIX_SIZE];
        int r;

        r = topics_prefix(domain, prefix);
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
                char prefix[TOPICS_PREFIX_SIZE];
                size_t length;

                if (topics_prefix(domains[i], prefix) < 0)
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

/* ------------------------------------------------------------------------------------ checking */

struct claim {
        const char *domain; /* borrowed */
        char prefix[TOPICS_PREFIX_SIZE];
};

static int claim_make(const char *domain, struct claim *ret, struct diag *diag)
{
        int r = topics_prefix(domain, ret->prefix);

        ret->domain = domain;
        if (r == -E2BIG)
                return diag_set(diag, r, "domain %.40s...: longer than %d bytes", domain,
                                TOPICS_DOMAIN_MAX);
        if (r < 0)
                return diag_set(
                        diag, r,
                        "domain %s: cannot be part of an MQTT topic, because it contains '+', "
                        "'#' or a control character or begins with '$'",
                        domain);
        return 0;
}

static int claim_compare(const void *a, const void *b)
{
        return strcmp(((const struct claim *)a)->prefix, ((const struct claim *)b)->prefix);
}

int topics_check(const char *manager, const char *const *domains, size_t n_domains,
                 struct diag *diag)
{
        CLEANUP_FREE struct claim *claims = calloc(n_domains + 1, sizeof(*claims));
        int r;

        if (!claims)
                return -ENOMEM;
        r = claim_make(manager, &claims[0], diag);
        for (size_t i = 0; r >= 0 && i < n_domains; i++)
                r = claim_make(domains[i], &claims[i + 1], diag);
        if (r < 0)
                return r;

        qsort(claims, n_domains + 1, sizeof(*claims), claim_compare);
        for (size_t i = 0; i < n_domains; i++)
                if (claim_compare(&claims[i], &claims[i + 1]) == 0)
                        return diag_set(diag, -EEXIST,
                                        "domains \"%s\" and \"%s\" share the topics %s/...: "
                                        "rename one of them",
                                        claims[i].domain, claims[i + 1].domain, claims[i].prefix);
        return 0;
}
