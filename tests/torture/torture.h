/* SPDX-License-Identifier: Apache-2.0
 *
 * torture - what becomes of a function when the n-th allocation fails
 *
 *     static int parse(void) { ...; return r; }
 *     ck_assert_msg(torture("parse", parse, why, sizeof(why)), "%s", why);
 *
 * Runs the function with the first allocation failing, then the second, and so on until none failed
 * any more.  Each time it must have said -ENOMEM, and nothing that it allocated may be left.
 *
 * The test is linked with -Wl,--wrap=malloc and its like, so allocations of our own objects go
 * through here; those inside libraries do not, except cJSON's, which has hooks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Runs `function` until it succeeds with no failed allocation.  It returns 0 or more on success and
 * has freed what it made when it returns.  False: a promise is broken, and why says which. */
bool torture(const char *name, int (*function)(void), char *why, size_t size);
