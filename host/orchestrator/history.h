/* SPDX-License-Identifier: Apache-2.0
 *
 * history - what became of the last activities, so that an id that comes again is answered and not
 * run
 *
 * A retained desired state comes again at every connect.  So what is forgotten is not the result
 * that came first but the one that was asked for least recently: a retained one would otherwise run
 * again behind HISTORY_MAX others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/model/status.h"

enum { HISTORY_MAX = 32 };

struct result {
        char *activity;
        enum status status;
        char *message; /* "" when there is none */
};

struct history {
        struct result results[HISTORY_MAX]; /* the one to be forgotten first */
        size_t n;
        char *text; /* record.c: all of it as JSON; NULL: not since the last change */
};

void history_done(struct history *history);
/* -ENOMEM: nothing changed. */
int history_add(struct history *history, const char *activity, enum status status,
                const char *message);
/* Makes a result the youngest one, since somebody still asks for it.  True: the order is another;
 * results that history_find() returned are no longer valid. */
bool history_touch(struct history *history, const char *activity);
/* NULL: not among the last HISTORY_MAX. */
const struct result *history_find(const struct history *history, const char *activity);
