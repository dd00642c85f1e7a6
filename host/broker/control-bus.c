/* SPDX-License-Identifier: Apache-2.0
 *
 * The system bus carries messages of everybody, so each call is first followed by a question to the
 * bus about its sender.  The question is asynchronous (sd_bus_query_sender_creds() would wait for
 * the answer); since the answers come in the order of the questions, the calls keep theirs.
 *
 * Signals go to subscribers one by one: a broadcast would be seen by those who may not look.
 *
 * A bus that is not there, or is lost, is waited for: sd-bus watches the folder of its socket, so
 * that a system without one costs nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/broker/control-internal.h"
#include "host/log/log.h"
#include "host/util/diag.h"
#include "host/util/time.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

enum { QUESTIONS_MAX = 64 };

/* A bus that is restarted is back at once; one that comes and goes is not worth more. */
#define BUS_DELAY_MIN_USEC (250 * USEC_PER_MSEC)
#define BUS_DELAY_MAX_USEC (1 * USEC_PER_MINUTE)

struct control_subscriber {
        struct control *control; /* borrowed, outlives us */
        struct control_subscriber *next;
        sd_bus_slot *watch; /* for when the name has no owner any more */
        char *name;
};

/* Ends with its answer, or with the bus.  Not a floating slot: the message holds the bus, which
 * would hold the slot, which holds us. */
struct control_question {
        struct control_question *next;
        struct control_peer *peer; /* borrowed, outlives us */
        sd_bus_slot *slot;
        sd_bus_message *m;
};

/* --------------------------------------------------------------------------------- subscribers */

static struct control_subscriber *subscriber_free(struct control_subscriber *subscriber)
{
        if (!subscriber)
                return NULL;
        (void)sd_bus_slot_unref(subscriber->watch);
        free(subscriber->name);
        free(subscriber);
        return NULL;
}
DEFINE_FREEP(struct control_subscriber, subscriber);

/* Returns whether there was such a one. */
static bool unsubscribe(struct control *control, const char *name)
{
        struct control_subscriber **link = &control->subscribers;

        while (*link && strcmp((*link)->name, name) != 0)
                link = &(*link)->next;
        if (*link) {
                struct control_subscriber *found = *link;

                *link = found->next;
                (void)subscriber_free(found);
                return true;
        }
        return false;
}

static int on_owner_changed(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct control *control = data;
        const char *name;
        const char *before;
        const char *after;

        (void)error;
        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && !*after)
                (void)unsubscribe(control, name); /* one that is gone already is fine */
        return 0;
}

/* A subscriber that vanished before it was watched stays until it is the oldest of too many. */
static void drop_oldest(struct control *control)
{
        struct control_subscriber **link = &control->subscribers;
        size_t n;

        for (n = 0; *link && n < CONTROL_SUBSCRIBERS_MAX - 1; n++)
                link = &(*link)->next;
        while (*link) {
                struct control_subscriber *found = *link;

                *link = found->next;
                (void)subscriber_free(found);
        }
}

static int subscribe(struct control_peer *peer, const char *name)
{
        CLEANUP(subscriber_freep) struct control_subscriber *s = calloc(1, sizeof(*s));
        char match[512];
        int r;

        if (!s)
                return -ENOMEM;
        s->control = peer->control;
        s->name = strdup(name);
        if (!s->name)
                return -ENOMEM;
        (void)snprintf(match, sizeof(match), /* a unique name is at most 255 bytes */
                       "type='signal',sender='" BUS_NAME "',path='" BUS_PATH
                       "',interface='" BUS_NAME "',member='NameOwnerChanged',arg0='%s'",
                       name);
        r = sd_bus_add_match_async(peer->bus, &s->watch, match, on_owner_changed, NULL,
                                   peer->control);
        if (r < 0)
                return r;
        drop_oldest(peer->control);
        s->next = peer->control->subscribers;
        peer->control->subscribers = TAKE_PTR(s);
        return 0;
}

int control_bus_subscribe(struct control_peer *peer, sd_bus_message *m, bool on, struct diag *diag)
{
        const char *sender = sd_bus_message_get_sender(m);
        int r = 0;

        if (!sender || strlen(sender) > 255)
                return diag_set(diag, -EINVAL, "the message has no sender");
        (void)unsubscribe(peer->control, sender); /* twice is once */
        if (on)
                r = subscribe(peer, sender);
        return r < 0 ? diag_set_errno(diag, r, "cannot subscribe") : 0;
}

void control_bus_signal(struct control *control, const char *member, const char *first,
                        const char *json)
{
        const struct control_subscriber *s;

        for (s = control->system_bus ? control->subscribers : NULL; s; s = s->next)
                if (control_peer_signal(control->system_bus, s->name, member, first, json) < 0)
                        log_debug(control->log, NULL, "control: no signal to %s", s->name);
}

/* ----------------------------------------------------------------------------------- questions */

static struct control_question *question_free(struct control_question *q)
{
        if (!q)
                return NULL;
        (void)sd_bus_slot_unref(q->slot);
        (void)sd_bus_message_unref(q->m);
        free(q);
        return NULL;
}
DEFINE_FREEP(struct control_question, question);

static void take_out(struct control_question *q)
{
        struct control *control = q->peer->control;
        struct control_question **link = &control->questions;

        while (*link != q)
                link = &(*link)->next;
        *link = q->next;
        control->n_questions--;
}

