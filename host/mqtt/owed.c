/* SPDX-License-Identifier: Apache-2.0 */
#include "host/mqtt/owed.h"

void owed_ask(struct owed *owed, enum owed_kind kind, uint64_t now_usec)
{
        if (owed->kinds[kind].n++ == 0)
                owed->kinds[kind].since_usec = now_usec;
}

void owed_answer(struct owed *owed, enum owed_kind kind, uint64_t now_usec)
{
        /* An answer to what nobody asked is the server's fault, and no reason to fall below none. */
        if (owed->kinds[kind].n > 0)
                owed->kinds[kind].n--;
        owed->kinds[kind].since_usec = now_usec;
}

uint64_t owed_deadline(const struct owed *owed, enum owed_kind kind, uint64_t limit_usec)
{
        return owed->kinds[kind].n ? owed->kinds[kind].since_usec + limit_usec : UINT64_MAX;
}
