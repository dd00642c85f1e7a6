/* SPDX-License-Identifier: Apache-2.0
 *
 * check - the report of `update-brokerd --check-config` */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct confd;
struct domains;
struct settings;

struct check {
        const struct settings *settings;
        const struct domains *domains;
        const struct confd *confd;
};

/* Writes the settings, each domain, and each registration with its state, all with the place that
 * each value comes from, and then the problems.  Passwords are not shown.
 * 0; -ENOMEM.  Write errors stay with the stream. */
int check_print(const struct check *check, FILE *f);

/* The same for machines, as one JSON object:
 * {"configuration":{"file","effective":{},"origins":{POINTER:ORIGIN}},
 * "domains":[{"id","agent","prefix","readTimeout","rebootRequired"}],
 * "registrations":[{"id","role","state","message","effective":{},"origins":{POINTER:{"file","line",
 * "column"}}}],"problems":[{"level":"error|warning","id","file","line","column","path","text"}]}.
 * An ORIGIN is {"source":"default|file|environment|option","file","line","column","name"}.
 * Members that there are not are left out. */
int check_print_json(const struct check *check, FILE *f);

/* False when there is an error. */
bool check_passed(const struct check *check);