static int on_answer(sd_bus_message *reply, void *data, sd_bus_error *error)
{
        CLEANUP(question_freep) struct control_question *q = data;
        CLEANUP(control_user_done) struct control_user user = { .uid = (uid_t)-1 };
        int r;

        (void)error;
        take_out(q);
        r = -sd_bus_message_get_errno(reply);
        if (r == 0)
                r = control_user_of_message(reply, &user);
        if (r < 0)
                r = control_peer_refuse(q->peer, q->m, -EACCES,
                                        "the system bus does not say who you are");
        else
                r = control_call_run(q->peer, q->m, control_access_of(q->peer->control, &user));
        if (r < 0)
                log_debug(q->peer->control->log, NULL, "control: no answer: %s", strerror(-r));
        return 0;
}

int control_bus_ask(struct control_peer *peer, sd_bus_message *m)
{
        CLEANUP(question_freep) struct control_question *q = NULL;
        struct control *control = peer->control;
        const char *sender = sd_bus_message_get_sender(m);
        int r;

        if (!sender || control->n_questions >= QUESTIONS_MAX)
                return control_peer_refuse(peer, m, -ENOBUFS, "too many calls at a time");
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->peer = peer;
        q->m = sd_bus_message_ref(m);
        r = sd_bus_call_method_async(peer->bus, &q->slot, BUS_NAME, BUS_PATH, BUS_NAME,
                                     "GetConnectionCredentials", on_answer, q, "s", sender);
        if (r < 0)
                return r;
        q->next = control->questions;
        control->questions = TAKE_PTR(q);
        control->n_questions++;
        return 1;
}

/* -------------------------------------------------------------------------------------- the bus */

static int on_name(sd_bus_message *reply, void *data, sd_bus_error *error)
{
        struct control *control = data;
        const sd_bus_error *fault = sd_bus_message_get_error(reply);
        uint32_t result = 0;

        (void)error;
        if (fault)
                log_warn(control->log, NULL, "system bus: no name " CONTROL_NAME ": %s",
                         fault->message ? fault->message : fault->name);
        else if (sd_bus_message_read(reply, "u", &result) < 0 || result != 1)
                log_warn(control->log, NULL,
                         "system bus: another process has the name " CONTROL_NAME
                         ", which is ours when that lets go of it");
        else
                log_info(control->log, NULL, "system bus: serving " CONTROL_NAME);
        control->bus_opened_usec = time_now_usec();
        return 1;
}

/* watch: where nobody listens yet, wait until somebody does. */
static int open_bus(struct control *control, bool watch)
{
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address ? address : "unix:path=/run/dbus/system_bus_socket");
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_set_watch_bind(bus, watch);
        if (r < 0) {
                (void)sd_bus_unref(bus);
                return r;
        }
        r = control_peer_new(control, bus, true, &control->system_bus);
        if (r < 0)
                return r;
        r = sd_bus_request_name_async(control->system_bus->bus, NULL, CONTROL_NAME,
                                      SD_BUS_NAME_QUEUE, on_name,
                                      control);
        if (r < 0)
                control->system_bus = control_peer_free(control->system_bus);
        return r;
}

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
        struct control *control = data;
        int r;

        (void)source;
        (void)usec;
        control->bus_again = sd_event_source_unref(control->bus_again);
        r = open_bus(control, true);
        if (r < 0)
                control_bus_retry(control, strerror(-r));
        return 0;
}

void control_bus_open(struct control *control)
{
        int r;

        r = open_bus(control, false);
        if (r == -ENOENT || r == -ECONNREFUSED) {
                log_info(control->log, NULL, "there is no system bus: ubctl uses %s",
                         control->socket_path);
                r = open_bus(control, true);
        }
        if (r < 0)
                control_bus_retry(control, strerror(-r));
}

/* A bus that has been there for long is not what the delays are for. */
void control_bus_retry(struct control *control, const char *why)
{
        uint64_t now_usec = time_now_usec();
        uint64_t delay_usec = 2 * control->bus_delay_usec;

        if (delay_usec == 0 || now_usec - control->bus_opened_usec > BUS_DELAY_MAX_USEC)
                delay_usec = BUS_DELAY_MIN_USEC;
        if (delay_usec > BUS_DELAY_MAX_USEC)
                delay_usec = BUS_DELAY_MAX_USEC;
        control->bus_delay_usec = delay_usec;
        log_warn(control->log, NULL, "system bus: %s; it is opened again in %.1f s", why,
                 (double)delay_usec / (double)USEC_PER_SEC);
        control->bus_again = sd_event_source_disable_unref(control->bus_again);
        if (sd_event_add_time_relative(control->event, &control->bus_again, CLOCK_BOOTTIME,
                                       delay_usec, delay_usec / 10, on_again, control) < 0)
                log_error(control->log, NULL, "system bus: out of memory: it is given up");
}

void control_bus_close(struct control *control)
{
        while (control->subscribers) {
                struct control_subscriber *s = TAKE_PTR(control->subscribers);

                control->subscribers = s->next;
                (void)subscriber_free(s);
        }
        while (control->questions) {
                struct control_question *q = control->questions;

                take_out(q);
                (void)question_free(q);
        }
        control->system_bus = control_peer_free(control->system_bus);
        control->bus_again = sd_event_source_disable_unref(control->bus_again);
}
