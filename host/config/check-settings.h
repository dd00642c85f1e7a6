/* SPDX-License-Identifier: Apache-2.0
 *
 * check-settings - the part of check.h's report that is about config.json and the domains */
#pragma once

#include <stdio.h>

struct check;
struct json;

enum { CHECK_COLUMN = 48 }; /* where origins begin, when the values are not longer */

/* For people.  0; -ENOMEM. */
int check_settings_print(const struct check *check, FILE *f);
/* Adds "configuration" and "domains" to the report.  0; -ENOMEM. */
int check_settings_to_json(const struct check *check, struct json *report);
