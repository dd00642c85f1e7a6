/* SPDX-License-Identifier: Apache-2.0
 *
 * inquiry - the current state of a remote agent
 *
 * A question of the host goes to the agent under the host's id, and is answered with the report
 * that carries this id; after readTimeout with the last report, whatever it was for; and when there
 * never was one with an empty inventory, which a log line tells apart from a device with nothing on
 * it.
 *
 * Any other report, be it late, without an id, "initial-current-state-..." from an agent that has
 * just started, or retained by the server, is a change that the agent tells of by itself.  The time
 * in a report is not looked at: reports of one agent arrive in their order, and clocks of devices
 * are set back, or count seconds.
 *
 * An agent that is in an activity is not asked: Leda's forgets its desired state over the question,
 * or answers minutes later.  The host then gets the last report.  It may ask once CLEANUP was sent,
 * under the activity's id, as it does at the end. */
#include "plugins/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/log.h>

#include "plugins/remote/message.h"

static int answer(struct remote *remote, const char *activity)
{
        if (!remote->inventory)
                ub_warning(remote->host, "the agent has never reported its current state");
        return ub_current_state(remote->host, activity,
                                remote->inventory ? remote->inventory : "{}");
}

static void send_get(struct remote *remote, const char *id)
{
        int r = remote_send(remote, "currentstate/get", id, "null", NULL);

        if (r < 0)
                ub_warning(remote->host, "cannot ask for the current state: %s", strerror(-r));
}

static void close_question(struct question *q)
{
        ub_source_drop(q->remote->host, &q->timer);
        *q = (struct question){ .sent = false };
}

static void on_read_timeout(void *data)
{
        struct question *q = data;
        struct remote *remote = q->remote;
        char activity[UB_MAX_ID + 1];
        char time[32];

        q->timer = NULL;
        memcpy(activity, q->activity, sizeof(activity));
        close_question(q);
        ub_notice(remote->host, "no current state from the agent within %s%s",
                  remote_time_text(remote->settings.read_usec, time),
                  remote->inventory ? ", the last one stands" : "");
        (void)answer(remote, activity); /* the host says what it does not like */
}

static struct question *find_question(struct remote *remote, const char *activity)
{
        size_t i;

        for (i = 0; i < QUESTIONS_MAX; i++)
                if (strcmp(remote->questions[i].activity, activity) == 0)
                        return &remote->questions[i];
        return NULL;
}

int inquiry_ask(struct remote *remote, const char *activity)
{
        struct question *q = find_question(remote, "");
        int r;

        /* An id that is empty cannot be told from none, and two of the same not from each other. */
        if (!*activity || !q || find_question(remote, activity) || strlen(activity) > UB_MAX_ID ||
            remote->settings.read_usec == 0 || !activity_allows_question(remote, activity))
                return answer(remote, activity);

        q->remote = remote;
        r = ub_timer(remote->host, remote->settings.read_usec, on_read_timeout, q, &q->timer);
        if (r < 0) {
                *q = (struct question){ .sent = false };
                return r;
        }
        memcpy(q->activity, activity, strlen(activity) + 1);
        q->sent = remote->connected; /* otherwise inquiry_connected() sends it */
        if (q->sent)
                send_get(remote, activity);
        return 0;
}

void inquiry_connected(struct remote *remote)
{
        char id[UB_MAX_ID + 1];
        bool asked = false;
        size_t i;

        for (i = 0; i < QUESTIONS_MAX; i++) {
                struct question *q = &remote->questions[i];

                if (!*q->activity || q->sent || !activity_allows_question(remote, q->activity))
                        continue;
                q->sent = true;
                asked = true;
                send_get(remote, q->activity);
        }
        if (asked || !activity_allows_question(remote, ""))
                return;
        remote_make_id(INITIAL_STATE, id, sizeof(id));
        send_get(remote, id);
}

void inquiry_stop(struct remote *remote)
{
        size_t i;

        for (i = 0; i < QUESTIONS_MAX; i++)
                if (*remote->questions[i].activity)
                        close_question(&remote->questions[i]);
}

/* Keeps the report.  1: it says something new.  0: the same as before. */
static int remember(struct remote *remote, const struct ub_json *payload)
{
        char *text;
        bool same;
        int r;

        r = message_copy(payload, &text);
        if (r < 0)
                return r;
        same = remote->inventory && strcmp(remote->inventory, text) == 0;
        free(remote->inventory);
        remote->inventory = text;
        return !same;
}

void inquiry_take(struct remote *remote, const char *data, size_t length, bool retained)
{
        struct ub_error error = UB_ERROR_INIT;
        struct message message;
        struct question *q = NULL;
        bool asked = false;
        int r;

        if (length == 0)
                return; /* how a retained message is taken away */
        r = message_read(data, length, &error, &message);
        if (!retained)
                activity_hear_state(remote, r < 0 ? "" : message.activity);
        if (r < 0) {
                ub_warning(remote->host, "a current state of the agent is lost: %s", error.text);
                return;
        }
        r = remember(remote, message.payload);
        if (r >= 0 && !retained && *message.activity) {
                q = find_question(remote, message.activity);
                asked = activity_take_state(remote, message.activity);
        }
        if (q)
                close_question(q);
        if (r < 0)
                ub_warning(remote->host, "a current state of the agent is lost: %s", strerror(-r));
        else if (q)
                (void)answer(remote, message.activity); /* the host says what it does not like */
        else if (r > 0 || asked)
                (void)answer(remote, ""); /* likewise */
        message_done(&message);
}
