/* SPDX-License-Identifier: Apache-2.0
 *
 * check - the report of `update-brokerd --check-config` */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct confd;

/* Writes each registration with its state, its members and the file that each of them comes from,
 * and then the problems.  0; -ENOMEM.  Write errors stay with the stream. */
int check_print(const struct confd *confd, FILE *f);

/* The same for machines, as one JSON object:
 * {"registrations":[{"id","role","state","message","effective":{},"origins":{POINTER:{"file",
 * "line","column"}}}],"problems":[{"level":"error|warning","id","file","line","column","path","text"}]}.
 * Members that there are not are left out. */
int check_print_json(const struct confd *confd, FILE *f);

/* False when there is an error. */
bool check_passed(const struct confd *confd);
