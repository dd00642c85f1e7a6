/* SPDX-License-Identifier: Apache-2.0
 *
 * Terminal feedback on its way: it stays in the record until somebody has it for certain
 * (EVENT_DELIVERED), and each run sends what it finds there once.  So neither a crash nor power
 * loss while the server is away can swallow the end of an activity.
 *
 * Nothing waits for the acknowledgement: the next activity runs meanwhile, and what is not
 * acknowledged adds up.  The limits are for a server that stays away for months; who does not fit
 * loses its place in the record, not its feedback, which the present run has sent already and whose
 * outcome the history keeps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/orchestrator/state.h"

enum {
        OUTGOING_MAX = 64,
        OUTGOING_BYTES_MAX = 4 * 1024 * 1024, /* a record has to hold it, JOURNAL_RECORD_MAX */
};

static size_t size_of(const struct outgoing *item)
{
        return strlen(item->activity) + strlen(item->text);
}

static void drop(struct orchestrator *o, size_t i)
{
        free(o->outgoing[i].activity);
        free(o->outgoing[i].text);
        o->n_outgoing--;
        memmove(o->outgoing + i, o->outgoing + i + 1,
                (o->n_outgoing - i) * sizeof(*o->outgoing));
        o->dirty = true;
}

void outgoing_done(struct orchestrator *o)
{
        while (o->n_outgoing > 0)
                drop(o, o->n_outgoing - 1);
        free(o->outgoing);
        o->outgoing = NULL;
}

/* The oldest go first; one that is larger than the limit by itself is still kept. */
static void make_room(struct orchestrator *o, size_t bytes)
{
        size_t i;

        for (i = 0; i < o->n_outgoing; i++)
                bytes += size_of(&o->outgoing[i]);
        while (o->n_outgoing > 0 &&
               (o->n_outgoing >= OUTGOING_MAX || bytes > OUTGOING_BYTES_MAX)) {
                orchestrator_log(o, 3, NULL,
                                 "the end of activity %s has not been acknowledged, nor have %zu "
                                 "later ones: a restart will not send it again",
                                 o->outgoing[0].activity, o->n_outgoing - 1);
                bytes -= size_of(&o->outgoing[0]);
                drop(o, 0);
        }
}

int outgoing_put(struct orchestrator *o, const char *activity, const char *text)
{
        struct outgoing *outgoing;
        struct outgoing item = { .activity = strdup(activity), .text = strdup(text) };

        outgoing = reallocarray(o->outgoing, o->n_outgoing + 1, sizeof(*outgoing));
        if (outgoing)
                o->outgoing = outgoing;
        if (!outgoing || !item.activity || !item.text) {
                free(item.activity);
                free(item.text);
                return -ENOMEM;
        }
        o->outgoing[o->n_outgoing++] = item;
        return 0;
}

void outgoing_add(struct orchestrator *o, const char *activity, const char *text)
{
        if (!text) {
                orchestrator_fail(o);
                return;
        }
        make_room(o, strlen(activity) + strlen(text));
        orchestrator_check(o, outgoing_put(o, activity, text));
        o->dirty = true;
}

void outgoing_send(struct orchestrator *o)
{
        size_t i;

        orchestrator_flush(o);
        for (i = 0; i < o->n_outgoing; i++) {
                if (o->outgoing[i].sent)
                        continue;
                o->outgoing[i].sent = true;
                effects_add(o->effects, &(struct effect){
                                                .kind = EFFECT_FEEDBACK,
                                                .activity = o->outgoing[i].activity,
                                                .text = o->outgoing[i].text,
                                                .terminal = true,
                                        });
        }
}

void outgoing_delivered(struct orchestrator *o, const char *activity)
{
        size_t i;

        for (i = 0; i < o->n_outgoing; i++)
                if (o->outgoing[i].sent && strcmp(o->outgoing[i].activity, activity) == 0) {
                        drop(o, i);
                        orchestrator_flush(o); /* or the next run sends it again */
                        return;
                }
}
