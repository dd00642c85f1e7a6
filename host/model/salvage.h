/* SPDX-License-Identifier: Apache-2.0
 *
 * salvage - what can be made out of a message that is no JSON, or too much of it
 *
 * Whoever sent it is to be told what is wrong under the id that he knows.  Only the beginning is
 * looked at, where writers put what a message is about: so the work does not grow with the fault.
 * It is not checked as a whole; what is found has to be read like anything else that comes in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct salvage {
        const char *text;
        size_t length;
        bool cut; /* the beginning ends before it does */
};

/* The beginning of a text. */
struct salvage salvage_begin(const char *text, size_t length);

/* The value of a member of this object, whose name may be written in capitals, too.  False: it is
 * not there, or not in the beginning. */
bool salvage_member(const struct salvage *object, const char *key, struct salvage *ret);

/* The same for a string; decodes it.  "": there is none, or none that buf can take. */
void salvage_string(const struct salvage *object, const char *key, char *buf, size_t size);
