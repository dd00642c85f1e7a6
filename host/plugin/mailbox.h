/* SPDX-License-Identifier: Apache-2.0
 *
 * mailbox - what other threads of a plugin have for the loop
 *
 * A plugin's threads may log and wake, and they will also do what they may not.  All of it goes
 * through here to the loop thread, so that events come from there only.  The box holds MAILBOX_MAX
 * letters; what comes while it is full is counted and dropped. */
#pragma once

#include <stdbool.h>

#include "host/plugin/abi.h"

enum { MAILBOX_MAX = 256 };

struct mailbox;

enum letter_kind {
        LETTER_LOG = 1,
        LETTER_THREAD, /* text: the host function that was called from a wrong thread */
};

struct letter {
        struct letter *next;
        enum letter_kind kind;
        int level;
        int line;
        const char *file; /* never NULL */
        const char *func; /* never NULL */
        char *text;
        char bytes[]; /* what the three point to */
};

int mailbox_new(struct mailbox **ret);
/* When no thread of the plugin can be left.  Takes NULL. */
struct mailbox *mailbox_free(struct mailbox *box);

/* Becomes readable when there is something to take. */
int mailbox_fd(const struct mailbox *box);

/* Any thread, or a signal handler. */
void mailbox_wake(struct mailbox *box);
/* Any thread; file and func are cut at 255 bytes, text at UB_MAX_LOG.  No memory: dropped. */
void mailbox_post(struct mailbox *box, enum letter_kind kind, const struct ub_log *record);

/* Takes nothing more and wakes nobody, for ever; the descriptor stays open, because a thread may be
 * about to write to it. */
void mailbox_close(struct mailbox *box);

/* Loop thread: empties the box.  *ret_letters: a list, the oldest first, each to be free()d;
 * *ret_dropped:  how many did not fit since the last time.  True: somebody called
 * mailbox_wake(). */
bool mailbox_take(struct mailbox *box, struct letter **ret_letters, unsigned *ret_dropped);
