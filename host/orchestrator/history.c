/* SPDX-License-Identifier: Apache-2.0 */
#include "host/orchestrator/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/util/cleanup.h"

static void result_done(struct result *result)
{
        free(result->activity);
        free(result->message);
        *result = (struct result){ .activity = NULL };
}

void history_done(struct history *history)
{
        while (history->n > 0)
                result_done(&history->results[--history->n]);
        free(history->text);
        history->text = NULL;
}

int history_add(struct history *history, const char *activity, enum status status,
                const char *message)
{
        CLEANUP_FREE char *activity_copy = strdup(activity);
        CLEANUP_FREE char *message_copy = strdup(message ? message : "");

        if (!activity_copy || !message_copy)
                return -ENOMEM;
        free(history->text);
        history->text = NULL;
        if (history->n == HISTORY_MAX) {
                result_done(&history->results[0]);
                memmove(&history->results[0], &history->results[1],
                        (HISTORY_MAX - 1) * sizeof(history->results[0]));
                history->n--;
        }
        history->results[history->n++] = (struct result){
                .activity = TAKE_PTR(activity_copy),
                .status = status,
                .message = TAKE_PTR(message_copy),
        };
        return 0;
}

const struct result *history_find(const struct history *history, const char *activity)
{
        size_t i;

        for (i = history->n; i > 0; i--)
                if (strcmp(history->results[i - 1].activity, activity) == 0)
                        return &history->results[i - 1];
        return NULL;
}

bool history_touch(struct history *history, const char *activity)
{
        struct result *last = history->results + history->n - 1;
        struct result *found = (struct result *)history_find(history, activity); /* ours */
        struct result moved;

        if (!found || found == last)
                return false;
        moved = *found;
        memmove(found, found + 1, (size_t)(last - found) * sizeof(*found));
        *last = moved;
        free(history->text);
        history->text = NULL;
        return true;
}
