/* SPDX-License-Identifier: Apache-2.0
 *
 * owed - the answers that the server owes, and how long it has given none
 *
 * A server may keep a link alive and answer its pings, and yet acknowledge nothing: it is stuck, or
 * something between it and us only pretends.  The keep-alive does not notice.  So for each kind of
 * answer there is the time since which one is missing; every answer begins it anew, because a server
 * that is slow is at work.
 *
 * Pure: the caller brings the time. */
#pragma once

#include <stdint.h>

enum owed_kind { OWED_PUBACK = 0,
                 OWED_SUBACK,
                 OWED_UNSUBACK,
                 OWED_KINDS };

/* All zero: nothing is owed. */
struct owed {
        struct {
                unsigned n;
                uint64_t since_usec;
        } kinds[OWED_KINDS];
};

void owed_ask(struct owed *owed, enum owed_kind kind, uint64_t now_usec);
void owed_answer(struct owed *owed, enum owed_kind kind, uint64_t now_usec);
/* When this kind has been missing for so long; UINT64_MAX: none is. */
uint64_t owed_deadline(const struct owed *owed, enum owed_kind kind, uint64_t limit_usec);
